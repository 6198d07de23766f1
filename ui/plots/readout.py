"""The read-out: a small box over a plot that says what the curves are at a cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from ui.controls.line_sample import LENGTH, paint_line_sample
from ui.guard import guarded
from ui.theme import SeriesStyle, Theme

#: rows beyond these are only counted
MOST_ROWS = 8
_PADDING, _GAP = 8, 8
_SAMPLE = LENGTH + 6
_LONGEST_NAME = 150


@dataclass(frozen=True)
class Row:
    """One curve: its line sample and name, the value, and what stands after it."""

    style: SeriesStyle
    name: str
    value: str
    after: str = ""


class Readout(QWidget):
    """x first, then one row per curve. It lets the mouse through."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._head, self._hint = "", ""
        self._rows: Sequence[Row] = ()
        self._left_out = 0
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def show_rows(self, head: str, hint: str, rows: Sequence[Row]) -> None:
        """Replace the content."""
        self._head, self._hint = head, hint
        self._rows, self._left_out = rows[:MOST_ROWS], max(0, len(rows) - MOST_ROWS)
        self.resize(self.sizeHint())
        self.update()

    def text(self) -> str:
        """The content in words."""
        lines = [f"{row.name} {row.value} {row.after}".strip() for row in self._rows]
        return "; ".join([", ".join(filter(None, (self._head, self._hint))), *lines])

    def place(self, at: QPoint, room: QRect) -> None:
        """Stand at the left of ``at``, or at its right where there is no room; always inside of ``room``."""
        left = at.x() - self.width() - 6
        if left < room.left():
            left = at.x() + 7
        left = max(room.left(), min(left, room.right() - self.width()))
        top = max(room.top(), min(at.y(), room.bottom() - self.height()))
        self.move(left, top)

    def sizeHint(self) -> QSize:
        """Qt's."""
        name, value, after = self._widths()
        regular, bold = self._metrics()
        head = bold.horizontalAdvance(self._head) + _GAP + regular.horizontalAdvance(self._hint)
        width = max(head, _SAMPLE + name + _GAP + value + (_GAP + after if after else 0)) + 2 * _PADDING
        lines = 1 + len(self._rows) + (1 if self._left_out else 0)
        return QSize(width, lines * self._line() + _PADDING + 2)

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's."""
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("ctl"), 1))
        painter.setBrush(theme.color("overlay"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        regular, bold = theme.font(11), theme.font(11, 600)
        line, y = self._line(), _PADDING // 2 + 1
        painter.setFont(bold)
        painter.setPen(theme.color("text"))
        self._say(painter, _PADDING, y, self._head)
        head = self._metrics()[1].horizontalAdvance(self._head)
        painter.setFont(regular)
        painter.setPen(theme.color("text3"))
        self._say(painter, _PADDING + head + _GAP, y, self._hint)
        for row in self._rows:
            y += line
            self._paint_row(painter, row, y)
        if self._left_out:
            painter.setPen(theme.color("text3"))
            self._say(painter, _PADDING + _SAMPLE, y + line, f"and {self._left_out} more")
        painter.end()

    def _paint_row(self, painter: QPainter, row: Row, y: int) -> None:
        theme, line = self._theme, self._line()
        regular, bold = self._metrics()
        name, value, _ = self._widths()
        paint_line_sample(painter, QRectF(_PADDING, y, LENGTH, line), row.style)
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("text2"))
        self._say(painter, _PADDING + _SAMPLE, y, regular.elidedText(row.name, Qt.TextElideMode.ElideRight, name))
        right = _PADDING + _SAMPLE + name + _GAP + value
        painter.setFont(theme.font(11, 600))
        painter.setPen(theme.color("text"))
        self._say(painter, right - bold.horizontalAdvance(row.value), y, row.value)
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("text3"))
        self._say(painter, right + _GAP, y, row.after)

    def _say(self, painter: QPainter, x: int, y: int, words: str) -> None:
        painter.drawText(QRect(x, y, 2000, self._line()), int(Qt.AlignmentFlag.AlignVCenter), words)

    def _metrics(self) -> tuple[QFontMetrics, QFontMetrics]:
        return QFontMetrics(self._theme.font(11)), QFontMetrics(self._theme.font(11, 600))

    def _line(self) -> int:
        return self._metrics()[0].height() + 2

    def _widths(self) -> tuple[int, int, int]:
        """Of names, values and what stands after them."""
        regular, bold = self._metrics()
        name = max((regular.horizontalAdvance(row.name) for row in self._rows), default=0)
        value = max((bold.horizontalAdvance(row.value) for row in self._rows), default=0)
        after = max((regular.horizontalAdvance(row.after) for row in self._rows), default=0)
        return min(name, _LONGEST_NAME) + 1, value, after
