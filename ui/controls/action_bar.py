"""A row of icons for commands; what cannot be done now is grey and says why."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout

from ui.actions import ActionRegistry
from ui.controls.labels import hairline
from ui.theme import Theme


class ActionBar(QFrame):
    """``ids`` are commands of the registry, "" a gap; ``words`` stand at the left."""

    def __init__(self, theme: Theme, actions: ActionRegistry, ids: Sequence[str]) -> None:
        super().__init__()
        self._theme = theme
        self.words = QLabel()
        self.words.setProperty("role", "hint")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(hairline())
        row = QHBoxLayout()
        column.addLayout(row)
        row.setContentsMargins(12, 0, 6, 0)
        row.setSpacing(2)
        row.addWidget(self.words)
        row.addStretch(1)
        self.buttons: dict[str, QToolButton] = {}
        for action_id in ids:
            if not action_id:
                row.addSpacing(10)
                continue
            button = QToolButton()
            button.setDefaultAction(actions.qt(action_id))
            button.setAccessibleName(actions.qt(action_id).text())
            row.addWidget(button)
            self.buttons[action_id] = button
        theme.changed.connect(self._rescale)
        self._rescale()

    def _rescale(self) -> None:
        self.setFixedHeight(self._theme.px(34))
        self.words.setFont(self._theme.font(11))
        side = self._theme.px(16)
        for button in self.buttons.values():
            button.setIconSize(QSize(side, side))
