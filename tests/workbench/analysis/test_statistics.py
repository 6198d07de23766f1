"""Statistics of curves against numbers worked out by hand and against plain loops."""

from __future__ import annotations

import math
import statistics as standard

import numpy as np
import pytest

from workbench.analysis.statistics import (
    align,
    percentile_range,
    smooth_exponential,
    smooth_running_mean,
    summarise,
)

NAN = math.nan


def test_exponential_smoothing_has_no_bias_towards_its_start() -> None:
    # weights 1; 0.5, 1; 0.25, 0.5, 1
    smoothed = smooth_exponential([8.0, 2.0, 5.0], 0.5)
    assert smoothed == pytest.approx([8.0, (0.5 * 8 + 2) / 1.5, (0.25 * 8 + 0.5 * 2 + 5) / 1.75])
    assert smooth_exponential(np.full(1000, -3.0), 0.99) == pytest.approx(-3.0)


@pytest.mark.parametrize("weight", [0.0, 0.1, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("length", [1, 63, 64, 65, 5000])
def test_exponential_smoothing_is_the_recursion_of_the_paper(weight: float, length: int) -> None:
    values = np.random.default_rng(length).normal(100.0, 30.0, length)
    average, expected = 0.0, []
    for t, value in enumerate(values, start=1):
        average = weight * average + (1 - weight) * value
        expected.append(average / (1 - weight**t))
    assert smooth_exponential(values, weight) == pytest.approx(expected, rel=1e-10)


def test_points_that_are_not_finite_stay_and_do_not_count() -> None:
    gaps = np.array([1.0, NAN, 3.0, math.inf, 5.0])
    without = smooth_exponential([1.0, 3.0, 5.0], 0.5)
    assert smooth_exponential(gaps, 0.5) == pytest.approx(
        [without[0], NAN, without[1], math.inf, without[2]], nan_ok=True
    )
    assert smooth_running_mean(gaps, 2) == pytest.approx([1.0, NAN, 2.0, math.inf, 4.0], nan_ok=True)
    assert len(smooth_exponential([], 0.5)) == 0 and len(smooth_running_mean([], 3)) == 0


def test_running_mean_looks_back_only() -> None:
    assert smooth_running_mean([1.0, 2.0, 6.0, 0.0, 9.0], 3) == pytest.approx([1.0, 1.5, 3.0, 8 / 3, 5.0])
    assert smooth_running_mean([4.0, 7.0], 1) == pytest.approx([4.0, 7.0])
    far = np.random.default_rng(0).normal(1e9, 1.0, 100_000)
    assert smooth_running_mean(far, 50)[-1] == pytest.approx(far[-50:].mean(), rel=1e-14)


def test_smoothing_refuses_what_is_no_smoothing() -> None:
    with pytest.raises(ValueError, match="below 1"):
        smooth_exponential([1.0], 1.0)
    with pytest.raises(ValueError, match="at least 1"):
        smooth_running_mean([1.0], 0)


def test_seeds_with_equal_steps_are_matched_and_shorter_ones_end() -> None:
    aligned = align([([1, 2, 3], [10, 20, 30]), ([1, 2], [12, 24])])
    assert not aligned.interpolated
    assert aligned.x.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(aligned.values, [[10, 20, 30], [12, 24, NAN]])


def test_seeds_that_begin_late_are_still_matched() -> None:
    aligned = align([([1, 2, 3], [10, 20, 30]), ([2, 3, 4], [1, 2, 3])])
    assert not aligned.interpolated
    np.testing.assert_array_equal(aligned.values, [[10, 20, 30, NAN], [NAN, 1, 2, 3]])


def test_other_seeds_are_interpolated_inside_their_own_range_only() -> None:
    aligned = align([([0, 10], [0, 100]), ([5, 15], [1, 2])])
    assert aligned.interpolated
    assert aligned.x.tolist() == [0, 5, 10, 15]
    np.testing.assert_allclose(aligned.values, [[0, 50, 100, NAN], [NAN, 1, 1.5, 2]])


def test_a_missing_value_is_not_bridged() -> None:
    aligned = align([([0, 1, 2], [0, NAN, 4]), ([0, 0.5, 1, 1.5, 2], [1, 1, 1, 1, 1])])
    np.testing.assert_array_equal(aligned.values[0], [0, NAN, NAN, NAN, 4])


def test_of_equal_x_the_last_point_counts() -> None:
    aligned = align([([0, 0, 0, 1], [5, 6, 7, 8])])
    assert aligned.x.tolist() == [0, 1] and aligned.values.tolist() == [[7, 8]]


def test_long_unequal_seeds_are_thinned_evenly() -> None:
    x = np.arange(10_000.0)
    aligned = align([(x, x), (x + 0.5, x)], limit=500)
    assert len(aligned.x) == 500 and aligned.x[0] == 0.0 and aligned.x[-1] == 9999.5
    np.testing.assert_allclose(aligned.values[0][:-1], aligned.x[:-1])


def test_lengths_must_agree_and_nothing_stays_nothing() -> None:
    with pytest.raises(ValueError, match="one length"):
        align([([1, 2], [1])])
    assert len(align([]).x) == 0
    assert len(summarise(align([([], [])]).values, "std").mean) == 0


def test_mean_and_spread_are_those_of_the_standard_library() -> None:
    seeds = [[1.0, 5.0, 2.0], [4.0, -1.0, 2.0], [7.0, 0.5, 2.0], [2.0, 2.0, 2.0]]
    columns = list(zip(*seeds, strict=True))
    deviation = summarise(seeds, "std")
    assert deviation.mean == pytest.approx([standard.fmean(column) for column in columns])
    expected = [standard.fmean(column) + standard.stdev(column) for column in columns]
    assert deviation.high == pytest.approx(expected)
    error = summarise(seeds, "stderr")
    assert error.high - error.mean == pytest.approx((deviation.high - deviation.mean) / 2)
    extent = summarise(seeds, "range")
    assert extent.low.tolist() == [1.0, -1.0, 2.0] and extent.high.tolist() == [7.0, 5.0, 2.0]


@pytest.mark.parametrize("spread", ["std", "stderr", "range"])
def test_count_varies_along_x_and_one_seed_has_no_spread(spread: str) -> None:
    summary = summarise([[1.0, 2.0, NAN], [3.0, NAN, NAN]], spread)  # type: ignore[arg-type]
    assert summary.count.tolist() == [2, 1, 0]
    assert summary.mean == pytest.approx([2.0, 2.0, NAN], nan_ok=True)
    assert np.isnan(summary.low).tolist() == [False, True, True]
    assert np.isnan(summary.high).tolist() == [False, True, True]


def test_outliers_are_cut_by_percentile() -> None:
    values = [np.arange(101.0), [NAN, math.inf]]
    assert percentile_range(values, 0) == (0.0, 100.0)
    assert percentile_range(values, 5) == (5.0, 95.0)
    assert percentile_range([[NAN]], 1) is None and percentile_range([], 1) is None
