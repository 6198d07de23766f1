"""How often a moving scene is drawn while runs train: so that it takes a small share of the processors."""

from __future__ import annotations

import os
from collections import deque

#: seconds between two pictures at least
FRAME_INTERVAL = 1 / 30
#: of all processors the moving view takes this share at most. Idle ones do not make more of it free: drawing beside a
#: run slows it through what processors share (0.24 of two processors, half idle: by 18 %; 0.05 of them: by 6 %).
SHARE = 0.015
#: pictures of which the quickest counts, since now and then one is slow: the first one loads shaders
JUDGED = 5


class Pace:
    """Told what each picture cost, it says when the next one may begin.

    A priority would not do: the lowest one, on a busy machine, lets a first picture wait for minutes, and a thread that
    waits for a processor while it holds the interpreter's lock holds up every other one.
    """

    def __init__(self, processors: int = 0) -> None:
        self._allowed = SHARE * (processors or os.cpu_count() or 1)
        self._costs: deque[float] = deque(maxlen=JUDGED)

    def note(self, seconds: float) -> float:
        """A picture took ``seconds`` of a processor; returns seconds from its beginning to that of the next one."""
        self._costs.append(seconds)
        return max(FRAME_INTERVAL, min(self._costs) / self._allowed)
