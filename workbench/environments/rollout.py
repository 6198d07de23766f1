"""Episodes of any policy in any environment, as a generator that can be paused or dropped between two steps."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from workbench.environments.problem import EnvironmentProblem
from workbench.environments.simulator_state import get_physics
from workbench.environments.wrappers import Environment

Memory = TypeVar("Memory")
Array = NDArray[Any]


class Policy(Protocol[Memory]):
    """What acts: ``memory`` carries whatever it must remember within one episode (a belief, a time index, nothing)."""

    def begin_episode(self) -> Memory:
        """The memory before the first action."""
        ...

    def act(self, observation: Array, memory: Memory) -> tuple[Array, Memory]:
        """The action `[action]` for ``observation``, and the memory to hand to the next call."""
        ...


@dataclass(frozen=True)
class Step:
    """One environment step; ``index`` counts from 1, ``observation`` is what the policy saw."""

    index: int
    observation: Array
    action: Array
    reward: float
    next_observation: Array
    terminated: bool
    truncated: bool


@dataclass(frozen=True)
class Episode:
    """One episode of T steps: observations `[T + 1, ...]`, actions `[T, action]`, rewards `[T]` (float64).

    ``terminated`` means that the task ended, ``truncated`` that time was up (the environment's limit or the caller's):
    what follows a truncation still has value. ``qpos`` `[T + 1, nq]` and ``qvel`` `[T + 1, nv]` are kept on request,
    for environments whose positions are known.
    """

    observations: Array
    actions: Array
    rewards: NDArray[np.float64]
    terminated: bool
    truncated: bool
    seed: int | None = None
    qpos: NDArray[np.float64] | None = None
    qvel: NDArray[np.float64] | None = None

    @property
    def length(self) -> int:
        """Environment steps taken, T."""
        return len(self.rewards)

    @property
    def episode_return(self) -> float:
        """The undiscounted sum of the rewards."""
        return float(self.rewards.sum())

    def discounted_returns(self, discount: float, bootstrap: float = 0.0) -> NDArray[np.float64]:
        """The discounted return to go from each step `[T]`; ``bootstrap`` is the value after the last step."""
        returns = np.empty(self.length)
        following = bootstrap
        for step in reversed(range(self.length)):
            following = self.rewards[step] + discount * following
            returns[step] = following
        return returns


def reset_environment(
    environment: Environment, seed: int | None = None, options: dict[str, Any] | None = None
) -> Array:
    """A copy of the first observation of a new episode.

    Raises :class:`EnvironmentProblem` if the environment raises or returns a number that is not finite.
    """
    observation, _ = _guarded(lambda: environment.reset(seed=seed, options=options), environment, "reset")
    return _finite(observation, environment, "reset")


def step_environment(environment: Environment, action: Array, index: int) -> tuple[Array, float, bool, bool]:
    """Observation (a copy), reward, terminated, truncated after one step, the ``index``-th, which messages name.

    Raises :class:`EnvironmentProblem`, which names the step, if the environment raises or returns a number that is not
    finite.
    """
    when = f"step {index:,}"
    observation, reward, terminated, truncated, _ = _guarded(lambda: environment.step(action), environment, when)
    if not np.isfinite(reward):
        raise EnvironmentProblem(f"{_name(environment)} returned the reward {float(reward)} at {when}.")
    return _finite(observation, environment, when), float(reward), bool(terminated), bool(truncated)


class RunningEpisode:
    """An episode as it goes on in ``environment``, which shows ``observation`` at its beginning.

    ``max_steps`` truncates; ``record`` keeps positions and velocities. ``ended`` says that no step can follow.
    """

    def __init__(
        self, environment: Environment, observation: Array, *, max_steps: int | None = None, record: bool = False
    ) -> None:
        self._environment, self._max_steps, self._record = environment, max_steps, record
        self._observations = [observation]
        self._actions: list[Array] = []
        self.rewards: list[float] = []
        self._physics = [get_physics(environment)] if record else []
        self._terminated = self._truncated = False

    @property
    def observation(self) -> Array:
        """The newest one."""
        return self._observations[-1]

    @property
    def ended(self) -> bool:
        """Whether the task ended or time is up."""
        return self._terminated or self._truncated

    def step(self, action: Array) -> Step:
        """Take one environment step. Raises :class:`EnvironmentProblem`, which names the step."""
        before, index = self.observation, len(self.rewards) + 1
        following, reward, terminated, truncated = step_environment(self._environment, action, index)
        out_of_time = self._max_steps is not None and index >= self._max_steps and not terminated
        self._terminated, self._truncated = terminated, truncated or out_of_time
        self._observations.append(following)
        self._actions.append(np.array(action))
        self.rewards.append(reward)
        if self._record:
            self._physics.append(get_physics(self._environment))
        return Step(index, before, self._actions[-1], reward, following, terminated, self._truncated)

    def episode(self, seed: int | None = None) -> Episode:
        """What happened, after one step at least; ``seed`` is that of the reset."""
        places = [each for each in self._physics if each is not None]
        return Episode(
            observations=np.stack(self._observations),
            actions=np.stack(self._actions),
            rewards=np.array(self.rewards, np.float64),
            terminated=self._terminated,
            truncated=self._truncated,
            seed=seed,
            qpos=np.stack([qpos for qpos, _ in places]) if places else None,
            qvel=np.stack([qvel for _, qvel in places]) if places else None,
        )


def iterate_episode(
    environment: Environment,
    policy: Policy[Memory],
    *,
    seed: int | None = None,
    reset_options: dict[str, Any] | None = None,
    max_steps: int | None = None,
    record: bool = False,
) -> Generator[Step, None, Episode]:
    """Run one episode; yields a :class:`Step` after each environment step and returns the :class:`Episode`.

    ``episode = yield from iterate_episode(...)`` passes the steps on and keeps the result. ``max_steps`` truncates;
    ``record`` keeps positions and velocities. Raises :class:`EnvironmentProblem`, which names the step.
    """
    running = RunningEpisode(
        environment, reset_environment(environment, seed, reset_options), max_steps=max_steps, record=record
    )
    memory = policy.begin_episode()
    while not running.ended:
        action, memory = policy.act(running.observation, memory)
        yield running.step(action)
    return running.episode(seed)


def run_episode(
    environment: Environment,
    policy: Policy[Memory],
    *,
    seed: int | None = None,
    reset_options: dict[str, Any] | None = None,
    max_steps: int | None = None,
    record: bool = False,
) -> Episode:
    """Run one episode to its end at once; see :func:`iterate_episode`."""
    steps = iterate_episode(
        environment, policy, seed=seed, reset_options=reset_options, max_steps=max_steps, record=record
    )
    while True:
        try:
            next(steps)
        except StopIteration as end:
            episode: Episode = end.value
            return episode


def _guarded(call: Callable[[], Any], environment: Environment, when: str) -> Any:
    try:
        return call()
    except Exception as error:
        raise EnvironmentProblem(
            f"{_name(environment)} failed at {when} with {type(error).__name__}: {error}. "
            "What was collected before is kept."
        ) from error


def _finite(observation: Array, environment: Environment, when: str) -> Array:
    if not np.isfinite(observation).all():
        raise EnvironmentProblem(f"{_name(environment)} returned an observation that is not finite at {when}.")
    return np.array(observation)  # Some environments fill the same array again and again.


def _name(environment: Environment) -> str:
    spec = environment.unwrapped.spec
    return spec.id if spec is not None else type(environment.unwrapped).__name__
