"""An episode as a world model's encoder sees it, and the same model left alone with the actions that were taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.models.world_model import LatentModel, WorldModel

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class EncodedEpisode:
    """T steps of a real episode: ``latents`` [T + 1, L] are the encoder's means of the observations.

    ``stds`` [T + 1, L] are the encoder's where it is Gaussian, ``values`` [T + 1] the value of each latent where the
    model has one, else None. ``actions`` [T, A] and ``rewards`` [T] are those of the episode.
    """

    latents: Floats
    stds: Floats | None
    values: Floats | None
    actions: Floats
    rewards: NDArray[np.float64]

    @property
    def length(self) -> int:
        """Environment steps, T."""
        return len(self.rewards)


@dataclass(frozen=True, eq=False)
class Unrolled:
    """H steps that the model imagined from N starts, open loop, each prediction the mean of the one before it.

    ``latents`` [H + 1, N, L] begin with the encoder's; ``stds`` [H + 1, N, L] are the model's one-step standard
    deviations (the encoder's at step 0), ``values`` [H + 1, N] the model's, both None where it has none; ``rewards``
    [H, N] are predicted.
    """

    latents: Floats
    stds: Floats | None
    values: Floats | None
    rewards: Floats


@torch.inference_mode()
def encode_episode(
    model: WorldModel, observations: NDArray[np.generic], actions: NDArray[np.generic], rewards: NDArray[np.generic]
) -> EncodedEpisode:
    """Encode the ``observations`` [T + 1, *shape] of an episode, in one batch unless the model filters.

    Raises ValueError where the arrays do not belong to one episode of at least one step.
    """
    steps = len(rewards)
    if steps == 0 or len(observations) != steps + 1 or len(actions) != steps:
        found = f"{len(observations)} observations, {len(actions)} actions and {steps} rewards"
        raise ValueError(f"an episode of T >= 1 steps has T + 1 observations, T actions and T rewards, not {found}")
    seen = torch.as_tensor(np.asarray(observations))
    acted = torch.as_tensor(np.asarray(actions, np.float32))
    stds = None
    if "filter" in model.offers:
        latents = _filtered(model, seen, acted)
    elif "distribution" in model.offers:
        gaussian = offering(model).encode_distribution(seen)
        latents, stds = gaussian.mean, gaussian.std
    else:
        latents = model.encode(seen)
    values = offering(model).value(latents) if "value" in model.offers else None
    return EncodedEpisode(
        latents=latents.numpy(),
        stds=None if stds is None else stds.numpy(),
        values=None if values is None else values.numpy(),
        actions=acted.numpy(),
        rewards=np.asarray(rewards, np.float64),
    )


@torch.inference_mode()
def unroll(model: WorldModel, episode: EncodedEpisode, starts: Sequence[int], steps: int) -> Unrolled:
    """Leave the model alone for ``steps`` steps from each of the ``starts``, with the actions that were taken.

    Every start must have ``steps`` steps of the episode before it; ValueError says which has not.
    """
    if not starts or steps < 1 or max(starts) + steps > episode.length or min(starts) < 0:
        raise ValueError(f"an episode of {episode.length} steps has no {steps} steps from each of {list(starts)}")
    begin = np.asarray(starts)
    stds = None if episode.stds is None else torch.as_tensor(episode.stds[begin])
    return continue_unrolling(model, episode, begin, torch.as_tensor(episode.latents[begin]), stds, 0, steps)


@torch.inference_mode()
def continue_unrolling(
    model: WorldModel,
    episode: EncodedEpisode,
    starts: NDArray[np.int64],
    latent: Tensor,
    std: Tensor | None,
    done: int,
    steps: int,
) -> Unrolled:
    """Steps ``done`` to ``done`` + ``steps`` of rollouts from ``starts``, as :class:`Unrolled` from ``done`` on.

    ``latent`` and ``std`` [N, L] are those at step ``done``.
    """
    places = starts[None, :] + np.arange(done, done + steps)[:, None]
    actions = torch.as_tensor(episode.actions[places])  # [H, N, A]
    gaussian = "distribution" in model.offers
    predict = offering(model).predict_distribution if gaussian else None
    latents, stds = [latent], [std]
    for step in range(steps):
        if predict is not None:
            predicted = predict(latents[-1], actions[step])
            latents.append(predicted.mean)
            stds.append(predicted.std)
        else:
            latents.append(model.predict(latents[-1], actions[step]))
    whole = torch.stack(latents)
    known = [each for each in stds if each is not None]
    values = offering(model).value(whole) if "value" in model.offers else None
    return Unrolled(
        latents=whole.numpy(),
        stds=torch.stack(known).numpy() if len(known) == len(whole) else None,
        values=None if values is None else values.numpy(),
        rewards=model.reward(whole[:-1], actions, whole[1:]).numpy(),
    )


def _filtered(model: WorldModel, observations: Tensor, actions: Tensor) -> Tensor:
    """Latents [T + 1, L] of a model that needs the one before and the action in between."""
    latents = [model.encode(observations[:1])]
    for step in range(len(actions)):
        latents.append(model.encode(observations[step + 1 : step + 2], (latents[-1], actions[step : step + 1])))
    return torch.cat(latents)


def offering(model: WorldModel) -> LatentModel:
    """The model as one that has more than the protocol asks for; its ``offers`` said so."""
    return model  # type: ignore[return-value]
