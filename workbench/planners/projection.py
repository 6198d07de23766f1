"""Latents in a plane: the two directions in which a set of them spreads most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Projection:
    """Two principal components: ``mean`` [D], ``axes`` [2, D] of length 1, and their ``shares`` [2] of the variance."""

    mean: Numbers
    axes: Numbers
    shares: Numbers

    def __call__(self, latents: npt.NDArray[np.floating]) -> Numbers:
        """Latents [..., D] in the plane [..., 2]."""
        plane: Numbers = (np.asarray(latents, np.float64) - self.mean) @ self.axes.T
        return plane


def principal_plane(latents: npt.NDArray[np.floating]) -> Projection:
    """The plane of the largest variance of ``latents`` [N, D]; rows that are not finite are left out.

    The largest coordinate of each axis is positive, so that the same latents always give the same picture.
    """
    finite = np.asarray(latents, np.float64)[np.isfinite(latents).all(-1)]
    size = latents.shape[-1]
    if len(finite) == 0:
        return Projection(np.zeros(size), np.eye(2, size), np.zeros(2))
    mean = finite.mean(0)
    _, spreads, axes = np.linalg.svd(finite - mean, full_matrices=False)
    axes, spreads = _at_least_two(axes), np.append(spreads, np.zeros(2))
    signs = np.sign(axes[np.arange(2), np.abs(axes).argmax(1)])
    variance = spreads**2
    shares = variance[:2] / variance.sum() if variance.sum() > 0.0 else np.zeros(2)
    return Projection(mean, axes * np.where(signs == 0.0, 1.0, signs)[:, None], shares)


def _at_least_two(axes: Numbers) -> Numbers:
    """The first two axes [2, D]; what is missing, of latents of one coordinate or one latent, is nothing."""
    missing = max(0, 2 - len(axes))
    return np.concatenate((axes[:2], np.zeros((missing, axes.shape[1]))))
