"""Model error by horizon: how far latent, reward and observation drift when the model is left alone.

Judged over several episodes at once, by kind: those that the run's evaluations recorded (no gradient ever saw them, and
other policies of the run acted in them) and fresh ones, whose states are those that the judged policy visits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.analysis.encoded import EncodedEpisode, Unrolled, offering, unroll
from workbench.analysis.latent_rollout import Band, band, spread_starts, useful_steps
from workbench.analysis.steps import Analysis, AnalysisStep
from workbench.models.world_model import WorldModel

Values = NDArray[np.float64]

#: rollouts over all episodes of a kind
STARTS = 128


@dataclass(frozen=True, eq=False)
class JudgedEpisode:
    """An encoded episode with its ``observations`` [T + 1, *shape]."""

    encoded: EncodedEpisode
    observations: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ModelError:
    """Over ``starts`` rollouts of H steps from ``episodes`` episodes: bands over the steps, with the baselines' means.

    ``latent``: L2 error [H + 1], ``latent_baseline`` that of the better of "copy last" and "mean latent". ``reward``:
    absolute error of each step [H], ``reward_baseline`` that of the episodes' mean reward. ``observation``: root mean
    square error over the coordinates [H + 1] and ``observation_baseline`` that of the start's observation, kept, both
    in units of each coordinate's standard deviation; None without a decoder.
    """

    episodes: int
    starts: int
    latent: Band
    latent_baseline: Values
    reward: Band
    reward_baseline: Values
    observation: Band | None
    observation_baseline: Values | None

    @property
    def horizon(self) -> int:
        """Steps of each rollout, H."""
        return len(self.latent.mean) - 1

    @property
    def useful(self) -> int:
        """Steps at all of which the latent error is at most half of the baseline's."""
        return useful_steps(self.latent.mean, self.latent_baseline)


def model_error(
    model: WorldModel, episodes: Sequence[JudgedEpisode], horizon: int, starts: int = STARTS
) -> Analysis[ModelError]:
    """Unroll for ``horizon`` steps, at most half of the median episode, from starts spread evenly over the episodes.

    Episodes less than twice as long as that are left out, so that one that failed early does not shorten all others'
    rollouts. Yields after each episode. Raises ValueError without episodes.
    """
    if not episodes:
        raise ValueError("there is no episode to judge the model by")
    middle = int(np.median([episode.encoded.length for episode in episodes]))
    steps = max(1, min(horizon, middle // 2))
    episodes = [episode for episode in episodes if episode.encoded.length >= min(2 * steps, middle)]
    share = max(1, starts // len(episodes))
    rewards = np.concatenate([episode.encoded.rewards for episode in episodes])
    spread = _spread(episodes)
    mean_latent = np.concatenate([episode.encoded.latents for episode in episodes]).mean(axis=0, dtype=np.float64)
    found: list[dict[str, Values]] = []
    for number, episode in enumerate(episodes):
        places = spread_starts(episode.encoded.length, steps, share)
        unrolled = unroll(model, episode.encoded, places, steps)
        measured = _measure(episode, np.asarray(places), unrolled, mean_latent, float(rewards.mean()))
        if "decode" in model.offers:
            measured |= _observed(model, episode, np.asarray(places), unrolled, spread)
        found.append(measured)
        yield AnalysisStep(number + 1, len(episodes), "episodes")
    whole = {name: np.concatenate([each[name] for each in found], axis=1) for name in found[0]}
    decoded = "observation" in whole
    return ModelError(
        episodes=len(episodes),
        starts=whole["latent"].shape[1],
        latent=band(whole["latent"]),
        latent_baseline=np.minimum(whole["copy"].mean(axis=1), whole["mean"].mean(axis=1)),
        reward=band(whole["reward"]),
        reward_baseline=whole["mean_reward"].mean(axis=1),
        observation=band(whole["observation"]) if decoded else None,
        observation_baseline=whole["kept_observation"].mean(axis=1) if decoded else None,
    )


def _measure(
    episode: JudgedEpisode, starts: NDArray[np.int64], unrolled: Unrolled, mean_latent: Values, mean_reward: float
) -> dict[str, Values]:
    """Errors [H + 1, N], of rewards [H, N]."""
    places = starts[None, :] + np.arange(len(unrolled.rewards) + 1)[:, None]
    truth = episode.encoded.latents[places].astype(np.float64)
    rewards = episode.encoded.rewards[places[:-1]]
    return {
        "latent": np.linalg.norm(unrolled.latents - truth, axis=-1),
        "copy": np.linalg.norm(truth[:1] - truth, axis=-1),
        "mean": np.linalg.norm(mean_latent - truth, axis=-1),
        "reward": np.abs(unrolled.rewards - rewards),
        "mean_reward": np.abs(mean_reward - rewards),
    }


@torch.inference_mode()
def _observed(
    model: WorldModel, episode: JudgedEpisode, starts: NDArray[np.int64], unrolled: Unrolled, spread: Values
) -> dict[str, Values]:
    """Errors of the decoded rollout and of the start's observation, both [H + 1, N]."""
    places = starts[None, :] + np.arange(len(unrolled.rewards) + 1)[:, None]
    truth = episode.observations[places]
    decoded = offering(model).decode(torch.as_tensor(unrolled.latents)).double().numpy()
    axes = tuple(range(2, truth.ndim))
    return {
        "observation": np.sqrt(np.square((decoded - truth) / spread).mean(axis=axes)),
        "kept_observation": np.sqrt(np.square((truth[:1] - truth) / spread).mean(axis=axes)),
    }


def _spread(episodes: Sequence[JudgedEpisode]) -> Values:
    """Standard deviation of each coordinate of the observations [*shape]; 1 where it never moves."""
    spread = np.concatenate([episode.observations for episode in episodes]).std(axis=0)
    return np.where(spread > 1e-9, spread, 1.0)
