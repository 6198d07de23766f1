"""The states of a run, which may follow which, and the one function that changes them."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, insert, literal, not_, or_, select, update

from storage.errors import StateRefused, UnknownRun
from storage.lock import Holder
from storage.tables import LogEntry, Run


class RunState(StrEnum):
    """What a run is doing. Every value is stored as its name."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


_S = RunState
_ENDS = {_S.FINISHED, _S.STOPPED, _S.FAILED, _S.INTERRUPTED}
TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    _S.QUEUED: frozenset({_S.RUNNING, _S.STOPPED, _S.FAILED}),
    _S.RUNNING: frozenset({_S.PAUSING, _S.PAUSED, _S.STOPPING} | _ENDS),
    _S.PAUSING: frozenset({_S.PAUSED, _S.RUNNING, _S.STOPPING} | _ENDS),
    _S.PAUSED: frozenset({_S.QUEUED, _S.RUNNING, _S.STOPPING, _S.STOPPED, _S.FAILED, _S.INTERRUPTED}),
    _S.STOPPING: frozenset(_ENDS),
    # Resuming and extending go through the queue, or start at once.
    _S.FINISHED: frozenset({_S.QUEUED, _S.RUNNING}),
    _S.STOPPED: frozenset({_S.QUEUED, _S.RUNNING}),
    _S.FAILED: frozenset({_S.QUEUED, _S.RUNNING, _S.STOPPED}),
    _S.INTERRUPTED: frozenset({_S.QUEUED, _S.RUNNING, _S.STOPPED, _S.FAILED}),
}
LIVE_STATES = frozenset({_S.RUNNING, _S.PAUSING, _S.PAUSED, _S.STOPPING})  # a process may hold the session
ENDED_STATES = frozenset(_ENDS)
FIRST_PROMISE = 60.0  # seconds until the first heartbeat of a run that has just started
GONE_REASON = "The process that ran it is gone."


def change_state(
    connection: Connection, run_id: int, state: RunState, reason: str, fault: str | None, holder: Holder | None
) -> None:
    """Moves a run to `state` and writes a log event of kind `state`, in the caller's transaction.

    `holder` is the process that runs it from now on, used when the new state is running.
    Raises UnknownRun, or StateRefused where `TRANSITIONS` does not allow the step.
    """
    row = connection.execute(select(Run.name, Run.status, Run.step, Run.updates, Run.started).where(Run.id == run_id))
    run = row.one_or_none()
    if run is None:
        raise UnknownRun(f"There is no run {run_id}.", remedy="`foresight list` shows the runs.")
    before = RunState(run.status)
    if state not in TRANSITIONS[before]:
        allowed = ", ".join(sorted(TRANSITIONS[before]))
        raise StateRefused(
            f"Run {run_id} ({run.name}) is {before} and cannot become {state}.",
            "The run was not changed.",
            f"From {before} it can become: {allowed}.",
        )
    now = time.time()
    changes: dict[str, Any] = {"status": state.value, "reason": reason, "queue_position": None}
    if state is RunState.QUEUED:
        changes["queue_position"] = select(func.coalesce(func.max(Run.queue_position), 0) + 1).scalar_subquery()
    if state is RunState.RUNNING and holder is not None:
        changes |= {"owner_pid": holder.pid, "owner_host": holder.host, "started": run.started or now}
    if state in {RunState.QUEUED, RunState.RUNNING}:
        changes |= {"ended": None, "fault": None}
    if state in LIVE_STATES:
        changes |= {"heartbeat": now, "next_heartbeat": now + FIRST_PROMISE}
    else:
        changes |= {"owner_pid": None, "owner_host": None, "next_heartbeat": None}
    if state in ENDED_STATES:
        changes["ended"] = now
    if fault is not None:
        changes["fault"] = fault
    connection.execute(update(Run).where(Run.id == run_id).values(**changes))
    event = {"from": before.value, "to": state.value, "reason": reason} | ({} if fault is None else {"fault": fault})
    connection.execute(
        insert(LogEntry).values(
            run_id=run_id, kind="state", step=run.step, updates=run.updates, wall_time=now, data=event
        )
    )


def holder_is_gone(holder: Holder | None, this_host: str, now: float) -> ColumnElement[bool]:
    """The SQL condition that a run claims to be alive while nobody runs it.

    On this host a run lives while the project's present `holder` is the process that owns it. For another host only
    the heartbeat can tell: it is gone when the promised next one is late by as much as the promise was long.
    A paused run without an owner was put away in order, with a resume point; it stays paused.
    """
    late_at = Run.next_heartbeat + (Run.next_heartbeat - Run.heartbeat)
    elsewhere = and_(func.coalesce(Run.owner_host, this_host) != this_host, func.coalesce(late_at, 0.0) > now)
    here: ColumnElement[bool] = literal(False)
    if holder is not None:
        here = and_(func.coalesce(Run.owner_host, "") == holder.host, func.coalesce(Run.owner_pid, 0) == holder.pid)
    claims = or_(
        Run.status.in_([s.value for s in LIVE_STATES - {RunState.PAUSED}]),
        and_(Run.status == RunState.PAUSED.value, Run.owner_pid.is_not(None)),
    )
    return and_(claims, not_(or_(elsewhere, here)))


def interrupt_gone(connection: Connection, this_host: str) -> list[int]:
    """Marks every run as interrupted whose process is gone, for one who has just got the project's lock."""
    gone = select(Run.id).where(holder_is_gone(None, this_host, time.time())).order_by(Run.id)
    run_ids = list(connection.scalars(gone))
    for run_id in run_ids:
        change_state(connection, run_id, RunState.INTERRUPTED, GONE_REASON, None, None)
    return run_ids
