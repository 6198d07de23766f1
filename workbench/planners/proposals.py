"""Where candidates come from: normal, truncated and coloured noise, and the model's own policy."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor

from workbench.noise import Noise
from workbench.planners.base import Box, PlanningProblem, finite_returns
from workbench.planners.search_settings import PolicySettings


def truncated_normal(noise: Noise, shape: tuple[int, ...], name: str) -> Tensor:
    """A standard normal restricted to [-2, 2], by the inverse of its distribution function."""
    inside = math.erf(math.sqrt(2.0)) * (2.0 * noise.uniform(shape, name) - 1.0)
    return (math.sqrt(2.0) * torch.erfinv(inside)).clamp(-2.0, 2.0)


def coloured_normal(noise: Noise, shape: tuple[int, int, int], exponent: float, name: str) -> Tensor:
    """Standard normal [N, H, A] whose power along H falls with frequency f as 1 / f^exponent; 0 is white noise.

    The lowest frequency counts as 1 / H. Every number has variance 1 exactly (Timmer and Koenig 1995; iCEM).
    """
    if exponent == 0.0:
        return noise.normal(shape, name)
    candidates, horizon, actions = shape
    frequencies = torch.fft.rfftfreq(horizon).clamp(min=1.0 / horizon)
    scale = frequencies ** (-0.5 * exponent)
    # The ends of a real signal's spectrum are real, with twice the variance of the other parts.
    ends = [0, -1] if horizon % 2 == 0 else [0]
    variance = 4.0 * scale.square()
    variance[ends] = 2.0 * scale[ends].square()
    scale = scale / (variance.sum().sqrt() / horizon)
    real, imaginary = noise.normal((2, candidates, actions, len(frequencies)), name)
    scale = scale.to(real.device)
    real[..., ends] *= math.sqrt(2.0)
    imaginary[..., ends] = 0.0
    signal: Tensor = torch.fft.irfft(torch.complex(real * scale, imaginary * scale), n=horizon)
    return signal.transpose(1, 2)


def policy_sequences(problem: PlanningProblem, count: int, std: float, noise: Tensor | None, box: Box) -> Tensor:
    """``count`` sequences [count, H, A] of the model's policy acting in the model, the first without noise.

    The others' actions get normal noise of ``std`` half widths. ``noise`` is the model's. Raises PlanningError where
    the model offers no policy.
    """
    problem.needs("policy", "use another planner, or no policy sequences")
    model = cast(Any, problem.model)
    spread = std * problem.noise.normal((count, problem.horizon, model.action_size), "policy_sequences")
    spread[0] = 0.0
    with torch.no_grad():
        latent, actions = problem.start.expand(count, -1), []
        for t in range(problem.horizon):
            actions.append(box.clamp(model.policy(latent) + spread[:, t] * box.half_width))
            latent = model.predict(latent, actions[-1], None if noise is None else noise[t].expand(count, -1))
    return torch.stack(actions, 1)


def policy_share(problem: PlanningProblem, settings: PolicySettings, noise: Tensor | None, box: Box) -> Tensor:
    """The policy's sequences [n, H, A] that ``settings`` ask for, bounds at -1 and 1. Raises PlanningError."""
    if settings.policy_candidates == 0:
        return box.low.new_zeros((0, problem.horizon, problem.model.action_size))
    return box.to_unit(policy_sequences(problem, settings.policy_candidates, settings.policy_std, noise, box))


def best_of(returns: Tensor, count: int) -> Tensor:
    """Indices of the ``count`` largest of ``returns`` [N], the best first; fewer where fewer are finite."""
    finite = finite_returns(returns)
    found = finite.topk(min(count, len(finite))).indices
    return found[torch.isfinite(finite[found])]
