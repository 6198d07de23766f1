"""The plots of one search over its iterations; another search can be drawn beside it at the same scales."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from ui.controls.elided_label import ElidedLabel
from ui.controls.sample_label import SampleLabel
from ui.plots.heat_map import HeatMap
from ui.plots.quiet_plot import Values
from ui.plots.search_plots import Curve, IterationPlot, LatentPlot, ReturnsPlot
from ui.plots.tree_plot import TreePlot
from ui.theme import Theme

if TYPE_CHECKING:
    from workbench.engine.planning_desk import PlanLook, PlanningFacts
    from workbench.planners.base import PlanStep

#: px that a plot needs across and up
_ROOM, _HEIGHT = 170, 150
#: no gradient is smaller on the screen than this; a gain of zero regularisation stands a decade below the smallest
_SMALLEST = 1e-12


@dataclass(frozen=True, eq=False)
class Search:
    """A search with iteration ``shown`` of its ``looks`` in sight; ``before`` is one that it took the place of.

    ``drawn_in`` are the facts of the search that it is compared with.
    """

    looks: Sequence[PlanLook]
    shown: int
    before: Sequence[PlanLook] = ()
    drawn_in: PlanningFacts | None = None

    @property
    def facts(self) -> PlanningFacts:
        """Whose plane the latents are drawn in: that of the search which this one is compared with, if it fits.

        Of what was stored there is the path in its own plane alone.
        """
        other, own = self.drawn_in, self.look.facts
        fits = other is not None and other.plane.mean.shape == own.plane.mean.shape and len(self.look.step.latents) > 0
        return other if fits and other is not None else own

    @property
    def path(self) -> Values:
        """Where the plan leads, in that plane [H + 1, 2]."""
        facts = self.facts
        return self.look.path if facts is self.look.facts else facts.plane(self.look.step.latents)

    @property
    def look(self) -> PlanLook:
        """The iteration in sight."""
        return self.looks[self.shown - 1]

    @property
    def at(self) -> tuple[Values, int]:
        """The numbers of all iterations, of which a stored search may lack some, and that of the one in sight."""
        return self.over(lambda step: step.iteration), self.look.step.iteration

    def over(self, which: Callable[[PlanStep], float]) -> Values:
        """A number of every iteration."""
        return np.array([which(look.step) for look in self.looks], np.float64)

    def extra(self, name: str) -> Values:
        """One of the planner's own numbers of every iteration; not a number where it has none."""
        return self.over(lambda step: float(step.extras[name]) if name in step.extras else float("nan"))


class SearchSide(QWidget):
    """Plots are shown as far as the planner has what they show: a proposal, a gradient, a line search, a tree."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.heading = ElidedLabel()
        self.returns, self.latents, self.tree = ReturnsPlot(theme), LatentPlot(theme), TreePlot(theme)
        self.convergence = IterationPlot(theme, "Return by iteration", "Return")
        self.cost = IterationPlot(theme, "Cost by iteration", "Cost")
        self.width_ = IterationPlot(theme, "Proposal width by iteration", "Proposal std")
        self.gradient = IterationPlot(theme, "Gradient norm by plan step", "Norm", "Plan step", log=True)
        self.descent = IterationPlot(theme, "Improvement by iteration", "Improvement")
        self.regularisation = IterationPlot(theme, "Regularisation by iteration", "Regularisation", log=True)
        self.line_search = IterationPlot(theme, "Step size of the line search by iteration", "Step size")
        self.gains = HeatMap(theme, "Gains: norm per action", signed=False, rows_named=True, across="Plan step")
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.heading)
        column.addLayout(self._grid, 1)
        self._cells: dict[QWidget, _Cell] = {}
        for title, hint, plot in (
            ("Tree", "", self.tree),
            ("Returns", "", self.returns),
            ("Cost", "minus the imagined return", self.cost),
            ("Convergence", "imagined", self.convergence),
            ("Proposal width", "per action", self.width_),
            ("Gradient", "middle 80 %", self.gradient),
            ("Improvement", "of the return", self.descent),
            ("Line search", "step size taken", self.line_search),
            ("Regularisation", "", self.regularisation),
            ("", "", self.gains),
            ("Imagined latents", "PCA, fixed", self.latents),
        ):
            self._cells[plot] = _Cell(theme, title, hint, plot)
        samples = SampleLabel(theme, 1, "last simulation"), SampleLabel(theme, 2, "most visited")
        self._cells[self.tree].add_samples(samples)
        theme.changed.connect(self._style)
        self._style()

    def show_search(self, search: Search, other: Search | None, real: Values | None) -> None:
        """Draw a search; ``real`` [T + 1, 2] is where its plan really led, where that is known."""
        step = search.look.step
        self._show_returns(search, other)
        self._show_convergence(search, other)
        self._show_width(search, other)
        self._show_gradient(search, other)
        self._show_line_search(search, other)
        if "parent" in step.extras:
            self.tree.show_tree(step.extras, search.look.facts.action_names)
        self.show_latents(search, other, real)

    def _show_returns(self, search: Search, other: Search | None) -> None:
        step = search.look.step
        elites = np.empty(0) if step.elites is None else step.returns[step.elites]
        self._cells[self.returns].note.setText("elites coloured" if len(elites) else "of the candidates")
        beside = None
        if other is not None:
            beside = other.look.step.returns, other.look.step.best_return
        self.returns.show_returns(step.returns, elites, step.best_return, step.nonfinite, beside)

    def _show_convergence(self, search: Search, other: Search | None) -> None:
        theme = self._theme
        text, grey = theme.color("text"), theme.color("text3")
        best, plan, elites = theme.series(2), theme.series(1), theme.series(3)
        curves: list[Curve] = [
            ("best", search.over(_best), best.pen(), best.words),
            ("all", search.over(_mean_return), plain(text), text),
            ("plan", search.over(_plan), plan.pen(), plan.words),
        ]
        if search.looks[0].step.elites is not None:
            curves.append(("elites", search.over(_elite_return), plain(elites.line), elites.words))
        if search.before:
            curves.append(("before", Search(search.before, 1).over(_best), plain(grey), grey))
        beside = [] if other is None else [other.over(which) for which in (_best, _mean_return, _plan)]
        self.convergence.show_curves(curves, *search.at, other=beside)
        costs = [("tried", -search.over(_mean_return), plain(grey), grey), ("plan", -search.over(_plan), *_dress(plan))]
        shared = [-values for values in beside[1:]] if other is not None and _has(other, "regularisation") else []
        self.cost.show_curves(costs, *search.at, other=shared)

    def _show_width(self, search: Search, other: Search | None) -> None:
        widths = _widths(search)
        if not len(widths):
            return
        grey, style = self._theme.color("text3"), self._theme.series(1)
        curves: list[Curve] = [("", column, plain(grey), grey) for column in widths.T]
        curves.append(("mean", widths.mean(1), *_dress(style)))
        beside = [] if other is None else list(_widths(other).T)
        self.width_.show_curves(curves, *search.at, zero=True, other=beside)

    def _show_gradient(self, search: Search, other: Search | None) -> None:
        spread = _gradient(search.look)
        if spread is None:
            return
        first, beside = _gradient(search.looks[0]), None if other is None else _gradient(other.look)
        grey = self._theme.color("text3")
        curves: list[Curve] = []
        if first is not None and search.shown > 1:
            curves.append(("first iteration", first[1], plain(grey), grey))
        curves.append(("median", spread[1], *_dress(self._theme.series(1))))
        others = [] if beside is None else list(beside)
        steps = np.arange(spread.shape[1], dtype=np.float64)
        self.gradient.show_curves(curves, steps, None, (spread[0], spread[2]), other=others)

    def _show_line_search(self, search: Search, other: Search | None) -> None:
        if not _has(search, "expected_improvement"):
            return
        real, model = _dress(self._theme.series(0)), _dress(self._theme.series(1))
        both = [search] if other is None or not _has(other, "expected_improvement") else [search, other]
        names = ("expected_improvement", "actual_improvement", "step_size")
        expected, actual, sizes = ([each.extra(name) for each in both] for name in names)
        curves: list[Curve] = [("expected", expected[0], *model), ("actual", actual[0], *real)]
        beside = [*expected[1:], *actual[1:]]
        self.descent.show_curves(curves, *search.at, zero=True, other=beside)
        one = np.ones(1)
        self.line_search.show_curves([("", sizes[0], *real)], *search.at, zero=True, other=[one, *sizes[1:]])
        levels, zeros = zip(*(_levels(each.extra("regularisation")) for each in both), strict=True)
        self.regularisation.show_curves([("", levels[0], *real)], *search.at, other=levels[1:])
        self._cells[self.regularisation].note.setText("lowest: none" if zeros[0] else "")
        norms = [_gain_norms(look) for look in search.looks]
        limit = max((float(each.max()) for each in norms if each is not None), default=1.0)
        now = norms[search.shown - 1]
        if now is not None:
            self.gains.name_rows(search.look.facts.action_names)
            self.gains.show_values(now, np.arange(now.shape[1]), limit, len(now) - 1)

    def show_latents(self, search: Search, other: Search | None, real: Values | None) -> None:
        """Where the plan leads; two searches are drawn in the same plane."""
        facts = search.facts
        beside = other.path if other is not None and other.facts is facts else None
        self.latents.show_paths(facts.cloud, search.path, real, facts.plane.shares, beside)

    # ---- places -----------------------------------------------------------------------------------------------------

    def wanted(self, search: Search, *, paired: bool) -> list[QWidget]:
        """The plots that this planner has something for; the most telling first, or those that all planners have."""
        extras, step = search.look.step.extras, search.look.step
        if "regularisation" in extras:
            own: list[QWidget] = [self.descent, self.gains, self.line_search, self.regularisation]
            if paired:
                return [self.returns, self.convergence, *own, self.latents]
            return [self.cost, *own, self.returns, self.latents]
        shown: list[tuple[QWidget, bool]] = [
            (self.tree, "parent" in extras and not paired),
            (self.returns, True),
            (self.convergence, True),
            (self.tree, "parent" in extras and paired),
            (self.width_, step.std is not None),
            (self.gradient, "gradient_norm" in extras),
            (self.latents, True),
        ]
        return [plot for plot, has in shown if has]

    def rows_for(self, plots: Sequence[QWidget], columns: int) -> int:
        """Rows of ``columns`` that :meth:`arrange` needs."""
        return -(-(len(plots) + (1 if self.tree in plots and columns > 1 else 0)) // columns)

    def arrange(self, plots: Sequence[QWidget], columns: int, rows: int) -> None:
        """Put these in ``rows`` of ``columns``; the tree takes two places where there are two."""
        for plot, cell in self._cells.items():
            cell.setVisible(plot in plots)
        at = 0
        for plot in plots:
            span = 2 if plot is self.tree and columns > 1 else 1
            self._grid.addWidget(self._cells[plot], at // columns, at % columns, 1, span)
            at += span
        for column in range(max(columns, self._grid.columnCount())):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        for row in range(max(rows, self._grid.rowCount())):
            self._grid.setRowStretch(row, 1 if row < rows else 0)
            self._grid.setRowMinimumHeight(row, self._theme.px(_HEIGHT) if row < rows else 0)

    def columns_for(self, width: int) -> int:
        """How many plots have room beside each other."""
        return max(1, (width + 12) // (self._theme.px(_ROOM) + 12))

    def _style(self) -> None:
        self.heading.setFont(self._theme.font(11, 600))


class _Cell(QWidget):
    """A plot under its title and a hint."""

    def __init__(self, theme: Theme, title: str, hint: str, plot: QWidget) -> None:
        super().__init__()
        self._theme = theme
        self._title, self.note = ElidedLabel(title), ElidedLabel(hint)
        self.note.setProperty("role", "hint")
        self._head = head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._title)
        head.addWidget(self.note)
        head.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        if title:
            column.addLayout(head)
        column.addWidget(plot, 1)
        theme.changed.connect(self._style)
        self._style()

    def add_samples(self, samples: Sequence[SampleLabel]) -> None:
        """Say what lines mean that have no names at their ends."""
        for at, sample in enumerate(samples, 1):
            self._head.insertWidget(at, sample)

    def _style(self) -> None:
        self._title.setFont(self._theme.font(11, 600))
        self.note.setFont(self._theme.font(11))
        self.setMinimumHeight(self._theme.px(_HEIGHT))


def plain(color: Any) -> QPen:
    """A line of 1 px without dashes."""
    pen = QPen(color, 1)
    pen.setCosmetic(True)
    return pen


def _dress(style: Any) -> tuple[QPen, Any]:
    return style.pen(), style.words


def _best(step: PlanStep) -> float:
    return step.best_return


def _plan(step: PlanStep) -> float:
    return step.plan_return


def _mean_return(step: PlanStep) -> float:
    finite = step.returns[np.isfinite(step.returns)]
    return float(finite.mean()) if len(finite) else float("nan")


def _elite_return(step: PlanStep) -> float:
    return float(step.returns[step.elites].mean()) if step.elites is not None and len(step.elites) else float("nan")


def _has(search: Search, name: str) -> bool:
    return any(name in look.step.extras for look in search.looks)


def _widths(search: Search) -> Values:
    """The proposal's standard deviation, mean over the plan, of each iteration and action [n, A]; empty: none."""
    spreads = [look.step.std.mean(0) for look in search.looks if look.step.std is not None]
    return np.array(spreads, np.float64) if spreads else np.empty((0, 0))


def _gradient(look: PlanLook) -> Values | None:
    """Exponents of ten of the gradient's norm [3, H]: between 10 %, 50 % and 90 % of the candidates."""
    norms = look.step.extras.get("gradient_norm")
    if norms is None or not np.isfinite(norms).any():
        return None
    sizes = np.log10(np.maximum(np.where(np.isfinite(norms), norms, np.nan), _SMALLEST))
    found: Values = np.nanquantile(sizes, (0.1, 0.5, 0.9), axis=0)
    return found


def _levels(values: Values) -> tuple[Values, bool]:
    """Exponents of ten, and whether there are zeros among them, which stand a decade below the smallest."""
    positive = values[values > 0.0]
    lowest = float(np.log10(positive.min())) - 1.0 if len(positive) else -1.0
    zeros = values == 0.0
    return np.where(zeros, lowest, np.log10(np.where(zeros, 1.0, values))), bool(zeros.any())


def _gain_norms(look: PlanLook) -> Any:
    """How much each action is moved by the latents, |K_t| by row: [H, A]; None where there are no gains."""
    feedback = look.step.extras.get("feedback")
    return None if feedback is None else np.linalg.norm(feedback, axis=-1).astype(np.float32)
