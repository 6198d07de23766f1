"""The formulas of the paper's ablations, on given weights and noise, against the numpy reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.workbench.agents import alm_expected as alm
from tests.workbench.agents import alm_expected_update as reference
from tests.workbench.agents import alm_expected_variants as expected
from tests.workbench.agents.alm_agent import (
    SMALL,
    FixedNoise,
    agent_batches,
    fixed_noise,
    make_agent,
    make_settings,
    networks_in,
    networks_of,
)
from tests.workbench.agents.alm_peer import HIGH, LOW, exploration_at, make_batches, make_noise
from workbench.agents.alm import AlignedLatentModel
from workbench.agents.alm_settings import AlmSettings
from workbench.agents.alm_variants import FIRST_TEMPERATURE
from workbench.agents.base import Memory
from workbench.models.world_model import NotOffered
from workbench.settings import SettingsError, build

CLOSE = {"rel": 1e-7, "abs": 1e-9}
STEP = 60
EXPLORATION = exploration_at(STEP)
STD = torch.tensor(EXPLORATION.std, dtype=torch.float64)
K = SMALL.horizon


class Case:
    """An agent with some variant switched on, weights, batches and noise."""

    def __init__(self, **fields: Any) -> None:
        self.settings = make_settings(**fields)
        self.agent = make_agent(self.settings, seed=1)
        self.sizes = replace(SMALL, latent=self.agent.latent_size)
        self.batches, self.noise = make_batches(self.sizes, 2), make_noise(self.sizes, 2)
        self.networks = networks_of(self.agent)

    def fix(self, *names: str) -> FixedNoise:
        """Hand the agent these draws and no other."""
        self.agent.noise = fixed = FixedNoise({name: self.noise[name] for name in names})
        return fixed

    def stack(self, name: str, count: int) -> np.ndarray:
        return np.stack([self.noise[f"{name}_{t}"] for t in range(count)])

    def update(self) -> dict[str, float]:
        """One update; its metrics."""
        fixed = fixed_noise(self.settings, self.noise)
        self.agent.noise = fixed
        metrics = self.agent.update(agent_batches(self.settings, self.batches), {"std": STD})
        fixed.finish()
        return {name: float(value) for name, value in metrics.items()}


STILL: dict[str, Any] = {"learning_rate": 1e-30, "max_gradient_norm": 1e30}
WINDOW = ["z0", *(f"model_{t}" for t in range(K))]
IMAGINED = [*(f"imagine_action_{t}" for t in range(K + 1)), *(f"imagine_model_{t}" for t in range(K))]


def model_loss(case: Case, *names: str) -> tuple[Tensor, dict[str, Tensor]]:
    """Step A's loss with exactly these draws beside those of the window."""
    fixed = case.fix(*WINDOW, *names)
    loss, metrics = case.agent.encoder_model_loss(agent_batches(case.settings, case.batches)["sequence"], STD)
    fixed.finish()
    return loss, metrics


def window(case: Case) -> dict[str, Any]:
    return {
        "first_observation": case.batches.window_observations[0],
        "actions": case.batches.window_actions,
        "next_observations": case.batches.window_next_observations,
        "encoder_noise": case.noise["z0"],
        "model_noise": case.stack("model", K),
        "action_noise": case.noise["action_K"],
        "exploration": EXPLORATION,
    }


def check_gradient(loss: Tensor, mlp: Any, total: Callable[[], float], network: alm.Network) -> None:
    """The loss's gradient with respect to a perceptron against differences of the reference."""
    layers = len(mlp.weights)
    gradients = torch.autograd.grad(loss, [*mlp.weights, *mlp.biases], retain_graph=True)
    differences = reference.numeric_gradient(total, network.arrays())
    for layer in range(layers):
        assert gradients[layer].numpy() == pytest.approx(differences[2 * layer], rel=1e-5, abs=1e-8)
        assert gradients[layers + layer].numpy() == pytest.approx(differences[2 * layer + 1], rel=1e-5, abs=1e-8)


# ---- log reward -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["encoder_only", "naive"])
def test_logarithms_in_the_encoders_and_models_loss(kind: str) -> None:
    case = Case(log_reward=kind)
    loss, metrics = model_loss(case, "action_K")
    assert loss.item() == pytest.approx(expected.log_encoder_model_loss(case.networks, **window(case)), **CLOSE)
    assert metrics["model_reward"].item() == pytest.approx(
        alm.encoder_model_loss(case.networks, **window(case)).reward / K, **CLOSE
    )  # what is shown stays the reward


@pytest.mark.parametrize("kind", ["encoder_only", "naive", "shifted"])
def test_only_the_naive_kind_has_logarithms_in_the_policys_loss(kind: str) -> None:
    case = Case(log_reward=kind)
    z = 0.7 * case.noise["z_actor"]
    fixed = case.fix(*IMAGINED)
    loss, _ = case.agent.actor_loss(torch.tensor(z), STD)
    fixed.finish()
    arguments = {
        "action_noise": case.stack("imagine_action", K + 1),
        "model_noise": case.stack("imagine_model", K),
        "exploration": EXPLORATION,
        "discount": case.settings.discount,
        "decay": case.settings.lambda_,
        "coefficient": case.settings.classifier_coefficient,
    }
    plain = alm.actor_loss(case.networks, z, **arguments).total
    logarithms = expected.log_actor_loss(case.networks, z, **arguments)
    assert plain != pytest.approx(logarithms, rel=1e-2)
    assert loss.item() == pytest.approx(logarithms if kind == "naive" else plain, **CLOSE)


@pytest.mark.parametrize("one_batch", [False, True])
@pytest.mark.parametrize("kind", ["off", "encoder_only", "naive", "shifted"])
def test_what_reward_and_critic_learn_from(kind: str, one_batch: bool) -> None:
    case = Case(log_reward=kind, one_batch=one_batch)
    case.fix()
    _, _, found, _ = case.agent._transitions(agent_batches(case.settings, case.batches))
    rewards = case.batches.rewards
    wanted = {"off": rewards, "shifted": expected.shifted_reward(rewards)}.get(kind, rewards + 20.0)
    assert found.numpy() == pytest.approx(wanted, rel=1e-9)


def test_shifted_rewards_keep_their_digits_in_single_precision_and_never_fail() -> None:
    """log(r + a) - log a would lose six of them; r below -a has no logarithm."""
    case = Case(log_reward="shifted")
    rewards = torch.tensor([-3.7, -1e-3, 0.0, 1e-3, 12.25])
    wanted = expected.shifted_reward(rewards.double().numpy())
    assert case.agent.scale.observed(rewards).numpy() == pytest.approx(wanted, rel=1e-6, abs=1e-9)
    assert case.agent.scale.observed(torch.tensor([-2e4, -1e4])).isfinite().all()


# ---- encoder --------------------------------------------------------------------------------------------------------


def test_the_identity_encoder_is_the_state_with_a_learned_spread() -> None:
    case = Case(encoder="identity", latent_size=7)
    assert case.agent.latent_size == SMALL.observation == case.agent.world_model().latent_size  # type: ignore[union-attr]
    observation = case.batches.observations
    spread = networks_in(case.agent.encoder, "elu")[0]
    wanted = expected.identity_encode(spread, observation)
    found = case.agent.encode(case.agent.encoder, torch.tensor(observation))
    assert [(each.shape, len(spread.linears)) for each in spread.linears[0][:1]] == [((3, 3), 1)]
    assert np.array_equal(found.mean.detach().numpy(), observation)
    assert found.std.detach().numpy() == pytest.approx(wanted.std, **CLOSE)


def test_on_states_critic_and_policy_see_the_states_and_nothing_else_learns() -> None:
    case = Case(encoder="states", actor_loss="td3", **STILL)
    assert set(case.agent.networks) == {"critic", "critic_target", "actor"}
    assert case.agent.world_model() is None
    assert list(case.agent.draws) == ["transition"]
    batches, noise, networks = case.batches, case.noise, case.networks
    found = case.update()
    targets = alm.critic_targets(
        networks,
        batches.rewards,
        batches.terminal,
        batches.next_observations,
        noise["next_action"],
        EXPLORATION,
        case.settings.discount,
    )
    critic = alm.critic_loss(networks.critics, batches.observations, batches.actions, targets)
    actor = alm.td3_actor_loss(networks, batches.observations, noise["imagine_action_0"], EXPLORATION)
    assert {name: value for name, value in found.items() if name.startswith("loss/")} == {
        "loss/critic": pytest.approx(critic, rel=1e-6),
        "loss/actor": pytest.approx(actor, rel=1e-6),
    }


# ---- reconstruction -------------------------------------------------------------------------------------------------


def test_reconstruction_loss_and_what_it_teaches() -> None:
    case = Case(reconstruction=True)
    loss, metrics = model_loss(case)
    decoder = networks_in(case.agent.decoder, "elu")[0]
    noise, batches = case.noise, case.batches

    def total(held: Any = None) -> float:
        given = batches.window_observations[0], batches.window_actions, batches.window_next_observations
        noises = noise["z0"], case.stack("model", K)
        return expected.reconstruction_loss(case.networks, decoder, *given, *noises, held)

    assert loss.item() == pytest.approx(total(), **CLOSE)
    parts = K * metrics["kl"].item() + metrics["reconstruction_error"].item()
    assert loss.item() == pytest.approx(parts, **CLOSE)
    encoder = case.networks.encoder
    z_0 = alm.encode(encoder, batches.window_observations[0]).sample(noise["z0"])
    held = z_0, [alm.encode(encoder, following) for following in batches.window_next_observations]
    for mlp, network in (
        (case.agent.encoder, encoder),
        (case.agent.decoder, decoder),
        (case.agent.model, case.networks.model),
    ):
        check_gradient(loss, mlp, lambda: total(held), network)


def test_a_decoder_can_be_asked_for_observations() -> None:
    case = Case(reconstruction=True)
    model = case.agent.world_model()
    assert model is not None
    assert "decode" in model.offers
    z = case.noise["z0"]
    decoder = networks_in(case.agent.decoder, "elu")[0]
    assert model.decode(torch.tensor(z)).detach().numpy() == pytest.approx(alm.forward(decoder, z), **CLOSE)
    plain = Case().agent.world_model()
    assert plain is not None
    with pytest.raises(NotOffered, match="decode"):
        plain.decode(torch.tensor(z))


# ---- value prediction -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["encoder", "encoder_and_model"])
def test_value_prediction_adds_the_errors_of_reward_and_critics(kind: str) -> None:
    case, plain = Case(value_prediction=kind), Case()
    loss, metrics = model_loss(case, "action_K", "z_value_prediction", "action_value_prediction")
    usual, _ = model_loss(plain, "action_K")
    batches, noise, networks = case.batches, case.noise, case.networks
    step = 0 if kind == "encoder" else 1
    windows = agent_batches(case.settings, batches)["sequence"]
    rewards, terminal = windows.rewards[step].numpy(), windows.terminated[step].numpy()
    following = alm.encode(networks.target_encoder, batches.window_next_observations[step])

    def error() -> float:
        latent = alm.encode(networks.encoder, batches.window_observations[0]).sample(noise["z0"])
        if step:
            latent = alm.predict(networks.model, latent, batches.window_actions[0]).sample(noise["model_0"])
        next_latent, draw = following.sample(noise["z_value_prediction"]), noise["action_value_prediction"]
        action, discount = batches.window_actions[step], case.settings.discount
        given = latent, action, rewards, terminal, next_latent, draw, EXPLORATION, discount
        return expected.value_prediction_error(networks, *given)

    assert metrics["value_prediction_error"].item() == pytest.approx(error(), **CLOSE)
    assert loss.item() == pytest.approx(usual.item() + error(), **CLOSE)
    added = metrics["value_prediction_error"]
    check_gradient(added, case.agent.encoder, error, networks.encoder)
    if step:
        check_gradient(added, case.agent.model, error, networks.model)
    else:
        assert torch.autograd.grad(added, case.agent.model.weights[0], allow_unused=True)[0] is None


# ---- entropy --------------------------------------------------------------------------------------------------------


def test_the_entropy_bonus_in_the_policys_loss() -> None:
    case = Case(entropy_bonus=True, classifier_coefficient=0.3)
    z = 0.7 * case.noise["z_actor"]
    fixed = case.fix(*IMAGINED)
    loss, metrics = case.agent.actor_loss(torch.tensor(z), STD)
    fixed.finish()
    wanted, entropy = expected.entropy_actor_loss(
        case.networks,
        z,
        action_noise=case.stack("imagine_action", K + 1),
        model_noise=case.stack("imagine_model", K),
        bounds=(LOW, HIGH),
        discount=case.settings.discount,
        decay=case.settings.lambda_,
        coefficient=0.3,
        alpha=float(case.agent.temperature.alpha()),
    )
    assert loss.item() == pytest.approx(wanted, rel=1e-6)
    assert metrics["policy_entropy"].item() == pytest.approx(entropy, **CLOSE)


def test_the_entropy_bonus_pushes_the_actors_spread_out() -> None:
    """All else made blind to the action, the gradient of the loss is that of -alpha times the weighted -log pi."""
    case = Case(entropy_bonus=True, rollout_length=1, classifier_term=False)
    with torch.no_grad():
        for name in ("reward", "critic", "model"):
            for parameter in case.agent.networks[name].parameters():
                parameter.zero_()
    z = 0.7 * case.noise["z_actor"]
    case.fix("imagine_action_0", "imagine_action_1", "imagine_model_0")
    loss, _ = case.agent.actor_loss(torch.tensor(z), STD)
    actor = networks_in(case.agent.actor, "elu")[0]

    def total() -> float:
        policy = expected.stochastic_policy(actor, z)
        density = expected.log_density(policy, policy.sample(case.noise["imagine_action_0"]))
        return float(case.agent.temperature.alpha()) * float(density.mean())

    assert loss.item() == pytest.approx(total(), rel=1e-6)
    check_gradient(loss, case.agent.actor, total, actor)


def test_the_temperature_moves_against_the_distance_of_the_entropy_from_its_target() -> None:
    case = Case(entropy_bonus=True, **STILL)
    found = case.update()
    alpha = float(case.agent.temperature.alpha())
    wanted = alpha * (found["alm/policy_entropy"] + SMALL.action)
    assert found["loss/temperature"] == pytest.approx(wanted, rel=1e-6)
    assert found["gradient_norm/temperature"] == pytest.approx(abs(wanted), rel=1e-6)
    assert found["alm/temperature"] == pytest.approx(alpha, rel=1e-6)
    moving = Case(entropy_bonus=True)
    assert moving.update()["loss/temperature"] > 0
    assert moving.agent.temperature.alpha() < alpha  # more entropy than wanted: less weight


def test_the_temperature_begins_where_it_says() -> None:
    fresh = AlignedLatentModel(make_settings(entropy_bonus=True), Case().agent.facts, 0, torch.device("cpu"))
    assert float(fresh.temperature.alpha()) == pytest.approx(FIRST_TEMPERATURE)


def test_the_temperature_is_part_of_the_agents_state() -> None:
    case = Case(entropy_bonus=True)
    case.update()
    fresh = make_agent(case.settings, seed=9)
    fresh.noise = case.agent.noise
    fresh.load(case.agent.state())
    assert torch.equal(fresh.temperature.log_alpha, case.agent.temperature.log_alpha)
    assert torch.equal(fresh.optimisers["temperature"]._means[0], case.agent.optimisers["temperature"]._means[0])


def test_exploring_draws_with_the_policys_own_spread_inside_the_bounds() -> None:
    case = Case(entropy_bonus=True)
    observation, latent, noise = np.array([0.5, -1.0, 2.0]), np.array([0.3, -1.2]), np.array([-1.5, 0.4])
    z = alm.encode(case.networks.encoder, observation).sample(latent)
    policy = expected.stochastic_policy(case.networks.actor, z)
    source = FixedNoise({"act_latent": latent, "act_action": noise})
    explored, _, _ = case.agent.act(observation, Memory(source), "explore")
    assert explored == pytest.approx(np.clip(policy.sample(noise), LOW + 1e-6, HIGH - 1e-6), rel=1e-6)
    calm, _, _ = case.agent.act(observation, Memory(FixedNoise({"act_latent": latent})), "evaluate")
    assert calm == pytest.approx(policy.mean, rel=1e-6)


# ---- what does not go together --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"encoder": "states"}, "encoder"),
        ({"encoder": "states", "actor_loss": "td3", "reconstruction": True}, "reconstruction"),
        ({"encoder": "states", "actor_loss": "td3", "value_prediction": "encoder"}, "value_prediction"),
        ({"encoder": "identity", "reconstruction": True}, "reconstruction"),
        ({"reconstruction": True, "kl_term": False}, "kl_term"),
        ({"reconstruction": True, "value_term": False}, "value_term"),
        ({"reconstruction": True, "value_prediction": "encoder"}, "value_prediction"),
        ({"entropy_bonus": True, "actor_loss": "td3"}, "entropy_bonus"),
        ({"rollout_length": 1, "kl_term": False, "value_term": False}, "value_term"),
        ({"rollout_length": 1, "value_prediction": "encoder_and_model"}, "value_prediction"),
    ],
)
def test_what_would_leave_a_network_with_nothing_to_learn_is_refused(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        build(AlmSettings, fields)
    assert [problem.field for problem in caught.value.problems] == [field]
