"""Every planner of continuous actions: finds what is best, is not fooled, repeats itself, stops where it is told."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from tests.workbench.planners.problems import HIGH, LOW, TARGETS, Bare, Point, Treacherous, problem
from workbench.planners import PLANNERS
from workbench.planners.base import Finite, Planner, PlanningError, PlanStep, following
from workbench.planners.presets import planner_settings
from workbench.registry import UnknownName
from workbench.settings import SettingsError, flatten

SEARCHING = ("cem", "mppi", "gradient", "policy-gradient", "cem-gradient", "random-shooting")
#: enough to reach the optimum of Point so closely
THOROUGH: list[tuple[str, dict[str, Any], float]] = [
    ("cem", {"iterations": 25, "momentum": 0.5}, 0.001),
    ("cem", {"iterations": 25, "momentum": 0.5, "sampling": "clamped", "execute": "best"}, 0.001),
    ("cem", {"iterations": 25, "sampling": "clamped", "noise_exponent": 1.0, "kept_elites": 0.3}, 0.01),
    ("mppi", {"iterations": 40, "temperature": 0.1, "scaled": False, "initial_std": 0.2}, 0.06),
    ("mppi", {"iterations": 40, "elites": 64, "fit_std": True, "least_std": 0.01}, 0.01),
    ("gradient", {"iterations": 80, "learning_rate": "linear(0.2, 0.002, 80)"}, 0.01),
    ("gradient", {"iterations": 80, "optimiser": "plain", "learning_rate": 0.05}, 0.01),
    ("gradient", {"iterations": 80, "bounds": "tanh", "clip_norm": 1.0}, 0.03),
    ("gradient", {"iterations": 80, "optimiser": "rmsprop", "learning_rate": "linear(0.1, 0.001, 80)"}, 0.01),
    # With discount 0 and lambda 1 the first reward is all that counts.
    ("policy-gradient", {"horizon": 1, "iterations": 80, "lambda_": 1.0, "discount": 0.0, "learning_rate": 0.02}, 0.01),
    ("cem-gradient", {"iterations": 25}, 0.01),
]


def make(name: str, **values: Any) -> Planner:
    planner, settings = planner_settings(name, {"horizon": 3, **values})
    built: Planner = PLANNERS.find(planner).load()(settings)
    return built


# ---- what they find -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "values", "tolerance"), THOROUGH)
def test_the_best_plan_of_a_quadratic_is_found(name: str, values: dict[str, Any], tolerance: float) -> None:
    planner = make(name, **values)
    step = planner.plan(problem(planner.settings))
    assert np.abs(step.plan - TARGETS.numpy()[: len(step.plan)]).max() < tolerance
    assert step.best_return <= 0.0


def test_random_shooting_takes_the_best_of_what_it_drew() -> None:
    planner = make("random-shooting", candidates=400, iterations=3)
    steps = list(planner.iterate(problem(planner.settings)))
    bests = [step.returns.max() for step in steps]
    assert steps[-1].plan_return == pytest.approx(max(bests))
    assert [step.best_return for step in steps] == pytest.approx(np.maximum.accumulate(bests))
    drawn = np.concatenate([step.actions for step in steps])
    assert drawn.min((0, 1)) == pytest.approx(LOW.numpy(), abs=0.02)
    assert drawn.max((0, 1)) == pytest.approx(HIGH.numpy(), abs=0.02)


@pytest.mark.parametrize("name", SEARCHING)
def test_a_step_tells_what_would_be_executed(name: str) -> None:
    """The imagined latents and rewards belong to the plan, and everything has its shape and keeps the bounds."""
    planner = make(name)
    steps = list(planner.iterate(problem(planner.settings)))
    assert [step.iteration for step in steps] == list(range(1, len(steps) + 1))
    for step in steps:
        count = len(step.actions)
        assert step.actions.shape == (count, 3, 2)
        assert step.returns.shape == (count,)
        assert step.plan.shape == step.best_actions.shape == (3, 2)
        assert step.latents.shape == (4, 2)
        assert (step.actions >= LOW.numpy()).all()
        assert (step.actions <= HIGH.numpy()).all()
        assert step.rewards == pytest.approx(-np.square(step.plan - TARGETS.numpy()).sum(1), abs=1e-5)
        assert step.latents[:, 1] == pytest.approx(np.concatenate(([0], 0.1 * step.plan[:, 0].cumsum())), abs=1e-6)
        assert step.best_return >= step.returns.max()
        assert step.milliseconds > 0
        assert step.nonfinite == 0


# ---- what must not win ----------------------------------------------------------------------------------------------


def test_weights_of_what_is_lost_are_zero() -> None:
    planner = make("mppi")
    step = next(iter(planner.iterate(problem(planner.settings, Treacherous()))))
    lost = step.actions[:, 0, 0] > 0.0
    assert 0 < lost.sum() < len(lost)
    weights = step.extras["weights"]
    assert (weights[lost] == 0.0).all()
    assert weights.sum() == pytest.approx(1.0)


# ---- the model's draws ----------------------------------------------------------------------------------------------


def flat_of(name: str) -> dict[str, Any]:
    return flatten(planner_settings(name)[1])


@pytest.mark.parametrize("name", SEARCHING)
def test_drawn_predictions_are_drawn_once_for_all_iterations(name: str) -> None:
    planner = make(name, sampled_model=True, iterations=3)
    steps = list(planner.iterate(problem(planner.settings)))
    # x moves by 0.1 of the action and by the noise, which must be the same in every iteration.
    noises = [np.diff(step.latents[:, 1]) - 0.1 * step.plan[:, 0] for step in steps]
    assert np.abs(noises[0]).min() > 1e-3
    assert noises[0] == pytest.approx(noises[1], abs=1e-5)
    assert noises[0] == pytest.approx(noises[2], abs=1e-5)


# ---- a step later ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cem", "mppi", "cem-gradient", "gradient"])
def test_the_next_search_begins_from_the_shifted_plan(name: str) -> None:
    planner = make(name, warm_start=True)
    posed = problem(planner.settings)
    step = planner.plan(posed)
    after = following(posed, step, torch.ones(2))
    assert after.start.tolist() == [1.0, 1.0]
    assert after.warm_start is not None
    center = step.plan if step.center is None else step.center
    assert after.warm_start.tolist() == [*center[1:].tolist(), center[-1].tolist()]
    first = next(iter(planner.iterate(after)))
    begin = first.actions.mean(0) if first.mean is None else first.mean
    if name != "gradient":
        assert begin == pytest.approx(after.warm_start.numpy(), abs=1e-6)
    cold = make(name, warm_start=False)
    begin = next(iter(cold.iterate(after))).mean
    assert begin is None or begin == pytest.approx(np.tile((LOW + HIGH).numpy() / 2, (3, 1)))


# ---- what cannot be -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("cem", {"elites": 501}, "elites: 501 cannot be chosen among 500 candidates"),
        ("mppi", {"elites": 513}, "elites: 513 cannot"),
        ("cem", {"policy_candidates": 501}, "policy_candidates: 501 is out of range; expected at most 500"),
        ("mppi", {"policy_candidates": 513}, "policy_candidates: 513 is out of range; expected at most 512"),
        ("mppi", {"fit_std": True, "least_std": 0.6}, "least_std: 0.6 is above initial_std"),
        ("cem", {"horizon": 0}, "horizon: 0 is out of range; expected a whole number at least 1"),
        ("cem", {"noise_exponent": 2.0}, "sampling: coloured noise cannot be truncated"),
        ("policy-gradient", {"terminal_value": False}, "terminal_value: must be on"),
        ("gradient", {"optimizer": "adam"}, "did you mean optimiser"),
    ],
)
def test_settings_that_cannot_be_are_named(name: str, values: dict[str, Any], field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        planner_settings(name, values)
    assert field in str(caught.value)


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("cem", {"terminal_value": True}, "terminal_value"),
        ("gradient", {}, "model"),
        ("cem-gradient", {}, "model"),
        ("policy-gradient", {}, "terminal_value"),
        ("mppi", {"policy_candidates": 3}, "model"),
        ("cem", {"policy_candidates": 3}, "model"),
    ],
)
def test_what_a_model_lacks_is_named(name: str, values: dict[str, Any], field: str) -> None:
    planner = make(name, **values)
    with pytest.raises(PlanningError) as caught:
        next(iter(planner.iterate(problem(planner.settings, Bare()))))
    assert caught.value.field == field


@pytest.mark.parametrize("name", SEARCHING)
def test_a_finite_choice_belongs_to_other_planners(name: str) -> None:
    planner = make(name)
    posed = problem(planner.settings, actions=Finite(torch.zeros(4, 2)))
    with pytest.raises(PlanningError, match=r"^actions: .*choose MCTS"):
        next(iter(planner.iterate(posed)))


def test_bounds_must_be_finite() -> None:
    planner = make("cem")
    posed = problem(planner.settings)
    endless = replace(posed, actions=replace(posed.box(), low=torch.tensor([-torch.inf, -1.0])))
    with pytest.raises(PlanningError, match=r"^actions: their bounds must be finite"):
        next(iter(planner.iterate(endless)))


def test_an_unknown_planner_is_named_with_its_neighbours() -> None:
    with pytest.raises(UnknownName, match=r"no planner called 'pet'; did you mean pets"):
        planner_settings("pet")


def test_kept_elites_are_tried_again() -> None:
    """In the next iteration, and shifted in the next decision (iCEM)."""
    planner = make("icem", elites=10, candidates=40, decay=1.0, kept_elites=0.3, iterations=3)
    posed = problem(planner.settings)
    steps = list(planner.iterate(posed))
    for one, two in pairwise(steps):
        assert one.elites is not None
        assert two.actions[:3] == pytest.approx(one.actions[one.elites[:3]], abs=1e-6)
    # The last iteration tries the mean too.
    assert steps[-1].mean is not None
    assert steps[-1].actions[3] == pytest.approx(np.clip(steps[-1].mean, LOW.numpy(), HIGH.numpy()), abs=1e-6)
    after = next(iter(planner.iterate(following(posed, steps[-1], torch.zeros(2)))))
    assert steps[-1].elites is not None
    kept = steps[-1].actions[steps[-1].elites[:3]]
    assert after.actions[:3, :2] == pytest.approx(kept[:, 1:], abs=1e-6)
    assert after.actions[:3, 2] == pytest.approx(kept[:, 2], abs=1e-6)


@pytest.mark.parametrize("name", ["cem", "mppi", "cem-gradient"])
def test_the_policys_sequences_are_among_the_candidates(name: str) -> None:
    """In every iteration the same ones, and the first of them is the policy without noise, which misses by 0.2."""
    values = {"gradient_steps": 1, "learning_rate": 1e-9, "kept_elites": 0.0} if name == "cem-gradient" else {}
    planner = make(name, policy_candidates=5, policy_std=0.1, iterations=3, **values)
    steps = list(planner.iterate(problem(planner.settings)))
    for step in steps:
        assert step.actions[0] == pytest.approx(TARGETS.numpy() + Point.miss, abs=1e-5)
        assert step.actions[:5] == pytest.approx(steps[0].actions[:5], abs=1e-5)
    assert np.abs(steps[0].actions[1:5] - steps[0].actions[0]).max(axis=(1, 2)).min() > 0.05


def test_momentum_averages_spreads_or_variances() -> None:
    """With variances, as in PETS, the proposal stays wider (iCEM averages the spreads)."""
    steps: dict[str, list[PlanStep]] = {}
    for averaged in ("std", "variance"):
        planner = make("cem", averaged=averaged, momentum=0.25, sampling="clamped", initial_std=0.1, iterations=2)
        steps[averaged] = list(planner.iterate(problem(planner.settings)))
    first = steps["std"][0]
    assert first.elites is not None
    assert first.std is not None
    fitted = first.actions[first.elites].std(0)
    for averaged, expected in (
        ("std", 0.25 * first.std + 0.75 * fitted),
        ("variance", np.sqrt(0.25 * first.std**2 + 0.75 * fitted**2)),
    ):
        assert steps[averaged][1].std == pytest.approx(expected, rel=1e-4)


def test_fewer_candidates_in_each_iteration() -> None:
    planner = make("cem", candidates=100, elites=10, decay=2.0, iterations=5)
    counts = [len(step.actions) for step in planner.iterate(problem(planner.settings))]
    assert counts == [100, 50, 25, 20, 20]


def test_a_narrow_proposal_ends_the_search() -> None:
    planner = make("cem", iterations=100, stop_std=0.05)
    steps = list(planner.iterate(problem(planner.settings)))
    assert len(steps) < 20
    assert steps[-1].mean is not None


def test_time_between_two_steps_does_not_count() -> None:
    """Whoever steps through a search may look at each step for long."""
    for name in SEARCHING:
        planner = make(name, candidates=20, iterations=3, **({"elites": 5} if "elites" in flat_of(name) else {}))
        for step in planner.iterate(problem(planner.settings)):
            assert step.milliseconds < 190
            time.sleep(0.2)


def test_what_was_climbed_is_told() -> None:
    planner = make("gradient", candidates=7, iterations=4, optimiser="plain", learning_rate=0.02)
    steps = list(planner.iterate(problem(planner.settings)))
    for step in steps:
        assert step.extras["gradient_norm"].shape == (7, 3)
        assert (step.returns > step.extras["return_before"]).all()
    for one, two in pairwise(steps):
        assert two.extras["return_before"] == pytest.approx(one.returns)


def test_the_papers_list_of_step_sizes() -> None:
    planner = make("gradient", candidates=1, iterations=8, optimiser="plain", learning_rate_list=True, clip_norm=1.0)

    class Slope(Point):
        def reward(self, latent: torch.Tensor, action: torch.Tensor, next_latent: torch.Tensor) -> torch.Tensor:
            return 100.0 * action[..., 0]

    posed = problem(planner.settings, Slope(), warm_start=torch.tensor([[-0.9, -1.0]] * 3))
    firsts = [-0.9] + [float(step.actions[0, 0, 0]) for step in planner.iterate(posed)]
    norm = np.linalg.norm(0.99 ** np.arange(3))
    expected = np.repeat([0.1, 0.01, 0.005, 0.0001], 2) / norm
    assert np.diff(firsts) == pytest.approx(expected, rel=1e-2)
