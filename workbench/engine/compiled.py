"""One agent's update compiled by ``torch.compile``: forward and backward passes are fused, optimiser steps stay apart.

A compiler cannot look into a run's own generators. So an update is made once on trial, only to see what it draws; from
then on the same draws are made before each update, in the same order, and handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import torch
from torch import Tensor

from workbench.agents.base import GradientAgent, Metrics, UpdateInputs
from workbench.engine.undo import undone
from workbench.noise import Noise

#: one draw: the method of the noise source, and its arguments
_Draw: TypeAlias = tuple[str, tuple[Any, ...]]


class CompiledUpdate:
    """Makes one update of ``agent`` at each call, after :meth:`prepare`.

    ``arithmetic`` makes the context that the update is computed in.
    """

    def __init__(self, agent: GradientAgent, arithmetic: Callable[[], AbstractContextManager[object]]) -> None:
        self._agent, self._arithmetic = agent, arithmetic
        for optimiser in agent.optimisers.values():
            optimiser.keep_from_compiler()
        self._update = torch.compile(agent.update, dynamic=False)
        self._draws: list[_Draw] | None = None

    def prepare(self, inputs: UpdateInputs) -> None:
        """Learn what an update draws and compile it, which takes up to minutes; a second call does nothing.

        Raises:
            RuntimeError: it cannot be compiled, as where there is no C++ compiler.
        """
        if self._draws is not None:
            return
        agent, source = self._agent, self._agent.noise
        watched = _WatchedNoise(source)
        with undone([agent]):
            batches, schedule = agent.sample(inputs.replays), self._schedule(inputs)
            try:
                agent.noise = watched
                agent.update(batches, schedule)
            finally:
                agent.noise = source
        with undone([agent]):
            self._make(inputs, watched.draws)
        self._draws = watched.draws

    def __call__(self, inputs: UpdateInputs) -> Metrics:
        """One update; its metrics."""
        assert self._draws is not None
        return self._make(inputs, self._draws)

    def _make(self, inputs: UpdateInputs, draws: list[_Draw]) -> Metrics:
        agent, source = self._agent, self._agent.noise
        batches = agent.sample(inputs.replays)
        handed = _HandedNoise([getattr(source, kind)(*arguments) for kind, arguments in draws])
        try:
            agent.noise = handed
            with self._arithmetic():
                metrics: Metrics = self._update(batches, self._schedule(inputs))
        finally:
            agent.noise = source
        return metrics

    def _schedule(self, inputs: UpdateInputs) -> dict[str, Tensor]:
        device = self._agent.device
        return {
            name: torch.tensor(value, dtype=torch.float32, device=device) for name, value in inputs.schedule.items()
        }


class _WatchedNoise:
    """Passes draws on to ``source`` and remembers which there were."""

    def __init__(self, source: Noise) -> None:
        self._source = source
        self.draws: list[_Draw] = []

    def normal(self, shape: Sequence[int], name: str = "") -> Tensor:
        self.draws.append(("normal", (tuple(shape), name)))
        return self._source.normal(shape, name)

    def uniform(self, shape: Sequence[int], name: str = "") -> Tensor:
        self.draws.append(("uniform", (tuple(shape), name)))
        return self._source.uniform(shape, name)

    def indices(self, high: Tensor | int, shape: Sequence[int], name: str = "") -> Tensor:
        if isinstance(high, Tensor):
            raise RuntimeError("it draws indices below a number that only the update knows")
        self.draws.append(("indices", (high, tuple(shape), name)))
        return self._source.indices(high, shape, name)

    def permutation(self, n: int, name: str = "") -> Tensor:
        self.draws.append(("permutation", (n, name)))
        return self._source.permutation(n, name)


class _HandedNoise:
    """Gives out what was drawn before, in order; a compiler sees tensors that come in."""

    def __init__(self, drawn: list[Tensor]) -> None:
        self._drawn = drawn
        self._place = 0

    def _next(self) -> Tensor:
        self._place += 1
        return self._drawn[self._place - 1]

    def normal(self, shape: Sequence[int], name: str = "") -> Tensor:
        return self._next()

    def uniform(self, shape: Sequence[int], name: str = "") -> Tensor:
        return self._next()

    def indices(self, high: Tensor | int, shape: Sequence[int], name: str = "") -> Tensor:
        return self._next()

    def permutation(self, n: int, name: str = "") -> Tensor:
        return self._next()
