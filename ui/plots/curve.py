"""What a curve plot draws: the mean of one run or of a group's seeds, with its band and what lies behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ui.plots.line_data import LineData, Values


@dataclass(frozen=True, slots=True)
class Reading:
    """A curve at one of its x values; without a spread ``low`` and ``high`` are NaN."""

    x: float
    mean: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, eq=False)
class Curve:
    """One group of seeds, or one run.

    ``low`` and ``high`` bound the band and are None where there is only one seed, as is ``count``, the number of seeds
    at each x. ``behind`` holds lines to be drawn faintly: each seed as it was logged, without smoothing.
    ``interpolated`` says that seeds had to be interpolated between their points. ``runs`` are the run ids, ``seeds`` is
    the number of those that have points. ``clock`` holds x and the environment step of the longest seed's points, where
    x is something else. ``source`` says where a published curve comes from, which has no runs.
    """

    key: str
    label: str
    runs: tuple[int, ...]
    mean: LineData
    low: LineData | None = None
    high: LineData | None = None
    count: NDArray[np.int64] | None = None
    behind: tuple[LineData, ...] = ()
    interpolated: bool = False
    live: bool = False
    seeds: int = 1
    clock: tuple[Values, Values] | None = None
    source: str = ""

    def __len__(self) -> int:
        return len(self.mean)

    def at(self, x: float) -> Reading | None:
        """The point nearest to ``x``; None outside of the curve, further off than its points lie apart."""
        xs = self.mean.x
        if not len(xs):
            return None
        after = int(np.searchsorted(xs, x))
        nearest = min((n for n in (after - 1, after) if 0 <= n < len(xs)), key=lambda n: abs(xs[n] - x))
        if not xs[0] <= x <= xs[-1]:
            apart = (xs[-1] - xs[0]) / max(len(xs) - 1, 1)
            if abs(xs[nearest] - x) > apart / 2:
                return None
        return self.reading(nearest)

    def neighbour(self, x: float, steps: int) -> float | None:
        """The x value ``steps`` points before or after the one nearest to ``x``; None without points."""
        if not len(self.mean.x):
            return None
        nearest = int(np.argmin(np.abs(self.mean.x - x)))
        return float(self.mean.x[min(max(nearest + steps, 0), len(self.mean.x) - 1)])

    def last(self) -> Reading | None:
        """The newest point that is a number."""
        finite = np.flatnonzero(np.isfinite(self.mean.y[-1000:]))
        return self.reading(len(self.mean.y) - min(1000, len(self.mean.y)) + int(finite[-1])) if len(finite) else None

    def bounds(self) -> tuple[float, float] | None:
        """Smallest and largest x."""
        xs: Values = self.mean.x
        return (float(xs[0]), float(xs[-1])) if len(xs) else None

    def step_at(self, x: float) -> int:
        """The environment step at ``x``."""
        return round(x if self.clock is None else float(np.interp(x, *self.clock)))

    def x_at(self, step: int) -> float:
        """Where along x an environment step is."""
        return float(step) if self.clock is None else float(np.interp(step, *self.clock[::-1]))

    def reading(self, index: int) -> Reading:
        """The point with this number."""
        low = float(self.low.y[index]) if self.low is not None else np.nan
        high = float(self.high.y[index]) if self.high is not None else np.nan
        count = int(self.count[index]) if self.count is not None else 1
        return Reading(float(self.mean.x[index]), float(self.mean.y[index]), low, high, count)
