"""What can go wrong with a project, told in sentences: what is wrong, what is safe, what to do."""

from __future__ import annotations


class StorageError(Exception):
    """A fault of the project that a user can read and act upon.

    `what` says what is wrong and names the file or run, `safe` says what was not harmed, `remedy` says what to do.
    `str()` gives the three joined.
    """

    def __init__(self, what: str, safe: str = "Nothing was changed.", remedy: str = "") -> None:
        super().__init__(what, safe, remedy)
        self.what = what
        self.safe = safe
        self.remedy = remedy

    def __str__(self) -> str:
        return " ".join(sentence for sentence in (self.what, self.safe, self.remedy) if sentence)


class ProjectMissing(StorageError):
    """There is no project in the folder that was to be read."""


class ProjectLocked(StorageError):
    """Another process writes this project; `pid`, `host`, `since` (seconds since 1970) say which, if known."""

    pid: int | None = None
    host: str | None = None
    since: float | None = None


class ProjectTooNew(StorageError):
    """A later Foresight wrote the project; its version is named, and the database was not touched."""


class ProjectTooOld(StorageError):
    """An earlier Foresight wrote the project, and reading alone may not bring it up to date."""


class ProjectDamaged(StorageError):
    """The database is not one, is cut short, or fails SQLite's own check; nothing was changed."""


class ProjectReadOnly(StorageError):
    """The project was opened for reading, or its folder does not allow writing."""


class DiskFull(StorageError):
    """The disk or a quota is full, or the disk refuses to take what is written."""


class ArtifactDamaged(StorageError):
    """A file of the project is missing or is not what was recorded (size, SHA-256, contents)."""


class BundleRefused(StorageError):
    """A bundle is not safe or not whole; nothing of it was taken."""


class UnknownStudy(StorageError):
    """No study of this project has that name; what is near is named."""


class UnknownRun(StorageError):
    """No run, or more than one, goes by that number, name or uuid."""


class StateRefused(StorageError):
    """A run cannot go from its state to the wanted one."""


class ExpressionError(StorageError):
    """A filter expression cannot be understood; `what` names the position."""
