"""Pausing, resuming, stopping and ordering runs, with the reasons why one of these cannot be done now."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence

from storage import RunFilter, RunRow, Runs, RunState, StorageError
from storage.run_states import LIVE_STATES
from ui.context import Context
from workbench.registry import BrokenEntry, UnknownName
from workbench.settings import SettingsError

RESUMABLE = frozenset({RunState.PAUSED, RunState.INTERRUPTED, RunState.STOPPED, RunState.FAILED})
#: what the engine refuses with
REFUSALS = (StorageError, SettingsError, UnknownName, BrokenEntry)


class RunControl:
    """Asks the engine; a refusal becomes a notice."""

    def __init__(self, context: Context) -> None:
        self._context = context

    # ---- what can be done -------------------------------------------------------------------------------------------

    def writing_obstacle(self) -> str:
        """Why nothing can be changed in the project; empty when it can."""
        writable = self._context.project.writable
        return "" if writable else "Another program writes this project; here it can only be read."

    def engine_obstacle(self) -> str:
        """Why the engine cannot be asked; empty when it can."""
        engine = self._context.engine
        if engine.state == "failed":
            return f"The engine could not be loaded: {engine.problem}"
        return self.writing_obstacle() or ("" if engine.queue is not None else "The engine is still being prepared.")

    def pause_obstacle(self, rows: Sequence[RunRow]) -> str:
        """Why the runs can neither be paused nor resumed."""
        states = {row.status for row in rows}
        if not states & (RESUMABLE | {RunState.RUNNING, RunState.PAUSING}):
            state = next(iter(states)).value
            return f"{_subject(rows)} {state}, so there is nothing to pause or resume."
        return self.engine_obstacle()

    def stop_obstacle(self, rows: Sequence[RunRow]) -> str:
        """Why none of the runs can be stopped."""
        if not any(row.status in LIVE_STATES or row.status is RunState.QUEUED for row in rows):
            return f"{_subject(rows)} not running."
        return self.engine_obstacle()

    def checkpoint_obstacle(self, rows: Sequence[RunRow]) -> str:
        """Why none of the runs can save a checkpoint now."""
        if not any(row.status is RunState.RUNNING for row in rows):
            return f"{_subject(rows)} not running; a run that rests has saved its checkpoint."
        return self.engine_obstacle()

    def order_obstacle(self, rows: Sequence[RunRow]) -> str:
        """Why the runs have no place in the queue."""
        if not all(row.status is RunState.QUEUED for row in rows):
            return "Only queued runs have a place in the queue."
        return self.writing_obstacle()

    # ---- doing it ---------------------------------------------------------------------------------------------------

    def pause_or_resume(self, rows: Sequence[RunRow]) -> None:
        """Pause what runs; where nothing runs, resume what can be resumed."""
        running = [row for row in rows if row.status is RunState.RUNNING]
        if running:
            self._each(running, self._pause)
        else:
            self.resume([row for row in rows if row.status in RESUMABLE or row.status is RunState.PAUSING])

    def resume(self, rows: Sequence[RunRow]) -> None:
        """Go on with runs that are paused or have ended before their budget was spent."""
        obstacle = self.engine_obstacle()
        if obstacle:
            self._context.notices.add("warn", obstacle)
        else:
            self._each(rows, self._resume)

    def stop(self, rows: Sequence[RunRow]) -> None:
        """Stop with a resume point; queued runs leave the queue."""
        wanted = [row for row in rows if row.status in LIVE_STATES or row.status is RunState.QUEUED]
        queue = self._context.engine.queue
        assert queue is not None
        self._each(wanted, lambda row: queue.stop(row.id))

    def checkpoint(self, rows: Sequence[RunRow]) -> None:
        """Have the networks of the runs that train saved as they are now, so that panels can look into them."""
        queue = self._context.engine.queue
        for row in rows:
            channel = queue.channel(row.id) if queue is not None and row.status is RunState.RUNNING else None
            if channel is not None:
                channel.checkpoint_now()

    def move(self, rows: Sequence[RunRow], places: int) -> None:
        """Move queued runs by some places in the queue; negative is earlier."""
        runs = self._context.project.runs
        queued = RunFilter(statuses=(RunState.QUEUED,), archived=None)
        order = [row.id for row in runs.page(queued, (("queue_position", "asc"), ("id", "asc")))]
        wanted = sorted((row for row in rows if row.id in order), key=lambda row: order.index(row.id))
        block = {row.id for row in wanted}
        for row in wanted if places < 0 else reversed(wanted):
            place = order.index(row.id)
            target = min(max(place + places, 0), len(order) - 1)
            if order[target] not in block:  # at the end of the queue the selected ones do not jump over each other
                order.insert(target, order.pop(place))
                self._each([row], functools.partial(_reorder, runs, target))

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _pause(self, row: RunRow) -> None:
        queue = self._context.engine.queue
        channel = queue.channel(row.id) if queue is not None else None
        if channel is not None:
            channel.pause()

    def _resume(self, row: RunRow) -> None:
        queue = self._context.engine.queue
        assert queue is not None
        channel = queue.channel(row.id)
        if channel is not None and channel.pausing:
            channel.proceed()
        else:
            queue.resume(row.id)

    def _each(self, rows: Sequence[RunRow], act: Callable[[RunRow], object]) -> None:
        queue = self._context.engine.queue
        with contextlib.nullcontext() if queue is None else queue.held():  # seeds of one group go on together
            for row in rows:
                try:
                    act(row)
                except REFUSALS as error:
                    self._context.notices.add("bad", str(error))
        self._context.feed.runs_changed.emit()


def _reorder(runs: Runs, place: int, row: RunRow) -> None:
    runs.reorder(row.id, place)


def _subject(rows: Sequence[RunRow]) -> str:
    return f"Run {rows[0].id} is" if len(rows) == 1 else "The selected runs are"
