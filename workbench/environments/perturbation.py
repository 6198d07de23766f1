"""Wrappers that add normal noise to what an agent sees, or to the simulated state itself (Fig. 17 of ALM's paper).

Each has a random stream of its own, which a seeded reset begins anew: the same seed and actions give the same.
"""

from __future__ import annotations

import sys
import zlib
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, TimeLimit

from workbench.environments.problem import EnvironmentProblem
from workbench.environments.wrappers import Environment, wrappers_of


class _Noisy(gym.Wrapper[Any, Any, Any, Any]):
    """A wrapper with a standard deviation and a stream, which ``generator_state`` saves and restores as JSON."""

    stream = ""

    def __init__(self, environment: Environment, std: float) -> None:
        super().__init__(environment)
        self.std = std
        self._generator = np.random.default_rng()

    @property
    def generator_state(self) -> dict[str, Any]:
        """Where the stream is."""
        return dict(self._generator.bit_generator.state)

    @generator_state.setter
    def generator_state(self, state: dict[str, Any]) -> None:
        self._generator.bit_generator.state = state

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """A new episode; ``seed`` begins the stream anew."""
        if seed is not None:
            self._generator = np.random.default_rng([seed, zlib.crc32(self.stream.encode())])
        return super().reset(seed=seed, options=options)

    def _draw(self, shape: tuple[int, ...]) -> Any:
        return self.std * self._generator.standard_normal(shape)


class ObservationNoise(_Noisy):
    """Adds noise of standard deviation ``std`` to every observation, also to that of a reset; the state stays."""

    stream = "observation-noise"

    def __init__(self, environment: Environment, std: float) -> None:
        super().__init__(environment, std)
        if environment.observation_space.dtype != np.float32:
            raise EnvironmentProblem(
                "observation_noise is for observations that are numbers, not pixels: set it to 0 for this task."
            )

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """The noisy first observation."""
        observation, info = super().reset(seed=seed, options=options)
        return self.observation(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """The noisy observation; reward and ends are the task's."""
        observation, *rest = super().step(action)
        return (self.observation(observation), *rest)

    def observation(self, observation: Any) -> Any:
        """``observation`` with fresh noise."""
        return np.asarray(observation + self._draw(observation.shape), np.float32)


class DynamicsNoise(_Noisy):
    """Moves every position and velocity by noise of standard deviation ``std`` after each step.

    The observation is that of the moved state; reward and ends are those of the step itself. For gymnasium's MuJoCo and
    classic-control tasks, whose state can be set.
    """

    stream = "dynamics-noise"

    def __init__(self, environment: Environment, std: float) -> None:
        super().__init__(environment, std)
        base = cast(Any, environment.unwrapped)
        transparent = TimeLimit | OrderEnforcing | PassiveEnvChecker  # these hand on observations as they are
        plain = all(isinstance(each, transparent) for each in wrappers_of(environment))
        if not plain or not (hasattr(base, "set_state") or isinstance(getattr(base, "state", None), np.ndarray)):
            raise EnvironmentProblem(
                "dynamics_noise needs one of gymnasium's MuJoCo or classic-control tasks, whose state can be set: "
                "set it to 0 for this task."
            )

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """A step, after which the state is moved."""
        _, *rest = super().step(action)
        return (self._move(), *rest)

    def _move(self) -> Any:
        """Move the state; returns its observation."""
        base = cast(Any, self.unwrapped)
        if hasattr(base, "set_state"):
            qpos = base.data.qpos + self._draw(base.data.qpos.shape)
            sys.modules["mujoco"].mj_normalizeQuat(base.model, qpos)  # a rotation stays one
            base.set_state(qpos, base.data.qvel + self._draw(base.data.qvel.shape))
        else:
            state = np.asarray(base.state)
            base.state = np.asarray(state + self._draw(state.shape), state.dtype)
        return base._get_obs() if hasattr(base, "_get_obs") else np.array(base.state)
