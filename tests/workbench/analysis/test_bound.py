"""The bound taken apart, against numpy and by hand; A.4's discounts against their formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.workbench.analysis.known_tasks import Constant, ConstantReward, Follow, LinearQuadratic, QuadraticPromise
from workbench.agents.estimates import Unrolled
from workbench.analysis.bound import measure_bound
from workbench.analysis.bound_numbers import Bound
from workbench.analysis.steps import exhaust
from workbench.analysis.visited_states import Collecting
from workbench.noise import Noise, NoiseSource

DISCOUNT = 0.9


class Random:
    """Parts drawn once for so many states, and no sense in them."""

    rollout_length, discount, device = 2, DISCOUNT, torch.device("cpu")

    def __init__(self) -> None:
        self.parts: list[Unrolled] = []

    def taught(self, rewards: Tensor) -> Tensor:
        return rewards

    def unroll(self, observations: Tensor, actions: Tensor, steps: int, noise: Noise) -> Unrolled:
        rows = [noise.normal((rows, len(observations))).double() for rows in (steps, steps, steps + 1)]
        self.parts.append(Unrolled(*rows))
        return self.parts[-1]

    def value(self, observations: Tensor, noise: Noise) -> Tensor:
        return torch.full((len(observations),), 5.0)


def measure(environment: Any, estimator: Any, longest: int, policy: Any = None, **collecting: Any) -> Bound:
    noise = NoiseSource(3, "estimates")
    return exhaust(
        measure_bound(
            environment, policy or Follow(), estimator, noise, Collecting(**collecting), lambda number: number, longest
        )
    )


def test_every_k_is_the_sum_of_its_parts() -> None:
    estimator = Random()
    bound = measure(ConstantReward(30, 1.0, terminates=True), estimator, 5, states=30)
    [drawn] = estimator.parts
    rewards, intrinsic, values = (part.numpy() for part in (drawn.rewards, drawn.intrinsic, drawn.values))
    for k in range(6):
        discounts = DISCOUNT ** np.arange(k)
        np.testing.assert_allclose(bound.rewards[k], discounts @ rewards[:k], atol=1e-12)
        np.testing.assert_allclose(bound.intrinsic[k], discounts @ intrinsic[:k], atol=1e-12)
        np.testing.assert_allclose(bound.terminal[k], DISCOUNT**k * values[k], atol=1e-12)
        whole = bound.rewards[k] + bound.intrinsic[k] + bound.terminal[k]
        np.testing.assert_allclose(bound.estimates[k], whole, atol=1e-12)
        parts = bound.parts(k)
        assert parts.estimate == pytest.approx(parts.rewards + parts.intrinsic + parts.terminal)
        assert parts.gap == pytest.approx((whole - bound.returns).mean())
        assert parts.below == pytest.approx((whole <= bound.returns).mean())
        assert parts.gap_error is None
    assert bound.parts(0).falling == 1.0
    assert bound.parts(3).falling == pytest.approx((bound.estimates[3] <= bound.estimates[2]).mean())


def test_the_right_model_and_value_give_the_return_for_every_k() -> None:
    estimator = QuadraticPromise(0.95, rollout_length=3)
    policy = Follow(LinearQuadratic.GAIN)
    bound = measure(LinearQuadratic(60), estimator, 8, policy, states=100, at_time_limit="bootstrap")
    np.testing.assert_allclose(bound.estimates, np.broadcast_to(bound.returns, bound.estimates.shape), rtol=1e-9)
    optimistic = QuadraticPromise(0.95, rollout_length=3, off=1.0)
    off = measure(LinearQuadratic(60), optimistic, 8, policy, states=100, at_time_limit="cut")
    assert [parts.below for parts in off.table()] == pytest.approx([0.0] * 9, abs=0.1)
    gaps = [parts.gap for parts in off.table()]
    assert gaps[0] - gaps[8] == pytest.approx(1 - 0.95**8, rel=1e-6), "the model's share of a wrong value shrinks"
    assert off.verdict().startswith("No bound in practice: at K = 3 the estimate is at most the return in 0 %")
    assert off.verdict().endswith("above it on average. It is closest at K = 8.")


def test_where_it_is_no_bound() -> None:
    class Flat(Random):
        def unroll(self, observations: Tensor, actions: Tensor, steps: int, noise: Noise) -> Unrolled:
            wide = torch.zeros(1, len(observations), dtype=torch.float64)
            return Unrolled(wide.expand(steps, -1), wide.expand(steps, -1), (wide + 5.0).expand(steps + 1, -1))

    bound = measure(ConstantReward(50, 1.0, terminates=True), Flat(), 2, states=50)
    above = bound.estimates[0] > bound.returns
    steps, shares = bound.where_above(0)
    assert steps[0] == 3.0
    assert shares[0] == 1.0
    assert shares[-1] == 0.0
    assert shares.mean() == pytest.approx(above.mean())
    assert bound.verdict().startswith("A bound in part: at K = 2")


@pytest.mark.parametrize("at_time_limit", ["cut", "bootstrap"])
@pytest.mark.parametrize("terminates", [True, False])
def test_a4s_discounts_follow_their_formula_and_add_up_to_one(terminates: bool, at_time_limit: str) -> None:
    """Also where rollouts reach beyond the episode's end."""
    environment = ConstantReward(12, 2.0, terminates=terminates)
    bound = measure(environment, Random(), 6, states=12, at_time_limit=at_time_limit)
    end = 5.0 if at_time_limit == "bootstrap" and not terminates else 0.0
    start = np.arange(12)
    to_end = 12 - start
    returns = 2.0 * (1 - DISCOUNT**to_end) / (1 - DISCOUNT) + DISCOUNT**to_end * end
    np.testing.assert_allclose(bound.returns, returns)
    for k in (0, 3, 6):
        weights = bound.optimal_discount(k)
        assert weights is not None
        expected = [DISCOUNT**h * np.where(start + h < 12, 2.0, 0.0).mean() / returns.mean() for h in range(k)]
        np.testing.assert_allclose(weights[:k], expected)
        assert weights.sum() == pytest.approx(1.0)
        given = bound.given_discount(k)
        assert given[:k].tolist() == pytest.approx([(1 - DISCOUNT) * DISCOUNT**h for h in range(k)])
        assert given.sum() == pytest.approx(1.0)


def test_a4_is_not_for_negative_rewards() -> None:
    bound = measure(ConstantReward(12, -2.0, terminates=True), Random(), 3, states=12)
    assert bound.optimal_discount(3) is None


def test_without_a_model_there_is_no_estimate() -> None:
    with pytest.raises(ValueError, match="without a model"):
        measure(ConstantReward(12, 1.0, terminates=True), Constant(1.0), 3, states=12)


def test_it_survives_storage() -> None:
    bound = measure(ConstantReward(12, 2.0, terminates=True), Random(), 3, states=12)
    again = Bound.read(bound.arrays(), bound.document())
    assert again.table() == bound.table()
    assert bound.info() == {**again.info(), "analysis": "bound", "states": 12, "longest": 3}
    with pytest.raises(ValueError, match="no measurement"):
        Bound.read({}, {})
