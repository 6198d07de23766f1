"""The K-step estimate for every K against the true return: its parts, where it is a bound, and A.4's discounts.

ALM (Ghugare et al., ICLR 2023): Eq. 5 to 8, Theorem 3.1, App. A.1, A.4, A.6. The theorem is about logarithms of
rewards and values that are not negative, and about a term of weight one between encoder and model; in practice the
rewards and values are taken as they are and the term is weighted by c. So whether the estimate stays below the return,
and falls as K grows, is a question that only measuring answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from workbench.agents.estimates import Estimator, Unrolled
from workbench.analysis.bound_numbers import Bound, Floats
from workbench.analysis.steps import Analysis
from workbench.analysis.visited_states import Collecting, VisitedStates, unroll_states, visit_states
from workbench.environments.rollout import Policy
from workbench.environments.wrappers import Environment
from workbench.noise import Noise


def measure_bound(
    environment: Environment,
    policy: Policy[Any],
    estimator: Estimator,
    noise: Noise,
    collecting: Collecting,
    seed_of: Callable[[int], int],
    longest: int,
) -> Analysis[Bound]:
    """Visit states as Q-bias does, imagine ``longest`` steps from each, and take the estimate apart for every K.

    Raises ValueError where the agent trains no model.
    """
    if estimator.rollout_length == 0:
        raise ValueError("without a model there is no K-step estimate")
    states = yield from visit_states(environment, policy, estimator, noise, collecting, seed_of)
    unrolled = yield from unroll_states(states, estimator, longest, noise)
    return bound_of(states, unrolled, estimator.discount, estimator.rollout_length)


def bound_of(states: VisitedStates, unrolled: Unrolled, discount: float, rollout_length: int) -> Bound:
    """What the parts of one rollout add up to for K = 0..H, beside the returns of the states it began in."""
    weights = discount ** torch.arange(len(unrolled.values), dtype=unrolled.values.dtype)[:, None]
    nothing = torch.zeros_like(unrolled.values[:1])
    rewards, intrinsic = (
        torch.cat((nothing, (weights[:-1] * part).cumsum(0))).numpy() for part in (unrolled.rewards, unrolled.intrinsic)
    )
    real_rewards, real_returns = rewards_and_returns_after(states, len(unrolled.rewards))
    return Bound(
        estimates=unrolled.estimates(discount).numpy(),
        rewards=rewards,
        intrinsic=intrinsic,
        terminal=(weights * unrolled.values).numpy(),
        returns=states.returns,
        to_end=states.to_end,
        episode=states.episode,
        reward_after=real_rewards,
        return_after=real_returns,
        tail_weight=states.tail_weight,
        discount=discount,
        rollout_length=rollout_length,
    )


def rewards_and_returns_after(states: VisitedStates, longest: int) -> tuple[Floats, Floats]:
    """Rewards [H, N] at 0..H-1 real steps after each state, and returns [H + 1, N] from 0..H steps after it.

    Behind an episode's last step there is no reward. What follows the end (a bootstrapped value, or nothing) is counted
    from later steps too, grown by the discount of the steps in between, so that discounting it gives the same.
    """
    discount = states.discount
    rewards, returns = np.zeros((longest, len(states.returns))), np.zeros((longest + 1, len(states.returns)))
    for number, episode in enumerate(states.episodes):
        columns = np.flatnonzero(states.episode == number)
        begin, length = states.step[columns], episode.length
        values, given = states.returns_of[number], states.rewards_of[number]
        for h in range(longest + 1):
            at = begin + h
            beyond = np.maximum(at - length, 0)
            returns[h, columns] = values[np.minimum(at, length)]
            if values[length] != 0.0:
                returns[h, columns] *= discount ** -beyond.astype(np.float64)
            if h < longest:
                rewards[h, columns] = np.where(at < length, given[np.minimum(at, length - 1)], 0.0)
    return rewards, returns
