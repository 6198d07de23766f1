"""The numpy reference and the agent against the authors' published code, on the same weights, batches and noise.

Skipped unless the environment variable ALM_PEER names a checkout of that code (github.com/RajGhugare19/alm).
"""

from __future__ import annotations

import os
import types
from collections.abc import Mapping
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
import torch

from tests.workbench.agents import alm_agent as own
from tests.workbench.agents import alm_expected as alm
from tests.workbench.agents import alm_expected_update as reference
from tests.workbench.agents.alm_peer import (
    HIGH,
    LOW,
    NETWORKS,
    SETTINGS,
    UPDATE_STEP,
    FixedDraws,
    Sizes,
    all_arrays,
    build_peer_agent,
    exploration_at,
    fill_network,
    load_peer,
    make_batches,
    make_noise,
    network_of,
    networks_of,
    peer_losses,
)
from workbench.agents.alm import AlignedLatentModel
from workbench.agents.base import Memory

PEER = os.environ.get("ALM_PEER")
pytestmark = pytest.mark.skipif(PEER is None, reason="ALM_PEER does not name a checkout of the authors' code")


@pytest.fixture(scope="module")
def peer() -> types.SimpleNamespace:
    torch.set_num_threads(1)
    assert PEER is not None
    return load_peer(PEER)


@pytest.mark.parametrize(
    ("sizes", "seed"), [(Sizes(), 0), (Sizes(), 1), (replace(Sizes(), horizon=1), 2), (replace(Sizes(), horizon=5), 3)]
)
def test_reference_has_the_peers_losses_and_gradient_norms(peer, sizes, seed):
    agent, batches, noise = build_peer_agent(peer, sizes, seed), make_batches(sizes, seed), make_noise(sizes, seed)
    expected = reference.update(networks_of(agent), batches, noise, exploration_at(UPDATE_STEP), SETTINGS)
    measured = peer_losses(agent, batches, noise)
    assert measured.losses == pytest.approx(expected.losses, rel=1e-10)
    assert measured.gradient_norms == pytest.approx(expected.gradient_norms, rel=1e-6)


def test_reference_has_the_peers_losses_in_single_precision(peer):
    sizes = Sizes()
    agent = build_peer_agent(peer, sizes, 4, double=False)
    batches, noise = make_batches(sizes, 4), make_noise(sizes, 4)
    expected = reference.update(networks_of(agent), batches, noise, exploration_at(UPDATE_STEP), SETTINGS)
    measured = peer_losses(agent, batches, noise)
    assert measured.losses == pytest.approx(expected.losses, rel=1e-5)
    assert measured.gradient_norms == pytest.approx(expected.gradient_norms, rel=1e-4)


def test_reference_follows_the_peer_through_two_updates(peer):
    """Same order of the parts, clip, optimisers and targets: after two updates all weights agree."""
    sizes = Sizes()
    agent = build_peer_agent(peer, sizes, 5)
    networks = networks_of(agent)
    before = [array.copy() for array in all_arrays(networks)]
    names = ("representation", "reward", "critic", "actor")
    optimisers = {name: reference.Adam(SETTINGS.learning_rate) for name in names}
    for update, step in enumerate((UPDATE_STEP, UPDATE_STEP + 1)):
        batches, noise = make_batches(sizes, 10 + update), make_noise(sizes, 20 + update)
        expected = reference.update(networks, batches, noise, exploration_at(step), SETTINGS, optimisers)
        measured = peer_losses(agent, batches, noise, step=step, learn=True)
        networks = expected.networks
        assert measured.losses == pytest.approx(expected.losses, rel=1e-6)
        assert max(measured.gradient_norms.values()) > SETTINGS.max_gradient_norm
    for start, mine, theirs in zip(before, all_arrays(networks), all_arrays(networks_of(agent)), strict=True):
        assert np.abs(mine - start).max() > 1e-3
        assert mine == pytest.approx(theirs, abs=1e-6)


def test_reference_has_the_uncut_gradient(peer):
    """The paper cuts no path of the actor's gradient: nor does the peer with nothing detached (and nothing clamped)."""
    sizes = Sizes()
    agent, batches, noise = build_peer_agent(peer, sizes, 11), make_batches(sizes, 11), make_noise(sizes, 11)
    cut = peer_losses(agent, batches, noise)
    agent.actor.low, agent.actor.high = -5.0, 5.0
    uncut = replace(SETTINGS, actor_input_gradient=True, q_action_gradient=True, classifier_next_gradient=True)
    exploration = replace(exploration_at(UPDATE_STEP), low=-5.0, high=5.0)
    expected = reference.update(networks_of(agent), batches, noise, exploration, uncut)
    with mock.patch.object(torch.Tensor, "detach", lambda tensor: tensor):
        measured = peer_losses(agent, batches, noise)
    assert measured.losses == pytest.approx(expected.losses, rel=1e-10)
    assert measured.gradient_norms == pytest.approx(expected.gradient_norms, rel=1e-6)
    assert measured.gradient_norms["actor"] != pytest.approx(cut.gradient_norms["actor"], rel=0.01)


def test_reference_has_the_peers_td3_actor_loss(peer):
    sizes = Sizes()
    agent = build_peer_agent(peer, sizes, 6)
    noise = make_noise(sizes, 6)
    with FixedDraws(noise, ["next_action"]).installed():
        measured = agent._td_loss(torch.tensor(noise["z_actor"]), 0.5, False, {})
    exploration = alm.Exploration(0.5, 0.3, LOW, HIGH)
    expected = alm.td3_actor_loss(networks_of(agent), noise["z_actor"], noise["next_action"], exploration)
    assert measured.item() == pytest.approx(expected, rel=1e-12)


def test_reference_acts_like_the_peer(peer):
    """Acting samples z from the online encoder; the noise is not clipped at 0.3; evaluation sends the raw mean."""
    sizes = replace(Sizes(), batch=1)
    agent = build_peer_agent(peer, sizes, 7, double=False)
    networks, noise = networks_of(agent), make_noise(sizes, 7)
    observation = make_batches(sizes, 7).observations
    mean = alm.actor_mean(networks.actor, alm.encode(networks.encoder, observation).sample(noise["z0"]))
    unclipped = replace(exploration_at(30), clip=None)
    for evaluate, expected in ((False, alm.clamped_action(mean, noise["action_K"], unclipped)), (True, mean)):
        with FixedDraws(noise, ["z0", "action_K"]).installed():
            action = agent.get_action(observation[0], 30, evaluate)
        assert action == pytest.approx(expected[0], rel=1e-5)


@pytest.mark.parametrize("pushed", [17, 20, 33])
def test_the_peers_windows_are_the_references_windows_across_resets(peer, pushed):
    """Two known differences: the peer runs across time limits, and skips the newest window while not full."""
    memory, length, capacity = peer.utils.ReplayMemory(20, 1, 1, np.float32), 3, 20
    ring: list[reference.Transition | None] = [None] * capacity
    memory.terminal[:] = False
    for count in range(pushed):
        transition = reference.Transition(terminal=count % 7 == 4, reset=count % 7 == 6)
        ring[count % capacity] = transition
        memory.push((count, 0.0, 0.0, count, transition.terminal))
    np.random.seed(0)
    drawn = {int(memory._sample_idx(length)[0]) for _ in range(600)}
    expected = reference.admissible_starts(ring, memory.idx, length, across_resets=True)
    newest = set() if memory.full else {pushed - length}
    assert drawn == expected - newest
    assert reference.admissible_starts(ring, memory.idx, length) < expected


def test_noise_is_used_by_name_and_completely(peer):
    """A wrong order of the names would be noticed: shapes differ or losses do."""
    sizes = Sizes()
    agent, batches, noise = build_peer_agent(peer, sizes, 8), make_batches(sizes, 8), make_noise(sizes, 8)
    first = peer_losses(agent, batches, noise).losses
    reached: Mapping[str, set[str]] = {
        "z_for_model": {"classifier"},
        "z_reward": {"reward", "classifier"},
        "z_next_classifier": {"classifier"},
        "next_action": {"critic"},
        "imagine_model_1": {"actor"},
        "model_2": {"representation"},
    }
    for name, losses in reached.items():
        other = peer_losses(agent, batches, noise | {name: 0.5 * noise[name]}).losses
        assert {key for key in first if other[key] != first[key]} == losses


def test_weights_go_both_ways(peer):
    agent, other = build_peer_agent(peer, Sizes(), 9), build_peer_agent(peer, Sizes(), 10)
    for name in ("encoder", "model", "reward", "classifier", "actor"):
        fill_network(getattr(other, name), network_of(getattr(agent, name)))
        for mine, theirs in zip(getattr(agent, name).parameters(), getattr(other, name).parameters(), strict=True):
            assert torch.equal(mine, theirs)


# The agent, in the single precision that both train in


def agent_like(peer_agent, sizes):
    """The agent of this package with the peer's weights."""
    agent = own.make_agent(own.make_settings(sizes), sizes, seed=99, double=False)
    own.fill_agent(agent, networks_of(peer_agent))
    return agent


def agent_update(agent: AlignedLatentModel, batches, noise, step):
    """One update of the agent; its losses and gradient norms under the peer's names."""
    agent.noise = fixed = own.fixed_noise(agent.settings, noise, torch.float32)
    std = torch.tensor(agent.settings.exploration_std.at(step))
    metrics = agent.update(own.agent_batches(agent.settings, batches, torch.float32), {"std": std})
    fixed.finish()
    losses = {name: float(metrics[f"loss/{name}"]) for name in ("reward", "classifier", "critic", "actor")}
    norms = {name: float(metrics[f"gradient_norm/{name}"]) for name in ("reward", "critic", "actor")}
    losses["representation"] = float(metrics["loss/encoder_model"])
    norms["representation"] = float(metrics["gradient_norm/model"])
    return losses, norms


@pytest.mark.parametrize("horizon", [1, 3, 5])
def test_agent_follows_the_peer_through_updates(peer, horizon):
    """All losses and the four gradient norms, in two updates of both from the same weights."""
    sizes = replace(Sizes(), horizon=horizon)
    peer_agent = build_peer_agent(peer, sizes, 20 + horizon, double=False)
    agent = agent_like(peer_agent, sizes)
    for number, step in enumerate((UPDATE_STEP, UPDATE_STEP + 1)):
        batches, noise = make_batches(sizes, 30 + number), make_noise(sizes, 40 + number)
        theirs = peer_losses(peer_agent, batches, noise, step=step, learn=True)
        losses, norms = agent_update(agent, batches, noise, step)
        assert losses == pytest.approx(theirs.losses, rel=1e-4)
        assert norms == pytest.approx(theirs.gradient_norms, rel=1e-4)
        assert max(norms.values()) > SETTINGS.max_gradient_norm
    for mine, other in zip(all_arrays(own.networks_of(agent)), all_arrays(networks_of(peer_agent)), strict=True):
        assert mine == pytest.approx(other, abs=1e-4)


def test_peer_with_the_agents_weights_has_the_agents_losses(peer):
    """The other way: what the agent starts with, in the peer."""
    sizes = Sizes()
    still = own.make_settings(sizes, learning_rate=1e-30)
    agent = own.make_agent(still, sizes, seed=3, double=False)
    weights = own.networks_of(agent)
    peer_agent = build_peer_agent(peer, sizes, 12, double=False)
    pairs = {
        "encoder": weights.encoder,
        "encoder_target": weights.target_encoder,
        "model": weights.model,
        "reward": weights.reward,
        "classifier": weights.classifier,
        "actor": weights.actor,
    }
    for name, network in pairs.items():
        fill_network(getattr(peer_agent, name), network)
    for name, networks in (("critic", weights.critics), ("critic_target", weights.target_critics)):
        fill_network(getattr(peer_agent, name).Q1, networks[0])
        fill_network(getattr(peer_agent, name).Q2, networks[1])
    assert {*pairs, "critic", "critic_target"} == set(NETWORKS)
    for mine, theirs in zip(all_arrays(weights), all_arrays(networks_of(peer_agent)), strict=True):
        assert np.array_equal(mine, theirs)
    batches, noise = make_batches(sizes, 13), make_noise(sizes, 14)
    theirs = peer_losses(peer_agent, batches, noise)
    losses, norms = agent_update(agent, batches, noise, UPDATE_STEP)
    assert losses == pytest.approx(theirs.losses, rel=1e-4)
    assert norms == pytest.approx(theirs.gradient_norms, rel=1e-4)


@pytest.mark.parametrize("mode", ["explore", "evaluate"])
def test_agent_acts_like_the_peer(peer, mode):
    sizes = replace(Sizes(), batch=1)
    peer_agent = build_peer_agent(peer, sizes, 15, double=False)
    agent = agent_like(peer_agent, Sizes())
    observation, noise = make_batches(sizes, 16).observations[0].astype(np.float32), make_noise(sizes, 17)
    agent.step = 30
    draws = {"act_latent": noise["z0"][0]} | ({"act_action": noise["action_K"][0]} if mode == "explore" else {})
    fixed = own.FixedNoise(draws, torch.float32)
    action, _, _ = agent.act(observation, Memory(fixed), mode)
    fixed.finish()
    with FixedDraws(noise, ["z0", "action_K"]).installed():
        expected = peer_agent.get_action(observation, 30, mode == "evaluate")
    assert action == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert action.shape == (sizes.action,)
