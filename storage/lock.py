"""Who writes a project: the operating system's file lock, and a note beside it that names the holder."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from storage.errors import ProjectLocked, ProjectReadOnly, StorageError
from storage.files import disk_full

LOCK_NAME = "project.lock"
HOLDER_NAME = "project.holder.json"


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that writes a project. `since` and `process_started` are seconds since 1970."""

    pid: int
    host: str
    since: float
    process_started: float

    @classmethod
    def this_process(cls) -> Holder:
        """The present process, holding from now on."""
        return cls(os.getpid(), socket.gethostname(), time.time(), psutil.Process().create_time())

    def alive(self) -> bool:
        """Whether the process still runs; a process of another host counts as alive, because nobody can know."""
        if self.host != socket.gethostname():
            return True
        try:
            # A later process may have got the same number; its start tells it apart.
            process = psutil.Process(self.pid)
            same = bool(abs(process.create_time() - self.process_started) < 2.0)
            return same and bool(process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True


def read_holder(folder: Path) -> Holder | None:
    """The holder that is noted in the folder, alive or not; None without a readable note."""
    try:
        return Holder(**json.loads((folder / HOLDER_NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def living_holder(folder: Path) -> Holder | None:
    """The holder that is noted in the folder, if its process lives."""
    holder = read_holder(folder)
    return holder if holder is not None and holder.alive() else None


class ProjectLock:
    """The right to write a project. The kernel takes it back when the process dies, however it dies."""

    def __init__(self, folder: Path) -> None:
        """Takes the lock at once. Raises ProjectLocked, or ProjectReadOnly where the lock file cannot be made."""
        self._note = folder / HOLDER_NAME
        # Not thread-local: a project may be closed by another thread than the one that opened it.
        self._lock = FileLock(folder / LOCK_NAME, timeout=0, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout:
            raise locked(folder, read_holder(folder)) from None
        except NotImplementedError as error:
            raise StorageError(
                f"The file system of {folder} has no file locks, so two programs could damage the project.",
                remedy="Choose a project folder on a local disk with --project.",
            ) from error
        except OSError as error:
            raise read_only(folder, error) from error
        self.holder = Holder.this_process()
        try:
            unfinished = self._note.with_name(f".tmp-{HOLDER_NAME}")
            unfinished.write_text(json.dumps(asdict(self.holder)), encoding="utf-8")
            unfinished.replace(self._note)
        except OSError as error:
            self._lock.release()
            raise read_only(folder, error) from error

    def release(self) -> None:
        """Gives the right back; a second call does nothing."""
        if self._lock.is_locked:
            self._note.unlink(missing_ok=True)
            self._lock.release()


def locked(folder: Path, holder: Holder | None) -> ProjectLocked:
    """The error for a project that another process writes, naming it as far as it is known."""
    if holder is None:
        who = "another process"
    else:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(holder.since))
        who = f"process {holder.pid} on {holder.host} since {since}"
    error = ProjectLocked(
        f"The project {folder} is being written by {who}.",
        "Nothing was changed.",
        "Close that program, or wait until it ends; list, show and export work meanwhile. "
        "Another project folder can be chosen with --project.",
    )
    if holder is not None:
        error.pid, error.host, error.since = holder.pid, holder.host, holder.since
    return error


def read_only(folder: Path, error: OSError) -> StorageError:
    """The error for a folder in which nothing can be written (rights, a read-only disk, or a full one)."""
    return disk_full(error, f"open the project {folder} for writing") or ProjectReadOnly(
        f"Nothing can be written in the folder {folder} ({error.strerror or error}).",
        "Nothing was changed.",
        "Give yourself the right to write there, or choose another folder with --project; "
        "list, show and export can still read it.",
    )
