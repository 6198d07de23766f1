"""Random shooting: sequences drawn uniformly inside the action bounds; the best is the plan."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from workbench.planners.base import Planner, PlanningProblem, PlanStep, Report, judge, model_noise
from workbench.planners.random_shooting_settings import RandomShootingSettings


class RandomShooting(Planner):
    """The baseline that learns nothing from one round to the next."""

    settings: RandomShootingSettings

    def iterate(self, problem: PlanningProblem) -> Iterator[PlanStep]:
        """A round of uniform candidates per step; the plan is the best met so far. Raises PlanningError."""
        s, box, noise = self.settings, problem.box(), model_noise(problem)
        report = Report(problem)
        for _ in range(s.iterations):
            report.begin()
            shape = (s.candidates, problem.horizon, problem.model.action_size)
            actions = box.from_unit(2.0 * problem.noise.uniform(shape, "random_shooting") - 1.0)
            if s.warm_start and problem.warm_start is not None:
                actions = torch.cat((box.clamp(problem.warm_start)[None], actions[1:]))
            returns = judge(problem, actions, noise)
            yield report.step(actions, returns, report.meet(actions, returns), noise)
