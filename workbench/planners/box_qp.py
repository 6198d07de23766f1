"""Least of a convex quadratic within bounds, by projected Newton steps (Tassa, Mansard and Todorov 2014, Sec. III)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_ITERATIONS = 100
_TOLERANCE = 1e-10


class NotConvex(ValueError):
    """The quadratic has no least point."""


def require_convex(H: Array) -> None:
    """Raise NotConvex unless ``H`` [m, m] is positive definite."""
    try:
        np.linalg.cholesky(H)
    except np.linalg.LinAlgError:
        raise NotConvex("the cost of a control is not convex, so that none is best; regularise more") from None


def solve_convex(H: Array, right: Array) -> Array:
    """The x with H x = ``right``. Raises NotConvex where rounding makes ``H`` singular, however convex it is."""
    try:
        return np.asarray(np.linalg.solve(H, right), np.float64)
    except np.linalg.LinAlgError:
        raise NotConvex("the cost of a control is flat in a direction, so that none is best; regularise more") from None


def minimise_in_box(H: Array, g: Array, low: Array, high: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """The x in [low, high] where x'Hx/2 + g'x is least, and which of its coordinates are not held by a bound, [m] each.

    ``H`` [m, m] symmetric, ``g`` [m]. Raises NotConvex unless ``H`` is positive definite.
    """
    require_convex(H)
    x = np.clip(-solve_convex(H, g), low, high)
    free = np.ones(len(x), bool)
    for _ in range(_ITERATIONS):
        gradient = H @ x + g
        free = ~(((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0)))
        if not free.any() or np.abs(gradient[free]).max() < _TOLERANCE * (1.0 + np.abs(g).max()):
            break
        direction = np.zeros_like(x)
        direction[free] = -solve_convex(H[np.ix_(free, free)], gradient[free])
        moved = _search(H, g, x, direction, low, high)
        if np.array_equal(moved, x):
            break  # rounding leaves nothing to gain
        x = moved
    return x, free


def _search(H: Array, g: Array, x: Array, direction: Array, low: Array, high: Array) -> Array:
    """Armijo's rule along the projected direction; ``x`` itself where no step is better."""
    before, slope = 0.5 * x @ H @ x + g @ x, H @ x + g
    size = 1.0
    while size > 1e-12:
        candidate: Array = np.clip(x + size * direction, low, high)
        after = 0.5 * candidate @ H @ candidate + g @ candidate
        if after < before and after <= before + 0.1 * slope @ (candidate - x):
            return candidate
        size *= 0.6
    return x
