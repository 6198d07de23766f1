"""Small world models whose best plans are known."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from workbench.models.world_model import LatentModel
from workbench.noise import NoiseSource
from workbench.planners.base import Box, Finite, PlanningProblem


class LinearModel(LatentModel):
    """z' = A z + B a + d with the reward -(z'Qz + a'Ra) / 2 - q'z, and the value -z'Pz / 2 at the end; float64."""

    offers = frozenset({"gradient", "value"})

    def __init__(self, seed: int = 0, states: int = 4, actions: int = 2) -> None:
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        self.latent_size, self.action_size, self.noise_size = states, actions, states
        self.A, self.B, self.d = 0.5 * normal(states, states), normal(states, actions), 0.3 * normal(states)
        factors = normal(states, states), normal(actions, actions), normal(states, states)
        self.Q, self.R, self.P = (factor @ factor.T + 0.1 * torch.eye(len(factor)) for factor in factors)
        self.q = normal(states)

    def encode(self, observation: Tensor, previous: object = None, noise: Tensor | None = None) -> Tensor:
        return observation

    def predict(self, latent: Tensor, action: Tensor, noise: Tensor | None = None) -> Tensor:
        following = latent @ self.A.T + action @ self.B.T + self.d
        return following if noise is None else following + 0.1 * noise

    def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
        state = ((latent @ self.Q) * latent).sum(-1)
        return -0.5 * (state + ((action @ self.R) * action).sum(-1)) - latent @ self.q

    def value(self, latent: Tensor) -> Tensor:
        return -0.5 * ((latent @ self.P) * latent).sum(-1)


class SwingModel(LatentModel):
    """Gymnasium's Pendulum on the latent (angle, velocity): analytic, float64."""

    offers = frozenset({"gradient"})
    latent_size, action_size, noise_size = 2, 1, 0

    def encode(self, observation: Tensor, previous: object = None, noise: Tensor | None = None) -> Tensor:
        return torch.stack((torch.atan2(observation[..., 1], observation[..., 0]), observation[..., 2]), -1)

    def predict(self, latent: Tensor, action: Tensor, noise: Tensor | None = None) -> Tensor:
        angle, velocity = latent.unbind(-1)
        velocity = (velocity + (15.0 * angle.sin() + 3.0 * action[..., 0]) * 0.05).clamp(-8.0, 8.0)
        return torch.stack((angle + 0.05 * velocity, velocity), -1)

    def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
        angle, velocity = latent.unbind(-1)
        wrapped = torch.remainder(angle + math.pi, 2 * math.pi) - math.pi
        return -(wrapped**2 + 0.1 * velocity**2 + 0.001 * action[..., 0] ** 2)


class TableModel(LatentModel):
    """A finite MDP: latents are states' numbers, actions [..., 1] numbers; ``successors`` and ``rewards`` [S, A]."""

    offers: frozenset[str] = frozenset()
    latent_size, action_size, noise_size = 1, 1, 0

    def __init__(self, successors: Tensor, rewards: Tensor) -> None:
        self.successors, self.rewards = successors, rewards

    def encode(self, observation: Tensor, previous: object = None, noise: Tensor | None = None) -> Tensor:
        return observation

    def predict(self, latent: Tensor, action: Tensor, noise: Tensor | None = None) -> Tensor:
        return self.successors[latent[..., 0].long(), action[..., 0].long()].to(latent.dtype).unsqueeze(-1)

    def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
        return self.rewards[latent[..., 0].long(), action[..., 0].long()]

    def choices(self) -> Finite:
        """All actions."""
        return Finite(torch.arange(self.rewards.shape[1], dtype=torch.float32).unsqueeze(-1))


def wide_box(size: int, bound: float = 1e6) -> Box:
    """Bounds that nothing meets, or do."""
    limit = torch.full((size,), bound, dtype=torch.float64)
    return Box(-limit, limit)


def linear_problem(model: LinearModel, horizon: int = 10, bound: float = 1e6, **changes: object) -> PlanningProblem:
    """From a fixed start."""
    start = torch.linspace(-1.0, 1.0, model.latent_size, dtype=torch.float64)
    arguments = {"discount": 1.0, "terminal_value": True, **changes}
    box = wide_box(model.action_size, bound)
    return PlanningProblem(model, start, box, NoiseSource(0, "plan"), horizon, **arguments)  # type: ignore[arg-type]
