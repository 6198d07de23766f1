"""How fast a run is, how long it will take, and what the machine is doing."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import psutil

#: a run's speed is judged by the last this many seconds
WINDOW = 60.0
#: below this fraction of the budget nothing is promised
LEAST_PROGRESS = 0.02


@dataclass(frozen=True)
class Remaining:
    """Seconds left: the expectation, and the range that covers about nine of ten."""

    seconds: float
    low: float
    high: float


class SpeedEstimate:
    """Speed and time left of one run, from samples of (seconds, step, updates) about once a second.

    Pauses must not be sampled; call :meth:`restart` after one. Warm-up steps are a hundred times faster than the rest,
    so samples from before its end are forgotten once it is over.
    """

    def __init__(self, total_steps: int, warm_up_steps: int) -> None:
        self.total_steps = total_steps
        self._warm_up = warm_up_steps
        self._samples: deque[tuple[float, int, int]] = deque()

    def restart(self) -> None:
        """Forget the past, as after a pause."""
        self._samples.clear()

    def add(self, seconds: float, step: int, updates: int) -> None:
        """One sample; time and step never go back."""
        samples = self._samples
        if samples and (seconds <= samples[-1][0] or step < samples[-1][1]):
            return
        samples.append((seconds, step, updates))
        while len(samples) > 2 and samples[0][0] < seconds - WINDOW:
            samples.popleft()
        if step > self._warm_up:
            while len(samples) > 2 and samples[1][1] <= self._warm_up:
                samples.popleft()

    @property
    def steps_per_second(self) -> float | None:
        """Environment steps per second over the window; None before the second sample."""
        return self._rate(1)

    @property
    def updates_per_second(self) -> float | None:
        """Gradient updates per second over the window."""
        return self._rate(2)

    def remaining(self) -> Remaining | None:
        """Time left; None before :data:`LEAST_PROGRESS`, before warm-up is over, or while nothing moves.

        The range comes from how much the speed varied between tenths of the window: the mean speed plus and minus
        1.65 standard errors, where a speed that holds for the rest is assumed to vary as it did.
        """
        rate = self.steps_per_second
        if not self._samples or rate is None or rate <= 0:
            return None
        _, step, _ = self._samples[-1]
        if step < LEAST_PROGRESS * self.total_steps or step <= self._warm_up:
            return None
        left = max(self.total_steps - step, 0)
        rates = self._parts(10)
        if len(rates) < 3:
            return Remaining(left / rate, 0.5 * left / rate, 2.0 * left / rate)
        mean = sum(rates) / len(rates)
        spread = math.sqrt(sum((value - mean) ** 2 for value in rates) / (len(rates) - 1))
        relative = min(1.65 * spread / (mean * math.sqrt(len(rates))) + 0.03, 0.9)
        return Remaining(left / rate, left / (rate * (1 + relative)), left / (rate * (1 - relative)))

    def _rate(self, column: int) -> float | None:
        if len(self._samples) < 2:
            return None
        first, last = self._samples[0], self._samples[-1]
        return (last[column] - first[column]) / (last[0] - first[0])

    def _parts(self, count: int) -> list[float]:
        samples = list(self._samples)
        width = max(1, (len(samples) - 1) // count)
        ends = samples[::width]
        return [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.pairwise(ends)]


@dataclass(frozen=True)
class GpuLoad:
    """One GPU: its use in 0..1 (None where the driver does not tell) and memory in bytes."""

    name: str
    use: float | None
    memory_used: int
    memory_total: int


@dataclass(frozen=True)
class MachineLoad:
    """The machine now: CPU use in 0..1 over all cores, memory and disk in bytes."""

    cpu: float
    memory_used: int
    memory_total: int
    process_memory: int
    disk_free: int
    gpus: tuple[GpuLoad, ...]


def machine_load(folder: Path) -> MachineLoad:
    """A look at the machine; CPU use is that since the last call. ``folder`` says which disk."""
    memory = psutil.virtual_memory()
    return MachineLoad(
        cpu=psutil.cpu_percent() / 100,
        memory_used=memory.total - memory.available,
        memory_total=memory.total,
        process_memory=psutil.Process().memory_info().rss,
        disk_free=psutil.disk_usage(str(folder)).free,
        gpus=_gpus(),
    )


def _gpus() -> tuple[GpuLoad, ...]:
    try:
        import pynvml
    except ImportError:
        return ()
    found = []
    with contextlib.suppress(pynvml.NVMLError):  # no driver, no GPU
        pynvml.nvmlInit()
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            use = None
            with contextlib.suppress(pynvml.NVMLError):
                use = pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100
            found.append(GpuLoad(str(pynvml.nvmlDeviceGetName(handle)), use, int(memory.used), int(memory.total)))
    return tuple(found)
