"""Environments typed by hand: what works, and the sentence for everything that does not."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import registry

from workbench.environments.make import describe_environment, make_environment
from workbench.environments.problem import EnvironmentProblem

OBSERVATIONS = spaces.Box(-np.inf, np.inf, (3,), np.float32)
ACTIONS = spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 10.0], np.float32))


class Robot(gym.Env[Any, Any]):
    """A small environment of which a test replaces one part."""

    def __init__(
        self,
        observation_space: Any = OBSERVATIONS,
        action_space: Any = ACTIONS,
        observation: Any = None,
        reward: Any = 1.0,
        flag: Any = False,
        fails: str = "",
        speed: float = 1.0,
    ) -> None:
        self.observation_space, self.action_space = observation_space, action_space
        self.observation = np.zeros(3, np.float32) if observation is None else observation
        self.reward, self.flag, self.fails = reward, flag, fails
        self.received: list[Any] = []
        if speed < 0:
            raise ValueError("speed must not be negative")

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        if self.fails == "reset":
            raise RuntimeError("the robot is asleep")
        return self.observation if self.fails == "old reset" else (self.observation, {})

    def step(self, action: Any) -> Any:
        self.received.append(action)
        if self.fails == "old step":
            return self.observation, self.reward, False, {}
        return self.observation, self.reward, self.flag, False, {}


@pytest.fixture(autouse=True)
def robots() -> Iterator[None]:
    """Registrations made by one test, taken away after it."""
    before = dict(registry)
    gym.register("Robot-v1", entry_point=Robot)
    yield
    registry.clear()
    registry.update(before)


def problem(name: str, **arguments: Any) -> str:
    with pytest.raises(EnvironmentProblem) as caught:
        make_environment(name, **arguments)
    return str(caught.value)


def test_any_registered_environment_can_be_typed() -> None:
    facts = describe_environment("MountainCarContinuous-v0")
    assert (facts.observation_shape, facts.action_size, facts.time_limit) == ((2,), 1, 999)
    assert not facts.is_mujoco
    facts = describe_environment("Robot-v1")
    assert (facts.action_low, facts.action_high) == ((-2.0, 0.0), (2.0, 10.0))
    assert (facts.time_limit, facts.time_step, facts.renders) == (None, None, False)


def test_a_module_that_registers_an_environment_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "our_robots.py").write_text(
        "import gymnasium\n"
        "gymnasium.register('Ours-v0', 'gymnasium.envs.classic_control.pendulum:PendulumEnv', max_episode_steps=7)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert describe_environment("our_robots:Ours-v0").time_limit == 7
    assert "'their_robots'" in problem("their_robots:Ours-v0")
    assert "pip install their_robots" in problem("their_robots:Ours-v0")
    assert "our_robots:Theirs-v0" in problem("our_robots:Theirs-v0")
    (tmp_path / "torn_robots.py").write_text("1 / 0\n")
    assert "failed with ZeroDivisionError" in problem("torn_robots:Any-v0")


def test_an_unknown_id_is_answered_with_what_comes_near() -> None:
    assert "did you mean MountainCarContinuous-v0" in problem("MountainCarContinous-v0")
    assert "did you mean TruncatedAnt-v5" in problem("TruncatdAnt-v5")
    assert "choose HalfCheetah-v5 or HalfCheetah-v4" in problem("HalfCheetah-v2")


def test_a_discrete_environment_is_refused() -> None:
    message = problem("CartPole-v1")
    assert "CartPole-v1" in message
    assert "Discrete(2)" in message
    assert "Pendulum-v1" in message


def test_a_missing_optional_package_is_named() -> None:
    gym.register("Ghost-v0", entry_point="ghost_simulator.robots:Ghost")
    assert "pip install ghost_simulator" in problem("Ghost-v0")
    assert "gymnasium[box2d]" in problem("BipedalWalker-v3")


def test_a_missing_class_is_named() -> None:
    gym.register("Typo-v0", entry_point="gymnasium.envs.classic_control.pendulum:PendulumEnvironment")
    assert "PendulumEnvironment" in problem("Typo-v0")
    gym.register("OnlyVector-v0", vector_entry_point="a:B")
    assert "vectorised" in problem("OnlyVector-v0")


def test_an_unknown_option_is_named_with_the_valid_ones() -> None:
    message = problem("Ant-v5", options={"gravitation": 3})
    assert "no option 'gravitation'" in message
    for valid in ("contact_cost_weight", "camera_name", "max_episode_steps"):
        assert valid in message
    assert "self" not in message
    message = problem("Robot-v1", options={"speed": -1.0})
    assert "speed=-1.0" in message
    assert "speed must not be negative" in message
    assert "max_episode_steps" in problem("Pendulum-v1", options={"max_episode_steps": "ten"})


def test_a_render_mode_that_is_not_offered_is_refused() -> None:
    assert "rgb_array" in problem("Pendulum-v1", render_mode="smell")
    assert "rgb_array" in problem("Pendulum-v1", options={"render_mode": "smell"})
    assert "not at all" in problem("Robot-v1", render_mode="human")
    assert make_environment("Pendulum-v1", render_mode="rgb_array").render_mode == "rgb_array"


BROKEN = {
    "a Dict of observations": ({"observation_space": spaces.Dict(a=OBSERVATIONS)}, "FlattenObservation"),
    "integer actions": ({"action_space": spaces.Box(0, 3, (2,), np.int64)}, "int64"),
    "unbounded actions": ({"action_space": spaces.Box(-np.inf, np.inf, (2,))}, "unbounded"),
    "no actions": ({"action_space": spaces.Box(-1, 1, (0,))}, "empty"),
    "another shape": ({"observation": np.zeros(4, np.float32)}, r"shape (4,), not (3,)"),
    "another dtype": ({"observation": np.zeros(3, complex)}, "complex128, not float32"),
    "a list": ({"observation": [0.0, 0.0, 0.0]}, "type list"),
    "NaN in an observation": ({"observation": np.array([0, np.nan, 0], np.float32)}, "not finite"),
    "a NaN reward": ({"reward": float("nan")}, "nan"),
    "a reward that is an array": ({"reward": np.zeros(1)}, "reward"),
    "a flag that is a number": ({"flag": 1}, "terminated"),
    "a reset that fails": ({"fails": "reset"}, "RuntimeError: the robot is asleep"),
    "a reset as in gym": ({"fails": "old reset"}, "(observation, info)"),
    "a step as in gym": ({"fails": "old step"}, "truncated"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_environment_is_refused_before_it_trains(fault: str) -> None:
    options, expected = BROKEN[fault]
    message = problem("Robot-v1", options=options)
    assert "Robot-v1" in message
    assert expected in message


def test_pixels_stay_bytes_and_other_numbers_become_float32() -> None:
    pixels = spaces.Box(0, 255, (4, 4, 3), np.uint8)
    options = {"observation_space": pixels, "observation": np.full((4, 4, 3), 7, np.uint8)}
    facts = describe_environment("Robot-v1", options)
    assert (facts.observation_shape, facts.observation_dtype) == ((4, 4, 3), "uint8")
    options = {"observation_space": spaces.Box(0.0, 1.0, (3,), np.float64), "observation": np.full(3, 0.25)}
    environment = make_environment("Robot-v1", options=options)
    observation, _ = environment.reset()
    assert observation.dtype == environment.observation_space.dtype == np.float32
    assert observation.tolist() == [0.25] * 3


def test_actions_are_rescaled_only_on_request() -> None:
    action = np.array([-1.0, 0.5], np.float32)
    raw = make_environment("Robot-v1")
    raw.step(action * 100)
    assert raw.unwrapped.received[-1].tolist() == [-100.0, 50.0]  # type: ignore[attr-defined]
    scaled = make_environment("Robot-v1", rescale_actions=True)
    assert isinstance(scaled.action_space, spaces.Box)
    assert (scaled.action_space.low.tolist(), scaled.action_space.high.tolist()) == ([-1, -1], [1, 1])
    scaled.step(action)
    np.testing.assert_allclose(scaled.unwrapped.received[-1], [-2.0, 7.5])  # type: ignore[attr-defined]


def test_actions_of_another_shape_become_a_vector() -> None:
    environment = make_environment("Robot-v1", options={"action_space": spaces.Box(-1, 1, (2, 3))})
    assert environment.action_space.shape == (6,)
    environment.step(np.arange(6.0))
    received = environment.unwrapped.received[-1]  # type: ignore[attr-defined]
    assert received.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_the_same_seed_gives_the_same_episodes() -> None:
    first, second = (make_environment("Hopper-v5", seed=5) for _ in range(2))
    assert first.action_space.sample().tolist() == second.action_space.sample().tolist()
    for _ in range(2):
        assert first.reset()[0].tolist() == second.reset()[0].tolist()
    other = make_environment("Hopper-v5", seed=6)
    assert other.reset()[0].tolist() != make_environment("Hopper-v5", seed=5).reset()[0].tolist()


def test_making_a_task_prints_nothing_and_leaves_no_log_file(tmp_path: Path) -> None:
    script = "from workbench.environments.make import make_environment as make; make('HalfCheetah-v4'); make('Ant-v4')"
    path = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[3])!r}); "
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", path + script],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_an_unstable_simulation_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    environment = make_environment("HalfCheetah-v5", seed=0)
    data = environment.unwrapped.data  # type: ignore[attr-defined]
    data.qvel[:] = 1e30
    with caplog.at_level(logging.WARNING):
        environment.step(np.zeros(6, np.float32))
    assert "The simulation is unstable" in caplog.text
