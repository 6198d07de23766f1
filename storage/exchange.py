"""Runs that leave a project and enter another: bundles, CSV, JSON."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, TextIO
from zipfile import ZIP_DEFLATED, ZipFile

from sqlalchemy import Connection, insert, select

from storage.artifacts import CHECKPOINT_KINDS
from storage.bundle_check import FORMAT, LOG, MANIFEST, PORTABLE, SERIES, VERSION, Bundle, check_bundle, refuse
from storage.encoding import Arrays, encode_npz, finite
from storage.files import require_space, written_atomically
from storage.project import Project, application_version
from storage.run_states import LIVE_STATES, RunState
from storage.series import store_series
from storage.series_data import COLUMNS
from storage.tables import ArtifactFile, LogEntry, Run, RunGroup, RunTag

CSV_COLUMNS = ("run", "seed", "metric", "step", "wall_time", "value")


def export_bundle(project: Project, run_id: int, path: Path | str) -> None:
    """Writes a run with everything that belongs to it as one zip archive.

    Raises UnknownRun, ArtifactDamaged, DiskFull; then there is no file.
    """
    target = Path(path)
    row = asdict(project.runs.get(run_id))
    group = None
    if row["group_id"] is not None:
        group = asdict(project.runs.group(row["group_id"]))
        del group["id"]
    artifacts = project.artifacts.list(run_id)
    arrays: Arrays = {}
    metrics = project.series.metrics(run_id)
    for number, metric in enumerate(metrics):
        data = project.series.read(run_id, metric)
        arrays |= {f"{number}.{name}": getattr(data, name) for name, _ in COLUMNS}
    events = [asdict(event) for event in project.log.read(run_id)]
    lines = [json.dumps({key: event[key] for key in event if key not in {"id", "run_id"}}) for event in events]
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "foresight": application_version(),
        "run": {name: row[name] for name in PORTABLE},
        "group": group,
        "artifacts": [],
        "files": {},
    }
    purpose = f"write the bundle {target}"
    require_space(target.absolute().parent, sum(artifact.size for artifact in artifacts), purpose)
    with written_atomically(target, purpose) as stream, ZipFile(stream, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        files = manifest["files"]
        files[SERIES] = _pack(archive, SERIES, io.BytesIO(encode_npz(arrays, {"metrics": list(metrics)})))
        files[LOG] = _pack(archive, LOG, io.BytesIO("".join(f"{line}\n" for line in lines).encode()))
        for artifact in artifacts:
            project.artifacts.verify(artifact)
            name = f"artifacts/{artifact.kind}/{Path(artifact.path).name}"
            with project.artifacts.file(artifact.path).open("rb") as source:
                files[name] = _pack(archive, name, source)
            kept = {key: getattr(artifact, key) for key in ("kind", "name", "step", "info", "created")}
            manifest["artifacts"].append(kept | {"file": name})
        archive.writestr(MANIFEST, json.dumps(manifest, allow_nan=False, indent=1))


def _pack(archive: ZipFile, name: str, source: BinaryIO) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with archive.open(name, "w", force_zip64=True) as entry:
        while block := source.read(1 << 20):
            entry.write(block)
            digest.update(block)
            size += len(block)
    return {"size": size, "sha256": digest.hexdigest()}


def import_bundle(project: Project, path: Path | str) -> int:
    """Takes a run from a bundle into the project and returns its number here.

    The whole bundle is checked before anything is written. A run that was alive when it was exported comes in as
    interrupted. The parent is found by its uuid, now or when it is imported later. Raises BundleRefused (also for a
    run that is here already), DiskFull.
    """
    source = Path(path)
    bundle = check_bundle(source)
    with project.database.reading() as connection:
        present = connection.scalar(select(Run.id).where(Run.uuid == bundle.run["uuid"]))
    if present is not None:
        refuse(source, f"its run is in this project already, as run {present}")
    require_space(project.folder, sum(entry["size"] for entry in bundle.files.values()), f"import {source}")
    rows: list[dict[str, Any]] = []
    try:
        with ZipFile(source) as archive:
            for artifact in bundle.artifacts:
                rows.append(_artifact_row(bundle, artifact))
                _unpack(project, archive, artifact["file"], rows[-1])
        return project.writer.call(lambda connection: _insert(connection, bundle, rows))
    except BaseException:
        project.artifacts.remove_files([row["path"] for row in rows])
        raise


def _artifact_row(bundle: Bundle, artifact: dict[str, Any]) -> dict[str, Any]:
    suffix = "safetensors" if artifact["kind"] in CHECKPOINT_KINDS else "npz"
    place = f"{bundle.run['uuid']}/{artifact['kind']}"
    row = {key: artifact[key] for key in ("kind", "name", "step", "info", "created")}
    path = f"{place}/{artifact['name']}-{secrets.token_hex(4)}.{suffix}"
    return row | bundle.files[artifact["file"]] | {"path": path}


def _unpack(project: Project, archive: ZipFile, entry: str, row: dict[str, Any]) -> None:
    target = project.artifacts.file(row["path"])
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, written_atomically(target, f"import {row['name']}") as stream:
        shutil.copyfileobj(source, stream, 1 << 20)


def _insert(connection: Connection, bundle: Bundle, artifacts: list[dict[str, Any]]) -> int:
    values = {key: value for key, value in bundle.run.items() if key != "tags"}
    if values["status"] in LIVE_STATES | {RunState.QUEUED}:
        values |= {"status": RunState.INTERRUPTED.value, "reason": "It was exported before it had ended."}
    values["group_id"] = None if bundle.group is None else _group_id(connection, bundle.group)
    run_id = connection.execute(insert(Run).values(values).returning(Run.id)).scalar_one()
    tags = [{"run_id": run_id, "tag": tag} for tag in sorted(set(bundle.run["tags"]))]
    events = [event | {"run_id": run_id} for event in bundle.log]
    for table, rows in ((RunTag, tags), (LogEntry, events), (ArtifactFile, artifacts)):
        if rows:
            connection.execute(insert(table), [row | {"run_id": run_id} for row in rows])
    for metric, data in bundle.series.items():
        store_series(connection, run_id, metric, data)
    return run_id


def _group_id(connection: Connection, group: dict[str, Any]) -> int:
    present = connection.scalar(select(RunGroup.id).where(RunGroup.uuid == group["uuid"]))
    if present is not None:
        return present
    return connection.execute(insert(RunGroup).values(group).returning(RunGroup.id)).scalar_one()


def export_csv(project: Project, run_ids: Sequence[int], target: Path | str | TextIO) -> None:
    """Writes the points of all metrics of runs with the columns `CSV_COLUMNS`; `target` is a path or a text stream.

    Numbers are written so that they can be read back exactly. Raises UnknownRun, DiskFull.
    """
    if isinstance(target, (str, Path)):
        with written_atomically(Path(target), f"write {target}") as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
            csv.writer(text, lineterminator="\n").writerows(_csv_rows(project, run_ids))
            text.detach()
    else:
        csv.writer(target, lineterminator="\n").writerows(_csv_rows(project, run_ids))


def _csv_rows(project: Project, run_ids: Sequence[int]) -> Iterator[Sequence[Any]]:
    yield CSV_COLUMNS
    for run_id in run_ids:
        seed = project.runs.get(run_id).seed
        for metric in project.series.metrics(run_id):
            for step, _, _, wall_time, value in project.series.read(run_id, metric).rows():
                yield run_id, seed, metric, step, wall_time, value


def export_json(project: Project, run_ids: Sequence[int]) -> dict[str, Any]:
    """Runs with their series and logs as one strict JSON document; what is not a finite number is null."""
    runs = []
    for run_id in run_ids:
        series = {}
        for metric in project.series.metrics(run_id):
            data = project.series.read(run_id, metric)
            series[metric] = {name: getattr(data, name).tolist() for name, _ in COLUMNS}
        log = [asdict(event) for event in project.log.read(run_id)]
        runs.append(asdict(project.runs.get(run_id)) | {"series": series, "log": log})
    document: dict[str, Any] = finite({"runs": runs})
    return document
