"""ALM agents on any device with a filled replay each, and how far apart two of them are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from workbench.agents.alm import AlignedLatentModel
from workbench.agents.alm_settings import AlmSettings
from workbench.agents.base import GradientAgent, TaskFacts, UpdateInputs
from workbench.engine.acceleration import GroupUpdate
from workbench.replay import ReplayBuffer
from workbench.settings import build
from workbench.spec import EngineSettings

OBSERVATION, ACTION = 5, 2
SMALL: dict[str, Any] = {"batch_size": 16, "latent_size": 4, "hidden_size": 16, "model_hidden_size": 24}


def make_agents(device: torch.device, seeds: Iterable[int], **changes: Any) -> list[AlignedLatentModel]:
    """One small agent for each seed, from its first moment."""
    bound = np.ones(ACTION, np.float32)
    facts = TaskFacts((OBSERVATION,), "float64", -bound, bound)
    settings = build(AlmSettings, {**SMALL, "rollout_length": 2, "warm_up_steps": 0, **changes})
    return [AlignedLatentModel(settings, facts, seed, device) for seed in seeds]


def filled_replay(agent: GradientAgent, seed: int, device: torch.device, steps: int = 200) -> ReplayBuffer:
    """Random transitions in episodes of 20."""
    replay = ReplayBuffer(1000, (OBSERVATION,), np.float64, ACTION, list(agent.draws.values()), device)
    generator = np.random.default_rng(seed)
    for step in range(steps):
        if step % 20 == 0:
            replay.begin_episode(generator.standard_normal(OBSERVATION))
        action = generator.uniform(-1.0, 1.0, ACTION).astype(np.float32)
        replay.append(action, generator.standard_normal(), step % 40 == 39, generator.standard_normal(OBSERVATION))
    return replay


class Group:
    """Agents, their replays and their group's update."""

    def __init__(self, device: torch.device, seeds: Iterable[int] = (1,), replay_device: Any = None, **options: Any):
        engine = {name: options.pop(name) for name in ("acceleration", "precision") if name in options}
        self.agents = make_agents(device, seeds, **options)
        places = torch.device(replay_device or device)
        self.replays = [filled_replay(agent, 10 + number, places) for number, agent in enumerate(self.agents)]
        self.update = GroupUpdate(self.agents, replace(EngineSettings(), **engine), device)
        self.made = 0

    def inputs(self) -> list[UpdateInputs | None]:
        """Those of the next update; the schedule moves."""
        self.made += 1
        pairs = zip(self.agents, self.replays, strict=True)
        return [agent.gather(replay, 1000 * self.made) for agent, replay in pairs]

    def run(self, updates: int) -> list[dict[str, float]]:
        """So many updates of each; the last metrics of each agent."""
        metrics: list[Any] = []
        for _ in range(updates):
            metrics = self.update(self.inputs())
        return [{name: float(value) for name, value in each.items()} for each in metrics]


def learned(agent: GradientAgent) -> dict[str, torch.Tensor]:
    """Copies of all that an agent keeps, on the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in agent.state().tensors.items()}


def largest_difference(one: GradientAgent, other: GradientAgent) -> float:
    """Largest relative difference (of norms) of any tensor that two agents keep, noise and counters included."""
    mine, theirs = learned(one), learned(other)
    assert mine.keys() == theirs.keys()
    differences = []
    for name, tensor in mine.items():
        scale = tensor.double().norm().clamp(min=1e-3)
        differences.append(float((tensor.double() - theirs[name].double()).norm() / scale))
    return max(differences)
