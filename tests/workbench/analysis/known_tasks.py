"""Tasks whose values are known in closed form, with policies and estimators that know them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from workbench.agents.estimates import Unrolled
from workbench.noise import Noise


class ConstantReward(gym.Env):
    """``reward`` in each of ``length`` steps, then the task terminates, or only time is up. Observation: the step."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float32)
    action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, length: int, reward: float, *, terminates: bool) -> None:
        self.length, self.reward, self.terminates = length, reward, terminates
        self.at = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.at = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.at += 1
        over = self.at >= self.length
        terminated, truncated = over and self.terminates, over and not self.terminates
        return np.array([self.at], np.float32), self.reward, terminated, truncated, {}


class LinearQuadratic(gym.Env):
    """s' = A s + B a + noise, reward -(s'Qs + a'Ra); 2 states, 1 action; ``length`` steps."""

    A = np.array([[0.9, 0.2], [0.0, 0.8]])
    B = np.array([[0.1], [0.5]])
    Q = np.diag([1.0, 0.5])
    R = np.array([[0.2]])
    GAIN = np.array([[-0.3, -0.5]])

    observation_space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float64)
    action_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float64)

    def __init__(self, length: int, noise: float = 0.0) -> None:
        self.length, self.noise, self.at = length, noise, 0
        self.state = np.zeros(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.at = 0
        self.state = self.np_random.normal(size=2)
        return self.state.copy(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        reward = -float(self.state @ self.Q @ self.state + action @ self.R @ action)
        drift = self.noise * self.np_random.normal(size=2)
        self.state = self.A @ self.state + self.B @ action + drift
        self.at += 1
        return self.state.copy(), reward, False, self.at >= self.length, {}

    @classmethod
    def value(cls, discount: float, noise: float) -> tuple[np.ndarray, float]:
        """P and c of V(s) = -(s'Ps + c) under a = GAIN s: P = M + g F'PF solved as a linear system."""
        closed = cls.A + cls.B @ cls.GAIN
        cost = cls.Q + cls.GAIN.T @ cls.R @ cls.GAIN
        system = np.eye(4) - discount * np.kron(closed.T, closed.T)
        p = np.linalg.solve(system, cost.reshape(-1)).reshape(2, 2)
        return p, discount * noise**2 * np.trace(p) / (1 - discount)


class Follow:
    """a = gain s, or 0 where there is no gain."""

    def __init__(self, gain: np.ndarray | None = None) -> None:
        self.gain = np.zeros((1, 1)) if gain is None else gain
        self.calls = 0

    def begin_episode(self) -> None:
        return None

    def act(self, observation: Any, memory: None) -> tuple[np.ndarray, None]:
        self.calls += 1
        return self.gain @ observation, None


class Constant:
    """Promises the same number everywhere, and no model."""

    rollout_length = 0
    device = torch.device("cpu")

    def __init__(self, promise: float, discount: float = 0.9) -> None:
        self.promise, self.discount = promise, discount

    def taught(self, rewards: Tensor) -> Tensor:
        return rewards

    def unroll(self, observations: Tensor, actions: Tensor, steps: int, noise: Noise) -> Unrolled:
        none = torch.zeros(steps, len(observations))
        return Unrolled(none, none, torch.full((steps + 1, len(observations)), self.promise))

    def value(self, observations: Tensor, noise: Noise) -> Tensor:
        return torch.full((len(observations),), self.promise)


class QuadraticPromise:
    """The exact Q, and the exact model unrolled for ``rollout_length`` steps; ``off`` is added to every Q."""

    device = torch.device("cpu")

    def __init__(self, discount: float, noise: float = 0.0, rollout_length: int = 0, off: float = 0.0) -> None:
        self.discount, self.rollout_length, self.off, self.noise = discount, rollout_length, off, noise
        self.p, self.c = LinearQuadratic.value(discount, noise)

    def taught(self, rewards: Tensor) -> Tensor:
        return rewards

    def reward(self, s: np.ndarray, a: np.ndarray) -> np.ndarray:
        lq = LinearQuadratic
        return -np.einsum("ni,ij,nj->n", s, lq.Q, s) - np.einsum("ni,ij,nj->n", a, lq.R, a)

    def q(self, s: np.ndarray, a: np.ndarray) -> np.ndarray:
        after = s @ LinearQuadratic.A.T + a @ LinearQuadratic.B.T
        spread = self.noise**2 * np.trace(self.p)
        later = np.einsum("ni,ij,nj->n", after, self.p, after) + spread + self.c
        return self.reward(s, a) - self.discount * later + self.off

    def unroll(self, observations: Tensor, actions: Tensor, steps: int, noise: Noise) -> Unrolled:
        s, a = observations.numpy(), actions.numpy()
        rewards, values = [], [self.q(s, a)]
        for _ in range(steps):
            rewards.append(self.reward(s, a))
            s = s @ LinearQuadratic.A.T + a @ LinearQuadratic.B.T
            a = s @ LinearQuadratic.GAIN.T
            values.append(self.q(s, a))
        gained = torch.tensor(np.array(rewards).reshape(steps, len(s)))
        return Unrolled(gained, torch.zeros_like(gained), torch.tensor(np.array(values)))

    def value(self, observations: Tensor, noise: Noise) -> Tensor:
        s = observations.numpy()
        return torch.tensor(self.q(s, s @ LinearQuadratic.GAIN.T))
