"""Every planner in ALM's latent model, held against a rollout that shares nothing with it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from workbench.agents.alm_world_model import AlmWorldModel
from workbench.benchmarks.floor import Sizes
from workbench.benchmarks.update import make_agent
from workbench.noise import NoiseSource
from workbench.planners import PLANNERS
from workbench.planners.base import Box, Planner, PlanningProblem, following
from workbench.planners.presets import PRESETS, planner_settings

SIZES = Sizes(5, 2, batch=8, rollout_length=2, latent=4, hidden=16, model_hidden=16)
AGENT = make_agent(SIZES, torch.device("cpu"))
#: the policy's value estimate as a return with a value at its end
ALIKE: dict[str, dict[str, Any]] = {"policy-gradient": {"lambda_": 1.0, "horizon": 6}}


@torch.no_grad()
def rolled_out(start: Tensor, actions: Tensor, discount: float, valued: bool) -> Tensor:
    """Discounted returns [N] of actions [N, H, 2], by the networks' own calls."""
    latent, total = start.expand(len(actions), -1), torch.zeros(len(actions))
    for t in range(actions.shape[1]):
        total += discount**t * AGENT.reward(torch.cat((latent, actions[:, t]), -1)).squeeze(-1)
        latent = AGENT.predict(latent, actions[:, t]).mean
    if valued:
        action = AGENT.actor(latent).tanh()
        total += discount ** actions.shape[1] * AGENT.critic(torch.cat((latent, action), -1)).squeeze(-1).amin(0)
    return total


@pytest.mark.parametrize("name", [name for name in PLANNERS.entries() if name not in ("mcts", "ilqr")])
@pytest.mark.parametrize("valued", [False, True])
def test_a_plan_is_at_least_the_best_of_64_random_ones(name: str, valued: bool) -> None:
    """iLQR may end in a local optimum of untrained networks, and MCTS plans for few actions."""
    values = {"horizon": 6, **ALIKE.get(name, {})}
    if name != "policy-gradient":
        values["terminal_value"] = valued
    planner_name, settings = planner_settings(name, values)
    planner: Planner = PLANNERS.find(planner_name).load()(settings)
    model, one = AlmWorldModel(AGENT), torch.ones(2)
    for seed in range(3):
        noise = NoiseSource(seed, "planning")
        start = model.encode(noise.normal((5,))).detach()
        step = planner.plan(PlanningProblem.of(settings, model, start, Box(-one, one), noise))
        plan = torch.from_numpy(step.plan)[None]
        (planned,) = rolled_out(start, plan, settings.discount, settings.terminal_value).tolist()
        random = rolled_out(
            start, 2.0 * noise.uniform((64, 6, 2)) - 1.0, settings.discount, settings.terminal_value
        )
        assert step.plan_return == pytest.approx(planned, rel=1e-4, abs=1e-4)
        assert planned >= float(random.max())


@pytest.mark.parametrize("name", [name for name in PRESETS if PRESETS[name].planner != "mcts"])
def test_presets_can_be_planned_with(name: str) -> None:
    """All but their length, which would take long."""
    planner_name, settings = planner_settings(name, {"iterations": 2})
    model, one, noise = AlmWorldModel(AGENT), torch.ones(2), NoiseSource(0, "planning")
    start = model.encode(noise.normal((5,))).detach()
    step = PLANNERS.find(planner_name).load()(settings).plan(
        PlanningProblem.of(settings, model, start, Box(-one, one), noise)
    )
    assert step.plan.shape == (settings.horizon, 2)
    assert step.nonfinite == 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", list(PRESETS))
def test_planners_compute_where_the_model_is(name: str) -> None:
    cuda = torch.device("cuda:0")
    planner_name, settings = planner_settings(name, {"iterations": 2})
    model, one, noise = AlmWorldModel(make_agent(SIZES, cuda)), torch.ones(2, device=cuda), NoiseSource(0, "plan", cuda)
    start = model.encode(noise.normal((5,))).detach()
    problem = PlanningProblem.of(settings, model, start, Box(-one, one), noise)
    planner: Planner = PLANNERS.find(planner_name).load()(settings)
    step = planner.plan(problem)
    again = planner.plan(following(problem, step, start))
    assert step.nonfinite == again.nonfinite == 0
