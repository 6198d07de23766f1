"""The lines of the run table: one per run, or one per group with its runs folded in; ordered in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, UnaryExpression, case, func, select

from storage.errors import ExpressionError
from storage.run_filters import RunFilter
from storage.run_rows import GroupRow, RunRow
from storage.run_states import RunState
from storage.tables import Run, RunGroup


@dataclass(frozen=True, slots=True)
class RunLine:
    """The runs of one line, by seed, and the group that they belong to, if any."""

    group: GroupRow | None
    runs: tuple[RunRow, ...]


#: how the states of a folded line's runs rank: the first that any of them has is the line's
STATE_RANK = (
    *(RunState.RUNNING, RunState.PAUSING, RunState.STOPPING, RunState.PAUSED, RunState.FAILED),
    *(RunState.INTERRUPTED, RunState.QUEUED, RunState.STOPPED, RunState.FINISHED),
)


def _of_those_that_run(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The sum over the line's running runs; where none runs, the mean over all: they need not have run at once."""
    running = func.sum(case((Run.status == RunState.RUNNING.value, column)))
    return func.coalesce(running, func.avg(column))


#: what a folded line is sorted by, where it is not the smallest of its runs' values
_COMBINED: dict[str, Any] = {
    "step": func.avg,
    "total_steps": func.avg,
    "updates": func.avg,
    "latest_return": func.avg,
    "best_return": func.max,
    "steps_per_second": _of_those_that_run,
    "updates_per_second": _of_those_that_run,
    "active_seconds": func.max,
    "heartbeat": func.max,
    "ended": func.max,
    "starred": func.max,
}
LINE_SORT_FIELDS = (
    *_COMBINED,
    *("id", "name", "agent", "environment", "seeds", "device", "precision", "study", "preset", "status"),
    *("created", "started", "note", "group", "queue_position"),
)


def line_keys(
    filter: RunFilter, status: ColumnElement[str], sort: Sequence[tuple[str, str]], folded: bool
) -> Select[Any]:
    """The numbers of the lines that a filter leaves, in order. Raises ExpressionError."""
    key = line_key(folded)
    terms = [_term(field, direction, status, folded) for field, direction in sort]
    query = select(key).select_from(Run).outerjoin(RunGroup, RunGroup.id == Run.group_id)
    return query.where(*filter.conditions(status)).group_by(key).order_by(*terms, func.max(Run.id).desc())


def line_key(folded: bool) -> ColumnElement[int]:
    """The number of a run's line: its own, or minus its group's."""
    return func.coalesce(-Run.group_id, Run.id) if folded else Run.id.expression


def lines(keys: Sequence[int], rows: Sequence[RunRow], groups: dict[int, GroupRow], folded: bool) -> list[RunLine]:
    """The runs ``rows`` as lines in the order of ``keys``."""
    members: dict[int, list[RunRow]] = {key: [] for key in keys}
    for row in rows:
        members[-row.group_id if folded and row.group_id is not None else row.id].append(row)
    return [RunLine(groups.get(found[0].group_id or 0), tuple(found)) for found in members.values() if found]


def _term(field: str, direction: str, status: ColumnElement[str], folded: bool) -> UnaryExpression[Any]:
    if field not in LINE_SORT_FIELDS or direction not in {"asc", "desc"}:
        raise ExpressionError(
            f"Runs cannot be sorted by {field} {direction}.", "", f"Possible are: {', '.join(LINE_SORT_FIELDS)}."
        )
    column: ColumnElement[Any]
    if field == "seeds":
        column = func.count(Run.id)
    elif field == "status":
        column = func.min(case({state.value: rank for rank, state in enumerate(STATE_RANK)}, value=status))
    elif field == "started":
        # What still waits stands beside what was started when it was made.
        column = func.min(func.coalesce(Run.started, Run.created))
    elif field == "group":
        column = func.min(RunGroup.name)
    elif field == "name":
        column = func.min(func.lower(func.coalesce(RunGroup.name, Run.name) if folded else Run.name))
    else:
        column = _COMBINED.get(field, func.min)(getattr(Run, field))
    return (column.asc() if direction == "asc" else column.desc()).nulls_last()
