"""A metric's series in memory, and the bytes of a closed chunk of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Point = tuple[int, int, float, float, float]  # step, updates, active seconds, wall time, value
# A chunk holds its columns one after the other, little-endian, eight bytes each.
COLUMNS = (("step", "<i8"), ("updates", "<i8"), ("active_seconds", "<f8"), ("wall_time", "<f8"), ("value", "<f8"))


@dataclass(frozen=True, slots=True)
class SeriesData:
    """A series as arrays of one length: environment steps (strictly increasing, int64), gradient updates (int64),
    seconds of active training, seconds since 1970, and values (float64; NaN and infinities are kept)."""

    step: NDArray[np.int64]
    updates: NDArray[np.int64]
    active_seconds: NDArray[np.float64]
    wall_time: NDArray[np.float64]
    value: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.step)

    def part(self, start: int, stop: int | None = None) -> SeriesData:
        """The points of the indices from `start` up to `stop`."""
        return SeriesData(*(getattr(self, name)[start:stop] for name, _ in COLUMNS))

    def count_until(self, step: int) -> int:
        """How many points are at or before a step."""
        return int(np.searchsorted(self.step, step, side="right"))

    def rows(self) -> list[Point]:
        """The points one by one."""
        return list(zip(*(getattr(self, name).tolist() for name, _ in COLUMNS), strict=True))

    def pack(self) -> bytes:
        """The bytes of a chunk."""
        return b"".join(np.asarray(getattr(self, name), dtype=kind).tobytes() for name, kind in COLUMNS)

    @classmethod
    def unpack(cls, data: bytes) -> SeriesData:
        """The points of a chunk's bytes."""
        points = len(data) // (8 * len(COLUMNS))
        return cls(*(np.frombuffer(data, kind, points, 8 * points * i) for i, (_, kind) in enumerate(COLUMNS)))

    @classmethod
    def of_rows(cls, rows: Sequence[Sequence[Any]]) -> SeriesData:
        """The points of rows (step, updates, active seconds, wall time, value); a value None becomes NaN."""
        columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
        return cls(*(np.array(column, dtype=kind) for column, (_, kind) in zip(columns, COLUMNS, strict=True)))

    @classmethod
    def joined(cls, parts: Sequence[SeriesData]) -> SeriesData:
        """Parts one after the other."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name, _ in COLUMNS))
