"""The log panel: the application's own records and the selected run's events, filtered by severity and words."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from ui.application_log import application_log
from ui.context import Context
from ui.panels.log import Line, LogPanel, line_of_event


@pytest.fixture
def panel(context: Context, window: QMainWindow, qtbot: QtBot) -> Iterator[LogPanel]:
    """Shown, with an empty application log."""
    application_log().records.clear()
    made = LogPanel(context)
    window.setCentralWidget(made)
    window.resize(800, 500)
    window.show()
    yield made
    window.hide()


def _select(context: Context, name: str) -> int:
    run_id = next(row.id for row in context.project.runs.page() if row.name == name)
    context.selection.select([run_id])
    return run_id


def _texts(panel: LogPanel) -> list[str]:
    return [line.text for line in panel.model.lines]


def test_records_of_the_application_appear_with_their_traceback(panel: LogPanel, qtbot: QtBot) -> None:
    try:
        raise ValueError("a slot broke")
    except ValueError:
        logging.getLogger("ui.test").exception("Something failed")
    qtbot.waitUntil(lambda: _texts(panel) == ["Something failed"])
    panel.view.setCurrentIndex(panel.model.index(0))
    assert panel.details.isVisible()
    assert "ValueError: a slot broke" in panel.details.toPlainText()


def test_severity_and_words_narrow_it(panel: LogPanel, qtbot: QtBot) -> None:
    logger = logging.getLogger("ui.test")
    logger.setLevel(logging.DEBUG)
    for level, text in ((logging.INFO, "a note"), (logging.WARNING, "a warning"), (logging.ERROR, "an error")):
        logger.log(level, text)
    qtbot.waitUntil(lambda: len(_texts(panel)) == 3)
    panel.level.setCurrentIndex(panel.level.findData(30))
    assert _texts(panel) == ["a warning", "an error"]
    panel.filter.setText("ERR")
    qtbot.waitUntil(lambda: _texts(panel) == ["an error"])
    panel.filter.setText("zebra")
    qtbot.waitUntil(panel.empty.isVisible)
    assert panel.empty.text() == "Nothing fits the filter. 3 lines are hidden by it."


def test_without_anything_it_says_so(panel: LogPanel) -> None:
    panel.refresh()
    assert panel.empty.text() == "Nothing was logged yet."
    panel.source.setCurrentIndex(1)
    assert panel.empty.text() == "No run selected. Select a run to read its log."


def test_a_runs_fault_shows_its_traceback(panel: LogPanel, context: Context) -> None:
    _select(context, "ReLU, lr 3e-3")
    panel.source.setCurrentIndex(1)
    panel.level.setCurrentIndex(panel.level.findData(40))
    texts = _texts(panel)
    assert "the loss critic was not finite at update 1,160 (environment step 2,160)" in texts
    panel.view.setCurrentIndex(panel.model.index(len(texts) - 1))
    assert "NonFiniteValue" in panel.details.toPlainText()


def test_new_events_are_added_without_reading_all_again(
    panel: LogPanel, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = _select(context, "ReLU, lr 3e-3")
    panel.source.setCurrentIndex(1)
    before = len(_texts(panel))
    context.project.log.append(run_id, "note", 2100, 1100, time.time(), {"text": "a late word"})
    context.project.writer.flush()
    asked = []
    read = context.project.log.read
    monkeypatch.setattr(context.project.log, "read", lambda run, after: asked.append(after) or read(run, after=after))
    panel.refresh()
    assert _texts(panel)[-1] == "a late word"
    assert len(_texts(panel)) == before + 1
    assert asked[0] > 0


def test_another_run_shows_its_own_log(panel: LogPanel, context: Context) -> None:
    panel.source.setCurrentIndex(1)
    _select(context, "ReLU, lr 3e-3")
    first = _texts(panel)
    _select(context, "Shorter rollout")
    assert _texts(panel) != first
    assert "Evaluation: return" in " ".join(_texts(panel))


def test_a_hidden_panel_does_not_listen(panel: LogPanel, window: QMainWindow, qtbot: QtBot) -> None:
    window.hide()
    logging.getLogger("ui.test").error("nobody looks")
    qtbot.wait(250)
    assert _texts(panel) == []
    window.show()
    assert _texts(panel) == ["nobody looks"]


def test_a_line_can_be_copied(panel: LogPanel, qtbot: QtBot) -> None:
    logging.getLogger("ui.test").error("copy me")
    qtbot.waitUntil(lambda: _texts(panel) == ["copy me"])
    panel.view.setCurrentIndex(panel.model.index(0))
    panel._copy()
    assert QGuiApplication.clipboard().text() == "copy me"


def test_every_kind_of_event_has_words(context: Context) -> None:
    kinds = set()
    for row in context.project.runs.page():
        for event in context.project.log.read(row.id):
            line = line_of_event(event)
            assert isinstance(line, Line)
            assert line.text
            kinds.add(event.kind)
    assert {"state", "evaluation", "checkpoint", "fault"} <= kinds
