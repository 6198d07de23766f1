"""Timing several works in turns, so that what else the machine does slows them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles

import torch

#: rounds that are not counted: memory settles, libraries compile their kernels
WARM_UP_ROUNDS = 2
LEAST_ROUNDS, MOST_ROUNDS = 3, 200

#: does its work once: wall seconds and CPU seconds
Timed = Callable[[], tuple[float, float]]


@dataclass(frozen=True)
class Timing:
    """Milliseconds by the clock that counts: median and quartiles; and the median of wall time."""

    median: float
    quartiles: tuple[float, float]
    wall: float


def timed(work: Callable[[], object], device: torch.device | None = None, repeat: int = 1) -> Timed:
    """``work``, done ``repeat`` times and timed as one; a GPU is waited for at the end."""

    def wait() -> None:
        if device is not None and device.type == "cuda":
            torch.cuda.synchronize(device)

    def measured() -> tuple[float, float]:
        wait()
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(repeat):
            work()
        wait()
        return (time.perf_counter() - wall) / repeat, (time.process_time() - cpu) / repeat

    return measured


def in_turns(works: Mapping[str, Timed], end: float) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Rounds of each work once, until the clock shows ``end``: name -> wall times, name -> CPU times."""
    walls: dict[str, list[float]] = {name: [] for name in works}
    cpus: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(WARM_UP_ROUNDS):
        for work in works.values():
            work()
    for number in range(MOST_ROUNDS):
        if number >= LEAST_ROUNDS and time.perf_counter() > end:
            break
        for name, work in works.items():
            wall, cpu = work()
            walls[name].append(wall)
            cpus[name].append(cpu)
    return walls, cpus


def timing_of(times: list[float], walls: list[float]) -> Timing:
    """Median and quartiles of ``times``, and the median of ``walls``, all in seconds."""
    low, middle, high = quantiles(times, n=4, method="inclusive")
    return Timing(1e3 * middle, (1e3 * low, 1e3 * high), 1e3 * median(walls))


def ratio_of(above: list[float], below: list[float]) -> float:
    """The median over rounds of one time over the other."""
    return median(a / b for a, b in zip(above, below, strict=True))
