"""What the numbers of a state are called, and which ones cannot be a state."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from workbench.environments.coordinates import coordinates_of
from workbench.environments.make import make_environment
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.simulator_state import get_physics, observe, set_physics


def test_joints_give_their_names_units_and_limits() -> None:
    environment = make_environment("HalfCheetah-v5", seed=1)
    found = coordinates_of(environment)
    assert [part.name for part in found.positions] == [
        *("rootx", "rootz", "rooty", "bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot")
    ]
    assert [part.unit for part in found.positions[:4]] == ["m", "m", "rad", "rad"]
    assert [part.unit for part in found.velocities[:4]] == ["m/s", "m/s", "rad/s", "rad/s"]
    thigh = found.positions[3]
    assert (thigh.low, thigh.high) == pytest.approx((-0.52 - 0.25 * 1.57, 1.05 + 0.25 * 1.57))
    assert thigh.help == "The joint's limits are -0.52 to 1.05 rad"
    assert "rad" in thigh.problem(1.5)
    assert thigh.problem(1.2) == "", "limits are soft"


def test_free_bodies_have_rotations_of_length_one() -> None:
    environment = make_environment("Ant-v5", seed=1)
    found, physics = coordinates_of(environment), get_physics(environment)
    assert physics is not None
    qpos, qvel = physics
    assert (len(found.positions), len(found.velocities)) == (15, 14)
    assert [part.name for part in found.positions[:7]] == [
        *("root x", "root y", "root z", "root qw", "root qx", "root qy", "root qz")
    ]
    assert found.velocities[3].name == "root turn x"
    long = qpos.copy()
    long[3:7] *= 3.0
    assert found.problems(long, qvel, qpos, qvel) == []
    made = found.normalised(long, qpos)
    assert np.linalg.norm(made[3:7]) == pytest.approx(1.0)
    assert made[3:7] / made[3] == pytest.approx(qpos[3:7] / qpos[3])
    assert np.array_equal(found.normalised(qpos, qpos), qpos), "the task's own resets are not of length 1"
    none = qpos.copy()
    none[3:7] = 0.0
    (problem,) = found.problems(none, qvel, qpos, qvel)
    assert (problem.field, problem.message) == ("qpos[3]", "root qw: the four numbers of a rotation must not all be 0")


def test_what_is_wrong_stands_at_its_number() -> None:
    environment = make_environment("Pendulum-v1", seed=1)
    found = coordinates_of(environment)
    own = (np.array([0.5]), np.array([9.5]))
    assert found.problems(*own, *own) == [], "what the simulator itself was in is right"
    bad = found.problems(np.array([np.nan]), np.array([8.5]), *own)
    assert [problem.field for problem in bad] == ["qpos[0]", "qvel[0]"]
    sizes = found.problems(np.zeros(2), np.zeros(0), *own)
    assert [str(problem) for problem in sizes] == [
        "qpos: 2 given, but this task has 1: angle",
        "qvel: 0 given, but this task has 1: angular velocity",
    ]


@pytest.mark.parametrize("name", ["Pendulum-v1", "MountainCarContinuous-v0", "Reacher-v5", "Humanoid-v5", "Pusher-v5"])
def test_every_state_of_a_task_is_in_its_coordinates(name: str) -> None:
    environment = make_environment(name, seed=3)
    found, physics = coordinates_of(environment), get_physics(environment)
    assert physics is not None
    assert (len(found.positions), len(found.velocities)) == tuple(len(each) for each in physics)
    assert found.problems(*physics, *(each + 1e-9 for each in physics)) == []


@pytest.mark.parametrize("name", ["Pendulum-v1", "MountainCarContinuous-v0", "HalfCheetah-v5"])
def test_the_environment_observes_a_state_that_it_was_put_into(name: str) -> None:
    environment = make_environment(name, seed=5)
    expected, _ = environment.reset(seed=7)
    physics = get_physics(environment)
    assert physics is not None
    environment.reset(seed=8)
    set_physics(environment, *physics)
    seen = observe(environment)
    assert seen.dtype == np.float32
    assert seen == pytest.approx(expected, abs=1e-6)


def test_noise_is_a_part_of_what_is_seen() -> None:
    environment = make_environment("Pendulum-v1", observation_noise=0.5, seed=1)
    environment.reset(seed=1)
    assert not np.allclose(observe(environment), observe(environment))


class Blind(gym.Env[Any, Any]):
    """It has spaces and nothing else."""

    action_space = observation_space = gym.spaces.Box(-1.0, 1.0, (1,))


def test_a_task_without_positions_says_so() -> None:
    with pytest.raises(EnvironmentProblem, match="A state of Blind cannot be set by hand"):
        coordinates_of(Blind())
    with pytest.raises(EnvironmentProblem, match="does not say how it observes"):
        observe(Blind())
