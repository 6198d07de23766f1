"""Models small enough to know the best plan of, and problems posed in them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from workbench.models.world_model import LatentModel
from workbench.noise import NoiseSource
from workbench.planners.base import Box, Finite, PlanningProblem
from workbench.planners.settings import PlannerSettings

LOW, HIGH = torch.tensor([-1.0, -4.0]), torch.tensor([1.0, 0.0])
#: the best actions of Point's steps, inside the bounds [-1, 1] and [-4, 0]
TARGETS = torch.tensor([[0.5, -1.0], [-0.3, -3.0], [0.6, -2.2]])


class Point(LatentModel):
    """Latent (t, x): t counts steps; the reward is minus the squared distance of the action from TARGETS[t].

    The policy misses each target by ``miss``; the value is minus the distance of x from 1.
    """

    latent_size, action_size, noise_size = 2, 2, 1
    offers = frozenset({"value", "policy", "gradient"})
    miss = 0.2

    def encode(self, observation: Tensor, previous: Any = None, noise: Any = None) -> Tensor:
        return observation

    def predict(self, latent: Tensor, action: Tensor, noise: Tensor | None = None) -> Tensor:
        move = 0.1 * action[..., 0] + (0.0 if noise is None else noise[..., 0])
        return torch.stack((latent[..., 0] + 1.0, latent[..., 1] + move), -1)

    def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
        return -(action - self.target(latent)).square().sum(-1)

    def target(self, latent: Tensor) -> Tensor:
        return TARGETS[latent[..., 0].long().clamp(0, 2)]

    def policy(self, latent: Tensor) -> Tensor:
        return self.target(latent) + self.miss

    def value(self, latent: Tensor) -> Tensor:
        return -(latent[..., 1] - 1.0).abs()


class Bare(Point):
    """Offers nothing beside the protocol's own three."""

    offers = frozenset()


class Treacherous(Point):
    """Every return is infinite or not a number where the first action is positive."""

    def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
        lost = torch.where(action[..., 1] > -2.0, torch.inf, torch.nan)
        pays = super().reward(latent, action, next_latent)
        return torch.where((action[..., 0] > 0.0) & (latent[..., 0] == 0.0), lost, pays)


class Ending(Point):
    """Each step pays 1; the episode lasts with probability 1/2 after each."""

    offers = frozenset({"continuation", "value", "gradient"})

    def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
        return torch.ones_like(latent[..., 0]) + 0.0 * action[..., 0]

    def continuation(self, next_latent: Tensor) -> Tensor:
        return torch.full_like(next_latent[..., 0], 0.5)

    def value(self, latent: Tensor) -> Tensor:
        return torch.full_like(latent[..., 0], 8.0)


def problem(
    settings: PlannerSettings, model: Any = None, seed: int = 0, actions: Box | Finite | None = None, **more: Any
) -> PlanningProblem:
    """From the origin, with the bounds that the targets need."""
    return PlanningProblem.of(
        settings,
        Point() if model is None else model,
        torch.zeros(2),
        Box(LOW, HIGH) if actions is None else actions,
        NoiseSource(seed, "planning"),
        **more,
    )
