"""The Bound panel: before, while and after measuring, for real."""

from __future__ import annotations

import itertools
from typing import Any

from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from tests.workbench.engine.lab import alm_spec, train
from ui.context import Context
from ui.panels.bound import BoundPanel


def test_without_a_run_it_says_so(qtbot: QtBot, empty_context: Context, window: QMainWindow) -> None:
    panel = BoundPanel(empty_context)
    window.setCentralWidget(panel)
    window.show()
    assert "No run to look into" in panel.empty.words


def test_the_bound_is_measured_stored_and_drawn(qtbot: QtBot, empty_context: Context, window: QMainWindow) -> None:
    context: Any = empty_context
    values = {"engine__bias_states": 60, "engine__bias_first_steps": 20}
    (run_id,) = train(context.project, alm_spec("Pendulum-v1", **values))
    panel = BoundPanel(context)
    window.setCentralWidget(panel)
    window.show()
    context.selection.select([run_id])
    assert "Preparing the engine" in panel.empty.words
    context.engine.start()
    qtbot.waitUntil(lambda: context.engine.state == "ready", timeout=60_000)
    qtbot.waitUntil(lambda: "The bound was not measured yet" in panel.empty.words)
    panel.longest.setValue(4)
    panel.empty.buttons[0].click()
    assert panel.busy.isVisible()
    assert panel.busy.words.startswith("Measuring the bound")
    qtbot.waitUntil(lambda: panel.bound is not None, timeout=30_000)
    assert [row.name for row in context.project.artifacts.list(run_id, "analysis")] == ["bound-150"]
    assert panel.bound is not None
    assert (panel.bound.longest, panel.bound.states) == (4, 60)
    assert panel.parts.isVisible()
    assert panel.verdict.text() == panel.bound.verdict()
    assert "60 states, as Q-bias visits them" in panel.words.text()
    assert "which do not exist" in panel.words.text(), "a pendulum's rewards are negative"
    row = context.project.artifacts.list(run_id, "analysis")[0]
    context.project.artifacts.file(row.path).write_bytes(b"short")
    panel.files.load(row)
    qtbot.waitUntil(lambda: "is damaged" in panel.empty.words)
    assert context.engine.close(30)


def test_in_a_low_dock_the_plots_keep_their_height_and_nothing_overlaps(
    qtbot: QtBot, empty_context: Context, window: QMainWindow
) -> None:
    panel = BoundPanel(empty_context)
    window.setCentralWidget(panel)
    window.resize(540, 240)
    window.show()
    panel.verdict.setText("A bound in practice: at K = 3 the estimate is at most the return. " * 3)
    panel.words.setText("1,050 states, as Q-bias visits them. " * 8)
    panel._stack.setCurrentIndex(2)
    qtbot.waitExposed(window)
    qtbot.wait(50)
    column = [panel.verdict, panel.parts, panel.shares, panel.words]
    for above, below in itertools.pairwise(column):
        assert above.geometry().bottom() < below.geometry().top()
    assert panel.shares.height() >= 110
