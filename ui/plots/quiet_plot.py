"""A plot that the mouse does not move: round ticks, a cursor for its x, and clicks told in data positions."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPen
from PySide6.QtWidgets import QFrame

from ui.guard import guarded, guarded_or
from ui.plots.axis import PlotAxis
from ui.theme import Theme

Values = NDArray[np.float64]

#: alpha of bands
_BAND = 0.2
#: air around what is drawn, as a share of its range
_AIR = 0.06


class QuietPlot(pg.PlotWidget):
    """Left and bottom axis with titles; who draws into it sets its range."""

    clicked = Signal(QPointF)  # data position

    def __init__(self, theme: Theme, name: str, *, short: bool = False) -> None:
        self.left, self.bottom = PlotAxis("left", theme, short=short), PlotAxis("bottom", theme)
        super().__init__(axisItems={"left": self.left, "bottom": self.bottom})
        self.theme = theme
        self.setAccessibleName(name)
        for axis in (self.left, self.bottom):
            axis.setZValue(-1000)  # the grid belongs behind everything
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setMouseEnabled(False, False)
        item.setContentsMargins(0, 2, 6, 0)
        self.view = item.getViewBox()
        self.view.disableAutoRange()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumSize(120, 90)
        theme.changed.connect(self.repaint_colors)

    def add(self, *items: pg.GraphicsObject, depth: int = 0) -> None:
        """Put items in, the deeper ones (smaller ``depth``) behind."""
        for item in items:
            item.setZValue(depth)
            self.view.addItem(item, ignoreBounds=True)

    def pen(self, token: str, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
        """A line of 1 px."""
        pen = QPen(self.theme.color(token), 1, style)
        pen.setCosmetic(True)
        return pen

    def set_ranges(self, x: Values, y: Values, *, zero: bool = False) -> None:
        """Show all finite x and y with some air; with ``zero`` the y axis reaches 0."""
        self.view.setRange(xRange=_range(x, False), yRange=_range(y, zero), padding=0, disableAutoRange=True)

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        self.setBackground(self.theme.color("panel"))
        self.left.repaint_colors()
        self.bottom.repaint_colors()

    @guarded_or(QSize())
    def sizeHint(self) -> QSize:
        """Qt's; as small as it may be, and it takes what room there is."""
        return self.minimumSize()

    @guarded
    def mousePressEvent(self, ev: QMouseEvent) -> None:
        """Qt's."""
        if ev.button() is Qt.MouseButton.LeftButton:
            self.clicked.emit(self.view.mapSceneToView(self.mapToScene(ev.position().toPoint())))
        ev.accept()

    @guarded
    def mouseMoveEvent(self, ev: QMouseEvent) -> None:
        """Qt's; nothing follows the mouse."""
        ev.accept()

    @guarded
    def mouseReleaseEvent(self, ev: QMouseEvent) -> None:
        """Qt's."""
        ev.accept()


def faint(color: QColor, alpha: float = _BAND) -> QColor:
    """The colour of a band."""
    thin = QColor(color)
    thin.setAlphaF(alpha)
    return thin


def _range(values: Values, zero: bool) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if zero or not len(finite):
        finite = np.append(finite, 0.0)
    low, high = float(finite.min()), float(finite.max())
    air = _AIR * (high - low) or max(abs(high), 1.0) * _AIR
    return low - air, high + air
