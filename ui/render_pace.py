"""How often a moving scene is drawn while runs train: as often as the processors have time to spare for it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import psutil

#: seconds between two pictures at least
FRAME_INTERVAL = 1 / 30
#: of all processors the moving view takes this share when they are all busy, so that training keeps its speed
SHARE = 0.02
#: processors that are left idle for the window's own thread
RESERVE = 0.2
#: seconds over which the processors are judged
WINDOW = 1.0


def idle_seconds() -> float:
    """Seconds that the processors were idle since the machine was started, added up over them."""
    return float(psutil.cpu_times().idle)


class Pace:
    """Told what each picture cost, it says when the next one may begin.

    A priority would not do: the lowest one, on a busy machine, lets a first picture wait for minutes, and a thread that
    waits for a processor while it holds the interpreter's lock holds up every other one.
    """

    def __init__(
        self, idle: Callable[[], float] = idle_seconds, clock: Callable[[], float] = time.monotonic, processors: int = 0
    ) -> None:
        self._idle, self._clock = idle, clock
        self._processors = processors or os.cpu_count() or 1
        self._interval = FRAME_INTERVAL
        self._begin()

    def note(self, seconds: float) -> float:
        """A picture took ``seconds`` of a processor; returns seconds from its beginning to that of the next one."""
        self._spent += seconds
        self._pictures += 1
        elapsed = self._clock() - self._began
        if elapsed >= WINDOW:
            # What was drawn is counted as idle time, or drawing would slow itself down.
            spare = (self._idle() - self._idle_before + self._spent) / elapsed - RESERVE
            allowed = max(SHARE * self._processors, spare)
            self._interval = max(FRAME_INTERVAL, self._spent / self._pictures / allowed)
            self._begin()
        return self._interval

    def _begin(self) -> None:
        self._began, self._idle_before = self._clock(), self._idle()
        self._spent, self._pictures = 0.0, 0
