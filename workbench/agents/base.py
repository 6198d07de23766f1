"""What the session needs of an agent, and what every agent with gradient updates shares.

An agent is written for one seed. It returns metrics as tensors; it does not log, print, know a path, or know the
screen.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from workbench.agents.estimates import Estimator
from workbench.agents.optimisation import GradientStep, NonFiniteWatch
from workbench.models.world_model import WorldModel
from workbench.noise import Noise, NoiseSource
from workbench.planners.settings import PlannerSettings
from workbench.replay import Batch, Draw, ReplayBuffer
from workbench.spec import AgentSettings

Mode = Literal["explore", "evaluate"]
Metrics = dict[str, Tensor]


@dataclass(frozen=True)
class TaskFacts:
    """What an agent is told of its task; actions lie between ``action_low`` and ``action_high`` [action_size]."""

    observation_shape: tuple[int, ...]
    observation_dtype: str
    action_low: npt.NDArray[np.float32]
    action_high: npt.NDArray[np.float32]
    #: the task's true dynamics, where an observation tells its state; None elsewhere
    true_model: WorldModel | None = None

    @property
    def action_size(self) -> int:
        """Length of an action vector."""
        return len(self.action_low)


@dataclass
class Memory:
    """What one episode carries: its noise stream, and whatever the agent remembers (saved with resume points)."""

    noise: Noise
    tensors: dict[str, Tensor] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass
class AgentState:
    """Named tensors and JSON. Names begin with ``network/`` for what a snapshot keeps; the rest is for resuming."""

    tensors: dict[str, Tensor]
    document: dict[str, Any]


@dataclass(frozen=True)
class UpdateInputs:
    """What one update needs: the replays to draw from, by the name that a draw's ``buffer`` uses, and the schedule's
    values. Nothing is drawn yet, so that an engine may draw inside what it captures."""

    replays: Mapping[str, ReplayBuffer]
    schedule: Mapping[str, float]


@dataclass(frozen=True)
class UpdateRequest:
    """``agent`` wants one update of these inputs made; whoever drives it sends the metrics back."""

    agent: GradientAgent
    inputs: UpdateInputs


#: what :meth:`Agent.learn` gives: metrics of what was done, and requests, each to be answered with its metrics
Learning = Generator[Metrics | UpdateRequest, Metrics | None, None]


def answered(items: Iterator[Metrics | UpdateRequest]) -> Iterator[Metrics]:
    """The metrics alone: every request of ``items``, which :meth:`Agent.learn` gave, is met at once by its agent."""
    answer: Metrics | None = None
    while True:
        try:
            item = items.send(answer) if isinstance(items, Generator) else next(items)
        except StopIteration:
            return
        answer = None
        if isinstance(item, UpdateRequest):
            answer = item.agent.compute(item.inputs)
        else:
            yield item


class Agent(ABC):
    """The contract. ``learn`` may be left between any two of its items: after ``state`` there and ``load`` later,
    calling it again with the same step goes on where it was left."""

    #: what it samples from replay; empty for agents without gradient updates
    draws: Mapping[str, Draw] = {}
    #: environment steps so far; the session sets it before each action and each ``learn``
    step: int = 0
    #: gradient updates so far
    updates: int = 0

    settings: AgentSettings

    @abstractmethod
    def learn(self, replay: ReplayBuffer, step: int) -> Learning:
        """What follows environment step ``step``: nothing, one update, or hundreds; yields metrics after each.

        An agent that can go in lockstep with others yields an :class:`UpdateRequest` where it wants an update made, is
        sent the metrics, and yields them. One that cannot yields no requests.
        """

    @abstractmethod
    def act(
        self, observation: npt.NDArray[Any], memory: Memory, mode: Mode
    ) -> tuple[npt.NDArray[np.float32], Memory, dict[str, Any]]:
        """Action [action_size], the memory for the next step, and extras for the recorder."""

    @abstractmethod
    def state(self) -> AgentState:
        """All that continuing needs."""

    @abstractmethod
    def load(self, state: AgentState) -> None:
        """Continue from :meth:`state`; tensors are copied into place."""

    def begin_episode(self, noise: Noise) -> tuple[dict[str, Any], Memory]:
        """Options for the environment's reset and the memory of a new episode that draws from ``noise``."""
        return {}, Memory(noise)

    def world_model(self) -> WorldModel | None:
        """The model that planners and analyses look into; None if there is none."""
        return None

    def estimator(self) -> Estimator | None:
        """What its critic and model promise of a state and an action; None if it has no critic."""
        return None

    def planner_settings(self) -> PlannerSettings | None:
        """Those of the planner whose steps :meth:`act` hands out as ``iterations``; None if it does not plan."""
        return None

    def first_nonfinite(self) -> tuple[str, int] | None:
        """Name and update of the first loss or gradient norm that was not finite; synchronises with the device."""
        return None


class NetworkAgent(Agent):
    """An agent whose snapshots hold networks that another one of the same settings can take over."""

    #: by the name that their tensors have in :meth:`state`, under ``network/``
    networks: dict[str, nn.Module]

    def network_tensors(self) -> dict[str, Tensor]:
        """The ``network/`` tensors of :meth:`state`."""
        return {
            f"network/{name}.{key}": value
            for name, network in self.networks.items()
            for key, value in network.state_dict().items()
        }

    def load_networks(self, tensors: Mapping[str, Tensor]) -> None:
        """Copy the ``network/`` tensors of a snapshot into place.

        Raises:
            ShapeMismatch: a tensor is missing or has another shape, because a setting that shapes networks differs.
        """
        for name, network in self.networks.items():
            own = network.state_dict()
            given = _under(f"network/{name}.", tensors)
            for key, value in own.items():
                if key not in given:
                    message = f"the saved weights have no {name}.{key}; a setting that shapes networks differs"
                    raise ShapeMismatch(message)
                if given[key].shape != value.shape:
                    raise ShapeMismatch(
                        f"{name}.{key} is {list(given[key].shape)} in the saved weights and {list(value.shape)} with "
                        "these settings; keep the settings that shape networks as they were"
                    )
            network.load_state_dict(given)


class GradientAgent(NetworkAgent):
    """Networks, optimisers, and ``updates_per_step`` calls of :meth:`update` after each step past warm-up."""

    def __init__(self, settings: AgentSettings, facts: TaskFacts, seed: int, device: torch.device) -> None:
        self.settings = settings
        self.facts = facts
        self.device = device
        self.noise: Noise = NoiseSource(seed, "learning", device)
        self.networks = {}
        self.optimisers: dict[str, GradientStep] = {}
        self.watch = NonFiniteWatch(device)
        #: replays of its own, by the name that a draw's ``buffer`` uses; saving them is the agent's part
        self.buffers: dict[str, ReplayBuffer] = {}
        self._learned_step = -1
        self._updates_this_step = 0

    @abstractmethod
    def update(self, batches: Mapping[str, Batch], schedule: Mapping[str, Tensor]) -> Metrics:
        """One gradient update of everything, free of host synchronisation."""

    def schedule(self, step: int) -> dict[str, float]:
        """Values that move over training, at environment step ``step``; they reach ``update`` as 0-d tensors."""
        return {}

    def learn(self, replay: ReplayBuffer, step: int) -> Learning:
        """``updates_per_step`` updates once warm-up is over and the replay holds a window of each kind."""
        draws = [draw for draw in self.draws.values() if draw.buffer == "environment"]
        ready = all(replay.admissible(draw.length, draw.across_resets) for draw in draws)
        if step <= self.settings.warm_up_steps or not ready:
            return
        if step != self._learned_step:
            self._learned_step, self._updates_this_step = step, 0
        while self._updates_this_step < self.settings.updates_per_step:
            metrics = yield UpdateRequest(self, self.gather(replay, step))
            if metrics is None:
                raise TypeError("a request for an update must be answered with its metrics")
            self.updates += 1
            self._updates_this_step += 1
            yield metrics

    def gather(self, replay: ReplayBuffer, step: int) -> UpdateInputs:
        """What an update after environment step ``step`` needs."""
        return UpdateInputs({"environment": replay, **self.buffers}, self.schedule(step))

    def sample(self, replays: Mapping[str, ReplayBuffer]) -> dict[str, Batch]:
        """A batch of each kind in :attr:`draws`."""
        return {
            name: replays[draw.buffer].sample(draw, self.noise, name).to(self.device)
            for name, draw in self.draws.items()
        }

    def compute(self, inputs: UpdateInputs) -> Metrics:
        """Draw every batch and update once, here and now."""
        values = {
            name: torch.tensor(value, dtype=torch.float32, device=self.device)
            for name, value in inputs.schedule.items()
        }
        return self.update(self.sample(inputs.replays), values)

    def state(self) -> AgentState:
        """Networks, optimisers, noise, counters."""
        tensors = self.network_tensors()
        for name, optimiser in self.optimisers.items():
            tensors.update({f"optimiser/{name}.{key}": value for key, value in optimiser.state().items()})
        if isinstance(self.noise, NoiseSource):
            tensors["noise/learning"] = self.noise.state()
        tensors["watch/counters"] = self.watch.counters
        document = {
            "updates": self.updates,
            "learned_step": self._learned_step,
            "updates_this_step": self._updates_this_step,
        }
        return AgentState(tensors, document)

    def load(self, state: AgentState) -> None:
        """Continue from :meth:`state`."""
        self.load_networks(state.tensors)
        for name, optimiser in self.optimisers.items():
            optimiser.load(_under(f"optimiser/{name}.", state.tensors))
        if isinstance(self.noise, NoiseSource):
            self.noise.load(state.tensors["noise/learning"])
        self.watch.counters.copy_(state.tensors["watch/counters"])
        self.updates = state.document["updates"]
        self._learned_step = state.document["learned_step"]
        self._updates_this_step = state.document["updates_this_step"]

    def first_nonfinite(self) -> tuple[str, int] | None:
        """Name and update of the first loss or gradient norm that was not finite; synchronises with the device."""
        return self.watch.first()


class ShapeMismatch(ValueError):
    """Saved weights that do not fit the settings' networks."""


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
