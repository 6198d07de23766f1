"""The slots at which an admissible window starts, kept in order as a ring on the replay's device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from workbench.noise import Noise


class WindowStarts:
    """First in, first out; drawing is one uniform index per window, so every admissible window is equally likely."""

    def __init__(self, size: int, device: torch.device) -> None:
        self._size = size
        self._ring = torch.zeros(size, dtype=torch.int64, device=device)
        # Head and count on the device, so that a captured graph reads them; the host keeps its own copy of everything,
        # so that adding and evicting never wait for the device. On a CPU both are the same memory.
        self._bounds = torch.zeros(2, dtype=torch.int64, device=device)
        on_cpu = device.type == "cpu"
        self._host_ring = self._ring.numpy() if on_cpu else np.zeros(size, dtype=np.int64)
        self._host_bounds = self._bounds.numpy() if on_cpu else np.zeros(2, dtype=np.int64)
        self._on_cpu = on_cpu

    def __len__(self) -> int:
        return int(self._host_bounds[1])

    def push(self, slot: int) -> None:
        """Add the newest start."""
        head, count = self._host_bounds
        position = (head + count) % self._size
        self._host_ring[position] = slot
        self._host_bounds[1] += 1
        if not self._on_cpu:
            self._ring[position] = slot
            self._bounds[1] += 1

    def drop_before(self, slot: int) -> None:
        """Forget every start older than ``slot``."""
        head, count = self._host_bounds
        while count and self._host_ring[head] < slot:
            head, count = (head + 1) % self._size, count - 1
        self._set_bounds(int(head), int(count))

    def refill(self, slots: Iterable[int]) -> None:
        """Replace the content, oldest first."""
        content = np.fromiter(slots, dtype=np.int64)
        self._host_ring[: len(content)] = content
        if not self._on_cpu:
            self._ring[: len(content)] = torch.from_numpy(content).to(self._ring.device)
        self._set_bounds(0, len(content))

    def draw(self, shape: Sequence[int], noise: Noise, name: str) -> Tensor:
        """Uniform starts, int64 of ``shape``, without host synchronisation. There must be at least one.

        Noise of another device than the replay's makes it wait for that device.
        """
        positions = (noise.indices(self._bounds[1], shape, name) + self._bounds[0]) % self._size
        return self._ring[positions.to(self._ring.device)]

    def _set_bounds(self, head: int, count: int) -> None:
        if (head, count) != (self._host_bounds[0], self._host_bounds[1]):
            self._host_bounds[:] = head, count
            if not self._on_cpu:
                self._bounds[0] = head
                self._bounds[1] = count
