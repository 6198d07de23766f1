"""ALM's update at given sizes, as benchmarks time it: an agent with the authors' defaults and a filled replay."""

from __future__ import annotations

import numpy as np
import torch

from workbench.agents.alm import AlignedLatentModel
from workbench.agents.alm_settings import AlmSettings
from workbench.agents.base import TaskFacts
from workbench.benchmarks.floor import Sizes
from workbench.benchmarks.peer import TRANSITIONS
from workbench.engine.acceleration import GroupUpdate
from workbench.noise import NoiseSource
from workbench.replay import ReplayBuffer
from workbench.settings import build
from workbench.spec import EngineSettings


def make_agent(sizes: Sizes, device: torch.device) -> AlignedLatentModel:
    """An untrained agent with the authors' defaults at these sizes."""
    settings = build(
        AlmSettings,
        {
            "batch_size": sizes.batch,
            "rollout_length": sizes.rollout_length,
            "latent_size": sizes.latent,
            "hidden_size": sizes.hidden,
            "model_hidden_size": sizes.model_hidden,
            "warm_up_steps": 0,
        },
    )
    bound = np.ones(sizes.action, dtype=np.float32)
    return AlignedLatentModel(settings, TaskFacts((sizes.observation,), "float64", -bound, bound), 0, device)


class AlmUpdate:
    """One update of an agent with the authors' defaults at these sizes, from a filled replay, at each call."""

    def __init__(self, sizes: Sizes, device: torch.device, engine: EngineSettings) -> None:
        self.agent = make_agent(sizes, device)
        self.replay = filled_replay(self.agent, sizes, device)
        self.group = GroupUpdate([self.agent], engine, device)

    def __call__(self) -> object:
        return self.group([self.agent.gather(self.replay, 1)])


def filled_replay(agent: AlignedLatentModel, sizes: Sizes, device: torch.device) -> ReplayBuffer:
    """Random transitions in episodes of a thousand steps."""
    replay = ReplayBuffer(
        TRANSITIONS, (sizes.observation,), np.float64, sizes.action, list(agent.draws.values()), device
    )
    noise = NoiseSource(0, "benchmark")
    observations = noise.normal((TRANSITIONS + 1, sizes.observation)).double().numpy()
    actions = 2.0 * noise.uniform((TRANSITIONS, sizes.action)).numpy() - 1.0
    rewards = noise.normal((TRANSITIONS,)).numpy()
    for step in range(TRANSITIONS):
        if step % 1000 == 0:
            replay.begin_episode(observations[step])
        replay.append(actions[step], float(rewards[step]), False, observations[step + 1])
    return replay
