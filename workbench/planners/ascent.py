"""Climbing the imagined return of many action sequences at once, by its gradient through the model."""

from __future__ import annotations

import torch
from torch import Tensor

from workbench.planners.base import Box, PlanningProblem, imagine
from workbench.planners.search_settings import AscentSettings

#: tanh never reaches its bounds; sequences that begin there are moved in by this
_INSIDE = 1e-3


class Ascent:
    """Sequences [N, H, A] on their way up; each climbs its own return, so none disturbs another.

    Weights stay as they are and get no gradient. A gradient that is not finite moves nothing.
    """

    def __init__(
        self, settings: AscentSettings, problem: PlanningProblem, box: Box, actions: Tensor, noise: Tensor | None
    ) -> None:
        self._settings, self._problem, self._box, self._noise = settings, problem, box, noise
        unit = box.to_unit(actions.detach())
        squashed = settings.bounds == "tanh"
        self._free = unit.clamp(_INSIDE - 1.0, 1.0 - _INSIDE).atanh() if squashed else unit.clamp(-1.0, 1.0)
        self._mean, self._square, self._steps = torch.zeros_like(unit), torch.zeros_like(unit), 0

    @property
    def actions(self) -> Tensor:
        """Where the sequences are now [N, H, A], without gradient."""
        unit = self._free.tanh() if self._settings.bounds == "tanh" else self._free.clone()
        return self._box.clamp(self._box.from_unit(unit))

    def slope(self) -> tuple[Tensor, Tensor]:
        """Returns [N] of the sequences as they are, and their gradient [N, H, A] in units of the actions."""
        with torch.enable_grad():
            actions = self.actions.requires_grad_()
            returns = imagine(self._problem, actions, self._noise).returns
            (gradient,) = torch.autograd.grad(returns.sum(), actions)
        return returns.detach(), gradient

    def climb(self, gradient: Tensor, learning_rate: float) -> None:
        """One step along ``gradient`` [N, H, A], which :meth:`slope` found here."""
        step = gradient * self._box.half_width
        if self._settings.bounds == "tanh":
            step = step * (1.0 - self._free.tanh().square())
        step = torch.where(torch.isfinite(step), step, torch.zeros_like(step))
        if self._settings.clip_norm > 0.0:
            norms = step.flatten(1).norm(dim=1).clamp(min=1e-12)
            step = step * (self._settings.clip_norm / norms).clamp(max=1.0)[:, None, None]
        self._free.add_(self._scaled(step), alpha=learning_rate)
        if self._settings.bounds == "clamp":
            self._free.clamp_(-1.0, 1.0)

    def _scaled(self, step: Tensor) -> Tensor:
        """``step`` as the optimiser takes it: as torch's Adam and RMSprop, which take seconds to be loaded."""
        self._steps += 1
        if self._settings.optimiser == "adam":
            self._mean.lerp_(step, 1.0 - 0.9)
            self._square.lerp_(step.square(), 1.0 - 0.999)
            root = (self._square / (1.0 - 0.999**self._steps)).sqrt()
            return self._mean / (1.0 - 0.9**self._steps) / (root + 1e-8)
        if self._settings.optimiser == "rmsprop":
            self._square.lerp_(step.square(), 1.0 - 0.99)
            return step / (self._square.sqrt() + 1e-8)
        return step
