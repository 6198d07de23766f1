"""Running means of metrics, where the time goes, and the error for numbers that are none."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


class NonFiniteValue(ArithmeticError):
    """A number that is not finite; the message names it, the update and the step."""


class MetricMeans:
    """Means of 0-d metrics over the items since the last :meth:`take`, summed on the device without waiting for it."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, ...], Tensor] = {}
        self._counts: dict[tuple[str, ...], int] = {}

    def add(self, metrics: Mapping[str, Tensor]) -> None:
        """One item's metrics."""
        names = tuple(metrics)
        if not names:
            return
        values = torch.stack(tuple(metrics.values())).to(torch.float64)
        if names in self._sums:
            self._sums[names] += values
        else:
            self._sums[names] = values
        self._counts[names] = self._counts.get(names, 0) + 1

    def __len__(self) -> int:
        return sum(self._counts.values())

    def take(self) -> dict[str, float]:
        """The means so far, and begin anew; this waits for the device."""
        totals: dict[str, float] = {}
        counts: dict[str, int] = {}
        for names, sums in self._sums.items():
            for name, total in zip(names, sums.tolist(), strict=True):
                totals[name] = totals.get(name, 0.0) + total
                counts[name] = counts.get(name, 0) + self._counts[names]
        self._sums.clear()
        self._counts.clear()
        return {name: total / counts[name] for name, total in totals.items()}

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Sums by number, and the names and counts as JSON."""
        items = list(self._sums.items())
        document = [{"names": list(names), "count": self._counts[names]} for names, _ in items]
        return {str(number): sums for number, (_, sums) in enumerate(items)}, {"items": document}

    def load(self, tensors: Mapping[str, Tensor], document: Mapping[str, Any], device: torch.device) -> None:
        """Continue from :meth:`state`."""
        for number, item in enumerate(document["items"]):
            names = tuple(item["names"])
            self._sums[names] = tensors[str(number)].to(device)
            self._counts[names] = item["count"]


class TimeShares:
    """Seconds spent per activity since the last :meth:`take`. Pauses between activities do not count."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Count the time inside to ``name``."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - begin

    def take(self) -> tuple[dict[str, float], float]:
        """Fraction of the time per activity, and the seconds they are fractions of; begins anew."""
        total = max(sum(self._seconds.values()), 1e-9)
        shares = {name: seconds / total for name, seconds in self._seconds.items()}
        self._seconds = dict.fromkeys(self._seconds, 0.0)  # an activity once seen is told of every time
        return shares, total

    def state(self) -> dict[str, float]:
        """Seconds per activity so far, as JSON."""
        return dict(self._seconds)

    def load(self, seconds: Mapping[str, float]) -> None:
        """Continue from :meth:`state`."""
        self._seconds = dict(seconds)
