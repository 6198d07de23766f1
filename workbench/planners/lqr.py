"""The linear-quadratic regulator: exact, finite-horizon, time-varying, with affine terms; in float64.

One backward pass in time (Riccati's recursion) gives the controls u_t = K_t x_t + k_t that make the cost least. With
``regularisation`` and bounds it is the backward pass of iLQR (Tassa, Erez and Todorov 2012; Tassa, Mansard and Todorov
2014), where x and u are deviations from a trajectory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.planners.box_qp import minimise_in_box, require_convex, solve_convex

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LinearQuadratic:
    """H steps of x' = A x + B u + d, each at the cost x'Qx/2 + u'Nx + u'Ru/2 + q'x + r'u; at the end x'Qx/2 + q'x.

    ``A`` [H, n, n], ``B`` [H, n, m], ``d`` [H, n], ``Q`` [H + 1, n, n], ``N`` [H, m, n], ``R`` [H, m, m],
    ``q`` [H + 1, n], ``r`` [H, m]; Q and R symmetric.
    """

    A: Array
    B: Array
    d: Array
    Q: Array
    N: Array
    R: Array
    q: Array
    r: Array


@dataclass(frozen=True)
class LinearPolicy:
    """u_t = K_t x_t + k_t: ``feedback`` K [H, m, n] and ``feedforward`` k [H, m].

    ``value_quadratic`` P [H + 1, n, n] and ``value_linear`` p [H + 1, n] are the cost to go x'Px/2 + p'x, up to a
    constant. Where the problem is in deviations from a trajectory (d = 0), the feedforward part scaled by a changes the
    cost by a ``linear`` + a^2 ``quadratic``.
    """

    feedback: Array
    feedforward: Array
    value_quadratic: Array
    value_linear: Array
    linear: float
    quadratic: float

    def expected_improvement(self, step_size: float) -> float:
        """By how much the cost falls when the feedforward part is scaled by ``step_size``, if the problem is exact."""
        return -(step_size * self.linear + step_size**2 * self.quadratic)


def solve_lqr(
    problem: LinearQuadratic, regularisation: float = 0.0, bounds: tuple[Array, Array] | None = None
) -> LinearPolicy:
    """The policy of least cost.

    Args:
        problem: the dynamics and costs.
        regularisation: weight of the next state's and the control's squares that gains pay beside the cost; 0 is exact.
        bounds: lowest and highest feedforward controls, [H, m] each; where one is met, there is no feedback.

    Raises:
        NotConvex: at some step no control is best, because more of it always costs less.
    """
    horizon, controls, states = problem.N.shape
    feedback, feedforward = np.zeros((horizon, controls, states)), np.zeros((horizon, controls))
    quadratics, linears = np.zeros_like(problem.Q), np.zeros_like(problem.q)
    quadratics[-1], linears[-1] = P, p = problem.Q[-1], problem.q[-1]
    linear = quadratic = 0.0
    for t in reversed(range(horizon)):
        A, B = problem.A[t], problem.B[t]
        slope = p + P @ problem.d[t]
        q_x, q_u = problem.q[t] + A.T @ slope, problem.r[t] + B.T @ slope
        q_xx, q_ux = problem.Q[t] + A.T @ P @ A, problem.N[t] + B.T @ P @ A
        q_uu = _symmetric(problem.R[t] + B.T @ P @ B)
        cautious_uu = q_uu + regularisation * (B.T @ B + np.eye(controls))
        cautious_ux = q_ux + regularisation * B.T @ A
        box = None if bounds is None else (bounds[0][t], bounds[1][t])
        k, K = _gains(cautious_uu, q_u, cautious_ux, box)
        # In full, because regularised or bounded gains are not the ones for which terms cancel.
        P = _symmetric(q_xx + K.T @ q_uu @ K + K.T @ q_ux + q_ux.T @ K)
        p = q_x + K.T @ (q_uu @ k + q_u) + q_ux.T @ k
        linear += float(q_u @ k)
        quadratic += 0.5 * float(k @ q_uu @ k)
        feedback[t], feedforward[t], quadratics[t], linears[t] = K, k, P, p
    return LinearPolicy(feedback, feedforward, quadratics, linears, linear, quadratic)


def _gains(q_uu: Array, q_u: Array, q_ux: Array, box: tuple[Array, Array] | None) -> tuple[Array, Array]:
    """Feedforward [m] and feedback [m, n] of one step."""
    if box is not None:
        k, free = minimise_in_box(q_uu, q_u, *box)
    else:
        require_convex(q_uu)
        k, free = -solve_convex(q_uu, q_u), np.ones(len(q_u), bool)
    K: Array = np.zeros_like(q_ux)
    K[free] = -solve_convex(q_uu[np.ix_(free, free)], q_ux[free])
    return k, K


def _symmetric(matrix: Array) -> Array:
    symmetric: Array = 0.5 * (matrix + matrix.T)
    return symmetric
