"""What an agent is told of its environment, and whether the two fit."""

from __future__ import annotations

import numpy as np

from workbench.agents.base import Agent, TaskFacts
from workbench.environments.make import make_environment
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.wrappers import Environment
from workbench.models.pendulum import PendulumModel, is_pendulum
from workbench.spec import RunSpec


def task_environment(spec: RunSpec) -> Environment:
    """A new environment as training and evaluation of ``spec`` use it. Raises EnvironmentProblem."""
    settings = spec.settings
    return make_environment(
        spec.environment,
        options=spec.environment_options,
        rescale_actions=settings.rescale_actions,
        observation_noise=settings.observation_noise,
        dynamics_noise=settings.dynamics_noise,
    )


def task_facts(environment: Environment) -> TaskFacts:
    """What the agent is told of ``environment``."""
    observation, action = environment.observation_space, environment.action_space
    return TaskFacts(
        observation_shape=tuple(observation.shape or ()),
        observation_dtype=str(observation.dtype),
        action_low=np.asarray(action.low, dtype=np.float32),  # type: ignore[attr-defined]
        action_high=np.asarray(action.high, dtype=np.float32),  # type: ignore[attr-defined]
        true_model=PendulumModel(environment) if is_pendulum(environment) else None,
    )


def check_windows(spec: RunSpec, agent: Agent, environment: Environment) -> None:
    """Raise EnvironmentProblem if ``agent`` learns from windows that no episode is long enough for."""
    limit = None if environment.spec is None else environment.spec.max_episode_steps
    longest = max((draw.length for draw in agent.draws.values() if not draw.across_resets), default=1)
    if limit is not None and longest > limit:
        raise EnvironmentProblem(
            f"{spec.agent} learns from windows of {longest} steps, but an episode of {spec.environment} ends after "
            f"{limit}: choose a shorter rollout_length or longer episodes."
        )
