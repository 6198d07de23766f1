"""Where something was measured, and whether others were using the machine meanwhile."""

from __future__ import annotations

import os
from dataclasses import dataclass

import psutil

from workbench.engine.provenance import processor


@dataclass(frozen=True)
class Machine:
    """``load`` is the mean number of threads that ran or waited in the minute before: above 0, cores were shared."""

    processor: str
    cores: int
    load: float

    def __str__(self) -> str:
        return f"{self.processor}, {self.cores} cores, load before {self.load:.1f}"


def describe_machine() -> Machine:
    """This machine now."""
    return Machine(processor(), os.cpu_count() or 1, round(psutil.getloadavg()[0], 2))
