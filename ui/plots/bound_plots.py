"""The K-step estimate drawn over K: its parts against the return, how often it is below, and discounts by horizon."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt

from ui.plots.end_labels import EndLabel, EndLabels
from ui.plots.items import Line
from ui.plots.quiet_plot import QuietPlot, Values, faint
from ui.theme import Theme
from workbench.analysis.bound_numbers import Parts

#: part -> name and series of the palette
_PARTS = (
    ("estimate", "estimate", 1),
    ("rewards", "rewards", 0),
    ("terminal", "γᴷ Q", 3),
    ("intrinsic", "intrinsic", 2),
)
#: the share of the width that names at the ends of curves take
_ROOM = 0.24


class PartsPlot(QuietPlot):
    """Means over the states for every K; the return is a level line, the agent's own K a vertical one."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "The estimate and its parts by K")
        self._lines = {name: Line(strong=name == "estimate") for name, _, _ in _PARTS}
        self._return, self._own = pg.InfiniteLine(0, 0), pg.InfiniteLine(0, 90)
        self.add(self._return, self._own, depth=-1)
        self.add(*self._lines.values(), depth=1)
        self._names = EndLabels(self.view)
        self._table: Sequence[Parts] = ()
        self._mean = 0.0
        self.bottom.set_title("K (model steps)")
        self.left.set_title("Mean over the states")
        self.repaint_colors()

    def show_parts(self, table: Sequence[Parts], mean_return: float, own: int) -> None:
        """The parts for K = 0..H, the mean return, and the K that the agent trains with."""
        self._table, self._mean = table, mean_return
        steps = np.array([parts.steps for parts in table], np.float64)
        everything = [np.array([mean_return])]
        for name, line in self._lines.items():
            values = np.array([getattr(parts, name) for parts in table])
            line.set_points(steps, values)
            everything.append(values)
        self._return.setValue(mean_return)
        self._own.setValue(own)
        self.bottom.set_end(float(steps[-1]))
        self.set_ranges(np.append(steps, steps[-1] * (1 + _ROOM)), np.concatenate(everything), zero=True)
        self._label()

    def _label(self) -> None:
        if not self._table:
            return
        last = self._table[-1]
        labels = [
            EndLabel(last.steps, float(getattr(last, part)), name, self.theme.series(series).words)
            for part, name, series in _PARTS
        ]
        labels.append(EndLabel(last.steps, self._mean, "true return", self.theme.color("text")))
        self._names.set_labels(labels, self.theme.font(10, 600), self.theme.color("panel"))

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        super().repaint_colors()
        for name, _, series in _PARTS:
            self._lines[name].set_pen(self.theme.series(series).pen())
        self._return.setPen(self.pen("text"))
        self._own.setPen(self.pen("ctl", Qt.PenStyle.DashLine))
        self._label()


class SharePlot(QuietPlot):
    """For every K the share of states whose estimate is at most the return."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Share of states where the estimate is a bound, by K")
        self._bars = pg.BarGraphItem(x=[], height=[], width=0.8, pen=None)
        self.add(self._bars)
        self.bottom.set_title("K (model steps)")
        self.left.set_title("States below (%)")
        self.repaint_colors()

    def show_shares(self, table: Sequence[Parts]) -> None:
        """The table's shares."""
        steps = np.array([parts.steps for parts in table], np.float64)
        shares = np.array([100 * parts.below for parts in table])
        self._bars.setOpts(x=steps, height=shares, width=0.8)
        self.set_ranges(np.append(steps, (steps[0] - 0.5, steps[-1] + 0.5)), np.array([0.0, 100.0]))

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        super().repaint_colors()
        self._bars.setOpts(brush=faint(self.theme.series(1).line, 0.8), pen=None)


class DiscountPlot(QuietPlot):
    """The weight of every horizon: as discounting gives it, and as App. A.4 would have it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Weights of the horizons, given and optimal")
        self._given = pg.BarGraphItem(x=[], height=[], width=0.38, pen=None)
        self._optimal = pg.BarGraphItem(x=[], height=[], width=0.38, pen=None)
        self.add(self._given, self._optimal)
        self.bottom.set_title("Horizon (steps)")
        self.left.set_title("Weight")
        self.repaint_colors()

    def show_weights(self, given: Values, optimal: Values | None) -> None:
        """Weights of horizons 0..K; without optimal ones the given stand alone."""
        horizons = np.arange(len(given), dtype=np.float64)
        self._given.setOpts(x=horizons - 0.2, height=given, width=0.38)
        shown = np.zeros(0) if optimal is None else optimal
        self._optimal.setOpts(x=horizons[: len(shown)] + 0.2, height=shown, width=0.38)
        self.set_ranges(np.append(horizons, (-0.5, horizons[-1] + 0.5)), np.concatenate((given, shown)), zero=True)

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        super().repaint_colors()
        self._given.setOpts(brush=self.theme.color("ctl"), pen=None)
        self._optimal.setOpts(brush=faint(self.theme.series(2).line, 0.9), pen=None)
