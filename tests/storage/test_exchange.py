"""Runs that travel: bundles there and back, hostile bundles refused, CSV and JSON."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import shutil
import stat
import struct
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import pytest

from storage import (
    ArtifactDamaged,
    BundleRefused,
    Project,
    RunState,
    export_bundle,
    export_csv,
    export_json,
    import_bundle,
    open_project,
)

AddRun = Callable[..., int]


@pytest.fixture
def full_run(project: Project, add_run: AddRun) -> int:
    """A run with a parent, a group, tags, series in chunks and rows, a log and artifacts."""
    return fill(project, add_run)


def fill(project: Project, add_run: AddRun) -> int:
    parent = add_run(project, name="parent")
    group = project.runs.create_group("seeds of it")
    run_id = add_run(project, RunState.RUNNING, name="traveller", seed=7, group_id=group, parent_run_id=parent)
    project.series.append_many(run_id, [("loss/a", s, s, s / 10, 1e9 + s, math.sin(s)) for s in range(2300)])
    project.series.append_many(run_id, [("loss/b", 5, 1, 0.5, 1e9, math.nan), ("loss/b", 6, 1, 0.5, 1e9, math.inf)])
    project.log.append(run_id, "episode", 10, 5, 1e9, {"return": 3.5, "worst": -math.inf})
    project.runs.set_tags(run_id, ["x", "y"])
    project.runs.heartbeat(run_id, 2300, 100, 9.0, 1.0, 2.0, None, None, 30)
    project.artifacts.save(run_id, "resume", 2000, "resume-2000", {"w": np.ones(4)}, {"replay_segments": ["seg-1"]})
    project.artifacts.save(run_id, "replay", 2000, "seg-1", {"obs": np.zeros((5, 2), np.uint8)}, {})
    project.artifacts.save(run_id, "episode", 1000, "episode-1", {"reward": np.arange(3.0)}, {"length": 3})
    project.writer.flush()
    return run_id


@pytest.fixture
def other(tmp_path: Path, empty_project: Path) -> Iterator[Project]:
    shutil.copytree(empty_project, tmp_path / "other")
    with open_project(tmp_path / "other", write=True) as opened:
        yield opened


@pytest.fixture
def bundle(project: Project, full_run: int, tmp_path: Path) -> Path:
    export_bundle(project, full_run, tmp_path / "run.zip")
    return tmp_path / "run.zip"


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory, add_run: AddRun) -> Path:
    """A sound bundle, made once."""
    place = tmp_path_factory.mktemp("honest")
    with open_project(place / "project", write=True) as project:
        export_bundle(project, fill(project, add_run), place / "run.zip")
    return place / "run.zip"


@pytest.fixture
def sample(honest: Path, tmp_path: Path) -> Path:
    """A bundle to be spoilt."""
    return Path(shutil.copy(honest, tmp_path / "run.zip"))


def test_a_run_travels_whole(project: Project, full_run: int, bundle: Path, other: Project, add_run: AddRun) -> None:
    add_run(other)
    new_id = import_bundle(other, bundle)
    assert new_id == 2
    before, after = asdict(project.runs.get(full_run)), asdict(other.runs.get(new_id))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {
        *("id", "parent_run_id", "group_id", "status", "reason"),
        *("heartbeat", "next_heartbeat", "owner_pid", "owner_host"),
    } - {name for name in ("id", "group_id") if before[name] == after[name]}
    assert (after["status"], after["parent_run_id"]) == (RunState.INTERRUPTED, None)
    group = other.runs.group(after["group_id"])
    assert (group.name, group.uuid) == ("seeds of it", project.runs.group(before["group_id"]).uuid)
    for metric in project.series.metrics(full_run):
        one, two = project.series.read(full_run, metric), other.series.read(new_id, metric)
        for column in ("step", "updates", "active_seconds", "wall_time", "value"):
            np.testing.assert_array_equal(getattr(one, column), getattr(two, column))
    assert other.series.latest(new_id)["loss/a"] == (2299, math.sin(2299))
    events = [(event.kind, event.step, event.data) for event in project.log.read(full_run)]
    assert [(event.kind, event.step, event.data) for event in other.log.read(new_id)] == events
    rows = other.artifacts.list(new_id)
    assert [row.name for row in rows] == ["episode-1", "resume-2000", "seg-1"]
    assert [other.artifacts.load(row)[1] for row in rows] == [{"length": 3}, {"replay_segments": ["seg-1"]}, {}]
    # and it can go on
    other.series.append(new_id, "loss/a", 2300, 1, 1.0, 1.0, 1.0)
    other.writer.flush()
    assert len(other.series.read(new_id, "loss/a")) == 2301


def test_lineage_is_kept_by_uuid(project: Project, full_run: int, bundle: Path, other: Project, tmp_path: Path) -> None:
    child = import_bundle(other, bundle)
    parent_uuid = project.runs.get(full_run).parent_uuid
    assert other.runs.get(child).parent_uuid == parent_uuid
    assert other.runs.get(child).parent_run_id is None
    export_bundle(project, 1, tmp_path / "parent.zip")
    parent = import_bundle(other, tmp_path / "parent.zip")
    assert other.runs.get(child).parent_run_id == parent
    assert [row.id for row in other.runs.lineage(parent).children] == [child]


def test_a_run_that_is_here_already_is_refused(project: Project, full_run: int, bundle: Path) -> None:
    with pytest.raises(BundleRefused, match=f"in this project already, as run {full_run}"):
        import_bundle(project, bundle)


def test_runs_of_one_group_meet_again(
    project: Project, full_run: int, bundle: Path, other: Project, add_run: AddRun, tmp_path: Path
) -> None:
    second = add_run(project, group_id=project.runs.get(full_run).group_id)
    export_bundle(project, second, tmp_path / "second.zip")
    one, two = import_bundle(other, bundle), import_bundle(other, tmp_path / "second.zip")
    assert other.runs.get(one).group_id == other.runs.get(two).group_id


def test_damage_is_not_exported(project: Project, full_run: int, tmp_path: Path) -> None:
    row = project.artifacts.list(full_run)[0]
    project.artifacts.file(row.path).write_bytes(b"damaged")
    with pytest.raises(ArtifactDamaged):
        export_bundle(project, full_run, tmp_path / "run.zip")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


# --- hostile bundles

Entries = dict[str, bytes]


def unpack(bundle: Path) -> Entries:
    with ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path: Path, entries: Entries, *extra: tuple[ZipInfo | str, bytes]) -> None:
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in [*entries.items(), *extra]:
            archive.writestr(name, content)


def refused(project: Project, bundle: Path, match: str) -> None:
    before = sorted(path.name for path in project.folder.rglob("*"))
    outside = sorted(path.name for path in project.folder.parent.iterdir())
    with pytest.raises(BundleRefused, match=match) as error:
        import_bundle(project, bundle)
    assert error.value.safe == "Nothing was written."
    assert project.runs.count() == 0
    assert sorted(path.name for path in project.folder.rglob("*")) == before
    assert sorted(path.name for path in project.folder.parent.iterdir()) == outside


@pytest.mark.parametrize(
    "name", ["/etc/evil", "../evil", "a/../../evil", "..\\evil", "C:/evil", "c:evil", "artifacts/\\\\host\\share"]
)
def test_entries_that_would_leave_the_folder_are_refused(sample: Path, other: Project, name: str) -> None:
    pack(sample, unpack(sample), (ZipInfo(name), b"evil"))
    refused(other, sample, "would leave the folder")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_are_refused(sample: Path, other: Project, kind: int) -> None:
    link = ZipInfo("artifacts/link")
    link.external_attr = (kind | 0o777) << 16
    pack(sample, unpack(sample), (link, b"/etc/passwd"))
    refused(other, sample, "a link, a folder or a device")


def test_too_many_entries_are_refused(sample: Path, other: Project) -> None:
    pack(sample, unpack(sample), *((f"artifacts/{number}", b"") for number in range(10_000)))
    refused(other, sample, "at most 10000 are taken")


def test_two_entries_of_one_name_are_refused(sample: Path, other: Project) -> None:
    entries = unpack(sample)
    with pytest.warns(UserWarning, match="Duplicate name"):
        pack(sample, entries, ("log.jsonl", b""))
    refused(other, sample, "two entries of one name")


def test_a_bomb_that_says_so_is_refused(sample: Path, other: Project) -> None:
    pack(sample, unpack(sample))
    set_claimed_size(sample, "log.jsonl", 4_100_000_000)
    refused(other, sample, "unpacks to 4.1 GB")


def test_a_bomb_that_lies_is_refused(sample: Path, other: Project) -> None:
    entries = unpack(sample)
    manifest = json.loads(entries["manifest.json"])
    manifest["files"]["log.jsonl"] = {"size": 10, "sha256": hashlib.sha256(b"\0" * 10).hexdigest()}
    pack(sample, entries | {"manifest.json": json.dumps(manifest).encode(), "log.jsonl": b"\0" * 50_000_000})
    refused(other, sample, "larger than it says")
    set_claimed_size(sample, "log.jsonl", 10)
    refused(other, sample, "not a whole zip archive")


def set_claimed_size(bundle: Path, name: str, size: int) -> None:
    """Makes the archive's directory lie about one entry's unpacked size."""
    data = bytearray(bundle.read_bytes())
    position = data.rfind(b"PK\x01\x02", 0, data.rfind(name.encode()))
    data[position + 24 : position + 28] = struct.pack("<I", size)
    bundle.write_bytes(bytes(data))


def test_changed_contents_are_refused(sample: Path, other: Project) -> None:
    entries = unpack(sample)
    name = next(name for name in entries if name.startswith("artifacts/resume"))
    content = bytearray(entries[name])
    content[-1] ^= 1
    pack(sample, entries | {name: bytes(content)})
    refused(other, sample, "not what its checksum says")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + b"\0" * 10])
def test_what_is_no_archive_is_refused(sample: Path, other: Project, content: bytes) -> None:
    sample.write_bytes(content)
    refused(other, sample, "not a whole zip archive")


def test_an_archive_that_is_cut_short_or_missing_is_refused(sample: Path, other: Project) -> None:
    whole = sample.read_bytes()
    sample.write_bytes(whole[: len(whole) // 2])
    refused(other, sample, "not a whole zip archive")
    sample.unlink()
    refused(other, sample, "cannot be read")


def change(path: tuple[str | int, ...], value: Any) -> Callable[[dict[str, Any]], None]:
    def apply(manifest: dict[str, Any]) -> None:
        place: Any = manifest
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return apply


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (change(("format",), "other"), "not that of a Foresight run"),
        (change(("version",), 2), "its version 2 is not 1"),
        (change(("run",), None), "its run does not have the fields"),
        (change(("run", "extra"), 1), "its run does not have the fields"),
        (change(("run", "seed"), "7"), "the field seed of its run"),
        (change(("run", "seed"), True), "the field seed of its run"),
        (change(("run", "step"), 2**63), "the field step of its run"),
        (change(("run", "seed"), -5), "the field seed of its run is negative"),
        (change(("run", "total_steps"), -1), "the field total_steps of its run is negative"),
        (change(("run", "name"), "run\x1b[2J"), "the field name of its run holds characters that cannot be printed"),
        (change(("run", "status"), "dancing"), "the field status of its run"),
        (change(("run", "tags"), [1]), "the field tags of its run"),
        (change(("run", "spec"), []), "the field spec of its run"),
        (change(("run", "best_return"), "high"), "the field best_return of its run"),
        (change(("run", "uuid"), "../../evil"), "is not a uuid"),
        (change(("group", "uuid"), "x"), "is not a uuid"),
        (change(("group", "created"), None), "the field created of its group"),
        (change(("files", "log.jsonl", "size"), "1"), "the field size of its file log.jsonl"),
        (change(("files", "more"), {"size": 1, "sha256": ""}), "its entries are not those"),
        (change(("files",), []), "its entries are not those"),
        (change(("artifacts",), {}), "no list of artifacts"),
        (change(("artifacts", 0, "name"), "../evil"), "has a wrong name"),
        (change(("artifacts", 0, "kind"), "../evil"), "has a wrong name or kind"),
        (change(("artifacts", 0, "name"), "seg-1"), "two artifacts of one name"),
        (change(("artifacts", 0, "file"), "log.jsonl"), "do not fit together"),
        (change(("artifacts", 1, "info"), {}), "does not name its replay segments"),
        (change(("run", "latest_return"), math.nan), "is not JSON"),
    ],
)
def test_a_manifest_must_be_right_in_every_field(
    sample: Path, other: Project, damage: Callable[[dict[str, Any]], None], match: str
) -> None:
    entries = unpack(sample)
    manifest = json.loads(entries["manifest.json"])
    damage(manifest)
    pack(sample, entries | {"manifest.json": json.dumps(manifest).encode()})
    refused(other, sample, match)


def with_file(bundle: Path, name: str, content: bytes) -> None:
    entries = unpack(bundle)
    manifest = json.loads(entries["manifest.json"])
    manifest["files"][name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    pack(bundle, entries | {"manifest.json": json.dumps(manifest).encode(), name: content})


def npz(metrics: list[str], **arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    document = np.frombuffer(json.dumps({"metrics": metrics}).encode(), np.uint8)
    np.savez(stream, **arrays, __document__=document)
    return stream.getvalue()


def columns(steps: list[int]) -> dict[str, np.ndarray]:
    step, real = np.array(steps, np.int64), np.zeros(len(steps))
    return {"0.step": step, "0.updates": step, "0.active_seconds": real, "0.wall_time": real, "0.value": real}


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"no archive", "not an archive"),
        (npz(["m"], **columns([1, 1])), "do not strictly increase"),
        (npz(["m"], **columns([2, 1])), "do not strictly increase"),
        (npz(["m"], **(columns([1, 2]) | {"0.value": np.zeros(3)})), "do not strictly increase"),
        (npz(["m"], **(columns([1, 2]) | {"0.value": np.zeros(2, np.float32)})), "wrong dtype"),
        (npz(["m"], **(columns([1, 2]) | {"0.wall_time": np.array([1.0, math.nan])})), "not all finite"),
        (npz(["m", "n"], **columns([1])), "do not fit together"),
        (npz([["m"]], **columns([1])), "is there twice, or is no name"),  # type: ignore[list-item]
    ],
)
def test_wrong_series_are_refused(sample: Path, other: Project, content: bytes, match: str) -> None:
    with_file(sample, "series.npz", content)
    refused(other, sample, match)


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b'{"kind": "x"}',
        b'{"kind": "x", "step": 1, "updates": 1, "wall_time": 1e999, "data": {}}',
        b"[" * 100_000,
    ],
)
def test_a_wrong_log_is_refused(sample: Path, other: Project, line: bytes) -> None:
    with_file(sample, "log.jsonl", line)
    refused(other, sample, "log")


# --- CSV and JSON


def test_csv_has_the_promised_columns_and_exact_numbers(project: Project, full_run: int, tmp_path: Path) -> None:
    export_csv(project, [1, full_run], tmp_path / "run.csv")
    stream = io.StringIO()
    export_csv(project, [full_run], stream)
    text = (tmp_path / "run.csv").read_text()
    assert text == stream.getvalue()
    assert text.splitlines()[0] == "run,seed,metric,step,wall_time,value"
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 2302
    assert rows[17]["run"] == str(full_run)
    assert (rows[17]["seed"], rows[17]["metric"], int(rows[17]["step"])) == ("7", "loss/a", 17)
    assert float(rows[17]["value"]) == math.sin(17)
    assert float(rows[17]["wall_time"]) == 1e9 + 17
    assert [row["value"] for row in rows[-2:]] == ["nan", "inf"]


def test_json_is_strict(project: Project, full_run: int) -> None:
    document = json.loads(json.dumps(export_json(project, [full_run]), allow_nan=False))
    run = document["runs"][0]
    assert (run["id"], run["seed"], run["tags"]) == (full_run, 7, ["x", "y"])
    assert run["series"]["loss/b"]["value"] == [None, None]
    assert run["series"]["loss/a"]["step"] == list(range(2300))
    assert [event["kind"] for event in run["log"]] == ["state", "episode"]
