"""States that a policy visits in complete episodes, with the discounted returns that followed them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from workbench.agents.estimates import Estimator, Unrolled
from workbench.analysis.steps import Analysis, AnalysisStep, told_as
from workbench.environments.rollout import Episode, Policy, Step, iterate_episode
from workbench.environments.wrappers import Environment
from workbench.noise import Noise

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: states that are imagined from at once, between two steps of the analysis
CHUNK = 256


@dataclass(frozen=True)
class Collecting:
    """Which states: at least ``states``, of the first ``first_steps`` steps of complete episodes.

    ``at_time_limit`` says what a return holds of what follows a truncation: nothing ("cut", as the authors of REDQ and
    ALM do) or the critic's own value there ("bootstrap"). Nothing follows a termination.
    """

    states: int = 1000
    first_steps: int = 350
    at_time_limit: str = "cut"


@dataclass(frozen=True, eq=False)
class VisitedStates:
    """N states of E episodes, in order.

    ``episode`` [N] numbers the episodes from 0, ``step`` [N] the environment steps before the state, ``to_end`` [N] the
    steps from it to its episode's end (at least 1). ``returns`` [N]: discounted, to the end. ``tail_weight`` [N]: the
    discount of what follows a time limit, g^to_end; 0 where the task itself ended.
    """

    episodes: tuple[Episode, ...]
    episode: Integers
    step: Integers
    to_end: Integers
    returns: Floats
    tail_weight: Floats
    #: rewards of each episode [T] as the critic was taught them
    rewards_of: tuple[Floats, ...] = field(repr=False)
    #: discounted return from every step of each episode, [T + 1]; the last is what follows the end
    returns_of: tuple[Floats, ...] = field(repr=False)
    discount: float

    @property
    def observations(self) -> npt.NDArray[Any]:
        """[N, ...]."""
        return np.concatenate([each.observations[: self._kept(n)] for n, each in enumerate(self.episodes)])

    @property
    def actions(self) -> npt.NDArray[Any]:
        """[N, action]: what was done there."""
        return np.concatenate([each.actions[: self._kept(n)] for n, each in enumerate(self.episodes)])

    def _kept(self, number: int) -> int:
        return int((self.episode == number).sum())


def visit_states(
    environment: Environment,
    policy: Policy[Any],
    estimator: Estimator,
    noise: Noise,
    collecting: Collecting,
    seed_of: Callable[[int], int],
) -> Analysis[VisitedStates]:
    """Run complete episodes of ``policy`` until there are enough states; a step after each environment step.

    ``seed_of`` gives the seed of an episode's reset by its number. The estimator and its ``noise`` are used where a
    return goes on with the critic's value alone.
    """
    episodes: list[Episode] = []
    states = 0

    def counted(step: Step) -> AnalysisStep:
        done = states + min(step.index, collecting.first_steps)
        return AnalysisStep(min(done, collecting.states), collecting.states, "states")

    while states < collecting.states:
        steps = iterate_episode(environment, policy, seed=seed_of(len(episodes)), record=True)
        episodes.append((yield from told_as(steps, counted)))
        states += min(episodes[-1].length, collecting.first_steps)
    ends = [_value_after(each, estimator, noise, collecting) for each in episodes]
    rewards = [estimator.taught(torch.as_tensor(each.rewards)).numpy() for each in episodes]
    return states_of(episodes, rewards, ends, estimator.discount, collecting.first_steps)


def _value_after(episode: Episode, estimator: Estimator, noise: Noise, collecting: Collecting) -> float:
    if episode.terminated or collecting.at_time_limit == "cut":
        return 0.0
    return float(estimator.value(torch.as_tensor(episode.observations[-1:], device=estimator.device), noise).item())


def states_of(
    episodes: list[Episode], rewards: list[Floats], ends: list[float], discount: float, first_steps: int
) -> VisitedStates:
    """The first ``first_steps`` states of each episode; ``ends`` are the values of what follows the episodes."""
    kept = [np.arange(min(each.length, first_steps)) for each in episodes]
    returns_of = tuple(
        np.append(replace(episode, rewards=taught).discounted_returns(discount, end), end)
        for episode, taught, end in zip(episodes, rewards, ends, strict=True)
    )
    to_end = np.concatenate([each.length - steps for each, steps in zip(episodes, kept, strict=True)])
    episode = np.repeat(np.arange(len(episodes)), [len(steps) for steps in kept])
    truncated = np.array([each.truncated and not each.terminated for each in episodes])
    returns = np.concatenate([values[: len(steps)] for values, steps in zip(returns_of, kept, strict=True)])
    tail_weight = np.where(truncated[episode], discount ** to_end.astype(np.float64), 0.0)
    step = np.concatenate(kept)
    return VisitedStates(
        tuple(episodes), episode, step, to_end, returns, tail_weight, tuple(rewards), returns_of, discount
    )


def unroll_states(states: VisitedStates, estimator: Estimator, steps: int, noise: Noise) -> Analysis[Unrolled]:
    """Imagine ``steps`` steps from every state with the action that was taken there, some states at a time."""
    observations = torch.as_tensor(states.observations, device=estimator.device)
    actions = torch.as_tensor(states.actions, device=estimator.device)
    total, parts = len(observations), []
    for begin in range(0, total, CHUNK):
        chunk = slice(begin, begin + CHUNK)
        parts.append(estimator.unroll(observations[chunk], actions[chunk], steps, noise))
        yield AnalysisStep(min(begin + CHUNK, total), total, "estimates")
    return Unrolled(*(_joined(parts, name, total) for name in ("rewards", "intrinsic", "values")))


def _joined(parts: list[Unrolled], name: str, total: int) -> Tensor:
    joined = torch.cat([getattr(part, name) for part in parts], -1).cpu().double()
    if joined.ndim != 2 or joined.shape[1] != total:
        raise ValueError(f"the estimator gave {name} of shape {tuple(joined.shape)} for {total} states")
    return joined
