"""Projects in temporary folders, runs in them, and programs of their own for faults that need a process."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import storage
from storage import NewRun, Project, RunState, open_project

ROOT = Path(storage.__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "project"


@pytest.fixture(scope="session")
def empty_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project without runs, made once."""
    place = tmp_path_factory.mktemp("empty") / "project"
    open_project(place, write=True).close()
    return place


@pytest.fixture
def project(folder: Path, empty_project: Path) -> Iterator[Project]:
    shutil.copytree(empty_project, folder)
    with open_project(folder, write=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def add_run() -> Callable[..., int]:
    """Creates a run with sensible values; every field can be given, and `state` as what it is to become."""

    def add(project: Project, state: RunState | None = None, **fields: Any) -> int:
        values: dict[str, Any] = {
            "name": "quick",
            "agent": "alm",
            "environment": "HalfCheetah-v5",
            "seed": 1,
            "device": "cpu",
            "precision": "float32",
            "spec": {"settings": {"rollout_length": 3, "planner": {"name": "cem"}}},
            "content_hash": "c0ffee",
            "total_steps": 12_000,
        }
        run_id = project.runs.create(NewRun(**(values | fields)))
        if state is not None and state is not RunState.QUEUED:
            project.runs.change_state(run_id, RunState.RUNNING)
        if state not in {None, RunState.QUEUED, RunState.RUNNING}:
            project.runs.change_state(run_id, state)
        return run_id

    return add


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python programs in processes of their own; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start_program(source: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", source, *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_program
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def run_program(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., str]:
    """Runs a Python program to its end and returns what it printed; it must exit 0."""

    def run(source: str, *arguments: object) -> str:
        process = start(source, *arguments)
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        return output.strip()

    return run
