"""The search that is kept beside another one: from the same state, and computed as far as the other one is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from ui.analysis import Advance, AnalysisThread
from ui.context import Context

if TYPE_CHECKING:
    from workbench.analysis.steps import Analysis
    from workbench.engine.planning_desk import PlanLook, PlanningDesk, PlanWish


class PlanBeside(QObject):
    """``looks`` are its iterations so far; none: nothing is kept. A desk of its own goes on with the same noise."""

    advanced = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.looks: list[PlanLook] = []
        self._ended = False
        self._computed = 0  # iterations that the desk has told of
        self._desk: PlanningDesk | None = None
        self.thread_ = AnalysisThread("planner beside", self)
        self.thread_.advanced.connect(self._take)
        self.thread_.finished.connect(self._finish)
        self.thread_.failed.connect(lambda _sentence, _error: self._finish(True))  # what is known of it stays

    def keep(self, looks: list[PlanLook], *, whole: bool = False) -> None:
        """Keep a search as far as it went; a ``whole`` one, such as a stored one, does not go on."""
        self.let_go()
        self.looks, self._ended = list(looks), whole

    def let_go(self) -> None:
        """Keep nothing."""
        self.thread_.cancel()
        self.looks, self._ended, self._computed = [], False, 0

    def reach(self, iteration: int) -> None:
        """Compute until so many iterations are known, or until the search ends."""
        if self.looks and len(self.looks) < iteration and not self._ended and not self.thread_.busy:
            wish, computed = self.looks[0].wish, self._computed
            self.thread_.start(lambda: self._advance(wish, computed, iteration))

    def look_at(self, iteration: int) -> PlanLook | None:
        """The iteration of this number, or the last one before it; None where nothing is kept."""
        return self.looks[min(max(iteration, 1), len(self.looks)) - 1] if self.looks else None

    def rest(self) -> None:
        """Compute no further for now, so that another search is not slowed down."""
        if self.thread_.busy:
            self.thread_.cancel()

    def close(self) -> None:
        """Drop the search and what it holds open."""
        self.thread_.close()
        if self._desk is not None:
            self._desk.close()

    def _advance(self, wish: PlanWish, computed: int, until: int) -> Analysis[bool]:
        """In the thread."""
        from workbench.engine.planning_desk import PlanningDesk
        from workbench.engine.recorder import Recorder

        if self._desk is None:
            self._desk = PlanningDesk(Recorder(self._context.project))
        return self._desk.advance(wish, computed, until)

    def _take(self, advance: Advance) -> None:
        look: Any = advance.partial
        if look is None or not self.looks or look.wish != self.looks[0].wish:
            return
        self._computed = look.step.iteration
        if self._computed > len(self.looks):  # the desk begins with what was known when the search was kept
            self.looks.append(look)
            self.advanced.emit()

    def _finish(self, ended: bool) -> None:
        self._ended = ended
