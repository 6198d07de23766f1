"""The larger things of a run: files that are written whole, recorded with size and SHA-256, and checked when read."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, insert, select

from storage.database import Database
from storage.encoding import (
    Arrays,
    check_arrays,
    decode_npz,
    decode_safetensors,
    encode_npz,
    encode_safetensors,
)
from storage.errors import ArtifactDamaged, UnknownRun
from storage.files import checksum, require_space, written_atomically
from storage.tables import ArtifactFile, Run


class ArtifactKind(StrEnum):
    """What a file is for. Resume points name the replay segments that they need."""

    RESUME = "resume"
    REPLAY = "replay"
    SNAPSHOT = "snapshot"
    EPISODE = "episode"
    ANALYSIS = "analysis"


CHECKPOINT_KINDS = frozenset({ArtifactKind.RESUME, ArtifactKind.REPLAY, ArtifactKind.SNAPSHOT})
ARTIFACT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """A recorded file; `path` is relative to the project's `files` folder, `size` in bytes."""

    id: int
    run_id: int
    kind: str
    name: str
    step: int
    path: str
    size: int
    sha256: str
    info: dict[str, Any]
    created: float


class Artifacts:
    """Saves, checks, loads and removes the files of runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(
        self,
        run_id: int,
        kind: str,
        step: int,
        name: str,
        arrays: dict[str, np.ndarray[Any, Any]],
        document: dict[str, Any],
        info: dict[str, Any] | None = None,
    ) -> ArtifactRow:
        """Writes arrays and a JSON document as one file, and records it; an artifact of the same name is replaced.

        Checkpoint kinds become safetensors, episodes and analyses npz. `info` is small JSON that can be listed without
        opening the file. Raises UnknownRun, DiskFull (nothing is left behind, what was there before stays), ValueError
        for an unknown kind or a name that is no plain file name, TypeError for arrays that are not numbers.
        """
        kind = ArtifactKind(kind)
        if not ARTIFACT_NAME.fullmatch(name):
            raise ValueError(f"artifact name {name!r} must be letters, digits, '.', '_' and '-', at most 100")
        check_arrays(arrays)
        checkpoint = kind in CHECKPOINT_KINDS
        payload = (encode_safetensors if checkpoint else encode_npz)(arrays, document)
        details = dict(info or {})
        if kind is ArtifactKind.RESUME:
            # Kept in the row too, so that pruning need not open the files.
            details["replay_segments"] = list(document.get("replay_segments", []))
        # Every file has a name of its own: replacing never touches a file that is still recorded.
        file_name = f"{name}-{secrets.token_hex(4)}.{'safetensors' if checkpoint else 'npz'}"
        path = f"{self._uuid(run_id)}/{kind}/{file_name}"
        self._write(path, payload, name)
        values: dict[str, Any] = {
            "run_id": run_id,
            "kind": kind.value,
            "name": name,
            "step": int(step),
            "path": path,
            "size": len(payload),
            "sha256": hashlib.sha256(payload).hexdigest(),
            "info": details,
            "created": time.time(),
        }
        try:
            artifact_id, replaced = self._database.writer.call(lambda connection: _record(connection, values))
        except BaseException:
            self.file(path).unlink(missing_ok=True)
            raise
        self.remove_files(replaced)
        return ArtifactRow(id=artifact_id, **values)

    def load(self, row: ArtifactRow) -> tuple[Arrays, dict[str, Any]]:
        """The arrays and the document of an artifact, after its size and SHA-256 were found right.

        Raises ArtifactDamaged.
        """
        self.verify(row)
        path = self.file(row.path)
        try:
            return (decode_safetensors if row.kind in CHECKPOINT_KINDS else decode_npz)(path)
        except ValueError as error:
            raise _damaged(row, path, str(error)) from error

    def verify(self, row: ArtifactRow) -> None:
        """Raises ArtifactDamaged unless the file is there with the recorded size and SHA-256."""
        path = self.file(row.path)
        try:
            size = path.stat().st_size
            if size != row.size:
                raise _damaged(row, path, f"it has {size} bytes instead of {row.size}")
            if checksum(path) != row.sha256:
                raise _damaged(row, path, "its SHA-256 is not the recorded one")
        except OSError as error:
            raise _damaged(row, path, error.strerror or str(error)) from error

    def list(self, run_id: int, kind: str | None = None) -> tuple[ArtifactRow, ...]:
        """The artifacts of a run, of one kind or of all, by step and then by age."""
        query = select(*ArtifactFile.__table__.columns).where(ArtifactFile.run_id == run_id)
        if kind is not None:
            query = query.where(ArtifactFile.kind == ArtifactKind(kind).value)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(ArtifactFile.step, ArtifactFile.id)).mappings()
            return tuple(ArtifactRow(**row) for row in rows)

    def latest(self, run_id: int, kind: str) -> ArtifactRow | None:
        """The artifact of a kind with the highest step, the younger of two; None if there is none."""
        rows = self.list(run_id, kind)
        return rows[-1] if rows else None

    def remove(self, row: ArtifactRow) -> None:
        """Forgets an artifact, then removes its file."""
        self._remove([row])

    def prune_resume_points(self, run_id: int, keep: int = 2) -> tuple[ArtifactRow, ...]:
        """Removes all resume points but the last `keep`, and the replay segments that no kept one names.

        Segments younger than the last resume point stay: the next one will name them. Returns what was removed.
        """
        points = self.list(run_id, ArtifactKind.RESUME)
        kept = points[-keep:] if keep > 0 else ()
        needed = {name for point in kept for name in point.info["replay_segments"]}
        newest = kept[-1].step if kept else -1
        segments = [
            segment
            for segment in self.list(run_id, ArtifactKind.REPLAY)
            if segment.name not in needed and segment.step <= newest
        ]
        removed = (*points[: len(points) - len(kept)], *segments)
        self._remove(removed)
        return removed

    def file(self, path: str) -> Path:
        """Where the file of a recorded path lies."""
        return self._database.files / path

    def remove_files(self, paths: Iterable[str]) -> None:
        """Removes files that are no longer recorded."""
        for path in paths:
            self.file(path).unlink(missing_ok=True)

    def _remove(self, rows: Sequence[ArtifactRow]) -> None:
        if not rows:
            return
        wanted = delete(ArtifactFile).where(ArtifactFile.id.in_([row.id for row in rows]))
        self._database.writer.call(lambda connection: connection.execute(wanted).rowcount)
        self.remove_files([row.path for row in rows])

    def _uuid(self, run_id: int) -> str:
        with self._database.reading() as connection:
            uuid = connection.scalar(select(Run.uuid).where(Run.id == run_id))
        if uuid is None:
            raise UnknownRun(f"There is no run {run_id}, so no file was saved for it.")
        return uuid

    def _write(self, path: str, payload: bytes, name: str) -> None:
        target = self.file(path)
        purpose = f"save {name}"
        require_space(self._database.folder, len(payload), purpose)
        target.parent.mkdir(parents=True, exist_ok=True)
        with written_atomically(target, purpose) as stream:
            stream.write(payload)


def _record(connection: Connection, values: dict[str, Any]) -> tuple[int, list[str]]:
    """Inserts the row and removes the one of the same name; gives the new id and the paths that are free now."""
    same = (ArtifactFile.run_id == values["run_id"], ArtifactFile.name == values["name"])
    replaced = list(connection.scalars(select(ArtifactFile.path).where(*same)))
    connection.execute(delete(ArtifactFile).where(*same))
    new_id = connection.execute(insert(ArtifactFile).values(values).returning(ArtifactFile.id)).scalar_one()
    return new_id, replaced


def _damaged(row: ArtifactRow, path: Path, found: str) -> ArtifactDamaged:
    return ArtifactDamaged(
        f"The {row.kind} {row.name} of run {row.run_id} is damaged: {path}: {found}.",
        "Nothing was changed, and the other files of the run are not affected.",
        "Use an earlier one, or put the file back from a copy.",
    )
