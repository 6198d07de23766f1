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
        bad = [(name, update) for name, update in zip(self.names, counters[1:], strict=False) if update > 0]
        # In the same update a loss comes before the gradient norms that it spoils.
        return min(bad, key=lambda each: (each[1], each[0].startswith("gradient_norm"), each[0])) if bad else None


class GradientStep:
    """One group's optimiser: gradient of a loss with respect to these parameters alone, clipped, then Adam.

    Args:
        parameters: what the loss may move; every other parameter that it depends on stays as it is.
        learning_rate: Adam's; betas 0.9 and 0.999, epsilon 1e-8, no decay.
        max_norm: bound on the global norm of the group's gradient.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], learning_rate: float, max_norm: float) -> None:
        self.parameters: list[Tensor] = list(parameters)
        self.learning_rate = learning_rate
        self.max_norm = max_norm
        device = self.parameters[0].device
        self._means: list[Tensor] = []
        self._squares: list[Tensor] = []
        self._steps = torch.zeros((), device=device)
        self._scale = torch.ones((), device=device)
        self._skip = torch.zeros((), device=device)

    def __call__(self, loss: Tensor) -> Tensor:
        """Descend on ``loss``; returns the gradient's norm before clipping. A non-finite step changes nothing."""
        return self._descend(loss)

    @torch.no_grad()
    def _descend(self, loss: Tensor) -> Tensor:
        # The kernel walks its tensors in memory order: a transposed gradient would be added to the wrong weights.
        gradients = [gradient.contiguous() for gradient in torch.autograd.grad(loss, self.parameters)]
        norm = torch.nn.utils.get_total_norm(gradients)
        torch.clamp(((norm + 1e-6) / self.max_norm).float(), min=1.0, out=self._scale)
        torch.logical_not((norm + loss).isfinite(), out=self._skip)
        self._steps.add_(1.0 - self._skip)
        self.prepare()
        # torch.optim.Adam ends in this kernel too, but counts steps for each parameter: a hundred small operators more.
        # The kernel divides gradients by grad_scale and leaves everything as it is where found_inf is 1, so that
        # clipping and masking cost no pass of their own.
        torch._fused_adam_(
            self.parameters,
            gradients,
            self._means,
            self._squares,
            [],
            [self._steps] * len(self.parameters),
            lr=self.learning_rate,
            beta1=0.9,
            beta2=0.999,
            weight_decay=0.0,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
            grad_scale=self._scale,
            found_inf=self._skip,
        )
        return norm

    def prepare(self) -> None:
        """Make room for the moments, in the precision that the parameters have by now; the first step does it too."""
        if not self._means:
            self._means = [torch.zeros_like(parameter) for parameter in self.parameters]
            self._squares = [torch.zeros_like(parameter) for parameter in self.parameters]

    def keep_from_compiler(self) -> None:
        """Let ``torch.compile`` leave this step as it is: its gradients and its kernel are compiled already."""
        self._descend = torch.compiler.disable(self._descend)  # type: ignore[method-assign]

    def state(self) -> dict[str, Tensor]:
        """Steps taken, and Adam's moments by parameter number; no moments before the first step."""
        means = {f"{number}.mean": tensor for number, tensor in enumerate(self._means)}
        squares = {f"{number}.square": tensor for number, tensor in enumerate(self._squares)}
        return {"steps": self._steps, **means, **squares}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from :meth:`state`."""
        if len(tensors) == 1:
            # In place: a captured step goes on with the tensors that it knows.
            for moment in (*self._means, *self._squares):
                moment.zero_()
            self._steps.copy_(tensors["steps"])
            return
        self.prepare()
        for name, tensor in self.state().items():
            tensor.copy_(tensors[name])


@torch.no_grad()
def soft_update(target: nn.Module, source: nn.Module, rate: float) -> None:
    """target <- (1 - rate) target + rate source, for every parameter."""
    torch._foreach_lerp_(list(target.parameters()), list(source.parameters()), rate)
