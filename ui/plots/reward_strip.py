"""Reward and return so far of one episode, with a cursor that can be dragged."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent, QPen
from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from ui import format
from ui.controls.labels import Label
from ui.guard import guarded
from ui.plots.axis import PlotAxis
from ui.plots.items import Line
from ui.theme import Theme

_HEIGHT = 38


class RewardStrip(QWidget):
    """Two small plots over the steps of an episode; clicks and drags in them ask for a step."""

    sought = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._rewards: NDArray[np.float64] = np.empty(0)
        self._returns: NDArray[np.float64] = np.zeros(1)
        self._plots = (_StripPlot(theme), _StripPlot(theme))
        self._values = (Label(theme, weight=600), Label(theme, weight=600))
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        self._grid, self._theme = grid, theme
        theme.changed.connect(self._rescale)
        self._rescale()
        for number, words in enumerate(("Reward", "Return so far")):
            cell = QWidget()
            inner = QGridLayout(cell)
            inner.setContentsMargins(0, 0, 0, 0)
            inner.setSpacing(0)
            inner.addWidget(Label(theme, words, 11, token="text2"), 0, 0)
            inner.addWidget(self._values[number], 1, 0)
            grid.addWidget(cell, number, 0)
            grid.addWidget(self._plots[number], number, 1)
            self._plots[number].sought.connect(self.sought)
            self._plots[number].setAccessibleName(f"{words} of the episode")

    def _rescale(self) -> None:
        """The names take the same room whatever the values are."""
        self._grid.setColumnMinimumWidth(0, self._theme.px(84))

    def show_episode(self, rewards: NDArray[np.float64], returns: NDArray[np.float64]) -> None:
        """The rewards `[T]` and the returns so far `[T + 1]` of T steps."""
        self._rewards, self._returns = rewards, returns
        steps = np.arange(len(returns), dtype=np.float64)
        self._plots[0].show_values(steps[1:], rewards, len(rewards))
        self._plots[1].show_values(steps, returns, len(rewards))
        self.show_step(0)

    def show_step(self, step: int) -> None:
        """Put the cursor there, and say what the values are."""
        for plot in self._plots:
            plot.show_cursor(step)
        reward = float(self._rewards[step - 1]) if 0 < step <= len(self._rewards) else None
        self._values[0].setText(format.number(reward))
        self._values[1].setText(format.number(float(self._returns[min(step, len(self._returns) - 1)])))


class _StripPlot(pg.PlotWidget):
    """One line over the steps, without a horizontal axis of its own."""

    sought = Signal(int)

    def __init__(self, theme: Theme) -> None:
        self._axis = PlotAxis("left", theme, short=True)
        super().__init__(axisItems={"left": self._axis})
        self._theme = theme
        self._length = 0
        self._line = Line()
        self._zero = pg.InfiniteLine(0, 0)
        self._cursor = pg.InfiniteLine(0, 90)
        item = self.getPlotItem()
        item.hideAxis("bottom")
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setMouseEnabled(False, False)
        item.setContentsMargins(0, 1, 4, 1)
        view = item.getViewBox()
        view.disableAutoRange()
        for each in (self._zero, self._line, self._cursor):
            view.addItem(each, ignoreBounds=True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        theme.changed.connect(self._repaint)
        self._repaint()

    def show_values(self, steps: NDArray[np.float64], values: NDArray[np.float64], length: int) -> None:
        """Replace the line; ``length`` is the last step."""
        self._length = length
        self._line.set_points(steps, values)
        low, high = min(float(values.min(initial=0.0)), 0.0), max(float(values.max(initial=0.0)), 0.0)
        air = 0.08 * (high - low) or 1.0
        self.getPlotItem().getViewBox().setRange(
            xRange=(0, max(length, 1)), yRange=(low - air, high + air), padding=0, disableAutoRange=True
        )

    def show_cursor(self, step: int) -> None:
        """Put the cursor there."""
        self._cursor.setValue(step)

    def _repaint(self) -> None:
        theme = self._theme
        self.setFixedHeight(theme.px(_HEIGHT))
        self.setBackground(theme.color("panel"))
        self._axis.repaint_colors()
        self._line.set_pen(QPen(theme.series(0).line, 0))
        self._zero.setPen(QPen(theme.color("ctl"), 0))
        self._cursor.setPen(QPen(theme.color("text"), 0))

    @guarded
    def mousePressEvent(self, ev: QMouseEvent) -> None:
        """Qt's."""
        self._seek(ev)

    @guarded
    def mouseMoveEvent(self, ev: QMouseEvent) -> None:
        """Qt's."""
        if ev.buttons() & Qt.MouseButton.LeftButton:
            self._seek(ev)

    @guarded
    def mouseReleaseEvent(self, ev: QMouseEvent) -> None:
        """Qt's."""
        ev.accept()

    def _seek(self, ev: QMouseEvent) -> None:
        at = self.getPlotItem().getViewBox().mapSceneToView(self.mapToScene(ev.position().toPoint())).x()
        self.sought.emit(min(max(round(at), 0), self._length))
        ev.accept()
