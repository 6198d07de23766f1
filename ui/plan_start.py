"""Where a plan begins: a reset, a step of a recorded episode, where the run that trains here is, or set by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from storage import ArtifactRow, RunRow
from ui.checkpoint import CheckpointChoice
from ui.context import Context
from ui.cursor import EpisodeAt
from ui.hand_state import HandState
from ui.plan_draft import EPISODE, HAND, LIVE, RESET, PlanDraft
from workbench.events import SimulatorView

if TYPE_CHECKING:
    from workbench.engine.channel import Channel
    from workbench.engine.start_state import BodiesAt, StartState

#: seconds between two states of a run that trains, and milliseconds between two looks for one
_VIEW_INTERVAL, _LOOK = 0.1, 100


class PlanStart(QObject):
    """The draft says which kind is chosen; here is what each kind needs. ``changed`` follows another state.

    ``episode`` and its step ``frame`` follow the shared cursor. ``live`` is the state that the training's simulator was
    in at its step ``live_step``, None until it was asked for. ``hand`` is made out of the state of another kind.
    """

    changed = Signal()

    def __init__(self, context: Context, draft: PlanDraft, choice: CheckpointChoice) -> None:
        super().__init__()
        self._context, self._draft, self._choice = context, draft, choice
        self.episode: ArtifactRow | None = None
        self.frame = 0
        self.live: BodiesAt | None = None
        self.live_step: int | None = None
        self.hand = HandState(context)
        self._run: RunRow | None = choice.run
        self._moving = False
        self._asked: Channel | None = None  # of the run whose state is waited for
        self._seen: object = None  # the state of the live run that is too old
        self._before = ""  # the kind that was chosen when it was asked for
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK)
        self._timer.timeout.connect(self._look_live)
        self.hand.taken.connect(lambda: draft.choose(start=HAND))
        self.hand.changed.connect(self.changed)
        context.cursor.episode_changed.connect(self._follow_episode)
        context.cursor.frame_changed.connect(self._follow_frame)
        self._list_episodes()

    def close(self) -> None:
        """Read nothing more."""
        self._timer.stop()
        self.hand.close()

    # ---- what is so -------------------------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """One of the draft's ``RESET``, ``EPISODE``, ``LIVE``, ``HAND``."""
        return self._draft.start

    @property
    def reset_seed(self) -> int:
        """What a reset is drawn from."""
        return self._draft.reset_seed

    @property
    def state(self) -> StartState | None:
        """The chosen state as the engine takes it; None while there is none, or while what is typed is wrong."""
        kind = self._draft.start
        if kind == EPISODE:
            return None if self.episode is None else f"episode:{self.episode.name}:{self.frame}"
        if kind == LIVE:
            return self.live
        return self.hand.state if kind == HAND else f"reset:{self._draft.reset_seed}"

    @property
    def typing(self) -> bool:
        """Whether a state is set by hand that is wrong as yet."""
        return self._draft.start == HAND and bool(self.hand.problems)

    @property
    def trains_here(self) -> bool:
        """Whether the chosen run trains in this window."""
        return self._channel() is not None

    def episodes(self) -> tuple[ArtifactRow, ...]:
        """The run's recorded episodes, the newest first."""
        run = self._choice.run
        return () if run is None else self._context.project.artifacts.list(run.id, "episode")[::-1]

    # ---- choosing ---------------------------------------------------------------------------------------------------

    def set_moment(self, row: ArtifactRow, frame: int) -> None:
        """Begin at a step of a recorded episode; the cursor goes there."""
        self._moving = True  # the cursor moves twice, which is one change here
        self._context.cursor.set_episode(EpisodeAt(row.run_id, row.name))
        self._context.cursor.set_frame(frame)
        self._moving = False
        self.episode, self.frame = row, frame
        self._draft.choose(start=EPISODE)
        self.changed.emit()

    def take_live(self) -> None:
        """Begin where the run that trains here is now; its next state is asked for."""
        channel = self._channel()
        if channel is not None:
            channel.view_interval = _VIEW_INTERVAL
            self._asked, self._seen, self._before = channel, channel.latest(SimulatorView), self.kind
            self._timer.start()
            self.changed.emit()

    @property
    def waiting(self) -> str:
        """While the live run's state was asked for and has not come: why, as a sentence; else empty."""
        if self._asked is None:
            return ""
        return "Its state comes when the paused run goes on." if self._asked.pausing else "Waiting for its next state."

    def set_by_hand(self, origin: str) -> None:
        """Begin at the present state, ``origin`` in words, with other numbers; it is read first."""
        run, row, state = self._choice.run, self._choice.row, self.state
        if self._draft.start != HAND and run is not None and row is not None and state is not None:
            self.hand.take(run.id, row.name, state, origin)

    def change_subject(self) -> None:
        """Another run or checkpoint: what belongs to the last one is let go of."""
        run, last = self._choice.run, self._run
        self._run = run
        self._list_episodes()
        if (run and run.id) == (last and last.id):
            return
        self._ask_no_more()
        self.live = self.live_step = None
        fits = self._draft.start == HAND and task_of(run) == task_of(last)
        if not fits and self._draft.start in (LIVE, HAND):
            self._draft.choose(start=RESET)

    # ---- following --------------------------------------------------------------------------------------------------

    def _channel(self) -> Channel | None:
        queue, run = self._context.engine.queue, self._choice.run
        return queue.channel(run.id) if queue is not None and run is not None else None

    def _look_live(self) -> None:
        asked = self._asked
        view = None if asked is None else asked.latest(SimulatorView)
        if asked is None or asked is not self._channel() or self.kind != self._before:
            self._ask_no_more()  # the run has ended, or another start state was chosen meanwhile
        elif isinstance(view, SimulatorView) and view is not self._seen:
            from workbench.engine.start_state import BodiesAt

            self._ask_no_more()
            self.live, self.live_step = BodiesAt(view.qpos.copy(), view.qvel.copy()), view.step
            self._draft.choose(start=LIVE)
            self.changed.emit()

    def _ask_no_more(self) -> None:
        self._timer.stop()
        if self._asked is not None:
            self._asked.view_interval = None  # a panel that shows the run live asks again by itself
            self._asked = None
            self.changed.emit()

    def _list_episodes(self) -> None:
        rows, at = self.episodes(), self._context.cursor.episode
        chosen = next((row for row in rows if at == EpisodeAt(row.run_id, row.name)), None)
        self.frame = self._context.cursor.frame if chosen is not None else 0
        self.episode = chosen or (rows[0] if rows else None)

    def _follow_episode(self, _at: object) -> None:
        if not self._moving:
            self._list_episodes()
            self.changed.emit()

    def _follow_frame(self, frame: int) -> None:
        at = self._context.cursor.episode
        here = self.episode is not None and at == EpisodeAt(self.episode.run_id, self.episode.name)
        if here and self.episode is not None and not self._moving:
            self.frame = min(frame, max(int(self.episode.info.get("length", 1)) - 1, 0))
            self.changed.emit()


def task_of(run: RunRow | None) -> tuple[object, object] | None:
    """The environment with its options; runs in which these are the same can be planned for from the same states."""
    return None if run is None else (run.environment, run.spec.get("environment_options", {}))
