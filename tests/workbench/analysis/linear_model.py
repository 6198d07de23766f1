"""World models whose every number can be worked out by hand, and an episode of linear dynamics."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from workbench.models.gaussian import Gaussian
from workbench.models.world_model import LatentModel

#: z' = A z + B a
A = np.array([[0.9, 0.2, 0.0], [-0.2, 0.9, 0.1], [0.0, 0.0, 0.8]], np.float32)
B = np.array([[0.5, 0.0], [0.0, 1.0], [0.3, -0.3]], np.float32)


def episode(steps: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Observations [T + 1, 3], actions [T, 2], rewards [T] of the dynamics above; the reward is the state's sum."""
    generator = np.random.default_rng(seed)
    actions = generator.uniform(-1, 1, (steps, 2)).astype(np.float32)
    states = [generator.normal(size=3).astype(np.float32)]
    for action in actions:
        states.append(A @ states[-1] + B @ action)
    observations = np.stack(states)
    return observations, actions, observations[:-1].sum(axis=1).astype(np.float64)


class LinearModel(LatentModel):
    """z = scale s, z' = M z + B a; reward and value are the latent's sum."""

    offers = frozenset({"value"})
    latent_size, action_size, noise_size = 3, 2, 0

    def __init__(self, matrix: np.ndarray = A, scale: float = 1.0) -> None:
        self.matrix, self.scale = torch.as_tensor(matrix), scale

    def encode(self, observation: Tensor, previous=None, noise=None) -> Tensor:
        return self.scale * observation

    def predict(self, latent: Tensor, action: Tensor, noise=None) -> Tensor:
        return latent @ self.matrix.T + action @ torch.as_tensor(B).T

    def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
        return latent.sum(-1)

    def value(self, latent: Tensor) -> Tensor:
        return latent.sum(-1)


class GaussianModel(LinearModel):
    """The same with noise: the encoder's standard deviation is 0.5, the model's 0.25."""

    offers = frozenset({"value", "distribution"})

    def encode_distribution(self, observation: Tensor) -> Gaussian:
        mean = self.encode(observation)
        return Gaussian(mean, torch.full_like(mean, 0.5))

    def predict_distribution(self, latent: Tensor, action: Tensor) -> Gaussian:
        mean = self.predict(latent, action)
        return Gaussian(mean, torch.full_like(mean, 0.25))


class DecodingModel(LinearModel):
    """The same with a decoder."""

    offers = frozenset({"value", "decode"})

    def decode(self, latent: Tensor) -> Tensor:
        return latent / self.scale


class FilteringModel(LinearModel):
    """Its latent adds up what it has seen, so that it cannot be encoded from one observation."""

    offers = frozenset({"filter"})

    def encode(self, observation: Tensor, previous=None, noise=None) -> Tensor:
        return observation if previous is None else previous[0] + observation + previous[1].sum()
