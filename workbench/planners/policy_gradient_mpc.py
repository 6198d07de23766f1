"""Policy + Grad-MPC (Bharadhwaj, Xie and Shkurti 2020): the policy proposes, ascent on the value refines.

What is climbed is V_lambda, the average over lengths of imagined rewards ended by the value head (Dreamer, Eq. 6), and
not the reward alone; so a plan of a single step is worth refining.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from workbench.planners.base import Box, PlanningProblem, PlanStep
from workbench.planners.gradient import GradientMpc
from workbench.planners.policy_gradient_mpc_settings import PolicyGradientMpcSettings
from workbench.planners.proposals import policy_sequences


class PolicyGradientMpc(GradientMpc):
    """Grad-MPC from the policy's sequences on the value estimate; steps are those of Grad-MPC."""

    settings: PolicyGradientMpcSettings

    def iterate(self, problem: PlanningProblem) -> Iterator[PlanStep]:
        """A gradient step of every sequence per step; the plan is the best met so far. Raises PlanningError."""
        problem.needs("value", "choose gradient, which climbs the rewards alone")
        yield from super().iterate(replace(problem, terminal_value=True, lambda_=self.settings.lambda_))

    def proposed(self, problem: PlanningProblem, box: Box, noise: Tensor | None) -> Tensor:
        """The policy's sequences [N, H, A], the last of them replaced by the warm start where there is one."""
        s = self.settings
        found = policy_sequences(problem, s.candidates, s.initial_std, noise, box)
        if s.warm_start and problem.warm_start is not None and len(found) > 1:
            found = torch.cat((found[:-1], box.clamp(problem.warm_start)[None]))
        return found
