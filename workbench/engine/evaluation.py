"""Evaluation episodes on their own environment and random stream: training's numbers never depend on them."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workbench.agents.base import Agent, Memory
from workbench.engine.measures import NonFiniteValue
from workbench.engine.plan_tape import Planned, PlanTape, Thinning
from workbench.environments.action_names import action_names
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.rollout import Episode, Step, iterate_episode
from workbench.environments.wrappers import Environment
from workbench.noise import NoiseSource, derive_seed

#: candidates that are kept of each iteration of an evaluation's plans
CANDIDATES = 16


class EvaluatingPolicy:
    """An agent acting in ``environment`` without exploration, from a stream of its own.

    ``tape`` takes the plans of an agent that makes some; None: nobody wants them.
    """

    def __init__(self, agent: Agent, environment: Environment, noise: NoiseSource) -> None:
        self.tape: PlanTape | None = None
        self._agent = agent
        self._environment = environment
        self._noise = noise
        self._shape = environment.observation_space.shape
        self._steps = 0

    def begin_episode(self) -> Memory:
        """A new episode's memory."""
        self._steps = 0
        return self._agent.begin_episode(self._noise)[1]

    def act(self, observation: npt.NDArray[Any], memory: Memory) -> tuple[npt.NDArray[np.float32], Memory]:
        """The agent's evaluation action. Raises NonFiniteValue, and EnvironmentProblem for a misshapen observation."""
        check_shape(observation, self._shape, self._environment, self._steps)
        action, memory, extras = self._agent.act(observation, memory, "evaluate")
        if self.tape is not None and "iterations" in extras:
            self.tape.take(self._steps, extras["iterations"])
        self._steps += 1
        if not np.isfinite(action).all():
            raise NonFiniteValue("the agent's action is not finite")
        return action, memory


class Evaluation:
    """``episodes`` episodes at one step of a run.

    The stream depends on the seed and the step alone, so an evaluation that is broken off and repeated gives the same
    numbers. Iterate to take one environment step at a time; then read ``finished``. With ``record``, the first episode
    is kept, and with it the plans of every ``plans``-th decision of an agent that makes some (0: none).
    """

    def __init__(
        self,
        agent: Agent,
        environment: Environment,
        *,
        episodes: int,
        seed: int,
        step: int,
        record: bool,
        device: torch.device,
        plans: int = 0,
    ) -> None:
        self._agent = agent
        self._plans = plans if record else 0
        self._packed: tuple[dict[str, npt.NDArray[Any]], dict[str, Any]] = ({}, {})
        self._environment = environment
        self._episodes = episodes
        self._seed = seed
        self._step = step
        self._record = record
        self._policy = EvaluatingPolicy(agent, environment, NoiseSource(seed, f"evaluation/{step}", device))
        self.finished: list[Episode] = []

    def run(self) -> Generator[Step, None, None]:
        """Run the episodes, yielding after every environment step.

        Raises NonFiniteValue and EnvironmentProblem, which name the environment step of the run.
        """
        for number in range(self._episodes):
            seed = derive_seed(self._seed, f"evaluation-environment/{self._step}/{number}") % 2**31
            record = self._record and number == 0
            tape = PlanTape(Thinning(self._plans, CANDIDATES)) if self._plans and number == 0 else None
            self._policy.tape = tape
            try:
                episode = yield from iterate_episode(self._environment, self._policy, seed=seed, record=record)
            except (EnvironmentProblem, NonFiniteValue) as error:
                where = f"This was in the evaluation after environment step {self._step:,}."
                raise type(error)(f"{str(error).rstrip('.')}. {where}") from error
            self.finished.append(episode)
            if tape is not None:
                self._packed = self._pack(tape)

    def recording(self) -> dict[str, npt.NDArray[Any]]:
        """The first episode, with its plans, as arrays; empty when nothing was to be recorded."""
        if not self._record or not self.finished:
            return {}
        episode = self.finished[0]
        arrays = {"observations": episode.observations, "actions": episode.actions, "rewards": episode.rewards}
        if episode.qpos is not None and episode.qvel is not None:
            arrays.update(qpos=episode.qpos, qvel=episode.qvel)
        return arrays | self._packed[0]

    def document(self) -> dict[str, Any]:
        """What says how the plans among the arrays are stored (:mod:`workbench.engine.plan_tape`); empty without."""
        return self._packed[1]

    def _pack(self, tape: PlanTape) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        settings = self._agent.planner_settings()
        if settings is None:
            return {}, {}
        space: Any = self._environment.action_space
        by = Planned(
            planner=settings.name,
            settings=settings,
            model="learned",
            checkpoint=str(self._step),
            seed=self._seed,
            action_names=action_names(self._environment, len(space.low)),
            low=space.low,
            high=space.high,
        )
        return tape.pack(by)


def check_shape(
    observation: npt.NDArray[Any], shape: tuple[int, ...] | None, environment: Environment, step: int
) -> None:
    """Raise EnvironmentProblem unless ``observation``, of step ``step`` (0: reset), has the ``shape`` of its space."""
    if observation.shape != shape:
        spec = environment.unwrapped.spec
        name = spec.id if spec is not None else type(environment.unwrapped).__name__
        when = f"step {step:,}" if step else "reset"
        found = f"an observation of shape {observation.shape} instead of {shape}"
        raise EnvironmentProblem(f"{name} returned {found} at {when}.")
