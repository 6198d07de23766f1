"""The plan that is shown, executed in the true simulator from its own start state, in a thread of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from ui.analysis import AnalysisThread
from ui.context import Context
from ui.plan_session import plan_session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.analysis.steps import Analysis
    from workbench.engine.planning_desk import PlanLook, RealityDesk, RealityLook

_NAME = "plan reality"
PLAN, BEST = "plan", "best"


class PlanReality(QObject):
    """Follows the iteration shown while somebody wants to know; ``answer`` is None until it is known.

    ``which`` says what is executed: the plan as the planner would, or the best sequence met.
    """

    changed = Signal()
    failed = Signal(str)

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.session = plan_session(context)
        self.which = PLAN
        self.answer: RealityLook | None = None
        self.failure = ""
        self._wanting: set[str] = set()
        self._desk: RealityDesk | None = None
        self._asked: tuple[object, str] = (None, "")
        self.thread_ = AnalysisThread("reality check", self)
        self.thread_.finished.connect(self._take)
        self.thread_.failed.connect(self._fail)
        self.session.moved.connect(self.refresh)

    def want(self, who: str, wanted: bool) -> None:
        """Somebody looks, or looks away."""
        if wanted:
            self._wanting.add(who)
            self.refresh()
        else:
            self._wanting.discard(who)

    def choose(self, which: str) -> None:
        """Execute the plan, or the best sequence."""
        self.which = which
        self.refresh()

    def refresh(self) -> None:
        """Ask for what is shown now, unless it is known or asked for."""
        look = self.session.look
        if not self._wanting or self._asked == (look, self.which):
            return
        self._asked, self.failure = (look, self.which), ""
        if look is None:
            self.thread_.cancel()
            self.answer = None
            self.changed.emit()
            return
        actions = look.step.plan if self.which == PLAN else look.step.best_actions
        self.thread_.start(lambda: self._check(look, actions))

    def _check(self, look: PlanLook, actions: NDArray[np.float32]) -> Analysis[RealityLook]:
        """In the thread."""
        from workbench.engine.planning_desk import RealityDesk
        from workbench.engine.recorder import Recorder

        if self._desk is None:
            self._desk = RealityDesk(Recorder(self._context.project))
        return self._desk.check(look.wish, actions, look.facts.plane)

    def _take(self, answer: Any) -> None:
        self.answer = answer
        self.changed.emit()

    def _fail(self, sentence: str, _error: object) -> None:
        self.answer, self.failure = None, sentence
        self.changed.emit()
        self.failed.emit(sentence)


def plan_reality(context: Context) -> PlanReality:
    """The one check that all panels of ``context`` share."""
    reality = context.parts.get(_NAME)
    if not isinstance(reality, PlanReality):
        reality = context.parts[_NAME] = PlanReality(context)
    return reality
