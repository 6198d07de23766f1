"""CEM and gradient ascent together: samples climb before they are judged, so the proposal follows what they reached.

The elites climb on while the others are drawn anew, so that neither a bad start nor a local optimum binds the search.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from workbench.planners.ascent import Ascent
from workbench.planners.base import PlanningProblem, PlanStep
from workbench.planners.cem import Cem
from workbench.planners.cem_gradient_settings import CemGradientSettings


class CemGradient(Cem):
    """CEM with a few gradient steps inside each iteration."""

    settings: CemGradientSettings

    def iterate(self, problem: PlanningProblem) -> Iterator[PlanStep]:
        """A draw, an ascent and a fit per step; otherwise as CEM's. Raises PlanningError."""
        problem.needs("gradient", "choose cem")
        yield from super().iterate(problem)

    def refined(self, problem: PlanningProblem, actions: Tensor, noise: Tensor | None) -> Tensor:
        """The candidates [N, H, A] after their gradient steps."""
        ascent = Ascent(self.settings, problem, problem.box(), actions, noise)
        for number in range(self.settings.gradient_steps):
            ascent.climb(ascent.slope()[1], self.settings.learning_rate.at(number))
        return ascent.actions
