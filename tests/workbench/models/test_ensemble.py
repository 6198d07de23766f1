"""The ensemble: its arithmetic by hand, its two kinds of spread, its particles, and its gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.models.ensemble import ALL, EnsembleDynamics, EnsembleModel, ParticleModel, change_and_reward
from workbench.models.world_model import RollingModel
from workbench.noise import NoiseSource
from workbench.planners.base import Box, PlanningProblem, imagine, judge
from workbench.planners.ilqr import Ilqr
from workbench.planners.ilqr_settings import IlqrSettings

OBSERVATIONS, ACTIONS, MEMBERS = 3, 2, 5


@pytest.fixture
def dynamics() -> EnsembleDynamics:
    made = EnsembleDynamics(OBSERVATIONS, ACTIONS, [16, 16], MEMBERS, NoiseSource(0, "initialisation"))
    noise = NoiseSource(1, "data")
    made.normalise(3.0 * noise.normal((50, 3)) + 1.0, noise.normal((50, 2)), 0.1 * noise.normal((50, 4)) + 0.02)
    return made.requires_grad_(False)


@pytest.fixture
def model(dynamics: EnsembleDynamics) -> EnsembleModel:
    return EnsembleModel(dynamics, (OBSERVATIONS,))


def rows(count: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    noise = NoiseSource(2, "rows")
    return noise.normal((count, OBSERVATIONS)), noise.normal((count, ACTIONS))


def test_a_member_is_the_network_that_its_weights_say(dynamics: EnsembleDynamics) -> None:
    observation, action = rows()
    found = dynamics(observation, action)
    for member in range(MEMBERS):
        x = (torch.cat((observation, action), -1) - dynamics.input_mean) / dynamics.input_std
        for layer in range(3):
            x = x @ dynamics.weights[layer][member] + dynamics.biases[layer][member]
            x = x * torch.sigmoid(x) if layer < 2 else x
        mean = dynamics.output_mean + dynamics.output_std * x[:, :4]
        assert torch.allclose(found.mean[member], mean, atol=1e-6)
        squeezed = 0.5 - torch.log1p(torch.exp(0.5 - x[:, 4:]))
        variance = -10.0 + torch.log1p(torch.exp(squeezed + 10.0))
        assert torch.allclose(found.std[member], dynamics.output_std * torch.exp(0.5 * variance), atol=1e-6)


def test_normalisation_makes_data_plain() -> None:
    made = EnsembleDynamics(2, 1, [4], 2, NoiseSource(0, "initialisation"))
    data = torch.tensor([[1.0, 7.0], [3.0, 7.0]]), torch.tensor([[0.0], [4.0]]), torch.tensor([[1.0, 2, 3], [5, 2, 1]])
    made.normalise(*data)
    assert made.input_mean.tolist() == [2.0, 7.0, 2.0]
    assert made.input_std.tolist() == [1.0, 1.0, 2.0]  # a coordinate that never changed keeps its scale
    assert made.output_mean.tolist() == [3.0, 2.0, 2.0]
    assert made.output_std.tolist() == [2.0, 1.0, 1.0]


def test_the_loss_is_the_likelihood_with_decay(dynamics: EnsembleDynamics) -> None:
    observation, action = rows()
    output = NoiseSource(3, "output").normal((7, 4))
    gaussian = dynamics(observation, action)
    wanted = (output - dynamics.output_mean) / dynamics.output_std
    mean = (gaussian.mean - dynamics.output_mean) / dynamics.output_std
    std = gaussian.std / dynamics.output_std
    likelihood = ((mean - wanted) ** 2 / std**2 + 2 * std.log()).mean()
    decay = sum(0.5 * r * (w**2).sum() for r, w in zip((2.5e-5, 5e-5, 1e-4), dynamics.weights, strict=True))
    expected = likelihood + (decay + 0.01 * 10.5 * 4 * MEMBERS) / MEMBERS
    assert float(dynamics.loss(observation, action, output)) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(
    ("layers", "rates"),
    [(0, [1e-4]), (1, [2.5e-5, 1e-4]), (4, [2.5e-5, 5e-5, 7.5e-5, 7.5e-5, 1e-4])],  # the last: PETS's half cheetah
)
def test_every_layers_weights_decay_at_their_own_rate(layers: int, rates: list[float]) -> None:
    made = EnsembleDynamics(3, 1, [4] * layers, MEMBERS, NoiseSource(0, "initialisation"))
    noise = NoiseSource(1, "data")
    observation, action, output = (noise.normal((MEMBERS, 6, size)) for size in (3, 1, 4))
    with torch.no_grad():
        mean, log_variance = made.normalised(observation, action)
        likelihood = ((mean - output).square() * (-log_variance).exp() + log_variance).mean()
        bounds = 0.01 * (made.high - made.low).sum() / MEMBERS
        found = made.loss(observation, action, output) - likelihood - bounds
        expected = sum(0.5 * r * w.square().sum() for r, w in zip(rates, made.weights, strict=True)) / MEMBERS
    assert float(found) == pytest.approx(float(expected), rel=1e-2)


def test_spread_splits_into_noise_and_disagreement(model: EnsembleModel) -> None:
    observation, action = rows()
    latent = model.encode(observation)
    each = model.dynamics(observation, action)
    spread = model.spread(latent, action)
    assert torch.allclose(spread.aleatoric, (each.std**2).mean(0).sqrt())
    assert torch.allclose(spread.epistemic, ((each.mean - each.mean.mean(0)) ** 2).mean(0).sqrt(), atol=1e-7)
    for weight in (*model.dynamics.weights, *model.dynamics.biases):
        weight.copy_(weight[:1].expand_as(weight).clone())
    assert float(model.uncertainty(latent, action).max()) < 1e-6  # members that agree
    assert float(model.spread(latent, action).aleatoric.min()) > 0.0


def test_particles_are_predicted_by_their_members(model: EnsembleModel) -> None:
    observation, action = rows(1)
    latent = model.encode(observation[0])
    assert latent.tolist() == [*observation[0].tolist(), ALL]
    particles = model.start(latent, 10)
    assert particles[:, -1].tolist() == [0, 1, 2, 3, 4] * 2
    each = model.dynamics(observation, action)
    following = model.predict(particles, action.expand(10, -1))
    for number in range(10):
        assert torch.allclose(following[number, :-1], observation[0] + each.mean[number % 5, 0, :-1], atol=1e-6)
    assert torch.equal(following[:, -1], particles[:, -1])
    mean = model.predict(latent, action[0])
    assert torch.allclose(mean[:-1], observation[0] + each.mean.mean(0)[0, :-1], atol=1e-6)
    assert torch.allclose(model.reward(particles, action.expand(10, -1), following)[:5], each.mean[:, 0, -1], atol=1e-6)


def particle_model(model: EnsembleModel, propagation: str, particles: int = 10) -> ParticleModel:
    noise = NoiseSource(4, "particles")
    return ParticleModel(model.dynamics, (3,), None, particles=particles, propagation=propagation, noise=noise)


@pytest.mark.parametrize("propagation", ["ts1", "tsinf", "mean"])
def test_a_rollout_of_particles_is_the_one_done_by_hand(model: EnsembleModel, propagation: str) -> None:
    made = particle_model(model, propagation)
    assert isinstance(made, RollingModel)
    start = model.encode(rows(1)[0][0])
    actions = NoiseSource(5, "actions").normal((6, 4, ACTIONS))
    latents, rewards, lasts = made.rollout(start, actions)
    assert latents.shape == (6, 5, 4)
    assert (lasts == 1.0).all()
    again = made.rollout(start, actions)
    assert torch.equal(latents, again[0])  # the draws are kept
    noise = NoiseSource(4, "particles")
    draws = [(noise.permutation(10), noise.normal((10, 1, 3))) for _ in range(4)]
    for candidate in range(6):
        state = start.expand(1, -1) if propagation == "mean" else model.start(start, 10)
        if propagation == "tsinf":
            state = state[torch.arange(10).view(2, 5).T.flatten()]  # members 0 0 1 1 ...
        for t in range(4):
            action = actions[candidate, t].expand(len(state), -1)
            if propagation == "ts1":
                state = state[draws[t][0]].clone()
                state[:, -1] = torch.arange(10) // 2
            drawn = None if propagation == "mean" else draws[t][1][:, 0]
            following = model.predict(state, action, drawn)
            assert float(rewards[candidate, t]) == pytest.approx(
                float(model.reward(state, action, following).mean()), abs=1e-5
            )
            state = following
            assert torch.allclose(latents[candidate, t + 1, :-1], state[:, :-1].mean(0), atol=1e-5)


def test_a_known_reward_takes_the_place_of_the_learned_one(model: EnsembleModel) -> None:
    def paid(observation: torch.Tensor, action: torch.Tensor, following: torch.Tensor) -> torch.Tensor:
        return observation[..., 0] + 10.0 * action[..., 1]

    known = EnsembleModel(model.dynamics, (3,), paid)
    observation, action = rows()
    latent = known.encode(observation)
    assert torch.equal(known.reward(latent, action, latent), observation[:, 0] + 10.0 * action[:, 1])
    noise = NoiseSource(4, "particles")
    particles = ParticleModel(model.dynamics, (3,), paid, particles=5, propagation="ts1", noise=noise)
    _, rewards, _ = particles.rollout(latent[0], action[:, None])
    assert torch.allclose(rewards[:, 0], observation[0, 0] + 10.0 * action[:, 1])


def test_gradients_reach_the_actions_and_ilqr_plans_in_it(model: EnsembleModel) -> None:
    box = Box(-torch.ones(2), torch.ones(2))
    problem = PlanningProblem(model, model.encode(rows(1)[0][0]), box, NoiseSource(6, "plan"), 5)
    actions = torch.zeros(1, 5, 2, requires_grad=True)
    slope = torch.autograd.grad(imagine(problem, actions).returns.sum(), actions)[0]
    assert (slope[0].abs().sum(1) > 0).all()
    steps = list(Ilqr(IlqrSettings(horizon=5, iterations=5)).iterate(problem))
    assert steps[-1].plan_return > float(imagine(problem, actions.detach()).returns)


@pytest.mark.parametrize("propagation", ["ts1", "tsinf", "mean"])
def test_gradients_are_of_the_return_that_particles_are_judged_by(model: EnsembleModel, propagation: str) -> None:
    particles = particle_model(model, propagation)
    box = Box(-torch.ones(2), torch.ones(2))
    problem = PlanningProblem(particles, particles.encode(rows(1)[0][0]), box, NoiseSource(6, "plan"), 5)
    actions = (0.3 * NoiseSource(5, "actions").normal((1, 5, 2))).requires_grad_()
    climbed = imagine(problem, actions).returns
    assert torch.allclose(climbed, judge(problem, actions.detach()))
    slope = torch.autograd.grad(climbed.sum(), actions)[0]
    moved = 1e-2 * slope / slope.norm()
    ahead, behind = (float(judge(problem, actions.detach() + sign * moved)) for sign in (1, -1))
    assert (ahead - behind) / 2e-2 == pytest.approx(float(slope.norm()), rel=0.05)


def test_ilqr_in_particles_plans_as_in_the_mean_of_the_members(model: EnsembleModel) -> None:
    found = []
    for each in (model, particle_model(model, "tsinf")):
        box, start = Box(-torch.ones(2), torch.ones(2)), each.encode(rows(1)[0][0])
        problem = PlanningProblem(each, start, box, NoiseSource(6, "plan"), 5)
        found.append(Ilqr(IlqrSettings(horizon=5, iterations=5)).plan(problem))
    assert np.array_equal(found[0].plan, found[1].plan)
    assert found[0].plan_return == found[1].plan_return


def test_training_separates_what_is_noise_from_what_is_unknown() -> None:
    """Noise depends on the observation, data end at 1: aleatoric spread is the noise, epistemic grows beyond."""
    noise = NoiseSource(7, "data")
    made = EnsembleDynamics(1, 1, [32, 32], 3, NoiseSource(0, "initialisation"))
    x = 2.0 * noise.uniform((400, 1)) - 1.0
    a = torch.zeros(400, 1)
    change = x.sin() + torch.where(x > 0.0, 0.3, 0.03) * noise.normal((400, 1))
    y = change_and_reward(x, x + change, torch.zeros(400))
    made.normalise(x, a, y)
    index = noise.indices(400, (3, 400))
    optimiser = torch.optim.Adam(made.parameters(), 5e-3)
    for _ in range(400):
        optimiser.zero_grad()
        made.loss(x[index], a[index], y[index]).backward()
        optimiser.step()
    model = EnsembleModel(made, (1,))
    at = model.encode(torch.tensor([[-0.5], [0.5], [4.0]]))
    with torch.no_grad():
        spread = model.spread(at, torch.zeros(3, 1))
        assert 0.01 < float(spread.aleatoric[0, 0]) < 0.1
        assert float(spread.aleatoric[1, 0]) == pytest.approx(0.3, rel=0.3)
        uncertainty = model.uncertainty(at, torch.zeros(3, 1))
    assert float(uncertainty[2]) > 3.0 * float(uncertainty[:2].max())
