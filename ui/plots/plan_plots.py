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
#: alpha of the candidates
_FAINT = 0.35


@dataclass(frozen=True, eq=False)
class Cloud:
    """One action dimension of an iteration: ``candidates`` and ``elites`` [n, H], and curves [H] or None."""

    candidates: Values
    elites: Values
    mean: Values | None
    std: Values | None
    best: Values
    plan: Values


class CloudPlot(QuietPlot):
    """Candidates grey, elites, the proposal's mean with its standard deviation, the best sequence so far."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__(theme, name)
        self._candidates, self._elites = Line(), Line()
        self._band, self._mean, self._best = Band(), Line(strong=True), Line(strong=True)
        for depth, item in enumerate((self._candidates, self._elites, self._band, self._mean, self._best)):
            self.add(item, depth=depth)
        self.bottom.set_whole()
        self.setMinimumSize(120, 110)
        self.repaint_colors()

    def show_cloud(self, cloud: Cloud, low: float, high: float, *, left: bool, bottom: bool) -> None:
        """Draw between the bounds ``low`` and ``high``; ``left`` and ``bottom`` say which axes have a title."""
        self._candidates.set_points(*joined([stretched(row) for row in cloud.candidates]))
        self._elites.set_points(*joined([stretched(row) for row in cloud.elites]))
        shown = cloud.plan if cloud.mean is None else cloud.mean
        x, mean = stretched(shown)
        self._mean.set_points(x, mean)
        self._band.setVisible(cloud.std is not None)
        if cloud.std is not None:
            std = stretched(cloud.std)[1]
            self._band.set_lines((x, np.maximum(mean - std, low)), (x, np.minimum(mean + std, high)))
        self._best.set_points(*stretched(cloud.best))
        self.set_ranges(x, np.array([low, high]))
        for axis, title, titled in ((self.left, "Action", left), (self.bottom, "Plan step", bottom)):
            axis.set_title(title)
            axis.showLabel(titled)
        if not bottom:
            self.bottom.setHeight(QFontMetrics(self.theme.font(10)).height() + 9)  # no room for the title

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
        self._band.set_color(faint(theme.series(1).line))
        self._mean.set_pen(theme.series(1).pen())
        self._best.set_pen(theme.series(2).pen())


def stretched(values: Values) -> tuple[Values, Values]:
    """Plan steps and ``values`` [H]; a plan of one step becomes a short line, since a point could not be seen."""
    if len(values) == 1:
        return np.array([-0.3, 0.3]), np.repeat(values, 2)
    return np.arange(len(values), dtype=np.float64), np.asarray(values, np.float64)


def picked(count: int, most: int) -> NDArray[np.int64]:
    """Up to ``most`` of ``count`` indices, evenly spread."""
    spread = np.linspace(0, count - 1, min(count, most))
    return np.unique(spread.round().astype(np.int64))
