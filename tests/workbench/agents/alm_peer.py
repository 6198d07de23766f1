"""The authors' published code of ALM (github.com/RajGhugare19/alm), made to run on given weights, batches and noise.

The peer's draws in one update, in order (REPRESENTATION_DRAWS, REST_DRAWS); K is the horizon:

1. representation: z0 (online encoder of s_0), model_0 .. model_{K-1} (z_1 .. z_K), action_K (action at z_K);
2. rest: z_for_model (the z from which the fake z' are predicted), z_reward (z shown to reward network and classifier),
   z_next_classifier (real z'), fake (z' of the model), permutation (numpy; its first half are the fake rows), z_critic,
   z_next_critic, next_action, z_actor, then imagine_action_0, imagine_model_0, imagine_action_1, ..., imagine_action_K;
3. only when it logs, as it does here: metric_z_next and metric_fake, which reach no loss. They are given zeros.
"""

from __future__ import annotations

import importlib
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

from tests.workbench.agents import alm_expected as alm
from tests.workbench.agents import alm_expected_update as reference

NETWORKS = ("encoder", "encoder_target", "model", "reward", "classifier", "critic", "critic_target", "actor")
SETTINGS = reference.Settings(learning_rate=1e-2, max_gradient_norm=5.0, target_rate=0.1)  # large: faults show
UPDATE_STEP, SCHEDULE = 60, (1.0, 0.1, 100)  # the step of the first update, and the std's start, end, duration
LOW, HIGH = -0.6, 0.6  # narrower than the actor's mean, so that the clamp bites


@dataclass(frozen=True)
class Sizes:
    """Sizes of a small agent, its batch and its horizon."""

    observation: int = 5
    action: int = 2
    latent: int = 4
    hidden: int = 8
    model_hidden: int = 12
    batch: int = 6
    horizon: int = 3


# The peer: loading, building, fixing its draws


def stub_modules() -> dict[str, Any]:
    """Empty stand-ins for what the peer imports and its agent never calls: logging, plots, the old gym."""
    names = ("wandb", "gym", "gym.envs", "gym.envs.mujoco", "gym.utils", "matplotlib", "matplotlib.pyplot")
    stubs: dict[str, Any] = {name: types.ModuleType(name) for name in names}
    stubs["gym"].utils, stubs["gym"].Wrapper = stubs["gym.utils"], object
    stubs["gym.utils"].EzPickle = type("EzPickle", (), {})
    stubs["gym.envs.mujoco"].mujoco_env = types.SimpleNamespace(MujocoEnv=type("MujocoEnv", (), {}))
    stubs["matplotlib"].pyplot, stubs["matplotlib"].animation = stubs["matplotlib.pyplot"], types.SimpleNamespace()
    return stubs


def load_peer(path: str | Path) -> types.SimpleNamespace:
    """The peer's modules `alm` and `utils`; its top-level names and the stand-ins leave sys.modules again."""
    stubs = stub_modules()

    def take_out() -> dict[str, types.ModuleType]:
        own = [name for name in sys.modules if name.split(".")[0] in ("agents", "models", "utils") or name in stubs]
        return {name: sys.modules.pop(name) for name in own}

    present = take_out()
    sys.modules.update(stubs)
    try:
        with mock.patch.object(sys, "path", [str(path), *sys.path]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.invalidate_caches()
            names = {"utils": "utils", "alm": "agents.alm"}
            return types.SimpleNamespace(**{key: importlib.import_module(name) for key, name in names.items()})
    finally:
        take_out()
        sys.modules.update(present)


def build_peer_agent(
    peer: types.SimpleNamespace,
    sizes: Sizes,
    seed: int,
    *,
    double: bool = True,
    settings: reference.Settings = SETTINGS,
) -> Any:
    """The authors' agent with all weights (targets, biases and layer norms too) disturbed, so that none is special."""
    torch.manual_seed(seed)
    agent = peer.alm.AlmAgent(
        device="cpu",
        action_low=LOW,
        action_high=HIGH,
        num_states=sizes.observation,
        num_actions=sizes.action,
        env_buffer_size=10,
        gamma=settings.discount,
        tau=settings.target_rate,
        target_update_interval=1,
        lr=dict.fromkeys(("model", "reward", "actor", "critic"), settings.learning_rate),
        max_grad_norm=settings.max_gradient_norm,
        batch_size=sizes.batch,
        seq_len=sizes.horizon,
        lambda_cost=settings.coefficient,
        expl_start=SCHEDULE[0],
        expl_end=SCHEDULE[1],
        expl_duration=SCHEDULE[2],
        stddev_clip=0.3,
        latent_dims=sizes.latent,
        hidden_dims=sizes.hidden,
        model_hidden_dims=sizes.model_hidden,
        log_wandb=True,
        log_interval=1,
    )
    for name in NETWORKS:
        module = getattr(agent, name)
        if double:
            module.double()
        for parameter in module.parameters():
            parameter.data += 0.2 * torch.randn_like(parameter)
    return agent


def representation_draws(horizon: int) -> list[str]:
    return ["z0", *(f"model_{step}" for step in range(horizon)), "action_K"]


def rest_draws(horizon: int) -> list[str]:
    names = ["z_for_model", "z_reward", "z_next_classifier", "fake", "permutation"]
    names += ["z_critic", "z_next_critic", "next_action", "z_actor"]
    for step in range(horizon):
        names += [f"imagine_action_{step}", f"imagine_model_{step}"]
    return [*names, f"imagine_action_{horizon}"]


class FixedDraws:
    """Hands out the named noise, in order, wherever the peer draws; `left` holds the names not yet asked for."""

    def __init__(self, noise: reference.Noise, order: list[str]) -> None:
        self.noise, self.left = noise, list(order)

    def take(self, shape: tuple[int, ...]) -> np.ndarray:
        array = self.noise[self.left.pop(0)]
        assert array.shape == tuple(shape)
        return array

    def normal(self, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
        return mean + std * self.standard_normal(mean.shape, mean.dtype)

    def standard_normal(self, shape: Any, dtype: Any = None, device: Any = None) -> torch.Tensor:
        return torch.tensor(self.take(tuple(shape)), dtype=dtype)

    def choice(self, rows: int, count: int, replace: bool) -> np.ndarray:
        assert not replace
        return self.take((rows,))[:count].astype(np.int64)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """In place of torch's and numpy's draws; every name must have been asked for in the end."""
        with ExitStack() as stack:
            stack.enter_context(mock.patch.object(torch, "normal", self.normal))
            for module in ("torch.distributions.normal", "torch.distributions.utils"):
                stack.enter_context(mock.patch(f"{module}._standard_normal", self.standard_normal))
            stack.enter_context(mock.patch.object(np.random, "choice", self.choice))
            yield
        assert not self.left


@dataclass(frozen=True)
class PeerLosses:
    """`losses`: representation, reward, classifier, critic, actor. `gradient_norms`, before the clip: representation,
    reward (reward network and classifier), critic, actor."""

    losses: dict[str, float]
    gradient_norms: dict[str, float]


def peer_losses(
    agent: Any, batches: reference.Batches, noise: reference.Noise, *, step: int = UPDATE_STEP, learn: bool = False
) -> PeerLosses:
    """One call of the peer's own `update` on the given batches with the given noise (see the order above).

    learn False: optimisers and target updates do nothing, so that all losses belong to the agent's present weights.
    """
    double = next(agent.actor.parameters()).dtype == torch.float64
    absent = np.zeros(batches.window_actions.shape[:2])
    sequence = (batches.window_observations, batches.window_actions, absent, batches.window_next_observations, absent)
    single = (batches.observations, batches.actions, batches.rewards, batches.next_observations, batches.terminal)
    agent.env_buffer = types.SimpleNamespace(sample_seq=lambda length, size: sequence, sample=lambda size: single)
    horizon, zeros = len(batches.window_actions), np.zeros_like(noise["fake"])
    draws = FixedDraws(
        {**noise, "metric_z_next": zeros, "metric_fake": zeros},
        [*representation_draws(horizon), *rest_draws(horizon), "metric_z_next", "metric_fake"],
    )
    logged: dict[str, Any] = {}
    wandb = types.SimpleNamespace(log=lambda metrics, step: logged.update(metrics))
    with ExitStack() as stack:
        stack.enter_context(draws.installed())
        stack.enter_context(mock.patch.dict(type(agent).update.__globals__, wandb=wandb))
        if double:
            stack.enter_context(mock.patch.object(torch, "FloatTensor", torch.DoubleTensor))
        if not learn:
            for optimiser in (agent.model_opt, agent.reward_opt, agent.critic_opt, agent.actor_opt):
                stack.enter_context(mock.patch.object(optimiser, "step"))
            stack.enter_context(mock.patch.object(agent, "target_update_interval", step + 1))
        agent.update(step)
    losses = {"representation": logged["alm_loss"]}
    losses |= {name: logged[f"{name}_loss"] for name in ("reward", "classifier", "critic", "actor")}
    norms = {"representation": float(logged["model_grad_norm"])}
    norms |= {name: float(logged[f"{name}_grad_norm"]) for name in ("reward", "critic", "actor")}
    return PeerLosses(losses, norms)


# Inputs, and the reference's side


def make_batches(sizes: Sizes, seed: int) -> reference.Batches:
    """Random batches; every other transition is terminal."""
    generator = np.random.default_rng(seed)
    states = generator.standard_normal((sizes.horizon + 1, sizes.batch, sizes.observation))
    singles = generator.standard_normal((2, sizes.batch, sizes.observation))
    return reference.Batches(
        window_observations=states[:-1],
        window_actions=generator.uniform(LOW, HIGH, (sizes.horizon, sizes.batch, sizes.action)),
        window_next_observations=states[1:],
        observations=singles[0],
        actions=generator.uniform(LOW, HIGH, (sizes.batch, sizes.action)),
        rewards=generator.standard_normal(sizes.batch),
        next_observations=singles[1],
        terminal=np.tile([0.0, 1.0], sizes.batch)[: sizes.batch],
    )


def make_noise(sizes: Sizes, seed: int) -> dict[str, np.ndarray]:
    """One array for each name in the order above."""
    generator = np.random.default_rng(seed)
    noise: dict[str, np.ndarray] = {}
    for name in representation_draws(sizes.horizon) + rest_draws(sizes.horizon):
        width = sizes.action if "action" in name else sizes.latent
        noise[name] = generator.standard_normal((sizes.batch, width))
    noise["permutation"] = generator.permutation(sizes.batch)
    noise["z_value_prediction"] = generator.standard_normal((sizes.batch, sizes.latent))
    noise["action_value_prediction"] = generator.standard_normal((sizes.batch, sizes.action))
    return noise


def weighted_layers(module: torch.nn.Module) -> list[Any]:
    return [layer for layer in module.modules() if isinstance(layer, torch.nn.Linear | torch.nn.LayerNorm)]


def network_of(module: torch.nn.Module) -> alm.Network:
    """A copy, in float64, of a peer network's weights."""
    pairs: dict[type, list[tuple[np.ndarray, np.ndarray]]] = {torch.nn.Linear: [], torch.nn.LayerNorm: []}
    for layer in weighted_layers(module):
        weight, bias = (parameter.detach().double().numpy().copy() for parameter in (layer.weight, layer.bias))
        pairs[type(layer)].append((weight, bias))
    return alm.Network(pairs[torch.nn.Linear], next(iter(pairs[torch.nn.LayerNorm]), None))


def fill_network(module: torch.nn.Module, network: alm.Network) -> None:
    """The way back: overwrite a peer network's weights."""
    linears, norms = iter(network.linears), iter([network.layer_norm] if network.layer_norm else [])
    for layer in weighted_layers(module):
        weight, bias = next(norms if isinstance(layer, torch.nn.LayerNorm) else linears)
        layer.weight.data.copy_(torch.from_numpy(weight))
        layer.bias.data.copy_(torch.from_numpy(bias))


def networks_of(agent: Any) -> alm.Networks:
    """Copies of all the peer's weights."""
    return alm.Networks(
        encoder=network_of(agent.encoder),
        target_encoder=network_of(agent.encoder_target),
        model=network_of(agent.model),
        reward=network_of(agent.reward),
        classifier=network_of(agent.classifier),
        critics=(network_of(agent.critic.Q1), network_of(agent.critic.Q2)),
        target_critics=(network_of(agent.critic_target.Q1), network_of(agent.critic_target.Q2)),
        actor=network_of(agent.actor),
    )


def exploration_at(step: int) -> alm.Exploration:
    return alm.Exploration(reference.linear_schedule(*SCHEDULE, step), clip=0.3, low=LOW, high=HIGH)


def all_arrays(networks: alm.Networks) -> list[np.ndarray]:
    single = [networks.encoder, networks.target_encoder, networks.model, networks.reward, networks.classifier]
    every = [*single, *networks.critics, *networks.target_critics, networks.actor]
    return [array for network in every for array in network.arrays()]
