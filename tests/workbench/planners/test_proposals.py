"""What candidates are drawn from, and the parts that planners share."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.workbench.planners.problems import HIGH, LOW, TARGETS, Bare, Ending, Point, problem
from workbench.noise import NoiseSource
from workbench.planners.ascent import Ascent
from workbench.planners.base import Box, PlanningError, imagine
from workbench.planners.gradient_settings import GradientMpcSettings
from workbench.planners.proposals import best_of, coloured_normal, policy_sequences, truncated_normal
from workbench.planners.settings import PlannerSettings

NOISE = NoiseSource(5, "proposals")


def test_a_truncated_normal_keeps_within_two_standard_deviations() -> None:
    drawn = truncated_normal(NOISE, (200_000,), "")
    assert drawn.abs().max() <= 2.0
    assert float(drawn.mean()) == pytest.approx(0.0, abs=0.01)
    density = math.exp(-2.0) / math.sqrt(2.0 * math.pi)
    variance = 1.0 - 4.0 * density / math.erf(math.sqrt(2.0))
    assert float(drawn.var()) == pytest.approx(variance, abs=0.01)


@pytest.mark.parametrize("horizon", [1, 2, 7, 12])
@pytest.mark.parametrize("exponent", [0.0, 1.0, 3.0])
def test_coloured_noise_has_variance_one(horizon: int, exponent: float) -> None:
    drawn = coloured_normal(NOISE, (20_000, horizon, 2), exponent, "")
    assert drawn.shape == (20_000, horizon, 2)
    assert drawn.var((0, 2)).numpy() == pytest.approx(np.ones(horizon), abs=0.05)


@pytest.mark.parametrize("exponent", [1e-12, 1.0, 2.5])
def test_the_power_of_coloured_noise_falls_with_frequency(exponent: float) -> None:
    drawn = coloured_normal(NOISE, (4000, 32, 1), exponent, "")
    power = torch.fft.rfft(drawn[..., 0]).abs().square().mean(0).numpy()[1:]
    frequencies = np.arange(1, 17)
    slope = np.polyfit(np.log(frequencies), np.log(power), 1)[0]
    assert slope == pytest.approx(-exponent, abs=0.1)


def test_the_policys_sequences() -> None:
    settings = PlannerSettings(horizon=3)
    found = policy_sequences(problem(settings), 500, 0.1, None, Box(LOW, HIGH))
    targets = TARGETS.numpy() + Point.miss
    assert found[0].numpy() == pytest.approx(np.minimum(targets, HIGH.numpy()), abs=1e-6)
    assert found[1:].std(0)[0].numpy() == pytest.approx([0.1, 0.2], abs=0.02)
    with pytest.raises(PlanningError, match=r"^model: Bare offers no policy"):
        policy_sequences(problem(settings, Bare()), 2, 0.1, None, Box(LOW, HIGH))


def test_the_best_are_finite() -> None:
    returns = torch.tensor([1.0, torch.nan, 3.0, torch.inf, -torch.inf, 2.0])
    assert best_of(returns, 2).tolist() == [2, 5]
    assert best_of(returns, 6).tolist() == [2, 5, 0]


def test_returns_weigh_the_chance_to_get_there() -> None:
    """Steps pay 1, last with probability 1/2, are discounted by 1/2; the value is 8."""
    posed = problem(PlannerSettings(horizon=3, discount=0.5), Ending())
    actions = torch.zeros(2, 3, 2)
    rewards = 1.0 + 0.25 + 0.0625
    assert imagine(posed, actions).returns.tolist() == [rewards, rewards]
    ended = replace(posed, terminal_value=True)
    assert imagine(ended, actions).returns.tolist() == [rewards + 0.125] * 2
    # Lengths 1, 2, 3 return 1 + 2, 1.25 + 0.5 and 1.3125 + 0.125.
    averaged = imagine(replace(ended, lambda_=0.5), actions).returns
    assert averaged.tolist() == pytest.approx([0.5 * 3.0 + 0.25 * 1.75 + 0.25 * 1.4375] * 2)


@pytest.mark.parametrize("lambda_", [1.0, 0.9])
def test_gradients_are_those_of_the_return(lambda_: float) -> None:
    posed = replace(problem(PlannerSettings(horizon=3, terminal_value=True)), lambda_=lambda_)
    actions = torch.tensor([[[0.1, -1.0], [0.3, -2.0], [-0.5, -0.5]]])
    ascent = Ascent(GradientMpcSettings(), posed, Box(LOW, HIGH), actions, None)
    returns, gradient = ascent.slope()
    small = torch.zeros_like(actions)
    for index in np.ndindex(3, 2):
        small[0][index] = 1e-2
        above, below = (imagine(posed, actions + sign * small).returns for sign in (1, -1))
        assert float(gradient[0][index]) == pytest.approx(float(above - below) / 2e-2, abs=2e-3)
        small.zero_()
    assert float(returns) == pytest.approx(float(imagine(posed, actions).returns), abs=1e-6)


@pytest.mark.parametrize("bounds", ["clamp", "tanh"])
def test_a_step_is_measured_in_half_widths(bounds: str) -> None:
    """Plain ascent by the learning rate times the gradient; each sequence's own norm is clipped."""
    settings: Any = GradientMpcSettings(optimiser="plain", bounds=bounds, clip_norm=0.5)
    posed, actions = problem(PlannerSettings(horizon=1)), torch.tensor([[[0.0, -2.0]], [[0.0, -2.0]]])
    ascent = Ascent(settings, posed, Box(LOW, HIGH), actions, None)
    ascent.climb(torch.tensor([[[0.0, 0.1]], [[3.0, 2.0]]]), 0.1)
    moved = Box(LOW, HIGH).to_unit(ascent.actions)[:, 0]
    assert moved[0].tolist() == pytest.approx([0.0, 0.02], abs=1e-3)
    assert moved[1].tolist() == pytest.approx([0.03, 0.04], abs=1e-3)
    ascent.climb(torch.full((2, 1, 2), torch.nan), 0.1)
    assert Box(LOW, HIGH).to_unit(ascent.actions)[:, 0].tolist() == moved.tolist()


@pytest.mark.parametrize(("name", "theirs"), [("adam", "Adam"), ("rmsprop", "RMSprop"), ("plain", "SGD")])
def test_steps_are_those_of_torch(name: str, theirs: str) -> None:
    begin, wide = torch.zeros(2, 3, 2), Box(-10.0 * torch.ones(2), 10.0 * torch.ones(2))
    posed = problem(PlannerSettings(horizon=3))
    ascent = Ascent(GradientMpcSettings(optimiser=name), posed, wide, begin, None)
    parameter = begin.clone()
    optimiser = getattr(torch.optim, theirs)([parameter], lr=0.02, maximize=True)
    for _ in range(5):
        gradient = NOISE.normal(begin.shape)
        ascent.climb(gradient, 0.02)
        parameter.grad = 10.0 * gradient
        optimiser.step()
    assert torch.allclose(ascent.actions, 10.0 * parameter, atol=1e-5)


def test_weights_get_no_gradient() -> None:
    weight = torch.ones((), requires_grad=True)

    class Weighed(Point):
        def reward(self, latent: torch.Tensor, action: torch.Tensor, next_latent: torch.Tensor) -> torch.Tensor:
            return weight * super().reward(latent, action, next_latent)

    posed = problem(PlannerSettings(horizon=2), Weighed())
    Ascent(GradientMpcSettings(), posed, Box(LOW, HIGH), torch.zeros(4, 2, 2), None).slope()
    assert weight.grad is None
