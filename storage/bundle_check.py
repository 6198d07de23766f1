"""Looks through a bundle without writing anything, and refuses what is not safe or not whole."""

from __future__ import annotations

import hashlib
import json
import math
import stat
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn, get_args, get_origin, get_type_hints
from uuid import UUID
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np

from storage.artifacts import ARTIFACT_NAME, ArtifactKind
from storage.encoding import decode_npz
from storage.errors import BundleRefused
from storage.run_rows import RunRow
from storage.series_data import COLUMNS, SeriesData

FORMAT, VERSION = "foresight-run", 1
MANIFEST, SERIES, LOG = "manifest.json", "series.npz", "log.jsonl"
# What a run keeps when it moves; the rest belongs to the project it lives in.
PORTABLE = (
    *("uuid", "name", "agent", "environment", "seed", "device", "precision", "spec", "content_hash", "total_steps"),
    *("parent_uuid", "parent_step", "study", "preset", "versions", "host", "status", "reason", "fault"),
    *("step", "updates", "latest_return", "best_return", "steps_per_second", "updates_per_second"),
    *("active_seconds", "created", "started", "ended", "note", "starred", "tags"),
)
MOST_ENTRIES = 10_000
MOST_BYTES = 4_000_000_000
_MOST_IN_MEMORY = 1_000_000_000  # of the series and of the log
_MOST_MANIFEST = 16_000_000
_GROUP = {"uuid": str, "name": str, "kind": str, "info": dict, "created": float}
_ARTIFACT = {"kind": str, "name": str, "step": int, "file": str, "info": dict, "created": float}
_EVENT = {"kind": str, "step": int, "updates": int, "wall_time": float, "data": dict}
_FILE = {"size": int, "sha256": str}


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle holds, found to be whole. `files` gives size and SHA-256 of each entry but the manifest."""

    run: dict[str, Any]
    group: dict[str, Any] | None
    artifacts: list[dict[str, Any]]
    files: dict[str, dict[str, Any]]
    series: dict[str, SeriesData]
    log: list[dict[str, Any]]


def check_bundle(path: Path) -> Bundle:
    """Reads and checks a whole bundle; writes nothing. Raises BundleRefused."""
    try:
        with ZipFile(path) as archive:
            _check_entries(path, archive.infolist())
            manifest = _manifest(path, archive)
            _check_files(path, archive, manifest["files"])
            series = _series(path, archive.read(SERIES))
            log = _log(path, archive.read(LOG))
    except (BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        refuse(path, f"it is not a whole zip archive ({error})")
    except OSError as error:
        refuse(path, f"it cannot be read ({error.strerror or error})")
    return Bundle(manifest["run"], manifest["group"], manifest["artifacts"], manifest["files"], series, log)


def refuse(path: Path, reason: str) -> NoReturn:
    """Raises BundleRefused with a reason."""
    raise BundleRefused(
        f"The bundle {path} was refused: {reason}.",
        "Nothing was written.",
        "Ask for the bundle again, made by `foresight export RUN --format bundle`.",
    )


def _check_entries(path: Path, entries: list[ZipInfo]) -> None:
    if len(entries) > MOST_ENTRIES:
        refuse(path, f"it has {len(entries)} entries, and at most {MOST_ENTRIES} are taken")
    if len({entry.filename for entry in entries}) < len(entries):
        refuse(path, "it has two entries of one name")
    for entry in entries:
        name, mode = entry.orig_filename, entry.external_attr >> 16
        unsafe = name.startswith("/") or ".." in PurePosixPath(name).parts or set(name) & set("\\:\0")
        if unsafe:
            refuse(path, f"its entry {name!r} would leave the folder")
        if entry.is_dir() or (stat.S_IFMT(mode) not in {0, stat.S_IFREG}):
            refuse(path, f"its entry {name!r} is a link, a folder or a device")
    claimed = sum(entry.file_size for entry in entries)
    if claimed > MOST_BYTES:
        refuse(path, f"it unpacks to {claimed / 1e9:,.1f} GB, and at most {MOST_BYTES / 1e9:,.0f} GB are taken")


def _manifest(path: Path, archive: ZipFile) -> dict[str, Any]:
    names = set(archive.namelist())
    if MANIFEST not in names or archive.getinfo(MANIFEST).file_size > _MOST_MANIFEST:
        refuse(path, f"it has no {MANIFEST}, or one that is too long")
    try:
        manifest = json.loads(archive.read(MANIFEST), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        refuse(path, f"its {MANIFEST} is not JSON ({error})")
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        refuse(path, f"its {MANIFEST} is not that of a Foresight run")
    if manifest.get("version") != VERSION:
        refuse(path, f"its version {manifest.get('version')!r} is not {VERSION}, the one this Foresight reads")
    hints = get_type_hints(RunRow)
    _check_record(path, "run", manifest.get("run"), {name: hints[name] for name in PORTABLE})
    _check_run(path, manifest["run"])
    if manifest.get("group") is not None:
        _check_record(path, "group", manifest["group"], _GROUP)
    files, artifacts = manifest.get("files"), manifest.get("artifacts")
    if not isinstance(files, dict) or names != files.keys() | {MANIFEST} or not files.keys() >= {SERIES, LOG}:
        refuse(path, f"its entries are not those that its {MANIFEST} names")
    for name, record in files.items():
        _check_record(path, f"file {name}", record, _FILE)
    if not isinstance(artifacts, list):
        refuse(path, f"its {MANIFEST} has no list of artifacts")
    for number, artifact in enumerate(artifacts):
        _check_record(path, f"artifact {number}", artifact, _ARTIFACT)
    _check_names(path, manifest)
    return manifest


def _check_run(path: Path, run: dict[str, Any]) -> None:
    """What the types alone do not say: counts are not negative, texts hold no control characters."""
    for name in ("seed", "step", "updates", "total_steps", "active_seconds"):
        if run[name] < 0:
            refuse(path, f"the field {name} of its run is negative")
    for name in ("name", "agent", "environment", "device", "precision", "reason", "study", "preset"):
        if run[name] is not None and not all(letter.isprintable() for letter in run[name]):
            refuse(path, f"the field {name} of its run holds characters that cannot be printed")


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _check_record(path: Path, what: str, record: Any, types: Mapping[str, Any]) -> None:
    if not isinstance(record, dict) or record.keys() != types.keys():
        refuse(path, f"its {what} does not have the fields {', '.join(types)}")
    for name, wanted in types.items():
        if not _fits(record[name], wanted):
            refuse(path, f"the field {name} of its {what} has a wrong value")


def _fits(value: Any, wanted: Any) -> bool:
    """Whether a JSON value is of an annotated type; whole numbers must fit into 64 bits."""
    if wanted is float:
        return (isinstance(value, float) and math.isfinite(value)) or _fits(value, int)
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    origin = get_origin(wanted)
    if origin is tuple:
        return isinstance(value, list) and all(isinstance(part, str) for part in value)
    if origin is not None and origin is not dict:
        return any(_fits(value, part) for part in get_args(wanted))
    if isinstance(wanted, type) and issubclass(wanted, str):
        return isinstance(value, str) and (wanted is str or value in list(wanted))  # type: ignore[call-overload]
    return isinstance(value, origin or wanted)


def _check_names(path: Path, manifest: dict[str, Any]) -> None:
    """The names that become rows and files: uuids, artifacts' kinds and names, and which entry each one is."""
    uuids = [manifest["run"]["uuid"], *([manifest["group"]["uuid"]] if manifest["group"] else [])]
    for text in uuids:
        try:
            plain = str(UUID(text)) == text
        except ValueError:
            plain = False
        if not plain:
            refuse(path, f"{text!r} is not a uuid")
    artifacts = manifest["artifacts"]
    for artifact in artifacts:
        if artifact["kind"] not in list(ArtifactKind) or not ARTIFACT_NAME.fullmatch(artifact["name"]):
            refuse(path, f"its artifact {artifact['name']!r} has a wrong name or kind {artifact['kind']!r}")
        segments = artifact["info"].get("replay_segments", [] if artifact["kind"] != ArtifactKind.RESUME else None)
        if not isinstance(segments, list) or not all(isinstance(segment, str) for segment in segments):
            refuse(path, f"its artifact {artifact['name']!r} does not name its replay segments")
    entries = sorted(artifact["file"] for artifact in artifacts)
    if entries != sorted(manifest["files"].keys() - {SERIES, LOG}):
        refuse(path, "its artifacts and its entries do not fit together")
    if len({artifact["name"] for artifact in artifacts}) < len(artifacts):
        refuse(path, "it has two artifacts of one name")


def _check_files(path: Path, archive: ZipFile, files: dict[str, dict[str, Any]]) -> None:
    """Unpacks every entry into nothing, counting: what an archive claims about itself is not believed."""
    total = 0
    for name, expected in files.items():
        digest, size = hashlib.sha256(), 0
        with archive.open(name) as entry:
            while block := entry.read(1 << 20):
                size, total = size + len(block), total + len(block)
                if size > expected["size"] or total > MOST_BYTES:
                    refuse(path, f"its entry {name!r} is larger than it says")
                digest.update(block)
        if size != expected["size"] or digest.hexdigest() != expected["sha256"]:
            refuse(path, f"its entry {name!r} is not what its checksum says")
        if name in {SERIES, LOG} and size > _MOST_IN_MEMORY:
            refuse(path, f"its entry {name!r} is too large")


def _series(path: Path, data: bytes) -> dict[str, SeriesData]:
    try:
        arrays, document = decode_npz(BytesIO(data))
        names = document["metrics"]
        if not isinstance(names, list) or len(arrays) != len(names) * len(COLUMNS):
            raise ValueError("its metrics and its arrays do not fit together")
        found: dict[str, SeriesData] = {}
        for number, name in enumerate(names):
            columns = [arrays[f"{number}.{column}"] for column, _ in COLUMNS]
            if not isinstance(name, str) or name in found:
                raise ValueError(f"the metric {name!r} is there twice, or is no name")
            if any(array.dtype != np.dtype(kind) for array, (_, kind) in zip(columns, COLUMNS, strict=True)):
                raise ValueError(f"the metric {name!r} has a wrong dtype")
            if {array.shape for array in columns} != {(len(columns[0]),)} or not np.all(np.diff(columns[0]) > 0):
                raise ValueError(f"the steps of {name!r} do not strictly increase")
            series = found[name] = SeriesData(*columns)
            if not (np.isfinite(series.active_seconds).all() and np.isfinite(series.wall_time).all()):
                raise ValueError(f"the times of {name!r} are not all finite")
    except (ValueError, KeyError, TypeError) as error:
        refuse(path, f"its {SERIES} cannot be used: {error}")
    return found


def _log(path: Path, data: bytes) -> list[dict[str, Any]]:
    events = []
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError) as error:
            refuse(path, f"line {number} of its {LOG} is not JSON ({error})")
        _check_record(path, f"log line {number}", event, _EVENT)
        events.append(event)
    return events
