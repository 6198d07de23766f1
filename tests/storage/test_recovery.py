"""After accidents: leftovers are swept, damage is put aside, and `doctor` finds words for every state."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from storage import Project, inspect, open_project, quarantine

AddRun = Callable[..., int]


def test_leftovers_are_swept_when_the_project_is_opened_for_writing(folder: Path, add_run: AddRun) -> None:
    with open_project(folder, write=True) as project:
        run_id = add_run(project)
        row = project.artifacts.save(run_id, "resume", 1, "r", {"w": np.ones(3)}, {"replay_segments": []})
    place = (folder / "files" / row.path).parent
    (place / ".tmp-1234-half.safetensors").write_bytes(b"half")
    (place / "unknown-1.safetensors").write_bytes(b"whole but unrecorded")
    (folder / ".tmp-export").write_bytes(b"")
    with open_project(folder) as project:
        project.artifacts.load(row)
    assert (place / ".tmp-1234-half.safetensors").exists()
    with open_project(folder, write=True) as project:
        project.artifacts.load(row)
    assert [path.name for path in place.iterdir()] == [Path(row.path).name]
    assert not (folder / ".tmp-export").exists()
    aside = list((folder / "quarantine").iterdir())
    assert [path.read_bytes() for path in aside] == [b"whole but unrecorded"]


def test_a_damaged_artifact_is_put_aside_with_a_note(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project)
    older = project.artifacts.save(run_id, "resume", 1, "resume-1", {}, {"replay_segments": []})
    newer = project.artifacts.save(run_id, "resume", 2, "resume-2", {}, {"replay_segments": []})
    project.artifacts.file(newer.path).write_bytes(b"damaged")
    moved = quarantine(project.database, newer, "its SHA-256 is wrong")
    assert moved is not None
    assert moved.read_bytes() == b"damaged"
    assert project.artifacts.latest(run_id, "resume") == older
    event = project.log.read(run_id, ["quarantine"])[0]
    assert (event.data["artifact"], event.data["reason"], event.step) == ("resume-2", "its SHA-256 is wrong", 2)
    project.artifacts.file(older.path).unlink()
    assert quarantine(project.database, older, "it is gone") is None
    assert project.artifacts.latest(run_id, "resume") is None


def findings(folder: Path) -> dict[str, tuple[bool, str]]:
    found = inspect(folder)
    assert all(finding.remedy for finding in found if not finding.ok)
    return {finding.name: (finding.ok, finding.sentence) for finding in found}


def test_doctor_on_what_is_well(project: Project, add_run: AddRun) -> None:
    assert findings(project.folder.parent / "none")["database"][0]
    run_id = add_run(project)
    project.artifacts.save(run_id, "snapshot", 1, "s", {}, {})
    found = findings(project.folder)
    assert all(ok for ok, _ in found.values())
    assert found.keys() == {"folder", "file system", "free space", "lock", "database", "files", "runs"}
    assert f"process {os.getpid()}" in found["lock"][1]


def test_doctor_names_missing_files_and_interrupted_runs(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project)
    row = project.artifacts.save(run_id, "snapshot", 1, "s", {}, {})
    project.artifacts.file(row.path).write_bytes(b"short")
    project.runs.change_state(run_id, "running")  # type: ignore[arg-type]
    project.runs.change_state(run_id, "interrupted")  # type: ignore[arg-type]
    found = findings(project.folder)
    assert not found["files"][0]
    assert row.path in found["files"][1]
    assert "interrupted: 1" in found["runs"][1]


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\0" + b"\0" * 5000])
def test_doctor_on_a_damaged_project(folder: Path, content: bytes) -> None:
    folder.mkdir()
    (folder / "project.db").write_bytes(content)
    ok, sentence = findings(folder)["database"]
    assert not ok
    assert "is damaged" in sentence
    assert (folder / "project.db").read_bytes() == content


def test_doctor_on_a_newer_project(project: Project) -> None:
    newer = "UPDATE alembic_version SET version_num = '99'"
    project.writer.call(lambda connection: connection.exec_driver_sql(newer).rowcount)
    ok, sentence = findings(project.folder)["database"]
    assert not ok
    assert "newer than this one" in sentence


def test_doctor_on_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert not findings(tmp_path / "file")["folder"][0]
