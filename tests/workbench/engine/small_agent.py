"""An agent as small as one can be, whose losses can be poisoned, and one without networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from workbench.agents.base import Agent, AgentState, GradientAgent, Memory, Metrics, Mode, TaskFacts
from workbench.agents.optimisation import GradientStep
from workbench.models.mlp import MLP
from workbench.noise import NoiseSource
from workbench.registry import Entry
from workbench.replay import Batch, Draw, ReplayBuffer
from workbench.settings import setting
from workbench.spec import AgentSettings


@dataclass(frozen=True)
class SmallSettings(AgentSettings):
    """A single hidden layer."""

    name: ClassVar[str] = "small"
    hidden_size: int = setting(8, help="Width of the network.", low=1, structural=True)
    learning_rate: float = setting(1e-2, help="Adam's.", above=0.0)


class SmallAgent(GradientAgent):
    """Imitates its own noisy actions, more so where rewards are high."""

    #: seed -> the update whose loss is not a number
    poison: ClassVar[dict[int, int]] = {}

    def __init__(self, settings: SmallSettings, facts: TaskFacts, seed: int, device: torch.device) -> None:
        super().__init__(settings, facts, seed, device)
        self.seed = seed
        self.draws = {"transition": Draw(length=1, batch=settings.batch_size)}
        sizes = [facts.observation_shape[0], settings.hidden_size, facts.action_size]
        self.actor = MLP(sizes, NoiseSource(seed, "initialisation", device), "relu")
        self.networks = {"actor": self.actor}
        self.optimisers = {"actor": GradientStep(self.actor.parameters(), settings.learning_rate, 10.0)}

    def update(self, batches: Mapping[str, Batch], schedule: Mapping[str, Tensor]) -> Metrics:
        batch = batches["transition"]
        error = (self.actor(batch.observations[0]) - batch.actions[0]).square().sum(-1)
        loss = (error * batch.rewards[0].sigmoid()).mean()
        if self.updates + 1 == self.poison.get(self.seed):
            loss = loss * float("nan")
        norm = self.optimisers["actor"](loss)
        watched = {"loss/imitation": loss.detach(), "gradient_norm/actor": norm}
        self.watch.look(watched)
        return watched

    @torch.no_grad()
    def act(self, observation: Any, memory: Memory, mode: Mode) -> tuple[np.ndarray, Memory, dict[str, Any]]:
        action = self.actor(torch.as_tensor(observation)).tanh()
        noise = memory.noise.normal(action.shape)
        if mode == "explore":
            action = (action + 0.3 * noise).clamp(-1.0, 1.0)
        return action.numpy(), memory, {}


@dataclass(frozen=True)
class CounterSettings(AgentSettings):
    """Nothing of its own."""

    name: ClassVar[str] = "counter"


class CounterAgent(Agent):
    """Has no networks and takes no gradient: every tenth step it notes how much the replay holds."""

    def __init__(self, settings: CounterSettings, facts: TaskFacts, seed: int, device: torch.device) -> None:
        self.settings, self.facts, self.looks = settings, facts, 0

    def learn(self, replay: ReplayBuffer, step: int) -> Iterator[Metrics]:
        if step % 10 == 0 and self.looks < step // 10:
            self.looks += 1
            yield {"replay/held": torch.tensor(float(len(replay)))}

    def act(self, observation: Any, memory: Memory, mode: Mode) -> tuple[np.ndarray, Memory, dict[str, Any]]:
        return memory.noise.uniform((self.facts.action_size,)).numpy(), memory, {}

    def state(self) -> AgentState:
        return AgentState({}, {"looks": self.looks})

    def load(self, state: AgentState) -> None:
        self.looks = state.document["looks"]


ENTRIES = {
    "small": Entry(f"{__name__}:SmallAgent", f"{__name__}:SmallSettings", "Small"),
    "counter": Entry(f"{__name__}:CounterAgent", f"{__name__}:CounterSettings", "Counter"),
}
