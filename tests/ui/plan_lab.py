"""Two small trained runs, a context over them with a small search chosen, and how a panel of Plan is shown."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from storage import Project, open_project
from tests.ui.trained_runs import ready_context, train_small_runs
from ui.context import Context
from ui.plan_reality import plan_reality
from ui.plan_session import PlanSession, plan_session
from workbench.engine.channel import Channel
from workbench.events import SimulatorView

SMALL = {"candidates": "24", "elites": "6", "iterations": "4", "horizon": "5"}


@pytest.fixture(scope="module")
def trained_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed project with two seeds of Pendulum."""
    folder = tmp_path_factory.mktemp("plans") / "project"
    train_small_runs(folder)
    return folder


@pytest.fixture
def runs(trained_folder: Path, tmp_path: Path) -> Iterator[Project]:
    """A copy of it, open for writing."""
    with open_project(shutil.copytree(trained_folder, tmp_path / "runs"), write=True) as opened:
        yield opened


@pytest.fixture
def lab(runs: Project, window: QMainWindow, qtbot: QtBot) -> Iterator[Context]:
    """A context with run 1 selected and a small search with CEM chosen."""
    context = ready_context(runs, window)
    context.selection.select([1])
    session = plan_session(context)
    for path, text in SMALL.items():
        session.draft.set_text(path, text)
    yield context
    session.close()
    plan_reality(context).thread_.close()


@pytest.fixture
def session(lab: Context) -> PlanSession:
    """The planning call of ``lab``."""
    return plan_session(lab)


def shown(window: QMainWindow, qtbot: QtBot, *widgets: QWidget) -> None:
    """Show widgets beside each other."""
    holder = QWidget()
    row = QHBoxLayout(holder)
    for widget in widgets:
        row.addWidget(widget, 1)
    window.setCentralWidget(holder)
    window.resize(1800, 800)
    window.show()
    qtbot.waitUntil(lambda: all(widget.isVisible() for widget in widgets))


def settle(qtbot: QtBot, session: PlanSession) -> None:
    """Wait for the search."""
    qtbot.waitUntil(lambda: not session.thread_.busy, timeout=20_000)


class TrainingHere:
    """A queue in which run 1 trains, with a real channel."""

    def __init__(self) -> None:
        self.only = Channel()

    def channel(self, run_id: int) -> Channel | None:
        """Run 1's."""
        return self.only if run_id == 1 else None


def view(step: int, angle: float) -> SimulatorView:
    """The pendulum while it trains."""
    bodies = {"qpos": np.array([angle]), "qvel": np.array([0.1]), "episode_step": 3, "episode_return": 0.0}
    return SimulatorView(run_id=1, step=step, updates=0, wall_time=1.0, **bodies)  # type: ignore[arg-type]
