"""Imagined minus real return of plans from many states, against what may foretell it."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Signal

from ui.plots.quiet_plot import QuietPlot, Values, faint
from ui.theme import Theme

#: px around a state within which a click means it
_REACH = 10
#: the share of the gaps' range that is left free above them, for words
_ABOVE = 0.12
#: the share of the height below 0 from which words have room there
_ROOM_BELOW = 0.2


class GapPlot(QuietPlot):
    """One point a state: above the line of 0 the model promised too much. Points beyond it are in the warning colour.

    States without a finite gap are not drawn, and cannot be chosen.
    """

    state_chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Imagined minus real return of each state")
        self._over, self._under, self._chosen = (pg.ScatterPlotItem(pxMode=True) for _ in range(3))
        self._zero = pg.InfiniteLine(0, 0)
        self._words = (pg.TextItem(anchor=(0, 0)), pg.TextItem(anchor=(0, 1)))
        self.add(self._zero, depth=-1)
        self.add(self._under, self._over, depth=1)
        self.add(self._chosen, depth=2)
        self.add(*self._words, depth=3)
        self._x: Values = np.empty(0)
        self._y: Values = np.empty(0)
        self._at: int | None = None
        self.left.set_title("Imagined − real")
        self.clicked.connect(self._choose)
        self.repaint_colors()

    def show_gaps(self, x: Values, gap: Values, x_title: str) -> None:
        """What foretells and the gap [N], with the name of the former."""
        self._x, self._y, self._at = x, gap, None
        self.bottom.set_title(x_title)
        shown = np.isfinite(x) & np.isfinite(gap)
        heights = np.append(gap[shown], 0.0)
        self.set_ranges(x[shown], np.append(heights, heights.max() + _ABOVE * np.ptp(heights)))
        (left, _), (low, high) = self.view.viewRange()
        for item, y in zip(self._words, (high, low), strict=True):
            item.setPos(left, y)
        self._words[1].setVisible(-low > _ROOM_BELOW * (high - low))
        self._draw()

    def choose_state(self, state: int | None) -> None:
        """Ring a state; None: none."""
        self._at = state
        here = [] if state is None else [state]
        self._chosen.setData(self._x[here], self._y[here])

    @property
    def chosen(self) -> int | None:
        """The state that is ringed."""
        return self._at

    def _choose(self, at: QPointF) -> None:
        width, height = self.view.viewPixelSize()
        distance = np.hypot((self._x - at.x()) / width, (self._y - at.y()) / height)
        distance = np.where(np.isfinite(distance), distance, np.inf)
        if len(distance) and distance.min() <= _REACH:
            self.state_chosen.emit(int(np.argmin(distance)))

    def _draw(self) -> None:
        over = self._y > 0
        for item, which, colour in (
            (self._over, over, self.theme.color("warn")),
            (self._under, ~over, self.theme.series(0).line),
        ):
            which = which & np.isfinite(self._x) & np.isfinite(self._y)
            item.setData(self._x[which], self._y[which], size=7, pen=None, brush=faint(colour, 0.75))
            item.setSymbol("t1" if item is self._over else "o")
        self.choose_state(self._at)

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        super().repaint_colors()
        self._zero.setPen(self.pen("ctl"))
        self._chosen.setSymbol("o")
        self._chosen.setSize(14)
        self._chosen.setBrush(None)
        self._chosen.setPen(self.pen("accent"))
        for item, words in zip(self._words, ("promised too much ↑", "too little ↓"), strict=True):
            item.setText(words)
            item.setColor(self.theme.color("text3"))
            item.setFont(self.theme.font(10))
        self._draw()
