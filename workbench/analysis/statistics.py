"""Statistics of curves: smoothing, seeds brought to one axis, their mean and spread, ranges without outliers.

Everything takes and returns float64 arrays. What is not finite counts as missing. The mean of a group depends on its
seeds alone, never on what else is drawn or on the zoom. What compares groups is in ``estimates.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.analysis.estimates import Statistic, bootstrap_columns, interquartile_mean

Values = NDArray[np.float64]
Spread = Literal["std", "stderr", "ci", "iqm", "range"]

#: beyond this many x values, seeds that have to be interpolated are compared at evenly picked ones
ALIGNED_POINTS = 200_000
_BLOCK = 64


def smooth_exponential(values: ArrayLike, weight: float) -> Values:
    """Exponential moving average without the bias towards its start.

    y_t = sum_i weight^(t-i) x_i / sum_i weight^(t-i) over the finite points i <= t, which is m_t / (1 - weight^t) of
    m_t = weight m_{t-1} + (1 - weight) x_t (Kingma and Ba, ICLR 2015, section 3). Age is counted in points. Points that
    are not finite stay as they are and do not count. Raises ValueError unless 0 <= weight < 1.
    """
    if not 0.0 <= weight < 1.0:
        raise ValueError(f"the weight {weight} of the past must be at least 0 and below 1")
    given = np.asarray(values, dtype=np.float64)
    result = given.copy()
    finite = np.isfinite(given)
    kept = given[finite]
    if weight > 0.0 and len(kept):
        result[finite] = _decayed_sums(kept, weight) / _decayed_sums(np.ones_like(kept), weight)
    return result


def smooth_running_mean(values: ArrayLike, points: int) -> Values:
    """Mean of the last `points` finite points up to each; of fewer at the beginning.

    It looks back only, so that what is drawn does not change as training goes on. Points that are not finite stay as
    they are and do not count. Raises ValueError unless `points` is at least 1.
    """
    if points < 1:
        raise ValueError(f"a running mean over {points} points is none; expected at least 1")
    given = np.asarray(values, dtype=np.float64)
    result = given.copy()
    finite = np.isfinite(given)
    kept = given[finite]
    if points > 1 and len(kept):
        offset = kept.mean()  # keeps the sums small, hence exact
        sums = np.concatenate(([0.0], np.cumsum(kept - offset)))
        ends = np.arange(1, len(kept) + 1)
        starts = np.maximum(ends - points, 0)
        result[finite] = (sums[ends] - sums[starts]) / (ends - starts) + offset
    return result


def _decayed_sums(values: Values, weight: float) -> Values:
    """s_t = weight s_{t-1} + x_t, block by block: a product with a triangular matrix, then the carry, the same way."""
    blocks = -(-len(values) // _BLOCK)
    padded = np.zeros(blocks * _BLOCK)
    padded[: len(values)] = values
    age = np.arange(_BLOCK)[:, None] - np.arange(_BLOCK)
    kernel = np.where(age >= 0, weight ** np.maximum(age, 0), 0.0)
    sums = padded.reshape(blocks, _BLOCK) @ kernel.T
    if blocks > 1:
        carry = _decayed_sums(np.ascontiguousarray(sums[:, -1]), weight**_BLOCK)
        sums[1:] += carry[:-1, None] * weight ** np.arange(1, _BLOCK + 1)
    return sums.reshape(-1)[: len(values)]


@dataclass(frozen=True, slots=True)
class Aligned:
    """Curves over one `x` [n], increasing: `values` [curves, n], NaN where a curve has none.

    `interpolated`: some curves lack x values of others inside their own range, and were joined by straight lines there.
    """

    x: Values
    values: Values
    interpolated: bool


def align(curves: Sequence[tuple[ArrayLike, ArrayLike]], limit: int = ALIGNED_POINTS) -> Aligned:
    """Brings curves (x, y) to one axis, the union of their x values.

    At x values that all curves have, their own points are taken. Between its own points a curve is interpolated; before
    its first and after its last point it has no value, so that nothing is made up beyond what was measured. Of points
    with the same x the last counts. Where interpolation is needed and the union is longer than `limit`, `limit` evenly
    picked x values of it are used. Raises ValueError where x and y differ in length.
    """
    cleaned = [_increasing(x, y) for x, y in curves]
    cleaned = [curve for curve in cleaned if len(curve[0])] or [(np.empty(0), np.empty(0))]
    longest = max((x for x, _ in cleaned), key=len)
    if all(np.array_equal(x, longest[: len(x)]) for x, _ in cleaned):
        values = np.full((len(cleaned), len(longest)), np.nan)
        for row, (_, y) in zip(values, cleaned, strict=True):
            row[: len(y)] = y
        return Aligned(longest, values, False)
    grid = np.unique(np.concatenate([x for x, _ in cleaned]))
    inside = (np.searchsorted(grid, x[-1], "right") - np.searchsorted(grid, x[0]) for x, _ in cleaned)
    interpolated = any(count != len(x) for count, (x, _) in zip(inside, cleaned, strict=True))
    if interpolated and len(grid) > limit:
        grid = grid[np.linspace(0, len(grid) - 1, limit).astype(np.intp)]
    values = np.stack([np.interp(grid, x, y, left=np.nan, right=np.nan) for x, y in cleaned])
    return Aligned(grid, values, interpolated)


def _increasing(x: ArrayLike, y: ArrayLike) -> tuple[Values, Values]:
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if xs.shape != ys.shape or xs.ndim != 1:
        raise ValueError(f"x {xs.shape} and y {ys.shape} must be of one length")
    ys = np.where(np.isfinite(ys), ys, np.nan)
    gaps = np.diff(xs)
    if (gaps > 0).all():
        return xs, ys
    order = np.argsort(xs, kind="stable")
    xs, ys = xs[order], ys[order]
    last = np.append(np.diff(xs) > 0, True)
    return xs[last], ys[last]


@dataclass(frozen=True, slots=True)
class Summary:
    """Of curves at each x, arrays [n]: their `mean`, the band from `low` to `high`, and how many there are (`count`).

    Of the spread "iqm", `mean` is the interquartile mean. Without any curve the mean is NaN; with fewer than two there
    is no spread, and the band is NaN.
    """

    mean: Values
    low: Values
    high: Values
    count: NDArray[np.int64]


def summarise(values: ArrayLike, spread: Spread) -> Summary:
    """Mean over the first axis of `values` [curves, n], and the band that `spread` names.

    - std: mean ± sample standard deviation (divisor count - 1)
    - stderr: mean ± standard error of the mean, the standard deviation over the root of the count
    - ci: 95 % percentile bootstrap interval of the mean, at each x by itself
    - iqm: the interquartile mean instead of the mean, and its 95 % percentile bootstrap interval
    - range: from the smallest to the largest
    """
    given = np.asarray(values, dtype=np.float64)
    present = np.isfinite(given)
    count = present.sum(axis=0)
    several = count >= 2
    filled = np.where(present, given, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(axis=0) / count
        if spread == "ci" or spread == "iqm":
            mean, low, high = _resampled(given, present, "mean" if spread == "ci" else "iqm")
        elif spread == "range":
            low = np.where(present, given, np.inf).min(axis=0, initial=np.inf)
            high = np.where(present, given, -np.inf).max(axis=0, initial=-np.inf)
        else:
            squares = np.where(present, given - mean, 0.0) ** 2
            half = np.sqrt(squares.sum(axis=0) / (count - 1))
            half = half / np.sqrt(count) if spread == "stderr" else half
            low, high = mean - half, mean + half
    return Summary(mean, np.where(several, low, np.nan), np.where(several, high, np.nan), count)


def _resampled(values: Values, present: NDArray[np.bool_], statistic: Statistic) -> tuple[Values, Values, Values]:
    """Centre and bootstrap interval of each column, over the curves that it has."""
    centre, low, high = (np.full(values.shape[1], np.nan) for _ in range(3))
    patterns, which = np.unique(present, axis=1, return_inverse=True)
    for number, pattern in enumerate(patterns.T):
        columns = np.flatnonzero(which.ravel() == number)
        if pattern.any() and len(columns):
            part = values[np.ix_(pattern, columns)]
            centre[columns] = part.mean(axis=0) if statistic == "mean" else interquartile_mean(part)
            low[columns], high[columns] = bootstrap_columns(part, statistic)
    return centre, low, high


def percentile_range(values: Iterable[ArrayLike], tail: float) -> tuple[float, float] | None:
    """The range of all finite values together without the lowest and highest `tail` percent (0 <= tail < 50).

    None where there is no finite value.
    """
    parts = [np.asarray(part, dtype=np.float64).ravel() for part in values]
    joined = np.concatenate(parts) if parts else np.empty(0)
    joined = joined[np.isfinite(joined)]
    if not len(joined):
        return None
    low, high = np.percentile(joined, (tail, 100.0 - tail))
    return float(low), float(high)
