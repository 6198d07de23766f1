"""Multilayer perceptrons, alone and as an ensemble whose members share one matrix product per layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.noise import Noise

Activation = Literal["elu", "relu"]
_ACTIVATIONS: dict[str, Callable[..., Tensor]] = {"elu": functional.elu, "relu": functional.relu}


def orthogonal(rows: int, columns: int, noise: Noise, name: str) -> Tensor:
    """An orthogonal [rows, columns] matrix, gain 1, uniform over such (QR of a normal matrix with signs fixed)."""
    flat = noise.normal((max(rows, columns), min(rows, columns)), name)
    q, r = torch.linalg.qr(flat)
    uniform: Tensor = q * torch.sign(torch.diagonal(r))
    return uniform if rows >= columns else uniform.T


class MLP(nn.Module):
    """Linear layers with an activation between; orthogonal weights, zero biases.

    Args:
        sizes: input, hidden..., output widths.
        noise: draws the initial weights.
        activation: between layers.
        normalise_first: the first hidden layer is Linear, LayerNorm, Tanh in place of Linear, activation.
        members: independent copies evaluated together; 0 for a single network.

    A single network maps [..., input] to [..., output]; an ensemble maps [..., input] to
    [members, ..., output].
    """

    def __init__(
        self,
        sizes: Sequence[int],
        noise: Noise,
        activation: Activation = "elu",
        *,
        normalise_first: bool = False,
        members: int = 0,
    ) -> None:
        super().__init__()
        self.members = members
        self._activation = _ACTIVATIONS[activation]
        copies = max(members, 1)
        weights, biases = [], []
        for fan_in, fan_out in pairwise(sizes):
            weight = torch.stack([orthogonal(fan_out, fan_in, noise, "weight") for _ in range(copies)])
            bias = torch.zeros(copies, fan_out, device=weight.device)
            weights.append(nn.Parameter(weight if members else weight[0]))
            biases.append(nn.Parameter(bias if members else bias[0]))
        self.weights = nn.ParameterList(weights)
        self.biases = nn.ParameterList(biases)
        self._layers = tuple(zip(weights, biases, strict=True))  # walking a ParameterList costs as much as a layer
        self.norm_gain: nn.Parameter | None = None
        self.norm_shift: nn.Parameter | None = None
        if normalise_first:
            shape = (members, sizes[1]) if members else (sizes[1],)
            self.norm_gain = nn.Parameter(torch.ones(shape, device=weights[0].device))
            self.norm_shift = nn.Parameter(torch.zeros(shape, device=weights[0].device))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs for inputs [..., input]; see the class."""
        # Layers work on rows: activations in place on a view of them would copy each gradient in the backward pass.
        rows = x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
        y = self._ensemble(rows) if self.members else self._single(rows)
        return y if x.ndim == 2 else y.view(*y.shape[:-2], *x.shape[:-1], y.shape[-1])

    def _single(self, x: Tensor) -> Tensor:
        last = len(self._layers) - 1
        for layer, (weight, bias) in enumerate(self._layers):
            x = functional.linear(x, weight, bias)
            if layer == 0 and self.norm_gain is not None:
                x = functional.layer_norm(x, x.shape[-1:], self.norm_gain, self.norm_shift).tanh_()
            elif layer < last:
                x = self._activation(x, inplace=True)
        return x

    def _ensemble(self, x: Tensor) -> Tensor:
        x = x.expand(self.members, -1, -1)
        last = len(self._layers) - 1
        for layer, (weight, bias) in enumerate(self._layers):
            x = torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))
            if layer == 0 and self.norm_gain is not None and self.norm_shift is not None:
                x = functional.layer_norm(x, x.shape[-1:])
                x = torch.addcmul(self.norm_shift.unsqueeze(1), x, self.norm_gain.unsqueeze(1)).tanh_()
            elif layer < last:
                x = self._activation(x, inplace=True)
        return x
