"""The agent on given weights, batches and noise, and its weights in the form of the numpy reference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.workbench.agents import alm_expected as alm
from tests.workbench.agents import alm_expected_update as reference
from tests.workbench.agents.alm_peer import HIGH, LOW, SCHEDULE, Sizes
from tests.workbench.agents.alm_peer import SETTINGS as REFERENCE_SETTINGS
from workbench.agents.alm import AlignedLatentModel
from workbench.agents.alm_settings import AlmSettings
from workbench.agents.base import TaskFacts
from workbench.models.mlp import MLP
from workbench.replay import Batch
from workbench.settings import Schedule, build

SMALL = Sizes(observation=3, action=2, latent=2, hidden=4, model_hidden=5, batch=4, horizon=3)

PAPER: dict[str, Any] = {
    "discount_model_loss": True,
    "lambda_over": "first",
    "classifier_pairs": "both",
    "one_batch": True,
    "critics": 1,
    "classifier_layer_norm": False,
    "clip_acting_noise": True,
    "actor_input_gradient": True,
    "q_action_gradient": True,
    "classifier_next_gradient": True,
}


class FixedNoise:
    """A noise source that hands out given arrays by name, each once; unknown names and other shapes fail."""

    def __init__(self, arrays: Mapping[str, Any], dtype: torch.dtype = torch.float64) -> None:
        self.left = dict(arrays)
        self.dtype = dtype

    def normal(self, shape: Sequence[int], name: str = "") -> Tensor:
        assert name in self.left, f"nothing is left for the draw {name!r}; there are {list(self.left)}"
        array = self.left.pop(name)
        assert array.shape == tuple(shape), f"{name}: asked for {tuple(shape)}, there is {array.shape}"
        return torch.tensor(array, dtype=self.dtype)

    def permutation(self, n: int, name: str = "") -> Tensor:
        rows = self.left.pop(name)
        assert rows.shape == (n,)
        return torch.tensor(rows, dtype=torch.int64)

    def uniform(self, shape: Sequence[int], name: str = "") -> Tensor:
        raise AssertionError(f"an update draws no uniform numbers, but asked for {name!r}")

    def indices(self, high: Tensor | int, shape: Sequence[int], name: str = "") -> Tensor:
        assert name == "window_step", f"an update draws no indices, but asked for {name!r}"
        return window_steps(int(high), shape[0])

    def finish(self) -> None:
        """Every array was asked for."""
        assert not self.left, f"never drawn: {list(self.left)}"


def window_steps(horizon: int, size: int) -> Tensor:
    """The step of each window that stands for a transition where there is one batch: all of them come up."""
    return torch.arange(size) % horizon


def draw_names(settings: AlmSettings) -> list[str]:
    """What one update draws, in the words of the noise source."""
    steps = range(settings.rollout_length)
    names = ["z_critic", "z_next_critic", "next_action", "z_actor", "imagine_action_0"]
    if settings.encoder != "states":
        names += ["z0", *(f"model_{t}" for t in steps), "z_for_model", "fake", "z_next_classifier"]
        names += [] if settings.reconstruction else ["action_K"]
        names += ["z_reward", "permutation"] if settings.classifier_pairs == "half" else []
    if settings.value_prediction != "off":
        names += ["z_value_prediction", "action_value_prediction"]
    if settings.actor_loss == "model":
        names += [f"imagine_action_{t + 1}" for t in steps] + [f"imagine_model_{t}" for t in steps]
    return names


def fixed_noise(settings: AlmSettings, noise: reference.Noise, dtype: torch.dtype = torch.float64) -> FixedNoise:
    """The draws of one update from the named arrays."""
    return FixedNoise({name: noise[name] for name in draw_names(settings)}, dtype)


def make_settings(sizes: Sizes = SMALL, **changes: Any) -> AlmSettings:
    """Small settings of the authors' kind, with steps so large that a fault shows, and ``changes``."""
    values: dict[str, Any] = {
        "batch_size": sizes.batch,
        "latent_size": sizes.latent,
        "hidden_size": sizes.hidden,
        "model_hidden_size": sizes.model_hidden,
        "rollout_length": sizes.horizon,
        "learning_rate": REFERENCE_SETTINGS.learning_rate,
        "max_gradient_norm": REFERENCE_SETTINGS.max_gradient_norm,
        "target_rate": REFERENCE_SETTINGS.target_rate,
        "exploration_std": Schedule(*SCHEDULE),
        "warm_up_steps": 0,
    }
    return build(AlmSettings, {**values, **changes})


def reference_settings(settings: AlmSettings) -> reference.Settings:
    """The same choices in the words of the reference."""
    return reference.Settings(
        discount=settings.discount,
        model_discount=settings.discount if settings.discount_model_loss else 1.0,
        decay=settings.lambda_,
        coefficient=settings.classifier_coefficient if settings.classifier_term else 0.0,
        average=settings.lambda_over,  # type: ignore[arg-type]
        classifier_pairs=settings.classifier_pairs,  # type: ignore[arg-type]
        actor_input_gradient=settings.actor_input_gradient,
        q_action_gradient=settings.q_action_gradient,
        classifier_next_gradient=settings.classifier_next_gradient,
        learning_rate=settings.learning_rate,
        max_gradient_norm=settings.max_gradient_norm,
        target_rate=settings.target_rate,
    )


def make_agent(
    settings: AlmSettings, sizes: Sizes = SMALL, seed: int = 0, *, double: bool = True
) -> AlignedLatentModel:
    """An agent with all weights (targets, biases and layer norms too) disturbed, so that none is special."""
    low, high = (np.full(sizes.action, bound, np.float32) for bound in (LOW, HIGH))
    facts = TaskFacts((sizes.observation,), "float32", low, high)
    agent = AlignedLatentModel(settings, facts, seed, torch.device("cpu"))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for network in agent.networks.values():
            for parameter in network.parameters():
                parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    if double:
        for network in agent.networks.values():
            network.double()
        agent.action_low = torch.full((sizes.action,), LOW + 1e-6, dtype=torch.float64)
        agent.action_high = torch.full((sizes.action,), HIGH - 1e-6, dtype=torch.float64)
    return agent


def copy_weights(source: AlignedLatentModel, target: AlignedLatentModel) -> None:
    """Make every network of the same shape equal."""
    for name, network in source.networks.items():
        if [p.shape for p in network.parameters()] == [p.shape for p in target.networks[name].parameters()]:
            target.networks[name].load_state_dict(network.state_dict())


def _members(mlp: MLP) -> Iterable[tuple[Any, ...]]:
    """For each member its indexing of the parameters."""
    return [(member,) for member in range(mlp.members)] if mlp.members else [(...,)]


def networks_in(mlp: MLP, activation: str) -> list[alm.Network]:
    """Copies of the weights, in float64: one network, or one for each member."""

    def array(parameter: Tensor, member: tuple[Any, ...]) -> np.ndarray:
        return parameter.detach()[member].double().numpy().copy()

    found = []
    for member in _members(mlp):
        pairs = zip(mlp.weights, mlp.biases, strict=True)
        linears = [(array(weight, member), array(bias, member)) for weight, bias in pairs]
        norm = None
        if mlp.norm_gain is not None and mlp.norm_shift is not None:
            norm = array(mlp.norm_gain, member), array(mlp.norm_shift, member)
        found.append(alm.Network(linears, norm, activation))  # type: ignore[arg-type]
    return found


@torch.no_grad()
def fill(mlp: MLP, networks: Sequence[alm.Network]) -> None:
    """The way back: overwrite the weights, of each member where there are several."""
    for member, network in zip(_members(mlp), networks, strict=True):
        for number, (weight, bias) in enumerate(network.linears):
            mlp.weights[number][member] = torch.from_numpy(weight).to(mlp.weights[number].dtype)
            mlp.biases[number][member] = torch.from_numpy(bias).to(mlp.biases[number].dtype)
        if network.layer_norm is not None:
            assert mlp.norm_gain is not None
            assert mlp.norm_shift is not None
            mlp.norm_gain[member] = torch.from_numpy(network.layer_norm[0]).to(mlp.norm_gain.dtype)
            mlp.norm_shift[member] = torch.from_numpy(network.layer_norm[1]).to(mlp.norm_shift.dtype)


def networks_of(agent: AlignedLatentModel) -> alm.Networks:
    """Copies of all the agent's weights. With the target encoder off, the encoder's stand in its place."""
    kind = agent.settings.activation
    target = agent.encoder_target if agent.settings.target_encoder else agent.encoder
    return alm.Networks(
        encoder=networks_in(agent.encoder, kind)[0],
        target_encoder=networks_in(target, kind)[0],
        model=networks_in(agent.model, kind)[0],
        reward=networks_in(agent.reward, kind)[0],
        classifier=networks_in(agent.classifier, kind)[0],
        critics=tuple(networks_in(agent.critic, kind)),
        target_critics=tuple(networks_in(agent.critic_target, kind)),
        actor=networks_in(agent.actor, kind)[0],
    )


def fill_agent(agent: AlignedLatentModel, networks: alm.Networks) -> None:
    """Overwrite all the agent's weights."""
    fill(agent.encoder, [networks.encoder])
    fill(agent.encoder_target, [networks.target_encoder])
    fill(agent.model, [networks.model])
    fill(agent.reward, [networks.reward])
    fill(agent.classifier, [networks.classifier])
    fill(agent.critic, networks.critics)
    fill(agent.critic_target, networks.target_critics)
    fill(agent.actor, [networks.actor])


def window_transitions(batches: reference.Batches) -> reference.Batches:
    """The same windows, with one step of each in place of separate transitions."""
    chosen = window_steps(*batches.window_actions.shape[:2]).numpy(), np.arange(len(batches.rewards))
    return reference.Batches(
        window_observations=batches.window_observations,
        window_actions=batches.window_actions,
        window_next_observations=batches.window_next_observations,
        observations=batches.window_observations[chosen],
        actions=batches.window_actions[chosen],
        rewards=batches.rewards,
        next_observations=batches.window_next_observations[chosen],
        terminal=batches.terminal,
    )


def agent_batches(
    settings: AlmSettings, batches: reference.Batches, dtype: torch.dtype = torch.float64
) -> dict[str, Batch]:
    """The reference's batches as a replay would hand them out."""
    observations = np.concatenate((batches.window_observations[:1], batches.window_next_observations))
    horizon, size = batches.window_actions.shape[:2]
    rewards, terminal = np.zeros((2, horizon, size))
    chosen = window_steps(horizon, size).numpy(), np.arange(size)
    rewards[chosen], terminal[chosen] = batches.rewards, batches.terminal
    windows = _batch(observations, batches.window_actions, rewards, terminal, dtype)
    if settings.one_batch:
        return {"sequence": windows}
    pair = np.stack((batches.observations, batches.next_observations))
    transitions = _batch(pair, batches.actions[None], batches.rewards[None], batches.terminal[None], dtype)
    return {"sequence": windows, "transition": transitions}


def _batch(
    observations: np.ndarray, actions: np.ndarray, rewards: np.ndarray, terminal: np.ndarray, dtype: torch.dtype
) -> Batch:
    length, size = rewards.shape
    first = torch.zeros(length + 1, size, dtype=torch.bool)
    tensors = (torch.tensor(array, dtype=dtype) for array in (observations, actions, rewards, terminal))
    return Batch(*tensors, valid=torch.ones(length, size, dtype=torch.bool), first=first)
