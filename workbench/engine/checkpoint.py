"""What a resume point and a snapshot hold, as plain arrays and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from workbench.replay import ReplayBuffer
from workbench.replay.buffer import Rows

Arrays = dict[str, npt.NDArray[Any]]

#: slots per closed replay segment: segments are written once and shared by the resume points that follow
SEGMENT = 5000


@dataclass(frozen=True)
class Checkpoint:
    """A point to continue from. ``replay`` is where the experience lies; the rest is complete in itself."""

    arrays: Arrays
    document: dict[str, Any]
    replay: ReplayRows | None = None


@dataclass(frozen=True)
class ReplayRows:
    """The rows of a replay as parts (first slot, rows): closed segments by number, and the open tail."""

    segments: dict[int, Rows] = field(default_factory=dict)
    tail: tuple[int, Rows] = (0, {})

    def parts(self) -> Iterator[tuple[int, Rows]]:
        """All parts, oldest first, as :meth:`ReplayBuffer.load` takes them."""
        for number in sorted(self.segments):
            yield number * SEGMENT, self.segments[number]
        if self.tail[1]:
            yield self.tail


def segments_needed(replay: ReplayBuffer) -> range:
    """Numbers of the closed segments that hold rows of ``replay``."""
    return range(replay.oldest // SEGMENT, replay.closed // SEGMENT)


def read_segment(replay: ReplayBuffer, number: int) -> Rows:
    """One closed segment. Rows older than the replay still holds are zero: nothing reads them again."""
    begin = max(number * SEGMENT, replay.oldest)
    rows = replay.rows(begin, (number + 1) * SEGMENT)
    missing = SEGMENT - len(rows["flags"])
    return {name: np.concatenate([np.zeros((missing, *v.shape[1:]), v.dtype), v]) for name, v in rows.items()}


def read_tail(replay: ReplayBuffer) -> tuple[int, Rows]:
    """The rows behind the last closed segment."""
    begin = max((replay.closed // SEGMENT) * SEGMENT, replay.oldest)
    return begin, replay.rows(begin, replay.head)


def to_arrays(prefix: str, tensors: Mapping[str, Tensor]) -> Arrays:
    """Copies of tensors as named numpy arrays."""
    return {prefix + name: tensor.detach().cpu().numpy().copy() for name, tensor in tensors.items()}


def to_tensors(prefix: str, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Tensor]:
    """The tensors that :func:`to_arrays` stored under ``prefix``."""
    return {
        name.removeprefix(prefix): torch.from_numpy(np.array(value))
        for name, value in arrays.items()
        if name.startswith(prefix)
    }
