"""What the planning call that is posed will cost, measured on this machine before anything is stepped through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

from ui.analysis import AnalysisThread
from ui.context import Context
from ui.plan_session import plan_session

if TYPE_CHECKING:
    from workbench.benchmarks.decision import DecisionCost
    from workbench.engine.planning_desk import PlanWish

_NAME = "planning cost"
#: milliseconds without a change and without a search after which it is measured
_REST = 700


class PlanCost(QObject):
    """``cost`` is that of the problem as it is posed now; None until it is known.

    It is measured while nothing searches. The start state and the seed do not matter for it.
    """

    changed = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.session = plan_session(context)
        self.cost: DecisionCost | None = None
        self._known: object = None  # what ``cost`` is the cost of
        self._following = False
        self.thread_ = AnalysisThread("planning cost", self)
        self.thread_.finished.connect(self._take)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REST)
        self._timer.timeout.connect(self._measure)
        session = self.session
        for signal in (session.problem_changed, session.busy_changed, session.second.thread_.busy_changed):
            signal.connect(self._refresh)
        application = QCoreApplication.instance()
        assert application is not None
        application.aboutToQuit.connect(self.close)

    def close(self) -> None:
        """Measure no more."""
        self.follow(False)
        self.thread_.close()

    def follow(self, wanted: bool) -> None:
        """Somebody looks, or looks away."""
        self._following = wanted
        self._refresh()

    def _refresh(self, *_: object) -> None:
        wish = self.session.wish
        if self.cost is not None and (wish is None or _subject(wish) != self._known):
            self.cost = None
            self.changed.emit()
        self.thread_.cancel()  # a search is not to be slowed down, nor another problem to be measured
        searching = self.session.thread_.busy or self.session.second.thread_.busy
        if self._following and self.cost is None and wish is not None and not searching:
            self._timer.start()
        else:
            self._timer.stop()

    def _measure(self) -> None:
        wish, draft = self.session.wish, self.session.draft
        if wish is None or draft.problems or self.session.second.thread_.busy:
            return
        self._known = _subject(wish)
        self.thread_.start(lambda: self._foresee(wish))

    def _foresee(self, wish: PlanWish) -> Any:
        """In the thread."""
        from workbench.benchmarks.decision import foresee
        from workbench.engine.recorder import Recorder

        return foresee(Recorder(self._context.project), wish)

    def _take(self, cost: Any) -> None:
        self.cost = cost
        self.changed.emit()


def _subject(wish: PlanWish) -> tuple[object, ...]:
    """What a cost depends on."""
    return wish.run_id, wish.checkpoint, wish.model, wish.planner, wish.settings


def plan_cost(context: Context) -> PlanCost:
    """The one measurement that all parts of ``context`` share."""
    cost = context.parts.get(_NAME)
    if not isinstance(cost, PlanCost):
        cost = context.parts[_NAME] = PlanCost(context)
    return cost
