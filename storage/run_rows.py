"""A run as it crosses the API: what is handed in, what comes out, and the query between."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import ColumnElement, Select, case, select
from sqlalchemy.orm import aliased

from storage.database import Database
from storage.run_states import GONE_REASON, RunState, holder_is_gone
from storage.tables import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What must be known of a run before it exists. `spec`, `versions` and `host` are JSON objects.

    `total_steps` counts environment steps including warm-up. A fork names its parent run and the step it began at.
    """

    name: str
    agent: str
    environment: str
    seed: int
    device: str
    precision: str
    spec: dict[str, Any]
    content_hash: str
    total_steps: int
    group_id: int | None = None
    parent_run_id: int | None = None
    parent_step: int | None = None
    study: str | None = None
    preset: str | None = None
    versions: dict[str, Any] = field(default_factory=dict)
    host: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run as stored. Times are seconds since 1970, durations seconds, `step` environment steps.

    `id` is the small number that users type. `parent_run_id` is None when the parent is not in this project;
    `parent_uuid` names it all the same. `heartbeat` is when it was last heard of, `next_heartbeat` when it promised to
    be heard of again. Returns that are unknown or not a number are None.
    """

    id: int
    uuid: str
    name: str
    agent: str
    environment: str
    seed: int
    device: str
    precision: str
    spec: dict[str, Any]
    content_hash: str
    total_steps: int
    group_id: int | None
    parent_uuid: str | None
    parent_run_id: int | None
    parent_step: int | None
    study: str | None
    preset: str | None
    versions: dict[str, Any]
    host: dict[str, Any]
    status: RunState
    reason: str
    fault: str | None
    step: int
    updates: int
    latest_return: float | None
    best_return: float | None
    steps_per_second: float | None
    updates_per_second: float | None
    active_seconds: float
    created: float
    started: float | None
    ended: float | None
    heartbeat: float | None
    next_heartbeat: float | None
    owner_pid: int | None
    owner_host: str | None
    tags: tuple[str, ...]
    note: str
    starred: bool
    archived: bool
    deleted: float | None
    queue_position: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """Runs that belong together; `kind` is "seeds", or "variant" for one of a study (see `studies.py`)."""

    id: int
    uuid: str
    name: str
    kind: str
    info: dict[str, Any]
    created: float

    @property
    def title(self) -> str:
        """What it is called beside others like it: a variant's own name, else the group's."""
        return str(self.info.get("variant") or self.name)


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a run comes from (oldest first) and which runs were forked from it; runs of other projects are left out."""

    ancestors: tuple[RunRow, ...]
    children: tuple[RunRow, ...]


def shown(database: Database) -> tuple[ColumnElement[str], ColumnElement[str]]:
    """Status and reason as users see them: a reader sees a run without a process as interrupted."""
    if database.writable:
        return Run.status.expression, Run.reason.expression
    gone = holder_is_gone(database.holder(), socket.gethostname(), time.time())
    return (
        case((gone, RunState.INTERRUPTED.value), else_=Run.status),
        case((gone, GONE_REASON), else_=Run.reason),
    )


def select_rows(status: ColumnElement[str], reason: ColumnElement[str]) -> Select[Any]:
    """The query whose rows `run_row` understands."""
    parent = aliased(Run)
    derived = {"status": status, "reason": reason, "parent_run_id": parent.id}
    columns = [
        derived[name].label(name) if name in derived else getattr(Run, name)
        for name in (column.name for column in fields(RunRow))
        if name != "tags"
    ]
    return select(*columns).select_from(Run).outerjoin(parent, parent.uuid == Run.parent_uuid)


def run_row(values: dict[str, Any], tags: tuple[str, ...]) -> RunRow:
    """A row of `select_rows` with its tags."""
    return RunRow(**(values | {"status": RunState(values["status"]), "tags": tags}))
