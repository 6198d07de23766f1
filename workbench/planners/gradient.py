"""Grad-MPC (Bharadhwaj, Xie and Shkurti 2020, Algorithm 1): plan by gradient ascent through the model.

As it is meant, which is not as it is printed: the update ascends, and of the sequences that result the one with the
largest return is executed. A plan of H steps earns H rewards. Where predictions are drawn, all iterations see the same
draw.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from workbench.planners.ascent import Ascent
from workbench.planners.base import Box, Planner, PlanningProblem, PlanStep, Report, judge, model_noise
from workbench.planners.gradient_settings import GradientMpcSettings

_LEARNING_RATES = (0.1, 0.01, 0.005, 0.0001)


class GradientMpc(Planner):
    """Ascent of many sequences; ``extras`` of a step hold ``gradient_norm`` [N, H] and ``return_before`` [N].

    Both belong to the sequences as they were before the step; its ``returns`` are those that it reached.
    """

    settings: GradientMpcSettings

    def iterate(self, problem: PlanningProblem) -> Iterator[PlanStep]:
        """A gradient step of every sequence per step; the plan is the best met so far. Raises PlanningError."""
        s, box = self.settings, problem.box()
        problem.needs("gradient", "choose a planner that only tries sequences, such as cem")
        noise, report = model_noise(problem), Report(problem)
        ascent = Ascent(s, problem, box, self.proposed(problem, box, noise), noise)
        before, gradient = ascent.slope()
        for number in range(s.iterations):
            report.meet(ascent.actions, before)
            ascent.climb(gradient, self._learning_rate(number))
            extras = {
                "gradient_norm": gradient.norm(dim=-1).cpu().numpy(),
                "return_before": before.cpu().double().numpy(),
            }
            actions = ascent.actions
            if number < s.iterations - 1:
                before, gradient = ascent.slope()
            else:
                before = judge(problem, actions, noise)
            yield report.step(actions, before, report.meet(actions, before), noise, extras=extras)
            report.begin()

    def proposed(self, problem: PlanningProblem, box: Box, noise: Tensor | None) -> Tensor:
        """Where the sequences [N, H, A] begin: normal around the middle, or the warm start, which is the first."""
        s = self.settings
        shape = (s.candidates, problem.horizon, problem.model.action_size)
        spread = s.initial_std * problem.noise.normal(shape, "gradient")
        if s.warm_start and problem.warm_start is not None:
            spread = torch.cat((torch.zeros_like(spread[:1]), spread[1:])) + box.to_unit(problem.warm_start)
        return box.clamp(box.from_unit(spread))

    def _learning_rate(self, number: int) -> float:
        s = self.settings
        if s.learning_rate_list:
            return _LEARNING_RATES[number * len(_LEARNING_RATES) // s.iterations]
        return s.learning_rate.at(number)
