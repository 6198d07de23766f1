"""The quadratic expansion of a planning problem around a trajectory, by batched derivatives of the model.

Gauss-Newton: the second derivatives of the dynamics are dropped, those of the reward are kept where they are concave.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.func import grad, jacrev

from workbench.planners.base import PlanningProblem, model_value
from workbench.planners.lqr import Array, LinearQuadratic


def expand(
    problem: PlanningProblem,
    latents: Tensor,
    controls: Tensor,
    action: Callable[[Tensor], Tensor],
    noise: Tensor | None,
) -> LinearQuadratic | None:
    """Cost (the imagined return, negated) and dynamics in deviations from ``latents`` [H + 1, n], ``controls`` [H, m].

    Args:
        problem: gives the model, the discount and whether a terminal value counts.
        latents: what the model predicts under ``controls``.
        controls: what is searched for.
        action: from controls [H, m] to actions [H, action].
        noise: [H, noise] of the predictions, or None for their means.

    Returns:
        The expansion, or None where a derivative is not finite.
    """
    model, n = problem.model, problem.model.latent_size
    pairs = torch.cat((latents[:-1], controls), -1)
    m = controls.shape[-1]

    def step(pair: Tensor) -> Tensor:
        return model.predict(pair[:, :n], action(pair[:, n:]), noise)

    def reward(triple: Tensor) -> Tensor:
        return model.reward(triple[:, :n], action(triple[:, n : n + m]), triple[:, n + m :]).sum()

    with torch.no_grad():  # of the model's own parameters
        # Rows do not touch each other: the Jacobian of their sum holds each row's own, and costs n backward passes.
        jacobian = _float64(jacrev(lambda pair: step(pair).sum(0))(pairs).movedim(0, 1))  # [H, n, n + m]
        slope, curvature = _derivatives(reward, torch.cat((pairs, latents[1:]), -1))
        weights = _weights(problem, latents)
        # The successor moves with the pair: [I; J] carries derivatives with respect to both to the pair alone.
        identity = torch.eye(n + m, dtype=torch.float64).expand(len(pairs), -1, -1)
        chain = torch.cat((identity, jacobian), 1)
        gradient = -weights[:-1, None] * torch.einsum("hij,hi->hj", chain, slope)
        hessian = -weights[:-1, None, None] * torch.einsum("hij,hik,hkl->hjl", chain, curvature, chain)
        end, end_curvature = torch.zeros(1, n, dtype=torch.float64), torch.zeros(1, n, n, dtype=torch.float64)
        if problem.terminal_value:
            end, end_curvature = _derivatives(lambda z: model_value(model, z).sum(), latents[-1:])
            end, end_curvature = -weights[-1] * end, -weights[-1] * end_curvature
    if not all(bool(each.isfinite().all()) for each in (jacobian, gradient, hessian, end, end_curvature)):
        return None
    hessian, end_curvature = _convex(hessian), _convex(end_curvature)
    return LinearQuadratic(
        A=_array(jacobian[:, :, :n]),
        B=_array(jacobian[:, :, n:]),
        d=_array(torch.zeros(len(pairs), n)),
        Q=_array(torch.cat((hessian[:, :n, :n], end_curvature))),
        N=_array(hessian[:, n:, :n]),
        R=_array(hessian[:, n:, n:]),
        q=_array(torch.cat((gradient[:, :n], end))),
        r=_array(gradient[:, n:]),
    )


def _derivatives(function: Callable[[Tensor], Tensor], rows: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient [H, d] and Hessian [H, d, d], in float64, of a sum over rows [H, d] that do not touch each other."""
    slope = grad(function)
    curvature = jacrev(lambda points: slope(points).sum(0))(rows).movedim(0, 1)
    return _float64(slope(rows)), _float64(curvature)


def _weights(problem: PlanningProblem, latents: Tensor) -> Tensor:
    """Discount times the probability of lasting until each step [H + 1], as along ``latents``."""
    horizon = len(latents) - 1
    lasts = torch.ones(horizon + 1, dtype=torch.float64)
    if "continuation" in problem.model.offers:
        goes_on = cast(Any, problem.model).continuation(latents[1:])
        lasts[1:] = _float64(goes_on).cumprod(0)
    return lasts * problem.discount ** torch.arange(horizon + 1, dtype=torch.float64)


def _convex(hessians: Tensor) -> Tensor:
    """The nearest positive semidefinite matrices to [..., d, d]."""
    values, vectors = torch.linalg.eigh(0.5 * (hessians + hessians.mT))
    convex: Tensor = vectors @ (values.clamp(min=0.0).unsqueeze(-1) * vectors.mT)
    return convex


def _float64(tensor: Tensor) -> Tensor:
    return tensor.detach().double().cpu()


def _array(tensor: Tensor) -> Array:
    return cast(Array, tensor.double().numpy())
