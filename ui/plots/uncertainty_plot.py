"""Both kinds of uncertainty of each step of a plan."""

from __future__ import annotations

import numpy as np

from ui.plots.end_labels import EndLabel, EndLabels
from ui.plots.items import Line
from ui.plots.plan_plots import stretched
from ui.plots.quiet_plot import QuietPlot, Values
from ui.theme import Theme

#: the share of the width that names at the ends of curves take
_ROOM = 0.24


class UncertaintyPlot(QuietPlot):
    """Epistemic dashed, aleatoric solid; both over the steps of the plan."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Uncertainty of each step of the plan")
        self.epistemic, self.aleatoric = Line(strong=True), Line(strong=True)
        self._names = EndLabels(self.view)
        self._ends: tuple[Values, Values] = (np.empty(0), np.empty(0))
        self.add(self.aleatoric, self.epistemic, depth=1)
        self.bottom.set_title("Plan step")
        self.bottom.set_whole()
        self.left.set_title("Std / std of data")
        self.repaint_colors()

    def show_parts(self, aleatoric: Values, epistemic: Values) -> None:
        """Standard deviations [H] of each kind."""
        self.aleatoric.set_points(*stretched(aleatoric))
        self.epistemic.set_points(*stretched(epistemic))
        self._ends = (aleatoric, epistemic)
        last = max(len(aleatoric) - 1, 1)
        self.set_ranges(np.array([0.0, last * (1 + _ROOM)]), np.concatenate((aleatoric, epistemic)), zero=True)
        self._label()

    def _label(self) -> None:
        theme = self.theme
        labels = [
            EndLabel(float(stretched(values)[0][-1]), float(values[-1]), name, theme.series(number).words)
            for number, name, values in ((0, "aleatoric", self._ends[0]), (1, "epistemic", self._ends[1]))
            if len(values)
        ]
        self._names.set_labels(labels, theme.font(10, 600), theme.color("panel"))

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        super().repaint_colors()
        self.aleatoric.set_pen(self.theme.series(0).pen())
        self.epistemic.set_pen(self.theme.series(1).pen())
        self._label()
