"""Episodes that a planner acted in: driving one in a thread, those that are stored, and which decision is shown."""

from __future__ import annotations

import time
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from storage import ArtifactRow
from ui.analysis import Advance, AnalysisThread
from ui.context import Context
from ui.cursor import EpisodeAt
from ui.plan_session import plan_session

if TYPE_CHECKING:
    from workbench.analysis.steps import Analysis, AnalysisStep
    from workbench.engine.planned_episode import Driven, DriveWish, PlannedEpisode
    from workbench.engine.planning_desk import PlanWish

_NAME = "plan episode"
PREFERENCE = "plan episode"
PLAN, POLICY = "plan", "policy"
#: what a drive is asked for, before anybody changed it; 0 steps: the whole episode
DEFAULTS: dict[str, Any] = {"steps": 0, "replan": 1, "proposal": PLAN, "every": 5}
#: the largest number of each
LARGEST = {"steps": 100_000, "replan": 1000, "every": 1000}
#: candidates that are stored of each iteration
_MOST = 64
#: seconds between two pictures of an episode under way, and milliseconds between two decisions while one is played
_PICTURE, _FOLLOW = 0.05, 80


class PlanEpisodes(QObject):
    """``rows`` are the chosen run's episodes with stored plans, the newest first; ``episode`` is the one looked at.

    ``decision`` counts among its stored decisions; None while none of them is shown. ``wanted`` is being read or was
    read last. While a planner drives, ``rewards`` are those of the episode so far.
    """

    changed = Signal()  # other rows, another episode or another decision
    drive_changed = Signal()  # what a drive is asked for, how far it is, or whether one goes on

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.session = plan_session(context)
        self.rows: tuple[ArtifactRow, ...] = ()
        self.wanted: ArtifactRow | None = None
        self.episode: PlannedEpisode | None = None
        self.decision: int | None = None
        self._asked: int | None = None  # the decision to be shown when its episode is read
        self.failure = ""  # of reading
        self.drive_failure = ""
        self.advance: Advance | None = None
        self.rewards: tuple[float, ...] = ()
        self.by_policy = False
        self.driven_run: int | None = None  # of the drive under way, or of the last one
        kept = context.preferences.get(PREFERENCE, {})
        self.choice = {**DEFAULTS, **_sound(kept if isinstance(kept, dict) else {})}
        self.driver, self.reader = AnalysisThread("drive", self), AnalysisThread("planned episode", self)
        self._follow_soon = QTimer(self)
        self._follow_soon.setSingleShot(True)
        self._follow_soon.setInterval(_FOLLOW)
        self._connect()

    def _connect(self) -> None:
        self.driver.advanced.connect(self._take_advance)
        self.driver.finished.connect(self._take_driven)
        self.driver.failed.connect(self._fail_driving)
        self.driver.busy_changed.connect(lambda _busy: self.drive_changed.emit())
        self.reader.finished.connect(self._take_episode)
        self.reader.failed.connect(self._fail_reading)
        self._follow_soon.timeout.connect(self._follow)
        self.session.choice.changed.connect(self.refresh)
        self.session.problem_changed.connect(self.drive_changed)
        self.session.moved.connect(self._note_search)
        self.context.cursor.frame_changed.connect(lambda _frame: self._follow_soon.start())

    # ---- which episode ----------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look again at what is stored."""
        self._list()
        if self.wanted not in self.rows:
            self._leave()
            if self.rows:
                self.look_at(self.rows[0])
        self.changed.emit()

    def _list(self) -> None:
        run = self.session.choice.run
        rows = () if run is None else self.context.project.artifacts.list(run.id, "episode")[::-1]
        self.rows = tuple(row for row in rows if row.info.get("plans"))

    def look_at(self, row: ArtifactRow, decision: int | None = None) -> None:
        """Read an episode; with ``decision`` its plans are shown at once."""
        if row == self.wanted and self.episode is not None:
            if decision is not None:
                self.show_decision(decision)
            return
        self._leave()
        self.wanted, self._asked = row, decision
        self.reader.start(lambda: self._read(row))
        self.changed.emit()

    def _leave(self) -> None:
        self.reader.cancel()
        self.wanted = self.episode = self.decision = None
        self.failure = ""

    def _read(self, row: ArtifactRow) -> Analysis[PlannedEpisode]:
        """In the thread."""
        from workbench.analysis.steps import AnalysisStep
        from workbench.engine.planned_episode import read_planned
        from workbench.engine.recorder import Recorder

        yield AnalysisStep(0, 1, "episodes")
        return read_planned(Recorder(self.context.project), row)

    def _take_episode(self, episode: Any) -> None:
        self.episode = episode
        if self._asked is not None:
            self.show_decision(self._asked)
        self.changed.emit()

    def _fail_reading(self, sentence: str, _error: object) -> None:
        self.failure = sentence
        self.changed.emit()

    # ---- which decision ---------------------------------------------------------------------------------------------

    def show_decision(self, decision: int, *, move: bool = True) -> None:
        """Show the plans of a stored decision wherever iterations are shown; ``move`` takes the cursor to its step."""
        episode = self.episode
        if episode is None:
            return
        self.decision = min(max(decision, 0), len(episode.decisions) - 1)
        step, looks = episode.decisions[self.decision], episode.looks(self.decision)
        self.session.show_stored(episode.row, step, looks, move=move)
        self.changed.emit()

    def seek(self, step: int) -> None:
        """Show the decision that led on from this step of the episode."""
        if self.episode is not None:
            self.show_decision(self._decision_at(step))

    def _decision_at(self, step: int) -> int:
        assert self.episode is not None
        return max(bisect_right(self.episode.decisions, step) - 1, 0)

    def _follow(self) -> None:
        """The cursor was moved elsewhere, such as by the simulation that plays the episode."""
        episode, cursor = self.episode, self.context.cursor
        if episode is None or self.decision is None:
            return
        here = cursor.episode == EpisodeAt(episode.row.run_id, episode.row.name)
        if here and (at := self._decision_at(cursor.frame)) != self.decision:
            self.show_decision(at, move=False)

    def _note_search(self) -> None:
        """A search has taken the stored decision's place."""
        if self.session.stored is None and self.decision is not None and self.episode is not None:
            self.decision = None
            self.changed.emit()

    # ---- driving ----------------------------------------------------------------------------------------------------

    def choose(self, **values: Any) -> None:
        """Other ``steps``, intervals between plans (``replan``) and stored decisions (``every``), or ``proposal``."""
        self.choice.update(values)
        self.context.preferences.set(PREFERENCE, self.choice)
        self.drive_failure = ""
        self.drive_changed.emit()

    @property
    def obstacle(self) -> str:
        """Why nothing can be driven now, as a sentence; empty where it can."""
        if not self.context.project.writable:
            return "This project is open for reading alone."
        if not self.session.ready or self.session.draft.problems:
            return "Choose a run, a start state and settings that fit first."
        return ""

    def drive(self) -> None:
        """Let the planner of the posed problem act from its start state, in a thread; what runs is dropped."""
        plan = self.session.wish
        if plan is None or self.obstacle:
            return
        self.drive_failure, self.advance, self.rewards, self.by_policy = "", None, (), False
        self.driven_run = plan.run_id
        self.session.cancel()
        self.driver.start(lambda: self._drive(plan))
        self.drive_changed.emit()

    def cancel(self) -> None:
        """Drop the drive; nothing of it is kept."""
        self.driver.cancel()
        self.advance, self.rewards = None, ()
        self.drive_changed.emit()

    def _drive(self, plan: PlanWish) -> Analysis[tuple[Driven, ArtifactRow]]:
        """In the thread."""
        from workbench.analysis.steps import told_as
        from workbench.engine.planned_episode import drive_and_keep
        from workbench.engine.recorder import Recorder

        steps = drive_and_keep(Recorder(self.context.project), self._make_wish(plan))
        return told_as(steps, _Pace())

    def _make_wish(self, plan: PlanWish) -> DriveWish:
        from workbench.engine.plan_tape import Thinning
        from workbench.engine.planned_episode import DriveWish

        choice = self.choice
        replan = min(choice["replan"], plan.settings.horizon)
        return DriveWish(plan, choice["steps"], replan, choice["proposal"], Thinning(choice["every"], _MOST))

    def _take_advance(self, advance: Advance) -> None:
        self.advance = advance
        partial: Any = advance.partial
        if partial is not None:
            self.rewards, self.by_policy = partial.rewards, partial.by_policy
        self.drive_changed.emit()

    def _take_driven(self, result: Any) -> None:
        row: ArtifactRow = result[1]
        self.advance, self.rewards = None, ()
        if self.session.choice.run is not None and row.run_id == self.session.choice.run.id:
            self._list()
            self.look_at(row, 0)
        self.drive_changed.emit()

    def _fail_driving(self, sentence: str, _error: object) -> None:
        self.drive_failure, self.advance, self.rewards = sentence, None, ()
        self.drive_changed.emit()


class _Pace:
    """Leaves the rewards out of steps that come faster than anybody can see."""

    def __init__(self) -> None:
        self._told = 0.0

    def __call__(self, step: AnalysisStep) -> AnalysisStep:
        from workbench.analysis.steps import AnalysisStep

        now = time.monotonic()
        if step.partial is None or now - self._told < _PICTURE:
            return AnalysisStep(step.done, step.total, step.unit)
        self._told = now
        return step


def _sound(kept: dict[str, Any]) -> dict[str, Any]:
    """What was remembered, as far as it still makes sense."""
    found = {
        name: kept[name]
        for name, most in LARGEST.items()
        if isinstance(kept.get(name), int) and min(DEFAULTS[name], 1) <= kept[name] <= most
    }
    if kept.get("proposal") in (PLAN, POLICY):
        found["proposal"] = kept["proposal"]
    return found


def plan_episodes(context: Context) -> PlanEpisodes:
    """The one list that all panels of ``context`` share."""
    episodes = context.parts.get(_NAME)
    if not isinstance(episodes, PlanEpisodes):
        episodes = context.parts[_NAME] = PlanEpisodes(context)
    return episodes
