"""Diagonal Gaussians without distribution objects: a mean, a standard deviation, and the formulas used on them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Gaussian(NamedTuple):
    """Independent normal coordinates: ``mean`` and ``std`` [..., size]."""

    mean: Tensor
    std: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Reparameterised sample from standard normal ``noise``; gradients reach mean and std."""
        return torch.addcmul(self.mean, self.std, noise)

    def detach(self) -> Gaussian:
        """The same numbers, cut from the graph."""
        return Gaussian(self.mean.detach(), self.std.detach())


def squashed_gaussian(raw: Tensor) -> Gaussian:
    """The head of ALM's encoder and model: raw [..., 2 n] -> Gaussian over n coordinates.

    The mean is 30 tanh(raw / 30); the standard deviation is squeezed into (0.1, 10) by a softplus at both ends.
    """
    mean, std = raw.chunk(2, dim=-1)
    return Gaussian(30.0 * torch.tanh(mean / 30.0), squashed_std(std))


def squashed_std(raw: Tensor, low: float = 0.1, high: float = 10.0) -> Tensor:
    """A standard deviation in (low, high) from any number, by a softplus at both ends."""
    return low + functional.softplus(high - low - functional.softplus(high - raw))


def kl_divergence(p: Gaussian, q: Gaussian) -> Tensor:
    """KL(p || q) in nats, summed over the last dimension: [...]."""
    ratio = p.std / q.std
    distance = (p.mean - q.mean) / q.std
    return 0.5 * (ratio.square() + distance.square() - 1.0).sum(-1) - ratio.log().sum(-1)


def clamp_straight_through(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Clamp the value; the gradient passes as if it were not clamped."""
    return x + (x.detach().clamp(low, high) - x.detach())
