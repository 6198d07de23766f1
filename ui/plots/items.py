"""What a curve is made of on the screen: lines of width 1, and the band between two lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QTransform
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from ui.guard import guarded
from ui.plots.line_data import Values

#: px by which the three passes of a strong line are shifted: twice as strong, and ten times faster than width 2
PASSES = ((0.0, 0.0), (0.55, 0.0), (0.0, 0.55))


class Line(pg.PlotCurveItem):
    """An antialiased line of width 1; a ``strong`` one is drawn in three passes. NaN cuts it."""

    def __init__(self, *, strong: bool = False) -> None:
        super().__init__(antialias=True, connect="finite", skipFiniteCheck=False)
        self._strong = strong

    def set_points(self, x: Values, y: Values) -> None:
        """Replace the points."""
        self.setData(x, y)

    def set_pen(self, pen: QPen, *, antialias: bool = True) -> None:
        """Its look."""
        self.opts["antialias"] = antialias
        self.setPen(pen)

    @guarded
    def paint(self, p: QPainter, opt: QStyleOptionGraphicsItem, widget: QWidget | None) -> None:
        """Qt's."""
        if not self._strong or self._exportOpts is not False:
            super().paint(p, opt, widget)
            return
        placed = p.transform()
        for right, down in PASSES:
            p.setTransform(placed * QTransform.fromTranslate(right, down))
            super().paint(p, opt, widget)
        p.setTransform(placed)


class Band(pg.GraphicsObject):
    """The area between a lower and an upper line, which may be reduced differently; NaN cuts it."""

    def __init__(self) -> None:
        super().__init__()
        self._path = QPainterPath()
        self._bounds = QRectF()
        self._color = QColor()

    def set_color(self, color: QColor) -> None:
        """Its colour, with the alpha that it is drawn in."""
        self._color = color
        self.update()

    def set_lines(self, low: tuple[Values, Values], high: tuple[Values, Values]) -> None:
        """Both lines as (x, y). They are cut into sections by NaN, and sections are paired in their order."""
        path = QPainterPath()
        for below, above in zip(_sections(*low), _sections(*high), strict=False):
            x = np.concatenate((below[0], above[0][::-1], below[0][:1]))
            y = np.concatenate((below[1], above[1][::-1], below[1][:1]))
            path.addPath(pg.arrayToQPath(x, y))
        self.prepareGeometryChange()
        self._path = path
        self._bounds = path.controlPointRect()
        self.update()

    def boundingRect(self) -> QRectF:
        """Qt's."""
        return self._bounds

    def dataBounds(self, axis: int, frac: float = 1.0, orthoRange: Any = None) -> tuple[None, None]:
        """pyqtgraph's; the plot sets its range itself."""
        return None, None

    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Qt's."""
        # Edges are covered by lines where they matter; without smoothing the fill takes half the time.
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, self._exportOpts is not False)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._color)
        painter.drawPath(self._path)


def joined(lines: list[tuple[Values, Values]]) -> tuple[Values, Values]:
    """Many lines as one, cut by NaN."""
    cut = np.array([np.nan])
    xs: list[Values] = []
    ys: list[Values] = []
    for x, y in lines:
        xs += [x, x[-1:]]
        ys += [y, cut[: len(x)]]
    return (np.concatenate(xs), np.concatenate(ys)) if xs else (np.empty(0), np.empty(0))


def _sections(x: Values, y: Values) -> list[tuple[Values, Values]]:
    finite = np.isfinite(y)
    if finite.all():
        return [(x, y)] if len(x) else []
    edges = np.flatnonzero(np.diff(np.concatenate(([0], finite.view(np.int8), [0]))))
    return [(x[begin:end], y[begin:end]) for begin, end in edges.reshape(-1, 2)]
