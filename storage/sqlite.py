"""Everything that is SQLite's own: pragmas, transactions, checks, backup, and what its error codes mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from storage.errors import DiskFull, ProjectDamaged, ProjectReadOnly, StorageError

BUSY_SECONDS = 30.0
_WRITING = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-65536",
    "PRAGMA wal_autocheckpoint=4000",
)
_READING = ("PRAGMA query_only=ON", "PRAGMA temp_store=MEMORY", "PRAGMA cache_size=-65536")
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_REFUSED_BY_DISK = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def writing_engine(path: Path) -> Engine:
    """Engine of the one writer: creates the file if need be, WAL, and every transaction is BEGIN IMMEDIATE."""
    return _engine(path, lambda: _connect(path, "rwc"), _WRITING, "BEGIN IMMEDIATE", poolclass=QueuePool, pool_size=1)


def reading_engine(path: Path, writer_alive: Callable[[], bool]) -> Engine:
    """Engine that never writes. Each transaction sees one snapshot, beside a writer if there is one.

    A folder that may not be written is read too: see `_connect_for_reading`.
    """
    return _engine(path, lambda: _connect_for_reading(path, writer_alive), _READING, "BEGIN", poolclass=NullPool)


@contextmanager
def reading(engine: Engine, path: Path) -> Iterator[Connection]:
    """A connection inside one transaction; errors of the database as a whole come as StorageError."""
    try:
        with engine.connect() as connection:
            yield connection
    except (DBAPIError, sqlite3.Error) as error:
        if (known := storage_error(error, path)) is not None:
            raise known from error
        raise


def _engine(
    path: Path, connect: Callable[[], sqlite3.Connection], pragmas: tuple[str, ...], begin: str, **pool: Any
) -> Engine:
    def prepared() -> sqlite3.Connection:
        connection = connect()
        try:
            for pragma in pragmas:
                connection.execute(pragma)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    engine = create_engine(URL.create("sqlite+pysqlite", database=str(path)), creator=prepared, **pool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _connect(path: Path, options: str) -> sqlite3.Connection:
    # isolation_level=None: the "begin" event alone opens transactions, so that savepoints and DDL belong to them.
    uri = f"{path.absolute().as_uri()}?mode={options}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _connect_for_reading(path: Path, writer_alive: Callable[[], bool]) -> sqlite3.Connection:
    """Opens read-only. Where the WAL's companion files are missing and cannot be made (a folder without the right to
    write), the database file alone is read, which is right only while nobody writes and no WAL is left over."""
    connection = _connect(path, "ro")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError as error:
        connection.close()
        if primary_code(error) not in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}:
            raise
    except sqlite3.DatabaseError:
        connection.close()
        raise
    else:
        return connection
    journal = path.with_name(path.name + "-wal")
    if writer_alive() or (journal.exists() and journal.stat().st_size > 0):
        raise ProjectReadOnly(
            f"The last changes of {path} are in {journal.name}, which cannot be read in this folder.",
            "Nothing was changed.",
            "Copy the whole folder to a place where you may write, or open it as the user who owns it.",
        )
    return _connect(path, "ro&immutable=1")


def quick_check(path: Path, writer_alive: Callable[[], bool]) -> None:
    """Reads every page of the database and raises ProjectDamaged at the first fault; changes nothing."""
    try:
        with closing(_connect_for_reading(path, writer_alive)) as connection:
            lines = [row[0] for row in connection.execute("PRAGMA quick_check(5)")]
    except sqlite3.DatabaseError as error:
        if primary_code(error) not in _DAMAGED:
            raise storage_error(error, path) or error from error
        lines = [str(error)]
    if lines != ["ok"]:
        raise damaged(path, lines[0])


def damaged(path: Path, found: str) -> ProjectDamaged:
    """The error for a database that SQLite cannot read, with what it found."""
    backups = sorted(candidate.name for candidate in path.parent.glob("*.backup.db"))
    copy = f"; {backups[-1]} in the same folder is an earlier state" if backups else ""
    return ProjectDamaged(
        f"The database {path} is damaged ({found.strip()}).",
        "Nothing was changed, and the checkpoints and episodes in the folder files are not affected.",
        f"Move {path.name} aside and put a copy of yours in its place{copy}; or open another project folder.",
    )


def back_up(path: Path, copy: Path) -> None:
    """Copies the database, with what its WAL holds, to `copy` by SQLite's own backup, atomically."""
    unfinished = copy.with_name(f".tmp-{copy.name}")
    unfinished.unlink(missing_ok=True)
    with closing(_connect(path, "ro")) as source, closing(sqlite3.connect(unfinished)) as target:
        source.backup(target)
    unfinished.replace(copy)


def primary_code(error: BaseException) -> int:
    """SQLite's primary result code of an error (the extended part cut off), 0 where there is none."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return int(getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF


def storage_error(error: sqlite3.Error | DBAPIError, path: Path) -> StorageError | None:
    """What an error of the database as a whole means (full, damaged, locked, read-only).

    None for a fault of a single statement, such as a constraint.
    """
    code = primary_code(error)
    cause = error.orig if isinstance(error, DBAPIError) else error
    if code in _REFUSED_BY_DISK:
        return DiskFull(
            f"The disk did not take the last changes of {path} ({cause}).",
            "What was saved before is safe, and what was not saved yet is kept in memory.",
            "Free some space on that disk (or raise the quota); saving is tried again by itself.",
        )
    if code in _DAMAGED:
        return damaged(path, str(cause))
    if code in _BUSY:
        return StorageError(
            f"Another program keeps the database {path} locked ({cause}).",
            "What was saved before is safe, and what was not saved yet is kept in memory.",
            "Close other programs that have the file open, such as a database browser.",
        )
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}:
        return ProjectReadOnly(
            f"The database {path} does not allow writing ({cause}).",
            "What was saved before is safe.",
            "Give yourself the right to write in that folder, or choose another with --project.",
        )
    return None
