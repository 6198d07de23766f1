"""Taking a run back to an earlier step, so that resuming can never store a step twice."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, select, update

from storage.series import read_parts, truncate_series
from storage.series_data import SeriesData
from storage.tables import ArtifactFile, LogEntry, Metric, Run, SeriesHead

RETURN_METRICS = ("evaluation/return", "episode/return")  # the first that a run has gives its returns
_KEPT_EVENTS = ("state", "fault", "resume", "quarantine")


def truncate_run(connection: Connection, run_id: int, step: int) -> list[str]:
    """Removes what a run stored beyond `step`, in the caller's transaction.

    Returns the paths of the artifacts that are no longer recorded, for removal after the commit.
    """
    truncate_series(connection, run_id, step)
    later = (LogEntry.run_id == run_id, LogEntry.step > step, LogEntry.kind.not_in(_KEPT_EVENTS))
    connection.execute(delete(LogEntry).where(*later))
    beyond = (ArtifactFile.run_id == run_id, ArtifactFile.step > step)
    paths = list(connection.scalars(select(ArtifactFile.path).where(*beyond)))
    connection.execute(delete(ArtifactFile).where(*beyond))
    connection.execute(update(Run).where(Run.id == run_id).values(**_remaining(connection, run_id, step)))
    return paths


def _remaining(connection: Connection, run_id: int, step: int) -> dict[str, Any]:
    """The counters and returns of a run after the cut."""
    before = connection.execute(select(Run.step, Run.updates, Run.active_seconds).where(Run.id == run_id)).one()
    query = select(Metric.name, Metric.id).join(SeriesHead).where(SeriesHead.run_id == run_id)
    series = {
        name: SeriesData.joined(read_parts(connection, run_id, metric_id, None))
        for name, metric_id in connection.execute(query)
    }
    updates = max((int(data.updates[-1]) for data in series.values()), default=0)
    active = max((float(data.active_seconds[-1]) for data in series.values()), default=0.0)
    values: dict[str, Any] = {
        "step": min(before.step, step),
        "updates": min(before.updates, updates) if before.step > step else before.updates,
        "active_seconds": min(before.active_seconds, active) if before.step > step else before.active_seconds,
        "latest_return": None,
        "best_return": None,
    }
    returns = next((series[name].value for name in RETURN_METRICS if name in series), np.empty(0))
    finite = returns[np.isfinite(returns)]
    if len(finite):
        values |= {"latest_return": float(finite[-1]), "best_return": float(finite.max())}
    return values
