"""The search over its iterations: returns, convergence, the proposal's width or the gradient, and imagined latents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PySide6.QtCore import QSize
from PySide6.QtGui import QPen, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from ui.context import Context
from ui.controls.elided_label import ElidedLabel
from ui.controls.empty_state import EmptyState
from ui.guard import guarded
from ui.panels import plan_words
from ui.panels.base import Panel, run_alone
from ui.plan_reality import plan_reality
from ui.plan_session import plan_session
from ui.plots.search_plots import IterationPlot, LatentPlot, ReturnsPlot
from ui.plots.tree_plot import TreePlot

if TYPE_CHECKING:
    from workbench.engine.planning_desk import PlanLook

#: px of width that a plot needs, at least
_ROOM = 190


class PlanIterationsPanel(Panel):
    """Up to four small plots; one of them is what the planner has: a proposal, a gradient, a line search, a tree."""

    name: ClassVar[str] = "plan_iterations"
    title: ClassVar[str] = "Iterations"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.session, self.reality = plan_session(context), plan_reality(context)
        theme = self.theme
        self.returns, self.latents, self.tree = ReturnsPlot(theme), LatentPlot(theme), TreePlot(theme)
        self.convergence = IterationPlot(theme, "Return by iteration", "Return")
        self.width_ = IterationPlot(theme, "Proposal width by iteration", "Proposal std")
        self.gradient = IterationPlot(theme, "Gradient norm by plan step", "Log10 of norm", "Plan step")
        self.descent = IterationPlot(theme, "Improvement by iteration", "Improvement")
        self.empty = EmptyState(theme)
        self._cells: list[QWidget] = []
        self._titles: list[ElidedLabel] = []
        self._notes: list[ElidedLabel] = []
        body = QWidget()
        self._row = QHBoxLayout(body)
        self._row.setContentsMargins(12, 6, 12, 6)
        self._row.setSpacing(12)
        for title, hint, plot in (
            ("Returns", "elites coloured", self.returns),
            ("Convergence", "imagined", self.convergence),
            ("Proposal width", "per action", self.width_),
            ("Gradient", "middle 80 %", self.gradient),
            ("Improvement", "expected and actual", self.descent),
            ("Tree", "last way, best way", self.tree),
            ("Imagined latents", "PCA, fixed", self.latents),
        ):
            self._add(title, hint, plot)
        self._body = body
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(body)
        theme.changed.connect(self._style)
        self._style()

    def _add(self, title: str, hint: str, plot: QWidget) -> None:
        cell, words = QWidget(), ElidedLabel(title)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(words)
        note = ElidedLabel(hint)
        note.setProperty("role", "hint")
        head.addWidget(note)
        head.addStretch(1)
        column = QVBoxLayout(cell)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(plot, 1)
        self._row.addWidget(cell, 1)
        self._cells.append(cell)
        self._titles.append(words)
        self._notes.append(note)

    def activate(self) -> None:
        """Follow the session, and have its plan executed."""
        for signal, slot in self._followed():
            signal.connect(slot)
        self.reality.want(self.name, True)
        self.show_look()

    def deactivate(self) -> None:
        """Let go of them."""
        self.reality.want(self.name, False)
        for signal, slot in self._followed():
            signal.disconnect(slot)

    def _followed(self) -> tuple[tuple[Any, Any], ...]:
        session = self.session
        return (
            (session.moved, self.show_look),
            (session.problem_changed, self._say),
            (self.reality.changed, self._show_latents),
        )

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def show_look(self) -> None:
        """All plots of the iteration that is shown."""
        look = self.session.look
        self._say()
        if look is None:
            return
        step = look.step
        elites = np.empty(0) if step.elites is None else step.returns[step.elites]
        self._notes[0].setText("elites coloured" if len(elites) else "of the candidates")
        self.returns.show_returns(step.returns, elites, step.best_return, step.nonfinite)
        self._show_convergence()
        self._show_width(look)
        self._show_gradient(look)
        self._show_descent()
        if "parent" in step.extras:
            self.tree.show_tree(step.extras)
        self._show_latents()
        self._arrange()

    def _say(self) -> None:
        known = self.session.look is not None
        if not known:
            said = plan_words.emptiness(self.session)
            self.empty.say(said.icon, said.title, said.text, (), said.token)
        self._stack.setCurrentWidget(self._body if known else self.empty)

    def _show_convergence(self) -> None:
        session, theme = self.session, self.theme

        def over(which: Any) -> Any:
            return np.array([which(look.step) for look in session.looks], np.float64)

        text, grey = theme.color("text"), theme.color("text3")
        best, elites = theme.series(2), theme.series(3)
        curves = [
            ("best", over(lambda step: step.best_return), best.pen(), best.words),
            ("all", over(_mean_return), _plain(text), text),
            ("plan", over(lambda step: step.plan_return), theme.series(1).pen(), theme.series(1).words),
        ]
        if session.looks[0].step.elites is not None:
            curves.append(("elites", over(_elite_return), _plain(elites.line), elites.words))
        if session.before:
            past = np.array([look.step.best_return for look in session.before], np.float64)
            curves.append(("before", past, _plain(grey), grey))
        if session.beside:
            other, style = [look.step.best_return for look in session.beside], theme.series(4)
            curves.append(("beside", np.array(other, np.float64), style.pen(), style.words))
        self.convergence.show_curves(curves, 1, session.shown)

    def _show_width(self, look: PlanLook) -> None:
        spreads = [each.step.std for each in self.session.looks if each.step.std is not None]
        if look.step.std is None or not spreads:
            return
        widths = np.array([std.mean(0) for std in spreads], np.float64)
        grey, style = self.theme.color("text3"), self.theme.series(1)
        curves = [("", column, _plain(grey), grey) for column in widths.T]
        curves.append(("mean", widths.mean(1), style.pen(), style.words))
        self.width_.show_curves(curves, 1, self.session.shown, zero=True)

    def _show_gradient(self, look: PlanLook) -> None:
        norms = look.step.extras.get("gradient_norm")
        if norms is None:
            return
        sizes = np.log10(np.maximum(np.where(np.isfinite(norms), norms, np.nan), 1e-12))
        low, middle, high = np.nanquantile(sizes, (0.1, 0.5, 0.9), axis=0)
        style = self.theme.series(1)
        self.gradient.show_curves([("median", middle, style.pen(), style.words)], 0, None, (low, high))

    def _show_descent(self) -> None:
        steps = [look.step for look in self.session.looks if "expected_improvement" in look.step.extras]
        if not steps:
            return
        expected, actual = (
            np.array([float(step.extras[name]) for step in steps], np.float64)
            for name in ("expected_improvement", "actual_improvement")
        )
        real, model = self.theme.series(0), self.theme.series(1)
        curves = [("actual", actual, real.pen(), real.words), ("expected", expected, model.pen(), model.words)]
        self.descent.show_curves(curves, 1, self.session.shown, zero=True)

    def _show_latents(self) -> None:
        look, answer = self.session.look, self.reality.answer
        if look is None:
            return
        same = answer is not None and answer.wish == look.wish and np.array_equal(answer.actions, look.step.plan)
        real = answer.path if same and answer is not None else None
        self.latents.show_paths(look.facts.cloud, look.path, real, look.facts.plane.shares)

    # ---- Qt ---------------------------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        """What the planner has, as many of them as there is room for."""
        look = self.session.look
        if look is None:
            return
        extras = look.step.extras
        own = [name in extras for name in ("gradient_norm", "expected_improvement", "parent")]
        has = (True, True, look.step.std is not None, *own, True)
        room = max(1, self.width() // self.theme.px(_ROOM))
        # Where there is little room the latents stay, since they are nowhere else.
        order = [0, 1, 6, 2, 3, 4, 5]
        shown = set([place for place in order if has[place]][:room])
        for place, cell in enumerate(self._cells):
            cell.setVisible(place in shown)

    def _style(self) -> None:
        for title in self._titles:
            title.setFont(self.theme.font(11, 600))
        for note in self._notes:
            note.setFont(self.theme.font(11))
        self.show_look()

    def minimumSizeHint(self) -> QSize:
        """Qt's; one plot is enough, the others go where there is no room for them."""
        return QSize(self.theme.px(_ROOM), self.theme.px(150))

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self._arrange()


def _mean_return(step: Any) -> float:
    finite = step.returns[np.isfinite(step.returns)]
    return float(finite.mean()) if len(finite) else float("nan")


def _elite_return(step: Any) -> float:
    return float(step.returns[step.elites].mean()) if step.elites is not None and len(step.elites) else float("nan")


def _plain(color: Any) -> QPen:
    pen = QPen(color, 1)
    pen.setCosmetic(True)
    return pen


def _alone(context: Context) -> PlanIterationsPanel:
    """In a window of its own the engine is loaded at once."""
    context.engine.start()
    return PlanIterationsPanel(context)


if __name__ == "__main__":
    raise SystemExit(run_alone(_alone))
