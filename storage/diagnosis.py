"""What `doctor` finds out about a project folder, whatever state it is in; nothing is changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import select

from storage.database import DATABASE_NAME
from storage.errors import StorageError
from storage.files import free_bytes
from storage.lock import living_holder, locked
from storage.project import Project, open_project
from storage.recovery import QUARANTINE_NAME
from storage.run_filters import RunFilter
from storage.run_states import RunState
from storage.sqlite import quick_check
from storage.tables import ArtifactFile

LOW_SPACE = 1_000_000_000  # bytes
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "9p", "lustre", "ceph"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: a sentence about it, and what to do when it is not well."""

    name: str
    ok: bool
    sentence: str
    remedy: str = ""


def inspect(folder: Path | str) -> list[Finding]:
    """Looks at folder, disk, lock, database, files and runs of a project; never raises for what it finds there."""
    place = Path(folder).expanduser().absolute()
    findings = [_folder(place), _file_system(place), _free_space(place), _lock(place)]
    try:
        if not (place / DATABASE_NAME).is_file():
            return [*findings, Finding("database", True, f"There is no project in {place} yet.")]
        quick_check(place / DATABASE_NAME, lambda: living_holder(place) is not None)
        with open_project(place) as project:
            findings.append(Finding("database", True, f"The database {place / DATABASE_NAME} is sound."))
            findings.extend(_contents(project))
    except StorageError as error:
        findings.append(_fault("database", error))
    except OSError as error:
        findings.append(Finding("database", False, f"{place} cannot be read ({error.strerror}).", "Check its rights."))
    return findings


def _fault(name: str, error: StorageError) -> Finding:
    return Finding(name, False, " ".join(part for part in (error.what, error.safe) if part), error.remedy)


def _folder(place: Path) -> Finding:
    existing = next(candidate for candidate in (place, *place.parents) if candidate.exists())
    writable = os.access(existing, os.W_OK | os.X_OK) and existing.is_dir()
    if writable:
        return Finding("folder", True, f"The project folder is {place}, and it can be written.")
    return Finding(
        "folder",
        False,
        f"Nothing can be written in {existing}, so the project {place} can at most be read.",
        "Give yourself the right to write there, or choose another folder with --project.",
    )


def _file_system(place: Path) -> Finding:
    mounts = [part for part in psutil.disk_partitions(all=True) if place.is_relative_to(part.mountpoint)]
    kind = max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else "unknown"
    if kind.lower() not in _NETWORK:
        return Finding("file system", True, f"The project lies on a local file system ({kind}).")
    return Finding(
        "file system",
        False,
        f"The project lies on a network file system ({kind}), on which SQLite's locks are not dependable.",
        "Choose a folder on a local disk with --project, and copy finished projects.",
    )


def _free_space(place: Path) -> Finding:
    free = free_bytes(place)
    sentence = f"The disk of the project has {free / 1e9:,.1f} GB free."
    if free >= LOW_SPACE:
        return Finding("free space", True, sentence)
    return Finding("free space", False, sentence, "Free some space before the next run; checkpoints need it.")


def _lock(place: Path) -> Finding:
    holder = living_holder(place)
    if holder is None:
        return Finding("lock", True, "No process writes the project now.")
    return Finding("lock", True, locked(place, holder).what, "Other processes can read it meanwhile.")


def _contents(project: Project) -> Iterator[Finding]:
    for name, look in (("files", _files), ("runs", _runs)):
        try:
            yield look(project)
        except StorageError as error:
            yield _fault(name, error)


def _files(project: Project) -> Finding:
    database = project.database
    with database.reading() as connection:
        rows = connection.execute(select(ArtifactFile.path, ArtifactFile.size)).all()
    bad = [path for path, size in rows if not _has_size(database.files / path, size)]
    aside = sum(1 for _ in (project.folder / QUARANTINE_NAME).glob("*"))
    note = f" {aside} files lie in {QUARANTINE_NAME}." if aside else ""
    if not bad:
        return Finding("files", True, f"All {len(rows)} recorded files are there with their sizes.{note}")
    shown = ", ".join(bad[:5]) + (", ..." if len(bad) > 5 else "")
    return Finding(
        "files",
        False,
        f"{len(bad)} of {len(rows)} recorded files are missing or have another size: {shown}.{note}",
        "Put them back from a copy; a run without its last resume point resumes from the one before.",
    )


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _runs(project: Project) -> Finding:
    total = project.runs.count(RunFilter(archived=None))
    stale = project.runs.page(RunFilter(statuses=[RunState.INTERRUPTED]))
    if not stale:
        return Finding("runs", True, f"The project holds {total} runs.")
    numbers = ", ".join(str(row.id) for row in stale[:20])
    return Finding(
        "runs",
        True,
        f"The project holds {total} runs, of which {len(stale)} were interrupted: {numbers}.",
        "`foresight resume RUN` goes on from the last resume point.",
    )
