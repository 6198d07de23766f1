"""What the K-step estimate is made of and how it stands to the return, for K = 0..H. Plain arrays; no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.analysis.bias_numbers import Integers, clustered_error

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Parts:
    """Means over the states for one K: ``estimate`` = ``rewards`` + ``intrinsic`` + ``terminal``.

    ``gap``: estimate minus return, with the standard error over episodes (None for one). ``below``: the share of states
    whose estimate is at most the return, so that it is a bound there. ``falling``: the share whose estimate is at most
    that of K - 1 (A.6 says all of them; 1 for K = 0).
    """

    steps: int
    estimate: float
    rewards: float
    intrinsic: float
    terminal: float
    gap: float
    gap_error: float | None
    below: float
    falling: float


@dataclass(frozen=True, eq=False)
class Bound:
    """N states, K = 0..H.

    ``estimates``, and ``rewards``, ``intrinsic`` (discounted sums up to K) and ``terminal`` (g^K Q_K), which add up to
    them, are [H + 1, N]. ``returns``, ``to_end``, ``episode``, ``tail_weight`` [N] as in VisitedStates.
    ``reward_after`` [H, N] and ``return_after`` [H + 1, N]: what the real episode gave so many steps later.
    ``rollout_length`` is the K that the agent trains with.
    """

    estimates: Floats
    rewards: Floats
    intrinsic: Floats
    terminal: Floats
    returns: Floats
    to_end: Integers
    episode: Integers
    reward_after: Floats
    return_after: Floats
    tail_weight: Floats
    discount: float
    rollout_length: int

    def __post_init__(self) -> None:
        shape = self.estimates.shape
        parts = (self.rewards, self.intrinsic, self.terminal, self.return_after)
        if len(shape) != 2 or any(part.shape != shape for part in parts) or self.returns.shape != shape[1:]:
            raise ValueError(f"parts of shapes {[part.shape for part in parts]} do not make estimates of {shape}")

    @property
    def longest(self) -> int:
        """H, the longest K."""
        return len(self.estimates) - 1

    @property
    def states(self) -> int:
        """N."""
        return len(self.returns)

    def parts(self, steps: int) -> Parts:
        """The estimate of K = ``steps`` taken apart."""
        estimate = self.estimates[steps]
        gap = estimate - self.returns
        falling = 1.0 if steps == 0 else float((estimate <= self.estimates[steps - 1]).mean())
        return Parts(
            steps,
            float(estimate.mean()),
            float(self.rewards[steps].mean()),
            float(self.intrinsic[steps].mean()),
            float(self.terminal[steps].mean()),
            float(gap.mean()),
            clustered_error(gap, self.episode),
            float((gap <= 0).mean()),
            falling,
        )

    def table(self) -> list[Parts]:
        """Every K."""
        return [self.parts(steps) for steps in range(self.longest + 1)]

    def where_above(self, steps: int) -> tuple[Floats, Floats]:
        """Where K = ``steps`` is no bound: mean steps to the end, and share of states above the return, by tenths."""
        order = np.argsort(self.to_end, kind="stable")
        above = self.estimates[steps] > self.returns
        tenths = [part for part in np.array_split(order, 10) if len(part)]
        return (
            np.array([self.to_end[part].mean() for part in tenths]),
            np.array([above[part].mean() for part in tenths]),
        )

    def optimal_discount(self, steps: int) -> Floats | None:
        """A.4's optimal discount over horizons 0..K, [K + 1], for K = ``steps``, on the real episodes' rewards.

        (1 - g) g^H E[r_H] / E[Q_0] for H < K, and g^K E[Q_K] / E[Q_0] for H = K, where Q carries the paper's factor
        (1 - g). It adds up to 1. None where the mean return is not positive, or a weight would be negative: the
        appendix is about rewards that are not.
        """
        weights = self.discount ** np.arange(steps + 1)
        factor = 1 - self.discount
        scale = factor * self.returns.mean()
        rewards = factor * self.reward_after[:steps].mean(1)
        value = factor * self.return_after[steps].mean()
        if scale <= 0 or value < 0 or (rewards < 0).any():
            return None
        optimal: Floats = np.append(weights[:-1] * rewards, weights[-1] * value) / scale
        return optimal

    def given_discount(self, steps: int) -> Floats:
        """A.1's truncated geometric horizon, which discounting means: (1 - g) g^H for H < K, g^K for H = K."""
        weights: Floats = self.discount ** np.arange(steps + 1, dtype=np.float64)
        weights[:-1] *= 1 - self.discount
        return weights

    def verdict(self) -> str:
        """Whether it is a bound for the K that the agent trains with, and how that changes with K, in sentences."""
        table = self.table()
        own = table[min(self.rollout_length, self.longest)]
        share = 100 * own.below
        kind = "A bound in practice" if share >= 95 else "No bound in practice" if share <= 5 else "A bound in part"
        closest = min(table, key=lambda parts: abs(parts.gap)).steps
        at = f"at K = {own.steps} the estimate is at most the return in {share:.0f} % of the states"
        gap = 100 * own.gap / max(float(np.abs(self.returns).mean()), 1e-12)
        mean = f"{abs(gap):.0f} % {'above' if gap > 0 else 'below'} it on average"
        return f"{kind}: {at} and {mean}. It is closest at K = {closest}."

    # ---- stored -----------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All arrays by name."""
        return {name: getattr(self, name) for name in _ARRAYS}

    def document(self) -> dict[str, Any]:
        """What is no array."""
        return {"discount": self.discount, "rollout_length": self.rollout_length}

    def info(self) -> dict[str, Any]:
        """Small figures for lists."""
        own = self.parts(min(self.rollout_length, self.longest))
        return {"analysis": "bound", "states": self.states, "longest": self.longest, "below": own.below, "gap": own.gap}

    @classmethod
    def read(cls, arrays: Mapping[str, npt.NDArray[Any]], document: Mapping[str, Any]) -> Bound:
        """What :meth:`arrays` and :meth:`document` stored. Raises ValueError for anything else."""
        try:
            values = {name: np.asarray(arrays[name]) for name in _ARRAYS}
            return cls(**values, discount=document["discount"], rollout_length=document["rollout_length"])
        except KeyError as error:
            raise ValueError(f"The file holds no measurement of the bound: {error} is missing.") from error


_ARRAYS = tuple(field.name for field in fields(Bound) if field.name not in ("discount", "rollout_length"))
