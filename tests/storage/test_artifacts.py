"""Artifacts: exact arrays, whole files, damage found, old resume points pruned."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from storage import ArtifactDamaged, ArtifactKind, DiskFull, Project, UnknownRun, free_bytes, require_space
from storage.encoding import decode_npz, decode_safetensors, encode_npz, encode_safetensors

AddRun = Callable[..., int]
DTYPES = ("bool", "uint8", "int32", "int64", "float16", "float32", "float64")
FORMATS = ((encode_safetensors, decode_safetensors), (encode_npz, decode_npz))


@pytest.mark.parametrize("kind", list(ArtifactKind))
def test_every_kind_keeps_arrays_and_document_exactly(project: Project, add_run: AddRun, kind: ArtifactKind) -> None:
    run_id = add_run(project)
    arrays = {
        "scalar": np.array(3.5, np.float16),
        "empty": np.zeros((0, 3), np.float32),
        "pixels": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
        "turned": np.arange(6.0).reshape(2, 3).T,
        "strided": np.arange(10)[::-3],
        "truth": np.array([True, False]),
        "nan": np.array([np.nan, -0.0, np.inf]),
        "nested/name.0": np.array([-(2**63), 2**63 - 1]),
    }
    document = {"generator": 2**127, "text": "ü", "none": None, "list": [1.5, {"a": True}], "replay_segments": []}
    row = project.artifacts.save(run_id, kind, 12, f"{kind}-12", arrays, document, {"why": "test"})
    assert (row.kind, row.step, row.name) == (kind, 12, f"{kind}-12")
    assert row.info["why"] == "test"
    path = project.artifacts.file(row.path)
    assert path.suffix == (".npz" if kind in {"episode", "analysis"} else ".safetensors")
    loaded, same = project.artifacts.load(row)
    assert same == document
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (loaded[name].dtype, loaded[name].shape) == (array.dtype, array.shape), name
        np.testing.assert_array_equal(loaded[name], array)
    assert project.artifacts.list(run_id) == (row,)
    assert project.artifacts.latest(run_id, kind) == row


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_.]{0,9}", fullmatch=True),
        st.sampled_from(DTYPES).flatmap(
            lambda name: hnp.arrays(name, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
        ),
        max_size=3,
    )
)
def test_arrays_of_all_shapes_survive_both_formats(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    for encode, decode in FORMATS:
        path = tmp_path / "file"
        path.write_bytes(encode(arrays, {}))
        loaded, _ = decode(path)
        assert loaded.keys() == arrays.keys()
        for name, array in arrays.items():
            assert (loaded[name].dtype, loaded[name].shape) == (array.dtype, array.shape)
            np.testing.assert_array_equal(loaded[name], array)


def test_what_cannot_be_kept_is_refused(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project)
    save = project.artifacts.save
    for bad in (np.array([object()]), np.array(["text"]), np.array([1 + 2j])):
        for kind in ("resume", "episode"):
            with pytest.raises(TypeError, match="'bad' has dtype"):
                save(run_id, kind, 0, "a", {"bad": bad}, {})
    for name in ("", "../up", "a/b", ".hidden", "x" * 101, "a\0"):
        with pytest.raises(ValueError, match="artifact name"):
            save(run_id, "episode", 0, name, {}, {})
    with pytest.raises(ValueError, match="picture"):
        save(run_id, "picture", 0, "a", {}, {})
    with pytest.raises(UnknownRun, match="run 99"):
        save(99, "episode", 0, "a", {}, {})
    assert [path for path in (project.folder / "files").rglob("*") if path.is_file()] == []


def test_damage_is_found_before_anything_is_loaded(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project)
    row = project.artifacts.save(run_id, "snapshot", 1, "s", {"w": np.ones(100)}, {})
    path = project.artifacts.file(row.path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-5] ^= 1
    for content, found in ((whole[:-1], "bytes instead of"), (bytes(flipped), "SHA-256"), (b"", "0 bytes")):
        path.write_bytes(content)
        with pytest.raises(ArtifactDamaged, match=found) as damage:
            project.artifacts.load(row)
        assert "snapshot s of run 1" in damage.value.what
    path.unlink()
    with pytest.raises(ArtifactDamaged, match="No such file"):
        project.artifacts.load(row)
    path.write_bytes(whole)
    np.testing.assert_array_equal(project.artifacts.load(row)[0]["w"], np.ones(100))


class Exploding:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("exit 1",)


def test_nothing_that_can_hold_code_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    np.savez(path, a=np.array([Exploding()], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        decode_npz(path)
    np.savez_compressed(path, a=np.zeros(10_000_000))
    with pytest.raises(ValueError, match="compressed"):
        decode_npz(path)
    for content in (b"", b"PK\x03\x04 nonsense", os.urandom(500)):
        path.write_bytes(content)
        for _, decode in FORMATS:
            with pytest.raises(ValueError, match="Foresight"):
                decode(path)


def test_saving_again_replaces_the_file_only_after_the_record(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project)
    first = project.artifacts.save(run_id, "snapshot", 1, "best", {"w": np.ones(1)}, {})
    second = project.artifacts.save(run_id, "snapshot", 2, "best", {"w": np.zeros(1)}, {})
    assert first.path != second.path
    assert project.artifacts.list(run_id) == (second,)
    assert not project.artifacts.file(first.path).exists()
    assert project.artifacts.load(second)[0]["w"].tolist() == [0.0]
    project.artifacts.remove(second)
    assert project.artifacts.latest(run_id, "snapshot") is None
    assert not project.artifacts.file(second.path).exists()


def test_old_resume_points_go_with_the_segments_that_only_they_need(project: Project, add_run: AddRun) -> None:
    run_id, other = add_run(project), add_run(project)
    project.artifacts.save(other, "replay", 1, "segment-0", {}, {})
    needs = [["segment-0"], ["segment-0", "segment-1"], ["segment-1", "segment-2"], ["segment-2", "segment-3"]]
    for number, segments in enumerate(needs):
        project.artifacts.save(run_id, "replay", number * 100, f"segment-{number}", {}, {})
        project.artifacts.save(run_id, "resume", number * 100, f"resume-{number}", {}, {"replay_segments": segments})
    project.artifacts.save(run_id, "replay", 350, "segment-4", {}, {})  # the next resume point will name it
    project.artifacts.save(run_id, "snapshot", 100, "snapshot-100", {}, {})
    removed = project.artifacts.prune_resume_points(run_id)
    assert {row.name for row in removed} == {"resume-0", "resume-1", "segment-0"}
    left = {row.name for row in project.artifacts.list(run_id)}
    assert left == {"resume-2", "resume-3", "segment-1", "segment-2", "segment-3", "segment-4", "snapshot-100"}
    files = {path.name.rsplit("-", 1)[0] for path in (project.folder / "files").glob("*/*/*")}
    assert files == left | {"segment-0"}  # the other run's
    assert project.artifacts.prune_resume_points(run_id) == ()


def test_room_is_asked_for_before_it_is_used(tmp_path: Path) -> None:
    free = free_bytes(tmp_path / "not" / "made" / "yet")
    assert free > 0
    require_space(tmp_path / "not yet", 1, "start")
    with pytest.raises(DiskFull, match="are needed to write a petabyte") as full:
        require_space(tmp_path, free + 10**15, "write a petabyte")
    assert str(tmp_path) in full.value.what
