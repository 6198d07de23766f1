"""The planners' benchmark: its floor is what a decision multiplies, and its answer has its fields."""

from __future__ import annotations

import json

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from workbench.benchmarks import planners, timing
from workbench.benchmarks.floor import SIZES, Floor, Pass, Sizes, products_of
from workbench.benchmarks.planners import HORIZON, TASKS, Task, decide
from workbench.commands.bench import BENCHMARKS
from workbench.engine import processor
from workbench.engine.processor import MatmulRoute

TINY = Sizes(5, 2, batch=8, rollout_length=2, latent=3, hidden=8, model_hidden=12)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny sizes can be asked for; torch's own products stay."""
    monkeypatch.setitem(SIZES, "tiny", TINY)
    monkeypatch.setattr(timing, "MOST_ROUNDS", 3)
    monkeypatch.setattr(processor, "_chosen", MatmulRoute("torch", 1e-7, "this is a test"))


def flops(passes: list[Pass]) -> int:
    return sum(product.flops for product in products_of(passes, TINY))


@pytest.mark.parametrize("task", TASKS, ids=[task.planner for task in TASKS])
def test_a_decision_multiplies_the_floor_and_the_plan_it_shows(task: Task) -> None:
    """Beside its candidates a planner rolls the plan of each iteration out once, to show where it leads."""
    shown = [Pass("model", 1, times=HORIZON), Pass("reward", HORIZON)] * task.iterations
    work = decide(task, TINY, CPU)
    with FlopCounterMode(display=False) as counter:
        work()
    assert counter.get_total_flops() == flops(task.passes()) + flops(shown)
    with FlopCounterMode(display=False) as counter:
        Floor(products_of(task.passes(), TINY), CPU).run()
    assert counter.get_total_flops() == flops(task.passes())


def test_json_has_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    result = planners.run_planners_benchmark("tiny", seconds=0.0)
    answer = json.loads(json.dumps(result.document()))
    assert [each["planner"] for each in answer["planners"]] == ["cem", "gradient"]
    assert [(each["candidates"], each["iterations"]) for each in answer["planners"]] == [(500, 5), (100, 10)]
    for each in answer["planners"]:
        assert each["horizon"] == 12
        assert each["ms_per_decision"] > each["floor_ms"] > 0
        assert each["decision_per_floor"] > 1
        assert each["rounds"] == 3
    assert (answer["device"], answer["threads"], answer["clock"]) == ("cpu", 1, "cpu")
    assert answer["sizes"]["name"] == "tiny"
    text = "\n".join(planners.format_lines(result))
    assert "gradient" in text
    assert "this is a test" in text


def test_a_device_that_is_not_here_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    from workbench.cli import main

    assert "planners" in BENCHMARKS
    assert main(["bench", "planners", "--device", "cuda:99"]) == 2
    assert "device: cuda:99 is not there" in capsys.readouterr().err
