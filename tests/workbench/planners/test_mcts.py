"""MCTS: value iteration's choices on a small MDP, UCB1's pulls on a bandit, trees that add up, continuous actions."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.workbench.planners.planning_models import LinearModel, SwingModel, TableModel, linear_problem, wide_box
from workbench.noise import NoiseSource
from workbench.planners.base import PlanningError, PlanningProblem, PlanStep
from workbench.planners.mcts import Mcts
from workbench.planners.mcts_settings import MctsSettings
from workbench.settings import SettingsError, build

STATES, ACTIONS, HORIZON, DISCOUNT = 6, 3, 5, 0.9


def planned(problem: PlanningProblem, **changes: Any) -> list[PlanStep]:
    return list(Mcts(replace(MctsSettings(), **changes)).iterate(problem))


def table_model(seed: int) -> TableModel:
    generator = torch.Generator().manual_seed(seed)
    successors = torch.randint(0, STATES, (STATES, ACTIONS), generator=generator)
    return TableModel(successors, torch.rand(STATES, ACTIONS, generator=generator))


def table_problem(model: TableModel, state: int, horizon: int = HORIZON) -> PlanningProblem:
    start = torch.tensor([float(state)])
    return PlanningProblem(model, start, model.choices(), NoiseSource(0, "plan"), horizon, discount=DISCOUNT)


def best_values(model: TableModel) -> np.ndarray:
    """Value iteration: Q [S, A] with HORIZON steps to go."""
    successors, rewards = model.successors.numpy(), model.rewards.numpy()
    values = np.zeros(STATES)
    for _ in range(HORIZON):
        q = rewards + DISCOUNT * values[successors]
        values = q.max(1)
    return q


@pytest.mark.parametrize("execute", ["best", "visits"])
@pytest.mark.parametrize("seed", range(4))
def test_the_choice_is_value_iterations(seed: int, execute: str) -> None:
    model = table_model(seed)
    q = best_values(model)
    for state in range(STATES):
        problem = table_problem(model, state)
        changes: dict[str, Any] = {"simulations": 1500, "simulations_per_step": 1500, "exploration": 0.25}
        step = planned(problem, execute=execute, **changes)[-1]
        chosen = int(step.plan[0, 0])
        ordered = np.sort(q[state])
        assert q[state, chosen] >= q[state].max() - 0.02, f"state {state}: {q[state]}"
        if ordered[-1] - ordered[-2] > 0.1:  # the mean of all simulations lags behind the best
            first = np.flatnonzero(step.extras["depth"] == 1)
            node = first[step.extras["action"][first, 0] == chosen][0]
            assert step.extras["value"][node] == pytest.approx(q[state].max(), abs=0.1 * q.max())
        assert step.best_return == pytest.approx(q[state].max(), abs=1e-5)  # all 243 sequences are soon met


def test_pulls_of_a_bandit_are_ucb1s() -> None:
    rewards = torch.tensor([[0.2, 0.5, 0.45, 0.8]])
    model = TableModel(torch.zeros(1, 4, dtype=torch.int64), rewards)
    steps = planned(table_problem(model, 0, horizon=1), simulations=300, simulations_per_step=1, normalise=False)
    pulled = [int(step.actions[0, 0, 0]) for step in steps]

    means, counts, expected = rewards[0].double().numpy(), np.zeros(4), []
    for n in range(300):
        unseen = np.flatnonzero(counts == 0)
        bounds = means + np.sqrt(2 * np.log(max(n, 1)) / np.maximum(counts, 1))
        arm = unseen[0] if len(unseen) else bounds.argmax()
        counts[arm] += 1
        expected.append(int(arm))
    assert pulled == expected
    assert steps[-1].plan[0, 0] == 3
    visits = steps[-1].extras["visits"]
    assert visits[0] == 300
    assert sorted(visits[1:]) == sorted(counts)


def test_normalised_choices_do_not_depend_on_the_rewards_scale() -> None:
    model = table_model(1)
    large = TableModel(model.successors, 1024.0 * model.rewards)
    one, other = (planned(table_problem(each, 0), simulations=100)[-1] for each in (model, large))
    assert np.array_equal(one.extras["parent"], other.extras["parent"])
    assert np.array_equal(one.extras["visits"], other.extras["visits"])
    plain = planned(table_problem(large, 0), simulations=100, normalise=False)[-1]
    assert not np.array_equal(plain.extras["visits"], one.extras["visits"])


def test_the_tree_adds_up() -> None:
    model = table_model(2)
    for step in planned(table_problem(model, 3), simulations=60, simulations_per_step=7):
        tree = step.extras
        count = len(tree["parent"])
        assert tree["parent"][0] == -1
        assert (tree["parent"][1:] < np.arange(1, count)).all()
        for node in range(1, count):
            assert tree["depth"][node] == tree["depth"][tree["parent"][node]] + 1
        for node in np.flatnonzero(tree["depth"] < HORIZON):
            below = tree["visits"][tree["parent"] == node].sum()
            assert tree["visits"][node] == below + (node != 0)  # the visit that added it went no further
        assert tree["visits"][0] == min(7 * step.iteration, 60)
        path = tree["path"]
        assert path[0] == 0
        assert (tree["parent"][path[1:]] == path[:-1]).all()
        assert np.array_equal(step.actions[-1, : len(path) - 1], tree["action"][path[1:]])


def test_what_was_not_tried_comes_first() -> None:
    step = planned(table_problem(table_model(0), 0), simulations=ACTIONS)[-1]
    assert step.extras["visits"].tolist() == [ACTIONS] + [1] * ACTIONS
    assert sorted(step.extras["action"][1:, 0]) == [0, 1, 2]


def test_widening_follows_its_formula_and_stays_inside_the_bounds() -> None:
    problem = replace(linear_problem(LinearModel(), bound=0.5), terminal_value=False)
    step = planned(problem, simulations=400)[-1]
    tree = step.extras
    for node in np.flatnonzero((tree["depth"] < problem.horizon) & (tree["visits"] > 0)):
        children = int((tree["parent"] == node).sum())
        assert children <= max(2, math.ceil((tree["visits"][node]) ** 0.5))
    assert (tree["parent"] == 0).sum() >= 19  # of 20 that sqrt(400) allows
    assert np.abs(tree["action"][1:]).max() <= 0.5
    assert len(np.unique(tree["action"][1:, 0])) == len(tree["parent"]) - 1


@pytest.mark.parametrize("continuous", ["widening", "grid"])
def test_a_pendulum_near_the_top_is_held(continuous: str) -> None:
    model, box = SwingModel(), wide_box(1, 2.0)
    state = torch.tensor([0.2, 0.0], dtype=torch.float64)
    total = 0.0
    for t in range(25):
        problem = PlanningProblem(model, state, box, NoiseSource(t, "plan"), 15, discount=1.0)
        step = planned(problem, simulations=120, simulations_per_step=120, continuous=continuous, rollouts=4)[-1]
        action = torch.from_numpy(step.plan[0]).double()
        total += float(model.reward(state, action, state))
        state = model.predict(state, action)
    assert abs(float(state[0])) < 0.35
    assert total > -4.0  # without torque it falls over


def test_the_plan_is_the_best_sequence_or_follows_the_visits() -> None:
    problem = replace(linear_problem(LinearModel(), bound=0.5), terminal_value=False)
    best, visited = (planned(problem, simulations=100, execute=execute)[-1] for execute in ("best", "visits"))
    assert np.array_equal(best.plan, best.best_actions)
    assert best.plan_return == pytest.approx(best.best_return)
    tree = visited.extras
    first = np.flatnonzero(tree["depth"] == 1)
    assert np.array_equal(visited.plan[0], tree["action"][first[tree["visits"][first].argmax()]])
    assert visited.plan_return <= visited.best_return


def test_a_value_judges_new_nodes() -> None:
    problem = linear_problem(LinearModel(), bound=0.5, terminal_value=False)
    step = planned(problem, simulations=1, leaf="value")[-1]
    model = problem.model
    assert isinstance(model, LinearModel)
    action = torch.from_numpy(step.extras["action"][1]).double()
    following = model.predict(problem.start, action)
    expected = float(model.reward(problem.start, action, following) + model.value(following))
    assert step.extras["value"][1] == pytest.approx(expected, rel=1e-5)
    with pytest.raises(PlanningError, match=r"model: TableModel offers no value; judge new nodes by rollouts"):
        planned(table_problem(table_model(0), 0), leaf="value")


def test_a_return_that_is_not_finite_never_wins() -> None:
    model = table_model(3)
    best = int(best_values(model)[0].argmax())
    model.rewards[0, best] = torch.inf
    model.rewards[1, :] = torch.nan
    step = planned(table_problem(model, 0), simulations=400)[-1]
    assert int(step.plan[0, 0]) != best
    assert np.isfinite(step.plan_return)
    assert np.isfinite(step.best_return)
    visits = step.extras["visits"]
    assert np.isfinite(step.extras["value"][visits > 0]).all()
    hopeless = TableModel(model.successors, torch.full((STATES, ACTIONS), torch.nan))
    last = planned(table_problem(hopeless, 0), simulations=50)[-1]
    assert last.best_return == -np.inf
    assert last.extras["visits"].sum() == 0


class Guided(LinearModel):
    """Its policy pushes half as hard as it may; more than that is worth nothing."""

    offers = frozenset({"gradient", "policy"})

    def policy(self, latent: torch.Tensor) -> torch.Tensor:
        return torch.full_like(latent[..., :2], 0.5)

    def reward(self, latent: torch.Tensor, action: torch.Tensor, next_latent: torch.Tensor) -> torch.Tensor:
        return -(action - 0.5).square().sum(-1)


def test_the_policys_actions_are_tried() -> None:
    """The first in each node and in each rollout as they are, the others with noise on them."""
    problem = linear_problem(Guided(), horizon=4, bound=1.0, terminal_value=False)
    step = planned(problem, simulations=40, simulations_per_step=40, prior="policy", policy_std=0.1)[-1]
    tree = step.extras
    assert step.best_return == pytest.approx(0.0, abs=1e-9)
    assert step.plan == pytest.approx(np.full((4, 2), 0.5))
    for node in np.flatnonzero(tree["visits"] > 1):
        children = np.flatnonzero(tree["parent"] == node)
        if len(children):
            assert tree["action"][children[0]] == pytest.approx([0.5, 0.5])
            others = tree["action"][children[1:]]
            assert (np.abs(others - 0.5).max(1) > 1e-4).all()
            assert np.abs(others - 0.5).max(initial=0.0) < 0.6
    with pytest.raises(PlanningError, match=r"^model: LinearModel offers no policy; draw actions uniformly"):
        planned(linear_problem(LinearModel(), bound=1.0), prior="policy")
    with pytest.raises(PlanningError, match=r"^actions: this planner searches continuous actions"):
        planned(table_problem(table_model(0), 0), prior="policy")
    with pytest.raises(SettingsError, match=r"prior: the policy's actions lie on no grid"):
        build(MctsSettings, {"prior": "policy", "continuous": "grid"})


@pytest.mark.parametrize("leaf", ["rollout", "value"])
def test_the_first_sequence_tried_is_the_last_plan(leaf: str) -> None:
    problem = linear_problem(LinearModel(), horizon=4, bound=0.5)
    warm = torch.linspace(-0.5, 0.7, 8, dtype=torch.float64).view(4, 2)
    begun = replace(problem, warm_start=warm)
    step = planned(begun, simulations=1, rollouts=1, leaf=leaf)[-1]
    assert step.actions[0] == pytest.approx(warm.clamp(max=0.5).numpy())
    cold = planned(begun, simulations=1, rollouts=1, leaf=leaf, warm_start=False)[-1]
    assert not np.allclose(cold.actions[0], step.actions[0])


def test_the_same_seed_gives_the_same_steps() -> None:
    runs = [planned(linear_problem(LinearModel(), bound=1.0, sampled_model=True), simulations=50) for _ in range(2)]
    for one, two in zip(*runs, strict=True):
        assert np.array_equal(one.plan, two.plan)
        assert np.array_equal(one.extras["value"], two.extras["value"], equal_nan=True)
    assert len(runs[0]) == 5


def test_a_grid_that_is_too_large_is_refused() -> None:
    problem = linear_problem(LinearModel(actions=2), bound=1.0)
    with pytest.raises(PlanningError, match=r"grid: 200 points in each of 2 dimensions are 40,000 actions"):
        planned(problem, continuous="grid", grid=200)
