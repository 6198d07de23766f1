"""Whether latents still say anything: coordinates that do not move, and how many directions they really use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.encoded import EncodedEpisode

#: a coordinate is dead when its variance along the episode is below this share of the encoder's noise (variance)
DEAD_SHARE = 0.01
#: without an encoder's noise: below this share of the largest coordinate's variance
DEAD_OF_LARGEST = 1e-4
#: collapsed: this share of the coordinates is dead,
COLLAPSED_SHARE = 0.9
#: or fewer directions are used than this share of those that the observations use,
NARROW_SHARE = 1 / 3
#: or fewer than the observations use, and the latents move by less than this share of their length
STILL_SHARE = 0.1
#: a variance below which float32 latents do not move at all
STILL = 1e-10


@dataclass(frozen=True, eq=False)
class LatentHealth:
    """``variance`` [L] of each coordinate along an episode; ``dead`` are the numbers of coordinates that say nothing.

    ``effective_rank``: the exponential of the entropy of the normalised singular values of the centred latents (Roy and
    Vetterli, 2007): 1 when they lie on a line, L when all directions are used alike, 0 when nothing moves;
    ``observation_rank`` is that of the observations, each coordinate in units of its standard deviation, None for
    images. ``spread``: root mean square distance of the latents from their mean, in lengths of that mean.
    """

    variance: NDArray[np.float64]
    dead: tuple[int, ...]
    effective_rank: float
    observation_rank: float | None
    spread: float

    @property
    def size(self) -> int:
        """Coordinates, L."""
        return len(self.variance)

    @property
    def collapsed(self) -> bool:
        """Whether the encoder gives every observation nearly the same latent."""
        return bool(self.reason)

    @property
    def reason(self) -> str:
        """Why the latents count as collapsed, as words behind "collapsed: "; empty where they do not."""
        if len(self.dead) >= COLLAPSED_SHARE * self.size:
            return f"{len(self.dead)} of {self.size} coordinates vary by less than 1 % of the encoder's noise"
        reference = self.observation_rank
        if reference is None or self.effective_rank >= reference:
            return ""
        directions = f"they use {self.effective_rank:.1f} directions where the observations use {reference:.1f}"
        if self.spread < STILL_SHARE:
            return f"they move by {100 * self.spread:.1g} % of their length, and {directions}"
        return directions if self.effective_rank < NARROW_SHARE * reference else ""


def latent_health(episode: EncodedEpisode, observations: NDArray[np.generic]) -> LatentHealth:
    """Judge the latents of an episode, of which ``observations`` [T + 1, *shape] are what was encoded.

    A coordinate is dead when its variance is below 1 % of the mean variance of the encoder's own noise: a sample of it
    then carries less than 0.005 nats of the observation. Where the encoder has no noise, the largest coordinate's
    variance is the measure, at 0.01 %.
    """
    latents = episode.latents.astype(np.float64)
    variance = latents.var(axis=0)
    if episode.stds is not None:
        limit = DEAD_SHARE * np.square(episode.stds.astype(np.float64)).mean(axis=0)
    else:
        limit = np.full(len(variance), DEAD_OF_LARGEST * variance.max())
    dead = np.flatnonzero(variance <= np.maximum(limit, STILL))
    centre = latents.mean(axis=0)
    length = float(np.linalg.norm(centre))
    moves = float(np.sqrt(variance.sum()))
    return LatentHealth(
        variance=variance,
        dead=tuple(dead.tolist()),
        effective_rank=effective_rank(latents),
        observation_rank=_rank_of_observations(observations),
        spread=moves / length if length > 0 else np.inf if moves > 0 else 0.0,
    )


def _rank_of_observations(observations: NDArray[np.generic]) -> float | None:
    if observations.ndim != 2:
        return None
    seen = np.asarray(observations, np.float64)
    deviation = seen.std(axis=0)
    return effective_rank(seen / np.where(deviation > 0, deviation, 1.0))


def effective_rank(latents: NDArray[np.float64]) -> float:
    """The effective rank of ``latents`` [n, L] about their mean, 0 to min(n, L)."""
    centred = latents - latents.mean(axis=0)
    if centred.var(axis=0).max(initial=0.0) <= STILL:
        return 0.0
    values = np.linalg.svd(centred, compute_uv=False)
    shares = values[values > 0] / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
