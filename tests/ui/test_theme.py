"""Lengths, icons and the style sheet follow the size of the text."""

from __future__ import annotations

import re

from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from ui.stylesheet import style_sheet
from ui.theme import Theme


def _rule(sheet: str, selector: str) -> str:
    return next(rule for rule in sheet.split("}") if rule.split("{")[0].strip().split("\n")[-1] == selector)


def test_lengths_grow_and_the_wider_edge_of_the_focus_takes_its_two_px(qapp: QApplication) -> None:
    sheet = style_sheet(Theme("dark", 1.5))
    assert not re.search(r"\d+u\b", sheet)
    assert "min-height: 39px" in _rule(sheet, "QPushButton")
    assert "min-height: 37px" in _rule(sheet, "QPushButton:focus")
    assert "padding: 0 17px" in _rule(sheet, "QPushButton:focus")


def test_a_field_stays_in_place_when_it_gets_the_keyboard(qapp: QApplication, qtbot: QtBot) -> None:
    for scale in (0.9, 1.0, 1.5):
        Theme("light", scale).apply()
        for widget in (QLineEdit("text"), QPushButton("text")):
            qtbot.addWidget(widget)
            widget.show()
            before = widget.sizeHint()
            widget.setFocus()
            QApplication.processEvents()
            assert widget.sizeHint() == before


def test_a_change_of_size_reaches_what_is_on_the_screen(qapp: QApplication, qtbot: QtBot) -> None:
    theme = Theme("dark")
    theme.apply()
    button = QPushButton("text")
    qtbot.addWidget(button)
    button.show()
    small, icon = button.sizeHint().height(), button.iconSize().width()
    theme.set_scale(1.5)
    QApplication.processEvents()
    assert button.sizeHint().height() >= 1.4 * small
    assert button.iconSize().width() == 1.5 * icon == 24
    theme.set_scale(1.0)
