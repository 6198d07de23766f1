"""Making one environment ready for agents: found, constructed, checked, with float32 observations and flat actions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box
from gymnasium.wrappers import RescaleAction, TimeLimit

from workbench.environments.checks import check_one_step, check_spaces
from workbench.environments.lookup import (
    MISSING_PACKAGE,
    Registration,
    constructor_options,
    find_registration,
    missing_package,
)
from workbench.environments.mujoco_messages import log_mujoco_warnings
from workbench.environments.perturbation import DynamicsNoise, ObservationNoise
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.simulator_state import model_of
from workbench.environments.wrappers import Environment, FlatAction, FloatObservation, wrappers_of


@dataclass(frozen=True)
class EnvironmentFacts:
    """What agents and forms need to know of an environment before it runs.

    ``observation_dtype`` is "float32" or "uint8"; ``action_low`` and ``action_high`` are the environment's own bounds;
    ``time_limit`` is in environment steps, ``time_step`` in simulated seconds for one of them; ``renders`` tells
    whether it can draw itself as an array of pixels.
    """

    name: str
    observation_shape: tuple[int, ...]
    observation_dtype: str
    action_size: int
    action_low: tuple[float, ...]
    action_high: tuple[float, ...]
    time_limit: int | None
    is_mujoco: bool
    time_step: float | None
    renders: bool


def make_environment(
    name: str,
    *,
    options: dict[str, Any] | None = None,
    seed: int | None = None,
    render_mode: str | None = None,
    rescale_actions: bool = False,
    observation_noise: float = 0.0,
    dynamics_noise: float = 0.0,
) -> Environment:
    """Make a task of the catalog or any registered gymnasium id (also ``module:Id``) with Box spaces.

    Observations come as float32, or as uint8 where they are pixels. Actions `[action]` reach the environment as they
    are, within its own bounds or not; with ``rescale_actions`` they are mapped affinely from [-1, 1] onto its bounds.
    The noises are standard deviations, of :class:`ObservationNoise` and :class:`DynamicsNoise`.
    ``options`` go to the constructor, ``max_episode_steps`` (-1: none) among them. ``seed`` seeds the environment's
    generator and its action space, so that episodes reset without a seed can be repeated.

    Raises :class:`EnvironmentProblem` for whatever keeps the environment from being used; one reset and one step are
    tried to find out.
    """
    registration = find_registration(name, options)
    environment = _construct(registration, render_mode)
    try:
        check_spaces(environment, registration.name)
        check_one_step(environment, registration.name)
        if dynamics_noise > 0:
            environment = DynamicsNoise(environment, dynamics_noise)
        if environment.observation_space.dtype != np.uint8:
            environment = FloatObservation(environment)
        if observation_noise > 0:
            environment = ObservationNoise(environment, observation_noise)
    except EnvironmentProblem:
        environment.close()
        raise
    if len(_shape(environment.action_space)) != 1:
        environment = FlatAction(environment)
    if rescale_actions:
        ones = np.ones(_shape(environment.action_space), np.float32)
        environment = RescaleAction(environment, -ones, ones)
    environment.reset(seed=seed)
    environment.action_space.seed(seed)
    return environment


def describe_environment(name: str, options: dict[str, Any] | None = None) -> EnvironmentFacts:
    """The facts about an environment, which is made for this and closed again.

    Raises :class:`EnvironmentProblem` as :func:`make_environment` does.
    """
    environment = make_environment(name, options=options)
    try:
        actions, observations = environment.action_space, environment.observation_space
        assert isinstance(actions, Box)
        time_step = getattr(environment.unwrapped, "dt", None)
        return EnvironmentFacts(
            name=find_registration(name).name,
            observation_shape=_shape(observations),
            observation_dtype=str(observations.dtype),
            action_size=int(actions.shape[0]),
            action_low=tuple(actions.low.tolist()),
            action_high=tuple(actions.high.tolist()),
            time_limit=_time_limit(environment),
            is_mujoco=model_of(environment) is not None,
            time_step=float(time_step) if isinstance(time_step, (int, float)) else None,
            renders="rgb_array" in environment.metadata.get("render_modes", ()),
        )
    finally:
        environment.close()


def _construct(registration: Registration, render_mode: str | None) -> Environment:
    # Our own check replaces gymnasium's checker, which would stay in the stack and only warns.
    arguments: dict[str, Any] = {"disable_env_checker": True, **registration.options}
    if render_mode is not None:
        arguments["render_mode"] = render_mode
    _check_render_mode(registration, arguments.get("render_mode"))
    log_mujoco_warnings()
    try:
        # Given the spec in place of its id, gymnasium does not warn that a v4 task is out of date: it is meant.
        return gym.make(registration.spec, **arguments)
    except MISSING_PACKAGE as error:
        raise missing_package(registration.name, error) from error
    except Exception as error:
        raise _constructor_problem(registration, error) from error


def _check_render_mode(registration: Registration, render_mode: str | None) -> None:
    metadata = getattr(registration.creator, "metadata", None)
    if render_mode is None or not isinstance(metadata, dict):  # A function as constructor declares no modes.
        return
    modes = metadata.get("render_modes") or ()
    if render_mode.removesuffix("_list") not in modes:
        known = f"only in the modes {', '.join(modes)}" if modes else "not at all"
        raise EnvironmentProblem(f"{registration.name} cannot render in the mode {render_mode!r}, {known}.")


def _constructor_problem(registration: Registration, error: Exception) -> EnvironmentProblem:
    unknown = re.search(r"unexpected keyword argument '(\w+)'", str(error))
    if unknown and unknown[1] in registration.options:
        valid = ", ".join(constructor_options(registration.creator))
        return EnvironmentProblem(f"{registration.name} has no option {unknown[1]!r}: its options are {valid}.")
    reason = str(error).split(" was raised from the environment creator")[0]
    given = ", ".join(f"{key}={value!r}" for key, value in registration.options.items())
    return EnvironmentProblem(
        f"{registration.name} could not be made {f'with {given}' if given else 'as it is'}: "
        f"{type(error).__name__}: {reason}. Change its options or choose another environment."
    )


def _time_limit(environment: Environment) -> int | None:
    limits = [each.spec for each in wrappers_of(environment) if isinstance(each, TimeLimit)]
    return limits[0].max_episode_steps if limits and limits[0] is not None else None


def _shape(space: gym.Space[Any]) -> tuple[int, ...]:
    assert space.shape is not None
    return tuple(int(size) for size in space.shape)
