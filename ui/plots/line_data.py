"""A line with any number of points, ready to be drawn at any zoom with at most two points per pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from storage import reduce_min_max

Values = NDArray[np.float64]

#: points beyond which coarser copies are kept, and how much coarser each is
_FINE = 20_000
_COARSER = 4


class LineData:
    """Points (x, y), x not decreasing, with coarser copies that keep the extremes.

    Making one of a million points takes some tens of milliseconds, so do it off the GUI thread; a look at it is quick
    at every zoom, because it starts from the coarsest copy that is fine enough.
    """

    __slots__ = ("_levels", "x", "y")

    def __init__(self, x: Values, y: Values) -> None:
        self.x, self.y = x, y
        self._levels = [(x, y)]
        while len(self._levels[-1][0]) > _FINE:
            finest_x, finest_y = self._levels[-1]
            self._levels.append(reduce_min_max(finest_x, finest_y, len(finest_x) // (2 * _COARSER)))

    def __len__(self) -> int:
        return len(self.x)

    def window(self, low: float, high: float, columns: int) -> tuple[Values, Values, bool]:
        """Points that look as all do between ``low`` and ``high``, over ``columns`` columns of pixels: at most two in
        each, beside the points just outside, with which lines run on to the edge.

        The third value says that this is the whole line, which then need not be asked for again however the view moves.
        """
        covered = self._covered(low, high, columns)
        if len(self.x) <= 2 * covered:
            return self.x, self.y, True
        return *reduce_min_max(*self._part(low, high, covered), covered), False

    def edge(self, low: float, high: float, columns: int, *, lowest: bool) -> tuple[Values, Values]:
        """The lowest (or highest) value in each column, as an edge of a band.

        A band between lines that go up and down within every pixel takes a hundred times longer to fill.
        """
        covered = self._covered(low, high, columns)
        if len(self.x) <= covered:
            return self.x, self.y
        x, y = self._part(low, high, covered)
        if len(x) <= covered:
            return x, y
        starts = np.arange(covered) * len(x) // covered
        return x[starts], (np.fmin if lowest else np.fmax).reduceat(y, starts)

    def _covered(self, low: float, high: float, columns: int) -> int:
        """How many of the columns the line reaches over."""
        if not len(self.x):
            return columns
        overlap = min(high, float(self.x[-1])) - max(low, float(self.x[0]))
        return max(1, min(columns, round(columns * overlap / (high - low))))

    def _part(self, low: float, high: float, columns: int) -> tuple[Values, Values]:
        """The points between, of the coarsest copy that still has several in every column."""
        for x, y in reversed(self._levels):
            begin = max(int(np.searchsorted(x, low)) - 1, 0)
            end = int(np.searchsorted(x, high, "right")) + 1
            if len(x) == len(self.x) or end - begin >= 4 * columns:
                return x[begin:end], y[begin:end]
        raise AssertionError("the finest copy is always fine enough")

    def sample(self, low: float, high: float, most: int = 20_000) -> Values:
        """At most ``most`` of the values between ``low`` and ``high``, evenly picked."""
        inside = self.y[np.searchsorted(self.x, low) : np.searchsorted(self.x, high, "right")]
        return inside[:: max(1, len(inside) // most)]
