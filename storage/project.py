"""A project is one folder: `project.db` and `files/`. One process writes it, any number read."""

from __future__ import annotations

import atexit
import socket
import sqlite3
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Self

import platformdirs
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from storage import migrations
from storage.artifacts import Artifacts
from storage.database import DATABASE_NAME, FILES_NAME, Database
from storage.errors import ProjectDamaged, ProjectMissing, ProjectReadOnly, ProjectTooNew, ProjectTooOld, StorageError
from storage.files import disk_full
from storage.lock import Holder, ProjectLock, living_holder, read_only
from storage.log import RunLog
from storage.recovery import sweep_files
from storage.run_states import interrupt_gone
from storage.runs import Runs
from storage.series import Series
from storage.sqlite import back_up, damaged, quick_check, reading, reading_engine, storage_error, writing_engine
from storage.studies import Studies
from storage.writer import Writer


def default_project_folder() -> Path:
    """Where the project lies unless another folder is named: in the user's data folder."""
    return platformdirs.user_data_path("foresight", appauthor=False) / "project"


def application_version() -> str:
    """The version of Foresight that runs, "unreleased" where it is not installed."""
    try:
        return version("foresight-lab")
    except PackageNotFoundError:
        return "unreleased"


class Project:
    """An open project. Its parts share one database; close it, or use it in a `with` statement."""

    def __init__(self, folder: Path, lock: ProjectLock | None) -> None:
        self.folder = folder
        self._lock = lock
        self._database = Database(folder, lock.holder if lock else None)
        self._closed = False
        self.runs = Runs(self._database)
        self.series = Series(self._database)
        self.log = RunLog(self._database)
        self.artifacts = Artifacts(self._database)
        self.studies = Studies(self._database)
        self.interrupted: tuple[int, ...] = ()
        if lock is not None:
            # A program that ends without closing still gets its last quarter of a second saved.
            atexit.register(self.close)

    @property
    def writable(self) -> bool:
        """Whether the project was opened for writing."""
        return self._database.writable

    @property
    def writer(self) -> Writer:
        """The writer thread. Raises ProjectReadOnly for a project that was opened for reading."""
        return self._database.writer

    @property
    def database(self) -> Database:
        """The database, for the modules of this package."""
        return self._database

    @property
    def host_pid_info(self) -> Holder | None:
        """The living process that writes the project now (this one, if it was opened for writing), or None."""
        return self._database.holder()

    def close(self) -> None:
        """Commits what is pending, ends the writer thread and releases the lock; a second call does nothing.

        Raises DiskFull (or what else the fault is) naming how many operations could not be saved.
        """
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        try:
            self._database.close()
        finally:
            if self._lock is not None:
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_project(folder: Path | str, *, write: bool = False) -> Project:
    """Opens the project in a folder.

    For reading (also beside a writer, also in a folder without the right to write) nothing is changed; runs whose
    process is gone are shown as interrupted. Raises ProjectMissing, ProjectTooOld.

    For writing, folder and database are made if missing, the lock is taken, the database is checked, backed up and
    brought to the present schema, runs whose process is gone are marked as interrupted (`Project.interrupted`), and
    leftovers of unfinished files are swept. Queued runs stay queued. Raises ProjectLocked, ProjectReadOnly, DiskFull,
    and ProjectMissing where a file stands in the place of the folder.

    Both raise ProjectTooNew and ProjectDamaged, and leave the database as it was.
    """
    place = Path(folder).expanduser().absolute()
    return _open_for_writing(place) if write else _open_for_reading(place)


def _open_for_reading(folder: Path) -> Project:
    path = folder / DATABASE_NAME
    try:
        exists = path.is_file()
    except PermissionError as error:
        raise ProjectReadOnly(
            f"The folder {folder} cannot be read ({error.strerror}).",
            remedy="Give yourself the right to read it, or choose another folder with --project.",
        ) from error
    if not exists:
        raise ProjectMissing(
            f"There is no project in {folder}.",
            "",
            "Start a run there (`foresight train`), or name another folder with --project.",
        )
    revision = check_schema(path)
    if revision < migrations.head():
        raise ProjectTooOld(
            f"The project {folder} has schema {revision} of an earlier Foresight; this one reads {migrations.head()}.",
            "Nothing was changed.",
            "Open it once for writing (`foresight gui`); it is backed up and brought up to date then.",
        )
    return Project(folder, None)


def _open_for_writing(folder: Path) -> Project:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        told = f"{folder} is a file, or lies inside one; a project is a folder."
        raise ProjectMissing(told, remedy="Choose a folder with --project.") from error
    except OSError as error:
        raise read_only(folder, error) from error
    lock = ProjectLock(folder)
    try:
        _prepare(folder)
        project = Project(folder, lock)
    except BaseException:
        lock.release()
        raise
    try:
        host = socket.gethostname()
        project.interrupted = tuple(project.writer.call(lambda connection: interrupt_gone(connection, host)))
        sweep_files(project.database)
    except BaseException:
        project.close()
        raise
    return project


def _prepare(folder: Path) -> None:
    """Checks the database, and brings it to the present schema after a backup; makes it where there is none."""
    path = folder / DATABASE_NAME
    revision = 0
    if path.exists():
        quick_check(path, lambda: False)
        revision = check_schema(path)
    if revision == migrations.head():
        return
    if revision:
        back_up(path, folder / f"project-revision-{revision}.backup.db")
    engine = writing_engine(path)
    try:
        (folder / FILES_NAME).mkdir(exist_ok=True)
        migrations.upgrade(engine, application_version())
    except Exception as error:
        known = storage_error(error, path) if isinstance(error, (DBAPIError, sqlite3.Error)) else None
        if isinstance(error, OSError):
            known = disk_full(error, f"make the project {folder}")
        raise (StorageError if known is None else type(known))(
            f"The database {path} could not be brought from schema {revision} to {migrations.head()} ({error}).",
            "It is as it was before the step that failed, and a backup lies beside it."
            if revision
            else "There was no project before.",
            "Check the free space and the rights in that folder, then open it again.",
        ) from error
    finally:
        engine.dispose()


def check_schema(path: Path) -> int:
    """The schema revision of a database, 0 for an empty one; changes nothing.

    Raises ProjectTooNew, and ProjectDamaged for what is no project's database.
    """
    folder = path.parent
    engine = reading_engine(path, lambda: living_holder(folder) is not None)
    with reading(engine, path) as connection:
        revision, author = _schema(connection)
    if revision is None and path.stat().st_size == 0 and any((folder / FILES_NAME).glob("*/*")):
        raise damaged(path, "it is empty, although the project has files")
    if revision is None:
        return 0
    if not revision.isdecimal():
        raise damaged(path, f"its schema has the unknown name {revision!r}")
    if int(revision) > migrations.head():
        raise ProjectTooNew(
            f"The project {folder} was written by Foresight {author}, which is newer than this one "
            f"({application_version()}): its schema is {revision}, and this one knows {migrations.head()}.",
            "Nothing was changed.",
            f"Install Foresight {author} or later, or choose another project folder with --project.",
        )
    return int(revision)


def _schema(connection: Connection) -> tuple[str | None, str]:
    """Revision and author of the schema; None for a database without tables."""
    tables = set(inspect(connection).get_table_names())
    if tables <= {"alembic_version"}:  # alone it is left by a start that died before the first revision
        return None, ""
    if not {"alembic_version", "about"} <= tables:
        raise ProjectDamaged(
            "The file project.db is a database of another program.",
            "Nothing was changed.",
            "Choose another project folder with --project.",
        )
    revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    author = connection.scalar(text("SELECT value FROM about WHERE key = 'written_by'"))
    return str(revision), str(author)
