"""A group that folds, with a title, a hint and a count of what changed in it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from ui.controls.labels import Label, hairline
from ui.theme import Theme


class Fold(QWidget):
    """Add rows to ``content``."""

    def __init__(self, theme: Theme, title: str, hint: str = "", *, open_first: bool = True) -> None:
        super().__init__()
        self._theme = theme
        self.title = title
        self._button = QToolButton()
        self._button.setText(title)
        self._button.setCheckable(True)
        self._button.setChecked(open_first)
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.setStyleSheet("QToolButton, QToolButton:checked { background: transparent; padding: 2px 0; }")
        self._button.setAccessibleName(f"Group {title}")
        self._button.toggled.connect(self._show)
        self._count = Label(theme, "", 11, token="accent")
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._button)
        head.addWidget(Label(theme, hint, 11, token="text3"))
        head.addStretch(1)
        head.addWidget(self._count)
        self._body = QWidget()
        self.content = QVBoxLayout(self._body)
        self.content.setContentsMargins(0, 2, 0, 2)
        self.content.setSpacing(4)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self._body)
        column.addWidget(hairline())
        theme.changed.connect(self._paint)
        self._show(open_first)

    def set_counts(self, changed: int, wrong: int) -> None:
        """How many of its fields differ from the preset or are wrong."""
        words = [f"{wrong} wrong"] if wrong else []
        words += [f"{changed} changed"] if changed else []
        self._count.setText(", ".join(words))
        self._count.set_token("bad" if wrong else "accent")

    def open(self) -> None:
        """Unfold."""
        self._button.setChecked(True)

    def _show(self, shown: bool) -> None:
        self._body.setVisible(shown)
        self._paint()

    def _paint(self) -> None:
        name = "down" if self._button.isChecked() else "right"
        self._button.setIcon(self._theme.icon(name))
        self._button.setFont(self._theme.font(13, 600))
        self._button.setStyleSheet(
            "QToolButton, QToolButton:checked { background: transparent; padding: 2px 0; "
            f"color: {self._theme.hex('text')}; }}"
        )
