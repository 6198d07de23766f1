"""What an agent's critic and model promise of a state and an action: what analyses compare with true returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from workbench.noise import Noise


@dataclass(frozen=True)
class Unrolled:
    """H imagined steps from N states, the first action given, the others the policy's.

    ``rewards`` [H, N]: the reward head's. ``intrinsic`` [H, N]: what the agent's objective adds to them, weighted (ALM:
    c times the classifier's log-odds). ``values`` [H + 1, N]: smallest Q over the critics at each latent and action.
    """

    rewards: Tensor
    intrinsic: Tensor
    values: Tensor

    def estimates(self, discount: float) -> Tensor:
        """L^k for k = 0..H, [H + 1, N] (ALM's Eq. 8): sum over t < k of g^t (reward + intrinsic), plus g^k Q_k."""
        steps, states = self.rewards.shape
        if self.intrinsic.shape != (steps, states) or self.values.shape != (steps + 1, states):
            shapes = [tuple(each.shape) for each in (self.rewards, self.intrinsic, self.values)]
            raise ValueError(f"rewards, intrinsic and values of {shapes} do not belong to one rollout")
        weights = discount ** torch.arange(steps + 1, dtype=self.values.dtype, device=self.values.device)[:, None]
        gained = (weights[:-1] * (self.rewards + self.intrinsic)).cumsum(0)
        return torch.cat((torch.zeros_like(self.values[:1]), gained)) + weights * self.values


class Estimator(Protocol):
    """An agent's promises. Latents must follow from the observation alone.

    ``rollout_length`` is the K of the agent's own objective; 0 means that no model is trained, so that only steps = 0
    says anything. ``discount`` is that of the critic; ``device`` is where tensors go.
    """

    rollout_length: int
    discount: float
    device: torch.device

    def taught(self, rewards: Tensor) -> Tensor:
        """Rewards [...] of the environment as the critic was taught them; the same, unless the agent changes them."""
        ...

    def unroll(self, observations: Tensor, actions: Tensor, steps: int, noise: Noise) -> Unrolled:
        """Imagine ``steps`` steps from ``observations`` [N, *shape], taking ``actions`` [N, action] first."""
        ...

    def value(self, observations: Tensor, noise: Noise) -> Tensor:
        """Q [N] of the policy's action in ``observations`` [N, *shape]."""
        ...
