"""Which weights each loss reaches, and which its optimiser moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.workbench.agents.alm_agent import PAPER, SMALL, agent_batches, fixed_noise, make_agent, make_settings
from tests.workbench.agents.alm_peer import make_batches, make_noise
from workbench.agents.alm import AlignedLatentModel
from workbench.agents.alm_settings import AlmSettings
from workbench.agents.optimisation import GradientStep
from workbench.models.gaussian import Gaussian

#: group -> (networks that it moves, networks that its loss may pass through without moving them)
GROUPS = {
    "model": ({"encoder", "model"}, {"reward", "critic"}),
    "reward": ({"reward", "classifier"}, set()),
    "critic": ({"critic"}, set()),
    "actor": ({"actor"}, {"model", "reward", "classifier", "critic"}),
}
TARGETS = {"encoder_target", "critic_target"}
KINDS: dict[str, dict[str, Any]] = {
    "authors": {},
    "paper": PAPER,
    "TD3 actor": {"actor_loss": "td3"},
    "no target encoder": {"target_encoder": False},
    "no KL": {"kl_term": False},
    "no value": {"value_term": False},
    "logarithms": {"log_reward": "naive"},
    "shifted rewards": {"log_reward": "shifted"},
    "reconstruction": {"reconstruction": True},
    "value prediction": {"value_prediction": "encoder"},
    "value prediction through the model": {"value_prediction": "encoder_and_model"},
    "identity encoder": {"encoder": "identity"},
    "states": {"encoder": "states", "actor_loss": "td3"},
    "entropy": {"entropy_bonus": True},
}


def groups_of(settings: AlmSettings) -> dict[str, tuple[set[str], set[str]]]:
    """The groups that an agent with these settings has: no model on states, a decoder or a temperature where asked."""
    if settings.encoder == "states":
        return {"critic": ({"critic"}, set()), "actor": ({"actor"}, {"critic"})}
    groups = dict(GROUPS)
    if settings.reconstruction:
        groups["model"] = ({"encoder", "model", "decoder"}, set())
    if settings.entropy_bonus:
        groups["temperature"] = ({"temperature"}, set())
    return groups


class Watched(GradientStep):
    """A group's optimiser that first notes which networks its loss depends on, and then which ones it moved."""

    def __init__(self, agent: AlignedLatentModel, step: GradientStep) -> None:
        self.agent, self.step = agent, step
        self.reached: set[str] = set()
        self.moved: dict[str, bool] = {}

    def __call__(self, loss: Tensor) -> Tensor:
        for name, network in self.agent.networks.items():
            wanted = [parameter for parameter in network.parameters() if parameter.requires_grad]
            if wanted and loss.requires_grad:
                found = torch.autograd.grad(loss, wanted, retain_graph=True, allow_unused=True)
                if any(gradient is not None and gradient.any() for gradient in found):
                    self.reached.add(name)
        before = weights(self.agent)
        norm = self.step(loss)
        after = weights(self.agent)
        self.moved = {name: not torch.equal(before[name], after[name]) for name in before}
        return norm


def weights(agent: AlignedLatentModel) -> dict[str, Tensor]:
    """A copy of every parameter by ``network.parameter``."""
    return {
        f"{name}.{key}": value.detach().clone()
        for name, network in agent.networks.items()
        for key, value in network.named_parameters()
    }


def update(agent: AlignedLatentModel, watch: bool = True) -> dict[str, Watched]:
    """One update on fixed batches and noise, with every optimiser watched."""
    watched = {name: Watched(agent, step) for name, step in agent.optimisers.items()}
    if watch:
        agent.optimisers.update(watched)
    noise = fixed_noise(agent.settings, make_noise(replace(SMALL, latent=agent.latent_size), 1))
    agent.noise = noise
    batches = agent_batches(agent.settings, make_batches(SMALL, 2))
    agent.update(batches, {"std": torch.tensor(0.5, dtype=torch.float64)})
    noise.finish()
    return watched


@pytest.mark.parametrize("kind", KINDS)
def test_each_loss_reaches_its_group_and_moves_it_alone(kind: str) -> None:
    agent = make_agent(make_settings(**KINDS[kind]))
    groups, found = groups_of(agent.settings), update(agent)
    assert found.keys() == groups.keys()
    for group, watched in found.items():
        own, passed = groups[group]
        assert own <= watched.reached <= own | passed, group
        for parameter, moved in watched.moved.items():
            assert moved == (parameter.split(".")[0] in own), f"{group}: {parameter}"


def test_target_networks_have_no_gradients() -> None:
    agent = make_agent(make_settings())
    update(agent, watch=False)
    for name, network in agent.networks.items():
        for parameter in network.parameters():
            assert parameter.requires_grad == (name not in TARGETS)
            if name in TARGETS:
                assert parameter.grad is None


def test_targets_move_a_small_way_towards_their_networks() -> None:
    agent = make_agent(make_settings(target_rate=0.25))
    before = weights(agent)
    update(agent, watch=False)
    after = weights(agent)
    for target, source in (("encoder_target", "encoder"), ("critic_target", "critic")):
        for key in (name.partition(".")[2] for name in before if name.startswith(f"{target}.")):
            expected = 0.75 * before[f"{target}.{key}"] + 0.25 * after[f"{source}.{key}"]
            assert torch.allclose(after[f"{target}.{key}"], expected, rtol=1e-12, atol=1e-12)


def encoder_gradient(agent: AlignedLatentModel) -> Tensor | None:
    """Of the loss of encoder and model with respect to the encoder's first weight."""
    batch = agent_batches(agent.settings, make_batches(SMALL, 2))["sequence"]
    names = ["z0", *(f"model_{t}" for t in range(SMALL.horizon)), "action_K"]
    arrays = make_noise(SMALL, 1)
    agent.noise = fixed = fixed_noise(agent.settings, arrays)
    fixed.left = {name: arrays[name] for name in names}
    loss, _ = agent.encoder_model_loss(batch, torch.tensor(0.5, dtype=torch.float64))
    return torch.autograd.grad(loss, agent.encoder.weights[0], allow_unused=True)[0]


def cut(draw: Callable[[Gaussian, str], Tensor], where: str) -> Callable[[Gaussian, str], Tensor]:
    """A way to draw whose sample called ``where`` passes no gradient."""

    def drawn(distribution: Gaussian, name: str) -> Tensor:
        sample = draw(distribution, name)
        return sample.detach() if name == where else sample

    return drawn


@pytest.mark.parametrize("target_encoder", [True, False])
def test_the_encoder_learns_through_the_first_latent_alone(
    target_encoder: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make_agent(make_settings(target_encoder=target_encoder))
    whole = encoder_gradient(agent)
    assert whole is not None
    assert whole.any()
    monkeypatch.setattr(agent, "draw", cut(agent.draw, "z0"))
    assert encoder_gradient(agent) is None


def test_the_encoder_learns_through_later_steps_of_the_rollout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backpropagation through the model: cutting z_1 changes what the encoder is told, without silencing it."""
    agent = make_agent(make_settings())
    whole = encoder_gradient(agent)
    monkeypatch.setattr(agent, "draw", cut(agent.draw, "model_0"))
    shortened = encoder_gradient(agent)
    assert whole is not None
    assert shortened is not None
    assert not torch.allclose(whole, shortened, rtol=1e-3)


def test_only_latents_without_gradient_reach_reward_classifier_and_critic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eq. 9 to 11 do not train the encoder: their latents carry no graph."""
    agent = make_agent(make_settings(target_encoder=False))
    seen: list[Tensor] = []

    def spy(name: str) -> None:
        original = getattr(agent, name)

        def call(*tensors: Tensor) -> Any:
            seen.extend(tensors)
            return original(*tensors)

        monkeypatch.setattr(agent, name, call)

    for name in ("reward_loss", "classifier_loss", "critic_loss", "actor_loss"):
        spy(name)
    update(agent, watch=False)
    assert len(seen) == 3 + 4 + 6 + 2
    assert not any(tensor.requires_grad for tensor in seen)
