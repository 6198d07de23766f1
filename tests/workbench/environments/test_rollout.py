"""Episodes of a policy: what is recorded, how they end, what happens when the environment breaks."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from workbench.environments.make import make_environment
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.rollout import Episode, Step, iterate_episode, run_episode
from workbench.environments.simulator_state import model_of


class Still:
    """Does nothing, and remembers how often it has done so."""

    def __init__(self, size: int) -> None:
        self.action = np.zeros(size, np.float32)
        self.memories: list[int] = []

    def begin_episode(self) -> int:
        return 0

    def act(self, observation: Any, memory: int) -> tuple[Any, int]:
        self.memories.append(memory)
        return self.action, memory + 1


def test_an_episode_is_recorded_whole() -> None:
    environment, policy = make_environment("HalfCheetah-v5"), Still(6)
    steps = iterate_episode(environment, policy, seed=4, max_steps=5, record=True)
    seen: list[Step] = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            episode: Episode = end.value
            break
    model = model_of(environment)
    assert model is not None
    assert [step.index for step in seen] == [1, 2, 3, 4, 5]
    assert policy.memories == [0, 1, 2, 3, 4]
    assert episode.observations.shape == (6, 17)
    assert episode.observations.dtype == np.float32
    assert episode.actions.shape == (5, 6)
    assert episode.rewards.tolist() == [step.reward for step in seen]
    assert episode.qpos is not None
    assert episode.qvel is not None
    assert (episode.qpos.shape, episode.qvel.shape) == ((6, model.nq), (6, model.nv))
    np.testing.assert_array_equal(episode.qpos[:, 1:].astype(np.float32), episode.observations[:, :8])
    for index, step in enumerate(seen):
        np.testing.assert_array_equal(step.observation, episode.observations[index])
        np.testing.assert_array_equal(step.next_observation, episode.observations[index + 1])
    assert (episode.length, episode.seed) == (5, 4)
    assert episode.episode_return == pytest.approx(sum(step.reward for step in seen))
    again = run_episode(environment, Still(6), seed=4, max_steps=5)
    assert again.rewards.tolist() == episode.rewards.tolist()
    assert again.qpos is None


def test_falling_terminates_and_time_truncates() -> None:
    fall = run_episode(make_environment("Hopper-v5"), Still(3), seed=0)
    assert (fall.terminated, fall.truncated) == (True, False)
    assert fall.length < 1000
    run = run_episode(make_environment("HalfCheetah-v5"), Still(6), seed=0)
    assert (run.terminated, run.truncated, run.length) == (False, True, 1000)
    short = run_episode(make_environment("HalfCheetah-v5", options={"max_episode_steps": 12}), Still(6), seed=0)
    assert (short.terminated, short.truncated, short.length) == (False, True, 12)
    at_the_fall = run_episode(make_environment("Hopper-v5"), Still(3), seed=0, max_steps=fall.length)
    assert (at_the_fall.terminated, at_the_fall.truncated) == (True, False)


def test_steps_pass_through_a_caller_that_keeps_the_episode() -> None:
    environment = make_environment("Pendulum-v1")

    def evaluation() -> Generator[Step, None, float]:
        episode = yield from iterate_episode(environment, Still(1), seed=1, max_steps=3)
        return episode.episode_return

    steps = evaluation()
    rewards = [next(steps).reward for _ in range(3)]
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value == pytest.approx(sum(rewards))


def test_an_episode_can_be_dropped_between_two_steps() -> None:
    environment = make_environment("Pendulum-v1")
    steps = iterate_episode(environment, Still(1))
    next(steps)
    steps.close()
    assert run_episode(environment, Still(1)).length == 200


def test_discounted_returns_are_those_worked_out_by_hand() -> None:
    episode = Episode(np.zeros((4, 1)), np.zeros((3, 1)), np.array([1.0, 2.0, 4.0]), False, True)
    assert episode.discounted_returns(0.5).tolist() == [3.0, 4.0, 4.0]
    assert episode.discounted_returns(0.5, bootstrap=8.0).tolist() == [4.0, 6.0, 8.0]


class Failing(gym.Env[Any, Any]):
    """Breaks at its fourth step of an episode, in the way it is told."""

    observation_space = gym.spaces.Box(-1, 1, (2,))
    action_space = gym.spaces.Box(-1, 1, (1,))

    def __init__(self, fault: str) -> None:
        self.fault, self.steps, self.observation = fault, 0, np.zeros(2, np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self.steps = 0
        if options == {"refuse": True}:
            raise KeyError("refuse")
        return self.observation, {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        broken = self.steps == 4
        if broken and self.fault == "raises":
            raise OSError("the cable is loose")
        self.observation[:] = np.nan if broken and self.fault == "observation" else self.steps / 10
        reward = np.inf if broken and self.fault == "reward" else 0.0
        return self.observation, reward, False, self.steps == 6, {}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("raises", "step 4 with OSError: the cable is loose"),
        ("observation", "not finite at step 4"),
        ("reward", "reward inf at step 4"),
    ],
)
def test_a_fault_names_the_step(fault: str, expected: str) -> None:
    with pytest.raises(EnvironmentProblem, match=expected) as caught:
        run_episode(Failing(fault), Still(1))
    assert "Failing" in str(caught.value)


def test_a_fault_of_the_reset_is_told_and_faults_of_the_policy_are_not_blamed_on_the_environment() -> None:
    with pytest.raises(EnvironmentProblem, match="at reset with KeyError"):
        run_episode(Failing(""), Still(1), reset_options={"refuse": True})

    class Confused(Still):
        def act(self, observation: Any, memory: int) -> tuple[Any, int]:
            raise IndexError("no idea")

    with pytest.raises(IndexError):
        run_episode(Failing(""), Confused(1))


def test_an_environment_that_fills_one_array_again_and_again_is_recorded_rightly() -> None:
    episode = run_episode(Failing(""), Still(1))
    assert episode.observations[:, 0].tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
