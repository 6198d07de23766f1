"""A search over its iterations: how good the candidates are, how wide the proposal, where the plan leads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor, QPen, QResizeEvent

from ui import format
from ui.guard import guarded
from ui.plots.end_labels import EndLabel, EndLabels
from ui.plots.items import Band, Line
from ui.plots.plan_plots import picked
from ui.plots.quiet_plot import QuietPlot, Values, faint
from ui.theme import Theme

#: name (empty: none), values, pen, colour of the name
Curve = tuple[str, Values, QPen, QColor]

_BINS = 30
#: latents of random sequences that are drawn at most
_CLOUD = 400
#: px between two ticks of iterations
_TICKS = 34
#: the largest share of the width that names at the ends of curves take
_NAMES = 0.6


class ReturnsPlot(QuietPlot):
    """How many candidates have each imagined return; the elites in their colour, the best so far as a line."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Histogram of imagined returns")
        self._all, self._elites = (pg.BarGraphItem(x=[], height=[], width=1.0, pen=None) for _ in range(2))
        self._best, self._words = pg.InfiniteLine(0, 90), pg.TextItem(anchor=(1, 0))
        for depth, item in enumerate((self._all, self._elites, self._best, self._words)):
            self.add(item, depth=depth)
        self.bottom.set_title("Imagined return")
        self.left.set_title("Candidates")
        self.left.set_whole()
        self.repaint_colors()

    def show_returns(
        self, returns: Values, elites: Values, best: float, lost: int, other: tuple[Values, float] | None = None
    ) -> None:
        """Returns of all candidates [N] and of the elites [k]; ``lost`` of them were not finite and are left out.

        ``other`` are the returns and the best of another search that is drawn beside: both get the same bars and axes.
        """
        finite = returns[np.isfinite(returns)]
        beside = np.empty(0) if other is None else other[0][np.isfinite(other[0])]
        bests = np.array([best] if other is None else [best, other[1]])
        known = np.concatenate((finite, beside, bests[np.isfinite(bests)]))
        edges = np.histogram_bin_edges(known, _BINS) if len(known) else np.array([0.0, 1.0])
        # Two searches may try different numbers of candidates; then shares can be compared, counts cannot.
        unit = 1.0 if other is None else max(len(finite), 1) / 100.0
        self.left.set_title("Candidates" if other is None else "Candidates (%)")
        counts = np.histogram(finite, edges)[0] / unit
        middles, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges) * 0.86
        self._all.setOpts(x=middles, height=counts, width=width)
        self._elites.setOpts(x=middles, height=np.histogram(elites[np.isfinite(elites)], edges)[0] / unit, width=width)
        self._best.setVisible(bool(np.isfinite(best)))
        self._best.setValue(best if np.isfinite(best) else 0.0)
        theirs = np.histogram(beside, edges)[0].max(initial=0) / max(len(beside), 1) * 100.0
        top = float(max(counts.max(initial=0), theirs, 1.0))
        self.set_ranges(edges, np.array([0.0, 1.25 * top]), zero=True)
        said = [f"best {format.number(float(f'{best:.3g}'))}"] if np.isfinite(best) else []
        self._words.setText("\n".join(said + ([f"{format.count(lost)} not finite"] if lost else [])))
        (left, right), (_, high) = self.view.viewRange()
        at_right = best > (left + right) / 2
        self._words.setAnchor((1, 0) if at_right else (0, 0))
        self._words.setPos(best if np.isfinite(best) else right, high)

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        super().repaint_colors()
        theme = self.theme
        self._all.setOpts(brush=faint(theme.color("text3"), 0.6), pen=None)
        self._elites.setOpts(brush=theme.series(3).line, pen=None)
        self._best.setPen(theme.series(2).pen())
        self._words.setColor(theme.series(2).words)
        self._words.setFont(theme.font(10, 600))


class IterationPlot(QuietPlot):
    """Curves over iterations with their names at their ends, and a line at the iteration that is shown.

    With ``log`` values are exponents of ten.
    """

    _ends = (0.0, 0.0)  # the first and the last x; Qt's events come before the object is whole

    def __init__(self, theme: Theme, name: str, title: str, across: str = "Iteration", *, log: bool = False) -> None:
        super().__init__(theme, name)
        self._lines: list[Line] = []
        self._band = Band()
        self._cursor = pg.InfiniteLine(0, 90)
        self._names = EndLabels(self.view)
        self.add(self._band, depth=0)
        self.add(self._cursor, depth=20)
        self.bottom.set_title(across)
        self.bottom.set_whole(_TICKS)
        self.left.set_title(title)
        if log:
            self.left.set_scale_kind("log")
        self.repaint_colors()

    def show_curves(
        self,
        curves: Sequence[Curve],
        numbers: Values,
        at: int | None,
        band: tuple[Values, Values] | None = None,
        *,
        zero: bool = False,
        other: Sequence[Values] = (),
    ) -> None:
        """``numbers`` are the x of each curve's values, in rising order, and ``at`` that of the iteration shown.

        A curve that is longer goes on in steps of 1.

        ``band`` runs between two lines, in the colour of the proposal. ``other`` are the values of another search that
        is drawn beside: both get the same axes.
        """
        while len(self._lines) < len(curves):
            self._lines.append(Line())
            self.add(self._lines[-1], depth=2)
        labels = []
        for at_line, line in enumerate(self._lines):
            if at_line >= len(curves):
                line.set_points(np.empty(0), np.empty(0))
                continue
            name, values, pen, colour = curves[at_line]
            x = _along(numbers, len(values))
            line.set_pen(pen)
            line.set_points(*((x, values) if len(x) != 1 else (np.array([x[0] - 0.1, x[0] + 0.1]), values.repeat(2))))
            if name and len(values) and np.isfinite(values[-1]):
                labels.append(EndLabel(float(x[-1]), float(values[-1]), name, colour))
        self._band.setVisible(band is not None)
        drawn = [values for _, values, _, _ in curves]
        longest = max((len(values) for values in (*drawn, *other)), default=1)
        drawn += other
        if band is not None:
            x = _along(numbers, len(band[0]))
            self._band.set_lines((x, band[0]), (x, band[1]))
            drawn += band
        self._cursor.setVisible(at is not None)
        if at is not None:
            self._cursor.setValue(at)
        self._names.set_labels(labels, self.theme.font(10, 600), self.theme.color("panel"))
        first, last = (float(end) for end in _along(numbers, max(longest, 1))[[0, -1]])
        self._ends = first, max(last, first + 1.0)
        self.bottom.set_end(self._ends[1])
        self.set_ranges(np.array(self._ends, np.float64), np.concatenate(drawn) if drawn else np.zeros(1), zero=zero)
        self._make_room()

    def _make_room(self) -> None:
        """Leave room for the names behind the curves."""
        first, last = self._ends
        whole, air = max(self.view.width(), 1.0), 0.03 * (last - first)
        share = min(self._names.width() / whole, _NAMES)
        self.view.setXRange(first - air, last + air + (last - first) * share / (1.0 - share), padding=0)

    @guarded
    def resizeEvent(self, ev: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(ev)
        if self._ends[1]:
            self._make_room()

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again; who draws the curves draws them anew."""
        super().repaint_colors()
        self._cursor.setPen(self.pen("text"))
        self._band.set_color(faint(self.theme.series(1).line))


def _along(numbers: Values, count: int) -> Values:
    """The first ``count`` of ``numbers``, which go on in steps of 1."""
    last = numbers[-1] if len(numbers) else 0.0
    return np.concatenate((numbers, last + 1.0 + np.arange(max(count - len(numbers), 0))))[:count]


class LatentPlot(QuietPlot):
    """Where the plan leads in the plane of the first two principal components: imagined, and as it really was."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Imagined latents in the plane of their largest variance")
        self._cloud = pg.ScatterPlotItem(pxMode=True)
        self._lines, self._dots = (Line(), Line()), (pg.ScatterPlotItem(), pg.ScatterPlotItem())
        self._now = pg.ScatterPlotItem(pxMode=True)
        self._names = EndLabels(self.view)
        self._clouded: Values | None = None
        self._drawn: tuple[Values, Values, Values | None] = (np.empty((0, 2)), np.empty((0, 2)), None)
        self.add(self._cloud, depth=-1)
        self.add(*self._lines, depth=1)
        self.add(*self._dots, depth=2)
        self.add(self._now, depth=3)
        self.repaint_colors()

    def show_paths(
        self, cloud: Values, imagined: Values, real: Values | None, shares: Values, other: Values | None = None
    ) -> None:
        """``cloud`` [n, 2], the plan's imagined path [H + 1, 2], the real one [T + 1, 2] where it is known.

        ``shares`` [2] of the cloud's variance stand at the axes. ``other`` is the path of another search that is drawn
        beside in the same plane: both get the same axes.
        """
        self._drawn = (cloud, imagined, real)
        for axis, number in ((self.bottom, 0), (self.left, 1)):
            axis.set_title(f"PC {number + 1} ({format.percent(float(shares[number]))})")
        middle = np.quantile(cloud, (0.25, 0.75), axis=0)  # what lies far out is not worth the room
        points = np.concatenate([path for path in (middle, imagined, real, other) if path is not None])
        self.set_ranges(points[:, 0], points[:, 1])
        self._draw()

    def _draw(self) -> None:
        theme, (cloud, imagined, real) = self.theme, self._drawn
        if cloud is not self._clouded:  # it stays the same through a search
            self._clouded, few = cloud, cloud[picked(len(cloud), _CLOUD)]
            self._cloud.setData(few[:, 0], few[:, 1], size=3, pen=None, brush=faint(theme.color("text3"), 0.4))
        labels = []
        shown = ((real, theme.series(0), "o", "real"), (imagined, theme.series(1), "s", "imagined"))
        for line, dots, (path, style, symbol, name) in zip(self._lines, self._dots, shown, strict=True):
            points = np.empty((0, 2)) if path is None else path
            line.set_points(points[:, 0], points[:, 1])
            line.set_pen(style.pen())
            dots.setData(points[:, 0], points[:, 1], size=6, symbol=symbol, pen=None, brush=style.line)
            if len(points):
                labels.append(EndLabel(float(points[-1, 0]), float(points[-1, 1]), name, style.words))
        start = imagined[:1]
        ring = QPen(theme.color("text"), 1.5)
        ring.setCosmetic(True)
        self._now.setData(start[:, 0], start[:, 1], size=11, symbol="o", pen=ring, brush=theme.color("panel"))
        self._names.set_labels(labels, theme.font(10, 600), theme.color("panel"))

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        super().repaint_colors()
        self._clouded = None
        self._draw()
