"""The losses, gradient norms and updates of Aligned Latent Models against the numpy reference, on fixed noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.workbench.agents import alm_expected as alm
from tests.workbench.agents import alm_expected_update as reference
from tests.workbench.agents.alm_agent import (
    PAPER,
    SMALL,
    FixedNoise,
    agent_batches,
    fixed_noise,
    make_agent,
    make_settings,
    networks_of,
    reference_settings,
    window_transitions,
)
from tests.workbench.agents.alm_peer import all_arrays, exploration_at, make_batches, make_noise
from workbench.agents.alm import AlignedLatentModel
from workbench.agents.alm_settings import AlmSettings

CLOSE = {"rel": 1e-7, "abs": 1e-9}  # the agent computes in float64 here; its powers of the discount are float32
STEP = 60
STD = torch.tensor(exploration_at(STEP).std, dtype=torch.float64)

CONFIGURATIONS: dict[str, tuple[int, dict[str, Any]]] = {
    "authors": (3, {}),
    "authors, K 1": (1, {}),
    "authors, K 5": (5, {}),
    "paper": (3, PAPER),
    "paper, K 1": (1, PAPER),
    "paper, K 5": (5, PAPER),
    "one critic": (3, {"critics": 1}),
    "linear classifier": (3, {"linear_classifier": True}),
    "plain classifier": (3, {"classifier_layer_norm": False}),
    "ReLU": (3, {"activation": "relu"}),
    "no target encoder": (3, {"target_encoder": False}),
    "discounted": (3, {"discount_model_loss": True, "discount": 0.8}),
    "both pairs": (3, {"classifier_pairs": "both"}),
    "one batch": (3, {"one_batch": True}),
    "first step only": (3, {"lambda_over": "first", "lambda_": 0.6}),
    "no classifier term": (3, {"classifier_term": False}),
    "large coefficient": (3, {"classifier_coefficient": 1.0}),
}
configurations = pytest.mark.parametrize("name", CONFIGURATIONS)


class Case:
    """One configuration's agent, its weights, batches and noise."""

    def __init__(self, name: str, **changes: Any) -> None:
        horizon, fields = CONFIGURATIONS[name]
        self.sizes = replace(SMALL, horizon=horizon)
        self.settings: AlmSettings = make_settings(self.sizes, **{**fields, **changes})
        self.agent: AlignedLatentModel = make_agent(self.settings, self.sizes, seed=1)
        self.expected = reference_settings(self.settings)
        self.batches, self.noise = self.draw(seed=2)

    def draw(self, seed: int) -> tuple[reference.Batches, dict[str, np.ndarray]]:
        """Batches, half of them terminal, and noise; with pairs shown both ways, reward and model share their z."""
        batches, noise = make_batches(self.sizes, seed), make_noise(self.sizes, seed)
        if self.settings.one_batch:
            batches = window_transitions(batches)
        if self.settings.classifier_pairs == "both":
            noise["z_reward"] = noise["z_for_model"]
        return batches, noise

    def update(self, batches: reference.Batches, noise: reference.Noise, step: int = STEP) -> dict[str, float]:
        """One update of the agent; its metrics as numbers."""
        fixed = fixed_noise(self.settings, noise)
        self.agent.noise = fixed
        std = {"std": torch.tensor(exploration_at(step).std, dtype=torch.float64)}
        metrics = self.agent.update(agent_batches(self.settings, batches), std)
        fixed.finish()
        return {name: float(value) for name, value in metrics.items()}


def latents(case: Case, name: str) -> tuple[np.ndarray, Tensor]:
    """Some latents [batch, latent], as numpy and as torch."""
    array = 0.7 * case.noise[name]
    return array, torch.tensor(array)


def encoder_arguments(case: Case) -> dict[str, Any]:
    noise, batches, horizon = case.noise, case.batches, case.settings.rollout_length
    return {
        "first_observation": batches.window_observations[0],
        "actions": batches.window_actions,
        "next_observations": batches.window_next_observations,
        "encoder_noise": noise["z0"],
        "model_noise": np.stack([noise[f"model_{t}"] for t in range(horizon)]),
        "action_noise": noise["action_K"],
        "exploration": exploration_at(STEP),
    }


@configurations
@pytest.mark.parametrize("terms", [{}, {"kl_term": False}, {"value_term": False}], ids=["all", "no KL", "no value"])
def test_encoder_and_model_loss(name: str, terms: dict[str, bool]) -> None:
    case = Case(name, **terms)
    horizon = case.settings.rollout_length
    names = ["z0", *(f"model_{t}" for t in range(horizon)), "action_K"]
    case.agent.noise = FixedNoise({each: case.noise[each] for each in names})
    loss, metrics = case.agent.encoder_model_loss(agent_batches(case.settings, case.batches)["sequence"], STD)
    networks, arguments = networks_of(case.agent), encoder_arguments(case)
    expected = alm.encoder_model_loss(networks, discount=case.expected.model_discount, **terms, **arguments)
    assert loss.item() == pytest.approx(expected.total, **CLOSE)
    plain = alm.encoder_model_loss(networks, **arguments)  # the metrics are means without discount
    assert metrics["kl"].item() == pytest.approx(plain.kl / horizon, **CLOSE)
    assert metrics["model_reward"].item() == pytest.approx(plain.reward / horizon, **CLOSE)
    assert metrics["model_value"].item() == pytest.approx(plain.value, **CLOSE)


@configurations
def test_reward_loss(name: str) -> None:
    case = Case(name)
    z, z_tensor = latents(case, "z_reward")
    a, r = case.batches.actions, case.batches.rewards
    loss = case.agent.reward_loss(z_tensor, torch.tensor(a), torch.tensor(r))
    assert loss.item() == pytest.approx(alm.reward_loss(networks_of(case.agent).reward, z, a, r), **CLOSE)


@configurations
def test_classifier_loss(name: str) -> None:
    case = Case(name)
    z, z_tensor = latents(case, "z_reward")
    real, real_tensor = latents(case, "z_next_classifier")
    fake, fake_tensor = latents(case, "fake")
    a = case.batches.actions
    half = case.settings.classifier_pairs == "half"
    noise = FixedNoise({"permutation": case.noise["permutation"]} if half else {})
    case.agent.noise = noise
    loss = case.agent.classifier_loss(z_tensor, torch.tensor(a), real_tensor, fake_tensor)
    noise.finish()
    classifier = networks_of(case.agent).classifier
    if half:
        rows = case.noise["permutation"][: len(z) // 2]
        expected = alm.classifier_loss_half(classifier, z, a, real, fake, rows)
    else:
        expected = alm.classifier_loss_both(classifier, z, a, real, fake)
    assert loss.item() == pytest.approx(expected, **CLOSE)


@configurations
def test_critic_loss(name: str) -> None:
    case = Case(name)
    z, z_tensor = latents(case, "z_critic")
    z_next, z_next_tensor = latents(case, "z_next_critic")
    a, r, terminal = case.batches.actions, case.batches.rewards, case.batches.terminal
    assert 0 < terminal.sum() < len(terminal)
    case.agent.noise = FixedNoise({"next_action": case.noise["next_action"]})
    tensors = (torch.tensor(array) for array in (a, r, terminal))
    loss = case.agent.critic_loss(z_tensor, *tensors, z_next_tensor, STD)
    networks = networks_of(case.agent)
    targets = alm.critic_targets(
        networks, r, terminal, z_next, case.noise["next_action"], exploration_at(STEP), case.settings.discount
    )
    assert len(networks.critics) == case.settings.critics
    assert loss.item() == pytest.approx(alm.critic_loss(networks.critics, z, a, targets), **CLOSE)


def actor_arguments(case: Case) -> dict[str, Any]:
    horizon, expected = case.settings.rollout_length, case.expected
    return {
        "action_noise": np.stack([case.noise[f"imagine_action_{t}"] for t in range(horizon + 1)]),
        "model_noise": np.stack([case.noise[f"imagine_model_{t}"] for t in range(horizon)]),
        "exploration": exploration_at(STEP),
        "discount": expected.discount,
        "decay": expected.decay,
        "coefficient": expected.coefficient,
        "average": expected.average,
    }


def imagination_noise(case: Case) -> FixedNoise:
    horizon = case.settings.rollout_length
    names = [f"imagine_action_{t}" for t in range(horizon + 1)] + [f"imagine_model_{t}" for t in range(horizon)]
    return FixedNoise({name: case.noise[name] for name in names})


@configurations
def test_actor_loss(name: str) -> None:
    case = Case(name)
    z, z_tensor = latents(case, "z_actor")
    noise = imagination_noise(case)
    case.agent.noise = noise
    loss, metrics = case.agent.actor_loss(z_tensor, STD)
    noise.finish()
    networks, arguments = networks_of(case.agent), actor_arguments(case)
    expected = alm.actor_loss(networks, z, **arguments)
    assert loss.item() == pytest.approx(expected.total, **CLOSE)
    unaided = alm.actor_loss(networks, z, **{**arguments, "coefficient": 0.0})
    odds = alm.actor_loss(networks, z, **{**arguments, "coefficient": 1.0}).rewards - unaided.rewards
    assert metrics["imagined_reward"].item() == pytest.approx(unaided.rewards.mean(), **CLOSE)
    assert metrics["imagined_log_odds"].item() == pytest.approx(odds.mean(), **CLOSE)
    assert metrics["imagined_value"].item() == pytest.approx(unaided.values[1:].mean(), **CLOSE)


@pytest.mark.parametrize("critics", [1, 2])
def test_td3_actor_loss_and_its_gradient(critics: int) -> None:
    case = Case("authors", actor_loss="td3", critics=critics)
    z, z_tensor = latents(case, "z_actor")
    draw = case.noise["imagine_action_0"]
    case.agent.noise = FixedNoise({"imagine_action_0": draw})
    loss, _ = case.agent.actor_loss(z_tensor, STD)
    networks, exploration = networks_of(case.agent), exploration_at(STEP)
    assert loss.item() == pytest.approx(alm.td3_actor_loss(networks, z, draw, exploration), **CLOSE)

    mean = alm.actor_mean(networks.actor, z)
    offset = alm.clamped_action(mean, draw, exploration) - alm.noisy_action(mean, draw, exploration)
    assert offset.any()
    arrays = networks.actor.arrays()
    expected = reference.numeric_gradient(
        lambda: alm.td3_actor_loss(networks, z, draw, exploration, offset), arrays
    )
    check_actor_gradient(case.agent, loss, expected)


def check_actor_gradient(agent: AlignedLatentModel, loss: Tensor, expected: list[np.ndarray]) -> None:
    """``expected``: of each layer the weight's and the bias's, as the reference orders them."""
    layers = len(agent.actor.weights)
    gradients = torch.autograd.grad(loss, [*agent.actor.weights, *agent.actor.biases])
    for layer in range(layers):
        assert gradients[layer].numpy() == pytest.approx(expected[2 * layer], rel=1e-5, abs=1e-8)
        assert gradients[layers + layer].numpy() == pytest.approx(expected[2 * layer + 1], rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("actor_input", [False, True])
@pytest.mark.parametrize("q_action", [False, True])
@pytest.mark.parametrize("classifier_next", [False, True])
def test_each_gradient_path_of_the_actor_is_cut_by_its_setting(
    actor_input: bool, q_action: bool, classifier_next: bool
) -> None:
    paths = {
        "actor_input_gradient": actor_input,
        "q_action_gradient": q_action,
        "classifier_next_gradient": classifier_next,
    }
    case = Case("authors", classifier_coefficient=1.0, **paths)
    z, z_tensor = latents(case, "z_actor")
    case.agent.noise = imagination_noise(case)
    loss, _ = case.agent.actor_loss(z_tensor, STD)
    networks, arguments = networks_of(case.agent), actor_arguments(case)
    start = alm.actor_loss(networks, z, **arguments)
    assert start.offsets.any()  # the clamp bites, and lets the gradient pass
    held = start.held(**paths)
    expected = reference.numeric_gradient(
        lambda: alm.actor_loss(networks, z, held=held, **arguments).total, networks.actor.arrays()
    )
    check_actor_gradient(case.agent, loss, expected)


@configurations
def test_losses_and_gradient_norms_of_an_update(name: str) -> None:
    """With steps of no length every number belongs to the given weights."""
    case = Case(name, learning_rate=1e-30, max_gradient_norm=1e30)
    # Where the target encoder is off, a copy of the encoder stands in its place: no gradient passes through it.
    networks = networks_of(case.agent)
    expected = reference.update(networks, case.batches, case.noise, exploration_at(STEP), case.expected)
    compare(case.update(case.batches, case.noise), expected, norm_tolerance=1e-6)


def compare(measured: dict[str, float], expected: reference.Update, norm_tolerance: float) -> None:
    names = {"representation": "encoder_model", "reward": "reward", "classifier": "classifier"}
    names |= {"critic": "critic", "actor": "actor"}
    losses = {name: measured[f"loss/{own}"] for name, own in names.items()}
    assert losses == pytest.approx(expected.losses, rel=1e-6)
    groups = {"representation": "model", "reward": "reward", "critic": "critic", "actor": "actor"}
    norms = {name: measured[f"gradient_norm/{own}"] for name, own in groups.items()}
    assert norms == pytest.approx(expected.gradient_norms, rel=norm_tolerance)


@pytest.mark.parametrize("name", ["authors", "paper", "linear classifier", "ReLU"])
def test_two_updates_move_every_weight_as_the_reference(name: str) -> None:
    case = Case(name)
    networks = networks_of(case.agent)
    before = [array.copy() for array in all_arrays(networks)]
    groups = ("representation", "reward", "critic", "actor")
    optimisers = {group: reference.Adam(case.settings.learning_rate) for group in groups}
    clipped = False
    for number, step in enumerate((STEP, STEP + 1)):
        batches, noise = case.draw(seed=10 + number)
        expected = reference.update(networks, batches, noise, exploration_at(step), case.expected, optimisers)
        compare(case.update(batches, noise, step), expected, norm_tolerance=1e-4)
        networks = expected.networks
        clipped = clipped or max(expected.gradient_norms.values()) > case.settings.max_gradient_norm
    assert clipped
    for start, mine, theirs in zip(before, all_arrays(networks), all_arrays(networks_of(case.agent)), strict=True):
        assert np.abs(mine - start).max() > 1e-4
        assert mine == pytest.approx(theirs, abs=1e-6)


def test_single_precision_is_near() -> None:
    """What training really computes: float32 throughout."""
    case = Case("authors", learning_rate=1e-30, max_gradient_norm=1e30)
    case.agent = agent = make_agent(case.settings, case.sizes, seed=1, double=False)
    fixed = fixed_noise(case.settings, case.noise, torch.float32)
    agent.noise = fixed
    networks = networks_of(agent)
    batches = agent_batches(case.settings, case.batches, torch.float32)
    metrics = agent.update(batches, {"std": STD.float()})
    fixed.finish()
    assert {value.dtype for value in metrics.values()} == {torch.float32}
    expected = reference.update(networks, case.batches, case.noise, exploration_at(STEP), case.expected)
    names = ("representation", "encoder_model"), *((name, name) for name in ("reward", "classifier", "critic", "actor"))
    losses = {name: float(metrics[f"loss/{own}"]) for name, own in names}
    assert losses == pytest.approx(expected.losses, rel=2e-5)
