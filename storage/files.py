"""Files that are either whole or not there, and the room that they need."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from storage.errors import DiskFull

TEMPORARY_PREFIX = ".tmp-"
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MARGIN = 1_000_000  # bytes kept free beyond what is asked for: the database has to record it


def free_bytes(folder: Path) -> int:
    """How many bytes may still be written on the disk of `folder` (which need not exist yet)."""
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(existing).free


def require_space(folder: Path, needed: int, purpose: str) -> None:
    """Raises DiskFull unless `needed` bytes (and a little for the record) fit; `purpose` completes "to ..."."""
    free = free_bytes(folder)
    if free < needed + _MARGIN:
        raise DiskFull(
            f"The disk of {folder} has {_megabytes(free)} free, but {_megabytes(needed + _MARGIN)} are needed "
            f"to {purpose}.",
            "Nothing was changed.",
            "Free some space on that disk, or choose a project folder on another one.",
        )


def disk_full(error: OSError, purpose: str) -> DiskFull | None:
    """The DiskFull that an error of the operating system means, None if it means something else."""
    if error.errno not in _NO_ROOM:
        return None
    return DiskFull(
        f"There was no room to {purpose} ({error.strerror}).",
        "What was saved before is safe, and the unfinished file was removed.",
        "Free some space on that disk, raise the quota, or choose a project folder on another one.",
    )


@contextmanager
def written_atomically(path: Path, purpose: str) -> Iterator[BinaryIO]:
    """A stream into a temporary file beside `path`; at the end it is synced and renamed to `path`.

    When anything fails, the temporary file is removed, `path` stays as it was, and a lack of room is a DiskFull that
    names the `purpose`.
    """
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(4)}-{path.name}")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        full = disk_full(error, purpose) if isinstance(error, OSError) else None
        if full is not None:
            raise full from error
        raise


def sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` last through a power cut, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def checksum(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
