"""Imagined against real reward of each step of a plan, with the gap between them filled."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg

from ui.plots.end_labels import EndLabel, EndLabels
from ui.plots.items import Band, Line
from ui.plots.plan_plots import stretched
from ui.plots.quiet_plot import QuietPlot, Values, faint
from ui.theme import Theme

#: the share of the width that names at the ends of curves take
_ROOM = 0.2


class RewardPlot(QuietPlot):
    """Imagined dashed, real solid."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Imagined and real reward of each step")
        self._imagined, self._real, self._gap = Line(strong=True), Line(strong=True), Band()
        self._names = EndLabels(self.view)
        self._ends: tuple[Values, Values] = (np.empty(0), np.empty(0))
        self._place = pg.InfiniteLine(0, 90)
        self._place.hide()
        self.add(self._gap, depth=0)
        self.add(self._imagined, self._real, depth=1)
        self.add(self._place, depth=2)
        self.bottom.set_title("Plan step")
        self.bottom.set_whole()
        self.left.set_title("Reward")
        self.repaint_colors()

    def show_rewards(self, imagined: Values, real: Values) -> None:
        """``imagined`` [H] and ``real`` [T]; T is smaller where the episode ended."""
        both = min(len(imagined), len(real))
        self._imagined.set_points(*stretched(imagined))
        self._real.set_points(*stretched(real))
        self._gap.set_lines(stretched(imagined[:both]), stretched(real[:both]))
        self._ends = (imagined, real)
        last = max(len(imagined) - 1, 1)
        self.set_ranges(np.array([0.0, last * (1 + _ROOM)]), np.concatenate((imagined, real)))
        self._label()

    def show_step(self, step: int) -> None:
        """Mark the reward of the step that led to the state after ``step`` steps; the start state has none."""
        self._place.setVisible(step > 0)
        self._place.setValue(step - 1)

    def _label(self) -> None:
        theme = self.theme
        labels = [
            EndLabel(float(stretched(values)[0][-1]), float(values[-1]), name, theme.series(number).words)
            for number, (name, values) in ((1, ("imagined", self._ends[0])), (0, ("real", self._ends[1])))
            if len(values)
        ]
        self._names.set_labels(labels, theme.font(10, 600), theme.color("panel"))

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        super().repaint_colors()
        self._imagined.set_pen(self.theme.series(1).pen())
        self._real.set_pen(self.theme.series(0).pen())
        self._place.setPen(self.pen("text"))
        self._gap.set_color(faint(self.theme.color("warn"), 0.2))
        self._label()
