"""A learned model paid by the environment: on Pendulum, where an observation tells the whole state."""

from __future__ import annotations

import gymnasium as gym
import pytest
import torch
from torch import Tensor

from workbench.models.pendulum import PendulumModel
from workbench.models.true_reward import TrueReward
from workbench.models.world_model import LatentModel, NotOffered


class Echo(LatentModel):
    """Latents are observations, nothing moves, and every step is believed to pay 99."""

    latent_size, action_size, noise_size = 3, 1, 0
    offers = frozenset({"decode", "value"})

    def encode(self, observation: Tensor, previous: object = None, noise: object = None) -> Tensor:
        return observation

    def predict(self, latent: Tensor, action: Tensor, noise: Tensor | None = None) -> Tensor:
        return latent

    def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
        return torch.full_like(latent[..., 0], 99.0)

    def decode(self, latent: Tensor) -> Tensor:
        return latent

    def value(self, latent: Tensor) -> Tensor:
        return latent.sum(-1)


class Blind(Echo):
    """Cannot decode."""

    offers = frozenset({"value"})


def test_rewards_are_the_environments() -> None:
    environment = gym.make("Pendulum-v1")
    observation, _ = environment.reset(seed=4)
    model = TrueReward(Echo(), PendulumModel(environment))
    action = torch.tensor([0.7])
    seen, reward, *_ = environment.step(action.numpy())
    before, after = model.encode(torch.from_numpy(observation)), model.encode(torch.from_numpy(seen))
    assert float(model.reward(before, action, after)) == pytest.approx(float(reward), abs=1e-5)
    assert torch.equal(model.predict(before, action), before)
    assert model.value(before) == before.sum()
    assert model.reward(before.expand(2, 4, 3), action.expand(2, 4, 1), after.expand(2, 4, 3)).shape == (2, 4)
    environment.close()


def test_what_cannot_decode_cannot_be_paid() -> None:
    environment = gym.make("Pendulum-v1")
    with pytest.raises(NotOffered, match="cannot be turned back into states"):
        TrueReward(Blind(), PendulumModel(environment))
    environment.close()
