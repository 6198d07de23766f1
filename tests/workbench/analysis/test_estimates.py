"""Estimates over few seeds against published numbers, closed forms, and enumerations written out."""

from __future__ import annotations

import itertools
import math
import statistics as standard

import numpy as np
import pytest

from workbench.analysis.estimates import (
    RESAMPLES,
    Interval,
    area_under_curve,
    bootstrap_columns,
    bootstrap_interval,
    interquartile_mean,
    paired_difference,
    probability_of_improvement,
    standard_deviation,
    standard_error,
    student_quantile,
)
from workbench.analysis.statistics import summarise


def test_deviation_and_error_are_those_of_the_standard_library() -> None:
    values = [3.0, -1.5, 7.25, 0.0]
    assert standard_deviation(values) == pytest.approx(standard.stdev(values))
    assert standard_error(values) == pytest.approx(standard.stdev(values) / 2)
    assert standard_deviation([5.0]) is None and standard_error([]) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # Examples in common encyclopaedias and textbooks: a multiple of four, and one where values count in part.
        ([5, 8, 4, 38, 8, 6, 9, 7, 7, 3, 1, 6], 6.5),
        ([1, 3, 5, 7, 9, 11, 13, 15, 17], 9.0),
        ([1, 2, 3, 4, 100], (0.75 * 2 + 3 + 0.75 * 4) / 2.5),
        ([0, 10, 40], (0.25 * 0 + 10 + 0.25 * 40) / 1.5),
        ([2, 4], 3.0),
        ([7], 7.0),
    ],
)
def test_interquartile_mean(values: list[float], expected: float) -> None:
    assert float(interquartile_mean(values)) == pytest.approx(expected)


def test_interquartile_mean_is_the_trimmed_mean_of_multiples_of_four() -> None:
    values = np.random.default_rng(3).normal(size=(40, 5))
    trimmed = np.sort(values, axis=0)[10:30].mean(axis=0)
    assert interquartile_mean(values) == pytest.approx(trimmed)
    with pytest.raises(ValueError, match="nothing"):
        interquartile_mean([])


def _every_resample(values: list[float]) -> list[float]:
    return sorted(standard.fmean(drawn) for drawn in itertools.product(values, repeat=len(values)))


@pytest.mark.parametrize("values", [[1.0, 5.0, 9.5, 2.0], [3.0, 4.0, 10.0, -2.0, 8.0]])
def test_bootstrap_interval_is_near_that_of_all_resamples_there_are(values: list[float]) -> None:
    everything = _every_resample(values)
    found = bootstrap_interval([values])
    assert found is not None
    for end, level in ((found.low, 0.025), (found.high, 0.975)):
        # The end lies where the exact distribution is within the error of drawing (three standard errors) of its level.
        below = sum(value < end - 1e-9 for value in everything) / len(everything)
        upto = sum(value <= end + 1e-9 for value in everything) / len(everything)
        error = 3 * math.sqrt(level * (1 - level) / RESAMPLES)
        assert below - error <= level <= upto + error


def test_bootstrap_interval_covers_the_mean_as_often_as_it_says() -> None:
    # For 40 normal values the percentile interval is about mean ± 1.96 s / sqrt(n).
    generator = np.random.default_rng(7)
    values = generator.normal(10.0, 2.0, 40)
    found = bootstrap_interval([values])
    error = standard_error(values)
    assert found is not None and error is not None
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_strata_do_not_count_as_chance() -> None:
    # Without chance inside the strata there is none at all, however far apart they lie.
    assert bootstrap_interval([[1.0, 1.0], [100.0, 100.0]]) == Interval(50.5, 50.5)
    mixed = bootstrap_interval([[1.0, 1.0, 100.0, 100.0]])
    assert mixed is not None and mixed.high - mixed.low > 50


def test_bootstrap_is_the_same_every_time_and_whatever_is_beside_it() -> None:
    values = [1.0, 4.0, 2.0, 8.0, 5.0, 7.0]
    assert bootstrap_interval([values]) == bootstrap_interval([values])
    columns = np.array([values, values[::-1]]).T
    alone = bootstrap_columns(columns[:, :1], "mean")
    together = bootstrap_columns(columns, "mean")
    assert (alone[0][0], alone[1][0]) == (together[0][0], together[1][0])


def test_one_value_has_no_interval() -> None:
    assert bootstrap_interval([[4.0]]) is None and bootstrap_interval([]) is None
    with pytest.raises(ValueError, match="between 0 and 1"):
        bootstrap_interval([[1.0, 2.0]], confidence=1.0)


@pytest.mark.parametrize("statistic", ["mean", "iqm"])
def test_bands_of_curves_are_the_intervals_of_their_columns(statistic: str) -> None:
    values = np.random.default_rng(1).normal(size=(5, 30)).cumsum(axis=1)
    values[3:, 20:] = np.nan  # two seeds have not got so far
    band = summarise(values, "ci" if statistic == "mean" else "iqm")
    for column in (0, 7, 25):
        present = values[np.isfinite(values[:, column]), column]
        expected = bootstrap_interval([present], statistic)  # type: ignore[arg-type]
        assert expected is not None
        assert (band.low[column], band.high[column]) == pytest.approx((expected.low, expected.high))
        centre = present.mean() if statistic == "mean" else float(interquartile_mean(present))
        assert band.mean[column] == pytest.approx(centre)
    assert band.count.tolist() == [5] * 20 + [3] * 10


@pytest.mark.parametrize(
    ("degrees", "published"),  # two-sided 95 %, from any printed table
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (9, 2.262), (10, 2.228), (29, 2.045), (120, 1.980)],
)
def test_student_quantiles_are_the_printed_ones(degrees: int, published: float) -> None:
    assert student_quantile(0.975, degrees) == pytest.approx(published, abs=6e-4)
    assert student_quantile(0.025, degrees) == pytest.approx(-published, abs=6e-4)


def test_student_quantiles_in_closed_form() -> None:
    for probability in (0.6, 0.9, 0.995):
        assert student_quantile(probability, 1) == pytest.approx(math.tan(math.pi * (probability - 0.5)))
        two = (2 * probability - 1) * math.sqrt(2 / (1 - (2 * probability - 1) ** 2))
        assert student_quantile(probability, 2) == pytest.approx(two)
    with pytest.raises(ValueError, match="no quantile"):
        student_quantile(0.5, 0)


def test_differences_are_paired_by_seed() -> None:
    # Student's sleep data of 1908: ten patients, two drugs; the published interval is 0.70 to 2.46.
    first = dict(enumerate([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]))
    second = dict(enumerate([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]))
    found = paired_difference(second | {77: 1e9}, first | {78: -1e9})
    assert found is not None and found.interval is not None
    assert found.pairs == 10 and found.mean == pytest.approx(1.58)
    assert found.interval.low == pytest.approx(0.7001142, abs=1e-6)
    assert found.interval.high == pytest.approx(2.4598858, abs=1e-6)
    assert found.interval.excludes_zero


def test_a_difference_needs_a_shared_seed_and_an_interval_two() -> None:
    assert paired_difference({1: 1.0}, {2: 1.0}) is None
    single = paired_difference({1: 3.0, 2: 9.0}, {1: 1.0})
    assert single is not None and (single.pairs, single.mean, single.interval) == (1, 2.0, None)


def test_the_paired_interval_leaves_zero_out_in_one_of_twenty_comparisons_of_equals() -> None:
    generator = np.random.default_rng(11)
    wrong = 0
    for _ in range(2000):
        pair = generator.normal(size=(2, 3))
        found = paired_difference(dict(enumerate(pair[0])), dict(enumerate(pair[1])))
        assert found is not None and found.interval is not None
        wrong += found.interval.excludes_zero
    assert 0.035 < wrong / 2000 < 0.065


def test_probability_of_improvement_counts_pairs() -> None:
    values, base = [3.0, 1.0, 5.0], [2.0, 3.0, 0.0, 3.0]
    counted = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a in values for b in base) / 12
    assert probability_of_improvement(values, base) == pytest.approx(counted)
    assert probability_of_improvement(base, values) == pytest.approx(1 - counted)
    assert probability_of_improvement([], base) is None


def test_area_is_the_mean_height() -> None:
    assert area_under_curve([0, 10], [0, 100]) == pytest.approx(50)
    # Unequal steps: 1 * (2 + 4) / 2 + 3 * (4 + 0) / 2 over a span of 4.
    assert area_under_curve([1, 2, 5], [2, 4, 0]) == pytest.approx((3 + 6) / 4)
    x = np.linspace(0, math.pi, 2001)
    assert area_under_curve(x, np.sin(x)) == pytest.approx(2 / math.pi, rel=1e-5)
    assert area_under_curve([3], [1]) is None
