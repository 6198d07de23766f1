"""The exact state of an environment between two steps: saved as arrays and JSON, restored bit for bit.

A MuJoCo task's next step depends on more than positions and velocities: on the integration state (time, activations,
the solver's warm start), on the step counter of its time limit, on its generator, and on quantities that its reward
reads before stepping. Those quantities lag behind by one simulation step and cannot be computed again from the
restored state, so they are saved as they are.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium import wrappers
from numpy.typing import NDArray

from workbench.environments.perturbation import DynamicsNoise, ObservationNoise
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.wrappers import Environment, FlatAction, FloatObservation, wrappers_of

#: what an environment may read of mjData before its next step; names and shapes are part of MuJoCo's interface
READ_BETWEEN_STEPS = (
    *("xpos", "xquat", "xmat", "xipos", "ximat", "geom_xpos", "geom_xmat", "site_xpos", "site_xmat", "subtree_com"),
    *("cinert", "cvel", "cacc", "cfrc_int", "cfrc_ext", "qacc", "qfrc_bias", "qfrc_passive", "qfrc_actuator"),
    *("qfrc_constraint", "actuator_force", "actuator_length", "actuator_velocity", "ten_length", "ten_velocity"),
    *("sensordata", "subtree_linvel", "subtree_angmom"),
)

# The attributes that make up the state of gymnasium's environments without MuJoCo.
_CLASSIC_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "gymnasium.envs.classic_control.pendulum:PendulumEnv": ("state", "last_u"),
    "gymnasium.envs.classic_control.continuous_mountain_car:Continuous_MountainCarEnv": ("state",),
}

# Wrappers whose state is known: the attributes that hold it.
_WRAPPER_ATTRIBUTES: dict[type, tuple[str, ...]] = {
    wrappers.TimeLimit: ("_elapsed_steps",),
    wrappers.OrderEnforcing: ("_has_reset",),
    wrappers.PassiveEnvChecker: (),
    wrappers.RescaleAction: (),
    wrappers.ClipAction: (),
    wrappers.FlattenObservation: (),
    FloatObservation: (),
    FlatAction: (),
    ObservationNoise: ("generator_state",),
    DynamicsNoise: ("generator_state",),
}


@dataclass(frozen=True)
class SimulatorState:
    """Numeric arrays and JSON values from which :func:`restore_state` continues an episode."""

    arrays: dict[str, NDArray[Any]]
    facts: dict[str, Any]


def model_of(environment: Environment) -> Any | None:
    """The MuJoCo model (``mujoco.MjModel``) inside ``environment``, or None where there is none."""
    mujoco = sys.modules.get("mujoco")  # An environment with a model has imported it; others need not.
    base = environment.unwrapped
    model, data = getattr(base, "model", None), getattr(base, "data", None)
    if mujoco is None or not isinstance(model, mujoco.MjModel) or not isinstance(data, mujoco.MjData):
        return None
    return model


def get_physics(environment: Environment) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Copies of the positions `[nq]` and velocities `[nv]`; None where they are not known.

    They are MuJoCo's, or the one position and velocity that are the state of a classic-control task.
    """
    if model_of(environment) is not None:
        data = _data(environment)
        return data.qpos.copy(), data.qvel.copy()
    if _path(environment) not in _CLASSIC_ATTRIBUTES:
        return None
    position, velocity = np.asarray(cast(Any, environment.unwrapped).state, np.float64)
    return np.array([position]), np.array([velocity])


def set_physics(environment: Environment, qpos: NDArray[np.float64], qvel: NDArray[np.float64]) -> None:
    """Put the bodies at ``qpos`` `[nq]`, ``qvel`` `[nv]` and compute what follows from them, to look at or replay.

    This is not the full state: use :func:`restore_state` to continue an episode exactly. Raises
    :class:`EnvironmentProblem` for an environment whose positions are not known and for other shapes.
    """
    model = model_of(environment)
    if model is None and _path(environment) not in _CLASSIC_ATTRIBUTES:
        raise EnvironmentProblem(
            f"{_path(environment)} has no MuJoCo model and is no classic-control task, so its bodies cannot be placed."
        )
    sizes = (1, 1) if model is None else (model.nq, model.nv)
    if np.shape(qpos) != sizes[:1] or np.shape(qvel) != sizes[1:]:
        raise EnvironmentProblem(
            f"{_path(environment)} needs {sizes[0]} positions and {sizes[1]} velocities, not arrays of the shapes "
            f"{np.shape(qpos)} and {np.shape(qvel)}: they belong to another task."
        )
    if model is None:
        base = cast(Any, environment.unwrapped)
        base.state = np.array([qpos[0], qvel[0]], np.asarray(base.state).dtype)
        return
    data = _data(environment)
    data.qpos[:], data.qvel[:] = qpos, qvel
    sys.modules["mujoco"].mj_forward(model, data)


def observe(environment: Environment) -> NDArray[Any]:
    """What ``environment`` shows of the state that it is in, computed by itself and its wrappers; the state stays.

    Quantities that only a step computes are those of the last one. Raises :class:`EnvironmentProblem` for an
    environment that does not say how it observes, and where what it shows is not a finite array of its space's shape.
    """
    base = cast(Any, environment.unwrapped)
    if hasattr(base, "_get_obs"):
        seen = base._get_obs()
    elif _path(environment) in _CLASSIC_ATTRIBUTES:
        seen = np.array(base.state)
    else:
        raise EnvironmentProblem(f"{_path(environment)} does not say how it observes a state: begin at a reset.")
    for wrapper in reversed(list(wrappers_of(environment))):
        if isinstance(wrapper, gym.ObservationWrapper | ObservationNoise):
            seen = wrapper.observation(seen)
    if np.shape(seen) != environment.observation_space.shape or not np.isfinite(seen).all():
        raise EnvironmentProblem(f"{_path(environment)} cannot observe this state: begin at another one.")
    return np.array(seen)


def obstacle_to_restoring(environment: Environment) -> str | None:
    """Why the exact state of ``environment`` cannot be saved and restored, as a sentence; None where it can."""
    for wrapper in wrappers_of(environment):
        if type(wrapper) not in _WRAPPER_ATTRIBUTES:
            return f"its wrapper {type(wrapper).__name__} keeps a state of its own."
    path = _path(environment)
    if path in _CLASSIC_ATTRIBUTES or path.startswith("gymnasium.envs.mujoco."):
        return None
    return f"{path} is not one of gymnasium's MuJoCo or classic-control environments, so its state is not known."


def can_restore(environment: Environment) -> bool:
    """Whether :func:`save_state` and :func:`restore_state` work; :func:`obstacle_to_restoring` says why not."""
    return obstacle_to_restoring(environment) is None


def save_state(environment: Environment) -> SimulatorState:
    """Everything that the next steps and resets of ``environment`` depend on.

    Raises :class:`EnvironmentProblem` where :func:`can_restore` is False.
    """
    obstacle = obstacle_to_restoring(environment)
    if obstacle is not None:
        raise EnvironmentProblem(f"The environment's state cannot be saved: {obstacle} Start a new episode instead.")
    facts = {
        "environment": _path(environment),
        "simulator": _simulator(environment),
        "wrappers": [
            [type(each).__name__, {name: getattr(each, name) for name in _WRAPPER_ATTRIBUTES[type(each)]}]
            for each in wrappers_of(environment)
        ],
        "generator": environment.unwrapped.np_random.bit_generator.state,
        "action_generator": environment.action_space.np_random.bit_generator.state,
    }
    return SimulatorState(_mujoco_arrays(environment) or _classic_arrays(environment), facts)


def restore_state(environment: Environment, state: SimulatorState) -> None:
    """Continue ``environment`` from ``state``, bit for bit on the same machine and simulator version.

    Raises :class:`EnvironmentProblem` if the state belongs to another environment, or to one wrapped otherwise.
    """
    expected = (_path(environment), [type(each).__name__ for each in wrappers_of(environment)])
    found = (state.facts["environment"], [name for name, _ in state.facts["wrappers"]])
    if expected != found:
        raise EnvironmentProblem(
            f"The saved state belongs to {found[0]} inside {found[1]}, not to {expected[0]} inside {expected[1]}: "
            "make the environment as it was when the state was saved."
        )
    if model_of(environment) is not None:
        _restore_mujoco(environment, state)
    else:
        for name in _CLASSIC_ATTRIBUTES[expected[0]]:
            value = state.arrays.get(name)
            setattr(environment.unwrapped, name, None if value is None else value.copy()[()])
    for wrapper, (_, attributes) in zip(wrappers_of(environment), state.facts["wrappers"], strict=True):
        for name, value in attributes.items():
            setattr(wrapper, name, value)
        if isinstance(wrapper, wrappers.PassiveEnvChecker):  # It compares with the reset, which happened elsewhere.
            wrapper.checked_reset = wrapper.checked_step = wrapper.checked_data_reuse = True
    environment.unwrapped.np_random.bit_generator.state = state.facts["generator"]
    environment.action_space.np_random.bit_generator.state = state.facts["action_generator"]


def _mujoco_arrays(environment: Environment) -> dict[str, NDArray[Any]]:
    model = model_of(environment)
    if model is None:
        return {}
    mujoco, data = sys.modules["mujoco"], _data(environment)
    integration = np.empty(mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_INTEGRATION))
    mujoco.mj_getState(model, data, integration, mujoco.mjtState.mjSTATE_INTEGRATION)
    derived = {name: getattr(data, name).copy() for name in READ_BETWEEN_STEPS}
    return {"integration": integration, **derived}


def _restore_mujoco(environment: Environment, state: SimulatorState) -> None:
    mujoco, model = sys.modules["mujoco"], model_of(environment)
    data, integration = _data(environment), state.arrays["integration"]
    size = mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_INTEGRATION)
    shapes = {name: getattr(data, name).shape for name in READ_BETWEEN_STEPS}
    if integration.size != size or any(state.arrays[name].shape != shape for name, shape in shapes.items()):
        raise EnvironmentProblem(
            f"The saved state, of {state.facts['simulator']}, does not fit the model of this {_path(environment)}, in "
            f"{_simulator(environment)}: use the options and the MuJoCo version that it was saved with."
        )
    mujoco.mj_setState(model, data, integration, mujoco.mjtState.mjSTATE_INTEGRATION)
    # Contacts and constraints, whose sizes change, are found again, to be drawn; mj_forward moves none of the above.
    mujoco.mj_forward(model, data)
    for name in shapes:
        getattr(data, name)[:] = state.arrays[name]


def _classic_arrays(environment: Environment) -> dict[str, NDArray[Any]]:
    values = {name: getattr(environment.unwrapped, name, None) for name in _CLASSIC_ATTRIBUTES[_path(environment)]}
    return {name: np.array(value) for name, value in values.items() if value is not None}


def _data(environment: Environment) -> Any:
    return cast(Any, environment.unwrapped).data


def _path(environment: Environment) -> str:
    kind = type(environment.unwrapped)
    return f"{kind.__module__}:{kind.__qualname__}"


def _simulator(environment: Environment) -> str:
    if model_of(environment) is None:
        return f"gymnasium {gym.__version__}"
    return f"gymnasium {gym.__version__} with MuJoCo {sys.modules['mujoco'].__version__}"
