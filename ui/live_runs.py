"""What is known of running runs beyond their stored rows, which lag by up to a heartbeat."""

from __future__ import annotations

from storage import RunRow, RunState, UnknownRun
from ui.context import Context


def watched_run(context: Context) -> RunRow | None:
    """What panels for one run show: the run selected last, or the seed of its group that trains.

    Without a selection it is the run that began last; None if nothing runs either.
    """
    running, selected = context.feed.running, context.selection
    wanted = max(running, default=None) if selected.primary is None else selected.primary
    try:
        row = None if wanted is None else context.project.runs.get(wanted)
        if row is None or row.id in running or row.group_id is None:
            return row
        seeds = [context.project.runs.get(run) for run in selected.runs if run in running]
    except UnknownRun:
        return None
    return next((seed for seed in seeds if seed.group_id == row.group_id), row)


class LiveRuns:
    """Reads the feed and the channels of this process; for other runs it gives what is stored."""

    def __init__(self, context: Context) -> None:
        self._feed, self._engine = context.feed, context.engine
        #: run -> place in the queue, 0 being the next to start; whoever reads the table keeps it
        self.places: dict[int, int] = {}

    def step(self, row: RunRow) -> int:
        """Environment steps done."""
        progress = self._feed.progress(row.id) if row.id in self._feed.running else None
        return row.step if progress is None else progress.step

    def heard(self, row: RunRow) -> float | None:
        """When the run was last heard of, in seconds since 1970."""
        progress = self._feed.progress(row.id) if row.id in self._feed.running else None
        times = [each for each in (row.heartbeat, progress.wall_time if progress else None) if each is not None]
        return max(times, default=None)

    def state(self, row: RunRow, now: float) -> str:
        """The state to show: as stored, but "silent" when a promised heartbeat is overdue, and "pausing" or
        "stopping" from the moment it was asked for."""
        if row.status not in (RunState.RUNNING, RunState.PAUSING, RunState.STOPPING):
            return row.status.value
        channel = self._engine.queue.channel(row.id) if self._engine.queue is not None else None
        heard = self.heard(row)
        if row.next_heartbeat is not None and now > row.next_heartbeat and (heard is None or now - heard > 1.0):
            return "silent"
        if channel is not None and channel.stopping:
            return RunState.STOPPING.value
        if channel is not None and channel.pausing:
            return RunState.PAUSING.value
        return row.status.value
