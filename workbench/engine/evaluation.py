"""Evaluation episodes on their own environment and random stream: training's numbers never depend on them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy.typing as npt
import numpy as np

from workbench.agents.base import Agent, Memory
from workbench.environments.rollout import Episode, Step, iterate_episode
from workbench.environments.wrappers import Environment
from workbench.noise import NoiseSource, derive_seed


class EvaluatingPolicy:
    """An agent acting without exploration, from a stream of its own."""

    def __init__(self, agent: Agent, noise: NoiseSource) -> None:
        self._agent = agent
        self._noise = noise

    def begin_episode(self) -> Memory:
        """A new episode's memory."""
        return self._agent.begin_episode(self._noise)[1]

    def act(self, observation: npt.NDArray[Any], memory: Memory) -> tuple[npt.NDArray[np.float32], Memory]:
        """The agent's evaluation action."""
        action, memory, _ = self._agent.act(observation, memory, "evaluate")
        return action, memory


class Evaluation:
    """``episodes`` episodes at one step of a run.

    The stream depends on the seed and the step alone, so an evaluation that is broken off and repeated gives the same
    numbers. Iterate to take one environment step at a time; then read ``finished``.
    """

    def __init__(self, agent: Agent, environment: Environment, episodes: int, seed: int, step: int, record: bool) -> None:
        self._agent = agent
        self._environment = environment
        self._episodes = episodes
        self._seed = seed
        self._step = step
        self._record = record
        self.finished: list[Episode] = []
        self.seconds = 0.0

    def run(self, device: Any) -> Iterator[Step]:
        """Run the episodes, yielding after every environment step."""
        begin = time.perf_counter()
        noise = NoiseSource(self._seed, f"evaluation/{self._step}", device)
        policy = EvaluatingPolicy(self._agent, noise)
        for number in range(self._episodes):
            seed = derive_seed(self._seed, f"evaluation-environment/{self._step}/{number}") % 2**31
            record = self._record and number == 0
            episode = yield from iterate_episode(self._environment, policy, seed=seed, record=record)
            self.finished.append(episode)
        self.seconds = time.perf_counter() - begin

    def recording(self) -> dict[str, npt.NDArray[Any]]:
        """The first episode as arrays; empty when nothing was to be recorded."""
        if not self._record or not self.finished:
            return {}
        episode = self.finished[0]
        arrays = {"observations": episode.observations, "actions": episode.actions, "rewards": episode.rewards}
        if episode.qpos is not None and episode.qvel is not None:
            arrays.update(qpos=episode.qpos, qvel=episode.qvel)
        return arrays
