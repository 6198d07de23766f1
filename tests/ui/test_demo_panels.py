"""The demo in the window: every panel that there is shows the demo's first run, alone or beside another one."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QMainWindow
from pytestqt.qtbot import QtBot

from ui.context import Context
from ui.controls.empty_state import EmptyState
from ui.dialogs.welcome import DEMO, copy_demo
from ui.panels import PANELS, PanelEntry
from ui.panels.base import make_context
from ui.theme import load_fonts
from workbench.environments.rendering import choose_gl_backend

# As the engine does before anything imports mujoco.
FINDING = choose_gl_backend()
#: what shows the same whichever run is selected
INDEPENDENT = {"presets", "new_run", "summary", "log"}
#: what computes when it is asked to, and says so meanwhile
ASKED_FIRST = {
    *("model_error", "candidates", "plan_iterations", "reality_check", "ladder", "exploitation", "plan_uncertainty"),
}
THERE = [entry for entry in PANELS if importlib.util.find_spec(entry.target.partition(":")[0]) is not None]


@pytest.fixture
def context(tmp_path: Path, qapp: QApplication, window: QMainWindow) -> Iterator[Context]:
    """A context over the user's copy of the demo, with nothing selected."""
    load_fonts()
    made = make_context(copy_demo(DEMO, tmp_path / "demo"), window)
    made.engine.state = "ready"  # the demo can be looked at without training
    yield made
    made.feed.stop()
    made.project.close()


@pytest.mark.parametrize("entry", THERE, ids=lambda entry: entry.name)
def test_a_panel_shows_the_first_run(
    entry: PanelEntry, context: Context, window: QMainWindow, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    if entry.name == "simulation" and FINDING.backend is None:
        pytest.skip(FINDING.sentence)
    panel = entry.load()(context)
    window.setCentralWidget(panel)
    window.resize(900, 640)
    window.show()
    before = panel.grab().toImage()

    def shown() -> bool:
        empty = any(each.isVisible() for each in panel.findChildren(EmptyState))
        if entry.name in ASKED_FIRST:
            return empty
        return not empty and (entry.name in INDEPENDENT or panel.grab().toImage() != before)

    context.selection.select([4, 1])
    qtbot.waitUntil(shown, timeout=60_000)
    picture = panel.grab().toImage()
    colours = {picture.pixel(x, y) for x in range(0, picture.width(), 3) for y in range(0, picture.height(), 3)}
    window.hide()
    panel.deleteLater()
    QApplication.sendPostedEvents(panel, QEvent.Type.DeferredDelete)
    assert len(colours) > 10
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert [notice.text for notice in context.notices.items] == []


@pytest.mark.parametrize("name", ["latent_rollout", "model_error", "q_bias", "candidates"])
def test_a_run_that_ended_and_keeps_no_checkpoint_says_so(
    name: str, context: Context, window: QMainWindow, qtbot: QtBot
) -> None:
    (entry,) = (each for each in THERE if each.name == name)
    panel = entry.load()(context)
    window.setCentralWidget(panel)
    window.show()
    context.selection.select([2])

    def words() -> str:
        return " ".join(each.words for each in panel.findChildren(EmptyState) if each.isVisible())

    qtbot.waitUntil(lambda: "has ended and keeps no checkpoint" in words(), timeout=60_000)
    assert "yet" not in words()
    window.hide()
    panel.deleteLater()
    QApplication.sendPostedEvents(panel, QEvent.Type.DeferredDelete)
