"""An environment that breaks in the chosen way; importing this module registers it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box

#: what a RunSpec calls it
FAULTY = f"{__name__}:Faulty-v0"


class Faulty(gym.Env[np.ndarray, np.ndarray]):
    """A point on a line, pushed by the action, with noise; ``fault`` happens at this instance's step ``at``.

    ``fault``: "" (no fault), "step" or "reset" (raises), "reward" or "observation" (NaN), "shape", "none" (no array at
    all). A file at the path ``mended`` makes it work again.
    """

    def __init__(self, fault: str = "", at: int = 0, mended: str = "") -> None:
        self.observation_space = Box(-np.inf, np.inf, (3,), np.float32)
        self.action_space = Box(-1.0, 1.0, (1,), np.float32)
        self.fault, self.at, self.mended = fault, at, mended
        self.steps = -1  # one is taken to look at the environment

    def breaks(self, *faults: str) -> bool:
        due = self.at > 0 and self.steps >= self.at and not (self.mended and Path(self.mended).exists())
        return due and self.fault in faults

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        if self.breaks("reset"):
            raise RuntimeError("the motor is stuck")
        self.place = self.np_random.normal(size=3)
        return self.place.astype(np.float32), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        if self.breaks("step"):
            raise RuntimeError("the motor is stuck")
        self.place = 0.9 * self.place + 0.1 * float(action[0]) + 0.01 * self.np_random.normal(size=3)
        observation: Any = self.place.astype(np.float32)
        if self.breaks("observation"):
            observation[1] = np.nan
        if self.breaks("shape"):
            observation = observation[:1]
        if self.breaks("none"):
            observation = None
        reward = float("nan") if self.breaks("reward") else -float(self.place @ self.place)
        return observation, reward, False, False, {}


gym.register("Faulty-v0", entry_point=Faulty, max_episode_steps=20)
