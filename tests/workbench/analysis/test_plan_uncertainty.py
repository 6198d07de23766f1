"""Aleatoric and epistemic parts held against the law of total variance, worked out without the ensemble's code."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from workbench.agents.ensemble_fit import EnsembleFit
from workbench.agents.mpc_settings import EnsembleSettings
from workbench.analysis.plan_uncertainty import PlanUncertainty, plan_uncertainty
from workbench.models.ensemble import EnsembleDynamics, EnsembleModel
from workbench.noise import NoiseSource
from workbench.replay import ReplayBuffer


def told(means: list[list[float]], stds: list[list[float]], unit: list[float]) -> EnsembleModel:
    """Members that predict the same normal distributions everywhere: means and stds [members, outputs] in units."""
    members, outputs = len(means), len(means[0])
    dynamics = EnsembleDynamics(outputs - 1, 1, (), members, NoiseSource(0, "weights"))
    with torch.no_grad():
        dynamics.weights[0].zero_()
        dynamics.low.fill_(-60.0)  # bounds so far away that they change nothing
        dynamics.high.fill_(60.0)
        log_variance = 2.0 * torch.tensor(stds).log()
        dynamics.biases[0].copy_(torch.cat((torch.tensor(means), log_variance), -1).unsqueeze(1))
        dynamics.output_std.copy_(torch.tensor(unit))
    return EnsembleModel(dynamics, (outputs - 1,))


def along(model: EnsembleModel, steps: int) -> PlanUncertainty:
    latents, actions = torch.zeros(steps, model.latent_size), torch.zeros(steps, 1)
    return plan_uncertainty(model, latents, actions)


def test_three_members_by_hand() -> None:
    """Coordinate 1: means 0, 3, 6 with variances 1, 4, 1; the reward: the same mean, variances 9. The unit is 2 and 5,
    and cancels, since predictions are made in it."""
    found = along(told([[0.0, 2.0], [3.0, 2.0], [6.0, 2.0]], [[1.0, 3.0], [2.0, 3.0], [1.0, 3.0]], [2.0, 5.0]), 4)
    assert found.names == ("o1", "reward")
    assert found.aleatoric.shape == found.epistemic.shape == (4, 2)
    assert found.aleatoric[0] == pytest.approx([np.sqrt(2.0), 3.0], rel=1e-5)  # (1 + 4 + 1) / 3
    assert found.epistemic[0] == pytest.approx([np.sqrt(6.0), 0.0], rel=1e-5, abs=1e-6)  # (9 + 0 + 9) / 3
    assert found.total[0] == pytest.approx([np.sqrt(8.0), 3.0], rel=1e-5)
    assert found.epistemic_share == pytest.approx(6.0 / 17.0, rel=1e-5)
    aleatoric, epistemic = found.by_step()
    assert aleatoric == pytest.approx([np.sqrt((2.0 + 9.0) / 2)] * 4, rel=1e-5)
    assert epistemic == pytest.approx([np.sqrt(3.0)] * 4, rel=1e-5)
    assert found.least_known()[:2] == (0, "o1")


def test_the_parts_are_the_variance_of_what_the_mixture_draws() -> None:
    """A million draws: a member by chance, then a number of its distribution."""
    means, stds = np.array([-1.0, 0.5, 2.0, 0.1]), np.array([0.5, 1.5, 0.2, 1.0])
    found = along(told([[m, 0.0] for m in means], [[s, 1.0] for s in stds], [1.0, 1.0]), 1)
    generator = np.random.default_rng(3)
    member = generator.integers(4, size=1_000_000)
    drawn = means[member] + stds[member] * generator.normal(size=len(member))
    assert found.total[0, 0] ** 2 == pytest.approx(drawn.var(), rel=0.01)
    within = np.mean([drawn[member == each].var() for each in range(4)])
    assert found.aleatoric[0, 0] ** 2 == pytest.approx(within, rel=0.01)


def test_a_known_reward_is_not_part_of_it() -> None:
    model = told([[0.0, 2.0], [3.0, 9.0]], [[1.0, 1.0], [1.0, 1.0]], [1.0, 1.0])

    def nothing(observation: Tensor, action: Tensor, after: Tensor) -> Tensor:
        return observation[..., 0] * 0.0

    known = EnsembleModel(model.dynamics, (1,), nothing)
    assert along(known, 2).names == ("o1",)
    assert along(known, 2).epistemic.shape == (2, 1)


def test_data_take_the_epistemic_part_away_and_leave_the_noise() -> None:
    """x' = -x + noise of std 0.3 where there are data, |x| < 1; far outside, the members never saw anything."""
    settings = EnsembleSettings(members=4, hidden_size=32, layers=2, most_epochs=40)
    generator = np.random.default_rng(0)
    replay = ReplayBuffer(2000, (1,), np.dtype(np.float32), 1, [])
    for _ in range(1000):
        x = generator.uniform(-1, 1, 1).astype(np.float32)
        replay.begin_episode(x)
        after = (0.3 * generator.normal(size=1) - x).astype(np.float32)
        replay.append(generator.uniform(-1, 1, 1).astype(np.float32), 0.0, True, after)
    dynamics = EnsembleDynamics(1, 1, [32, 32], 4, NoiseSource(1, "initialisation"))
    fit, noise = EnsembleFit(dynamics, settings, 64, torch.device("cpu")), NoiseSource(1, "learning")
    fit.begin(replay, noise)
    while fit.running:
        fit.epoch(replay, noise)
    inside = torch.linspace(-0.9, 0.9, 20)
    states = torch.stack((torch.cat((inside, inside + 8.0)), torch.full((40,), -1.0)), -1)
    found = plan_uncertainty(EnsembleModel(dynamics, (1,)), states, torch.zeros(40, 1))
    aleatoric, epistemic = found.aleatoric[:, 0] * float(dynamics.output_std[0]), found.epistemic[:, 0]
    assert aleatoric[:20].mean() == pytest.approx(0.3, rel=0.4)  # 0.94 before the fit
    assert epistemic[:20].mean() < 0.3 * found.aleatoric[:20, 0].mean()
    assert epistemic[20:].mean() > 5 * epistemic[:20].mean()
