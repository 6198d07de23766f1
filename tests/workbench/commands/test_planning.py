"""``foresight plan`` on a small trained run: returns by iteration, reality, and what cannot be, by field."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.command_line import Foresight
from workbench.agents.alm_world_model import AlmWorldModel

SMALL = ("--set", "candidates=20", "--set", "iterations=3", "--set", "horizon=4")


@pytest.mark.parametrize("planner", ["cem", "mppi", "gradient", "policy-gradient", "cem-gradient", "random-shooting"])
def test_a_plan_and_what_it_was_worth(trained: Foresight, planner: str) -> None:
    elites = ("--set", "elites=5") if planner == "cem" else ()
    answer = trained("plan", 1, "--planner", planner, *SMALL, *elites, "--json")
    assert answer.code == 0, answer.err
    found = answer.document
    assert [each["iteration"] for each in found["iterations"]] == [1, 2, 3]
    bests = [each["best_return"] for each in found["iterations"]]
    assert bests == sorted(bests)
    assert all(each["mean_return"] <= each["best_return"] for each in found["iterations"])
    assert np.shape(found["plan"]) == (4, 1)
    assert np.abs(found["plan"]).max() <= 1.0
    discounts = 0.99 ** np.arange(4)
    assert len(found["real"]["rewards"]) == found["real"]["steps"] == 4
    if planner != "policy-gradient":  # which climbs an average over lengths
        assert found["imagined"]["return"] == pytest.approx(found["iterations"][-1]["plan_return"], rel=1e-4)
        assert found["imagined"]["return"] == pytest.approx(float(discounts @ found["imagined"]["rewards"]), rel=1e-4)
        assert found["real"]["return"] == pytest.approx(float(discounts @ found["real"]["rewards"]))
    assert found["gap"] == pytest.approx(found["imagined"]["return"] - found["real"]["return"])
    assert (found["run"], found["planner"], found["settings"]["horizon"]) == (1, planner, 4)


def test_true_dynamics_keep_their_promise(trained: Foresight) -> None:
    found = trained("plan", 1, "--model", "true", *SMALL, "--set", "elites=5", "--json").document
    assert found["imagined"]["rewards"] == pytest.approx(found["real"]["rewards"], abs=1e-3)
    assert found["gap"] == pytest.approx(0.0, abs=1e-2)


@pytest.mark.parametrize("planner", ["cem", "gradient", "mcts"])
def test_drawn_predictions_promise_what_the_search_drew(trained: Foresight, planner: str) -> None:
    few = ("simulations=20",) if planner == "mcts" else ("candidates=20", "iterations=2")
    values = ("sampled_model=true", "horizon=4", *few, *(("elites=5",) if planner == "cem" else ()))
    words = [word for value in values for word in ("--set", value)]
    found = trained("plan", 1, "--planner", planner, *words, "--json").document
    assert found["imagined"]["return"] == pytest.approx(found["iterations"][-1]["plan_return"], rel=1e-5)


def test_true_dynamics_are_ended_by_the_learned_value(trained: Foresight) -> None:
    words = ("--model", "true", *SMALL, "--set", "elites=5", "--set", "terminal_value=true", "--json")
    found = trained("plan", 1, *words).document
    assert found["gap"] == pytest.approx(0.0, abs=1e-2)
    discounted = float(0.99 ** np.arange(4) @ found["real"]["rewards"])
    assert abs(found["real"]["return"] - discounted) > 1e-3


def test_the_same_state_seed_and_settings_give_the_same_plan(trained: Foresight) -> None:
    words = ("plan", 1, *SMALL, "--set", "elites=5", "--json")
    plans = [trained(*words, *more).document["plan"] for more in ((), (), ("--seed", 1), ("--state", "reset:5"))]
    assert plans[0] == plans[1]
    assert plans[0] != plans[2]
    assert plans[0] != plans[3]


def test_a_recorded_frame(trained: Foresight) -> None:
    answer = trained("plan", 1, "--state", "episode:7", *SMALL, "--set", "elites=5", "--model", "true", "--json")
    assert answer.code == 0, answer.err
    assert answer.document["gap"] == pytest.approx(0.0, abs=1e-2)


def test_a_state_set_by_hand(trained: Foresight) -> None:
    words = ("plan", 1, *SMALL, "--set", "elites=5", "--model", "true", "--json")
    found = trained(*words, "--qpos", "-0.5", "--qvel=1e-1").document
    assert (found["qpos"], found["qvel"]) == ([-0.5], [0.1])
    assert found["gap"] == pytest.approx(0.0, abs=1e-2)
    other = trained(*words, "--state", "reset:4").document
    kept = trained(*words, "--state", "reset:4", "--qvel", "0.1").document
    assert (kept["qpos"], kept["qvel"]) == (other["qpos"], [0.1]), "positions are those of the reset"
    told = trained("plan", 1, *SMALL, "--set", "elites=5", "--state", "reset:4", "--qpos", 3)
    assert "from reset:4 with qpos as given" in told.out


def test_a_preset_and_a_table(trained: Foresight) -> None:
    answer = trained("plan", 1, "--planner", "policy-grad-mpc", "--set", "iterations=2")
    assert answer.code == 0, answer.err
    assert "policy-grad-mpc in the learned model of" in answer.out
    assert "Imagined return" in answer.out
    assert len(answer.out.splitlines()) == 5


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--set", "horizon=0"), "error: horizon: 0 is out of range; expected a whole number at least 1"),
        (("--set", "elites=600"), "error: elites: 600 cannot be chosen among 500 candidates"),
        (("--set", "elites"), "error: --set: 'elites' is not valid; expected KEY=VALUE"),
        (("--set", "candidate=3"), "error: candidate: there is no such setting; did you mean candidates"),
        (("--planner", "cme"), "error: planner: there is no planner called 'cme'; did you mean"),
        (("--planner", "gradient", "--model", "true", "--set", "bounds=none"), "error: bounds: 'none' is not valid"),
        (("--state", "yesterday"), "error: state: 'yesterday' is not valid; expected reset, reset:SEED"),
        (("--state", "episode:5000"), "expected 0 to 14"),
        (("--qpos", "1", "2"), "error: qpos: 2 given, but this task has 1: angle"),
        (("--qvel", "9"), "error: qvel[0]: angular velocity: must be -8 to 8 rad/s"),
        (("--qpos", "nan"), "error: qpos[0]: angle: must be a finite number"),
        (("--qpos", "up"), "error: qpos: 'up' is not valid; expected numbers"),
        (("--seed", "-1"), "error: --seed: -1 is below 0; expected 0 or more"),
        (("--planner", "mppi", "--set", "temperature=1e-300"), "error: temperature: 1e-300 is out of range"),
        (("--qpos=",), "error: qpos: 0 given, but this task has 1: angle"),
    ],
)
def test_what_cannot_be_is_named(trained: Foresight, words: tuple[str, ...], reason: str) -> None:
    answer = trained("plan", 1, *words)
    assert answer.code == 2
    assert reason in answer.err
    assert answer.out == ""


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--set", "terminal_value=true"), "error: terminal_value: this model has no value head"),
        (("--planner", "gradient"), "error: model: AlmWorldModel offers no gradient; choose a planner that only tries"),
        (("--planner", "td-mpc2", "--set", "terminal_value=false"), "error: model: AlmWorldModel offers no policy"),
    ],
)
def test_what_the_model_lacks_is_named(
    trained: Foresight, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], reason: str
) -> None:
    whole = AlmWorldModel.__init__

    def bare(self: AlmWorldModel, agent: Any) -> None:
        whole(self, agent)
        self.offers = frozenset()

    monkeypatch.setattr(AlmWorldModel, "__init__", bare)
    answer = trained("plan", 1, *words)
    assert answer.code == 2
    assert reason in answer.err
