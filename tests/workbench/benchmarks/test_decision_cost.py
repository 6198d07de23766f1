"""What a decision costs: the products that are noted are those of the algorithm, and the sums add up."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from storage import open_project
from tests.command_line import TINY, Foresight
from workbench.analysis.steps import exhaust
from workbench.benchmarks.decision import DecisionCost, Products, foresee
from workbench.benchmarks.floor import SIZES, Pass, products_of
from workbench.benchmarks.planners import HORIZON, TASKS, Task, decide
from workbench.engine.planning_desk import PlanWish
from workbench.engine.recorder import Recorder
from workbench.planners.presets import planner_settings


@pytest.mark.parametrize("task", TASKS, ids=[task.planner for task in TASKS])
def test_every_product_of_a_decision_is_noted(task: Task) -> None:
    sizes = SIZES["small"]
    work = decide(task, sizes, torch.device("cpu"))
    with Products() as noted:
        work()
    shown = [Pass("model", 1, times=HORIZON), Pass("reward", HORIZON)] * task.iterations
    needed = sum(product.flops for product in products_of([*task.passes(), *shown], sizes))
    assert sum(product.flops for product in noted.found) == pytest.approx(needed, rel=0.01)


def test_shapes_are_noted_as_they_are() -> None:
    with Products() as noted:
        torch.addmm(torch.zeros(5), torch.zeros(2, 3), torch.zeros(3, 5))
        torch.bmm(torch.zeros(4, 2, 3), torch.zeros(4, 3, 6))
        torch.zeros(2, 2) + 1
    shapes = [(each.members, each.rows, each.inputs, each.outputs) for each in noted.found]
    assert shapes == [(1, 2, 3, 5), (4, 2, 3, 6)]


def test_later_iterations_are_like_those_after_the_first() -> None:
    cost = DecisionCost((10.0, 4.0, 6.0), (2.0, 1.0, 1.0), (200, 100, 100), rounds=10, interval=None)
    assert cost.predicted_ms == pytest.approx(10.0 + 9 * 5.0)
    assert cost.floor_ms == pytest.approx(2.0 + 9 * 1.0)
    assert cost.decision_flops == 1100
    short = DecisionCost((10.0, 4.0, 6.0), (0.0, 0.0, 0.0), (0, 0, 0), rounds=2, interval=None)
    assert short.predicted_ms == pytest.approx(14.0)
    assert short.floor_ms is None, "dynamics without products have no such floor"


def test_a_planning_call_is_foreseen(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    answer = Foresight(folder)("train", *TINY, "--steps", 60, "--seeds", "3")
    assert answer.code == 0, answer.err
    with open_project(folder, write=True) as project:
        row = project.artifacts.list(1, "snapshot")[-1]
        name, settings = planner_settings("cem", {"candidates": 20, "elites": 4, "iterations": 8, "horizon": 3})
        wish = PlanWish(1, row.name, "reset:0", name, settings)
        cost = exhaust(foresee(Recorder(project), wish))
        assert (len(cost.milliseconds), len(cost.flops), cost.rounds) == (3, 3, 8)
        assert cost.flops[1] == cost.flops[2] > 0
        assert cost.floor_ms is not None
        assert 0.0 < cost.floor_ms < cost.predicted_ms
        name, settings = planner_settings("cem", {"candidates": 20, "elites": 4, "iterations": 2, "horizon": 3})
        cost = exhaust(foresee(Recorder(project), PlanWish(1, row.name, "reset:0", name, settings, "true")))
        assert (len(cost.milliseconds), cost.clock) == (2, "wall")
        assert cost.floor_ms is None
