"""Whether several seeds should share operators: gradients of stacked parameters by ``torch.func.vmap``, against a loop.

One gradient step of encoder and model, as ALM's Eq. 7 takes it (rollout, KL to a target encoder, predicted reward), for
S seeds at once: with every seed's parameters stacked and the step vmapped over them, or seed after seed. Both clip each
seed's gradient by its own norm and end in Adam. What is compared: numbers, time, and operators launched. Views, which
compute nothing, do not count as launched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.func import grad_and_value, vmap
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from workbench.benchmarks.floor import Sizes, widths
from workbench.benchmarks.timing import Timing, in_turns, ratio_of, timed, timing_of
from workbench.models.gaussian import Gaussian, kl_divergence, squashed_gaussian
from workbench.noise import NoiseSource

#: weight and bias of each layer, by ``network.layer.kind``
Parameters = dict[str, Tensor]

LEARNED, FIXED = ("encoder", "model"), ("encoder_target", "reward")
MAX_NORM, LEARNING_RATE = 100.0, 1e-4


class Launches(TorchDispatchMode):
    """Counts the operators inside that compute something."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += not func.is_view
        return func(*args, **(kwargs or {}))


def launches_of(work: Callable[[], object]) -> int:
    """How many operators ``work`` launches."""
    launches = Launches()
    with launches:
        work()
    return launches.count


@dataclass(frozen=True)
class Stacking:
    """``lanes`` seeds at once, stacked and one after the other: milliseconds of CPU time, operators launched."""

    lanes: int
    stacked: Timing
    looped: Timing
    #: the loop's time over the stacked one's, median over rounds
    gain: float
    stacked_launches: int
    looped_launches: int
    #: operators of one seed alone
    single_launches: int
    #: of any parameter after the steps, relative (norms)
    largest_difference: float


@dataclass(frozen=True)
class Experience:
    """One seed's batch."""

    #: [K + 1, batch, observation]
    observations: Tensor
    #: [K, batch, action]
    actions: Tensor
    #: standard normal [K + 1, batch, latent]
    noise: Tensor


class SeedByAnother:
    """Each seed's step by itself, one after the other."""

    def __init__(self, sizes: Sizes, seeds: Sequence[int]) -> None:
        self.parameters = [initial(sizes, seed) for seed in seeds]
        self.experience = [experience(sizes, seed) for seed in seeds]
        self._adam = [Adam(learned(each)) for each in self.parameters]

    def __call__(self) -> None:
        """One step of every seed."""
        for parameters, batch, adam in zip(self.parameters, self.experience, self._adam, strict=True):
            moved = {name: value.requires_grad_() for name, value in learned(parameters).items()}
            value = loss(moved, parameters, batch.observations, batch.actions, batch.noise)
            gradients = torch.autograd.grad(value, list(moved.values()))
            norm = torch.nn.utils.get_total_norm(gradients)
            adam.step(list(gradients), torch.clamp((norm + 1e-6) / MAX_NORM, min=1.0))


class AllSeedsStacked:
    """The same steps with parameters [S, ...] and vmapped gradients."""

    def __init__(self, sizes: Sizes, seeds: Sequence[int]) -> None:
        each = [initial(sizes, seed) for seed in seeds]
        self.parameters = {name: torch.stack([one[name] for one in each]) for name in each[0]}
        batches = [experience(sizes, seed) for seed in seeds]
        self._batch = tuple(
            torch.stack([getattr(batch, name) for batch in batches]) for name in ("observations", "actions", "noise")
        )
        self._adam = Adam(learned(self.parameters))
        self._gradients = vmap(grad_and_value(loss))

    def __call__(self) -> None:
        """One step of every seed."""
        moved = learned(self.parameters)
        gradients, _ = self._gradients(moved, self.parameters, *self._batch)
        squares = [gradient.flatten(1).square().sum(1) for gradient in gradients.values()]
        scale = torch.clamp((torch.stack(squares).sum(0).sqrt() + 1e-6) / MAX_NORM, min=1.0)  # [S]
        # Adam's kernel takes one scale for all that it is given; here each seed has its own.
        scaled = [value / scale.view(-1, *[1] * (value.ndim - 1)) for value in gradients.values()]
        self._adam.step(scaled, torch.ones(()))


class Adam:
    """Fused Adam on given tensors, in place."""

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        self._parameters = list(parameters.values())
        self._means = [torch.zeros_like(each) for each in self._parameters]
        self._squares = [torch.zeros_like(each) for each in self._parameters]
        self._steps = torch.zeros(())

    @torch.no_grad()
    def step(self, gradients: list[Tensor], scale: Tensor) -> None:
        """One step along ``gradients`` divided by ``scale``, a number."""
        self._steps.add_(1.0)
        torch._fused_adam_(
            self._parameters,
            gradients,
            self._means,
            self._squares,
            [],
            [self._steps] * len(gradients),
            lr=LEARNING_RATE,
            beta1=0.9,
            beta2=0.999,
            weight_decay=0.0,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
            grad_scale=scale,
            found_inf=torch.zeros(()),
        )


def loss(moved: Parameters, fixed: Parameters, observations: Tensor, actions: Tensor, noise: Tensor) -> Tensor:
    """Eq. 7 without its value term, negated: a number, for one seed."""
    with torch.no_grad():
        target = squashed_gaussian(mlp(fixed, "encoder_target", observations[1:]))  # [K, batch, z]
    start = squashed_gaussian(mlp(moved, "encoder", observations[0]))
    z, latents, means, stds = start.sample(noise[0]), [], [], []
    for t in range(len(actions)):
        prior = squashed_gaussian(mlp(moved, "model", torch.cat((z, actions[t]), -1)))
        latents.append(z)
        means.append(prior.mean)
        stds.append(prior.std)
        z = prior.sample(noise[t + 1])
    kl = kl_divergence(Gaussian(torch.stack(means), torch.stack(stds)), target)  # [K, batch]
    reward = mlp(fixed, "reward", torch.cat((torch.stack(latents), actions), -1)).squeeze(-1)
    return (kl - reward).sum(0).mean()


def mlp(parameters: Parameters, network: str, x: Tensor) -> Tensor:
    """A network's output [..., outputs]; ELU between its three layers."""
    for layer in range(3):
        x = functional.linear(x, parameters[f"{network}.{layer}.weight"], parameters[f"{network}.{layer}.bias"])
        x = functional.elu(x) if layer < 2 else x
    return x


def initial(sizes: Sizes, seed: int) -> Parameters:
    """Fresh weights of one seed, and small biases."""
    noise, parameters = NoiseSource(seed, "initialisation"), {}
    for network in (*LEARNED, *FIXED):
        for layer, (inputs, outputs) in enumerate(pairwise(widths(sizes)[network][1])):
            parameters[f"{network}.{layer}.weight"] = noise.normal((outputs, inputs)) / inputs**0.5
            parameters[f"{network}.{layer}.bias"] = 0.01 * noise.normal((outputs,))
    return parameters


def learned(parameters: Parameters) -> Parameters:
    """Those of encoder and model."""
    return {name: value for name, value in parameters.items() if name.partition(".")[0] in LEARNED}


def experience(sizes: Sizes, seed: int) -> Experience:
    """A random batch of one seed."""
    noise, steps, batch = NoiseSource(seed, "experience"), sizes.rollout_length, sizes.batch
    return Experience(
        noise.normal((steps + 1, batch, sizes.observation)),
        2.0 * noise.uniform((steps, batch, sizes.action)) - 1.0,
        noise.normal((steps + 1, batch, sizes.latent)),
    )


def measure_stacking(sizes: Sizes, lanes: int, seconds: float) -> Stacking:
    """Compare the two for about ``seconds``, on the CPU and the threads that the calling thread has."""
    stacked, looped = AllSeedsStacked(sizes, range(lanes)), SeedByAnother(sizes, range(lanes))
    counts = launches_of(stacked), launches_of(looped), launches_of(SeedByAnother(sizes, [0]))
    works = {"stacked": timed(stacked), "looped": timed(looped)}
    walls, times = in_turns(works, time.perf_counter() + seconds)
    differences = [
        float((stacked.parameters[name][lane] - value.detach()).norm() / value.detach().norm())
        for lane, parameters in enumerate(looped.parameters)
        for name, value in learned(parameters).items()
    ]
    return Stacking(
        lanes,
        timing_of(times["stacked"], walls["stacked"]),
        timing_of(times["looped"], walls["looped"]),
        ratio_of(times["looped"], times["stacked"]),
        *counts,
        max(differences),
    )
