"""The benchmark of lanes: what it counts, what it compares, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from workbench.benchmarks import lanes as lanes_module
from workbench.benchmarks.floor import SIZES, Sizes
from workbench.benchmarks.lanes import LanesBenchmark, LockstepUpdate, format_table, main
from workbench.benchmarks.lanes import run_lanes_benchmark as run_benchmark
from workbench.spec import EngineSettings

TINY = Sizes(5, 2, batch=8, rollout_length=2, latent=3, hidden=8, model_hidden=12)
CPU = torch.device("cpu")
EAGER = EngineSettings(acceleration="eager")


@pytest.fixture(scope="module")
def measured() -> LanesBenchmark:
    return run_benchmark(TINY, (1, 3), "cpu", engine=EngineSettings(matmul="torch"), seconds=0.0, name="tiny")


def test_each_number_of_lanes_is_timed_beside_one_and_its_floors(measured: LanesBenchmark) -> None:
    one, three = measured.measured
    assert (one.lanes, three.lanes, measured.rounds) == (1, 3, 3)
    assert one.per_one == 1.0
    assert 1.5 < three.per_one < 8.0  # eager lanes take their turns
    assert three.per_lane == pytest.approx(three.update.median / 3)
    assert one.per_floor > 1.0
    assert three.floor.median > one.floor.median > 0.0
    assert three.stacked_floor.median > 0.0
    assert three.launches == 3 * one.launches
    assert (one.mode, one.reason, measured.clock, measured.precision) == ("eager", None, "cpu", "fp32")
    assert (measured.stacking.lanes, measured.stacking.largest_difference < 1e-4) == (3, True)
    assert [each.environment for each in measured.stepping] == ["HalfCheetah-v5", "Humanoid-v5"]
    assert all(each.lanes == 3 and each.in_turn.median > 0.0 < each.threads.median for each in measured.stepping)


def test_the_document_and_the_table_hold_what_was_measured(measured: LanesBenchmark) -> None:
    document = json.loads(json.dumps(measured.document()))
    assert document["stacking"]["looped_launches"] == 3 * document["stacking"]["single_launches"]
    first, second = document["lanes"]
    assert (first["launches_per_one"], second["launches_per_one"]) == (1.0, 3.0)
    assert second["ms_per_lane_update"] == pytest.approx(second["ms_per_lockstep_update"] / 3)
    assert document["machine"]["processor"] == measured.machine.processor
    assert document["torch"] == torch.__version__
    assert document["sizes"]["name"] == "tiny"
    table = format_table(measured)
    rows = [line.split() for line in table.splitlines()]
    row = next(each for each in rows if each[:1] == ["3"])
    assert row[-2:] == [f"{measured.measured[1].launches:,}", "3.00"]
    assert "Updates are computed as: eager, fp32." in table


def test_a_lockstep_update_is_one_of_every_agent() -> None:
    update = LockstepUpdate(3, TINY, CPU, EAGER)
    before = [_total(agent) for agent in update._agents]
    update()
    assert all(_total(agent) != old for agent, old in zip(update._agents, before, strict=True))


def _total(agent: Any) -> float:
    return sum(float(value.double().abs().sum()) for value in agent.network_tensors().values())


def test_the_command_line_measures_one_lane_too_and_refuses_in_sentences(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(SIZES, "small", TINY)
    monkeypatch.setattr(lanes_module, "BESIDE_SECONDS", 0.0)
    assert main(["--json", "--sizes", "small", "--lanes", "2", "--device", "cpu", "--seconds", "0"]) == 0
    assert [each["lanes"] for each in json.loads(capsys.readouterr().out)["lanes"]] == [1, 2]
    assert main(["--lanes", "0"]) == 2
    assert capsys.readouterr().err == "error: lanes and threads: expected whole numbers of at least 1\n"
    assert main(["--device", "cpu", "--precision", "tf32"]) == 2
    assert "tf32 needs a CUDA device" in capsys.readouterr().err
