"""How far estimates lie from returns: sign, normaliser, mean, spread, and where. Plain arrays; no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.analysis.estimates import CONFIDENCE, student_quantile
from workbench.spec import (
    BIAS_NORMALISERS,
    BIAS_SIGNS,
    CUT,
    ESTIMATE_MINUS_RETURN,
    MEAN,
    PER_STATE,
    RETURN_MINUS_ESTIMATE,
)

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: the smallest |return| that a state's bias is divided by
FLOOR = 10.0

CRITIC, K_STEP = "critic", "k_step"
#: most bins of a histogram, and the bins of bias against time to end
HISTOGRAM_BINS, TIME_BINS = 60, 12
#: the weight of what a time limit cut off from which on it is worth a word
HEAVY = 0.05


@dataclass(frozen=True)
class BiasDefinition:
    """Which way the difference is taken, and what it is divided by.

    ``per_state``: each state's own |return|, at least 10 (REDQ's and ALM's code). ``mean``: the mean of |return| over
    the states. The papers' figures have |mean return| (ALM, App. E), which is the same where returns have one sign and
    close to nothing where they cancel.
    """

    sign: str = RETURN_MINUS_ESTIMATE
    normaliser: str = PER_STATE

    def __post_init__(self) -> None:
        if self.sign not in BIAS_SIGNS or self.normaliser not in BIAS_NORMALISERS:
            possible = f"one of {BIAS_SIGNS} and one of {BIAS_NORMALISERS}"
            raise ValueError(f"sign {self.sign!r} and normaliser {self.normaliser!r} must be {possible}")

    @property
    def over(self) -> float:
        """1 where a positive bias is an over-estimate, else -1."""
        return 1.0 if self.sign == ESTIMATE_MINUS_RETURN else -1.0

    def bias(self, estimates: Floats, returns: Floats) -> Floats:
        """The normalised bias of each state; all three are [N]."""
        if estimates.ndim != 1 or estimates.shape != returns.shape:
            # (N, 1) against (N,) would quietly become (N, N): the mean survives, the spread does not.
            raise ValueError(f"estimates {estimates.shape} and returns {returns.shape} must both be one row")
        scale = np.maximum(np.abs(returns), FLOOR) if self.normaliser == PER_STATE else np.abs(returns).mean()
        bias: Floats = self.over * (estimates - returns) / np.where(scale > 0, scale, 1.0)
        assert bias.shape == returns.shape
        return bias

    @property
    def words(self) -> str:
        """Such as "Bias = return - estimate, divided by each state's |return| (at least 10)"."""
        difference = "estimate − return" if self.sign == ESTIMATE_MINUS_RETURN else "return − estimate"
        by = "the mean |return|" if self.normaliser == MEAN else f"each state's |return| (at least {FLOOR:g})"
        return f"Bias = {difference}, divided by {by}"


@dataclass(frozen=True)
class Where:
    """A third of the states by their time to the end, whose bias stands out: its mean, and its range of steps."""

    place: str
    mean: float
    nearest: int
    farthest: int


@dataclass(frozen=True)
class BiasSummary:
    """Of one estimate: ``mean`` and ``std`` (over N states) of the normalised bias, in the definition's sign.

    ``relative``: mean (estimate - return) over mean |return|; above 0 over-estimates, whatever the sign.
    ``standard_error``: of ``relative``, over ``episodes``, because the states of one are much alike; None for one
    episode. ``where``: None if no third stands out.
    """

    mean: float
    std: float
    relative: float
    standard_error: float | None
    episodes: int
    where: Where | None

    @property
    def margin(self) -> float | None:
        """Half of Student's 95 % interval of ``relative``: of three episodes it is 4.3 standard errors, not two."""
        if self.standard_error is None:
            return None
        return student_quantile((1.0 + CONFIDENCE) / 2, self.episodes - 1) * self.standard_error

    @property
    def clear(self) -> bool:
        """Whether that interval leaves 0 out."""
        return self.margin is not None and abs(self.relative) > self.margin


@dataclass(frozen=True, eq=False)
class QBias:
    """One measurement: N states of E episodes of the policy without exploration.

    ``returns`` [N] and each of ``estimates`` [N] ("critic": smallest Q; "k_step": K-step estimate, if modelled);
    ``episode``, ``step``, ``to_end`` [N] and ``tail_weight`` [N] as in VisitedStates; ``lengths`` and
    ``terminated`` [E]. ``recorded`` holds the episodes' "rewards" and "actions", and where there are any "qpos", "qvel"
    and "observations" (one row more per episode than steps), one behind the other.
    """

    returns: Floats
    estimates: dict[str, Floats]
    episode: Integers
    step: Integers
    to_end: Integers
    tail_weight: Floats
    lengths: Integers
    terminated: npt.NDArray[np.bool_]
    rollout_length: int
    discount: float
    first_steps: int
    at_time_limit: str
    rewards_changed: bool
    recorded: dict[str, npt.NDArray[Any]]

    def __post_init__(self) -> None:
        rows = (*self.estimates.values(), self.episode, self.step, self.to_end, self.tail_weight)
        if self.returns.ndim != 1 or any(row.shape != self.returns.shape for row in rows):
            raise ValueError(f"one number per state is wanted; got {[row.shape for row in (self.returns, *rows)]}")

    @property
    def states(self) -> int:
        """N."""
        return len(self.returns)

    def title(self, estimate: str) -> str:
        """The estimate's name."""
        return "Critic's Q" if estimate == CRITIC else f"K-step estimate, K = {self.rollout_length}"

    def bias(self, estimate: str, definition: BiasDefinition) -> Floats:
        """The normalised bias [N] of "critic" or "k_step"."""
        return definition.bias(self.estimates[estimate], self.returns)

    def summary(self, estimate: str, definition: BiasDefinition) -> BiasSummary:
        """Mean, spread, relative bias, and where it is worst."""
        bias = self.bias(estimate, definition)
        relative = BiasDefinition(ESTIMATE_MINUS_RETURN, MEAN).bias(self.estimates[estimate], self.returns)
        return BiasSummary(
            float(bias.mean()),
            float(bias.std()),
            float(relative.mean()),
            clustered_error(relative, self.episode),
            len(np.unique(self.episode)),
            self._where(relative),
        )

    def histogram(self, estimate: str, definition: BiasDefinition) -> tuple[Integers, Floats]:
        """States per bin [B], and the bins' edges [B + 1]."""
        bias = self.bias(estimate, definition)
        edges = np.histogram_bin_edges(bias, "auto")
        if len(edges) > HISTOGRAM_BINS + 1:
            edges = np.linspace(edges[0], edges[-1], HISTOGRAM_BINS + 1)
        counts, edges = np.histogram(bias, edges)
        return counts.astype(np.int64), edges.astype(np.float64)

    def by_time_to_end(self, estimate: str, definition: BiasDefinition) -> tuple[Floats, Floats, Floats]:
        """Steps to the end, mean and std of the bias over the states of each bin that has any: [B] each."""
        bias = self.bias(estimate, definition)
        edges = np.linspace(self.to_end.min(), self.to_end.max() + 1, TIME_BINS + 1)
        place = np.clip(np.digitize(self.to_end, edges) - 1, 0, TIME_BINS - 1)
        bins = [number for number in range(TIME_BINS) if (place == number).any()]
        groups = [place == number for number in bins]
        return (
            np.array([self.to_end[group].mean() for group in groups]),
            np.array([bias[group].mean() for group in groups]),
            np.array([bias[group].std() for group in groups]),
        )

    def _where(self, relative: Floats) -> Where | None:
        """The third by time to end whose mean is a quarter beyond the whole's, in the same direction."""
        order = np.argsort(self.to_end, kind="stable")
        whole = float(relative.mean())
        thirds = [part for part in np.array_split(order, 3) if len(part)]
        if len(thirds) < 3 or self.to_end.min() == self.to_end.max():
            return None
        means = [float(relative[part].mean()) for part in thirds]
        most = int(np.argmax([mean * np.sign(whole) for mean in means]))
        if abs(means[most]) < 1.25 * abs(whole):
            return None
        steps = self.to_end[thirds[most]]
        place = ("near the end", "in the middle", "far from the end")[most]
        return Where(place, means[most], int(steps.min()), int(steps.max()))

    @property
    def protocol(self) -> str:
        """How it was measured, in sentences that stand beside every plot of it."""
        states = f"{self.states:,} states of {len(self.lengths)} episodes"
        text = f"Policy without exploration; {states}, the first {self.first_steps} steps of each; "
        text += f"returns discounted by {self.discount:g} to the episode's end."
        text += " Rewards are as the critic was taught them." if self.rewards_changed else ""
        text += " ± is half of the 95 % interval over episodes." if len(self.lengths) > 1 else ""
        limit = int((~self.terminated).sum())
        if not limit:
            return f"{text} Every episode ended by itself."
        weight = _percent(float(self.tail_weight.max()))
        after = "is cut; it would weigh" if self.at_time_limit == CUT else "is the critic's own value; it weighs"
        ended = f"{limit} of {len(self.lengths)} episodes ended there"
        return f"{text} What follows the time limit ({ended}) {after} at most {weight}."

    def verdict(self, estimate: str) -> str:
        """The answer in a sentence, whatever the sign: "Over-estimates by 12 % ± 3 % on average, most near the end".

        What follows ± is half of the 95 % interval over episodes.
        """
        summary = self.summary(estimate, BiasDefinition(ESTIMATE_MINUS_RETURN, MEAN))
        if summary.margin is None:
            which = "Over-estimates" if summary.relative > 0 else "Under-estimates"
            return f"{which} by {_percent(summary.relative)} in this one episode."
        error = f"± {_percent(summary.margin)}"
        if not summary.clear:
            return f"No clear bias: {'+' if summary.relative > 0 else '−'}{_percent(summary.relative)} {error}."
        which = "Over-estimates" if summary.relative > 0 else "Under-estimates"
        text = f"{which} by {_percent(summary.relative)} {error} on average"
        if summary.where is None:
            return f"{text}, everywhere alike."
        nearest, farthest = summary.where.nearest, summary.where.farthest
        return f"{text}, most {summary.where.place} ({nearest:,} to {farthest:,} steps before it)."

    @property
    def caution(self) -> str:
        """A sentence where much of the returns was cut off; else empty."""
        heaviest = float(self.tail_weight.max())
        if self.at_time_limit != CUT or heaviest < HEAVY:
            return ""
        lost = f"The time limit cuts off up to {_percent(heaviest)} of what late states are worth"
        return f"{lost}, which counts as over-estimation here; measure with bootstrap to tell the two apart."

    def episode_arrays(self, number: int) -> dict[str, npt.NDArray[Any]]:
        """One of the episodes as evaluations record theirs."""
        begin = int(self.lengths[:number].sum())
        end = begin + int(self.lengths[number])
        steps, frames = slice(begin, end), slice(begin + number, end + number + 1)
        return {name: rows[steps if name in _PER_STEP else frames] for name, rows in self.recorded.items()}

    def outliers(self, estimate: str, definition: BiasDefinition) -> npt.NDArray[np.bool_]:
        """Which states [N] lie two standard deviations or more from the mean bias."""
        bias = self.bias(estimate, definition)
        spread = float(bias.std())
        far: npt.NDArray[np.bool_] = np.abs(bias - bias.mean()) >= 2 * spread
        return far & (spread > 0)

    def worst(self, estimate: str) -> int:
        """The state that is over-estimated most, or where all are under-estimated, the one that is so most."""
        excess = self.estimates[estimate] - self.returns
        return int(np.argmax(excess) if excess.max() > 0 else np.argmin(excess))

    # ---- stored -----------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All arrays by name."""
        own = {name: getattr(self, name) for name in _ARRAYS}
        own |= {f"estimate_{name}": values for name, values in self.estimates.items()}
        return own | {f"episode_{name}": values for name, values in self.recorded.items()}

    def document(self) -> dict[str, Any]:
        """What is no array."""
        return {name: getattr(self, name) for name in _FACTS}

    def info(self) -> dict[str, Any]:
        """Small figures for lists and curves: per estimate and normaliser [mean, std], as estimate minus return."""
        figures = {
            name: {
                kind: [summary.mean, summary.std]
                for kind in BIAS_NORMALISERS
                for summary in [self.summary(name, BiasDefinition(ESTIMATE_MINUS_RETURN, kind))]
            }
            for name in self.estimates
        }
        return {"analysis": "q-bias", "states": self.states, "episodes": len(self.lengths), "bias": figures}

    def metrics(self, definition: BiasDefinition) -> dict[str, float]:
        """``q_bias/mean`` and ``q_bias/std`` of the critic; ``q_bias/k_step_mean`` and ``_std`` of the estimate."""
        values: dict[str, float] = {}
        for name in self.estimates:
            summary = self.summary(name, definition)
            prefix = "q_bias/" if name == CRITIC else f"q_bias/{name}_"
            values |= {f"{prefix}mean": summary.mean, f"{prefix}std": summary.std}
        return values

    @classmethod
    def read(cls, arrays: Mapping[str, npt.NDArray[Any]], document: Mapping[str, Any]) -> QBias:
        """What :meth:`arrays` and :meth:`document` stored. Raises ValueError for anything else."""
        try:
            values: dict[str, Any] = {name: np.asarray(arrays[name]) for name in _ARRAYS}
            values |= {name: document[name] for name in _FACTS}
        except KeyError as error:
            raise ValueError(f"The file holds no measurement of Q-bias: {error} is missing.") from error
        return cls(**values, estimates=_under("estimate_", arrays), recorded=_under("episode_", arrays))


_ARRAYS = ("returns", "episode", "step", "to_end", "tail_weight", "lengths", "terminated")
_PER_STEP = ("rewards", "actions")
_FACTS = ("rollout_length", "discount", "first_steps", "at_time_limit", "rewards_changed")


def _under(prefix: str, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def _percent(fraction: float) -> str:
    """Two digits of the size of a fraction, such as "12 %", "3.4 %" or "1,240 %"."""
    percent = 100 * abs(fraction)
    if percent < 0.01:
        return "0 %"
    return f"{percent:,.0f} %" if percent >= 9.95 else f"{percent:.2g} %"


def clustered_error(values: Floats, cluster: Integers) -> float | None:
    """Standard error of the mean of ``values`` [N] whose clusters are independent of each other, not their members.

    The cluster-robust variance of a mean with the usual correction G / (G - 1) for G clusters; None for fewer than two.
    """
    names, place = np.unique(cluster, return_inverse=True)
    if len(names) < 2:
        return None
    sums = np.bincount(place, weights=values - values.mean())
    count = len(names)
    return float(np.sqrt(count / (count - 1) * np.square(sums).sum()) / len(values))
