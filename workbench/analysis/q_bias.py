"""Q-bias: what the critic and the K-step estimate promise against what the policy's episodes returned.

The protocol of REDQ (Chen et al., ICLR 2021) as ALM uses it (Ghugare et al., ICLR 2023, Fig. 4, 8, App. E), with the
difference taken state by state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.agents.estimates import Estimator
from workbench.analysis.bias_numbers import CRITIC, K_STEP, QBias
from workbench.analysis.steps import Analysis
from workbench.analysis.visited_states import Collecting, VisitedStates, unroll_states, visit_states
from workbench.environments.rollout import Policy
from workbench.environments.wrappers import Environment
from workbench.noise import Noise


def measure_q_bias(
    environment: Environment,
    policy: Policy[Any],
    estimator: Estimator,
    noise: Noise,
    collecting: Collecting,
    seed_of: Callable[[int], int],
) -> Analysis[QBias]:
    """Run episodes of ``policy`` in ``environment``, then ask ``estimator`` what it promised there.

    ``seed_of`` gives the seed of an episode's reset by its number; ``noise`` is the estimates'. The K-step estimate is
    left out where the agent trains no model.
    """
    states = yield from visit_states(environment, policy, estimator, noise, collecting, seed_of)
    unrolled = yield from unroll_states(states, estimator, estimator.rollout_length, noise)
    promised = unrolled.estimates(estimator.discount).numpy()
    estimates = {CRITIC: promised[0]}
    if estimator.rollout_length > 0:
        estimates[K_STEP] = promised[estimator.rollout_length]
    return QBias(
        returns=states.returns,
        estimates=estimates,
        episode=states.episode,
        step=states.step,
        to_end=states.to_end,
        tail_weight=states.tail_weight,
        lengths=np.array([each.length for each in states.episodes]),
        terminated=np.array([each.terminated for each in states.episodes]),
        rollout_length=estimator.rollout_length,
        discount=estimator.discount,
        first_steps=collecting.first_steps,
        at_time_limit=collecting.at_time_limit,
        rewards_changed=any(
            not np.array_equal(each.rewards, taught)
            for each, taught in zip(states.episodes, states.rewards_of, strict=True)
        ),
        recorded=recorded_episodes(states),
    )


def recorded_episodes(states: VisitedStates) -> dict[str, npt.NDArray[Any]]:
    """All episodes one behind the other: rewards, actions, observations that are no pictures, positions where known."""
    episodes = states.episodes
    arrays: dict[str, npt.NDArray[Any]] = {
        "rewards": np.concatenate([each.rewards for each in episodes]),
        "actions": np.concatenate([each.actions for each in episodes]),
    }
    if episodes[0].observations.ndim == 2:
        arrays["observations"] = np.concatenate([each.observations for each in episodes])
    qpos = [each.qpos for each in states.episodes if each.qpos is not None]
    qvel = [each.qvel for each in states.episodes if each.qvel is not None]
    if len(qpos) == len(qvel) == len(states.episodes):
        arrays |= {"qpos": np.concatenate(qpos), "qvel": np.concatenate(qvel)}
    return arrays
