"""Which checkpoint of which run the panels of Diagnose look into: one choice for all of them."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from storage import ArtifactRow, RunFilter, RunRow, UnknownRun
from ui.context import Context
from ui.live_runs import watched_run
from workbench.events import CheckpointWritten, Event

_NAME = "checkpoint"


class CheckpointChoice(QObject):
    """The chosen run and one of its checkpoints, ``row``; None while there is none.

    It follows the selected run, else the newest that has checkpoints. ``rows`` are its snapshots by step, and behind
    them its youngest resume point where that is younger. The newest is chosen until the user chooses another; a cursor
    set on a training step chooses the nearest.
    """

    changed = Signal()  # another run or another checkpoint
    listed = Signal()  # other checkpoints to choose from

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.run: RunRow | None = None
        self.rows: tuple[ArtifactRow, ...] = ()
        self.row: ArtifactRow | None = None
        context.selection.changed.connect(self.refresh)
        context.feed.runs_changed.connect(self.refresh)
        context.feed.events.connect(self._take_events)
        context.cursor.step_changed.connect(self._follow_step)
        self.refresh()

    @property
    def newest(self) -> bool:
        """Whether the newest checkpoint is chosen."""
        return bool(self.rows) and self.row == self.rows[-1]

    def refresh(self) -> None:
        """Look again at the selection and at what is stored."""
        run = watched_run(self._context) or self._newest_run()
        another = (run and run.id) != (self.run and self.run.id)
        stays = not another and not self.newest and self.row is not None
        chosen = self.row
        self.run = run
        rows = () if run is None else checkpoints(self._context, run.id)
        if rows != self.rows:
            self.rows = rows
            self.listed.emit()
        kept = next((row for row in rows if stays and chosen is not None and row.name == chosen.name), None)
        self._choose(kept or (rows[-1] if rows else None), another)

    def choose(self, row: ArtifactRow) -> None:
        """Look into this one from now on; the cursor of the training goes there."""
        self._choose(row, False)
        self._context.cursor.set_step(row.step)

    def step(self, by: int) -> None:
        """Go on or back by so many checkpoints."""
        if self.row in self.rows:
            at = min(max(self.rows.index(self.row) + by, 0), len(self.rows) - 1)
            self.choose(self.rows[at])

    def _choose(self, row: ArtifactRow | None, another_run: bool) -> None:
        changed = another_run or row != self.row
        self.row = row
        if changed:
            self.changed.emit()

    def _newest_run(self) -> RunRow | None:
        """The youngest run that has snapshots; None where no run has."""
        runs = self._context.project.runs.page(RunFilter(), sort=(("id", "desc"),), limit=50)
        return next((run for run in runs if checkpoints(self._context, run.id)), None)

    def _take_events(self, run_id: int, events: list[Event]) -> None:
        written = any(isinstance(event, CheckpointWritten) for event in events)
        if written and self.run is not None and run_id == self.run.id:
            self.refresh()

    def _follow_step(self, step: int | None) -> None:
        if step is not None and self.rows:
            self._choose(min(self.rows, key=lambda row: (abs(row.step - step), row.step)), False)


def checkpoints(context: Context, run_id: int) -> tuple[ArtifactRow, ...]:
    """The checkpoints of a run that can be looked into, one a step, by step; empty for a run that is gone."""
    try:
        snapshots = context.project.artifacts.list(run_id, "snapshot")
        points = context.project.artifacts.list(run_id, "resume")
    except UnknownRun:
        return ()
    by_step: dict[int, ArtifactRow] = {}
    for row in snapshots:
        # The regular snapshot of a step stays when the best one is replaced, so it goes first.
        if row.name != "origin" and (row.step not in by_step or not row.name.startswith("best")):
            by_step[row.step] = row
    if points and points[-1].step > max(by_step, default=-1):
        by_step[points[-1].step] = points[-1]
    return tuple(by_step[step] for step in sorted(by_step))


def best_step(context: Context, run_id: int) -> int | None:
    """The step of the snapshot with the best evaluation; None where there is none."""
    best = [row for row in context.project.artifacts.list(run_id, "snapshot") if row.name.startswith("best")]
    return best[-1].step if best else None


def checkpoint_choice(context: Context) -> CheckpointChoice:
    """The one choice that all panels of ``context`` share."""
    choice = context.parts.get(_NAME)
    if not isinstance(choice, CheckpointChoice):
        choice = context.parts[_NAME] = CheckpointChoice(context)
    return choice
