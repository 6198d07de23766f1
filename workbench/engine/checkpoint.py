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

#: raised when a resume point holds something that an earlier Foresight would read wrongly
CHECKPOINT_VERSION = 1

Arrays = dict[str, npt.NDArray[Any]]

#: slots per closed replay segment: segments are written once and shared by the resume points that follow
SEGMENT = 5000


@dataclass(frozen=True)
class Checkpoint:
    """A point to continue from, but for the replay's rows (:class:`ReplayRows`)."""

    arrays: Arrays
    document: dict[str, Any]


@dataclass(frozen=True)
class ReplayRows:
    """The rows of a replay: closed segments by their first slot, and the open tail with its first slot."""

    segments: dict[int, Rows] = field(default_factory=dict)
    tail: tuple[int, Rows] = (0, {})

    def parts(self) -> Iterator[tuple[int, Rows]]:
        """All parts as pairs of a first slot and its rows, oldest first, as :meth:`ReplayBuffer.load` takes them."""
        yield from sorted(self.segments.items())
        if self.tail[1]:
            yield self.tail


def closed_segments(replay: ReplayBuffer) -> Iterator[tuple[int, int]]:
    """First slot and end of the closed segments that hold rows of ``replay``."""
    for number in range(replay.oldest // SEGMENT, replay.closed // SEGMENT):
        yield number * SEGMENT, (number + 1) * SEGMENT


def segment_name(begin: int, end: int) -> str:
    """What a segment is stored as; slots never change once closed, so neither does what has this name."""
    return f"slots-{begin}-{end}"


def first_slot(name: str) -> int:
    """The first slot of the segment called ``name``."""
    return int(name.split("-")[1])


def read_segment(replay: ReplayBuffer, begin: int, end: int) -> Rows:
    """The slots ``begin`` to ``end`` - 1. Those that the replay no longer holds are zero: nothing reads them again."""
    held = max(begin, replay.oldest)
    missing = held - begin
    rows = replay.rows(held, end)
    return {name: np.concatenate([np.zeros((missing, *v.shape[1:]), v.dtype), v]) for name, v in rows.items()}


def read_tail(replay: ReplayBuffer) -> tuple[int, Rows]:
    """First slot and rows of what lies behind the last closed segment."""
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
