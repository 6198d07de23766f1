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
PLAN, BEST, MEAN, CANDIDATE = "plan", "best", "mean", "candidate"


class PlanReality(QObject):
    """Follows the iteration shown while somebody wants to know; ``answer`` is None until it is known.

    ``which`` says what is executed: the plan as the planner would, the best sequence met, the proposal's mean, or the
    candidate that is picked. A mean or a candidate that an iteration lacks gives way to the plan.
    """

    changed = Signal()
    failed = Signal(str)

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.session = plan_session(context)
        self.which = PLAN
        self.answer: RealityLook | None = None
        self.answered = PLAN  # what of its iteration ``answer`` is of
        self.failure = ""
        self._wanting: set[str] = set()
        self._desk: RealityDesk | None = None
        self._asked: tuple[object, str, int | None] = (None, "", None)
        self.thread_ = AnalysisThread("reality check", self)
        self.thread_.finished.connect(self._take)
        self.thread_.failed.connect(self._fail)
        self.session.moved.connect(self.refresh)
        self.session.picked_changed.connect(self._follow_pick)

    def want(self, who: str, wanted: bool) -> None:
        """Somebody looks, or looks away."""
        if wanted:
            self._wanting.add(who)
            self.refresh()
        else:
            self._wanting.discard(who)

    def choose(self, which: str) -> None:
        """Execute another sequence; for candidates the best one is picked where none is."""
        look = self.session.look
        self.which = which
        if which == CANDIDATE and self.session.picked is None and look is not None:
            self.session.pick(best_candidate(look))
        self.refresh()

    def executed(self, look: PlanLook) -> str:
        """What of ``look`` is executed: ``which``, or the plan where it lacks that."""
        lacking = (self.which == MEAN and look.step.mean is None) or (
            self.which == CANDIDATE and self.session.picked is None
        )
        return PLAN if lacking else self.which

    def refresh(self) -> None:
        """Ask for what is shown now, unless it is known or asked for."""
        look = self.session.look
        which = self.which if look is None else self.executed(look)
        wanted = (look, which, self.session.picked if which == CANDIDATE else None)
        if not self._wanting or self._asked == wanted:
            return
        self._asked, self.failure = wanted, ""
        if look is None:
            self.thread_.cancel()
            self.answer = None
            self.changed.emit()
            return
        actions = self._actions(look, which)
        self.thread_.start(lambda: self._check(look, actions))

    def _actions(self, look: PlanLook, which: str) -> NDArray[np.float32]:
        """The sequence [H, A]; what is drawn around a mean may leave the bounds, what is executed may not."""
        step, facts = look.step, look.facts
        if which == MEAN and step.mean is not None:
            return step.mean.clip(facts.low, facts.high)
        if which == CANDIDATE and self.session.picked is not None:
            return step.actions[self.session.picked]
        return step.best_actions if which == BEST else step.plan

    def _follow_pick(self) -> None:
        """A candidate is picked to be seen; without one the plan is executed again."""
        if self.session.picked is not None:
            self.which = CANDIDATE
        elif self.which == CANDIDATE:
            self.which = PLAN
        self.refresh()
        self.changed.emit()

    def _check(self, look: PlanLook, actions: NDArray[np.float32]) -> Analysis[RealityLook]:
        """In the thread."""
        from workbench.engine.planning_desk import RealityDesk
        from workbench.engine.recorder import Recorder

        if self._desk is None:
            self._desk = RealityDesk(Recorder(self._context.project))
        return self._desk.check(look.wish, actions, look.facts.plane)

    def _take(self, answer: Any) -> None:
        self.answer, self.answered = answer, self._asked[1]  # an older question's answer does not arrive
        self.changed.emit()

    def _fail(self, sentence: str, _error: object) -> None:
        self.answer, self.failure = None, sentence
        self.changed.emit()
        self.failed.emit(sentence)


def best_candidate(look: PlanLook) -> int:
    """Where among an iteration's ``actions`` the candidate stands that is imagined to return most."""
    step = look.step
    returns = [float(step.returns[step.candidate(row)]) for row in range(len(step.actions))]
    return max(range(len(returns)), key=lambda row: (returns[row] == returns[row], returns[row]))


def plan_reality(context: Context) -> PlanReality:
    """The one check that all panels of ``context`` share."""
    reality = context.parts.get(_NAME)
    if not isinstance(reality, PlanReality):
        reality = context.parts[_NAME] = PlanReality(context)
    return reality
