"""Rewards and terminations of MuJoCo tasks that depend on positions, velocities and the action alone.

For those, thousands of steps are paid at once from what a rollout returns, instead of stepping an environment through
each. The formulas and constants are the environment's own (its weights and ranges are read from it), so its options
count. Other tasks read quantities that a rollout does not return.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

#: positions [..., nq] before and after, velocities [..., nv] after, actions [..., nu]: rewards and ends [...]
Pay = Callable[[Any, Array, Array, Array, Array], tuple[Array, Array]]


def _forward(base: Any, before: Array, after: Array, action: Array) -> Array:
    """Velocity along x less the cost of control; the action keeps its precision, as in the environment."""
    velocity = (after[..., 0] - before[..., 0]) / base.dt
    cost = base._ctrl_cost_weight * np.square(action).sum(-1)
    return np.asarray(base._forward_reward_weight * velocity - cost)


def _endless(base: Any, before: Array, after: Array, velocity: Array, action: Array) -> tuple[Array, Array]:
    reward = _forward(base, before, after, action)
    return reward, np.zeros(reward.shape, bool)


def _alive(base: Any, healthy: Array, always: bool, reward: Array) -> tuple[Array, Array]:
    """With the alive bonus; ``always``: v4 pays it on the last step too."""
    ends = ~healthy & bool(base._terminate_when_unhealthy)
    paid = healthy | bool(always and base._terminate_when_unhealthy)
    return reward + base._healthy_reward * paid, ends


def _within(values: Array, bounds: tuple[float, float]) -> Array:
    return np.asarray((bounds[0] < values) & (values < bounds[1]))


def _hopper(base: Any, before: Array, after: Array, velocity: Array, action: Array) -> tuple[Array, Array]:
    healthy = _within(after[..., 1], base._healthy_z_range) & _within(after[..., 2], base._healthy_angle_range)
    state = np.concatenate((after[..., 2:], velocity), -1)
    healthy &= _within(state, base._healthy_state_range).all(-1)
    return _alive(base, healthy, _is_v4(base), _forward(base, before, after, action))


def _walker(base: Any, before: Array, after: Array, velocity: Array, action: Array) -> tuple[Array, Array]:
    healthy = _within(after[..., 1], base._healthy_z_range) & _within(after[..., 2], base._healthy_angle_range)
    return _alive(base, healthy, _is_v4(base), _forward(base, before, after, action))


def _pole(base: Any, before: Array, after: Array, velocity: Array, action: Array) -> tuple[Array, Array]:
    finite = np.isfinite(after).all(-1) & np.isfinite(velocity).all(-1)
    ends = ~finite | (np.abs(after[..., 1]) > 0.2)
    return np.ones(ends.shape) if _is_v4(base) else 1.0 - ends, ends


def _is_v4(base: Any) -> bool:
    return type(base).__module__.endswith("_v4")


_PAY: dict[str, Pay] = {
    "half_cheetah": _endless,
    "swimmer": _endless,
    "hopper": _hopper,
    "walker2d": _walker,
    "inverted_pendulum": _pole,
}


def pay_of(base: Any) -> Pay | None:
    """How the unwrapped environment ``base`` pays, for its many steps at once; None where states do not tell."""
    kind = type(base)
    package, _, name = kind.__module__.rpartition(".")
    family, _, version = name.rpartition("_v")
    return _PAY.get(family) if package == "gymnasium.envs.mujoco" and version in ("4", "5") else None
