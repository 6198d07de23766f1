"""An ensemble of probabilistic dynamics networks on observations (PETS, Chua et al. 2018).

Every member predicts a normal distribution of the observation's change and of the reward, both normalised. What the
members' distributions spread is noise of the task (aleatoric); what separates their means is lack of data (epistemic).
A latent is the observation with the number of the member that it is predicted by appended; -1 is the mean of all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.models.gaussian import Gaussian
from workbench.models.world_model import LatentModel
from workbench.noise import Noise

#: the member number of the mean over all
ALL = -1.0
#: weight decay of the first two layers, of every later one but the last, and of the last (PETS's code, half cheetah)
_DECAY_FIRST, _DECAY_SECOND, _DECAY_LATER, _DECAY_LAST = 2.5e-5, 5e-5, 7.5e-5, 1e-4
#: weight of the distance between the learned bounds of the variances (PETS)
_BOUNDS_WEIGHT = 0.01

Reward = Callable[[Tensor, Tensor, Tensor], Tensor]


class EnsembleDynamics(nn.Module):
    """``members`` networks evaluated together: SiLU between layers, log variances squeezed between learned bounds.

    Inputs are observations [..., observations] and actions [..., actions]; outputs have ``observations + 1``
    coordinates, the change of the observation and the reward. The normalisation is part of the saved state.
    """

    input_mean: Tensor
    input_std: Tensor
    output_mean: Tensor
    output_std: Tensor

    def __init__(self, observations: int, actions: int, hidden: Sequence[int], members: int, noise: Noise) -> None:
        super().__init__()
        self.observations, self.actions, self.members = observations, actions, members
        outputs = observations + 1
        sizes = [observations + actions, *hidden, 2 * outputs]
        weights = [
            # Truncated at two standard deviations, as in PETS.
            nn.Parameter(noise.normal((members, given, made), "weight").clamp(-2.0, 2.0) / (2.0 * given**0.5))
            for given, made in pairwise(sizes)
        ]
        device = weights[0].device
        self.weights = nn.ParameterList(weights)
        self.biases = nn.ParameterList(torch.zeros(members, 1, made, device=device) for made in sizes[1:])
        self.low = nn.Parameter(torch.full((members, 1, outputs), -10.0, device=device))
        self.high = nn.Parameter(torch.full((members, 1, outputs), 0.5, device=device))
        self.register_buffer("input_mean", torch.zeros(sizes[0], device=device))
        self.register_buffer("input_std", torch.ones(sizes[0], device=device))
        self.register_buffer("output_mean", torch.zeros(outputs, device=device))
        self.register_buffer("output_std", torch.ones(outputs, device=device))

    def normalise(self, observation: Tensor, action: Tensor, output: Tensor) -> None:
        """Take means and standard deviations from data: rows of inputs and of outputs (change and reward)."""
        for rows, mean, std in (
            (torch.cat((observation, action), -1), self.input_mean, self.input_std),
            (output, self.output_mean, self.output_std),
        ):
            mean.copy_(rows.mean(0))
            spread = rows.std(0, correction=0)
            # What never changed in the data keeps its own scale.
            std.copy_(torch.where(spread > 1e-6, spread, torch.ones_like(spread)))

    def normalised(self, observation: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log variances [members, n, observations + 1] of normalised outputs.

        Inputs are [n, ...], the same for every member, or [members, n, ...].
        """
        x = (torch.cat((observation, action), -1) - self.input_mean) / self.input_std
        x = x.expand(self.members, *x.shape[-2:])
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)
            if layer < last:
                x = functional.silu(x)
        mean, raw = x.chunk(2, -1)
        raw = self.high - functional.softplus(self.high - raw)
        return mean, self.low + functional.softplus(raw - self.low)

    def forward(self, observation: Tensor, action: Tensor) -> Gaussian:
        """Every member's prediction of the change and the reward, in their own units: [members, n, outputs]."""
        mean, log_variance = self.normalised(observation, action)
        return Gaussian(
            torch.addcmul(self.output_mean, mean, self.output_std), (0.5 * log_variance).exp() * self.output_std
        )

    def loss(self, observation: Tensor, action: Tensor, output: Tensor) -> Tensor:
        """Negative log likelihood of outputs [members, n, outputs], with weight decay; the mean over members (PETS)."""
        wanted = (output - self.output_mean) / self.output_std
        mean, log_variance = self.normalised(observation, action)
        likelihood = ((mean - wanted).square() * (-log_variance).exp() + log_variance).mean()
        hidden = (_DECAY_FIRST, _DECAY_SECOND, *[_DECAY_LATER] * len(self.weights))
        decays = (*hidden[: len(self.weights) - 1], _DECAY_LAST)
        decay = sum(0.5 * rate * weight.square().sum() for rate, weight in zip(decays, self.weights, strict=True))
        bounds = _BOUNDS_WEIGHT * (self.high - self.low).sum()
        loss: Tensor = likelihood + (decay + bounds) / self.members
        return loss

    def errors(self, observation: Tensor, action: Tensor, output: Tensor) -> Tensor:
        """Mean squared error [members] of the means on rows of data, in normalised units."""
        wanted = (output - self.output_mean) / self.output_std
        errors: Tensor = (self.normalised(observation, action)[0] - wanted).square().mean((1, 2))
        return errors


class Spread(NamedTuple):
    """Standard deviations [..., observations + 1] of the predicted change and reward, in their own units."""

    aleatoric: Tensor
    epistemic: Tensor


class EnsembleModel(LatentModel):
    """View of the networks as they are now: no copy, so it follows training.

    Args:
        dynamics: the ensemble.
        observation_shape: what ``decode`` returns.
        reward: the reward [n] of rows of observation, action and next observation, where it is known; None: learned.
    """

    offers = frozenset({"uncertainty", "decode", "gradient"})

    def __init__(
        self, dynamics: EnsembleDynamics, observation_shape: tuple[int, ...], reward: Reward | None = None
    ) -> None:
        self.dynamics, self._shape, self._reward = dynamics, observation_shape, reward
        self.latent_size = dynamics.observations + 1
        self.action_size = dynamics.actions
        self.noise_size = dynamics.observations

    @property
    def reward_is_known(self) -> bool:
        """Whether rewards are the task's own formula, and not what the members predict."""
        return self._reward is not None

    def encode(
        self, observation: Tensor, previous: tuple[Tensor, Tensor] | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """The observation itself, for the mean of all members; ``noise`` is not used."""
        flat = observation.flatten(start_dim=observation.ndim - len(self._shape)).to(self.dynamics.input_mean.dtype)
        return torch.cat((flat, torch.full_like(flat[..., :1], ALL)), -1)

    def start(self, latent: Tensor, particles: int) -> Tensor:
        """``particles`` copies [particles, ..., latent], each for one member, taken in turn."""
        copies = latent.expand(particles, *latent.shape).clone()
        members = torch.arange(particles, device=latent.device) % self.dynamics.members
        copies[..., -1] = members.to(latent.dtype).view(-1, *[1] * (latent.ndim - 1))
        return copies

    def predict(self, latent: Tensor, action: Tensor, noise: Tensor | None = None) -> Tensor:
        """The next latent by the latent's member; ``noise`` [..., observations] draws from its distribution.

        For the mean of all members the distribution has the spread of both kinds.
        """
        prediction = self._of_member(latent, action)
        change, std = prediction.mean[..., :-1], prediction.std[..., :-1]
        following = latent[..., :-1] + (change if noise is None else torch.addcmul(change, std, noise))
        return torch.cat((following, latent[..., -1:]), -1)

    def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
        """The known reward, or the mean that the latent's member predicts [...]."""
        if self._reward is not None:
            return self._reward(latent[..., :-1], action, next_latent[..., :-1])
        return self._of_member(latent, action).mean[..., -1]

    def decode(self, latent: Tensor) -> Tensor:
        """The observation [..., *shape]."""
        return latent[..., :-1].reshape(*latent.shape[:-1], *self._shape)

    def spread(self, latent: Tensor, action: Tensor) -> Spread:
        """What the task leaves open (root of the mean variance) and what the members disagree on (std of the means)."""
        each = self._every(latent, action)
        return Spread(each.std.square().mean(0).sqrt(), each.mean.std(0, correction=0))

    def uncertainty(self, latent: Tensor, action: Tensor) -> Tensor:
        """Epistemic: root mean square [...] over coordinates of the members' disagreement, in units of the data."""
        epistemic = self.spread(latent, action).epistemic / self.dynamics.output_std
        return epistemic.square().mean(-1).sqrt()

    def _every(self, latent: Tensor, action: Tensor) -> Gaussian:
        """Every member's prediction [members, ..., observations + 1]."""
        leading = latent.shape[:-1]
        rows = latent[..., :-1].reshape(-1, self.noise_size), action.reshape(-1, self.action_size)
        found = self.dynamics(*rows)
        return Gaussian(*(each.view(self.dynamics.members, *leading, -1) for each in found))

    def _of_member(self, latent: Tensor, action: Tensor) -> Gaussian:
        """The prediction [..., observations + 1] of each latent's member."""
        each = self._every(latent, action)
        member = latent[..., -1:].detach().round()
        index = member.clamp(min=0.0).long().expand(each.mean.shape[1:]).unsqueeze(0)
        mean, std = (part.gather(0, index).squeeze(0) for part in each)
        total = (each.std.square().mean(0) + each.mean.var(0, correction=0)).sqrt()
        of_all = member < 0.0
        return Gaussian(torch.where(of_all, each.mean.mean(0), mean), torch.where(of_all, total, std))


class ParticleModel(EnsembleModel):
    """Candidates judged by the mean reward of particles (PETS, Sec. 5.1): what :func:`imagine` rolls out by itself.

    ``ts1``: every particle's member is drawn anew at each step. ``tsinf``: a particle keeps its member. ``mean``: no
    particles, the mean of all members. The draws are made once and are the same for every candidate and iteration.
    Gradients are of that mean over particles too. ``predict`` and ``reward`` are those of all members' mean.

    Args:
        dynamics, observation_shape, reward: as for :class:`EnsembleModel`.
        particles: a multiple of the members.
        propagation: ``ts1``, ``tsinf`` or ``mean``.
        noise: draws members and predictions.
    """

    def __init__(
        self,
        dynamics: EnsembleDynamics,
        observation_shape: tuple[int, ...],
        reward: Reward | None,
        *,
        particles: int,
        propagation: str,
        noise: Noise,
    ) -> None:
        super().__init__(dynamics, observation_shape, reward)
        self._particles, self._propagation, self._noise = particles, propagation, noise
        self._orders: list[Tensor] = []
        self._draws: list[Tensor] = []

    def rollout(self, latent: Tensor, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean latents [N, H + 1, latent] and rewards [N, H] of the particles; every step is reached [N, H + 1]."""
        candidates, horizon = actions.shape[:2]
        self._draw(horizon)
        count = 1 if self._propagation == "mean" else self._particles
        state = latent[:-1].expand(count, candidates, -1)
        seen, rewards = [state.mean(0)], []
        for t in range(horizon):
            state, reward = self._step(state, actions[:, t], t)
            seen.append(state.mean(0))
            rewards.append(reward.mean(0))
        states = torch.stack(seen, 1)
        latents = torch.cat((states, torch.full_like(states[..., :1], ALL)), -1)
        return latents, torch.stack(rewards, 1), torch.ones_like(latents[..., 0])

    def _step(self, state: Tensor, action: Tensor, t: int) -> tuple[Tensor, Tensor]:
        """Particles [P, N, observations] one step on, and their rewards [P, N]."""
        members, (count, candidates) = self.dynamics.members, state.shape[:2]
        if self._propagation == "mean":
            found = self.dynamics(state[0], action)
            output = found.mean.mean(0, keepdim=True)
        else:
            if self._propagation == "ts1":
                state = state[self._orders[t]]  # who stands where decides by which member it is predicted
            together = (members, count // members * candidates)
            actions = action.expand(count, -1, -1).reshape(*together, -1)
            found = self.dynamics(state.reshape(*together, -1), actions)
            mean, std = (part.view(count, candidates, -1) for part in found)
            drawn = torch.addcmul(mean[..., :-1], std[..., :-1], self._draws[t])
            output = torch.cat((drawn, mean[..., -1:]), -1)
        following = state + output[..., :-1]
        if self._reward is None:
            return following, output[..., -1]
        return following, self._reward(state, action.expand(count, -1, -1), following)

    def _draw(self, horizon: int) -> None:
        while len(self._draws) < horizon:
            self._orders.append(self._noise.permutation(self._particles, "particle_member"))
            self._draws.append(self._noise.normal((self._particles, 1, self.noise_size), "particle"))


def change_and_reward(observation: Tensor, following: Tensor, reward: Tensor) -> Tensor:
    """What the ensemble learns: rows [..., observations + 1] of the change and the reward."""
    return torch.cat((following - observation, reward.unsqueeze(-1)), -1)
