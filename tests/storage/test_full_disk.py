"""A disk without room, for real: a limit on file sizes, and a file system of two megabytes."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from storage import DiskFull, Project, RunState, open_project
from storage.files import written_atomically

AddRun = Callable[..., int]

LIMITED = """
import resource, sys, time
import numpy as np
from storage import DiskFull, NewRun, open_project

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

def post(project, steps):
    for step in steps:
        project.series.append_many(run_id, [(f"m{m}", step, step, 0.0, 0.0, float(step)) for m in range(20)])

project = open_project(sys.argv[1], write=True)
run_id = project.runs.create(NewRun(name="a", agent="alm", environment="Ant-v5", seed=1, device="cpu",
    precision="float32", spec={}, content_hash="", total_steps=1))
saved = project.artifacts.save(run_id, "resume", 1, "resume-1", {"w": np.ones(100)}, {"replay_segments": []})
post(project, range(100))
project.writer.flush()

limit(300_000)
try:
    project.artifacts.save(run_id, "resume", 2, "resume-2", {"w": np.ones(100_000)}, {"replay_segments": []})
except DiskFull as error:
    print("artifact:", error)
print([artifact.name for artifact in project.artifacts.list(run_id)], project.artifacts.load(saved)[0]["w"].sum())
post(project, range(100, 700))
deadline = time.monotonic() + 20
while project.writer.fault is None and time.monotonic() < deadline:
    time.sleep(0.01)
print("fault:", type(project.writer.fault).__name__, project.writer.fault)
try:
    project.runs.set_note(run_id, "told")
except DiskFull:
    print("call refused")
post(project, range(700, 750))

if sys.argv[2] == "recover":
    limit(resource.RLIM_INFINITY)
    while project.writer.fault is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    print("fault:", project.writer.fault)
    project.close()
else:
    try:
        project.close()
    except DiskFull as error:
        print("closed:", error)
"""


@pytest.mark.parametrize("ending", ["recover", "give up"])
def test_a_refused_write_is_kept_and_written_once(folder: Path, run_program: Callable[..., str], ending: str) -> None:
    lines = run_program(LIMITED, folder, ending).splitlines()
    artifact, left, fault, refused, end = lines
    assert artifact.startswith("artifact: There was no room to save resume-2")
    assert left == "['resume-1'] 100.0"
    assert fault.startswith(f"fault: DiskFull The disk did not take the last changes of {folder}/project.db")
    assert refused == "call refused"
    with open_project(folder, write=True) as project:
        assert project.runs.get(1).note == ""
        assert [path.name for path in (folder / "files").rglob("*") if path.is_file()] == [
            Path(project.artifacts.list(1)[0].path).name
        ]
        steps = project.series.read(1, "m7").step.tolist()
        assert project.log.read(1, ["refused"]) == []
    if ending == "recover":
        assert end == "fault: None"
        assert steps == list(range(750))
    else:
        assert end.startswith("closed: ")
        assert "operations could not be saved" in end
        assert steps[:100] == list(range(100))
        assert steps == list(range(len(steps)))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes; only root can have one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a file system cannot be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        try:
            while stream.write(b"\0" * 4096):
                pass
        except OSError:
            return ballast
    raise AssertionError("the disk is not small")


def test_a_full_disk_holds_up_but_loses_nothing(small_disk: Path, add_run: AddRun) -> None:
    with open_project(small_disk / "project", write=True) as project:
        run_id = add_run(project, RunState.RUNNING)
        ballast = fill(small_disk)
        with pytest.raises(DiskFull, match="are needed to save resume-1"):
            project.artifacts.save(run_id, "resume", 1, "resume-1", {"w": np.ones(9)}, {"replay_segments": []})
        rows = [(f"m{m}", step, step, 0.0, 0.0, 1.0) for step in range(1000) for m in range(20)]
        project.series.append_many(run_id, rows)
        wait_for(lambda: project.writer.fault is not None)
        assert isinstance(project.writer.fault, DiskFull)
        with open_project(project.folder) as reader:
            assert reader.runs.get(run_id).status is RunState.RUNNING
            assert reader.series.metrics(run_id) == ()
        ballast.unlink()
        wait_for(lambda: project.writer.fault is None)
        for metric in project.series.metrics(run_id):
            assert project.series.read(run_id, metric).step.tolist() == list(range(1000))
        assert len(project.series.metrics(run_id)) == 20


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_project_cannot_be_made_on_a_full_disk_but_later_it_can(small_disk: Path) -> None:
    folder = small_disk / "project"
    folder.mkdir()
    ballast = fill(small_disk)
    with pytest.raises(DiskFull) as full:
        open_project(folder, write=True)
    assert str(folder) in full.value.what
    ballast.unlink()
    with open_project(folder, write=True) as project:
        assert isinstance(project, Project)


def test_a_file_that_does_not_fit_leaves_the_old_one(small_disk: Path) -> None:
    path = small_disk / "file"
    path.write_bytes(b"old")
    with pytest.raises(DiskFull, match="no room to write the file"), written_atomically(path, "write the file") as new:
        for _ in range(40):
            new.write(b"x" * 100_000)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in small_disk.iterdir()] == ["file"]
