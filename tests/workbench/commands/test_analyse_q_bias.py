"""``foresight analyse q-bias``: one checkpoint or all, in the run's terms or others, stored where asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from storage import open_project
from tests.command_line import Foresight
from workbench.analysis.bias_numbers import QBias

SHORT = ("--states", 20, "--first-steps", 10)


def test_q_bias_prints_one_document(trained: Foresight) -> None:
    answer = trained("analyse", "q-bias", 1, *SHORT, "--json")
    assert answer.code == 0, answer.err
    document = answer.document
    assert (document["analysis"], document["run"], document["step"]) == ("q-bias", 1, 60)
    assert (document["states"], document["episodes"], document["at_time_limit"]) == (20, 2, "cut")
    assert document["definition"]["words"] == "Bias = return − estimate, divided by each state's |return| (at least 10)"
    assert set(document["estimates"]) == {"critic", "k_step"}
    critic = document["estimates"]["critic"]
    assert sum(critic["histogram"]["states"]) == 20
    assert critic["verdict"]
    other = trained(
        "analyse", "q-bias", 1, *SHORT, "--sign", "estimate-minus-return", "--normaliser", "mean", "--json"
    ).document
    assert other["estimates"]["critic"]["mean"] == pytest.approx(critic["relative_overestimate"])
    bootstrapped = trained("analyse", "q-bias", 1, *SHORT, "--at-time-limit", "bootstrap", "--json").document
    assert bootstrapped["estimates"]["critic"]["mean"] != critic["mean"]
    assert "critic's own value" in bootstrapped["protocol"]


def test_for_people_it_says_which_way_and_how_it_was_measured(trained: Foresight) -> None:
    answer = trained("analyse", "q-bias", 1, *SHORT)
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].startswith("Critic's Q: mean ")
    assert lines[1].startswith("K-step estimate, K = 3: mean ")
    assert lines[2].startswith("Bias = return − estimate")
    assert "20 states of 2 episodes, the first 10 steps of each" in lines[3]


def test_every_kept_snapshot_is_measured_and_stored(trained: Foresight, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(trained.folder, folder)
    answer = Foresight(folder)("analyse", "q-bias", 1, *SHORT, "--checkpoint", "all", "--keep", "--json")
    assert answer.code == 0, answer.err
    steps = [each["step"] for each in answer.document["checkpoints"]]
    assert steps == sorted(set(steps))
    assert len(steps) > 2
    with open_project(folder) as project:
        rows = project.artifacts.list(1, "analysis")
        assert [row.name for row in rows] == [f"q-bias-{step}" for step in steps]
        assert QBias.read(*project.artifacts.load(rows[-1])).states == 20
        assert rows[-1].info["bias"]["critic"]["mean"][0] == pytest.approx(
            answer.document["checkpoints"][-1]["estimates"]["critic"]["relative_overestimate"]
        )
    spoken = trained("analyse", "q-bias", 1, *SHORT, "--checkpoint", "all")
    assert [line for line in spoken.out.splitlines() if line.startswith("Step ")] == [f"Step {step}:" for step in steps]


def test_too_few_states_are_refused(trained: Foresight) -> None:
    answer = trained("analyse", "q-bias", 1, "--states", 0)
    assert (answer.code, answer.out) == (2, "")
    assert "--states: 0 is below 1" in answer.err
