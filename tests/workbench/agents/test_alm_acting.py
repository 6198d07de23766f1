"""How the agent acts, against the numpy reference: which encoder, which noise, which bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.workbench.agents import alm_expected as alm
from tests.workbench.agents.alm_agent import SMALL, FixedNoise, make_agent, make_settings, networks_of
from tests.workbench.agents.alm_peer import HIGH, LOW, SCHEDULE
from workbench.agents.alm import AlignedLatentModel
from workbench.agents.alm_settings import AlmSettings
from workbench.agents.base import Memory, TaskFacts
from workbench.noise import NoiseSource
from workbench.replay import ReplayBuffer

OBSERVATION = np.array([0.5, -1.0, 2.0])
LATENT = np.array([0.3, -1.2])
ACTION = np.array([-1.5, 2.5])


def act(agent: AlignedLatentModel, mode: Any) -> np.ndarray:
    """The agent's action for OBSERVATION with the noise above, all of which it must have asked for."""
    noise = FixedNoise({"act_latent": LATENT} | ({"act_action": ACTION} if mode == "explore" else {}))
    action, memory, extras = agent.act(OBSERVATION, Memory(noise), mode)
    noise.finish()
    assert memory.noise is noise
    assert extras == {}
    return action


def expected_mean(agent: AlignedLatentModel) -> np.ndarray:
    networks = networks_of(agent)
    return alm.actor_mean(networks.actor, alm.encode(networks.encoder, OBSERVATION).sample(LATENT))


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize(("step", "std"), [(20, 1.0), (70, 0.55), (120, 0.1), (500, 0.1), (5, 1.0)])
def test_exploring_adds_the_schedules_noise_and_stays_inside_the_bounds(clip: bool, step: int, std: float) -> None:
    """The schedule counts from the end of warm-up, here 20 steps; the authors do not clip the noise of acting."""
    assert SCHEDULE == (1.0, 0.1, 100)
    settings = make_settings(warm_up_steps=20, clip_acting_noise=clip)
    agent = make_agent(settings)
    agent.step = step
    exploration = alm.Exploration(std, settings.noise_clip if clip else None, LOW, HIGH)
    expected = alm.clamped_action(expected_mean(agent), ACTION, exploration)
    assert act(agent, "explore") == pytest.approx(expected, rel=1e-6)


def test_evaluation_samples_the_latent_and_takes_the_bare_mean() -> None:
    """Not even the action's bounds change it: the authors send the tanh to the environment as it is."""
    agent = make_agent(make_settings(), seed=3)
    with torch.no_grad():
        agent.actor.biases[-1] += 2.0
    expected = expected_mean(agent)
    assert (expected > HIGH).any()
    assert act(agent, "evaluate") == pytest.approx(expected, rel=1e-6)


def test_the_world_model_is_a_view_of_the_networks() -> None:
    agent = make_agent(make_settings())
    model, networks = agent.world_model(), networks_of(agent)
    observation, noise = torch.tensor(OBSERVATION), torch.tensor(LATENT)
    encoded = alm.encode(networks.encoder, OBSERVATION)
    assert model.encode(observation).tolist() == pytest.approx(encoded.mean.tolist())
    latent = model.encode(observation, noise=noise)
    assert latent.tolist() == pytest.approx(encoded.sample(LATENT).tolist())
    z, a = latent.detach().numpy(), np.array([0.1, -0.2])
    predicted = alm.predict(networks.model, z, a)
    action = torch.tensor(a)
    assert model.predict(latent, action).tolist() == pytest.approx(predicted.mean.tolist())
    assert model.predict(latent, action, noise).tolist() == pytest.approx(predicted.sample(LATENT).tolist())
    assert model.reward(latent, action, latent).item() == pytest.approx(alm.predict_reward(networks.reward, z, a))
    mean = alm.actor_mean(networks.actor, z)
    assert model.policy(latent).tolist() == pytest.approx(mean.tolist())
    assert model.value(latent).item() == pytest.approx(alm.smallest_value(networks.critics, z, mean))
    assert (model.latent_size, model.action_size, model.noise_size) == (SMALL.latent, SMALL.action, SMALL.latent)

    with torch.no_grad():
        agent.model.biases[-1] += 1.0
    assert model.predict(latent, action).tolist() != pytest.approx(predicted.mean.tolist())


def test_targets_begin_as_copies() -> None:
    settings = make_settings()
    fresh = AlignedLatentModel(settings, make_agent(settings).facts, 0, torch.device("cpu"))
    for target, source in (("encoder_target", "encoder"), ("critic_target", "critic")):
        pairs = zip(fresh.networks[target].parameters(), fresh.networks[source].parameters(), strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize(("one_batch", "names"), [(False, ["sequence", "transition"]), (True, ["sequence"])])
def test_what_is_drawn_from_replay(one_batch: bool, names: list[str]) -> None:
    draws = make_agent(make_settings(one_batch=one_batch)).draws
    assert list(draws) == names
    assert {name: (draw.length, draw.batch) for name, draw in draws.items()} == {
        name: (SMALL.horizon if name == "sequence" else 1, SMALL.batch) for name in names
    }
    assert not any(draw.across_resets for draw in draws.values())


def test_the_published_sizes() -> None:
    """Parameters of each network at the paper's sizes, for 17 observations and 6 actions."""
    facts = TaskFacts((17,), "float32", -np.ones(6, np.float32), np.ones(6, np.float32))
    agent = AlignedLatentModel(AlmSettings(), facts, 0, torch.device("cpu"))
    sizes = {name: sum(p.numel() for p in network.parameters()) for name, network in agent.networks.items()}
    assert sizes == {
        "encoder": 323_172,
        "encoder_target": 323_172,
        "model": 1_210_468,
        "reward": 293_377,
        "classifier": 319_490,
        "critic": 586_754,
        "critic_target": 586_754,
        "actor": 291_846,
    }


@pytest.mark.parametrize("one_batch", [False, True])
def test_terminal_transitions_are_learned_from(one_batch: bool) -> None:
    agent = make_agent(make_settings(one_batch=one_batch, batch_size=64))
    replay = ReplayBuffer(500, (3,), np.float32, 2, agent.draws.values())
    for _ in range(20):
        replay.begin_episode(np.zeros(3))
        for step in range(5):
            replay.append(np.zeros(2), 0.0, step == 4, np.ones(3))
    noise = NoiseSource(1, "learning")
    agent.noise = noise
    batches = {name: replay.sample(draw, noise, name) for name, draw in agent.draws.items()}
    _, _, _, terminated = agent._transitions(batches)
    assert terminated.shape == (64,)
    assert 3 <= int(terminated.sum()) <= 30  # a fifth of 64, or a ninth where windows of 3 choose the step
