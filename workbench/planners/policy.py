"""A planner that acts: one plan per environment step, of which the first action is executed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from workbench.models.world_model import WorldModel
from workbench.noise import Noise
from workbench.planners.base import Box, Finite, Planner, PlanningProblem, PlanStep, following


class PlanningPolicy:
    """A policy for :func:`workbench.environments.rollout.iterate_episode`; its memory is the last decision.

    Args:
        planner: makes the plans; each begins from the last one, shifted by a step, if its settings say so.
        model: what is planned in.
        start: the latent [latent] for an observation; for true dynamics, that of the environment at that moment.
        actions: what may be done.
        noise: every draw of every plan.
    """

    def __init__(
        self,
        planner: Planner,
        model: WorldModel,
        start: Callable[[npt.NDArray[Any]], Tensor],
        actions: Box | Finite,
        noise: Noise,
    ) -> None:
        self._planner, self._model, self._start = planner, model, start
        self._actions, self._noise = actions, noise

    def begin_episode(self) -> tuple[PlanningProblem, PlanStep] | None:
        """No plan yet."""
        return None

    def act(
        self, observation: npt.NDArray[Any], memory: tuple[PlanningProblem, PlanStep] | None
    ) -> tuple[npt.NDArray[np.float32], tuple[PlanningProblem, PlanStep]]:
        """The first action of a new plan. Raises PlanningError for what the planner cannot take."""
        start = self._start(observation)
        if memory is None:
            settings = self._planner.settings
            problem = PlanningProblem.of(settings, self._model, start, self._actions, self._noise)
        else:
            problem = following(*memory, start)
        step = self._planner.plan(problem)
        return step.plan[0], (problem, step)
