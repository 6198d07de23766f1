"""``foresight analyse overfitting`` and the planner that ``analyse exploitation`` takes of a run that plans."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import Foresight

ENSEMBLE = (
    *("--preset", "mbrl-1.5", "--seeds", 1, "--steps", 60, "--set", "warm_up_steps=40"),
    *("--set", "model.hidden_size=8", "--set", "model.layers=1", "--set", "model.members=2"),
    *("--set", "model.most_epochs=2", "--set", "planner.candidates=8", "--set", "planner.elites=3"),
    *("--set", "planner.iterations=2", "--set", "planner.horizon=4", "--set", "engine.evaluation_episodes=1"),
    *("--set", "engine.evaluation_interval=60"),
)


@pytest.fixture(scope="module")
def planning(tmp_path_factory: pytest.TempPathFactory) -> Foresight:
    """A project with one run that plans in an ensemble."""
    folder: Path = tmp_path_factory.mktemp("overfitting") / "project"
    answer = Foresight(folder)("train", *ENSEMBLE)
    assert answer.code == 0, answer.err
    return Foresight(folder)


def test_a_row_for_every_amount_and_model(planning: Foresight) -> None:
    answer = planning("analyse", "overfitting", 1, "--amounts", 60, 20, "--states", 2, "--json")
    assert answer.code == 0, answer.err
    rows = answer.document["rows"]
    assert [(row["transitions"], row["model"]) for row in rows] == [
        *((20, "one network"), (60, "one network"), (20, "ensemble"), (60, "ensemble")),
    ]
    assert answer.document["summary"]["states"] == 2
    assert all(row["disagreement"] > 0 for row in rows)
    assert all(row["mean_size"] >= abs(row["mean_gap"]) > 0 for row in rows)
    told = planning("analyse", "overfitting", 1, "--amounts", 20, "--states", 2)
    assert told.out.splitlines()[0].split() == [
        *("transitions", "model", "mean", "gap", "mean", "size", "disagreement"),
    ]


def test_the_runs_own_planner_is_taken_unless_another_is_asked_for(planning: Foresight) -> None:
    own = planning("analyse", "exploitation", 1, "--states", 2, "--set", "iterations=3", "--json").document
    assert own["problem"]["settings"]["candidates"] == 8
    assert own["problem"]["settings"]["iterations"] == 3
    assert own["measure"] == "disagreement"
    other = planning("analyse", "exploitation", 1, "--states", 2, "--planner", "random-shooting", "--json").document
    assert other["problem"]["planner"] == "random-shooting"


def test_what_cannot_be_fitted_is_refused(planning: Foresight, trained: Foresight) -> None:
    answer = planning("analyse", "overfitting", 1, "--amounts", 5)
    assert (answer.code, answer.out) == (2, "")
    assert "5 is too few to fit to" in answer.err
    answer = trained("analyse", "overfitting", 1)
    assert (answer.code, answer.out) == (2, "")
    assert "run 1 has no ensemble" in answer.err
