"""Q-bias where the truth is known: constant rewards, a linear-quadratic system, and numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.workbench.analysis.known_tasks import Constant, ConstantReward, Follow, LinearQuadratic, QuadraticPromise
from workbench.agents.estimates import Unrolled
from workbench.analysis.bias_curves import bias_curve
from workbench.analysis.bias_numbers import ESTIMATE_MINUS_RETURN, BiasDefinition, BiasSummary, QBias, clustered_error
from workbench.analysis.q_bias import measure_q_bias
from workbench.analysis.steps import AnalysisStep, exhaust
from workbench.analysis.visited_states import Collecting
from workbench.noise import Noise, NoiseSource

RELATIVE = BiasDefinition(ESTIMATE_MINUS_RETURN, "mean")


def measure(
    environment: Any, estimator: Any, policy: Any = None, tell: Any = lambda step: None, **collecting: Any
) -> QBias:
    noise = NoiseSource(1, "estimates")
    analysis = measure_q_bias(
        environment, policy or Follow(), estimator, noise, Collecting(**collecting), lambda number: 100 + number
    )
    return exhaust(analysis, tell)


def test_a_constant_reward_of_fixed_length_has_the_geometric_return() -> None:
    """Terminated after 20 steps: the return from step t is 2 (1 - g^(20 - t)) / (1 - g), whatever is promised."""
    measured = measure(ConstantReward(20, 2.0, terminates=True), Constant(7.0), states=50, first_steps=15)
    t = np.tile(np.arange(15), 4)
    np.testing.assert_allclose(measured.returns, 2.0 * (1 - 0.9 ** (20.0 - t)) / 0.1, rtol=1e-12)
    assert (measured.states, measured.lengths.tolist(), measured.terminated.all()) == (60, [20] * 4, True)
    assert measured.step.tolist() == t.tolist()
    assert measured.to_end.tolist() == (20 - t).tolist()
    assert measured.episode.tolist() == np.repeat(range(4), 15).tolist()
    assert not measured.tail_weight.any()
    assert measured.estimates["critic"].tolist() == [7.0] * 60
    assert "k_step" not in measured.estimates
    expected = 7.0 - measured.returns
    np.testing.assert_allclose(measured.bias("critic", RELATIVE), expected / measured.returns.mean(), rtol=1e-12)
    assert "Every episode ended by itself" in measured.protocol


@pytest.mark.parametrize("at_time_limit", ["cut", "bootstrap"])
def test_what_follows_a_time_limit_is_cut_or_the_critics(at_time_limit: str) -> None:
    """With the exact value 2 / (1 - g) at the limit the return is exact everywhere; cut, it lacks g^(20 - t) of it."""
    exact = Constant(20.0)
    measured = measure(ConstantReward(20, 2.0, terminates=False), exact, states=20, at_time_limit=at_time_limit)
    weight = 0.9 ** (20.0 - np.arange(20))
    np.testing.assert_allclose(measured.tail_weight, weight, rtol=1e-12)
    missing = 20.0 * weight if at_time_limit == "cut" else 0.0
    np.testing.assert_allclose(20.0 - measured.returns, missing, atol=1e-12)
    assert ("is cut" if at_time_limit == "cut" else "critic's own value") in measured.protocol
    assert "at most 90 %" in measured.protocol


def test_a_linear_quadratic_system_without_noise_has_no_bias() -> None:
    estimator = QuadraticPromise(0.95, rollout_length=4)
    policy = Follow(LinearQuadratic.GAIN)
    measured = measure(LinearQuadratic(60), estimator, policy, states=200, at_time_limit="bootstrap")
    for name in ("critic", "k_step"):
        np.testing.assert_allclose(measured.estimates[name], measured.returns, rtol=1e-9, atol=1e-12)
        assert abs(measured.summary(name, RELATIVE).relative) < 1e-9


def test_a_noisy_linear_quadratic_system_is_met_within_the_sampling_error() -> None:
    estimator = QuadraticPromise(0.9, noise=0.3)
    policy = Follow(LinearQuadratic.GAIN)
    measured = measure(LinearQuadratic(150, noise=0.3), estimator, policy, states=3000, first_steps=50)
    summary = measured.summary("critic", RELATIVE)
    assert len(measured.lengths) == 60
    assert summary.standard_error is not None
    assert summary.standard_error < 0.05
    assert abs(summary.relative) < 3 * summary.standard_error
    wrong = QuadraticPromise(0.9, 0.3, off=2.0)
    off = measure(LinearQuadratic(150, noise=0.3), wrong, policy, states=3000, first_steps=50)
    found = off.summary("critic", RELATIVE).relative * np.abs(off.returns).mean()
    assert found == pytest.approx(2.0, abs=0.3)
    assert off.summary("critic", RELATIVE).clear
    assert not summary.clear


class Three:
    """Promises worked out by hand: rewards 1, 2 and log-odds 0.5, -1 along K = 2; Q 10, 20, 30."""

    rollout_length, discount, device = 2, 0.5, torch.device("cpu")

    def taught(self, rewards: Tensor) -> Tensor:
        return rewards

    def unroll(self, observations: Tensor, actions: Tensor, steps: int, noise: Noise) -> Unrolled:
        wide = torch.ones(1, len(observations), dtype=torch.float64)
        rewards = torch.tensor([[1.0], [2.0]], dtype=torch.float64) * wide
        odds = torch.tensor([[0.5], [-1.0]], dtype=torch.float64) * wide
        return Unrolled(rewards, odds, torch.tensor([[10.0], [20.0], [30.0]], dtype=torch.float64) * wide)

    def value(self, observations: Tensor, noise: Noise) -> Tensor:
        raise AssertionError("nothing is bootstrapped here")


def test_the_numbers_of_a_hand_computation() -> None:
    """L^2 = 1.5 + 0.5 (2 - 1) + 0.25 * 30 = 9.5; returns of rewards 4, 4 at g = 0.5: 6 and 4."""
    measured = measure(ConstantReward(2, 4.0, terminates=True), Three(), states=2)
    assert measured.returns.tolist() == [6.0, 4.0]
    assert measured.estimates["critic"].tolist() == [10.0, 10.0]
    assert measured.estimates["k_step"].tolist() == [9.5, 9.5]
    assert measured.bias("k_step", BiasDefinition(ESTIMATE_MINUS_RETURN, "mean")).tolist() == [3.5 / 5, 5.5 / 5]
    assert measured.bias("k_step", BiasDefinition()).tolist() == [-3.5 / 10, -5.5 / 10]
    summary = measured.summary("critic", BiasDefinition(normaliser="mean"))
    assert (summary.mean, summary.std, summary.relative) == pytest.approx((-1.0, 0.2, 1.0))
    assert summary.standard_error is None
    assert measured.metrics(BiasDefinition()) == pytest.approx(
        {"q_bias/mean": -0.5, "q_bias/std": 0.1, "q_bias/k_step_mean": -0.45, "q_bias/k_step_std": 0.1}
    )
    figures = measured.info()["bias"]["critic"]
    assert figures == {"per_state": pytest.approx([0.5, 0.1]), "mean": pytest.approx([1, 0.2])}


def test_the_estimate_of_every_length_by_hand() -> None:
    unrolled = Three().unroll(torch.zeros(1, 1), torch.zeros(1, 1), 2, NoiseSource(0, ""))
    assert unrolled.estimates(0.5)[:, 0].tolist() == [10.0, 1.5 + 0.5 * 20.0, 9.5]


def test_a_column_of_estimates_is_refused_rather_than_broadcast() -> None:
    with pytest.raises(ValueError, match="one row"):
        BiasDefinition().bias(np.zeros((5, 1)), np.ones(5))
    column = Unrolled(torch.zeros(1, 5), torch.zeros(1, 5), torch.zeros(2, 5, 1))
    with pytest.raises(ValueError, match="do not belong"):
        column.estimates(0.9)

    class Column(Constant):
        def unroll(self, observations: Tensor, actions: Tensor, steps: int, noise: Noise) -> Unrolled:
            return Unrolled(torch.zeros(0, 1), torch.zeros(0, 1), torch.zeros(1, 1))

    with pytest.raises(ValueError, match=r"shape \(0, 1\) for 20 states"):
        measure(ConstantReward(20, 1.0, terminates=True), Column(0.0), states=20)


def test_the_spread_is_that_of_the_differences() -> None:
    """Estimates that follow the returns at a distance have no spread, however much both vary."""
    rng = np.random.default_rng(0)
    returns = 100 + 30 * rng.standard_normal(500)
    bias = BiasDefinition(ESTIMATE_MINUS_RETURN, "mean").bias(returns + 10.0, returns)
    assert bias.std() < 1e-12
    assert bias.mean() == pytest.approx(10.0 / np.abs(returns).mean())


def test_the_standard_error_of_clusters_is_that_of_their_means() -> None:
    """Equal clusters: the standard error of the mean of the cluster means, which the plain formula knows nothing of."""
    rng = np.random.default_rng(1)
    means = rng.standard_normal(8)
    values = np.repeat(means, 50) + 0.01 * rng.standard_normal(400)
    clusters = np.repeat(np.arange(8), 50)
    own = values.reshape(8, 50).mean(1)
    assert clustered_error(values, clusters) == pytest.approx(own.std(ddof=1) / np.sqrt(8))
    assert clustered_error(values[:50], clusters[:50]) is None


def test_a_bias_that_is_not_there_is_called_clear_in_one_of_twenty_measurements() -> None:
    """Of three episodes, whose states err alike: two standard errors would be left out in almost one of five."""
    rng = np.random.default_rng(4)
    episode = np.repeat(np.arange(3), 10)
    found = [BiasSummary(0.0, 0.0, float(x.mean()), clustered_error(x, episode), 3, None)
             for x in rng.standard_normal((2000, 3)).repeat(10, axis=1)]  # fmt: skip
    assert 0.035 < np.mean([summary.clear for summary in found]) < 0.065
    margin, error = found[0].margin, found[0].standard_error
    assert margin is not None and error is not None
    assert margin == pytest.approx(4.3027 * error, rel=1e-4)  # a printed table: t of two degrees of freedom
    alone = BiasSummary(0.0, 0.0, 1.0, None, 1, None)
    assert (alone.margin, alone.clear) == (None, False)


def test_where_the_bias_is_and_how_it_is_spread_over_time_and_size() -> None:
    """A constant promise of 10 over returns that fall to the end over-estimates most there."""
    measured = measure(ConstantReward(60, 1.0, terminates=True), Constant(10.0), states=120)
    summary = measured.summary("critic", RELATIVE)
    assert summary.where is not None
    assert (summary.where.place, summary.where.nearest, summary.where.farthest) == ("near the end", 1, 20)
    steps, means, stds = measured.by_time_to_end("critic", RELATIVE)
    assert steps.tolist() == [3.0 + 5 * n for n in range(12)]
    bias = measured.bias("critic", RELATIVE)
    first = bias[measured.to_end <= 5]
    assert (means[0], stds[0]) == pytest.approx((first.mean(), first.std()))
    assert (np.diff(means) < 0).all()
    counts, edges = measured.histogram("critic", RELATIVE)
    assert counts.sum() == 120
    assert len(edges) == len(counts) + 1
    assert edges[0] <= bias.min()
    assert bias.max() <= edges[-1]
    assert measured.to_end[measured.worst("critic")] == 1
    marked = measured.outliers("critic", RELATIVE)
    assert marked.any()
    assert measured.to_end[marked].max() < 10
    flat = measure(ConstantReward(60, 0.0, terminates=True), Constant(10.0), states=60)
    assert flat.summary("critic", BiasDefinition()).where is None
    assert not flat.outliers("critic", BiasDefinition()).any()


def test_a_measurement_survives_storage_and_tells_which_frames_a_state_is_in() -> None:
    measured = measure(ConstantReward(3, 1.0, terminates=True), Constant(1.0), states=6, first_steps=3)
    again = QBias.read(measured.arrays(), measured.document())
    assert again.protocol == measured.protocol
    for name, values in measured.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], values)
    second = measured.episode_arrays(1)
    assert {name: array.shape for name, array in second.items()} == {
        "rewards": (3,),
        "actions": (3, 1),
        "observations": (4, 1),
    }
    assert second["observations"][:, 0].tolist() == [0.0, 1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match="no measurement"):
        QBias.read({}, {})


def test_progress_counts_states_and_then_estimates() -> None:
    seen: list[AnalysisStep] = []
    measure(ConstantReward(10, 1.0, terminates=True), Constant(1.0), tell=seen.append, states=16, first_steps=8)
    counts = [step.done for step in seen if step.unit == "states"]
    assert counts == sorted(counts)
    assert counts[-1] == 16
    assert len(counts) == 20
    assert [(step.done, step.total) for step in seen if step.unit == "estimates"] == [(16, 16)]


def test_the_verdict_and_its_caution_say_what_was_found() -> None:
    over = measure(ConstantReward(60, 1.0, terminates=True), Constant(10.0), states=120)
    expected = 100 * (10 - over.returns.mean()) / over.returns.mean()
    start = f"Over-estimates by {expected:.0f} % ± 0 % on average, most near the end (1 to 20 steps before it)."
    assert over.verdict("critic") == start
    assert over.caution == ""
    assert "± is half of the 95 % interval over episodes" in over.protocol
    alone = measure(ConstantReward(20, 1.0, terminates=False), Constant(1.0), states=20)
    assert "Under-estimates by" in alone.verdict("critic")
    assert "in this one episode" in alone.verdict("critic")
    assert "±" not in alone.protocol
    assert "cuts off up to 90 % of what late states are worth" in alone.caution
    exact = QuadraticPromise(0.9, noise=0.3)
    noisy = measure(LinearQuadratic(150, noise=0.3), exact, Follow(LinearQuadratic.GAIN), states=300, first_steps=50)
    assert noisy.verdict("critic").startswith("No clear bias: ")


def test_curves_over_training_average_seeds_where_they_were_measured() -> None:
    def info(mean: float, std: float) -> dict[str, Any]:
        return {"analysis": "q-bias", "bias": {"critic": {"mean": [mean, std], "per_state": [9.0, 9.0]}}}

    seeds = [{100: info(0.1, 0.2), 200: info(0.3, 0.4)}, {200: info(0.5, 0.2), 300: info(0.7, 0.1)}]
    curve = bias_curve(seeds, "critic", RELATIVE)
    assert curve.step.tolist() == [100, 200, 300]
    assert curve.mean.tolist() == pytest.approx([0.1, 0.4, 0.7])
    assert curve.std.tolist() == pytest.approx([0.2, 0.3, 0.1])
    assert curve.seeds.tolist() == [1, 2, 1]
    turned = bias_curve(seeds, "critic", BiasDefinition(normaliser="mean"))
    assert turned.mean.tolist() == pytest.approx([-0.1, -0.4, -0.7])
    assert len(bias_curve(seeds, "k_step", RELATIVE).step) == 0


def test_returns_are_of_the_rewards_that_the_critic_was_taught() -> None:
    class Shifted(Constant):
        def taught(self, rewards: Tensor) -> Tensor:
            return rewards + 20.0

    plain = measure(ConstantReward(20, 2.0, terminates=True), Constant(1.0), states=20)
    shifted = measure(ConstantReward(20, 2.0, terminates=True), Shifted(1.0), states=20)
    np.testing.assert_allclose(shifted.returns, 11.0 * plain.returns)
    assert shifted.recorded["rewards"].tolist() == [2.0] * 20
    assert "as the critic was taught them" in shifted.protocol
    assert "taught" not in plain.protocol


def test_unknown_signs_are_refused() -> None:
    with pytest.raises(ValueError, match="up"):
        BiasDefinition(sign="up")
