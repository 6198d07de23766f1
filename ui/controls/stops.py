"""A slider over a few stops that lie where their numbers lie, with as many of the numbers as there is room for."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen

from ui import format
from ui.controls.seek_slider import SeekSlider
from ui.guard import guarded
from ui.theme import Theme

_MARGIN = 22.0
_DOT, _HANDLE = 3.0, 6.0


class Stops(SeekSlider):
    """Its value is the index of a stop. Left and Right go to the neighbours, Home and End to the ends."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__(theme, name, page=1)
        self._numbers: tuple[int, ...] = ()
        self._marks: dict[int, str] = {}

    def show_stops(self, numbers: Sequence[int], at: int, marks: dict[int, str] | None = None) -> None:
        """Offer these, in rising order, and stand at the ``at``-th, without telling; ``marks`` are words by number."""
        with self._silently():
            self._numbers, self._marks = tuple(numbers), marks or {}
            self.setRange(0, max(len(numbers) - 1, 0))
            self.setValue(max(at, 0))
            self.setEnabled(len(numbers) > 1)
        self.update()

    def show_position(self, at: int) -> None:
        """Stand at the ``at``-th stop, without telling."""
        with self._silently():
            self.setValue(at)

    def sizeHint(self) -> QSize:
        """Qt's."""
        return QSize(240, self._theme.px(36))

    def minimumSizeHint(self) -> QSize:
        """Qt's."""
        return QSize(80, self._theme.px(36))

    def place(self, index: int) -> float:
        """Where the stop lies, in px from the left."""
        low, high = self._numbers[0], self._numbers[-1]
        share = (self._numbers[index] - low) / (high - low) if high > low else 0.5
        return _MARGIN + share * (self.width() - 2 * _MARGIN)

    def _value_at(self, x: float) -> int:
        return min(range(len(self._numbers)), key=lambda index: abs(self.place(index) - x), default=0)

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's."""
        if not self._numbers:
            return
        theme, y = self._theme, self._theme.px(11)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ends = (self.place(0), self.place(len(self._numbers) - 1))
        here = self.place(self.value())
        for right, token in ((ends[1], "line"), (here, "accent")):
            painter.setPen(QPen(theme.color(token), 3))
            painter.drawLine(QPointF(ends[0], y), QPointF(right, y))
        painter.setPen(Qt.PenStyle.NoPen)
        for index in range(len(self._numbers)):
            painter.setBrush(theme.color("accent" if index <= self.value() else "field"))
            painter.drawEllipse(QPointF(self.place(index), y), _DOT, _DOT)
        painter.setBrush(theme.color("panel"))
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.drawEllipse(QPointF(here, y), _HANDLE, _HANDLE)
        self._paint_numbers(painter)
        self._paint_focus(painter)
        painter.end()

    def _paint_numbers(self, painter: QPainter) -> None:
        """The chosen one, the marked ones, the ends, then the others; what would touch another is left out."""
        theme, last = self._theme, len(self._numbers) - 1
        marked = [index for index, number in enumerate(self._numbers) if number in self._marks]
        order = dict.fromkeys([self.value(), *marked, 0, last, *range(last + 1)])
        taken: list[tuple[float, float]] = []
        for index in order:
            number, chosen = self._numbers[index], index == self.value()
            font = theme.font(10, 600 if chosen else 400)
            words = f"{format.count(number)} {self._marks.get(number, '')}".rstrip()
            width = QFontMetricsF(font).horizontalAdvance(words)
            left = min(max(self.place(index) - width / 2, 0.0), self.width() - width)
            if any(left < right + 8 and begin < left + width + 8 for begin, right in taken):
                continue
            taken.append((left, left + width))
            painter.setFont(font)
            painter.setPen(theme.color("text" if chosen else "text2"))
            painter.drawText(QPointF(left, self.height() - theme.px(5)), words)
