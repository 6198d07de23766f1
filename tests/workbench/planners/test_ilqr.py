"""iLQR: one iteration on a linear system, a swing-up that only gets better, bounds kept, gains that are used."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from tests.workbench.planners.planning_models import LinearModel, SwingModel, linear_problem, wide_box
from workbench.noise import NoiseSource
from workbench.planners.base import Finite, PlanningError, PlanningProblem, PlanStep, imagine
from workbench.planners.ilqr import Ilqr
from workbench.planners.ilqr_settings import IlqrSettings
from workbench.planners.lqr import LinearQuadratic, solve_lqr
from workbench.settings import SettingsError, build


def planned(problem: PlanningProblem, **changes: Any) -> list[PlanStep]:
    return list(Ilqr(replace(IlqrSettings(), **changes)).iterate(problem))


def exact_plan(model: LinearModel, problem: PlanningProblem) -> np.ndarray:
    """Riccati's solution for the model, in its own coordinates."""
    horizon, size = problem.horizon, model.latent_size

    def repeated(matrix: torch.Tensor, count: int = horizon) -> np.ndarray:
        return np.repeat(matrix.numpy()[None], count, 0)

    end = model.P if problem.terminal_value else torch.zeros_like(model.P)
    exact = LinearQuadratic(
        A=repeated(model.A),
        B=repeated(model.B),
        d=repeated(model.d),
        Q=np.concatenate((repeated(model.Q), end.numpy()[None])),
        N=np.zeros((horizon, model.action_size, size)),
        R=repeated(model.R),
        q=np.concatenate((repeated(model.q), np.zeros((1, size)))),
        r=np.zeros((horizon, model.action_size)),
    )
    policy, x, plan = solve_lqr(exact), problem.start.numpy(), []
    for t in range(horizon):
        plan.append(policy.feedback[t] @ x + policy.feedforward[t])
        x = exact.A[t] @ x + exact.B[t] @ plan[-1] + exact.d[t]
    return np.stack(plan)


@pytest.mark.parametrize("terminal_value", [True, False])
@pytest.mark.parametrize("limits", ["box", "clip"])
def test_a_linear_system_takes_one_iteration(terminal_value: bool, limits: str) -> None:
    model = LinearModel()
    problem = linear_problem(model, terminal_value=terminal_value)
    steps = planned(problem, regularisation=0.0, limits=limits)
    best = exact_plan(model, problem)
    assert np.allclose(steps[0].plan, best, rtol=1e-6, atol=1e-6)  # stored in single precision
    with torch.no_grad():
        optimum = float(imagine(problem, torch.from_numpy(best)[None]).returns)
    assert steps[0].plan_return == pytest.approx(optimum, rel=1e-12)
    assert steps[0].extras["step_size"] == 1.0
    assert steps[0].extras["actual_improvement"] == pytest.approx(float(steps[0].extras["expected_improvement"]), 1e-9)
    assert len(steps) == 2  # the second finds nothing more
    assert steps[1].extras["expected_improvement"] < 1e-9


def test_a_discount_is_part_of_it() -> None:
    problem = linear_problem(LinearModel(1), discount=0.8)
    steps = planned(problem, regularisation=0.0)
    plan = torch.from_numpy(steps[0].plan).double()[None].requires_grad_()
    slope = torch.autograd.grad(imagine(problem, plan).returns.sum(), plan)[0]
    assert slope.abs().max() < 1e-4


def swing_problem(horizon: int = 60) -> PlanningProblem:
    start = torch.tensor([np.pi - 0.1, 0.0], dtype=torch.float64)
    return PlanningProblem(SwingModel(), start, wide_box(1, 2.0), NoiseSource(0, "plan"), horizon, discount=1.0)


@pytest.mark.parametrize(("limits", "least"), [("box", -345.0), ("tanh", -366.0), ("clip", -355.0)])
def test_a_pendulum_is_swung_up_and_never_gets_worse(limits: str, least: float) -> None:
    problem = swing_problem()
    steps = planned(problem, limits=limits, iterations=100, initial_std=0.1)
    returns = [step.plan_return for step in steps]
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(returns))
    assert all(np.abs(step.plan).max() <= 2.0 + 1e-6 for step in steps)
    idle = float(imagine(problem, torch.zeros(1, 60, 1, dtype=torch.float64)).returns)
    assert idle < -550
    assert returns[-1] > least
    angle, velocity = steps[-1].latents[-1]
    assert np.cos(angle) > 0.85  # upright at the end
    assert abs(velocity) < 1.0
    assert steps[-1].best_return == pytest.approx(returns[-1])


def test_improvements_add_up_to_the_return() -> None:
    problem = swing_problem()
    steps = planned(problem, iterations=20)
    gained = sum(float(step.extras["actual_improvement"]) for step in steps)
    idle = float(imagine(problem, torch.zeros(1, 60, 1, dtype=torch.float64)).returns)
    assert idle + gained == pytest.approx(steps[-1].plan_return, abs=1e-6)
    for step in steps:
        assert step.extras["feedback"].shape == (60, 1, 2)
        assert step.extras["feedforward"].shape == (60, 1)
        assert len(step.returns) == len(step.extras["step_sizes"]) == 10
    assert any(step.extras["regularisation"] > 0 for step in steps)


def test_what_meets_a_bound_has_no_feedback() -> None:
    problem = linear_problem(LinearModel(), bound=0.5)
    last = planned(problem)[-1]
    held = np.abs(np.abs(last.plan) - 0.5) < 1e-7
    assert held.any()
    assert not held.all()
    gains = last.extras["feedback"][held]
    assert not gains.any()


def test_a_warm_start_at_the_optimum_stays() -> None:
    model = LinearModel()
    problem = linear_problem(model)
    best = exact_plan(model, problem)
    steps = planned(replace(problem, warm_start=torch.from_numpy(best)), regularisation=0.0)
    assert len(steps) == 1
    assert np.allclose(steps[0].plan, best, atol=1e-6)


def test_the_same_noise_gives_the_same_steps_and_a_sampled_model_keeps_its_draw() -> None:
    def run() -> list[PlanStep]:
        problem = linear_problem(LinearModel(), bound=1e5, sampled_model=True)
        return planned(problem, regularisation=0.0, initial_std=1e-5)

    one, two = run(), run()
    assert len(one) == len(two) == 2  # linear with any noise: one iteration
    assert all(np.array_equal(a.plan, b.plan) for a, b in zip(one, two, strict=True))
    assert not np.allclose(one[0].plan, planned(linear_problem(LinearModel()))[0].plan)


class Exploding(LinearModel):
    """Not finite for large actions."""

    def reward(self, latent: torch.Tensor, action: torch.Tensor, next_latent: torch.Tensor) -> torch.Tensor:
        usual = super().reward(latent, action, next_latent)
        return usual + torch.where(action.abs().amax(-1) > self.limit, torch.nan, 0.0)

    limit = 0.05


def test_a_return_that_is_not_finite_never_wins() -> None:
    steps = planned(linear_problem(Exploding()))
    assert sum(step.nonfinite for step in steps) > 0
    assert np.isfinite([step.plan_return for step in steps]).all()
    assert steps[-1].plan_return > steps[0].plan_return or len(steps) == 1


def test_a_warm_start_that_leads_nowhere_gives_way_to_the_middle() -> None:
    problem = linear_problem(Exploding())
    lost = torch.full((problem.horizon, 2), 0.9, dtype=torch.float64)
    warm, cold = planned(replace(problem, warm_start=lost)), planned(problem)
    assert [step.plan_return for step in warm] == [step.plan_return for step in cold]


class Steep(LinearModel):
    """Its dynamics grow so fast that the backward pass loses every digit."""

    def __init__(self) -> None:
        super().__init__()
        self.A = 1e8 * self.A


@pytest.mark.parametrize("limits", ["box", "tanh", "clip"])
def test_where_rounding_leaves_nothing_to_solve_the_first_plan_is_told(limits: str) -> None:
    steps = planned(linear_problem(Steep(), bound=1.0), limits=limits, initial_std=0.5)
    assert np.isfinite([step.plan_return for step in steps]).all()
    assert np.isfinite(steps[-1].plan).all()


class Rough(LinearModel):
    """Its reward has no derivative where actions are zero."""

    def reward(self, latent: torch.Tensor, action: torch.Tensor, next_latent: torch.Tensor) -> torch.Tensor:
        return super().reward(latent, action, next_latent) - action.square().sum(-1).sqrt()


def test_where_derivatives_are_not_finite_the_first_plan_is_told() -> None:
    steps = planned(linear_problem(Rough()))
    assert len(steps) == 1
    assert not steps[0].plan.any()
    assert np.isfinite(steps[0].plan_return)


def test_what_cannot_be_planned_is_refused_before_anything_runs() -> None:
    model = LinearModel()
    problem = linear_problem(model)
    with pytest.raises(PlanningError, match="horizon: 0 steps leave nothing to plan"):
        planned(replace(problem, horizon=0))
    with pytest.raises(PlanningError, match="actions: this planner searches continuous actions"):
        planned(replace(problem, actions=Finite(torch.zeros(3, 2))))
    model.offers = frozenset({"value"})
    with pytest.raises(PlanningError, match="model: LinearModel offers no gradient; it cannot be linearised"):
        planned(problem)
    broken = Exploding()
    broken.limit = -1.0
    with pytest.raises(PlanningError, match="first plan's return is not finite"):
        planned(linear_problem(broken))
    with pytest.raises(SettingsError, match=r"regularisation_low: 1\.0 is not below"):
        build(IlqrSettings, {"regularisation_low": 1.0, "regularisation_high": 0.5})
