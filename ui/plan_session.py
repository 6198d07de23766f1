"""Stepping through a planning call: the iterations so far, which one is shown, and the thread that makes more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QObject, Signal

from storage import ArtifactRow
from ui.analysis import Advance, AnalysisThread
from ui.checkpoint import checkpoint_choice
from ui.context import Context
from ui.plan_beside import PlanBeside
from ui.plan_draft import PlanDraft, field_of
from ui.plan_start import PlanStart, task_of
from workbench.planners.rounds import rounds_of
from workbench.settings import SettingsError

if TYPE_CHECKING:
    from workbench.analysis.steps import Analysis
    from workbench.engine.planning_desk import PlanLook, PlanningDesk, PlanWish

_NAME = "plan session"


class PlanSession(QObject):
    """One planning call of the chosen run and checkpoint. ``shown`` of ``looks`` is in sight; 0: none yet.

    Earlier iterations are kept, so going back and on again computes nothing. Another problem begins a new search with
    the same noise, and goes as far as was shown; ``before`` are the iterations of the search that it took the place of.
    ``second`` is a search from the same state that was put beside, to be compared with; it follows this one's steps.
    ``stored`` is the episode of which a stored decision is shown in place of a search; None: it was searched here.
    """

    moved = Signal()  # other iterations, or another one shown
    busy_changed = Signal(bool)
    problem_changed = Signal()  # another run, checkpoint, start state, planner or setting
    picked_changed = Signal()  # another candidate
    failed = Signal(str)  # a sentence that belongs to no field

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.draft = PlanDraft(context)
        self.choice = checkpoint_choice(context)
        self.start = PlanStart(context, self.draft, self.choice)
        self.looks: list[PlanLook] = []
        self.before: list[PlanLook] = []
        self.second = PlanBeside(context)
        self.stored: ArtifactRow | None = None
        self._stored_wish: PlanWish | None = None  # the problem that was posed when it was first shown
        self._task = task_of(self.choice.run)
        self.shown = 0
        self.picked: int | None = None
        self.ended = False
        self.failure = ""
        self._wanted = 0
        self._wish: PlanWish | None = None
        self._desk: PlanningDesk | None = None
        self.thread_ = AnalysisThread("planner", self)
        self._connect()

    def _connect(self) -> None:
        self.thread_.advanced.connect(self._take)
        self.thread_.finished.connect(self._finish)
        self.thread_.failed.connect(self._fail)
        self.thread_.busy_changed.connect(self.busy_changed)
        self.busy_changed.connect(self._keep_up)
        self.moved.connect(self._keep_up)
        self.second.advanced.connect(self.moved)
        self.draft.changed.connect(self.refresh)
        self.choice.changed.connect(self._change_subject)
        self.context.engine.ready.connect(self.refresh)
        self.start.changed.connect(self.refresh)
        application = QCoreApplication.instance()
        assert application is not None
        application.aboutToQuit.connect(self.close)  # after the thread's own: it is joined by then

    def close(self) -> None:
        """Drop the search and what it holds open."""
        self.thread_.close()
        self.start.close()
        self.second.close()
        if self._desk is not None:
            self._desk.close()

    # ---- the problem ------------------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether there is something to step through."""
        return self._make_wish() is not None

    @property
    def wish(self) -> PlanWish | None:
        """The problem as it is posed now; None while something is missing or wrong."""
        return self._make_wish()

    @property
    def rounds(self) -> int:
        """Iterations that the search has at most; 0 while its settings are wrong."""
        return 0 if self.draft.settings is None else rounds_of(self.draft.settings)

    @property
    def look(self) -> PlanLook | None:
        """The iteration that is shown."""
        return self.looks[self.shown - 1] if 0 < self.shown <= len(self.looks) else None

    @property
    def beside(self) -> list[PlanLook]:
        """The iterations of the search that was put beside; none: there is no such search."""
        return self.second.looks

    @property
    def look_beside(self) -> PlanLook | None:
        """The iteration beside the one that is shown; its last one where this search has ended."""
        at_end = self.ended and self.shown == len(self.looks)
        return self.second.look_at(len(self.beside) if at_end else self.shown) if self.look is not None else None

    def _change_subject(self) -> None:
        if self.stored is not None and (self.choice.run is None or self.choice.run.id != self.stored.run_id):
            self.stored = None
            self._forget()
        task, last = task_of(self.choice.run), self._task
        self._task = task
        if task != last and self.looks:  # figures of another task are nothing to compare with
            wanted = max(self.shown, self._wanted)
            self._forget()
            self._wanted = wanted
        self.start.change_subject()
        self.draft.check_again()

    def _make_wish(self) -> PlanWish | None:
        draft, run, row = self.draft, self.choice.run, self.choice.row
        if run is None or row is None or draft.settings is None or self.context.engine.state != "ready":
            return None
        state = self.start.state
        if state is None:
            return None
        from workbench.engine.planning_desk import PlanWish

        model: Any = draft.model
        return PlanWish(run.id, row.name, state, draft.planner, draft.settings, model, draft.seed)

    def refresh(self, *_: object) -> None:
        """See whether the problem is another one; if so, search again as far as was shown."""
        wish = self._make_wish()
        if self.stored is not None and not self._along(wish):
            self.stored = None
        if wish != self._wish and self.stored is None:
            self._wish = wish
            if self.beside and wish is not None and _place(self.beside[0].wish) != _place(wish):
                self.second.let_go()
            self.failure = ""
            self.thread_.cancel()
            self._wanted = max(self.shown, self._wanted)
            if wish is None and (self.draft.settings is None or self.start.typing):
                pass  # something is being typed: what is shown stays
            elif wish is None or not self._wanted:
                self._forget()
            elif self._stale or len(self.looks) < self._wanted:
                self._begin()
        self.problem_changed.emit()

    # ---- what was stored --------------------------------------------------------------------------------------------

    def show_stored(self, row: ArtifactRow, step: int, looks: list[PlanLook], *, move: bool = True) -> None:
        """Show a stored decision of the episode ``row``, made at its step ``step``, at the iteration shown before.

        The problem is posed from that state; a change of it searches there. ``move`` takes the shared cursor along.
        """
        at = self.shown if self.stored is not None and self.shown else len(looks)
        self.thread_.cancel()
        self.stored, self._stored_wish, self.failure = row, None, ""
        if self.beside and self.beside[0].wish.state != looks[0].wish.state:
            self.second.let_go()
        if move:
            self.start.set_moment(row, step)
        self._wish = self._stored_wish = self._make_wish()
        self.before, self.looks, self.ended = [], looks, True
        self._wanted = min(at, len(looks))
        self._show(self._wanted)
        self.problem_changed.emit()

    def search_anew(self) -> None:
        """Let go of what was stored, and search from its state with the planner that is chosen."""
        self.stored, self._wish = None, self._make_wish()
        self._forget()
        self.step()

    def _along(self, wish: PlanWish | None) -> bool:
        """Whether ``wish`` is still what was posed with the stored decision, but for the step of its episode."""
        posed = self._stored_wish
        if wish is None or posed is None or self.stored is None:
            return True  # something is being typed, or moved
        inside = isinstance(wish.state, str) and wish.state.startswith(f"episode:{self.stored.name}:")
        return inside and replace(wish, state=posed.state) == posed

    # ---- stepping ---------------------------------------------------------------------------------------------------

    def step(self, count: int = 1) -> None:
        """Go on by so many iterations."""
        self.go(max(self.shown, self._wanted if self.thread_.busy else 0) + count)

    def go(self, iteration: int) -> None:
        """Show this iteration; what was not computed yet is."""
        if iteration <= len(self.looks) and not self._stale:
            self._wanted = max(iteration, 0)
            self._show(self._wanted)
            return
        self._wanted = min(iteration, max(self.rounds, len(self.looks)))
        self._show(len(self.looks) if not self._stale else self.shown)
        if not self.ended or self._stale:
            self._begin()

    def to_the_end(self) -> None:
        """All iterations that there are."""
        self.go(self.rounds)

    def back(self) -> None:
        """The iteration before."""
        self.cancel()
        self.go(self.shown - 1)

    def restart(self) -> None:
        """Before the first iteration; the same noise gives the same iterations again."""
        self.cancel()
        self.go(0)

    def put_beside(self) -> None:
        """Keep the search as far as it is shown, to compare another planner with it; again lets go of it."""
        if self.beside:
            self.second.let_go()
        else:
            self.second.keep(self.looks[: self.shown], whole=self.stored is not None)
        self.moved.emit()

    def pick(self, candidate: int | None) -> None:
        """Look at one candidate of the iteration that is shown, or at none in particular."""
        count = 0 if self.look is None else len(self.look.step.actions)
        if candidate is not None and not 0 <= candidate < count:
            candidate = None
        if candidate != self.picked:
            self.picked = candidate
            self.picked_changed.emit()

    def cancel(self) -> None:
        """Compute no further."""
        self.thread_.cancel()
        self._wanted = self.shown

    def _keep_up(self, *_: object) -> None:
        """The search beside computes while this one does not, so that both are timed alone."""
        if self.thread_.busy:
            self.second.rest()
        else:
            self.second.reach(self.shown)

    @property
    def _stale(self) -> bool:
        """Whether the iterations are those of another problem."""
        return self.stored is None and bool(self.looks) and self.looks[0].wish != self._wish

    def _show(self, iteration: int) -> None:
        self.shown = max(iteration, 0)
        self.pick(self.picked)  # which another iteration may not have
        self.moved.emit()

    def _forget(self) -> None:
        self.before, self.looks, self.ended, self._wanted = [], [], False, 0
        self._show(0)

    def _begin(self) -> None:
        wish = self._make_wish()
        if wish is None or self.draft.problems:
            return
        self._wish = wish
        known = 0 if self._stale else len(self.looks)
        until = self._wanted
        self.thread_.start(lambda: self._advance(wish, known, until))

    def _advance(self, wish: PlanWish, known: int, until: int) -> Analysis[bool]:
        """In the thread."""
        from workbench.engine.planning_desk import PlanningDesk
        from workbench.engine.recorder import Recorder

        if self._desk is None:
            self._desk = PlanningDesk(Recorder(self.context.project))
        return self._desk.advance(wish, known, until)

    def _take(self, advance: Advance) -> None:
        look: Any = advance.partial
        if look is None or look.wish != self._wish:
            return
        if self._stale:
            self.before, self.looks, self.ended = self.looks, [], False
        self.looks.append(look)
        self._show(len(self.looks))

    def _finish(self, ended: bool) -> None:
        self.ended = ended
        self._wanted = self.shown
        self.moved.emit()

    def _fail(self, sentence: str, error: Exception) -> None:
        known = {field.path for field in self.draft.fields()}
        found: dict[str, str] = {}
        rest = sentence
        if isinstance(error, SettingsError):
            found, rest = field_of({problem.field: problem.message for problem in error.problems}, known)
        self._forget()
        self.failure = rest
        if found:
            self.draft.refuse(found)
        self.failed.emit(rest)


def _place(wish: PlanWish) -> tuple[object, ...]:
    """From where it is planned, for which networks."""
    return wish.run_id, wish.checkpoint, wish.state


def plan_session(context: Context) -> PlanSession:
    """The one session that all panels of ``context`` share."""
    session = context.parts.get(_NAME)
    if not isinstance(session, PlanSession):
        session = context.parts[_NAME] = PlanSession(context)
    return session
