"""Gradient steps without host synchronisation: global-norm clipping and Adam in one fused kernel, bad steps masked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn


class NonFiniteWatch:
    """Remembers, on the device, the first update at which each named number was not finite."""

    def __init__(self, device: torch.device) -> None:
        self.names: tuple[str, ...] = ()
        # [0] counts updates; the rest holds, per name, the first bad update, or 0.
        self.counters = torch.zeros(65, dtype=torch.int64, device=device)

    def look(self, values: Mapping[str, Tensor]) -> None:
        """One update's losses and gradient norms, 0-d each, always the same names."""
        self.names = tuple(values)
        bad = torch.stack(tuple(values.values())).isfinite().logical_not_()
        self.counters[0] += 1
        first = self.counters[1 : 1 + len(self.names)]
        torch.where(bad & (first == 0), self.counters[0], first, out=first)

    def first(self) -> tuple[str, int] | None:
        """The earliest bad name and its update; waits for the device."""
        counters = self.counters.tolist()
        bad = [(update, name) for name, update in zip(self.names, counters[1:], strict=False) if update > 0]
        return (min(bad)[1], min(bad)[0]) if bad else None


class GradientStep:
    """One group's optimiser: gradient of a loss with respect to these parameters alone, clipped, then Adam.

    Args:
        parameters: what the loss may move; every other parameter that it depends on stays as it is.
        learning_rate: Adam's; betas 0.9 and 0.999, epsilon 1e-8, no decay.
        max_norm: bound on the global norm of the group's gradient.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], learning_rate: float, max_norm: float) -> None:
        self.parameters = list(parameters)
        self.max_norm = max_norm
        device = self.parameters[0].device
        self.adam = torch.optim.Adam(
            self.parameters, lr=learning_rate, fused=True, capturable=device.type == "cuda"
        )
        # The fused kernel divides gradients by grad_scale and leaves everything as it is where found_inf is 1: clipping
        # and masking cost no pass of their own.
        self._scale = torch.ones((), device=device)
        self._skip = torch.zeros((), device=device)
        self.adam.grad_scale = self._scale  # type: ignore[attr-defined]
        self.adam.found_inf = self._skip  # type: ignore[attr-defined]

    def __call__(self, loss: Tensor) -> Tensor:
        """Descend on ``loss``; returns the gradient's global norm before clipping. A non-finite step changes nothing."""
        gradients = torch.autograd.grad(loss, self.parameters)
        norm = torch.nn.utils.get_total_norm(gradients)
        torch.clamp((norm + 1e-6) / self.max_norm, min=1.0, out=self._scale)
        torch.logical_not((norm + loss.detach()).isfinite(), out=self._skip)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            # The fused kernel walks both in memory order: a transposed gradient would be added to the wrong weights.
            parameter.grad = gradient.contiguous()
        self.adam.step()
        return norm

    def state(self) -> dict[str, Tensor]:
        """Adam's moments and step counts by parameter number; empty before the first step."""
        return {
            f"{number}.{key}": value
            for number, parameter in enumerate(self.parameters)
            for key, value in self.adam.state.get(parameter, {}).items()
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from :meth:`state`."""
        self.adam.state.clear()
        for name, value in tensors.items():
            number, key = name.split(".")
            parameter = self.parameters[int(number)]
            self.adam.state[parameter][key] = value.to(parameter.device).clone()


@torch.no_grad()
def soft_update(target: nn.Module, source: nn.Module, rate: float) -> None:
    """target <- (1 - rate) target + rate source, for every parameter."""
    torch._foreach_lerp_(list(target.parameters()), list(source.parameters()), rate)
