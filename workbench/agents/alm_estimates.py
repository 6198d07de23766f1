"""What ALM's critic and latent model promise of a state and an action, for the test of its bias."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from workbench.agents.estimates import Unrolled
from workbench.noise import Noise

if TYPE_CHECKING:
    from workbench.agents.alm import AlignedLatentModel


class AlmEstimator:
    """The K-step estimate of the authors' code: a sample of the target encoder, sampled model steps, the policy's mean.

    It is a view of the agent's current networks. Policies trained by TD3's loss on the latent have the same one: their
    model is trained, though the policy never sees it. ALM-ENT's entropy bonus is left out: the critic was not taught it
    and no return has it.
    """

    def __init__(self, agent: AlignedLatentModel) -> None:
        self._agent = agent
        self.rollout_length = agent.settings.rollout_length if agent.has_model else 0
        self.discount = agent.settings.discount
        self.device = agent.device

    def taught(self, rewards: Tensor) -> Tensor:
        """Raw rewards, or what the setting ``log_reward`` makes of them."""
        return self._agent.scale.observed(rewards)

    @torch.no_grad()
    def unroll(self, observations: Tensor, actions: Tensor, steps: int, noise: Noise) -> Unrolled:
        """Rewards, c times log-odds [steps, N] and smallest Q [steps + 1, N]; see :class:`Unrolled`."""
        agent = self._agent
        coefficient = agent.settings.classifier_coefficient if agent.settings.classifier_term else 0.0
        z, a = self._encode(observations, noise), actions
        rewards, intrinsic, values = [], [], [agent.value(agent.critic, z, a)]
        for t in range(steps):
            predicted = agent.predict(z, a)
            following = predicted.sample(noise.normal(predicted.mean.shape, f"estimate_model_{t}"))
            rewards.append(agent.predicted_reward(z, a))
            intrinsic.append(coefficient * agent.log_odds(z, a, following))
            z, a = following, agent.policy(following)
            values.append(agent.value(agent.critic, z, a))
        none = values[0].new_zeros((0, len(observations)))
        return Unrolled(
            torch.stack(rewards) if rewards else none,
            torch.stack(intrinsic) if intrinsic else none,
            torch.stack(values),
        )

    @torch.no_grad()
    def value(self, observations: Tensor, noise: Noise) -> Tensor:
        """Smallest Q(z, pi(z)) [N] over the critics."""
        z = self._encode(observations, noise)
        return self._agent.value(self._agent.critic, z, self._agent.policy(z))

    def _encode(self, observations: Tensor, noise: Noise) -> Tensor:
        encoded = self._agent.encode_target(observations)
        return encoded.sample(noise.normal(encoded.mean.shape, "estimate_latent"))
