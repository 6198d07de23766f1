"""The cross-entropy method: draw sequences, keep the best, fit the proposal to them, draw again.

The settings cover PlaNet (Hafner et al. 2019, Algorithm 2), PETS (Chua et al. 2018) and iCEM (Pinneri et al. 2020);
:mod:`workbench.planners.presets` names them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.planners.base import Box, Planner, PlanningProblem, PlanStep, Report, judge, model_noise
from workbench.planners.cem_settings import CemSettings
from workbench.planners.proposals import best_of, coloured_normal, policy_share, truncated_normal


@dataclass(frozen=True)
class Proposal:
    """Independent normals: ``mean`` and ``std`` [H, A], in coordinates in which the action bounds are -1 and 1."""

    mean: Tensor
    std: Tensor

    def fitted(self, elites: Tensor, momentum: float, of_variance: bool) -> Proposal:
        """Moved to the mean and spread of ``elites`` [k, H, A], keeping the share ``momentum`` of the old.

        The spread is averaged as a variance, or as a standard deviation, which follows the elites faster.
        """
        std, mean = torch.std_mean(elites, 0, correction=0)
        if of_variance:
            std = torch.lerp(std.square(), self.std.square(), momentum).sqrt()
        else:
            std = torch.lerp(std, self.std, momentum)
        return Proposal(torch.lerp(mean, self.mean, momentum), std)


class Cem(Planner):
    """CEM with momentum, truncated or clamped samples, and iCEM's options."""

    settings: CemSettings

    def iterate(self, problem: PlanningProblem) -> Iterator[PlanStep]:
        """A draw and a fit per step; the plan is the new mean or the best sequence met. Raises PlanningError."""
        s, box, noise = self.settings, problem.box(), model_noise(problem)
        report = Report(problem)
        proposal = self._first(problem, box)
        prior = policy_share(problem, s, noise, box)  # the same in every iteration
        again = prior[:0] if problem.kept is None else box.to_unit(problem.kept)[: math.ceil(s.kept_elites * s.elites)]
        for number in range(s.iterations):
            report.begin()
            drawn = self._draw(problem, proposal, number, torch.cat((again, prior)))
            actions = self.refined(problem, box.clamp(box.from_unit(drawn)), noise)
            returns = judge(problem, actions, noise)
            elites = best_of(returns, s.elites)
            old, best = proposal, report.meet(actions, returns)
            if len(elites) > 0:
                unit = box.to_unit(actions[elites])
                proposal = proposal.fitted(unit, s.momentum, s.averaged == "variance")
                again = unit[: math.ceil(s.kept_elites * s.elites)]
            center = box.clamp(box.from_unit(proposal.mean))
            yield report.step(
                actions,
                returns,
                center if s.execute == "mean" else best,
                noise,
                elites=elites,
                mean=box.from_unit(old.mean),
                std=old.std * box.half_width,
                center=center,
            )
            if float(proposal.std.amax()) < s.stop_std:
                return

    def refined(self, problem: PlanningProblem, actions: Tensor, noise: Tensor | None) -> Tensor:
        """The candidates [N, H, A] as they are judged: here as they were drawn."""
        return actions

    def _first(self, problem: PlanningProblem, box: Box) -> Proposal:
        shape = (problem.horizon, problem.model.action_size)
        std = torch.full(shape, self.settings.initial_std, device=box.low.device)
        if self.settings.warm_start and problem.warm_start is not None:
            return Proposal(box.to_unit(box.clamp(problem.warm_start)), std)
        return Proposal(torch.zeros_like(std), std)

    def _draw(self, problem: PlanningProblem, proposal: Proposal, number: int, given: Tensor) -> Tensor:
        """Candidates [N, H, A] of one iteration, those that are ``given`` first."""
        s = self.settings
        count = min(s.candidates, max(round(s.candidates / s.decay**number), 2 * s.elites))
        shape = (count, *proposal.mean.shape)
        if s.sampling == "truncated":
            nearest = 1.0 - proposal.mean.abs()  # The nearest bound is two standard deviations away, or more.
            std = torch.minimum(proposal.std, 0.5 * nearest)
            drawn = proposal.mean + std * truncated_normal(problem.noise, shape, "cem")
        else:
            drawn = proposal.mean + proposal.std * coloured_normal(problem.noise, shape, s.noise_exponent, "cem")
        if s.add_mean and number == s.iterations - 1:
            given = torch.cat((given, proposal.mean[None]))
        return torch.cat((given, drawn))[:count] if len(given) else drawn
