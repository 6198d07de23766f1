"""Along the plan: what the task leaves open, and what the ensemble's members do not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from ui.analysis import AnalysisThread
from ui.context import Context
from ui.controls.elided_label import ElidedLabel
from ui.controls.empty_state import EmptyState
from ui.controls.labels import Label
from ui.controls.segmented import Segmented
from ui.panels import plan_uncertainty_words as words
from ui.panels.base import Panel, run_alone
from ui.plan_session import plan_session
from ui.plots.heat_map import HeatMap
from ui.plots.uncertainty_plot import UncertaintyPlot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.analysis.steps import Analysis
    from workbench.engine.planning_desk import PlanLook
    from workbench.engine.uncertainty_desk import UncertaintyDesk, UncertaintyLook

_PLAN, _BEST = "plan", "best"
_WHICH = (
    (_PLAN, "Plan", "What the planner would execute"),
    (_BEST, "Best", "The best sequence that the search has met"),
)


class PlanUncertaintyPanel(Panel):
    """Follows the iteration that is shown. The curves are root mean squares of the rows of the maps below."""

    name: ClassVar[str] = "plan_uncertainty"
    title: ClassVar[str] = "Uncertainty"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.session = plan_session(context)
        self.answer: UncertaintyLook | None = None
        self.failure = ""
        self._asked: tuple[object, str] = (None, "")
        self._desk: UncertaintyDesk | None = None
        self.thread_ = AnalysisThread("uncertainty", self)
        self.thread_.finished.connect(self._take)
        self.thread_.failed.connect(self._fail)
        self._build()

    def _build(self) -> None:
        theme = self.theme
        self.which = Segmented(theme, "Uncertainty of", _WHICH)
        self.which.set_value(_PLAN)
        self.which.chosen.connect(lambda _which: self.refresh())
        self.empty, self.plot = EmptyState(theme), UncertaintyPlot(theme)
        explained = f"{words.DEFINITION}\n{words.SOURCES}"
        self.plot.setToolTip(explained)
        self.maps = {
            kind: HeatMap(theme, title, signed=False, rows_named=True, across="Plan step")
            for kind, title in (("epistemic", "Epistemic: lack of data"), ("aleatoric", "Aleatoric: noise"))
        }
        self.reading = ElidedLabel("")
        self.reading.setProperty("role", "label")
        self.verdict = Label(theme, "", 12, 600, wrap=True)
        self.definition = Label(theme, words.BRIEF, 11, token="text3", wrap=True)
        self.definition.setToolTip(explained)
        self.definition.setAccessibleDescription(explained)
        pair = QHBoxLayout()
        pair.setSpacing(10)
        for each in self.maps.values():
            pair.addWidget(each, 1)
            each.sought.connect(self.show_step)
        self._body = QWidget()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(6)
        column.addWidget(self.plot, 1)
        column.addLayout(pair, 1)
        for widget in (self.reading, self.verdict, self.definition):
            column.addWidget(widget)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._body)

    def header_widgets(self) -> list[QWidget]:
        """Of which sequence."""
        return [self.which]

    def activate(self) -> None:
        """Follow the session."""
        for signal, slot in self._followed():
            signal.connect(slot)
        self.refresh()

    def deactivate(self) -> None:
        """Let go of it."""
        for signal, slot in self._followed():
            signal.disconnect(slot)

    def _followed(self) -> tuple[tuple[Any, Any], ...]:
        return ((self.session.moved, self.refresh), (self.session.problem_changed, self._show))

    # ---- asking -----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Ask for what is shown now, unless it is known or asked for."""
        look = self.session.look
        asked = (look, self.which.value)
        if asked != self._asked:
            self._asked, self.failure = asked, ""
            if look is None:
                self.thread_.cancel()
                self.answer = None
            else:
                actions = look.step.plan if self.which.value == _PLAN else look.step.best_actions
                self.thread_.start(lambda: self._ask(look, actions))
        self._show()

    def _ask(self, look: PlanLook, actions: NDArray[np.float32]) -> Analysis[UncertaintyLook]:
        """In the thread."""
        from workbench.engine.recorder import Recorder
        from workbench.engine.uncertainty_desk import UncertaintyDesk

        if self._desk is None:
            self._desk = UncertaintyDesk(Recorder(self.context.project))
        return self._desk.look(look.wish, actions)

    def _take(self, answer: Any) -> None:
        self.answer = answer
        self._show()

    def _fail(self, sentence: str, _error: object) -> None:
        self.answer, self.failure = None, sentence
        self._show()

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def _show(self, *_: object) -> None:
        answer, look = self.answer, self.session.look
        if answer is None or look is None:
            said = words.emptiness(self.session, self.failure)
            self.empty.say(said.icon, said.title, said.text, said.steps, said.token)
            self._stack.setCurrentWidget(self.empty)
            self.subtitle_changed.emit("")
            return
        found = answer.found
        self.plot.show_parts(*found.by_step())
        steps, rows = found.aleatoric.shape
        limit = float(max(found.aleatoric.max(), found.epistemic.max()))
        for kind, each in self.maps.items():
            each.name_rows(found.names)
            values = getattr(found, kind).astype(np.float32)
            each.show_values(values, np.arange(rows, dtype=np.int64), limit, steps - 1)
        self.show_step(found.least_known()[0])
        self.verdict.setText(words.verdict(found))
        self.setAccessibleDescription(self.verdict.text())
        self.subtitle_changed.emit(f"{len(found.names)} coordinates")
        self._stack.setCurrentWidget(self._body)

    def show_step(self, step: int) -> None:
        """Read one step of the plan off both maps."""
        if self.answer is None:
            return
        for each in self.maps.values():
            each.show_cursor(step)
        self.reading.setText(words.at_step(self.answer.found, step))


def _alone(context: Context) -> PlanUncertaintyPanel:
    """In a window of its own the engine is loaded at once."""
    context.engine.start()
    return PlanUncertaintyPanel(context)


if __name__ == "__main__":
    raise SystemExit(run_alone(_alone))
