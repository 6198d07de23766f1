"""Gaussians against torch's distributions and against limits known in advance."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Independent, Normal
from torch.distributions import kl_divergence as torch_kl

from workbench.models.gaussian import Gaussian, clamp_straight_through, kl_divergence, squashed_gaussian
from workbench.noise import NoiseSource


def some(seed: int, *shape: int) -> Gaussian:
    noise = NoiseSource(seed, "test")
    return Gaussian(noise.normal(shape), 0.1 + noise.uniform(shape) * 3)


def test_divergence_is_torchs() -> None:
    p, q = some(0, 4, 6, 3), some(1, 4, 6, 3)
    expected = torch_kl(Independent(Normal(*p), 1), Independent(Normal(*q), 1))
    found = kl_divergence(p, q)
    assert found.shape == (4, 6)
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert torch.allclose(kl_divergence(p, p), torch.zeros(4, 6), atol=1e-6)


def test_divergence_has_torchs_gradient() -> None:
    leaves = [[tensor.clone().requires_grad_() for tensor in (*some(0, 5, 3), *some(1, 5, 3))] for _ in range(2)]
    mine = kl_divergence(Gaussian(*leaves[0][:2]), Gaussian(*leaves[0][2:])).sum()
    theirs = torch_kl(Normal(*leaves[1][:2]), Normal(*leaves[1][2:])).sum()
    pairs = zip(torch.autograd.grad(mine, leaves[0]), torch.autograd.grad(theirs, leaves[1]), strict=True)
    assert all(torch.allclose(one, other, rtol=1e-4, atol=1e-4) for one, other in pairs)


def test_a_sample_lets_gradients_through() -> None:
    mean, std = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([0.5, 3.0], requires_grad=True)
    noise = torch.tensor([2.0, -1.0])
    sample = Gaussian(mean, std).sample(noise)
    assert sample.tolist() == [2.0, -1.0]
    gradients = torch.autograd.grad(sample.sum(), (mean, std))
    assert gradients[0].tolist() == [1.0, 1.0]
    assert torch.equal(gradients[1], noise)
    assert not Gaussian(mean, std).detach().sample(noise).requires_grad


def test_a_head_stays_inside_its_limits() -> None:
    raw = torch.tensor([0.0, 1e4, -1e4, 1.0, 0.0, 1e4, -1e4, 1.0])
    mean, std = squashed_gaussian(raw)
    assert mean.tolist() == pytest.approx([0.0, 30.0, -30.0, 0.99963], abs=1e-4)
    assert std.tolist() == pytest.approx([0.7444, 10.0, 0.1, 1.3411], abs=1e-3)
    assert (std > 0.09999).all()
    assert (std <= 10.0001).all()
    extreme = squashed_gaussian(torch.full((2, 6), 1e30))
    assert extreme.mean.isfinite().all()
    assert extreme.std.isfinite().all()


def test_a_heads_standard_deviation_grows_with_its_input() -> None:
    std = squashed_gaussian(torch.linspace(-20, 20, 202).reshape(101, 2).flip(1)).std
    assert (std.flatten().diff() > -1e-6).all()


def test_clamping_straight_through() -> None:
    x = torch.tensor([-2.0, 0.3, 5.0], requires_grad=True)
    low, high = torch.tensor([-1.0, -1.0, -1.0]), torch.tensor([1.0, 1.0, 2.0])
    clamped = clamp_straight_through(x, low, high)
    assert clamped.tolist() == pytest.approx([-1.0, 0.3, 2.0])
    weights = torch.tensor([1.0, 10.0, 100.0])
    assert torch.autograd.grad((weights * clamped).sum(), x)[0].tolist() == [1.0, 10.0, 100.0]
