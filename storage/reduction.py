"""Fewer points that look the same: for curves with more points than the screen has columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def reduce_min_max(x: ArrayLike, y: ArrayLike, buckets: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lowest and the highest point of each of `buckets` equal runs of points, in their order.

    `x` and `y` are one-dimensional and of one length; what has at most two points per bucket comes back whole. NaN is
    passed over where its bucket holds numbers; a bucket of nothing but NaN gives one, so that a gap stays a gap.
    Raises ValueError when the lengths differ or `buckets` is less than one.
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if xs.shape != ys.shape or xs.ndim != 1 or buckets < 1:
        raise ValueError(f"x {xs.shape} and y {ys.shape} must be of one length, and buckets ({buckets}) at least 1")
    if len(xs) <= 2 * buckets:
        return xs, ys
    starts = np.arange(buckets) * len(xs) // buckets
    lows = np.fmin.reduceat(ys, starts)
    highs = np.fmax.reduceat(ys, starts)
    bucket = np.repeat(np.arange(buckets), np.diff(starts, append=len(xs)))
    gap = np.isnan(lows)
    kept = np.concatenate(
        (
            _first(bucket, ys == lows[bucket]),
            _first(bucket, ys == highs[bucket]),
            starts[gap],
        )
    )
    # Sorting and comparing neighbours: numpy's own unique hashes, several times slower here.
    kept = _distinct(np.sort(kept))
    return xs[kept], ys[kept]


def _first(bucket: NDArray[np.intp], matches: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The index of the first match in each bucket that has one."""
    positions = np.flatnonzero(matches)
    found = bucket[positions]
    first: NDArray[np.intp] = positions[np.diff(found, prepend=-1) != 0]
    return first


def _distinct(ordered: NDArray[np.intp]) -> NDArray[np.intp]:
    """The values of an ordered array, each once; indices are never negative."""
    distinct: NDArray[np.intp] = ordered[np.diff(ordered, prepend=-1) != 0]
    return distinct
