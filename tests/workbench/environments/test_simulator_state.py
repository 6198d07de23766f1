"""Saving and restoring continues an episode bit for bit, in a fresh environment."""

from __future__ import annotations

import json
import pickle
import time
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from workbench.environments.catalog import TASKS
from workbench.environments.make import make_environment
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.simulator_state import (
    SimulatorState,
    can_restore,
    get_physics,
    model_of,
    obstacle_to_restoring,
    restore_state,
    save_state,
    set_physics,
)
from workbench.environments.wrappers import Environment

NAMES = [*(task.name for task in TASKS), "MountainCarContinuous-v0", "Pusher-v5", "InvertedDoublePendulum-v5"]
LIMIT = {"max_episode_steps": 90}  # so that some episodes end by the time limit within the steps of a test


def advance(environment: Environment, actions: Any) -> list[Any]:
    """Everything that the steps return, with resets where episodes end."""
    seen: list[Any] = []
    for action in actions:
        observation, reward, terminated, truncated, info = environment.step(action)
        seen.append((observation, float(reward), terminated, truncated, info))
        if terminated or truncated:
            seen.append(environment.reset())
    return seen


def stored(state: SimulatorState) -> SimulatorState:
    """The state as a checkpoint brings it back: arrays as bytes, facts as JSON."""
    arrays = {name: np.frombuffer(bytearray(a.tobytes()), a.dtype).reshape(a.shape) for name, a in state.arrays.items()}
    return SimulatorState(arrays, json.loads(json.dumps(state.facts)))


def draw_actions(environment: Environment, count: int) -> list[Any]:
    space = environment.action_space
    assert isinstance(space, gym.spaces.Box)
    return list(np.random.default_rng(3).uniform(space.low, space.high, (count, *space.shape)).astype(np.float32))


@pytest.mark.parametrize("name", NAMES)
def test_a_restored_environment_continues_bit_for_bit(name: str) -> None:
    environment = make_environment(name, options=LIMIT, seed=1)
    actions = draw_actions(environment, 337)
    advance(environment, actions[:37])
    state = save_state(environment)
    expected = advance(environment, actions[37:])
    fresh = make_environment(name, options=LIMIT, seed=2)
    restore_state(fresh, stored(state))
    found = advance(fresh, actions[37:])
    assert pickle.dumps(found) == pickle.dumps(expected)
    assert any(len(each) == 2 for each in expected), "no episode ended"
    assert fresh.action_space.sample().tolist() == environment.action_space.sample().tolist()


def test_a_state_right_after_a_reset_can_be_restored() -> None:
    for name in ("Pendulum-v1", "Humanoid-v5"):
        environment, fresh = make_environment(name, seed=1), make_environment(name, seed=2)
        environment.reset()
        restore_state(fresh, stored(save_state(environment)))
        actions = draw_actions(environment, 5)
        assert pickle.dumps(advance(fresh, actions)) == pickle.dumps(advance(environment, actions))


def test_an_environment_that_gymnasium_checks_can_be_restored_between_its_checks() -> None:
    environment, fresh = gym.make("Hopper-v5"), gym.make("Hopper-v5")
    environment.reset(seed=0)
    actions = draw_actions(environment, 9)
    advance(environment, actions[:1])
    restore_state(fresh, save_state(environment))
    assert pickle.dumps(advance(fresh, actions[1:])) == pickle.dumps(advance(environment, actions[1:]))


def test_a_saved_state_does_not_change_with_the_environment() -> None:
    environment = make_environment("Ant-v5", seed=0)
    state = save_state(environment)
    before = pickle.dumps(state)
    advance(environment, draw_actions(environment, 3))
    assert pickle.dumps(state) == before


def test_saving_costs_less_than_a_millisecond() -> None:
    environment = make_environment("Humanoid-v5", seed=0)
    save_state(environment)
    costs = []
    for _ in range(20):
        start = time.perf_counter()
        save_state(environment)
        costs.append(time.perf_counter() - start)
    assert min(costs) < 1e-3


def test_a_state_of_another_environment_is_refused() -> None:
    hopper = save_state(make_environment("Hopper-v5"))
    with pytest.raises(EnvironmentProblem, match=r"hopper_v5:HopperEnv .*, not to .*ant_v5:AntEnv"):
        restore_state(make_environment("Ant-v5"), hopper)
    with pytest.raises(EnvironmentProblem, match="make the environment as it was"):
        restore_state(make_environment("Hopper-v5", rescale_actions=True), hopper)
    shrunk = SimulatorState({**hopper.arrays, "xpos": np.zeros((2, 3))}, hopper.facts)
    with pytest.raises(EnvironmentProblem, match="does not fit the model"):
        restore_state(make_environment("Hopper-v5"), shrunk)


def test_an_environment_with_a_state_of_its_own_cannot_be_restored() -> None:
    assert can_restore(make_environment("Hopper-v5"))
    averaging = gym.wrappers.NormalizeObservation(make_environment("Hopper-v5"))
    assert not can_restore(averaging)
    assert "NormalizeObservation" in str(obstacle_to_restoring(averaging))
    with pytest.raises(EnvironmentProblem, match="NormalizeObservation"):
        save_state(averaging)

    class OtherPendulum(gym.envs.classic_control.PendulumEnv):
        """A pendulum that might remember anything."""

    assert "OtherPendulum" in str(obstacle_to_restoring(OtherPendulum()))


def test_physics_can_be_read_and_placed() -> None:
    environment, viewer = make_environment("Hopper-v5", seed=0), make_environment("Hopper-v5", seed=1)
    advance(environment, draw_actions(environment, 5))
    physics = get_physics(environment)
    assert physics is not None
    qpos, qvel = physics
    model = model_of(environment)
    assert model is not None
    assert (qpos.shape, qvel.shape) == ((model.nq,), (model.nv,))
    set_physics(viewer, qpos, qvel)
    data = viewer.unwrapped.data  # type: ignore[attr-defined]
    assert data.qpos.tolist() == qpos.tolist()
    assert data.body("torso").xpos[0] == pytest.approx(qpos[0])
    advance(environment, draw_actions(environment, 5))
    assert data.qpos.tolist() == qpos.tolist(), "the arrays are copies"
    with pytest.raises(EnvironmentProblem, match="6 positions and 6 velocities"):
        set_physics(viewer, qpos[1:], qvel)


@pytest.mark.parametrize("name", ["Pendulum-v1", "MountainCarContinuous-v0"])
def test_classic_control_has_one_position_and_one_velocity(name: str) -> None:
    environment, viewer = make_environment(name, seed=0), make_environment(name, seed=1)
    assert model_of(environment) is None
    advance(environment, draw_actions(environment, 5))
    physics = get_physics(environment)
    assert physics is not None
    qpos, qvel = physics
    set_physics(viewer, qpos, qvel)
    assert get_physics(viewer) == physics
    action = draw_actions(environment, 1)[0]
    assert np.array_equal(environment.step(action)[0], viewer.step(action)[0]), "they go on alike"
    with pytest.raises(EnvironmentProblem, match="1 positions and 1 velocities"):
        set_physics(viewer, np.zeros(2), qvel)


def test_an_unknown_environment_without_mujoco_has_no_physics() -> None:
    class OtherPendulum(gym.envs.classic_control.PendulumEnv):
        """A pendulum whose state may mean anything."""

    environment = OtherPendulum()
    environment.reset(seed=0)
    assert get_physics(environment) is None
    with pytest.raises(EnvironmentProblem, match="no MuJoCo model"):
        set_physics(environment, np.zeros(1), np.zeros(1))
