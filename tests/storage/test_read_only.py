"""A project folder without the right to write, opened by another user: it is read, and nothing is changed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage import open_project

AddRun = Callable[..., int]

DYING = """
import os, sys
from storage import NewRun, open_project
project = open_project(sys.argv[1], write=True)
project.runs.create_group("acknowledged")
os.kill(os.getpid(), 9)
"""
AS_NOBODY = """
import os, sys, tempfile
from storage import ProjectReadOnly, StorageError, inspect, open_project
import storage.migrations
# Nobody may not look into a home folder, where a checkout can lie: all of the program is loaded before.
newest = storage.migrations.head()
storage.migrations.head = lambda: newest
with tempfile.TemporaryDirectory() as place:
    open_project(place, write=True).close()
    with open_project(place) as project:
        project.runs.count()
    inspect(place)
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    open_project(sys.argv[1], write=True)
except ProjectReadOnly as error:
    print("refused:", error)
try:
    with open_project(sys.argv[1]) as project:
        print("runs:", project.runs.count())
except StorageError as error:
    print(type(error).__name__ + ":", error)
print("doctor:", [finding.name for finding in inspect(sys.argv[1]) if not finding.ok])
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach, which pytest's own is not."""
    place = Path(tempfile.mkdtemp(prefix="foresight-"))
    place.chmod(0o755)
    yield place / "project"
    for path in place.rglob("*"):
        path.chmod(0o755)
    shutil.rmtree(place)


def make_read_only(folder: Path) -> None:
    for path in folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    folder.chmod(0o555)


def test_a_read_only_folder_is_read_by_another_user(
    open_folder: Path, add_run: AddRun, run_program: Callable[..., str]
) -> None:
    with open_project(open_folder, write=True) as project:
        add_run(project)
    make_read_only(open_folder)
    before = sorted(path.name for path in open_folder.iterdir())
    refused, runs, doctor = run_program(AS_NOBODY, open_folder).splitlines()
    assert refused.startswith(f"refused: Nothing can be written in the folder {open_folder}")
    assert runs == "runs: 1"
    assert doctor == "doctor: ['folder']"
    assert sorted(path.name for path in open_folder.iterdir()) == before


def test_a_read_only_folder_is_read_beside_a_living_writer(
    open_folder: Path, add_run: AddRun, run_program: Callable[..., str]
) -> None:
    with open_project(open_folder, write=True) as project:
        add_run(project)
        add_run(project)
        make_read_only(open_folder)
        _, runs, _ = run_program(AS_NOBODY, open_folder).splitlines()
        open_folder.chmod(0o755)
    assert runs == "runs: 2"


def test_changes_that_only_the_journal_holds_are_not_passed_over(
    open_folder: Path, start: Callable[..., subprocess.Popen[str]], run_program: Callable[..., str]
) -> None:
    start(DYING, open_folder).communicate(timeout=20)
    assert (open_folder / "project.db-wal").stat().st_size > 0
    (open_folder / "project.db-shm").unlink()
    make_read_only(open_folder)
    _, runs, doctor = run_program(AS_NOBODY, open_folder).splitlines()
    assert runs.startswith("ProjectReadOnly: The last changes of")
    assert "database" in doctor
