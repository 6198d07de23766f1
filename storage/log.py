"""The log of a run: its events in order, none ever dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from storage.database import Database
from storage.tables import LogEntry


@dataclass(frozen=True, slots=True)
class LogRow:
    """One event; `wall_time` is seconds since 1970, `data` a JSON object."""

    id: int
    run_id: int
    kind: str
    step: int
    updates: int
    wall_time: float
    data: dict[str, Any]


class RunLog:
    """Appends and reads the events of runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, run_id: int, kind: str, step: int, updates: int, wall_time: float, data: dict[str, Any]) -> None:
        """Posts one event; it is committed within a second."""
        values = {
            "run_id": run_id,
            "kind": kind,
            "step": int(step),
            "updates": int(updates),
            "wall_time": float(wall_time),
            "data": data,
        }
        self._database.writer.post(lambda connection: connection.execute(insert(LogEntry).values(values)))

    def read(
        self, run_id: int, kinds: Sequence[str] | None = None, after: int | None = None, limit: int | None = None
    ) -> list[LogRow]:
        """The committed events of a run in order: those of `kinds`, with an id beyond `after`, at most `limit`."""
        query = select(*LogEntry.__table__.columns).where(LogEntry.run_id == run_id).order_by(LogEntry.id).limit(limit)
        if kinds is not None:
            query = query.where(LogEntry.kind.in_(kinds))
        if after is not None:
            query = query.where(LogEntry.id > after)
        with self._database.reading() as connection:
            return [LogRow(**row) for row in connection.execute(query).mappings()]
