"""An agent unlike the others, to try the contract: recurrent memory, least squares in place of gradients, own replay.

Every few steps it fits a linear model of the next observation to all that it experienced, once for each strength of
the ridge, item by item. Rollouts of the best fit go into a replay of its own, from which the next action comes: the
one whose imagined successor was rewarded most.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from workbench.agents.base import Agent, AgentState, Memory, Metrics, Mode, TaskFacts
from workbench.noise import Noise, NoiseSource
from workbench.replay import Draw, ReplayBuffer
from workbench.settings import setting
from workbench.spec import AgentSettings

RIDGES = (1e-3, 1e-2, 1e-1, 1.0)
IMAGINED = Draw(length=1, batch=8, buffer="imagined")


@dataclass(frozen=True)
class OddSettings(AgentSettings):
    """The odd agent's."""

    name: ClassVar[str] = "odd"

    refit_interval: int = setting(2, help="Environment steps between two fits.", unit="steps", low=1)
    belief_size: int = setting(4, help="Numbers that the recurrent belief holds.", low=1, high=64, structural=True)
    wander: float = setting(
        0.1, help="Noise on the belief and on explored actions.", low=0.0, ablation=True, source="own invention"
    )


class OddAgent(Agent):
    """One seed of it. The model maps (observation, action, 1) to (next observation, reward)."""

    settings: OddSettings

    def __init__(self, settings: OddSettings, facts: TaskFacts, seed: int, device: torch.device) -> None:
        self.settings, self.facts = settings, facts
        self.inputs = int(np.prod(facts.observation_shape))
        initial = NoiseSource(seed, "initialisation", device)
        self.recurrence = 0.3 * initial.normal((settings.belief_size, settings.belief_size + self.inputs))
        self.head = 0.3 * initial.normal((facts.action_size, settings.belief_size))
        self.noise = NoiseSource(seed, "learning", device)
        sizes = self.inputs + facts.action_size + 1, self.inputs + 1
        self.model = torch.zeros(sizes)
        self.candidates = torch.zeros(len(RIDGES), *sizes)
        self.errors = torch.zeros(len(RIDGES))
        self.fitted_step, self.fits_done = -1, 0
        self.imagined = ReplayBuffer(30, (self.inputs,), np.float32, facts.action_size, [IMAGINED])

    # ---- learning ---------------------------------------------------------------------------------------------------

    def learn(self, replay: ReplayBuffer, step: int) -> Iterator[Metrics]:
        """One fit per item, and after the last one a rollout into the replay of its own."""
        if step <= self.settings.warm_up_steps or step % self.settings.refit_interval:
            return
        if step != self.fitted_step:
            self.fitted_step, self.fits_done = step, 0
        while self.fits_done < len(RIDGES):
            error = self._fit(replay, self.fits_done)
            self.fits_done += 1
            if self.fits_done == len(RIDGES):
                self.model = self.candidates[int(self.errors.argmin())].clone()
                self._imagine(replay)
            yield {"refit/error": error}

    def _fit(self, replay: ReplayBuffer, number: int) -> Tensor:
        windows = replay.windows(torch.arange(replay.oldest, replay.head - 1), 1)
        taken = windows.valid[0]
        observations = windows.observations[:, taken].flatten(2).float()
        rows = torch.cat((observations[0], windows.actions[0][taken], torch.ones(int(taken.sum()), 1)), -1)
        wanted = torch.cat((observations[1], windows.rewards[0][taken].unsqueeze(-1)), -1)
        gram = rows.T @ rows + RIDGES[number] * torch.eye(rows.shape[1])
        self.candidates[number] = torch.linalg.solve(gram, rows.T @ wanted)
        held_out = self.noise.indices(len(rows), (16,), "held_out")
        residual = rows[held_out] @ self.candidates[number] - wanted[held_out]
        self.errors[number] = residual.square().mean()
        return self.errors[number].clone()

    def _imagine(self, replay: ReplayBuffer) -> None:
        newest = replay.rows(replay.head - 1, replay.head)["observation"]
        observation = torch.from_numpy(newest).flatten().float()
        self.imagined.begin_episode(observation.numpy())
        low, high = torch.from_numpy(self.facts.action_low), torch.from_numpy(self.facts.action_high)
        for _ in range(5):
            action = low + (high - low) * self.noise.uniform((self.facts.action_size,), "imagined_action")
            outcome = (torch.cat((observation, action, torch.ones(1))) @ self.model).clamp(-100.0, 100.0)
            observation = outcome[:-1]
            self.imagined.append(action.numpy(), float(outcome[-1]), False, observation.numpy())
        best = self.imagined.sample(IMAGINED, self.noise, "imagined")
        self.head[:, 0] = best.actions[0, int(best.rewards[0].argmax())]

    # ---- acting -----------------------------------------------------------------------------------------------------

    def begin_episode(self, noise: Noise) -> tuple[dict[str, Any], Memory]:
        """A belief that begins somewhere at random."""
        belief = noise.normal((self.settings.belief_size,), "belief")
        return {}, Memory(noise, {"belief": belief}, {"time": 0})

    def act(self, observation: Any, memory: Memory, mode: Mode) -> tuple[Any, Memory, dict[str, Any]]:
        """A linear reading of the belief, which every observation moves."""
        seen = torch.cat((memory.tensors["belief"], torch.as_tensor(observation).flatten().float()))
        belief = (self.recurrence @ seen).tanh()
        action = self.head @ belief + np.sin(memory.numbers["time"])
        if mode == "explore":
            belief = belief + self.settings.wander * memory.noise.normal(belief.shape, "belief")
            action = action + self.settings.wander * memory.noise.normal(action.shape, "action")
        bounded = np.clip(action.numpy(), self.facts.action_low, self.facts.action_high)
        after = Memory(memory.noise, {"belief": belief}, {"time": memory.numbers["time"] + 1})
        return bounded, after, {}

    # ---- continuing later -------------------------------------------------------------------------------------------

    def state(self) -> AgentState:
        """Weights, fits under way, noise, and the replay of its own."""
        rows = self.imagined.rows(self.imagined.oldest, self.imagined.head)
        tensors = {
            "network/recurrence": self.recurrence,
            "network/head": self.head,
            "network/model": self.model,
            "fit/candidates": self.candidates,
            "fit/errors": self.errors,
            "noise/learning": self.noise.state(),
            **{f"imagined/{name}": torch.from_numpy(values) for name, values in rows.items()},
        }
        document = {"fitted_step": self.fitted_step, "fits_done": self.fits_done, "imagined": self.imagined.state()}
        return AgentState(tensors, document)

    def load(self, state: AgentState) -> None:
        """Continue from :meth:`state`."""
        tensors, document = state.tensors, state.document
        for own, name in (
            (self.recurrence, "network/recurrence"),
            (self.head, "network/head"),
            (self.model, "network/model"),
            (self.candidates, "fit/candidates"),
            (self.errors, "fit/errors"),
        ):
            own.copy_(tensors[name])
        self.noise.load(tensors["noise/learning"])
        self.fitted_step, self.fits_done = document["fitted_step"], document["fits_done"]
        rows = {name: tensors[f"imagined/{name}"].numpy() for name in ("observation", "action", "reward", "flags")}
        self.imagined.load(document["imagined"], [(document["imagined"]["oldest"], rows)])
