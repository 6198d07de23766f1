"""iLQR: linearise the model around the plan, solve the linear-quadratic problem, step along its solution; repeat.

Tassa, Erez and Todorov (2012), with control limits after Tassa, Mansard and Todorov (2014), on any differentiable
world model. Everything is deterministic: a sampled model keeps the same draw throughout. What is linearised is
``predict``, and sequences are rolled out by it too: particles have no single state that a controller could answer to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from workbench.planners.base import Box, Planner, PlanningError, PlanningProblem, PlanStep, Report, imagine, model_noise
from workbench.planners.box_qp import NotConvex
from workbench.planners.expansion import expand
from workbench.planners.ilqr_settings import IlqrSettings
from workbench.planners.lqr import Array, LinearPolicy, LinearQuadratic, solve_lqr

#: a control of the tanh that is as good as at the bound
_SATURATED = 4.0


class Limits:
    """What iLQR searches over, controls [..., m], and the actions [..., m] that they stand for.

    With ``tanh`` a control is unbounded and its action squashed; otherwise both are the same and clamped.
    """

    def __init__(self, box: Box, kind: str) -> None:
        self.box, self.kind = box, kind

    def action(self, control: Tensor) -> Tensor:
        """Differentiable; outside the bounds of a box it goes on as if there were none."""
        return self.box.from_unit(torch.tanh(control)) if self.kind == "tanh" else control

    def admit(self, control: Tensor) -> Tensor:
        """The nearest admissible control."""
        return control if self.kind == "tanh" else self.box.clamp(control)

    def control(self, action: Tensor) -> Tensor:
        """The inverse of :meth:`action`, short of the bounds."""
        if self.kind != "tanh":
            return self.box.clamp(action)
        return torch.atanh(self.box.to_unit(action).clamp(-np.tanh(_SATURATED), np.tanh(_SATURATED)))

    def bounds(self, controls: Tensor) -> tuple[Array, Array] | None:
        """How far each of ``controls`` [H, m] may be moved down and up, where that is part of the problem solved."""
        if self.kind != "box":
            return None
        low, high = self.box.low - controls, self.box.high - controls
        return low.double().cpu().numpy(), high.double().cpu().numpy()


class Regularisation:
    """The schedule of Tassa et al. 2012, Sec. II-F: quadratic growth where steps fail, quadratic decay otherwise."""

    def __init__(self, settings: IlqrSettings) -> None:
        self.value, self._settings, self._change = settings.regularisation, settings, 1.0

    def grow(self) -> bool:
        """Be more cautious; False if that would be more than is allowed."""
        s = self._settings
        self._change = max(s.regularisation_factor, self._change * s.regularisation_factor)
        self.value = max(s.regularisation_low, self.value * self._change)
        return self.value <= s.regularisation_high

    def shrink(self) -> None:
        """Be bolder."""
        s = self._settings
        self._change = min(1.0 / s.regularisation_factor, self._change / s.regularisation_factor)
        self.value *= self._change
        if self.value < s.regularisation_low:
            self.value = 0.0


@dataclass
class _Trajectory:
    """The plan: controls [H, m], the latents [H + 1, n] that the model predicts under them, and its return."""

    controls: Tensor
    latents: Tensor
    total: float


class Ilqr(Planner):
    """``PlanStep.extras``: ``feedback`` [H, A, latent] and ``feedforward`` [H, A] of the controls,
    ``expected_improvement`` and ``actual_improvement`` of the return, ``regularisation`` with which the gains were
    found, ``step_size`` taken (0: none was better), ``step_sizes`` [N] tried, in the order of the candidates.
    """

    settings: IlqrSettings

    def iterate(self, problem: PlanningProblem) -> Iterator[PlanStep]:
        """One linearisation per step. The return never falls.

        Raises PlanningError for a finite choice of actions, a model without gradients, and a first plan whose return
        is not finite.
        """
        problem.check()
        limits = Limits(problem.box(), self.settings.limits)
        problem.needs("gradient", "it cannot be linearised; choose CEM or MPPI")
        problem = replace(problem, stepwise=True)
        noise, report = model_noise(problem), Report(problem)
        now = self._begin(problem, limits, noise)
        report.meet(limits.action(now.controls)[None], torch.tensor([now.total]))
        regularisation = Regularisation(self.settings)
        sizes = [1.1 ** -(k**2) for k in range(self.settings.step_sizes)]
        expansion: LinearQuadratic | None = None
        for iteration in range(self.settings.iterations):
            report.begin()
            expansion = expansion or expand(problem, now.latents, now.controls, limits.action, noise)
            policy = _cautious_policy(expansion, limits.bounds(now.controls), regularisation)
            if policy is None:
                if iteration == 0:  # there is nothing better than the first plan, and it is told
                    plan = limits.action(now.controls)
                    yield report.step(plan[None], torch.tensor([now.total]), plan, noise)
                return
            used = regularisation.value
            controls, returns = self._try(problem, limits, now, policy, sizes, noise)
            best = int(returns.argmax())
            gained = float(returns[best]) - now.total
            taken = gained > 0.0
            enough = self.settings.tolerance * max(1.0, abs(now.total))
            if taken:
                now = self._trajectory(problem, limits, controls[best], noise)
                expansion = None
            extras = {
                "feedback": policy.feedback,
                "feedforward": policy.feedforward,
                "expected_improvement": np.array(policy.expected_improvement(sizes[best] if taken else 1.0)),
                "actual_improvement": np.array(max(gained, 0.0)),
                "regularisation": np.array(used),
                "step_size": np.array(sizes[best] if taken else 0.0),
                "step_sizes": np.array(sizes),
            }
            plan = limits.action(now.controls)
            yield report.step(limits.action(controls), returns, plan, noise, extras=extras)
            if policy.expected_improvement(1.0) < enough:
                return
            if gained > enough:
                regularisation.shrink()
            elif not regularisation.grow():
                return

    def _begin(self, problem: PlanningProblem, limits: Limits, noise: Tensor | None) -> _Trajectory:
        """The warm start, or the middle of the bounds with noise on it where there is none whose return is finite."""
        if self.settings.warm_start and problem.warm_start is not None:
            warm = self._trajectory(problem, limits, limits.control(problem.warm_start), noise)
            if np.isfinite(warm.total):
                return warm
        drawn = problem.noise.normal((problem.horizon, problem.model.action_size), "plan_begin")
        start = limits.box.from_unit(self.settings.initial_std * drawn.to(limits.box.low.dtype))
        now = self._trajectory(problem, limits, limits.control(start), noise)
        if not np.isfinite(now.total):
            raise PlanningError("model", "the first plan's return is not finite, so that nothing can be linearised")
        return now

    def _trajectory(
        self, problem: PlanningProblem, limits: Limits, controls: Tensor, noise: Tensor | None
    ) -> _Trajectory:
        with torch.no_grad():
            imagined = imagine(problem, limits.action(controls)[None], noise)
        return _Trajectory(controls, imagined.latents[0], float(imagined.returns[0]))

    @torch.no_grad()
    def _try(
        self,
        problem: PlanningProblem,
        limits: Limits,
        now: _Trajectory,
        policy: LinearPolicy,
        sizes: list[float],
        noise: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """Controls [N, H, m] under ``policy`` with its feedforward part scaled by each size, and their returns [N].

        A return that is not finite is minus infinity, and the controls that led there are those of ``now``.
        """
        like = now.controls
        feedback = torch.as_tensor(policy.feedback, dtype=like.dtype, device=like.device)
        forward = torch.as_tensor(policy.feedforward, dtype=like.dtype, device=like.device)
        scale = torch.tensor(sizes, dtype=like.dtype, device=like.device).unsqueeze(-1)
        latent, controls = problem.start.expand(len(sizes), -1), []
        for t in range(problem.horizon):
            moved = like[t] + scale * forward[t] + (latent - now.latents[t]).to(like) @ feedback[t].T
            controls.append(limits.admit(moved))
            step_noise = None if noise is None else noise[t].expand(len(sizes), -1)
            latent = problem.model.predict(latent, limits.action(controls[-1]), step_noise)
        tried = torch.stack(controls, 1)
        finite = tried.isfinite().flatten(1).all(1)
        tried = torch.where(finite[:, None, None], tried, like)
        returns = imagine(problem, limits.action(tried), noise).returns
        return tried, torch.where(finite & returns.isfinite(), returns, torch.full_like(returns, -torch.inf))


def _cautious_policy(
    expansion: LinearQuadratic | None, bounds: tuple[Array, Array] | None, regularisation: Regularisation
) -> LinearPolicy | None:
    """The solution with as much regularisation as it takes; None where that is too much, or nothing is to be solved."""
    while expansion is not None:
        try:
            return solve_lqr(expansion, regularisation.value, bounds)
        except NotConvex:
            if not regularisation.grow():
                break
    return None
