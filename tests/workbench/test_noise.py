"""The noise source: streams that do not touch each other, and that go on where they were left."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.noise import Noise, NoiseSource, derive_seed


def some(noise: NoiseSource) -> list[torch.Tensor]:
    """One draw of each kind."""
    return [noise.normal((3,)), noise.uniform((2, 2)), noise.indices(10, (5,)), noise.permutation(6)]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_it_is_what_agents_are_promised() -> None:
    assert isinstance(NoiseSource(0, "x"), Noise)


def test_kinds_shapes_and_ranges() -> None:
    noise = NoiseSource(0, "x")
    normal, uniform = noise.normal((1000, 2)), noise.uniform((1000, 2))
    assert normal.dtype == uniform.dtype == torch.float32
    assert normal.shape == uniform.shape == (1000, 2)
    assert abs(float(normal.mean())) < 0.1
    assert float(normal.std()) == pytest.approx(1.0, abs=0.05)
    assert 0.0 <= float(uniform.min()) < float(uniform.max()) < 1.0
    assert noise.normal(()).shape == noise.uniform([]).shape == noise.indices(3, ()).shape == ()
    permutation = noise.permutation(50)
    assert permutation.dtype == torch.int64
    assert sorted(permutation.tolist()) == list(range(50))
    assert permutation.tolist() != list(range(50))


@pytest.mark.parametrize("high", [1, 7, torch.tensor(7)])
def test_indices_are_equally_likely_below_their_bound(high: int | torch.Tensor) -> None:
    drawn = NoiseSource(0, "x").indices(high, (7000,))
    assert drawn.dtype == torch.int64
    counts = torch.bincount(drawn, minlength=int(high)).double()
    assert len(counts) == int(high)
    expected = 7000 / int(high)
    assert float(((counts - expected) ** 2 / expected).sum()) < 25  # 6 degrees of freedom: one in 3,000


def test_indices_reach_both_ends_of_a_large_range() -> None:
    drawn = NoiseSource(0, "x").indices(torch.tensor(10**6), (10**6,))
    assert 0 <= int(drawn.min()) < 20
    assert 10**6 - 20 < int(drawn.max()) < 10**6


def test_a_streams_numbers_depend_on_seed_and_name_alone() -> None:
    assert same(some(NoiseSource(1, "acting")), some(NoiseSource(1, "acting")))
    for other in (NoiseSource(2, "acting"), NoiseSource(1, "learning")):
        assert not same(some(NoiseSource(1, "acting")), some(other))


def test_drawing_more_in_one_stream_shifts_no_other() -> None:
    one, other = NoiseSource(1, "acting"), NoiseSource(1, "learning")
    alone = some(NoiseSource(1, "learning"))
    one.normal((100,))
    assert same(some(other), alone)


def test_neighbouring_seeds_are_unrelated() -> None:
    draws = torch.stack([NoiseSource(seed, "x").normal((2000,)) for seed in range(6)])
    correlations = torch.corrcoef(draws) - torch.eye(6)
    assert float(correlations.abs().max()) < 0.08


def test_a_stream_goes_on_where_it_was_left() -> None:
    noise = NoiseSource(1, "x")
    some(noise)
    state = noise.state()
    expected = some(noise), some(noise)
    other = NoiseSource(5, "y")
    other.load(torch.from_numpy(state.numpy().copy()))
    assert same(some(other), expected[0])
    assert same(some(other), expected[1])


def test_seeds_are_the_same_everywhere() -> None:
    """As on the day they were fixed, so that old runs can be repeated."""
    assert derive_seed(1, "acting") == 7428230266363995462
    assert derive_seed(0, "learning") == 6460995786105595409
    assert 0 <= derive_seed(2**63 - 1, "acting") < 2**63


def test_the_global_generators_are_left_alone() -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    some(NoiseSource(1, "x"))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
