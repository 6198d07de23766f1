"""Latent rollout against the encoder (ALM, Fig. 7): the model alone with the actions taken, beside what happened.

The truth is the encoder's mean of the observations that really came. The rollout begins at the encoder's latent of the
start and goes on open loop: each predicted mean is the next input. Two baselines know nothing of dynamics: the latent
stays as it was at the start ("copy last"), and the episode's mean latent ("mean latent").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.analysis.encoded import EncodedEpisode, Unrolled, continue_unrolling
from workbench.analysis.latent_health import LatentHealth
from workbench.analysis.steps import Analysis, AnalysisStep
from workbench.models.gaussian import Gaussian, kl_divergence
from workbench.models.world_model import WorldModel

Floats = NDArray[np.float32]
Order = Literal["error", "variance", "number"]
Values = NDArray[np.float64]

#: steps after which a rollout is first shown, and then again
CHUNK = 200
#: rollouts that a mean is taken over, and the steps that all of them take before others may have their turn
STARTS, TURN = 64, 10
#: a model is useful while its error is below this share of the better baseline's
USEFUL_SHARE = 0.5
#: percent of the starts below and above a band
TAIL = 10.0


@dataclass(frozen=True, eq=False)
class Rollout:
    """H steps from ``start``, against what happened: arrays over steps 0..H, step 0 being the start itself.

    ``truth`` and ``latents`` [H + 1, L]; ``stds`` [H + 1, L] of the model's one-step prediction; L2 errors of the model
    and of both baselines, ``cosine`` of the angle between truth and rollout, ``kl`` in nats of the model's prediction
    to the encoder's latent, values, all [H + 1]; rewards [H]. ``stds``, ``kl`` and the values are None where the model
    has none; ``kl`` is NaN at step 0.
    """

    start: int
    truth: Floats
    latents: Floats
    stds: Floats | None
    error: Values
    copy_error: Values
    mean_error: Values
    cosine: Values
    kl: Values | None
    rewards: Values
    true_rewards: Values
    values: Values | None
    true_values: Values | None

    @property
    def steps(self) -> int:
        """Steps rolled out, H."""
        return len(self.rewards)


@dataclass(frozen=True, eq=False)
class Band:
    """Over starts, at each step: the ``mean``, and from ``low`` to ``high`` the middle 80 % of the starts."""

    mean: Values
    low: Values
    high: Values


@dataclass(frozen=True, eq=False)
class ErrorByHorizon:
    """Rollouts from many ``starts`` spread evenly over an episode: bands over steps 0..H of what :class:`Rollout` has.

    ``reward_error`` is the absolute error of the predicted reward at each step [H], ``value_error`` that of the value
    of the predicted latent against the value of the true one [H + 1].
    """

    starts: tuple[int, ...]
    error: Band
    copy_error: Band
    mean_error: Band
    cosine: Band
    kl: Band | None
    reward_error: Band
    value_error: Band | None

    @property
    def horizon(self) -> int:
        """Steps of each rollout, H."""
        return len(self.error.mean) - 1

    @property
    def useful(self) -> int:
        """For how many steps the model is useful, by :func:`useful_steps` on the mean over starts."""
        return useful_steps(self.error.mean, np.minimum(self.copy_error.mean, self.mean_error.mean))


def useful_steps(error: Values, baseline: Values, share: float = USEFUL_SHARE) -> int:
    """The number of steps, from the first on, at all of which ``error`` is at most ``share`` of ``baseline``.

    Both are [H + 1] and begin with step 0, which does not count; the answer is 0 to H.
    """
    good = error[1:] <= share * baseline[1:]
    return int(good.argmin()) if not good.all() else len(good)


def coordinate_order(rollout: Rollout, health: LatentHealth, by: Order) -> NDArray[np.int64]:
    """The coordinates [L] by their mean absolute error in ``rollout``, by their variance along the episode (both the
    largest first), or by number."""
    if by == "number":
        return np.arange(health.size)
    size = np.abs(rollout.latents - rollout.truth).mean(axis=0) if by == "error" else health.variance
    return np.argsort(-size, kind="stable")


def roll_out(model: WorldModel, episode: EncodedEpisode, start: int, horizon: int) -> Analysis[Rollout]:
    """Unroll from ``start`` for ``horizon`` steps, or to the episode's end; yields the rollout after every 200 steps.

    Raises ValueError where ``start`` has no step after it.
    """
    if not 0 <= start < episode.length or horizon < 1:
        raise ValueError(f"start {start} with horizon {horizon} does not lie in an episode of {episode.length} steps")
    steps = min(horizon, episode.length - start)
    parts: list[Unrolled] = []
    for part in _parts(model, episode, np.array([start]), steps, CHUNK):
        parts.append(part)
        rollout = compare(episode, np.array([start]), _joined(parts))
        if rollout.steps == steps:
            return rollout
        yield AnalysisStep(rollout.steps, steps, "steps", rollout)
    raise AssertionError("the last part completes the rollout")


def compare(episode: EncodedEpisode, starts: NDArray[np.int64], unrolled: Unrolled, which: int = 0) -> Rollout:
    """The rollout from ``starts[which]`` against what happened."""
    measured = _Measured(episode, starts, unrolled)
    start, steps = int(starts[which]), len(unrolled.rewards)
    return Rollout(
        start=start,
        truth=measured.truth[:, which],
        latents=unrolled.latents[:, which],
        stds=None if unrolled.stds is None else unrolled.stds[:, which],
        error=measured.error[:, which],
        copy_error=measured.copy_error[:, which],
        mean_error=measured.mean_error[:, which],
        cosine=measured.cosine[:, which],
        kl=None if measured.kl is None else measured.kl[:, which],
        rewards=unrolled.rewards[:, which].astype(np.float64),
        true_rewards=episode.rewards[start : start + steps],
        values=None if unrolled.values is None else unrolled.values[:, which].astype(np.float64),
        true_values=None if measured.true_values is None else measured.true_values[:, which],
    )


def error_by_horizon(
    model: WorldModel, episode: EncodedEpisode, horizon: int, starts: int = STARTS
) -> Analysis[ErrorByHorizon]:
    """Unroll from up to ``starts`` starts at once, spread evenly over the episode.

    Rollouts are at most half as long as the episode, so that their starts differ.
    """
    steps = max(1, min(horizon, episode.length // 2))
    places = spread_starts(episode.length, steps, starts)
    parts: list[Unrolled] = []
    for part in _parts(model, episode, np.asarray(places), steps, TURN):
        parts.append(part)
        yield AnalysisStep(min(TURN * len(parts), steps), steps, "steps")
    measured = _Measured(episode, np.asarray(places), _joined(parts))
    return ErrorByHorizon(
        starts=places,
        error=band(measured.error),
        copy_error=band(measured.copy_error),
        mean_error=band(measured.mean_error),
        cosine=band(measured.cosine),
        kl=None if measured.kl is None else band(measured.kl),
        reward_error=band(measured.reward_error),
        value_error=None if measured.value_error is None else band(measured.value_error),
    )


def spread_starts(length: int, steps: int, starts: int) -> tuple[int, ...]:
    """At most ``starts`` different starts, evenly over an episode of ``length`` steps, each with ``steps`` after it."""
    return tuple(np.unique(np.linspace(0, length - steps, max(starts, 1)).round().astype(int)).tolist())


def band(values: Values) -> Band:
    """Mean and middle 80 % over the starts of ``values`` [steps, N]."""
    low, high = np.percentile(values, (TAIL, 100.0 - TAIL), axis=1)
    return Band(values.mean(axis=1), low, high)


class _Measured:
    """What is measured on rollouts from ``starts`` [N]: arrays [H + 1, N], of rewards [H, N]."""

    def __init__(self, episode: EncodedEpisode, starts: NDArray[np.int64], unrolled: Unrolled) -> None:
        steps = len(unrolled.rewards)
        places = starts[None, :] + np.arange(steps + 1)[:, None]
        self.truth = episode.latents[places]
        truth, imagined = self.truth.astype(np.float64), unrolled.latents.astype(np.float64)
        self.error = np.linalg.norm(imagined - truth, axis=-1)
        self.copy_error = np.linalg.norm(truth[:1] - truth, axis=-1)
        self.mean_error = np.linalg.norm(episode.latents.mean(axis=0, dtype=np.float64) - truth, axis=-1)
        lengths = np.linalg.norm(imagined, axis=-1) * np.linalg.norm(truth, axis=-1)
        # Two latents at the origin point the same way; one alone points nowhere.
        products = (imagined * truth).sum(axis=-1)
        self.cosine = np.where(lengths > 0, products / np.where(lengths > 0, lengths, 1.0), self.error == 0)
        self.kl = _kl(episode, places, unrolled)
        self.reward_error = np.abs(unrolled.rewards - episode.rewards[places[:-1]])
        self.true_values = None if episode.values is None else episode.values[places].astype(np.float64)
        self.value_error: Values | None = None
        if self.true_values is not None and unrolled.values is not None:
            self.value_error = np.abs(unrolled.values - self.true_values)


def _kl(episode: EncodedEpisode, places: NDArray[np.int64], unrolled: Unrolled) -> Values | None:
    """KL(m(. | z, a) || e(. | s')) in nats, [H + 1, N]; None unless both are Gaussian."""
    if episode.stds is None or unrolled.stds is None:
        return None
    model = Gaussian(torch.as_tensor(unrolled.latents), torch.as_tensor(unrolled.stds))
    encoder = Gaussian(torch.as_tensor(episode.latents[places]), torch.as_tensor(episode.stds[places]))
    divergence = kl_divergence(model, encoder).double().numpy()
    divergence[0] = np.nan
    return np.asarray(divergence)


def _parts(
    model: WorldModel, episode: EncodedEpisode, starts: NDArray[np.int64], steps: int, size: int
) -> Iterator[Unrolled]:
    """Rollouts from ``starts`` in parts of ``size`` steps, each going on where the one before ended."""
    latent = torch.as_tensor(episode.latents[starts])
    std = None if episode.stds is None else torch.as_tensor(episode.stds[starts])
    for done in range(0, steps, size):
        part = continue_unrolling(model, episode, starts, latent, std, done, min(size, steps - done))
        latent = torch.as_tensor(part.latents[-1])
        std = None if part.stds is None else torch.as_tensor(part.stds[-1])
        yield part


def _joined(parts: list[Unrolled]) -> Unrolled:
    """Parts as one; each begins with the last step of the one before."""
    if len(parts) == 1:
        return parts[0]

    def along(name: str) -> Floats | None:
        pieces = [getattr(part, name) for part in parts]
        if pieces[0] is None:
            return None
        return np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])

    latents = along("latents")
    assert latents is not None
    rewards = np.concatenate([part.rewards for part in parts])
    return Unrolled(latents, along("stds"), along("values"), rewards)
