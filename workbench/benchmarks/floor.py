"""The floor of an ALM update, or of a plan in its model: the matrix products of Linear layers, and nothing else.

Derived from the algorithm by hand, not from what the agent happens to do, so that wasted work shows as time over the
floor. With the authors' defaults one update calls the networks as :func:`passes` lists; each call of a layer is one
product forwards, one more where its weights get a gradient, and one more where its input does. At the paper's sizes
these are 40.3 GFLOP (a multiply-add counts 2). The authors' code does 42.1: it also computes Q_0, which has no weight
in the lambda average, and backpropagates through the last action, which reaches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from workbench.engine.captured import CAPTURING
from workbench.engine.precision import Precision


@dataclass(frozen=True)
class Sizes:
    """What decides the shapes in an ALM update: task, batch, rollout length K and widths."""

    observation: int
    action: int
    batch: int
    rollout_length: int
    latent: int
    hidden: int
    model_hidden: int


#: HalfCheetah with the paper's networks; a run of minutes on a CPU
SIZES = {
    "paper": Sizes(17, 6, batch=512, rollout_length=3, latent=50, hidden=512, model_hidden=1024),
    "small": Sizes(17, 6, batch=128, rollout_length=3, latent=32, hidden=128, model_hidden=256),
}


@dataclass(frozen=True)
class Pass:
    """``times`` calls of one network on ``rows`` rows; whether its weights, and its input, get gradients."""

    network: str
    rows: int
    times: int = 1
    weights: bool = False
    inputs: bool = False


@dataclass(frozen=True)
class Product:
    """One product of a Linear layer (of each of ``members``): its output, its weights' gradient or its input's."""

    kind: Literal["output", "weights", "input"]
    members: int
    rows: int
    inputs: int
    outputs: int

    @property
    def flops(self) -> int:
        """Floating-point operations."""
        return 2 * self.members * self.rows * self.inputs * self.outputs


def widths(sizes: Sizes) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Network -> members, and widths from input to output."""
    pair, hidden, wide = sizes.latent + sizes.action, sizes.hidden, sizes.model_hidden
    encoder = (sizes.observation, hidden, hidden, 2 * sizes.latent)
    critic = (pair, hidden, hidden, 1)
    return {
        "encoder": (1, encoder),
        "encoder_target": (1, encoder),
        "model": (1, (pair, wide, wide, 2 * sizes.latent)),
        "reward": (1, critic),
        "classifier": (1, (pair + sizes.latent, hidden, hidden, 2)),
        "critic": (2, critic),
        "critic_target": (2, critic),
        "actor": (1, (sizes.latent, hidden, hidden, sizes.action)),
    }


def passes(sizes: Sizes) -> list[Pass]:
    """Every call of a network in one update, equation by equation."""
    batch, steps = sizes.batch, sizes.rollout_length
    return [
        # Eq. 7, encoder and model: from z_0 through K model steps to reward, KL and value
        Pass("encoder", batch, weights=True),
        Pass("encoder_target", steps * batch),
        Pass("model", batch, times=steps, weights=True, inputs=True),
        Pass("reward", steps * batch, inputs=True),
        Pass("actor", batch),
        Pass("critic", batch, inputs=True),
        # latents of s and s', and the model's z'
        Pass("encoder_target", 2 * batch),
        Pass("model", batch),
        # Eq. 9, 11, 10: classifier, reward, critic
        Pass("reward", batch, weights=True),
        Pass("classifier", batch, weights=True),
        Pass("actor", batch),
        Pass("critic_target", batch),
        Pass("critic", batch, weights=True),
        # Eq. 8, policy: K imagined steps; the last action only enters Q_K, where its gradient is cut
        Pass("actor", batch, times=steps, weights=True),
        Pass("actor", batch),
        Pass("model", batch, times=steps, inputs=True),
        Pass("reward", steps * batch, inputs=True),
        Pass("classifier", steps * batch, inputs=True),
        Pass("critic", steps * batch, inputs=True),
    ]


def products(sizes: Sizes) -> Iterator[Product]:
    """Every matrix product that one update needs."""
    return products_of(passes(sizes), sizes)


def products_of(needed: Iterable[Pass], sizes: Sizes) -> Iterator[Product]:
    """Every matrix product of these passes."""
    for each in needed:
        members, layers = widths(sizes)[each.network]
        for layer in range(len(layers) - 1):
            shape = (members, each.rows, layers[layer], layers[layer + 1])
            for _ in range(each.times):
                yield Product("output", *shape)
                if each.weights:
                    yield Product("weights", *shape)
                # Behind the first layer a gradient of weights needs the gradients of all later inputs.
                if each.inputs or (each.weights and layer > 0):
                    yield Product("input", *shape)


class Floor:
    """Matrix products at their real shapes, on operands that stay where they are, in fp32, TF32 or bf16.

    TF32 is torch's switch for the process, which whoever measures has set.
    """

    def __init__(self, needed: Iterable[Product], device: torch.device, precision: Precision = "fp32") -> None:
        self._device = device
        self._dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self._generator = torch.Generator(device=device).manual_seed(0)
        self._operands: dict[tuple[int, ...], Tensor] = {}
        self._calls = [self._call(product) for product in needed]

    def run(self) -> None:
        """All of them once."""
        for multiply, left, right, out in self._calls:
            multiply(left, right, out=out)

    def ready(self) -> Callable[[], object]:
        """All of them once, at each call of what this returns: :meth:`run`, or on a GPU a graph of it."""
        if self._device.type != "cuda":
            return self.run
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream(self._device)
        with CAPTURING:
            stream.wait_stream(torch.cuda.current_stream(self._device))
            with torch.cuda.stream(stream):
                self.run()
            torch.cuda.synchronize(self._device)
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                self.run()
        return graph.replay

    def _call(self, product: Product) -> tuple[Callable[..., Tensor], Tensor, Tensor, Tensor]:
        members, rows, inputs, outputs = product.members, product.rows, product.inputs, product.outputs
        x, weight = self._operand(0, members, rows, inputs), self._operand(1, members, outputs, inputs)
        gradient = self._operand(2, members, rows, outputs)
        left, right = {"output": (x, weight.mT), "weights": (gradient.mT, x), "input": (gradient, weight)}[product.kind]
        out = self._operand(3, members, left.shape[1], right.shape[2])
        return (torch.bmm, left, right, out) if members > 1 else (torch.mm, left[0], right[0], out[0])

    def _operand(self, role: int, *shape: int) -> Tensor:
        if (role, *shape) not in self._operands:
            operand = torch.randn(shape, generator=self._generator, device=self._device)
            self._operands[role, *shape] = operand.to(self._dtype)
        return self._operands[role, *shape]
