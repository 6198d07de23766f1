"""A project's database as its parts see it: reading snapshots, and the writer if there is one."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Connection

from storage.errors import ProjectReadOnly
from storage.lock import Holder, living_holder
from storage.sqlite import reading, reading_engine, writing_engine
from storage.writer import Writer

DATABASE_NAME = "project.db"
FILES_NAME = "files"


class Database:
    """Gives connections that read, and the writer of a project that was opened for writing."""

    def __init__(self, folder: Path, own: Holder | None) -> None:
        """`own` is this process as the holder of the lock, None for reading."""
        self.folder = folder
        self.path = folder / DATABASE_NAME
        self.files = folder / FILES_NAME
        self._own = own
        self._engine = reading_engine(self.path, lambda: self.holder() is not None)
        self._writer = Writer(writing_engine(self.path), self.path) if own else None

    @property
    def writable(self) -> bool:
        """Whether the project was opened for writing."""
        return self._writer is not None

    @property
    def writer(self) -> Writer:
        """The writer. Raises ProjectReadOnly for a project that was opened for reading."""
        if self._writer is None:
            raise ProjectReadOnly(
                f"The project {self.folder} was opened for reading, so nothing can be changed in it.",
                "Nothing was changed.",
                "Open it for writing; this is possible when no other process writes it.",
            )
        return self._writer

    def holder(self) -> Holder | None:
        """The living process that writes the project, if any."""
        return self._own or living_holder(self.folder)

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection that sees one snapshot, up to the last commit. Database errors come as StorageError."""
        return reading(self._engine, self.path)

    def close(self) -> None:
        """Ends the writer, after it has committed what is pending."""
        self._engine.dispose()
        if self._writer is not None:
            self._writer.close()
