"""Two small runs of ALM that were really trained, in a project, with a context whose engine is ready."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QMainWindow

from storage import Project
from tests.command_line import TINY, Foresight
from tests.ui.conftest import _context
from ui.context import Context


def train_small_runs(folder: Path) -> None:
    """Runs 1 and 2: seeds of Pendulum in episodes of 15 steps, snapshots at 30 and 60, recorded evaluations."""
    answer = Foresight(folder)("train", *TINY, "--steps", 60, "--seeds", "3,4")
    assert answer.code == 0, answer.err


def ready_context(project: Project, window: QMainWindow) -> Context:
    """A context over ``project`` as if the engine had been loaded; nothing trains."""
    context = _context(project, window)
    context.engine.state = "ready"
    return context
