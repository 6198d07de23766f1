"""After accidents: leftovers of unfinished files, and artifacts that turned out damaged."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from storage.artifacts import ArtifactRow
from storage.database import Database
from storage.files import TEMPORARY_PREFIX
from storage.tables import ArtifactFile, LogEntry

QUARANTINE_NAME = "quarantine"


def sweep_files(database: Database) -> None:
    """Removes unfinished files, and moves files that no run knows to `quarantine/`; for the holder of the lock only.

    A whole file can be unrecorded when the process died just before or after the record; it is kept, because after
    a database was put back from a copy it may be wanted.
    """
    with database.reading() as connection:
        recorded = set(connection.scalars(select(ArtifactFile.path)))
    for path in [*database.folder.glob(f"{TEMPORARY_PREFIX}*"), *database.files.glob(f"**/{TEMPORARY_PREFIX}*")]:
        path.unlink(missing_ok=True)
    for path in database.files.glob("*/*/*"):
        if path.is_file() and path.relative_to(database.files).as_posix() not in recorded:
            move_to_quarantine(database, path)


def move_to_quarantine(database: Database, path: Path) -> Path:
    """Moves a file of the project out of the way, and returns where it is now."""
    target = database.folder / QUARANTINE_NAME / "-".join(path.relative_to(database.files).parts)
    target.parent.mkdir(exist_ok=True)
    path.replace(target)
    return target


def quarantine(database: Database, row: ArtifactRow, reason: str) -> Path | None:
    """Takes a damaged artifact out of the project: its file is moved aside (None if it is gone), its record removed,
    and the run's log says so."""
    path = database.files / row.path
    moved = move_to_quarantine(database, path) if path.exists() else None
    data = {"artifact": row.name, "kind": row.kind, "reason": reason, "moved_to": moved.name if moved else None}

    def operation(connection: Connection) -> None:
        connection.execute(delete(ArtifactFile).where(ArtifactFile.id == row.id))
        connection.execute(
            insert(LogEntry).values(
                run_id=row.run_id, kind="quarantine", step=row.step, updates=0, wall_time=time.time(), data=data
            )
        )

    database.writer.call(operation)
    return moved
