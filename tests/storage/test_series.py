"""Series: what goes in comes out, once, in order; chunks, truncation, reduction."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from storage import Project, RunState, open_project, reduce_min_max
from storage.series import CHUNK_POINTS
from storage.tables import SeriesChunk, SeriesPoint

AddRun = Callable[..., int]


def rows_of(steps: range | list[int], metric: str = "loss/value") -> list[tuple[str, int, int, float, float, float]]:
    return [(metric, step, 2 * step, step / 10, 1e9 + step, math.sin(step)) for step in steps]


def stored(project: Project) -> tuple[int, int]:
    """(chunks, points that are rows)."""
    with project.database.reading() as connection:
        chunks = connection.scalar(select(func.count()).select_from(SeriesChunk)) or 0
        return chunks, connection.scalar(select(func.count()).select_from(SeriesPoint)) or 0


def test_points_come_back_exactly(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project)
    values = [0.1, math.inf, -math.inf, math.nan, 5e-324, 1.7976931348623157e308]
    for step, value in enumerate(values):
        project.series.append(run_id, "loss/a", step * 2**40, step, 0.1 * step, 1.7e9 + step, value)
    project.writer.flush()
    data = project.series.read(run_id, "loss/a")
    assert data.step.tolist() == [step * 2**40 for step in range(6)]
    assert data.updates.tolist() == list(range(6))
    np.testing.assert_array_equal(data.active_seconds, 0.1 * np.arange(6))
    np.testing.assert_array_equal(data.wall_time, 1.7e9 + np.arange(6))
    np.testing.assert_array_equal(data.value, values)
    assert [data.step.dtype, data.updates.dtype, data.value.dtype] == [np.int64, np.int64, np.float64]


def test_chunks_are_closed_and_the_tail_stays_open(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project)
    points = 2 * CHUNK_POINTS + 345
    for start in range(0, points, 100):
        project.series.append_many(run_id, rows_of(range(start, min(start + 100, points))))
    project.writer.flush()
    assert stored(project) == (2, 345)
    data = project.series.read(run_id, "loss/value")
    np.testing.assert_array_equal(data.step, np.arange(points))
    np.testing.assert_array_equal(data.value, np.array([math.sin(step) for step in range(points)]))
    for after in (-1, 0, 998, 999, 1000, 1999, 2000, points - 1, points):
        assert project.series.read(run_id, "loss/value", after).step.tolist() == list(range(after + 1, points))


def test_numbers_of_numpy_are_taken(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project)
    project.series.append(run_id, "m", np.int64(3), np.int32(4), np.float32(0.5), np.float64(9.0), np.float32(2.5))  # type: ignore[arg-type]
    project.writer.flush()
    assert project.series.latest(run_id) == {"m": (3, 2.5)}


def test_steps_strictly_increase(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project, RunState.RUNNING)
    project.series.append_many(run_id, rows_of([1, 2, 5, 5, 4, 6]))
    project.writer.flush()
    project.series.append_many(run_id, rows_of([6, 3, 7]))
    project.series.append(run_id, "other", 1, 1, 1.0, 1.0, 1.0)
    project.writer.flush()
    assert project.series.read(run_id, "loss/value").step.tolist() == [1, 2, 5, 6, 7]
    events = project.log.read(run_id, ["refused"])
    assert [(event.data["metric"], event.data["points"]) for event in events] == [("loss/value", 2), ("loss/value", 2)]
    assert (events[1].data["first_step"], events[1].data["last_step"]) == (3, 6)
    assert project.series.latest(run_id) == {"loss/value": (7, math.sin(7)), "other": (1, 1.0)}


def test_runs_and_metrics_are_apart(project: Project, add_run: AddRun) -> None:
    one, two = add_run(project), add_run(project)
    project.series.append_many(one, [*rows_of([1, 2], "b"), *rows_of([1], "a")])
    project.series.append_many(two, rows_of([1], "b"))
    project.writer.flush()
    assert project.series.metrics(one) == ("a", "b")
    assert project.series.metrics(two) == ("b",)
    assert len(project.series.read(one, "b")) == 2
    assert len(project.series.read(one, "unknown")) == 0
    assert project.series.metrics(999) == ()


def test_points_of_an_unknown_run_take_no_others_with_them(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project)
    project.series.append_many(run_id, rows_of([1]))
    project.series.append_many(999, rows_of([1]))
    project.series.append_many(run_id, rows_of([2]))
    project.writer.flush()
    assert project.series.read(run_id, "loss/value").step.tolist() == [1, 2]
    assert project.writer.refused == 1


@pytest.mark.parametrize("step", [-1, 0, 500, 998, 999, 1000, 1500, 1999, 2000, 2100, 2344, 9999])
def test_truncation_keeps_what_is_at_or_before_the_step(project: Project, add_run: AddRun, step: int) -> None:
    run_id, other = add_run(project), add_run(project)
    for owner in (run_id, other):
        project.series.append_many(owner, rows_of(range(2345)))
    project.series.append_many(run_id, rows_of(range(0, 200, 10), "sparse"))
    project.series.truncate_after(run_id, step)
    kept = list(range(min(step, 2344) + 1))
    data = project.series.read(run_id, "loss/value")
    assert data.step.tolist() == kept
    assert data.value.tolist() == [math.sin(kept_step) for kept_step in kept]
    assert project.series.read(run_id, "sparse").step.tolist() == [s for s in range(0, 200, 10) if s <= step]
    latest = project.series.latest(run_id).get("loss/value")
    assert latest == ((kept[-1], math.sin(kept[-1])) if kept else None)
    assert len(project.series.read(other, "loss/value")) == 2345
    # and it goes on from there, into closed chunks again
    project.series.append_many(run_id, rows_of(range(len(kept), 3001)))
    project.writer.flush()
    np.testing.assert_array_equal(project.series.read(run_id, "loss/value").step, np.arange(3001))
    assert project.log.read(run_id, ["refused"]) == []


def test_a_whole_second_of_many_scalars_is_one_batch(project: Project, add_run: AddRun) -> None:
    run_ids = [add_run(project, seed=seed) for seed in range(4)]
    for step in range(250):
        for run_id in run_ids:
            project.series.append_many(run_id, [(f"m{m}", step, step, 0.0, 0.0, float(m)) for m in range(20)])
    project.writer.flush()
    with open_project(project.folder) as reader:
        for run_id in run_ids:
            assert reader.series.latest(run_id) == {f"m{m}": (249, float(m)) for m in range(20)}
            assert len(reader.series.read(run_id, "m7")) == 250


@given(
    st.lists(st.one_of(st.floats(width=32), st.just(math.nan)), max_size=300),
    st.integers(min_value=1, max_value=40),
)
def test_reduction_keeps_extremes_order_and_points(values: list[float], buckets: int) -> None:
    x, y = np.arange(len(values), dtype=float), np.array(values, dtype=float)
    xs, ys = reduce_min_max(x, y, buckets)
    assert len(xs) <= 2 * buckets
    assert np.all(np.diff(xs) > 0)
    np.testing.assert_array_equal(ys, y[xs.astype(int)])
    numbers = y[~np.isnan(y)]
    if len(numbers):
        assert np.nanmin(ys) == numbers.min()
        assert np.nanmax(ys) == numbers.max()


def test_reduction_by_hand() -> None:
    y = np.array([0.0, 5.0, 1.0, -2.0, math.nan, 3.0, math.nan, math.nan, math.nan])
    xs, ys = reduce_min_max(np.arange(9) * 10, y, 3)
    assert xs.tolist() == [0.0, 10.0, 30.0, 50.0, 60.0]
    np.testing.assert_array_equal(ys, [0.0, 5.0, -2.0, 3.0, math.nan])
    with pytest.raises(ValueError, match="buckets"):
        reduce_min_max([1.0], [1.0], 0)
    with pytest.raises(ValueError, match="one length"):
        reduce_min_max([1.0, 2.0], [1.0], 5)
