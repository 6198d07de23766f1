"""A slider whose handle begins a window: the start of a rollout and the steps that follow it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen

from ui.controls.scrubber import Scrubber
from ui.guard import guarded
from ui.theme import Theme

_MARGIN, _HANDLE = 8.0, 6.0


class WindowSlider(Scrubber):
    """As the scrubber; the ``window`` steps behind the handle are drawn as a bar."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__(theme, name)
        self._window = 0

    def show_window(self, start: int, starts: int, window: int) -> None:
        """Stand at ``start`` of ``starts`` possible ones, with ``window`` steps behind it, without telling."""
        self._window = window
        self.show_position(start, starts)
        self.update()

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = self._theme
        groove = QRectF(_MARGIN, self.height() / 2 - 2, max(self.width() - 2 * _MARGIN, 1), 4)
        last = max(self.maximum(), 1)
        x = groove.left() + self.value() / last * groove.width()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("line"))
        painter.drawRoundedRect(groove, 2, 2)
        if self.isEnabled():
            right = min(x + self._window / last * groove.width(), groove.right())
            painter.setBrush(theme.color("accent", 0.55))
            painter.drawRoundedRect(QRectF(x, groove.top(), max(right - x, 1), groove.height()), 2, 2)
            painter.setBrush(theme.color("accent" if self.hasFocus() or self.isSliderDown() else "panel"))
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawEllipse(QPointF(x, groove.center().y()), _HANDLE - 1, _HANDLE - 1)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.end()
