"""Model predictive path integral control (Williams et al. 2017): average sequences, weighted by exp(return / lambda).

With elites, a fitted spread and the policy's sequences it is TD-MPC2's planner (Hansen et al. 2024), whose temperature
is 1 / lambda.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from workbench.planners.base import Planner, PlanningProblem, PlanStep, Report, judge, model_noise
from workbench.planners.mppi_settings import MppiSettings
from workbench.planners.proposals import best_of, coloured_normal, policy_share


class Mppi(Planner):
    """MPPI; ``extras`` of a step hold ``weights`` [N], which sum to 1 (all 0 where no return was finite)."""

    settings: MppiSettings

    def iterate(self, problem: PlanningProblem) -> Iterator[PlanStep]:
        """A draw and an average per step; the plan is the average or a drawn sequence. Raises PlanningError."""
        s, box, noise = self.settings, problem.box(), model_noise(problem)
        report = Report(problem)
        shape = (problem.horizon, problem.model.action_size)
        mean = box.low.new_zeros(shape)
        if s.warm_start and problem.warm_start is not None:
            mean = box.to_unit(box.clamp(problem.warm_start))
        std = torch.full_like(mean, s.initial_std)
        prior = policy_share(problem, s, noise, box)  # the same in every iteration
        for _ in range(s.iterations):
            report.begin()
            drawn = (s.candidates - len(prior), *shape)
            unit = mean + std * coloured_normal(problem.noise, drawn, s.noise_exponent, "mppi")
            unit = torch.cat((prior, unit.clamp(-1.0, 1.0)))
            actions = box.clamp(box.from_unit(unit))
            returns = judge(problem, actions, noise)
            elites = best_of(returns, s.elites or s.candidates)
            weights = self._weights(returns, elites, unit, mean, std)
            old = (box.from_unit(mean), std * box.half_width)
            if len(elites) > 0:
                mean, std = self._fitted(unit, weights, std)
            center = box.clamp(box.from_unit(mean))
            yield report.step(
                actions,
                returns,
                self._drawn(problem, actions, weights, center),
                noise,
                elites=elites if s.elites else None,
                mean=old[0],
                std=old[1],
                center=center,
                extras={"weights": weights.cpu().numpy()},
            )

    def _weights(self, returns: Tensor, elites: Tensor, unit: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """exp((return - cost) / lambda) over the elites, normalised [N]; 0 for all others."""
        s = self.settings
        scores = returns[elites].to(mean.dtype)
        if s.scaled and len(elites) > 1:
            scores = scores / returns[torch.isfinite(returns)].std(correction=0).clamp(min=1e-12).to(mean.dtype)
        if s.control_cost:
            strays = unit[elites] - mean
            scores = scores - s.temperature * (mean * strays / std.square()).sum((1, 2))
        return mean.new_zeros(len(returns)).index_copy_(0, elites, (scores / s.temperature).softmax(0))

    def _fitted(self, unit: Tensor, weights: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
        """The weighted mean and spread [H, A] of sequences ``unit`` [N, H, A]."""
        s = self.settings
        mean = torch.tensordot(weights, unit, 1)
        if s.fit_std:
            variance = torch.tensordot(weights, (unit - mean).square(), 1)
            std = variance.sqrt().clamp(s.least_std, s.initial_std)
        return mean, std

    def _drawn(self, problem: PlanningProblem, actions: Tensor, weights: Tensor, center: Tensor) -> Tensor:
        """The plan [H, A]: the average, or a sequence drawn by its weight (the largest log weight plus Gumbel's)."""
        if self.settings.execute == "mean" or not bool((weights > 0.0).any()):
            return center
        uniform = problem.noise.uniform(weights.shape, "mppi_choice").clamp(min=1e-12)
        return actions[int((weights.log() - (-uniform.log()).log()).argmax())]
