"""The series that curves are made of: read once, continued from what is committed, and ahead of it from live events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from storage import Project, SeriesData

#: step, updates, wall time, value
LivePoint = tuple[int, int, float, float]


@dataclass
class _Entry:
    committed: SeriesData
    ahead: list[LivePoint] = field(default_factory=list)
    grown: bool = False
    joined: SeriesData | None = None


class SeriesCache:
    """Series of a project by run and metric. For one thread.

    Events reach the window some tenths of a second before they are committed; until then they are kept here. An event
    that contradicts what was committed (its run was resumed, and so taken back) makes the series be read anew.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._entries: dict[tuple[int, str], _Entry] = {}

    def series(self, run_id: int, metric: str) -> SeriesData:
        """All points known; the same object as long as there are no new ones."""
        entry = self._entries.get((run_id, metric))
        if entry is None:
            entry = self._entries[run_id, metric] = _Entry(self._project.series.read(run_id, metric))
        elif entry.grown:
            self._read_on(entry, run_id, metric)
        entry.grown = False
        if entry.joined is None:
            entry.joined = _with_live_points(entry.committed, entry.ahead)
        return entry.joined

    def add(self, run_id: int, metric: str, points: Iterable[LivePoint]) -> None:
        """Points of events, oldest first. Of a series that was not asked for yet nothing is kept: it will be read."""
        entry = self._entries.get((run_id, metric))
        if entry is None:
            return
        for point in points:
            last = entry.ahead[-1][0] if entry.ahead else _last_step(entry.committed)
            if point[0] > last:
                entry.ahead.append(point)
                entry.joined = None
            elif not _is_known(entry, point):
                del self._entries[run_id, metric]
                return
        entry.grown = True

    def touch(self, run_id: int) -> None:
        """Look for newly committed points of a run when its series are asked for next."""
        for key, entry in self._entries.items():
            entry.grown |= key[0] == run_id

    def forget(self, run_id: int) -> None:
        """Read the series of a run anew when they are asked for next."""
        for key in [key for key in self._entries if key[0] == run_id]:
            del self._entries[key]

    def keep_only(self, runs: Iterable[int], metrics: Iterable[str]) -> None:
        """Forget everything else."""
        wanted_runs, wanted_metrics = set(runs), set(metrics)
        for key in [key for key in self._entries if key[0] not in wanted_runs or key[1] not in wanted_metrics]:
            del self._entries[key]

    def _read_on(self, entry: _Entry, run_id: int, metric: str) -> None:
        new = self._project.series.read(run_id, metric, after_step=_last_step(entry.committed))
        if not len(new):
            return
        entry.committed = SeriesData.joined([entry.committed, new])
        last = _last_step(entry.committed)
        entry.ahead = [point for point in entry.ahead if point[0] > last]
        entry.joined = None


def _last_step(data: SeriesData) -> int:
    return int(data.step[-1]) if len(data) else -1


def _is_known(entry: _Entry, point: LivePoint) -> bool:
    """Whether the very same point was committed, or told, before."""
    step, _, wall_time, _ = point
    place = int(np.searchsorted(entry.committed.step, step))
    if place < len(entry.committed) and entry.committed.step[place] == step:
        return bool(entry.committed.wall_time[place] == wall_time)
    return any(known[0] == step and known[2] == wall_time for known in entry.ahead)


def _with_live_points(committed: SeriesData, ahead: list[LivePoint]) -> SeriesData:
    """Events do not say the active seconds; they are taken to have run on with the clock, until they are committed."""
    if not ahead:
        return committed
    active, wall = (committed.active_seconds[-1], committed.wall_time[-1]) if len(committed) else (0.0, ahead[0][2])
    rows = [(step, updates, active + max(at - wall, 0.0), at, value) for step, updates, at, value in ahead]
    return SeriesData.joined([committed, SeriesData.of_rows(rows)])
