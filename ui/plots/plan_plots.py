"""Candidate sequences of a planner drawn over the horizon, one plot per action dimension."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QFontMetrics, QPen

from ui.plots.items import Band, Line, joined
from ui.plots.quiet_plot import QuietPlot, Values, faint
from ui.theme import Theme

#: sequences that are drawn at most
CANDIDATES, ELITES = 70, 14
#: the series of a candidate that was picked
PICKED = 6
#: alpha of the candidates; of the bands that hold 90 % and 50 % of them, and 50 % of the elites
_FAINT = 0.35
_BANDS = (0.16, 0.24, 0.3)
#: px between two ticks of plan steps; air above and below the bounds, as a share of their distance
_TICKS, _AIR = 34, 0.04


@dataclass(frozen=True, eq=False)
class Cloud:
    """One action dimension of an iteration: ``candidates`` and ``elites`` [n, H], and curves [H] or None."""

    candidates: Values
    elites: Values
    mean: Values | None
    std: Values | None
    best: Values
    plan: Values
    picked: Values | None = None


@dataclass(frozen=True)
class Frame:
    """What all plots of a panel share: plan steps along, bounds up; and which of the axes are titled."""

    steps: int
    low: float
    high: float
    left: bool
    bottom: bool
    quantiles: bool = False


class CloudPlot(QuietPlot):
    """Candidates grey, elites, the proposal's mean with its standard deviation, the best sequence so far.

    Candidates and elites are lines, as many as can be told apart, or bands that hold a share of all of them. One
    candidate that was picked stands out.
    """

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__(theme, name)
        self._candidates, self._elites = Line(), Line()
        self._shares = (Band(), Band(), Band())
        self._band, self._mean, self._best = Band(), Line(strong=True), Line(strong=True)
        self._picked = Line(strong=True)
        self._titled: tuple[bool, bool] | None = None
        for depth, item in enumerate((self._candidates, self._elites, *self._shares, self._band)):
            self.add(item, depth=depth)
        self.add(self._mean, self._best, self._picked, depth=10)
        self.bottom.set_whole(_TICKS)
        self.left.set_title("Action")
        self.bottom.set_title("Plan step")
        self.setMinimumSize(110, 84)
        self.repaint_colors()

    def show_cloud(self, cloud: Cloud, frame: Frame) -> None:
        """Draw one action dimension in the panel's frame."""
        self._show_sequences(cloud, frame.quantiles)
        shown = cloud.plan if cloud.mean is None else cloud.mean
        x, mean = stretched(shown)
        self._mean.set_points(x, mean)
        self._band.setVisible(cloud.std is not None)
        if cloud.std is not None:
            std = stretched(cloud.std)[1]
            self._band.set_lines((x, np.maximum(mean - std, frame.low)), (x, np.minimum(mean + std, frame.high)))
        self._best.set_points(*stretched(cloud.best))
        self._picked.set_points(*((np.empty(0),) * 2 if cloud.picked is None else stretched(cloud.picked)))
        last, air = max(frame.steps - 1, 0), _AIR * (frame.high - frame.low)
        across, up = (0, last) if last else (-0.5, 0.5), (frame.low - air, frame.high + air)
        self.view.setRange(xRange=across, yRange=up, padding=0, disableAutoRange=True)
        if self._titled != (frame.left, frame.bottom):
            self._titled = frame.left, frame.bottom
            self._dress_axes()

    def _show_sequences(self, cloud: Cloud, quantiles: bool) -> None:
        for line, rows, most in (
            (self._candidates, cloud.candidates, CANDIDATES),
            (self._elites, cloud.elites, ELITES),
        ):
            line.setVisible(not quantiles)
            drawn = [] if quantiles else [stretched(row) for row in rows[picked(len(rows), most)]]
            line.set_points(*joined(drawn))
        shares = ((cloud.candidates, 0.05), (cloud.candidates, 0.25), (cloud.elites, 0.25))
        for band, (rows, tail) in zip(self._shares, shares, strict=True):
            band.setVisible(quantiles and len(rows) > 0)
            if quantiles and len(rows):
                low, high = np.quantile(rows, (tail, 1 - tail), axis=0)
                band.set_lines(stretched(low), stretched(high))

    def _dress_axes(self) -> None:
        """A plot inside the grid needs no titles, and no steps below it either."""
        left, bottom = self._titled or (True, True)
        self.left.showLabel(left)
        self.bottom.showLabel(bottom)
        self.bottom.setStyle(showValues=bottom)
        if not bottom:
            self.bottom.setHeight(QFontMetrics(self.theme.font(10)).height() // 2)
        else:
            self.bottom.repaint_colors()

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        super().repaint_colors()
        theme = self.theme
        grey = QPen(theme.color("text3", _FAINT), 1)
        grey.setCosmetic(True)
        self._candidates.set_pen(grey)
        elites = QPen(faint(theme.series(3).line, 0.7), 1)
        elites.setCosmetic(True)
        self._elites.set_pen(elites)
        colors = (theme.color("text3"), theme.color("text3"), theme.series(3).line)
        for band, color, alpha in zip(self._shares, colors, _BANDS, strict=True):
            band.set_color(faint(color, alpha))
        self._band.set_color(faint(theme.series(1).line))
        self._mean.set_pen(theme.series(1).pen())
        self._best.set_pen(theme.series(2).pen())
        self._picked.set_pen(theme.series(PICKED).pen())
        self._dress_axes()


def stretched(values: Values) -> tuple[Values, Values]:
    """Plan steps and ``values`` [H]; a plan of one step becomes a short line, since a point could not be seen."""
    if len(values) == 1:
        return np.array([-0.3, 0.3]), np.repeat(values, 2)
    return np.arange(len(values), dtype=np.float64), np.asarray(values, np.float64)


def picked(count: int, most: int) -> NDArray[np.int64]:
    """Up to ``most`` of ``count`` indices, evenly spread."""
    spread = np.linspace(0, count - 1, min(count, most))
    return np.unique(spread.round().astype(np.int64))
