"""Labels in the application's type: a size, a weight and a colour's role, kept through changes of theme."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFrame, QLabel, QWidget

from ui.theme import Theme


class Label(QLabel):
    """Text of ``size`` px and ``weight`` in the colour of ``token``."""

    def __init__(
        self,
        theme: Theme,
        text: str = "",
        size: int = 12,
        weight: int = 400,
        token: str = "text",
        *,
        wrap: bool = False,
    ) -> None:
        super().__init__(text)
        self._theme, self._size, self._weight, self._token = theme, size, weight, token
        self.setWordWrap(wrap)
        self.setTextFormat(Qt.TextFormat.PlainText)
        theme.changed.connect(self._style)
        self._style()

    def set_token(self, token: str) -> None:
        """Another colour."""
        if token != self._token:
            self._token = token
            self._style()

    def _style(self) -> None:
        self.setFont(self._theme.font(self._size, self._weight))
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.WindowText, self._theme.color(self._token))
        self.setPalette(palette)


def hairline(parent: QWidget | None = None) -> QFrame:
    """A line of 1 px between groups."""
    line = QFrame(parent)
    line.setObjectName("hairline")
    line.setFixedHeight(1)
    return line
