"""Numbers in a form are stepped by keys and wheel: whole ones by one, those on a logarithmic scale by their like."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ui.controls.field_edit import TextEdit, edit_for
from ui.controls.number_steps import Steps
from ui.theme import Theme
from workbench.agents.alm_settings import AlmSettings
from workbench.settings import Field, fields_of

LOG = Steps(whole=False, log=True, low=0.0, high=1.0)


def field(path: str) -> Field:
    return next(each for each in fields_of(AlmSettings) if each.path == path)


def walk(steps: Steps, text: str, directions: str) -> list[str]:
    """What stands there after each of the keys u, d (Up, Down), U, D (Page Up, Page Down)."""
    found = []
    for key in directions:
        moved = steps.after(text, 1 if key in "uU" else -1, key in "UD")
        assert moved is not None
        text = moved
        found.append(text)
    return found


@pytest.mark.parametrize(
    ("steps", "text", "keys", "wanted"),
    [
        (LOG, "0.001", "uuuud", ["0.002", "0.005", "0.01", "0.02", "0.01"]),
        (LOG, "0.0003", "ud", ["0.0005", "0.0002"]),
        (LOG, "0.0003", "UDD", ["0.003", "0.0003", "3e-05"]),
        (LOG, "0.6", "uu", ["1", "1"]),
        (Steps(log=True, low=1, high=300), "3", "duuU", ["2", "5", "10", "100"]),
        (Steps(log=True, low=1, high=300), "100", "uuD", ["200", "300", "30"]),
        (Steps(), "9", "uDd", ["10", "0", "-1"]),
    ],
)
def test_steps(steps: Steps, text: str, keys: str, wanted: list[str]) -> None:
    assert walk(steps, text, keys) == wanted


@pytest.mark.parametrize("text", ["", "auto", "linear(1.0, 0.1, 1000)", "0", "-1", "nan", "inf"])
def test_what_has_no_place_on_a_logarithmic_scale_stays(text: str) -> None:
    assert LOG.after(text, 1, False) is None


@pytest.mark.parametrize("steps", [Steps(), Steps(log=True), Steps(whole=False), Steps(whole=False, log=True)])
@pytest.mark.parametrize("text", ["9" * 400, "9" * 305, "1e308"])
def test_a_number_too_large_for_a_scale_stays(steps: Steps, text: str) -> None:
    assert steps.after(text, 1, True) is None


def test_keys_and_the_wheel_step_a_learning_rate(qtbot: QtBot) -> None:
    edit = edit_for(Theme("dark"), field("learning_rate"), "Learning rate")
    assert isinstance(edit, TextEdit)
    qtbot.addWidget(edit)
    edit.show_text("0.0001")
    edit.show()
    with qtbot.waitSignal(edit.edited) as told:
        qtbot.keyClick(edit.line, Qt.Key.Key_Up)
    assert told.args == ["0.0002"]
    qtbot.keyClick(edit.line, Qt.Key.Key_PageDown)
    assert edit.text() == "2e-05"
    edit.line.setFocus()
    edit.activateWindow()
    qtbot.waitUntil(edit.line.hasFocus)
    turn(edit, 120)
    assert edit.text() == "5e-05"
    edit.line.clearFocus()
    turn(edit, 120)  # a page that scrolls past does not change it
    assert edit.text() == "5e-05"


def test_a_setting_without_a_logarithmic_scale_is_not_stepped(qtbot: QtBot) -> None:
    edit = edit_for(Theme("dark"), field("discount"), "Discount")
    assert isinstance(edit, TextEdit)
    qtbot.addWidget(edit)
    edit.show_text("0.99")
    qtbot.keyClick(edit.line, Qt.Key.Key_Up)
    assert edit.text() == "0.99"


def turn(edit: TextEdit, delta: int) -> None:
    place = QPointF(5, 5)
    where = QPointF(edit.line.mapToGlobal(QPoint(5, 5)))
    turned = QWheelEvent(
        *(place, where, QPoint(), QPoint(0, delta), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier),
        *(Qt.ScrollPhase.NoScrollPhase, False),
    )
    QApplication.sendEvent(edit.line, turned)
