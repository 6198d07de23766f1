"""What holds for every registered planner with its default settings, in small models and in a trained ALM."""

from __future__ import annotations

import gc
import shutil
import threading
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from storage import open_project
from tests.workbench.planners.problems import Point, Treacherous, problem
from workbench.agents.alm import AlignedLatentModel
from workbench.agents.alm_world_model import AlmWorldModel
from workbench.engine.recorder import Recorder
from workbench.engine.subject import open_subject
from workbench.noise import NoiseSource
from workbench.planners import PLANNERS
from workbench.planners.base import Box, Planner, PlanningError, PlanningProblem, PlanStep
from workbench.planners.presets import PRESETS, planner_settings
from workbench.planners.settings import PlannerSettings
from workbench.settings import flatten

DEMO = Path(__file__).parents[3] / "assets" / "demo"
EVERY = list(PLANNERS.entries())


def make(name: str, **values: Any) -> Planner:
    planner, settings = planner_settings(name, values)
    built: Planner = PLANNERS.find(planner).load()(settings)
    return built


def shortened(name: str, rounds: int = 3) -> Planner:
    """The planner that ``name`` means, three steps ahead, ending after ``rounds`` steps at most."""
    flat = flatten(planner_settings(name)[1])
    values: dict[str, Any] = {"horizon": 3, "sampled_model": True}
    if "simulations" in flat:
        values |= {"simulations": rounds * 10, "simulations_per_step": 10}
    else:
        values |= {"iterations": rounds}
    if "candidates" in flat:
        values["candidates"] = 40
    if "elites" in flat:
        values["elites"] = 10
    return make(name, **values)


def same(one: PlanStep, other: PlanStep) -> bool:
    """Whether two steps agree bit for bit, but for the time that they took."""

    def equal(left: Any, right: Any) -> bool:
        if isinstance(left, dict):
            return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
        if isinstance(left, np.ndarray):
            return np.array_equal(left, right, equal_nan=True)
        return bool(left == right)

    names = [each.name for each in fields(PlanStep) if each.name != "milliseconds"]
    return all(equal(getattr(one, name), getattr(other, name)) for name in names)


# ---- in a trained model ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> AlignedLatentModel:
    """The quick run of the demo, as it ended."""
    folder = tmp_path_factory.mktemp("demo") / "project"
    shutil.copytree(DEMO, folder)
    with open_project(folder) as project:
        agent = open_subject(Recorder(project), 1).agent
    assert isinstance(agent, AlignedLatentModel)
    return agent


@pytest.fixture(scope="module")
def starts(trained: AlignedLatentModel) -> Tensor:
    """Latents [4, latent] of observations near the half cheetah's resets."""
    return AlmWorldModel(trained).encode(0.1 * NoiseSource(0, "observations").normal((4, 17))).detach()


@torch.no_grad()
def rolled_out(agent: AlignedLatentModel, start: Tensor, actions: Tensor, settings: PlannerSettings) -> Tensor:
    """What sequences [N, H, A] are worth to a planner [N], by the networks' own calls."""
    latent, gains, lengths = start.expand(len(actions), -1), torch.zeros(len(actions)), []
    for t in range(actions.shape[1]):
        gains = gains + settings.discount**t * agent.reward(torch.cat((latent, actions[:, t]), -1)).squeeze(-1)
        latent = agent.predict(latent, actions[:, t]).mean
        action = agent.actor(latent).tanh()
        value = agent.critic(torch.cat((latent, action), -1)).squeeze(-1).amin(0)
        lengths.append(gains + settings.discount ** (t + 1) * value)
    if not settings.terminal_value:
        return gains
    share, averaged = float(getattr(settings, "lambda_", 1.0)), torch.zeros(len(actions))
    for count, length in enumerate(lengths[:-1]):
        averaged = averaged + (1.0 - share) * share**count * length
    return averaged + share ** (len(lengths) - 1) * lengths[-1]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("valued", [False, True])
def test_a_plan_is_at_least_the_best_of_64_random_ones(
    name: str, valued: bool, trained: AlignedLatentModel, starts: Tensor
) -> None:
    """Random shooting's 1000 sequences hold the best of all 1064 in 94 % of all cases, these among them."""
    values = {} if name == "policy-gradient" else {"terminal_value": valued}
    planner, one = make(name, **values), torch.ones(trained.facts.action_size)
    settings = planner.settings
    for number, start in enumerate(starts):
        noise = NoiseSource(number, "planning")
        step = planner.plan(PlanningProblem.of(settings, AlmWorldModel(trained), start, Box(-one, one), noise))
        (planned,) = rolled_out(trained, start, torch.from_numpy(step.plan)[None], settings).tolist()
        drawn = 2.0 * NoiseSource(number, "random").uniform((64, settings.horizon, len(one))) - 1.0
        assert step.plan_return == pytest.approx(planned, rel=1e-4, abs=1e-3)
        assert planned >= float(rolled_out(trained, start, drawn, settings).max())


# ---- what must not win ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_returns_that_are_not_finite_never_win(name: str) -> None:
    planner = make(name, horizon=3)
    steps = list(planner.iterate(problem(planner.settings, Treacherous())))
    for step in steps:
        lost = step.actions[:, 0, 0] > 0.0
        assert step.nonfinite == lost.sum()
        assert (step.returns[lost] == -np.inf).all()
        assert np.isfinite(step.returns[~lost]).all()
        if step.elites is not None:
            assert not lost[step.elites].any()
        assert np.isfinite(step.plan).all()
    if name in ("policy-gradient", "ilqr"):
        return  # the one begins at 0.7, where all is lost and no gradient leads out, the other at 0
    assert sum(step.nonfinite for step in steps) > 0
    assert np.isfinite(steps[-1].plan_return)
    assert np.isfinite(steps[-1].best_return)
    assert steps[-1].best_actions[0, 0] <= 0.0


@pytest.mark.parametrize("name", EVERY)
def test_where_nothing_is_finite_there_is_a_plan_or_a_sentence(name: str) -> None:
    class Hopeless(Point):
        def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
            return action.sum(-1) * torch.nan

    planner = make(name, horizon=3)
    posed = problem(planner.settings, Hopeless())
    if name == "ilqr":
        with pytest.raises(PlanningError, match=r"^model: the first plan's return is not finite"):
            planner.plan(posed)
        return
    step = planner.plan(posed)
    assert step.nonfinite == len(step.actions)
    assert step.best_return == -np.inf
    assert np.isfinite(step.plan).all()


@pytest.mark.parametrize("name", EVERY)
def test_a_plan_leads_nowhere_that_is_not_finite(name: str) -> None:
    """Where only actions far from the middle count, good sequences lie on both sides and their average between."""

    class Split(Point):
        def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
            far = action[..., 0].abs() > 0.3
            return torch.where(far, action[..., 0].square(), torch.full_like(action[..., 0], torch.nan))

        def policy(self, latent: Tensor) -> Tensor:
            return torch.stack((torch.full_like(latent[..., 0], 0.5), torch.full_like(latent[..., 0], -2.0)), -1)

    values = {"initial_std": 0.9} if name == "ilqr" else {}
    planner = make(name, horizon=1, **values)
    step = planner.plan(problem(planner.settings, Split(), seed=1))
    assert np.isfinite(step.plan_return)
    assert abs(step.plan[0, 0]) > 0.3


def test_a_planner_that_yields_nothing_says_so() -> None:
    class Idle(Planner):
        def iterate(self, problem: PlanningProblem) -> Iterator[PlanStep]:
            return iter(())

    settings = planner_settings("cem")[1]
    with pytest.raises(PlanningError, match=r"^planner: cem ended without a plan"):
        Idle(settings).plan(problem(settings))
    with pytest.raises(PlanningError, match=r"^planner: cem ended without a plan"):
        Idle(settings).steps(problem(settings))


# ---- the same again, and half of it ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*EVERY, *PRESETS])
def test_the_same_seed_gives_the_same_steps(name: str) -> None:
    planner = shortened(name)
    first, again, other = (
        list(planner.iterate(problem(planner.settings, seed=seed))) for seed in (1, 1, 2)
    )
    assert len(first) == len(again) <= 3
    assert all(map(same, first, again))
    assert not same(first[0], other[0])


@pytest.mark.parametrize("name", EVERY)
def test_a_search_inside_no_grad_is_the_same(name: str) -> None:
    """Agents act without gradient; a planner that climbs needs it all the same."""
    planner = shortened(name)
    free = planner.plan(problem(planner.settings))
    with torch.no_grad():
        assert same(planner.plan(problem(planner.settings)), free)
        assert not torch.is_grad_enabled()


@pytest.mark.parametrize("name", EVERY)
def test_a_search_stopped_half_way_leaves_nothing_behind(name: str) -> None:
    """No thread, no tensor, no changed gradient mode."""

    def held() -> tuple[set[threading.Thread], int]:
        gc.collect()
        return set(threading.enumerate()), sum(issubclass(type(each), Tensor) for each in gc.get_objects())

    def half(planner: Planner, posed: PlanningProblem) -> None:
        search = planner.iterate(posed)
        next(iter(search))
        search.close()  # type: ignore[attr-defined]

    planner, used = shortened(name), shortened(name)
    posed = problem(planner.settings)
    half(used, posed)  # what is built once, such as a library's own tables, is there from now on
    before = held()
    half(planner, posed)
    assert torch.is_grad_enabled()
    assert held() == before
