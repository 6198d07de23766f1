"""A strip over the workspace: something that stays true until it is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton

from ui.theme import Theme


class Banner(QFrame):
    """Icon, sentence, buttons, and a cross that hides it."""

    def __init__(self, theme: Theme, level: Literal["warn", "bad", "accent"]) -> None:
        super().__init__()
        self._theme, self._level = theme, level
        self.setObjectName("strip")
        self.setProperty("role", f"banner-{level}")
        self._icon = QLabel()
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self.cross = QToolButton()
        self.cross.setToolTip("Hide")
        self.cross.setAccessibleName("Hide")
        self.cross.clicked.connect(self.hide)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 5, 10, 5)
        self._row.setSpacing(10)
        self._row.addWidget(self._icon)
        self._row.addWidget(self._text, 1)
        self._row.addWidget(self.cross)
        theme.changed.connect(self._repaint)
        self._repaint()
        self.hide()

    def add_button(self, text: str, run: Callable[[], object], icon: str = "", kind: str = "") -> QPushButton:
        """One answer, before the cross."""
        button = QPushButton(text)
        button.setProperty("kind", kind)
        button.setProperty("icon_name", icon)
        button.clicked.connect(lambda: run())
        self._row.insertWidget(self._row.count() - 1, button)
        self._repaint()
        return button

    def say(self, text: str) -> None:
        """The sentence; shows the strip."""
        if self._text.text() != text:
            self._text.setText(text)
            self.setAccessibleName(text)
        self.show()

    @property
    def text(self) -> str:
        """The sentence."""
        return self._text.text()

    def _repaint(self) -> None:
        px = self._theme.px
        token = {"warn": "warn", "bad": "bad", "accent": "accent"}[self._level]
        self._icon.setPixmap(self._theme.icon("warn", token).pixmap(px(16), px(16)))
        self._text.setFont(self._theme.font(12))
        self.cross.setIcon(self._theme.icon("x"))
        for button in self.findChildren(QPushButton):
            name = button.property("icon_name")
            if name:
                button.setIcon(self._theme.icon(name, "text", filled=name in ("play", "stop")))
