"""Q-bias drawn: over training, estimate against return, how often each size, and against the time to the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, Signal

from ui import format
from ui.plots.end_labels import EndLabel, EndLabels
from ui.plots.items import Band, Line
from ui.plots.quiet_plot import QuietPlot, Values, faint
from ui.theme import SeriesStyle, Theme

#: px around a state within which a click means it
_REACH = 9
#: the share of the height that words take above the curves, and below
_MARGIN = 0.12
#: the share of the width that names at the ends of curves take
_ROOM = 0.22


@dataclass(frozen=True, eq=False)
class TrainingCurve:
    """Mean and std over states at training steps; ``band`` says whether the std is drawn around the mean."""

    name: str
    style: SeriesStyle
    step: NDArray[np.int64]
    mean: Values
    std: Values
    band: bool = True
    strong: bool = True


class TrainingPlot(QuietPlot):
    """Mean with band, or the std alone, over training; a line at the measurement that the other plots show."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Q-bias over training")
        self._items: list[pg.GraphicsObject] = []
        self._curves: Sequence[TrainingCurve] = ()
        self._spread = False
        self._zero, self._cursor = pg.InfiniteLine(0, 0), pg.InfiniteLine(0, 90)
        self._words = (pg.TextItem(anchor=(0, 0)), pg.TextItem(anchor=(0, 1)))
        self._over = 1.0
        self.add(self._zero, depth=-1)
        self.add(self._cursor, *self._words, depth=30)
        self._names = EndLabels(self.view)
        self.bottom.set_title("Environment steps")
        self.repaint_colors()

    def show_curves(self, curves: Sequence[TrainingCurve], over: float, *, spread: bool) -> None:
        """Draw these; ``over`` is 1 where up means over-estimates, else -1; ``spread``: the std instead of the mean."""
        for item in self._items:
            self.view.removeItem(item)
        self._items = []
        self._curves, self._over, self._spread = curves, over, spread
        heights = [np.zeros(1)]
        for curve in curves:
            x, y = curve.step.astype(np.float64), curve.std if spread else curve.mean
            line = Line(strong=curve.strong)
            line.set_points(x, y)
            line.set_pen(curve.style.pen(1.0 if curve.strong else 0.45))
            self._items.append(line)
            self.add(line, depth=2)
            # A single measurement has no line.
            brush = faint(curve.style.line, 1.0 if curve.strong else 0.45)
            dots = pg.ScatterPlotItem(x, y, size=4, pen=None, brush=brush)
            self._items.append(dots)
            self.add(dots, depth=3)
            heights.append(y)
            if curve.band and not spread:
                band = Band()
                band.set_color(faint(curve.style.line, 0.18))
                band.set_lines((x, y - curve.std), (x, y + curve.std))
                self._items.append(band)
                self.add(band, depth=0)
                heights += [y - curve.std, y + curve.std]
        steps = np.concatenate([curve.step for curve in curves] or [np.zeros(1, np.int64)]).astype(np.float64)
        beyond = steps.max() + _ROOM * max(steps.max(), 1.0)
        values = np.concatenate(heights)
        words = _MARGIN * (values.max() - values.min())  # above and below stands which way is which
        values = np.append(values, (values.min() - words, values.max() + words))
        self.bottom.set_end(float(steps.max()))
        self.set_ranges(np.append(steps, (0.0, beyond)), values, zero=True)  # training began at 0
        self.left.set_title("Std of the normalised bias" if spread else "Normalised bias")
        self._place_words()
        self._label()

    def show_cursor(self, step: int | None) -> None:
        """The training step of the measurement that is shown."""
        self._cursor.setVisible(step is not None)
        if step is not None:
            self._cursor.setValue(step)

    def _place_words(self) -> None:
        (left, _), (low, high) = self.view.viewRange()
        up, down = ("over-estimates", "under-estimates") if self._over > 0 else ("under-estimates", "over-estimates")
        for item, words, y in zip(self._words, (f"{up} ↑", f"{down} ↓"), (high, low), strict=True):
            item.setText(words)
            item.setPos(left, y)
            item.setVisible(not self._spread)
        self._words[0].setVisible(not self._spread and high > 0)

    def _label(self) -> None:
        labels = [
            EndLabel(float(curve.step[-1]), float((curve.std if self._spread else curve.mean)[-1]), curve.name, colour)
            for curve in self._curves
            for colour in [curve.style.words]
            if curve.name and len(curve.step)
        ]
        self._names.set_labels(labels, self.theme.font(10, 600), self.theme.color("panel"))

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        super().repaint_colors()
        self._zero.setPen(self.pen("ctl"))
        self._cursor.setPen(self.pen("text"))
        for item in self._words:
            item.setColor(self.theme.color("text3"))
            item.setFont(self.theme.font(10))
        self._label()


class ScatterPlot(QuietPlot):
    """One point a state: return across, estimate up; triangles far from the mean bias; a line where both agree."""

    state_chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Estimate against return of each state")
        self.setToolTip("Click a state to open it in Simulation.")
        self._states, self._marked = pg.ScatterPlotItem(pxMode=True), pg.ScatterPlotItem(pxMode=True)
        self._chosen = pg.ScatterPlotItem(pxMode=True)
        self._agree = Line()
        self.add(self._agree, depth=-1)
        self.add(self._states, depth=1)
        self.add(self._marked, depth=2)
        self.add(self._chosen, depth=3)
        self._x = self._y = np.empty(0)
        self._style = theme.series(1)
        self._which: NDArray[np.bool_] = np.empty(0, bool)
        self.bottom.set_title("Monte-Carlo return")
        self.left.set_title("Estimate")
        self.clicked.connect(self._choose)
        self.repaint_colors()

    def show_states(self, returns: Values, estimates: Values, marked: NDArray[np.bool_], style: SeriesStyle) -> None:
        """Returns, estimates and marks [N]."""
        self._x, self._y, self._which, self._style = returns, estimates, marked, style
        self._draw()
        self._chosen.setData([], [])
        both = np.concatenate((returns, estimates))
        ends = np.array([both.min(), both.max()])
        self._agree.set_points(ends, ends)
        self.set_ranges(returns, both)

    def choose_state(self, state: int) -> None:
        """Ring a state."""
        self._chosen.setData([self._x[state]], [self._y[state]])

    def _choose(self, at: QPointF) -> None:
        if not len(self._x):
            return
        width, height = self.view.viewPixelSize()
        distance = np.hypot((self._x - at.x()) / width, (self._y - at.y()) / height)
        nearest = int(np.argmin(distance))
        if distance[nearest] <= _REACH:
            self.choose_state(nearest)
            self.state_chosen.emit(nearest)

    def _draw(self) -> None:
        usual = ~self._which
        colour = faint(self._style.line, 0.45)
        self._states.setData(self._x[usual], self._y[usual], size=4, pen=None, brush=colour)
        self._marked.setData(
            self._x[self._which], self._y[self._which], symbol="t1", size=7, pen=None, brush=self.theme.color("text")
        )

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        super().repaint_colors()
        self._agree.set_pen(self.pen("text3"))
        self._chosen.setSymbol("o")
        self._chosen.setSize(12)
        self._chosen.setBrush(None)
        self._chosen.setPen(self.pen("accent"))
        self._draw()


class HistogramPlot(QuietPlot):
    """How many states have a bias of each size, with the mean and zero."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Histogram of the bias")
        self._bars = pg.BarGraphItem(x=[], height=[], width=1.0, pen=None)
        self._zero, self._mean = pg.InfiniteLine(0, 90), pg.InfiniteLine(0, 90)
        self._words = pg.TextItem(anchor=(0, 0))
        self.add(self._bars, depth=0)
        self.add(self._zero, self._mean, depth=2)
        self.add(self._words, depth=3)
        self.bottom.set_title("Bias per state")
        self.left.set_title("States")
        self.repaint_colors()

    def show_counts(
        self, counts: NDArray[np.int64], edges: Values, mean: float, std: float, style: SeriesStyle
    ) -> None:
        """States per bin [B] and the bins' edges [B + 1]."""
        middles = (edges[1:] + edges[:-1]) / 2
        self._bars.setOpts(x=middles, height=counts, width=np.diff(edges) * 0.86, brush=faint(style.line, 0.8))
        self._mean.setValue(mean)
        self.set_ranges(np.append(edges, 0.0), np.append(counts, 1.25 * counts.max()).astype(np.float64), zero=True)
        (left, right), (_, high) = self.view.viewRange()
        on_right = mean > (left + right) / 2
        self._words.setAnchor((1, 0) if on_right else (0, 0))
        self._words.setText(f"mean {format.number(mean)}\nstd {format.number(std)}")
        self._words.setPos(mean, high)

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        super().repaint_colors()
        self._bars.setOpts(pen=None)
        self._zero.setPen(self.pen("ctl", Qt.PenStyle.DashLine))
        self._mean.setPen(self.pen("text"))
        self._words.setColor(self.theme.color("text"))
        self._words.setFont(self.theme.font(10, 600))
        self._words.fill = pg.mkBrush(self.theme.color("panel"))


class TimePlot(QuietPlot):
    """Mean bias with its std over the states of each stretch of time to the end."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Bias against the time to the end")
        self._band, self._line, self._zero = Band(), Line(strong=True), pg.InfiniteLine(0, 0)
        self.add(self._zero, depth=-1)
        self.add(self._band, depth=0)
        self.add(self._line, depth=1)
        self.view.invertX(True)  # time runs on to the right
        self.bottom.set_title("Steps to the episode's end")
        self.left.set_title("Bias")
        self.repaint_colors()

    def show_means(self, steps: Values, mean: Values, std: Values, style: SeriesStyle) -> None:
        """Steps to the end, mean and std [B]."""
        self._line.set_points(steps, mean)
        self._line.set_pen(style.pen())
        self._band.set_color(faint(style.line))
        self._band.set_lines((steps, mean - std), (steps, mean + std))
        self.set_ranges(steps, np.concatenate((mean - std, mean + std)), zero=True)

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        super().repaint_colors()
        self._zero.setPen(self.pen("ctl"))
