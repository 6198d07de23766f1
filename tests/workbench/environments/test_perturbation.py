"""Noise on observations and on the dynamics: how large it is, what it leaves alone, and that it repeats exactly."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from workbench.environments.make import make_environment
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.simulator_state import SimulatorState, get_physics, restore_state, save_state

STD = 0.05
TASKS = ["HalfCheetah-v5", "Ant-v5", "Pendulum-v1", "MountainCarContinuous-v0"]
KINDS = ["observation_noise", "dynamics_noise"]


def actions(environment: Any, count: int = 40) -> list[Any]:
    space = environment.action_space
    return list(np.random.default_rng(3).uniform(space.low, space.high, (count, *space.shape)).astype(np.float32))


def episode(environment: Any, given: list[Any], seed: int | None = 5) -> list[np.ndarray]:
    """Observations of a new episode, its reset's first; a new one begins where one ends."""
    seen = [environment.reset(seed=seed)[0]]
    for action in given:
        observation, _, terminated, truncated, _ = environment.step(action)
        seen.append(environment.reset()[0] if terminated or truncated else observation)
    return seen


def test_observation_noise_is_normal_noise_on_what_is_seen_and_leaves_the_state_alone() -> None:
    plain, noisy = make_environment("HalfCheetah-v5"), make_environment("HalfCheetah-v5", observation_noise=STD)
    given = actions(plain, 200)
    difference = np.stack(episode(noisy, given)) - np.stack(episode(plain, given))
    assert difference[0].any()  # the reset's observation too
    assert difference.std() == pytest.approx(STD, rel=0.05)
    assert abs(difference.mean()) < 4 * STD / np.sqrt(difference.size)
    ours, theirs = get_physics(noisy), get_physics(plain)
    assert ours is not None
    assert theirs is not None
    assert np.array_equal(ours[0], theirs[0])
    assert episode(noisy, given[:1])[0].dtype == np.float32


def test_dynamics_noise_moves_the_state_and_the_observation_is_that_of_the_moved_state() -> None:
    plain, noisy = make_environment("HalfCheetah-v5"), make_environment("HalfCheetah-v5", dynamics_noise=STD)
    moved = []
    for seed, action in enumerate(actions(plain, 60)):
        assert np.array_equal(noisy.reset(seed=seed)[0], plain.reset(seed=seed)[0])
        observation, reward, *_ = noisy.step(action)
        _, usual, *_ = plain.step(action)
        assert reward == usual  # of the step itself
        ours, theirs = get_physics(noisy), get_physics(plain)
        assert ours is not None
        assert theirs is not None
        moved += [ours[0] - theirs[0], ours[1] - theirs[1]]
        assert observation == pytest.approx(np.concatenate((ours[0][1:], ours[1])), rel=1e-6)
    assert np.stack(moved).std() == pytest.approx(STD, rel=0.1)


def test_a_moved_rotation_stays_one() -> None:
    ant = make_environment("Ant-v5", dynamics_noise=0.5)
    ant.reset(seed=0)
    ant.step(actions(ant, 1)[0])
    physics = get_physics(ant)
    assert physics is not None
    assert np.linalg.norm(physics[0][3:7]) == pytest.approx(1.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", TASKS)
def test_a_seed_repeats_everything_and_a_restored_state_goes_on_bit_for_bit(task: str, kind: str) -> None:
    options = {"max_episode_steps": 17}
    noise: dict[str, Any] = {kind: STD}
    environment = make_environment(task, options=options, **noise)
    given = actions(environment)
    first = episode(environment, given[:20])
    state = save_state(environment)
    rest = [environment.step(action)[0] for action in given[20:30]]

    fresh = make_environment(task, options=options, **noise)
    stored = SimulatorState(state.arrays, json.loads(json.dumps(state.facts)))
    restore_state(fresh, stored)
    assert np.array_equal(rest, [fresh.step(action)[0] for action in given[20:30]])
    assert np.array_equal(first, episode(fresh, given[:20]))
    assert not np.array_equal(first, episode(fresh, given[:20], seed=6))
    with pytest.raises(EnvironmentProblem, match="make the environment as it was"):
        restore_state(make_environment(task, options=options), stored)


def test_no_noise_is_no_wrapper() -> None:
    quiet = make_environment("Pendulum-v1", observation_noise=0.0, dynamics_noise=0.0)
    assert type(quiet) is type(make_environment("Pendulum-v1"))
    assert save_state(quiet).facts["wrappers"] == save_state(make_environment("Pendulum-v1")).facts["wrappers"]


def test_what_cannot_be_disturbed_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from gymnasium.envs.classic_control.pendulum import PendulumEnv

    fixed = property(lambda self: (0.0, 0.0), lambda self, value: None)
    monkeypatch.setattr(PendulumEnv, "state", fixed, raising=False)
    monkeypatch.setattr(PendulumEnv, "_get_obs", lambda self: np.zeros(3, np.float32))
    with pytest.raises(EnvironmentProblem, match=r"dynamics_noise needs .* set it to 0"):
        make_environment("Pendulum-v1", dynamics_noise=0.1)
