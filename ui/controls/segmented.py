"""A choice among a few, all in sight: buttons in one frame, of which one is down."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QSizePolicy

from ui.theme import Theme


class Segmented(QFrame):
    """Options (value, words, tooltip). Tab reaches the one that is down, arrow keys move to its neighbours."""

    chosen = Signal(str)  # by the user

    def __init__(self, theme: Theme, name: str, options: Iterable[tuple[str, str, str]]) -> None:
        super().__init__()
        self._theme = theme
        self.setProperty("role", "segments")
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 1, 2, 1)
        row.setSpacing(0)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QPushButton] = {}
        for value, words, tip in options:
            button = QPushButton(words)
            button.setCheckable(True)
            button.setProperty("kind", "segment")
            button.setToolTip(tip)
            button.setAccessibleName(f"{name}: {words}")
            button.clicked.connect(lambda _checked=False, value=value: self.chosen.emit(value))
            self._group.addButton(button)
            self._buttons[value] = button
            row.addWidget(button)
        theme.changed.connect(self._style)
        self._style()

    @property
    def value(self) -> str:
        """The option that is down; empty before any was."""
        return next((value for value, button in self._buttons.items() if button.isChecked()), "")

    def set_value(self, value: str) -> None:
        """Press an option, without telling; what is none of them leaves all of them up."""
        if value in self._buttons:
            self._buttons[value].setChecked(True)
        elif (pressed := self._group.checkedButton()) is not None:
            self._group.setExclusive(False)
            pressed.setChecked(False)
            self._group.setExclusive(True)

    def button(self, value: str) -> QPushButton:
        """The button of an option."""
        return self._buttons[value]

    def _style(self) -> None:
        for button in self._buttons.values():
            button.setFont(self._theme.font(11, 500))
