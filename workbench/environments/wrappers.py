"""The wrappers that gymnasium lacks, built from its own, and the stack of wrappers around an environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box
from gymnasium.wrappers import TransformAction, TransformObservation
from numpy.typing import NDArray

Environment = gym.Env[Any, Any]


def wrappers_of(environment: Environment) -> Iterator[gym.Wrapper[Any, Any, Any, Any]]:
    """The wrappers around ``environment``, the outermost first."""
    while isinstance(environment, gym.Wrapper):
        yield environment
        environment = environment.env


class FloatObservation(TransformObservation[Any, Any, Any]):
    """Observations as float32, bounds included. (gymnasium's DtypeObservation warns about every finite bound.)"""

    def __init__(self, environment: Environment) -> None:
        space = environment.observation_space
        assert isinstance(space, Box)
        low, high = space.low.astype(np.float32), space.high.astype(np.float32)
        super().__init__(environment, _as_float32, Box(low, high, dtype=np.float32))


class FlatAction(TransformAction[Any, Any, Any]):
    """Actions as one flat vector `[action]`, for an environment whose actions have another shape."""

    def __init__(self, environment: Environment) -> None:
        space = environment.action_space
        assert isinstance(space, Box)
        shape, dtype = space.shape, space.dtype
        assert dtype is not None and dtype.kind == "f"
        flat = Box(space.low.ravel(), space.high.ravel(), dtype=dtype.type)
        super().__init__(environment, lambda action: np.reshape(action, shape), flat)


def _as_float32(observation: Any) -> NDArray[np.float32]:
    return np.asarray(observation, np.float32)
