"""Running means of metrics, where the time goes, and the search for numbers that are none."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from workbench.agents.base import Agent

#: updates between two looks at whether a loss or gradient was not finite; each look waits for the device
NONFINITE_INTERVAL = 100
#: environment steps whose first update is remembered, to tell in which one a number was not finite
REMEMBERED_STEPS = 1000


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
            self.add(name, time.perf_counter() - begin)

    def add(self, name: str, seconds: float) -> None:
        """Count ``seconds`` to ``name``."""
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds

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


class LearningLog:
    """What was learned and where the time went, since a point of them was last logged.

    Args:
        interval: updates between two points; environment steps for what learns without gradient updates.
    """

    def __init__(self, interval: int) -> None:
        self.means = MetricMeans()
        #: the driver and the lanes add their own parts
        self.shares = TimeShares()
        self._interval = interval
        self._updates = self._step = 0

    def due(self, step: int, updates: int) -> bool:
        """Whether a point is due after environment step ``step`` and so many updates."""
        done, steps = updates - self._updates, step - self._step
        return done >= self._interval or (done == 0 and steps >= self._interval and len(self.means) > 0)

    def take(self, step: int, updates: int) -> dict[str, float]:
        """The point: means, speeds and shares of the time by metric name; begins anew. It waits for the device."""
        values = self.means.take()
        shares, seconds = self.shares.take()
        values["speed/updates"] = (updates - self._updates) / seconds
        values["speed/steps"] = (step - self._step) / seconds
        values.update({f"time/{name}": share for name, share in shares.items()})
        self._updates, self._step = updates, step
        return values

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Sums by number, and the rest as JSON."""
        sums, means = self.means.state()
        return sums, {"means": means, "logged": [self._updates, self._step], "shares": self.shares.state()}

    def load(self, tensors: Mapping[str, Tensor], document: Mapping[str, Any], device: torch.device) -> None:
        """Continue from :meth:`state`."""
        self.means.load(tensors, document["means"], device)
        self._updates, self._step = document["logged"]
        self.shares.load(document["shares"])


class FiniteCheck:
    """Finds the first number of ``agent`` that was not finite, and the environment step that it belongs to."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._looked_at = 0
        self._learned_from: deque[tuple[int, int]] = deque(maxlen=REMEMBERED_STEPS)  # updates before, environment step

    def begin_step(self, step: int) -> None:
        """The updates from now on follow environment step ``step``."""
        self._learned_from.append((self._agent.updates, step))

    @property
    def due(self) -> bool:
        """Whether there were enough updates since the last look for another, which waits for the device."""
        return self._agent.updates - self._looked_at >= NONFINITE_INTERVAL

    def skip(self) -> None:
        """What was done so far needs no look: it was looked at before it was saved."""
        self._looked_at = self._agent.updates

    def look(self, step: int) -> None:
        """Raise NonFiniteValue if a loss or gradient norm was not finite at some update until ``step``."""
        self._looked_at = self._agent.updates
        found = self._agent.first_nonfinite()
        if found is not None:
            name, update = found
            steps = [step for updates, step in self._learned_from if updates < update]
            place = f"update {update:,} (environment step {steps[-1] if steps else step:,})"
            raise NonFiniteValue(f"{name} was not finite at {place}")
