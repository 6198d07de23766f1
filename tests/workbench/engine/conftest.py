"""Projects, small agents in the registry, and processes that can be killed."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import storage
from storage import Project, open_project
from tests.workbench.engine.small_agent import ENTRIES, SmallAgent
from workbench.agents import AGENTS
from workbench.engine import worker
from workbench.engine.queue import RunQueue
from workbench.engine.recorder import Recorder

ROOT = Path(storage.__file__).parents[1]


@pytest.fixture(autouse=True)
def small_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small agents are in the registry, and unpoisoned."""
    for name, entry in ENTRIES.items():
        monkeypatch.setitem(AGENTS._table, name, entry)
    monkeypatch.setattr(SmallAgent, "poison", {})


@pytest.fixture(autouse=True)
def in_a_hurry(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers keep their priority, because a busy machine would let them wait; see ``polite_workers``."""
    if "polite_workers" not in request.fixturenames:
        monkeypatch.setattr(worker, "lower_priority", lambda: None)


@pytest.fixture
def polite_workers() -> None:
    """Workers lower their priority, as they do."""


@pytest.fixture(scope="session")
def empty_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project without runs, made once."""
    place = tmp_path_factory.mktemp("empty") / "project"
    open_project(place, write=True).close()
    return place


@pytest.fixture
def folder(tmp_path: Path, empty_project: Path) -> Path:
    return shutil.copytree(empty_project, tmp_path / "project")


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    with open_project(folder, write=True) as opened:
        yield opened


@pytest.fixture
def other(tmp_path: Path, empty_project: Path) -> Iterator[Project]:
    """A second project, for the run that nothing happens to."""
    with open_project(shutil.copytree(empty_project, tmp_path / "other"), write=True) as opened:
        yield opened


@pytest.fixture
def queue(project: Project) -> Iterator[RunQueue]:
    opened = RunQueue(Recorder(project))
    yield opened
    assert opened.close(30)


class Programs:
    """Runs the programs of ``programs.py``, each in a process of its own."""

    def __init__(self, server: subprocess.Popen[str], place: Path) -> None:
        self._server, self._place = server, place

    def __call__(self, program: str, *, killed: bool = False, **arguments: Any) -> Any:
        """What the program returns; ``killed``: it must have ended by kill -9."""
        answer = self._place / "answer.json"
        answer.unlink(missing_ok=True)
        order = {"program": program, "arguments": arguments, "answer": str(answer)}
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        status = int(self._server.stdout.readline())
        if killed:
            assert status == signal.SIGKILL, answer.read_text() if answer.exists() else status
            return None
        assert status == 0
        found = json.loads(answer.read_text())
        assert "fault" not in found, found["fault"]
        return found["result"]


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.workbench.engine.programs"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield Programs(server, tmp_path_factory.mktemp("programs"))
    server.kill()
    server.communicate()
