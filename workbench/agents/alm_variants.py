"""What the paper's ablations put in the place of ALM's own formulas; :mod:`workbench.agents.alm` says where.

- log reward (Fig. 6, 12; App. A.8) -> :class:`RewardScale`
- identity encoder (Fig. 13; App. F), and states in place of latents (Fig. 5c) -> :func:`state_gaussian`
- reconstruction (Fig. 15) -> :func:`reconstruction_loss`
- value prediction (Fig. 18, 19) -> :func:`value_prediction_error`
- entropy bonus, ALM-ENT (Table 5) -> :func:`stochastic_policy`, :func:`surprise`, :class:`Temperature`
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.models.gaussian import Gaussian, kl_divergence, squashed_std
from workbench.models.mlp import MLP
from workbench.replay import Batch

if TYPE_CHECKING:
    from workbench.agents.alm import AlignedLatentModel
    from workbench.agents.base import Metrics

#: added to every reward before its logarithm is taken, so that the rewards of the tasks are above zero
SHIFT = 20.0
#: a of App. A.8
LARGE = 10_000.0
#: the least argument of a logarithm: rewards and values that are not above it count as this much (ours)
LEAST = 1e-6
#: alpha that ALM-ENT begins with (ours; the paper gives none)
FIRST_TEMPERATURE = 0.1
#: range of the standard deviation of ALM-ENT's policy
STD_RANGE = math.exp(-5.0), math.exp(2.0)


class RewardScale:
    """Where the theory's log r and log Q stand in place of r and Q. ``kind`` is the setting ``log_reward``."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def observed(self, reward: Tensor) -> Tensor:
        """What reward network and critic learn from, for rewards [...] of the environment.

        ``shifted``: a (log(r + a) - log a), which is nearly r (App. A.8). ``encoder_only``, ``naive``: r + 20.
        """
        if self._kind == "shifted":
            return LARGE * torch.log1p((reward / LARGE).clamp(min=LEAST - 1.0))
        return reward if self._kind == "off" else reward + SHIFT

    def in_model_objective(self, reward_or_value: Tensor) -> Tensor:
        """A predicted reward or value as Eq. 7 takes it."""
        return self._log(reward_or_value) if self._kind in ("encoder_only", "naive") else reward_or_value

    def in_policy_objective(self, reward_or_value: Tensor) -> Tensor:
        """A predicted reward or value as Eq. 8 takes it."""
        return self._log(reward_or_value) if self._kind == "naive" else reward_or_value

    @staticmethod
    def _log(x: Tensor) -> Tensor:
        return x.clamp(min=LEAST).log()


def state_gaussian(state: Tensor, spread: MLP | None) -> Gaussian:
    """The latent is the state [..., observation]: around it with the learned ``spread``, or exactly it without one."""
    return Gaussian(state, torch.zeros_like(state) if spread is None else squashed_std(spread(state)))


def reconstruction_loss(agent: AlignedLatentModel, batch: Batch) -> tuple[Tensor, Metrics]:
    """Maximum likelihood in place of Eq. 7 (Fig. 15): KL(m || e) over the window, plus (decoder(z_0) - s_0)^2.

    The model starts from z_0 without gradient and is drawn to the online encoder without gradient, so that only the
    decoder's error (mean over batch and coordinates) teaches the encoder. No reward and no value have a part in it.
    """
    with torch.no_grad():
        encoded = agent.encode(agent.encoder, batch.observations[1:])
    z = agent.draw(agent.encode(agent.encoder, batch.observations[0]), "z0")
    _, prior, _ = agent.rollout(z.detach(), batch.actions)
    kl = kl_divergence(prior, encoded)  # [K, batch]
    state = batch.observations[0].flatten(start_dim=1).to(z.dtype)
    error = functional.mse_loss(agent.decoder(z), state)
    loss = (agent.window_weights()[:-1, None] * kl).sum(0).mean() + error
    return loss, {"kl": kl.mean(), "reconstruction_error": error}


def value_prediction_error(agent: AlignedLatentModel, latents: list[Tensor], batch: Batch, std: Tensor) -> Tensor:
    """Eq. 10 and 11 as a loss of encoder and model too (Fig. 18, 19); the critic's and reward's weights stay.

    ``encoder``: at z_0, which the encoder gave. ``encoder_and_model``: at z_1, which the model gave for it.
    """
    t = 0 if agent.settings.value_prediction == "encoder" else 1
    z, a, r = latents[t], batch.actions[t], agent.scale.observed(batch.rewards[t])
    z_next = agent.draw(agent.encode_target(batch.observations[t + 1]), "z_value_prediction")
    value_error = agent.critic_loss(z, a, r, batch.terminated[t], z_next, std, "action_value_prediction")
    return agent.reward_loss(z, a, r) + value_error


def stochastic_policy(raw: Tensor) -> Gaussian:
    """ALM-ENT's policy from the actor's output [..., 2 action]: tanh of the mean, its own std in (e^-5, e^2)."""
    mean, std = raw.chunk(2, dim=-1)
    return Gaussian(mean.tanh(), squashed_std(std, *STD_RANGE))


def surprise(policy: Gaussian, noise: Tensor) -> Tensor:
    """-log pi [...] in nats of the action mean + std noise, before it is held inside the action's bounds."""
    return (0.5 * noise.square() + policy.std.log() + 0.5 * math.log(2.0 * math.pi)).sum(-1)


class Temperature(nn.Module):
    """alpha of ALM-ENT, moved until the policy's entropy is minus the number of actions (ours)."""

    def __init__(self, actions: int, device: torch.device) -> None:
        super().__init__()
        self.log_alpha = nn.Parameter(torch.full((), math.log(FIRST_TEMPERATURE), device=device))
        self._target = -float(actions)

    def alpha(self) -> Tensor:
        """The weight of an imagined action's surprise, without gradient."""
        return self.log_alpha.detach().exp()

    def loss(self, entropy: Tensor) -> Tensor:
        """Grows alpha while ``entropy`` (nats, mean over imagined actions) is below its target; shrinks it above."""
        return self.log_alpha.exp() * (entropy.detach() - self._target)
