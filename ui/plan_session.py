"""Stepping through a planning call: the iterations so far, which one is shown, and the thread that makes more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

from storage import ArtifactRow
from ui.analysis import Advance, AnalysisThread
from ui.checkpoint import checkpoint_choice
from ui.context import Context
from ui.cursor import EpisodeAt
from ui.plan_draft import EPISODE, LIVE, RESET, PlanDraft, field_of
from workbench.events import SimulatorView
from workbench.planners.rounds import rounds_of
from workbench.settings import SettingsError

if TYPE_CHECKING:
    from workbench.analysis.steps import Analysis
    from workbench.engine.planning_desk import PlanLook, PlanningDesk, PlanWish
    from workbench.engine.start_state import BodiesAt

_NAME = "plan session"
#: seconds between two states of a run that trains, and milliseconds between two looks for one
_VIEW_INTERVAL, _LOOK = 0.1, 100


class PlanSession(QObject):
    """One planning call of the chosen run and checkpoint. ``shown`` of ``looks`` is in sight; 0: none yet.

    Earlier iterations are kept, so going back and on again computes nothing. Another problem begins a new search with
    the same noise, and goes as far as was shown; ``before`` are the iterations of the search that it took the place of.
    ``beside`` are those of a search from the same state that was put beside, to be compared with.
    """

    moved = Signal()  # other iterations, or another one shown
    busy_changed = Signal(bool)
    problem_changed = Signal()  # another run, checkpoint, start state, planner or setting
    failed = Signal(str)  # a sentence that belongs to no field

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.draft = PlanDraft(context)
        self.choice = checkpoint_choice(context)
        self.episode: ArtifactRow | None = None
        self.frame = 0
        self.live: BodiesAt | None = None
        self.live_step: int | None = None
        self.looks: list[PlanLook] = []
        self.before: list[PlanLook] = []
        self.beside: list[PlanLook] = []
        self.shown = 0
        self.ended = False
        self.failure = ""
        self._wanted = 0
        self._moving = False
        self._seen: object = None  # the state of the live run that is too old
        self._wish: PlanWish | None = None
        self._desk: PlanningDesk | None = None
        self.thread_ = AnalysisThread("planner", self)
        self._live_timer = QTimer(self)
        self._live_timer.setInterval(_LOOK)
        self._connect()
        self._list_episodes()

    def _connect(self) -> None:
        self.thread_.advanced.connect(self._take)
        self.thread_.finished.connect(self._finish)
        self.thread_.failed.connect(self._fail)
        self.thread_.busy_changed.connect(self.busy_changed)
        self._live_timer.timeout.connect(self._look_live)
        self.draft.changed.connect(self.refresh)
        self.choice.changed.connect(self._change_subject)
        self.context.engine.ready.connect(self.refresh)
        self.context.cursor.episode_changed.connect(self._follow_episode)
        self.context.cursor.frame_changed.connect(self._follow_frame)
        application = QCoreApplication.instance()
        assert application is not None
        application.aboutToQuit.connect(self.close)  # after the thread's own: it is joined by then

    def close(self) -> None:
        """Drop the search and what it holds open."""
        self.thread_.close()
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

    def episodes(self) -> tuple[ArtifactRow, ...]:
        """The run's recorded episodes, the newest first."""
        run = self.choice.run
        return () if run is None else self.context.project.artifacts.list(run.id, "episode")[::-1]

    def set_moment(self, row: ArtifactRow, frame: int) -> None:
        """Begin at a step of a recorded episode; the cursor goes there."""
        self._moving = True  # the cursor moves twice, which is one change here
        self.context.cursor.set_episode(EpisodeAt(row.run_id, row.name))
        self.context.cursor.set_frame(frame)
        self._moving = False
        self.episode, self.frame = row, frame
        self.draft.choose(start=EPISODE)
        self.refresh()

    def take_live(self) -> None:
        """Begin where the run that trains here is now; its next state is asked for."""
        channel = self._channel()
        if channel is not None:
            channel.view_interval = _VIEW_INTERVAL
            self._seen = channel.latest(SimulatorView)
            self._live_timer.start()

    @property
    def trains_here(self) -> bool:
        """Whether the chosen run trains in this window."""
        return self._channel() is not None

    def _channel(self) -> Any:
        queue, run = self.context.engine.queue, self.choice.run
        return queue.channel(run.id) if queue is not None and run is not None else None

    def _look_live(self) -> None:
        channel = self._channel()
        view = None if channel is None else channel.latest(SimulatorView)
        if channel is None:
            self._live_timer.stop()
        elif isinstance(view, SimulatorView) and view is not self._seen:
            from workbench.engine.start_state import BodiesAt

            self._live_timer.stop()
            channel.view_interval = None
            self.live, self.live_step = BodiesAt(view.qpos.copy(), view.qvel.copy()), view.step
            self.draft.choose(start=LIVE)
            self.refresh()

    def _list_episodes(self) -> None:
        rows, at = self.episodes(), self.context.cursor.episode
        chosen = next((row for row in rows if at == EpisodeAt(row.run_id, row.name)), None)
        self.frame = self.context.cursor.frame if chosen is not None else 0
        self.episode = chosen or (rows[0] if rows else None)

    def _change_subject(self) -> None:
        self._list_episodes()
        self.live = self.live_step = None
        if self.draft.start == LIVE:
            self.draft.choose(start=RESET)
        self.draft.check_again()

    def _follow_episode(self, _at: object) -> None:
        self._list_episodes()
        self.refresh()

    def _follow_frame(self, frame: int) -> None:
        at = self.context.cursor.episode
        if self.episode is not None and at == EpisodeAt(self.episode.run_id, self.episode.name):
            self.frame = min(frame, max(int(self.episode.info.get("length", 1)) - 1, 0))
            self.refresh()

    def _make_wish(self) -> PlanWish | None:
        draft, run, row = self.draft, self.choice.run, self.choice.row
        if run is None or row is None or draft.settings is None or self.context.engine.state != "ready":
            return None
        state: str | BodiesAt | None = f"reset:{draft.reset_seed}"
        if draft.start == EPISODE:
            state = None if self.episode is None else f"episode:{self.episode.name}:{self.frame}"
        elif draft.start == LIVE:
            state = self.live
        if state is None:
            return None
        from workbench.engine.planning_desk import PlanWish

        model: Any = draft.model
        return PlanWish(run.id, row.name, state, draft.planner, draft.settings, model, draft.seed)

    def refresh(self, *_: object) -> None:
        """See whether the problem is another one; if so, search again as far as was shown."""
        if self._moving:
            return
        wish = self._make_wish()
        if wish != self._wish:
            self._wish = wish
            if self.beside and wish is not None and _place(self.beside[0].wish) != _place(wish):
                self.beside = []
            self.failure = ""
            self.thread_.cancel()
            self._wanted = max(self.shown, self._wanted)
            if wish is None and self.draft.settings is None:
                pass  # something is being typed: what is shown stays
            elif wish is None or not self._wanted:
                self._forget()
            elif self._stale or len(self.looks) < self._wanted:
                self._begin()
        self.problem_changed.emit()

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
        self.beside = [] if self.beside else self.looks[: self.shown]
        self.moved.emit()

    def cancel(self) -> None:
        """Compute no further."""
        self.thread_.cancel()
        self._wanted = self.shown

    @property
    def _stale(self) -> bool:
        """Whether the iterations are those of another problem."""
        return bool(self.looks) and self.looks[0].wish != self._wish

    def _show(self, iteration: int) -> None:
        self.shown = max(iteration, 0)
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
