"""Planners that act: what a plan was worth in reality, and tasks solved in the true dynamics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.workbench.planners.problems import problem
from workbench.environments.make import make_environment
from workbench.environments.rollout import Episode, run_episode
from workbench.environments.wrappers import Environment
from workbench.models.true_model import true_model
from workbench.noise import NoiseSource
from workbench.planners import PLANNERS
from workbench.planners.base import Box, PlanningProblem
from workbench.planners.policy import PlanningPolicy
from workbench.planners.presets import PRESETS, planner_settings
from workbench.planners.reality import check_in_reality


def bounds(environment: Environment) -> Box:
    space: Any = environment.action_space
    return Box(torch.as_tensor(space.low), torch.as_tensor(space.high))


def drive(task: str, name: str, seeds: list[int], steps: int | None = None, **values: Any) -> list[Episode]:
    """Episodes of a planner in the task's true dynamics."""
    planner, settings = planner_settings(name, values)
    environment = make_environment(task)
    model = true_model(lambda: make_environment(task), threads=2)
    policy = PlanningPolicy(
        PLANNERS.find(planner).load()(settings),
        model,
        lambda observation: model.start(environment),
        bounds(environment),
        NoiseSource(0, "planning"),
    )
    episodes = [run_episode(environment, policy, seed=seed, max_steps=steps) for seed in seeds]
    environment.close()
    model.close()
    return episodes


def test_an_acting_planner_begins_from_its_last_plan() -> None:
    planner, settings = planner_settings("cem", {"horizon": 3, "candidates": 60, "elites": 6, "iterations": 2})
    posed = problem(settings)
    policy = PlanningPolicy(
        PLANNERS.find(planner).load()(settings), posed.model, torch.as_tensor, posed.box(), posed.noise
    )
    action, memory = policy.act(np.zeros(2, np.float32), policy.begin_episode())
    assert action.tolist() == memory[1].plan[0].tolist()
    assert memory[0].warm_start is None
    _, after = policy.act(np.ones(2, np.float32), memory)
    assert after[0].start.tolist() == [1.0, 1.0]
    assert after[0].warm_start is not None
    assert memory[1].center is not None
    assert after[0].warm_start[0].tolist() == memory[1].center[1].tolist()


@pytest.mark.parametrize("task", ["Pendulum-v1", "Hopper-v5"])
def test_a_plan_in_the_true_dynamics_keeps_its_promise(task: str) -> None:
    _, settings = planner_settings("random-shooting", {"horizon": 60, "candidates": 8})
    environment = make_environment(task, seed=2)
    observation, _ = environment.reset(seed=2)
    model = true_model(lambda: make_environment(task), threads=1)
    box = bounds(environment)
    posed = PlanningProblem.of(settings, model, model.start(environment), box, NoiseSource(0, "planning"))
    check = check_in_reality(posed, box.high.expand(60, -1).numpy(), environment, observation)
    assert check.terminated == (task == "Hopper-v5")
    length = len(check.real_rewards)
    assert (length < 60) == check.terminated
    assert check.observations.shape == (length + 1, *observation.shape)
    assert check.imagined_rewards[:length] == pytest.approx(check.real_rewards, abs=1e-3)
    assert check.gap == pytest.approx(0.0, abs=1e-2)
    environment.close()
    model.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PRESETS if name.startswith("pendulum-")])
def test_pendulum_is_solved(name: str) -> None:
    """A mean return above -180, from every fourth of 20 resets; random torques return about -1,200."""
    returns = [episode.episode_return for episode in drive("Pendulum-v1", name, list(range(0, 20, 4)))]
    assert np.mean(returns) > -180.0


@pytest.mark.slow
def test_half_cheetah_runs() -> None:
    """In its true dynamics, from the first step on: 60 steps of random actions return about -15."""
    values = {"candidates": 60, "elites": 6, "iterations": 2, "horizon": 15}
    (episode,) = drive("HalfCheetah-v5", "icem", [1], steps=60, **values)
    assert episode.episode_return > 60.0
