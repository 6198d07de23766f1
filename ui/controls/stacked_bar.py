"""A bar of shares that add up to at most one."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.guard import guarded
from ui.theme import Theme

Part = tuple[str, float, QColor]


class StackedBar(QWidget):
    """Parts (words, share, colour) side by side; the rest stays empty. Said in words by its accessible description."""

    def __init__(self, theme: Theme, name: str, height: int = 12) -> None:
        super().__init__()
        self._theme = theme
        self._parts: list[Part] = []
        self._height = height
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def set_parts(self, parts: list[Part]) -> None:
        """Show these shares, in 0..1."""
        self._parts = parts
        self.setAccessibleDescription(", ".join(f"{words} {share:.0%}" for words, share, _ in parts))
        self.update()

    def sizeHint(self) -> QSize:
        """Qt's."""
        return QSize(120, self._height)

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outline = QPainterPath()
        outline.addRoundedRect(QRectF(self.rect()), 3, 3)
        painter.setClipPath(outline)
        painter.fillRect(self.rect(), self._theme.color("hover"))
        painter.setPen(Qt.PenStyle.NoPen)
        left = 0.0
        for _, share, colour in self._parts:
            width = share * self.width()
            painter.fillRect(QRectF(left, 0, max(width - 1, 0), self.height()), colour)
            left += width
        painter.end()
