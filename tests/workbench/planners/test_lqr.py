"""LQR against the dense quadratic program that it solves and against Riccati's recursion written out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from workbench.planners.box_qp import NotConvex, minimise_in_box
from workbench.planners.lqr import LinearPolicy, LinearQuadratic, solve_lqr

H, N, M = 8, 4, 2


def random_problem(seed: int, affine: bool = True) -> LinearQuadratic:
    generator = np.random.default_rng(seed)

    def convex(count: int, size: int) -> np.ndarray:
        factor = generator.standard_normal((count, size, size))
        return factor @ factor.transpose(0, 2, 1) + 0.1 * np.eye(size)

    whole = convex(H, N + M)  # so that the cross terms leave it convex
    scale = 1.0 if affine else 0.0
    return LinearQuadratic(
        A=0.5 * generator.standard_normal((H, N, N)),
        B=generator.standard_normal((H, N, M)),
        d=scale * generator.standard_normal((H, N)),
        Q=np.concatenate((whole[:, :N, :N], convex(1, N))),
        N=scale * whole[:, N:, :N],
        R=whole[:, N:, N:],
        q=scale * generator.standard_normal((H + 1, N)),
        r=scale * generator.standard_normal((H, M)),
    )


def run_policy(problem: LinearQuadratic, policy: LinearPolicy, x: np.ndarray) -> np.ndarray:
    """The controls [H, m] from the state x."""
    controls = []
    for t in range(H):
        u = policy.feedback[t] @ x + policy.feedforward[t]
        x = problem.A[t] @ x + problem.B[t] @ u + problem.d[t]
        controls.append(u)
    return np.stack(controls)


def cost(problem: LinearQuadratic, x: np.ndarray, controls: np.ndarray) -> float:
    total = 0.0
    for t, u in enumerate(controls):
        total += 0.5 * x @ problem.Q[t] @ x + u @ problem.N[t] @ x + 0.5 * u @ problem.R[t] @ u
        total += problem.q[t] @ x + problem.r[t] @ u
        x = problem.A[t] @ x + problem.B[t] @ u + problem.d[t]
    return float(total + 0.5 * x @ problem.Q[-1] @ x + problem.q[-1] @ x)


def best_controls(problem: LinearQuadratic, x: np.ndarray) -> np.ndarray:
    """Where the cost, a quadratic of all H m controls at once, is least: read off by evaluating it, then solved."""
    size = H * M

    def at(flat: np.ndarray) -> float:
        return cost(problem, x, flat.reshape(H, M))

    unit, origin = np.eye(size), at(np.zeros(size))
    single = np.array([at(e) for e in unit])
    hessian = np.array([[at(e + f) - a - b + origin for f, b in zip(unit, single)] for e, a in zip(unit, single)])  # noqa: B905
    gradient = single - origin - 0.5 * np.diag(hessian)
    return -np.linalg.solve(hessian, gradient).reshape(H, M)


@pytest.mark.parametrize("seed", range(3))
def test_the_policys_controls_solve_the_quadratic_program(seed: int) -> None:
    problem = random_problem(seed)
    x = np.random.default_rng(100 + seed).standard_normal(N)
    controls = run_policy(problem, solve_lqr(problem), x)
    assert np.abs(controls - best_controls(problem, x)).max() < 1e-8


@pytest.mark.parametrize("seed", range(3))
def test_gains_and_values_are_riccatis(seed: int) -> None:
    problem = random_problem(seed, affine=False)
    policy = solve_lqr(problem)
    P = problem.Q[-1]
    for t in reversed(range(H)):
        A, B, R = problem.A[t], problem.B[t], problem.R[t]
        K = np.linalg.inv(R + B.T @ P @ B) @ B.T @ P @ A
        P = problem.Q[t] + A.T @ P @ A - A.T @ P @ B @ K
        assert np.abs(policy.feedback[t] + K).max() < 1e-8
        assert np.abs(policy.value_quadratic[t] - P).max() < 1e-8
    assert np.abs(policy.feedforward).max() == 0.0


def test_the_cost_to_go_is_the_cost() -> None:
    problem = random_problem(5)
    policy = solve_lqr(problem)
    x, y = np.random.default_rng(6).standard_normal((2, N))
    found = [cost(problem, z, run_policy(problem, policy, z)) for z in (x, y)]
    P, p = policy.value_quadratic[0], policy.value_linear[0]
    said = [0.5 * z @ P @ z + p @ z for z in (x, y)]
    assert found[0] - found[1] == pytest.approx(said[0] - said[1], abs=1e-8)  # the constant is not kept


@pytest.mark.parametrize("size", [0.3, 1.0])
def test_the_expected_improvement_is_what_comes_in_deviations(size: int) -> None:
    whole = random_problem(7)
    problem = LinearQuadratic(**{**vars(whole), "d": np.zeros((H, N))})
    policy = solve_lqr(problem)
    scaled = LinearPolicy(**{**vars(policy), "feedforward": size * policy.feedforward})
    zero = np.zeros(N)
    improved = cost(problem, zero, np.zeros((H, M))) - cost(problem, zero, run_policy(problem, scaled, zero))
    assert policy.expected_improvement(size) == pytest.approx(improved, rel=1e-9)


def test_regularisation_takes_smaller_steps() -> None:
    problem = random_problem(8)
    steps = [np.abs(solve_lqr(problem, value).feedforward).sum() for value in (0.0, 1.0, 100.0)]
    assert steps[0] > steps[1] > steps[2]


def test_what_costs_less_and_less_is_refused() -> None:
    problem = random_problem(9)
    problem.R[3] -= 1000.0 * np.eye(M)
    with pytest.raises(NotConvex, match="regularise more"):
        solve_lqr(problem)
    wide = np.full((H, M), 1e3)
    with pytest.raises(NotConvex, match="regularise more"):
        solve_lqr(problem, bounds=(-wide, wide))


def test_what_rounding_makes_flat_is_refused() -> None:
    """Convex to Cholesky's last digit, singular to Gauss's."""
    factor = np.array([[1 / 7], [1 / 11]])
    flat = factor @ factor.T
    np.linalg.cholesky(flat)
    bounds = np.full(2, -1e9), np.full(2, 1e9)
    with pytest.raises(NotConvex, match="flat in a direction"):
        minimise_in_box(flat, np.ones(2), *bounds)
    still = LinearQuadratic(
        *(np.zeros(shape) for shape in ((1, 1, 1), (1, 1, 2), (1, 1), (2, 1, 1), (1, 2, 1))),
        R=flat[None],
        q=np.zeros((2, 1)),
        r=np.ones((1, 2)),
    )
    with pytest.raises(NotConvex, match="flat in a direction"):
        solve_lqr(still)


def test_bounds_that_nothing_meets_change_nothing() -> None:
    problem, wide = random_problem(10), np.full((H, M), 1e6)
    free, bounded = solve_lqr(problem), solve_lqr(problem, bounds=(-wide, wide))
    assert np.abs(free.feedforward - bounded.feedforward).max() < 1e-9
    assert np.abs(free.feedback - bounded.feedback).max() < 1e-9


@pytest.mark.parametrize("seed", range(20))
def test_the_least_point_in_a_box_is_the_best_of_all_faces(seed: int) -> None:
    generator = np.random.default_rng(seed)
    size = 3
    factor = generator.standard_normal((size, size))
    hessian, gradient = factor @ factor.T + 0.1 * np.eye(size), 3.0 * generator.standard_normal(size)
    low, high = -generator.uniform(0.1, 1.0, size), generator.uniform(0.1, 1.0, size)
    candidates = []
    for faces in itertools.product((None, 0, 1), repeat=size):  # each coordinate free, low or high
        x = np.array([0.0 if face is None else (low, high)[face][i] for i, face in enumerate(faces)])
        free = np.array([face is None for face in faces])
        if free.any():
            block = hessian[np.ix_(free, free)]
            x[free] = -np.linalg.solve(block, gradient[free] + hessian[np.ix_(free, ~free)] @ x[~free])
        if (x >= low - 1e-12).all() and (x <= high + 1e-12).all():
            candidates.append(x)
    best = min(candidates, key=lambda x: 0.5 * x @ hessian @ x + gradient @ x)
    found, free = minimise_in_box(hessian, gradient, low, high)
    assert np.abs(found - best).max() < 1e-8
    assert (free == ((best > low) & (best < high))).all()
