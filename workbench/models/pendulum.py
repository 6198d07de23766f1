"""Pendulum-v1 as a differentiable world model: gymnasium's equations in torch.

The latent is (angle, angular velocity), in radians and radians per second; the angle is 0 upright and not wrapped. The
reward is paid for the state before the step and for the torque; an episode ends by its time limit alone.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from gymnasium.wrappers import RescaleAction
from torch import Tensor

from workbench.environments.problem import EnvironmentProblem
from workbench.environments.wrappers import Environment, wrappers_of
from workbench.models.true_dynamics import TrueDynamics
from workbench.models.world_model import WorldModel


class PendulumModel(TrueDynamics):
    """The dynamics of ``environment``, a Pendulum-v1 with any gravity. Raises EnvironmentProblem for another task.

    Actions are what the environment takes: torques in [-2, 2], or in [-1, 1] where it rescales them.
    """

    latent_size, action_size = 2, 1

    def __init__(self, environment: Environment, judge: WorldModel | None = None) -> None:
        own = {"decode"} if judge is not None and "gradient" not in judge.offers else {"decode", "gradient"}
        super().__init__(frozenset(own), judge)
        base = _base(environment)
        self.gravity, self.mass, self.length, self.time_step = base.g, base.m, base.l, base.dt
        self.largest_torque, self.largest_speed = float(base.max_torque), float(base.max_speed)
        rescaled = any(isinstance(wrapper, RescaleAction) for wrapper in wrappers_of(environment))
        self._torque_per_action = self.largest_torque if rescaled else 1.0

    def start(self, environment: Environment) -> Tensor:
        """The latent [2] in which ``environment``, another Pendulum-v1, is now; float64."""
        return torch.from_numpy(np.array(_base(environment).state, np.float64))

    def encode(
        self, observation: Tensor, previous: tuple[Tensor, Tensor] | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """The state [..., 2] that observations (cos, sin, angular velocity) show."""
        return torch.stack((torch.atan2(observation[..., 1], observation[..., 0]), observation[..., 2]), -1)

    def decode(self, latent: Tensor) -> Tensor:
        """Observations (cos, sin, angular velocity) [..., 3], float32."""
        angle, speed = latent.unbind(-1)
        return torch.stack((angle.cos(), angle.sin(), speed), -1).float()

    def predict(self, latent: Tensor, action: Tensor, noise: Tensor | None = None) -> Tensor:
        """The next state; torque and angular velocity are clipped, and gradients vanish beyond."""
        angle, speed = latent.unbind(-1)
        pull = 3.0 * self.gravity / (2.0 * self.length) * angle.sin()
        push = 3.0 / (self.mass * self.length**2) * self._torque(action)
        speed = (speed + (pull + push) * self.time_step).clamp(-self.largest_speed, self.largest_speed)
        return torch.stack((angle + speed * self.time_step, speed), -1)

    def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
        """Minus squared angle from upright, a tenth of squared speed and a thousandth of squared torque."""
        angle, speed = latent.unbind(-1)
        angle = torch.remainder(angle + torch.pi, 2.0 * torch.pi) - torch.pi
        return -(angle.square() + 0.1 * speed.square() + 0.001 * self._torque(action).square())

    def _torque(self, action: Tensor) -> Tensor:
        return (self._torque_per_action * action[..., 0]).clamp(-self.largest_torque, self.largest_torque)


def is_pendulum(environment: Environment) -> bool:
    """Whether ``environment`` is gymnasium's Pendulum-v1."""
    kind = type(environment.unwrapped)
    return (kind.__module__, kind.__qualname__) == ("gymnasium.envs.classic_control.pendulum", "PendulumEnv")


def _base(environment: Environment) -> Any:
    if not is_pendulum(environment):
        raise EnvironmentProblem("The pendulum's equations hold for Pendulum-v1 alone; this is another environment.")
    return cast(Any, environment.unwrapped)
