"""One row of the run table: a run, or the runs of a group folded into one, with the values that its cells show."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from storage import GroupRow, RunLine, RunRow, RunState
from storage.run_lines import STATE_RANK
from ui.live_runs import LiveRuns


@dataclass(frozen=True)
class RunItem:
    """``rows`` are the runs by seed; ``child`` marks a run shown inside its group's line."""

    rows: tuple[RunRow, ...]
    group: GroupRow | None = None
    child: bool = False

    @classmethod
    def of_line(cls, line: RunLine) -> RunItem:
        """The row for a line of the storage."""
        return cls(line.runs, line.group)

    def children(self) -> list[RunItem]:
        """The rows inside this one: its runs, where there are several."""
        return [RunItem((row,), self.group, child=True) for row in self.rows] if self.folded else []

    @property
    def folded(self) -> bool:
        """Whether it stands for several runs."""
        return len(self.rows) > 1

    @property
    def row(self) -> RunRow:
        """The first run; what all runs of a line share is read from it."""
        return self.rows[0]

    @property
    def runs(self) -> tuple[int, ...]:
        """The runs' numbers."""
        return tuple(row.id for row in self.rows)

    @property
    def key(self) -> tuple[int, ...]:
        """What tells rows apart, whatever their order in the table; (group, 0) or (0, run)."""
        return (self.group.id, 0) if self.folded and self.group is not None else (0, self.row.id)

    @property
    def name(self) -> str:
        """What it is called: the group's name, the run's, or inside a group the seed."""
        if self.child:
            return f"seed {self.row.seed}"
        return self.group.name if self.folded and self.group is not None else self.row.name

    @cached_property
    def state(self) -> RunState:
        """The state that asks for most attention among the runs'."""
        return min((row.status for row in self.rows), key=STATE_RANK.index)

    @property
    def deciding(self) -> tuple[RunRow, ...]:
        """The runs that are in that state."""
        return tuple(row for row in self.rows if row.status is self.state)

    def shared(self, read: Callable[[RunRow], str | None]) -> str:
        """A text that all runs have in common, or how many different ones there are."""
        found = {read(row) or "" for row in self.rows}
        return found.pop() if len(found) == 1 else f"{len(found)} different"

    def mean(self, read: Callable[[RunRow], float | None]) -> float | None:
        """The mean over the runs that have the value."""
        values = _known(map(read, self.rows))
        return statistics.fmean(values) if values else None

    def best(self, read: Callable[[RunRow], float | None]) -> float | None:
        """The largest value of any run."""
        return max(_known(map(read, self.rows)), default=None)

    def first(self, read: Callable[[RunRow], float | None]) -> float | None:
        """The smallest value of any run."""
        return min(_known(map(read, self.rows)), default=None)

    @property
    def speed(self) -> float | None:
        """Environment steps per second of all runs that run now; where none does, the mean over the runs."""
        running = _known(row.steps_per_second for row in self.rows if row.status is RunState.RUNNING)
        return sum(running) if running else self.mean(lambda row: row.steps_per_second)

    @property
    def spread(self) -> float | None:
        """The sample standard deviation of the last returns over the seeds; None for fewer than two."""
        values = _known(row.latest_return for row in self.rows)
        return statistics.stdev(values) if len(values) > 1 else None

    def step(self, live: LiveRuns) -> float:
        """Environment steps done, the mean over the runs."""
        return statistics.fmean(live.step(row) for row in self.rows)

    def fraction(self, live: LiveRuns) -> float:
        """The part of the budget that is done, in 0..1."""
        total = statistics.fmean(row.total_steps for row in self.rows)
        return min(max(self.step(live) / total, 0.0), 1.0) if total else 0.0

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tags of any run, sorted."""
        return tuple(sorted({tag for row in self.rows for tag in row.tags}))

    @property
    def starred(self) -> bool:
        """Whether any run has a star."""
        return any(row.starred for row in self.rows)


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
