"""The table beside a run that really trains: it appears, moves, pauses, goes on and stops by keys alone."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from storage import ArtifactRow, RunState
from ui.checkpoint import checkpoint_choice
from ui.context import Context
from ui.panels.runs import RunsPanel
from ui.tables.run_columns import PLACE
from ui.tables.run_status import status_words
from workbench.presets import find_preset

SMALL = {"warm_up_steps": 60, "hidden_size": 16, "model_hidden_size": 16, "latent_size": 8, "batch_size": 16}


@pytest.fixture
def training(empty_context: Context) -> Iterator[Context]:
    """A context whose engine is loaded and pumped, as in the window."""
    context = empty_context
    context.engine.start()
    context.feed.start()
    yield context
    context.feed.stop()
    assert context.engine.close(60)


@pytest.mark.slow
def test_a_run_is_watched_and_driven_by_keys(qtbot: QtBot, training: Context, window: QMainWindow) -> None:
    context = training
    qtbot.waitUntil(lambda: context.engine.queue is not None, timeout=60_000)
    assert context.engine.queue is not None
    panel = RunsPanel(context)
    window.setCentralWidget(panel)
    window.resize(1045, 300)
    window.show()
    assert panel.empty.isVisible()
    spec = find_preset("alm-quick").spec({**SMALL, "total_steps": 1_000_000, "engine.evaluation_interval": 100_000})
    (run_id,) = context.engine.queue.submit(spec)
    context.feed.runs_changed.emit()

    def shown() -> str:
        return str(status_words(panel.model.items[0], panel.model.live, time.time()))

    def stored() -> RunState:
        return context.project.runs.get(run_id).status

    qtbot.waitUntil(lambda: bool(panel.model.items) and shown().startswith("Running"), timeout=60_000)
    panel.view.setFocus()
    panel.view.setCurrentIndex(panel.model.index(0, 0))
    assert context.selection.runs == (run_id,)
    first = panel.model.index(0, PLACE["step"]).data()
    qtbot.waitUntil(lambda: panel.model.index(0, PLACE["step"]).data() != first, timeout=60_000)

    def points() -> tuple[ArtifactRow, ...]:
        return context.project.artifacts.list(run_id, "resume")

    qtbot.waitUntil(lambda: bool(points()), timeout=60_000)  # at the end of warm-up; the next one by itself in a minute
    before = points()
    qtbot.keyClick(panel.view, Qt.Key.Key_C)
    qtbot.waitUntil(lambda: points() != before, timeout=20_000)
    choice = checkpoint_choice(context)
    step = points()[-1].step
    qtbot.waitUntil(lambda: choice.row is not None and choice.row.step >= step, timeout=60_000)

    qtbot.keyClick(panel.view, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: stored() is RunState.PAUSED, timeout=60_000)
    qtbot.waitUntil(lambda: shown() == "Paused Resume", timeout=60_000)
    qtbot.keyClick(panel.view, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: shown().startswith("Running"), timeout=60_000)
    assert context.actions.obstacle("runs.delete").startswith(f"Run {run_id} is running")
    qtbot.keyClick(panel.view, Qt.Key.Key_Delete, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: shown() == "Stopped", timeout=60_000)
    assert "not running" in context.actions.obstacle("runs.checkpoint")
    qtbot.waitUntil(lambda: not context.actions.obstacle("runs.delete"), timeout=60_000)
