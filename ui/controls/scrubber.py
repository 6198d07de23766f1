"""A slider through the frames of an episode: a thin groove, a ring for a handle, a click goes there at once."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen

from ui.controls.seek_slider import SeekSlider
from ui.guard import guarded
from ui.theme import Theme

_HANDLE = 6.0
_TEN = 10


class Scrubber(SeekSlider):
    """Positions 0 to ``count - 1``. Left and Right go by one (with Shift by ten), Home and End to the ends."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__(theme, name, page=_TEN)

    def show_position(self, position: int, count: int) -> None:
        """Stand at ``position`` of ``count``, without telling."""
        with self._silently():
            self.setRange(0, max(count - 1, 0))
            self.setValue(position)
            self.setEnabled(count > 1)

    def sizeHint(self) -> QSize:
        """Qt's."""
        return QSize(160, self._theme.px(28))

    def minimumSizeHint(self) -> QSize:
        """Qt's."""
        return QSize(60, self._theme.px(28))

    def _groove(self) -> QRectF:
        margin = _HANDLE + 2
        return QRectF(margin, self.height() / 2 - 2, max(self.width() - 2 * margin, 1), 4)

    def _value_at(self, x: float) -> int:
        groove = self._groove()
        share = min(max((x - groove.left()) / groove.width(), 0.0), 1.0)
        return round(share * self.maximum())

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's."""
        ways = {Qt.Key.Key_Left: -_TEN, Qt.Key.Key_Right: _TEN}
        way = ways.get(Qt.Key(event.key()))
        if way is not None and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.setValue(self.value() + way)
            event.accept()
        else:
            super().keyPressEvent(event)

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        groove, theme = self._groove(), self._theme
        share = self.value() / self.maximum() if self.maximum() else 0.0
        x = groove.left() + share * groove.width()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("line"))
        painter.drawRoundedRect(groove, 2, 2)
        if self.isEnabled():
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(QRectF(groove.left(), groove.top(), x - groove.left(), groove.height()), 2, 2)
            painter.setBrush(theme.color("accent" if self.hasFocus() or self.isSliderDown() else "panel"))
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawEllipse(QPointF(x, groove.center().y()), _HANDLE - 1, _HANDLE - 1)
        self._paint_focus(painter)
        painter.end()
