"""Presets of planners in ALM's latent model, on the processor and where else the model is."""

from __future__ import annotations

import pytest
import torch

from workbench.agents.alm_world_model import AlmWorldModel
from workbench.benchmarks.alm_update import make_agent
from workbench.benchmarks.floor import Sizes
from workbench.noise import NoiseSource
from workbench.planners import PLANNERS
from workbench.planners.base import Box, Planner, PlanningProblem, following
from workbench.planners.presets import PRESETS, planner_settings

SIZES = Sizes(5, 2, batch=8, rollout_length=2, latent=4, hidden=16, model_hidden=16)
AGENT = make_agent(SIZES, torch.device("cpu"))


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
