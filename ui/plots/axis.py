"""The axes of every plot: three to five round ticks, true minus, thin lines, a horizontal grid."""

from __future__ import annotations

import math
from typing import Literal

import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPen

from ui.plots import ticks
from ui.theme import Theme

Scale = Literal["number", "log", "duration", "date"]

#: px between two ticks, along and up
_ROOM = {"bottom": 92, "left": 48}
_MOST = {"bottom": 6, "left": 5}
#: px that the last label may reach beyond the axis
_OVERHANG = 8


class PlotAxis(pg.AxisItem):
    """Left or bottom axis. ``short`` is for small plots: thousands as 6k, fewer ticks, no title."""

    def __init__(self, side: Literal["left", "bottom"], theme: Theme, *, short: bool = False) -> None:
        self._scale_kind: Scale = "number"
        self._short = short
        self._labels: dict[float, str] = {}
        self._whole = False
        self._room = _ROOM[side]
        self._end = math.inf
        super().__init__(side)
        self._theme = theme
        self.enableAutoSIPrefix(False)
        self.setStyle(tickLength=0, tickTextOffset=6, autoReduceTextSpace=False, hideOverlappingLabels=False)
        self.setStyle(tickAlpha=255)
        if side == "left":
            self.setGrid(255)
        self.repaint_colors()

    @property
    def scale_kind(self) -> Scale:
        """What the positions mean."""
        return self._scale_kind

    def set_scale_kind(self, kind: Scale) -> None:
        """What the positions mean: numbers, exponents of ten, seconds of a span, or seconds since 1970."""
        if kind != self._scale_kind:
            self._scale_kind = kind
            self.picture = None
            self.update()

    def set_title(self, title: str) -> None:
        """The title in words with its unit; none on small plots."""
        if not self._short:
            self.setLabel(title)
            self.label.setFont(self._theme.font(11))

    def set_whole(self, room: int | None = None) -> None:
        """Only whole numbers get ticks: steps, iterations. They are short: ``room`` px between two may be enough."""
        self._whole = True
        self._room = self._room if room is None else room

    def set_end(self, end: float) -> None:
        """Where the data end: what lies beyond is room for names, without ticks."""
        self._end = end

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        theme = self._theme
        self.setPen(_hairline(theme, "line"))
        self.setTickPen(_hairline(theme, "grid"))
        self.setTextPen(QPen(theme.color("text2")))
        self.setTickFont(theme.font(10))
        self.label.setFont(theme.font(11))
        room = 9 if self._short else 12
        metrics = pg.QtGui.QFontMetrics(theme.font(10))
        if self.orientation == "bottom":
            # The title stands below the ticks; pyqtgraph's own guess of its height cuts descenders.
            title = 0 if self._short else pg.QtGui.QFontMetrics(theme.font(11)).height() + 4
            self.setHeight(metrics.height() + room + title - 3)
        elif self._short:
            self.setWidth(metrics.horizontalAdvance("−0.000") + 6)

    def boundingRect(self) -> QRectF:
        """Qt's; labels of the first and last tick reach over the ends."""
        bounds: QRectF = super().boundingRect()
        return bounds.adjusted(-12, 0, _OVERHANG, 0) if self.orientation == "bottom" else bounds.adjusted(0, -8, 0, 8)

    # ---- pyqtgraph's hooks -------------------------------------------------------------------------------------------

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        """pyqtgraph's; one level of ticks."""
        room = self._theme.px(self._room)
        enough = 3 if self._short else _MOST[self.orientation]
        most = max(2, min(enough, int(size // (room * (0.6 if self._short else 1.0)))))
        low, high = sorted((minVal, maxVal))
        if self._scale_kind == "duration":
            found = ticks.duration_ticks(low, high, most)
        elif self._scale_kind == "date":
            found = ticks.date_ticks(low, high, most)
        elif self._whole:
            found = ticks.whole_ticks(low, high, most)
        else:
            make = ticks.log_ticks if self._scale_kind == "log" else ticks.number_ticks
            found = make(low, high, most, short=self._short)
        found = [(value, words) for value, words in found if value <= self._end]
        if self.orientation == "bottom" and high > low:
            found = [
                (value, words) for value, words in found if self._has_room(words, (high - value) / (high - low) * size)
            ]
        self._labels = dict(found)
        return [(1.0, [value for value, _ in found])]

    def _has_room(self, words: str, left: float) -> bool:
        """Whether a label, centred so many px from the end, is not cut off at the edge of the plot."""
        return pg.QtGui.QFontMetrics(self._theme.font(10)).horizontalAdvance(words) / 2 <= left + _OVERHANG

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """pyqtgraph's; the words made with the values."""
        return [self._labels.get(value, "") for value in values]


def _hairline(theme: Theme, token: str) -> QPen:
    pen = QPen(theme.color(token), 1)
    pen.setCosmetic(True)
    pen.setStyle(Qt.PenStyle.SolidLine)
    return pen
