"""The one noise source that every random draw of a run goes through.

A run has one seed; each purpose (initialisation, acting, learning, one evaluation...) has its own stream derived from
it, so that drawing more in one never shifts another. The global generators of torch and numpy are shared between
threads and never used. A test replaces the source to fix the noise; a checkpoint stores its state.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor


def derive_seed(seed: int, stream: str) -> int:
    """A 63-bit seed for one named stream of a run's ``seed``; numpy's SeedSequence keeps neighbours independent."""
    sequence = np.random.SeedSequence([seed, zlib.crc32(stream.encode())])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


@runtime_checkable
class Noise(Protocol):
    """Draws of one stream. ``name`` says what a draw is for; sources that replay fixed numbers find them by it."""

    def normal(self, shape: Sequence[int], name: str = "") -> Tensor:
        """Standard normal float32 numbers."""
        ...

    def uniform(self, shape: Sequence[int], name: str = "") -> Tensor:
        """Float32 numbers in [0, 1)."""
        ...

    def indices(self, high: Tensor | int, shape: Sequence[int], name: str = "") -> Tensor:
        """Int64 numbers in [0, high), each equally likely; ``high`` may be a 0-d tensor on the device."""
        ...

    def permutation(self, n: int, name: str = "") -> Tensor:
        """Int64 numbers 0..n-1 in random order."""
        ...


class NoiseSource:
    """A seeded stream on one device. Not thread-safe: one run, one thread."""

    def __init__(self, seed: int, stream: str, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.generator = torch.Generator(device=self.device)
        self.generator.manual_seed(derive_seed(seed, stream))

    def normal(self, shape: Sequence[int], name: str = "") -> Tensor:
        """Standard normal float32 numbers of ``shape``."""
        return torch.randn(tuple(shape), generator=self.generator, device=self.device)

    def uniform(self, shape: Sequence[int], name: str = "") -> Tensor:
        """Float32 numbers in [0, 1) of ``shape``."""
        return torch.rand(tuple(shape), generator=self.generator, device=self.device)

    def indices(self, high: Tensor | int, shape: Sequence[int], name: str = "") -> Tensor:
        """Int64 numbers in [0, high) of ``shape``. Float64 uniforms keep the bias below 1e-9 for any replay's size."""
        uniform = torch.rand(tuple(shape), generator=self.generator, device=self.device, dtype=torch.float64)
        return (uniform * high).to(torch.int64)

    def permutation(self, n: int, name: str = "") -> Tensor:
        """Int64 numbers 0..n-1 in random order."""
        return torch.randperm(n, generator=self.generator, device=self.device)

    def state(self) -> Tensor:
        """The generator's state (uint8), to be restored by :meth:`load`."""
        return self.generator.get_state()

    def load(self, state: Tensor) -> None:
        """Continue exactly where :meth:`state` was taken."""
        self.generator.set_state(state.cpu())

    def renew(self) -> None:
        """Take a new generator in the same state: torch before 2.13 spoils one that took part in a failed capture."""
        state = self.generator.get_state()
        self.generator = torch.Generator(device=self.device)
        self.generator.set_state(state)
