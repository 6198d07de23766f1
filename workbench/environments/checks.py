"""Whether an environment keeps gymnasium's contract where agents lean on it: its spaces, one reset, one step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces

from workbench.environments.problem import EnvironmentProblem
from workbench.environments.wrappers import Environment


def check_spaces(environment: Environment, name: str) -> None:
    """Raise :class:`EnvironmentProblem` unless both spaces are Boxes of numbers, the actions bounded floats."""
    actions, observations = environment.action_space, environment.observation_space
    if not isinstance(actions, spaces.Box):
        raise EnvironmentProblem(
            f"{name} has actions of type {actions}, but agents here act with continuous numbers (a Box): choose an "
            "environment with continuous actions, for example Pendulum-v1."
        )
    if not isinstance(observations, spaces.Box):
        raise EnvironmentProblem(
            f"{name} has observations of type {type(observations).__name__}, but agents here read one array (a Box): "
            "register it wrapped in gymnasium.wrappers.FlattenObservation and choose that id."
        )
    if actions.dtype is None or actions.dtype.kind != "f":
        raise EnvironmentProblem(
            f"{name} has actions of dtype {actions.dtype}, but agents here act with floats: choose an environment "
            "with float actions."
        )
    if not (np.isfinite(actions.low).all() and np.isfinite(actions.high).all()):
        raise EnvironmentProblem(
            f"{name} has unbounded actions ({actions}): register it with finite bounds, for example through "
            "gymnasium.wrappers.TransformAction, and choose that id."
        )
    if 0 in (*observations.shape, *actions.shape):
        raise EnvironmentProblem(f"{name} has an empty observation or action: choose another environment.")


def check_one_step(environment: Environment, name: str) -> None:
    """Reset and step once, with the action in the middle of its range, and judge what comes back.

    Raises :class:`EnvironmentProblem`. The environment is left one step into an episode.
    """
    actions = environment.action_space
    assert isinstance(actions, spaces.Box)
    middle = ((actions.low.astype(np.float64) + actions.high) / 2).astype(actions.dtype)
    _check_reset(_call(lambda: environment.reset(), name, "reset()"), environment, name)
    _check_step(_call(lambda: environment.step(middle), name, "step()"), environment, name)


def _call(function: Callable[[], Any], name: str, method: str) -> Any:
    try:
        return function()
    except Exception as error:
        raise _broken(name, method, f"raised {type(error).__name__}: {error}") from error


def _check_reset(result: Any, environment: Environment, name: str) -> None:
    if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
        raise _broken(name, "reset()", "did not return (observation, info)")
    _check_observation(result[0], environment, name, "reset()")


def _check_step(result: Any, environment: Environment, name: str) -> None:
    if not (isinstance(result, tuple) and len(result) == 5 and isinstance(result[4], dict)):
        raise _broken(name, "step()", "did not return (observation, reward, terminated, truncated, info)")
    observation, reward, terminated, truncated, _ = result
    _check_observation(observation, environment, name, "step()")
    if not isinstance(reward, (int, float, np.number)) or not np.isfinite(reward):
        raise _broken(name, "step()", f"returned the reward {reward!r}, not a finite number")
    for flag, value in (("terminated", terminated), ("truncated", truncated)):
        if not isinstance(value, (bool, np.bool_)):
            raise _broken(name, "step()", f"returned {value!r} as {flag}, not a bool")


def _check_observation(observation: Any, environment: Environment, name: str, method: str) -> None:
    space = environment.observation_space
    if not isinstance(observation, (np.ndarray, np.generic)):
        raise _broken(name, method, f"returned an observation of type {type(observation).__name__}, not a numpy array")
    if observation.shape != space.shape:
        raise _broken(name, method, f"returned an observation of shape {observation.shape}, not {space.shape}")
    assert space.dtype is not None
    if not np.can_cast(observation.dtype, space.dtype, "same_kind"):
        raise _broken(name, method, f"returned an observation of dtype {observation.dtype}, not {space.dtype}")
    if not np.isfinite(observation).all():
        raise _broken(name, method, "returned an observation that is not finite")


def _broken(name: str, method: str, what: str) -> EnvironmentProblem:
    return EnvironmentProblem(f"{name} is broken: {method} {what}. Mend it, change its options, or choose another one.")
