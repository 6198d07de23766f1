"""The plane that latents are drawn in."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.planners.projection import principal_plane


def test_the_two_directions_of_largest_variance() -> None:
    generator = np.random.default_rng(0)
    latents = generator.normal(size=(4000, 5)) * [0.1, 3.0, 0.1, 1.0, 0.1] + 7.0
    latents[0] = np.nan
    plane = principal_plane(latents)
    assert np.abs(plane.axes) == pytest.approx(np.eye(5)[[1, 3]], abs=0.05)
    assert plane.shares == pytest.approx(np.array([9.0, 1.0]) / 10.03, abs=0.02)
    assert plane(plane.mean) == pytest.approx([0.0, 0.0])
    assert plane(latents[1:9].reshape(2, 4, 5)).shape == (2, 4, 2)
    assert (plane.axes[np.arange(2), np.abs(plane.axes).argmax(1)] > 0.0).all()


@pytest.mark.parametrize("latents", [np.zeros((3, 4)), np.ones((1, 1)), np.full((2, 3), np.nan), np.ones((5, 1))])
def test_latents_without_spread_have_a_plane_too(latents: np.ndarray) -> None:
    plane = principal_plane(latents)
    assert np.isfinite(plane(np.ones((2, latents.shape[1])))).all()
    assert plane.shares[1] == 0.0
