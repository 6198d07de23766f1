"""What a few seeds say of a method: interquartile mean, bootstrap intervals, differences paired by seed.

The aggregates and the bootstrap are those of Agarwal et al., "Deep Reinforcement Learning at the Edge of the
Statistical Precipice" (NeurIPS 2021). Everything is deterministic: the resamples are drawn with a fixed seed, from the
numbers of one group alone, so a group's figure never depends on what it is shown beside. Float64 throughout; every
value handed in must be finite.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]
Statistic = Literal["mean", "iqm"]

CONFIDENCE = 0.95
RESAMPLES = 2000
_SEED = 20_260
#: numbers that one block of columns may hold while their bootstrap is computed
_BLOCK = 2_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, in the unit of what it is the interval of."""

    low: float
    high: float

    @property
    def half(self) -> float:
        """Half of its width."""
        return (self.high - self.low) / 2

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside."""
        return self.low > 0.0 or self.high < 0.0


def standard_deviation(values: ArrayLike) -> float | None:
    """The sample standard deviation (divisor n - 1) of `values` [n]; None for fewer than two."""
    given = np.asarray(values, dtype=np.float64)
    return float(given.std(ddof=1)) if len(given) > 1 else None


def standard_error(values: ArrayLike) -> float | None:
    """The standard error of the mean of `values` [n], their deviation over the root of n; None for fewer than two."""
    deviation = standard_deviation(values)
    return None if deviation is None else deviation / math.sqrt(len(np.asarray(values)))


def interquartile_mean(values: ArrayLike) -> Values:
    """The mean of the middle half of `values` [n, ...] over the first axis.

    A quarter of the total weight is cut at either end; a value that the cut goes through counts in part, so that it
    is the middle half for every n (with three values the outer two count a quarter each). Where n is a multiple of
    four this is the mean trimmed by 25 %. Raises ValueError without values.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=0)
    if not len(ordered):
        raise ValueError("there is no interquartile mean of nothing")
    result: Values = np.tensordot(_middle_half(len(ordered)), ordered, axes=1)
    return result


def _middle_half(count: int) -> Values:
    """Weights [count] of ordered values, summing to one: the overlap of [i, i + 1] with the middle half of [0, n]."""
    edges = np.clip(np.arange(count + 1), count / 4, 3 * count / 4)
    weights: Values = np.diff(edges) / (count / 2)
    return weights


def bootstrap_interval(
    strata: Sequence[ArrayLike], statistic: Statistic = "mean", confidence: float = CONFIDENCE
) -> Interval | None:
    """The stratified percentile bootstrap interval of a statistic of all values of `strata` (arrays [n_i]) together.

    Each resample draws from every stratum as many values as it has, with replacement, so that what differs between
    strata (tasks, configurations) does not count as chance. None where no stratum has two values: one value says
    nothing about chance. Raises ValueError unless 0 < confidence < 1.
    """
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"the confidence {confidence} must be between 0 and 1")
    parts = [np.asarray(stratum, dtype=np.float64) for stratum in strata]
    if max((len(part) for part in parts), default=0) < 2:
        return None
    indices, times = _resamples(tuple(len(part) for part in parts))
    drawn = np.concatenate(parts)[indices]
    found = drawn.mean(axis=1) if statistic == "mean" else interquartile_mean(drawn.T)
    tail = (1.0 - confidence) / 2
    low, high = _quantiles(found[:, None], times, (tail, 1.0 - tail))
    return Interval(float(low[0]), float(high[0]))


def bootstrap_columns(values: Values, statistic: Statistic) -> tuple[Values, Values]:
    """The 95 % bootstrap interval of each column of `values` [seeds, n]: lower and upper end, [n] each.

    Of one seed both are that seed.
    """
    indices, times = _resamples((len(values),))
    low, high = np.empty(values.shape[1]), np.empty(values.shape[1])
    width = max(1, _BLOCK // indices.size)
    tail = (1.0 - CONFIDENCE) / 2
    for begin in range(0, values.shape[1], width):
        part = values[:, begin : begin + width]
        drawn = part[indices]  # [resamples, seeds, columns]
        found = drawn.mean(axis=1) if statistic == "mean" else interquartile_mean(np.moveaxis(drawn, 1, 0))
        low[begin : begin + width], high[begin : begin + width] = _quantiles(found, times, (tail, 1.0 - tail))
    return low, high


@functools.lru_cache(maxsize=64)
def _resamples(sizes: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Which values each resample draws [different ones, total], and how many of the resamples are like that.

    Few values can be drawn in few ways, so the same ones need not be computed again and again.
    """
    generator = np.random.default_rng(_SEED)
    starts = np.cumsum((0, *sizes[:-1]))
    columns = [
        start + np.sort(generator.integers(size, size=(RESAMPLES, size)), axis=1)
        for start, size in zip(starts, sizes, strict=True)
    ]
    different, times = np.unique(np.concatenate(columns, axis=1), axis=0, return_counts=True)
    return different, times


def _quantiles(found: Values, times: NDArray[np.int64], probabilities: tuple[float, float]) -> tuple[Values, Values]:
    """The values of `found` [m, n], of which row i occurs `times[i]` times, at two probabilities, per column."""
    order = np.argsort(found, axis=0)
    reached = np.cumsum(times[order], axis=0) / times.sum()
    first, second = (
        np.take_along_axis(found, np.take_along_axis(order, _first_above(reached, level), axis=0), axis=0)[0]
        for level in probabilities
    )
    return first, second


def _first_above(reached: Values, level: float) -> NDArray[np.intp]:
    """Per column the first row [1, n] at which `reached` is at least `level`."""
    place: NDArray[np.intp] = np.argmax(reached >= level - 1e-12, axis=0)[None, :]
    return place


@dataclass(frozen=True, slots=True)
class Paired:
    """Differences of the same seeds under two treatments: `pairs` of them, their `mean`, and its 95 % interval."""

    pairs: int
    mean: float
    interval: Interval | None


def paired_difference(values: Mapping[int, float], base: Mapping[int, float]) -> Paired | None:
    """How much `values` (by seed) are above `base`, over the seeds that both have; None without such a seed.

    The interval is Student's of the differences, mean ± t s / sqrt(n). With three pairs a percentile bootstrap reaches
    from the smallest to the largest difference, which would leave zero out in one of four comparisons of a treatment
    with itself; Student's does so in one of twenty, if differences are normal. One pair has no interval.
    """
    shared = sorted(values.keys() & base.keys())
    if not shared:
        return None
    differences = np.array([values[seed] - base[seed] for seed in shared])
    mean, error = float(differences.mean()), standard_error(differences)
    if error is None:
        return Paired(1, mean, None)
    half = student_quantile((1.0 + CONFIDENCE) / 2, len(shared) - 1) * error
    return Paired(len(shared), mean, Interval(mean - half, mean + half))


def student_quantile(probability: float, degrees: int) -> float:
    """The value that a Student t variable with so many degrees of freedom (1 or more) stays below with `probability`.

    By bisection of the distribution, to twelve digits. Raises ValueError unless 0 < probability < 1, degrees >= 1.
    """
    if not 0.0 < probability < 1.0 or degrees < 1:
        raise ValueError(f"no quantile of Student's t for probability {probability}, {degrees} degrees of freedom")
    if probability < 0.5:
        return -student_quantile(1.0 - probability, degrees)
    low, high = 0.0, 1.0
    while _student_cumulative(high, degrees) < probability:
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _student_cumulative(middle, degrees) < probability else (low, middle)
    return (low + high) / 2


def _student_cumulative(t: float, degrees: int) -> float:
    """P(T <= t) for t >= 0: the finite series of Abramowitz and Stegun, 26.7.3 (odd degrees) and 26.7.4 (even)."""
    angle = math.atan2(t, math.sqrt(degrees))
    square = math.cos(angle) ** 2
    odd = degrees % 2
    term, total = 1.0, 0.0
    for place in range(degrees // 2):
        total += term
        term *= square * (2 * place + 1 + odd) / (2 * place + 2 + odd)
    if odd:
        return 0.5 + (angle + math.sin(angle) * math.cos(angle) * total) / math.pi
    return 0.5 + math.sin(angle) * total / 2


def probability_of_improvement(values: ArrayLike, base: ArrayLike) -> float | None:
    """The share of all pairs (one of `values` [n], one of `base` [m]) in which the first is larger; ties count half.

    Mann and Whitney's U over n m (Agarwal et al., section 4.3); None where one of them is empty.
    """
    first, second = np.asarray(values, dtype=np.float64), np.asarray(base, dtype=np.float64)
    if not len(first) or not len(second):
        return None
    return float((np.sign(first[:, None] - second[None, :]) + 1.0).mean() / 2)


def area_under_curve(x: ArrayLike, y: ArrayLike) -> float | None:
    """The mean height of the curve y over increasing x (both [n]), in the unit of y: trapezoids over the span of x.

    None for fewer than two points.
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    return float(np.trapezoid(ys, xs) / (xs[-1] - xs[0])) if len(xs) > 1 else None
