"""What the live view costs runs that train: rounds with the simulation in sight and out of sight, in turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median

import numpy as np
import psutil
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from ui.dock import PanelDock
from workbench.engine.channel import Channel
from workbench.events import Progress

#: seconds from the view's coming or going until a round begins
SETTLE = 1.0
#: the least part of a round that training is taken to have had a processor for
LEAST = 0.05


@dataclass(frozen=True)
class Round:
    """What happened in a second.

    ``updates`` are gradient updates of all runs; ``unhindered`` those in a second that no training thread spent waiting
    for a processor, which is what others on the machine cannot change (Linux; elsewhere the same as ``updates``).
    ``pictures`` were drawn, and the threads that do not train used ``processors`` seconds of processors.
    """

    updates: float
    unhindered: float
    pictures: float
    processors: float


@dataclass(frozen=True)
class LiveView:
    """``threads`` runs train in ``environment``; rounds with the view in sight and without follow each other in pairs.

    ``cost``: the part of the training's speed that the view took, the median of the pairs between their quartiles
    ``low_cost`` and ``high_cost``; below 0 where noise was larger. ``unhindered_cost``: the same, by the seconds in
    which no training thread waited for a processor. ``shown`` and ``hidden`` are medians of the rounds.
    """

    environment: str
    threads: int
    pairs: int
    cost: float
    low_cost: float
    high_cost: float
    unhindered_cost: float
    shown: Round
    hidden: Round


class PictureCount(QObject):
    """Counts the pictures that a renderer has made."""

    def __init__(self, dock: PanelDock) -> None:
        super().__init__()
        self.count = 0
        dock.panel.renderer.rendered.connect(self._note)  # type: ignore[attr-defined]

    def _note(self) -> None:
        self.count += 1


class Watch:
    """Measures with the simulation's dock while ``channels``, by run, are of those that train; ``wait`` lets the window
    live for so many seconds."""

    def __init__(self, dock: PanelDock, channels: Mapping[int, Channel], wait: Callable[[float], None]) -> None:
        self._dock, self._channels, self._wait = dock, channels, wait
        self._pictures = PictureCount(dock)

    def measure(self, environment: str, pairs: int, seconds: float) -> LiveView:
        """``pairs`` of rounds, each of ``seconds``; which of the two comes first alternates."""
        shown: list[Round] = []
        hidden: list[Round] = []
        for number in range(pairs):
            for visible in (number % 2 == 0, number % 2 == 1):
                (shown if visible else hidden).append(self._round(visible, seconds))
        self._dock.show()
        low, middle, high = np.percentile(_costs(shown, hidden, "updates"), (25, 50, 75))
        return LiveView(
            environment=environment,
            threads=len(self._channels),
            pairs=pairs,
            cost=middle,
            low_cost=low,
            high_cost=high,
            unhindered_cost=median(_costs(shown, hidden, "unhindered")),
            shown=_median(shown),
            hidden=_median(hidden),
        )

    def _round(self, visible: bool, seconds: float) -> Round:
        self._dock.setVisible(visible)
        if visible:
            self._dock.raise_()  # it may share its place with other panels
        self._wait(SETTLE)
        before, begin = self._state(), time.perf_counter()
        self._wait(seconds)
        elapsed = time.perf_counter() - begin
        updates, pictures, waited, used = self._state() - before
        # What a thread waited is told when it runs again, so it may be more than what a short round lasted.
        unhindered = max(elapsed - waited / max(len(self._channels), 1), LEAST * elapsed)
        return Round(updates / elapsed, updates / unhindered, pictures / elapsed, used / elapsed)

    def _state(self) -> NDArray[np.float64]:
        """Updates, pictures, seconds that training waited for a processor, seconds that all else used one."""
        newest = [channel.latest(Progress) for channel in self._channels.values()]
        updates = sum(each.updates for each in newest if isinstance(each, Progress))
        names = {f"run {run}" for run in self._channels}
        training = [each.native_id for each in threading.enumerate() if each.name in names]
        worked = sum(
            each.user_time + each.system_time for each in psutil.Process().threads() if each.id in training
        )
        return np.array((updates, self._pictures.count, sum(map(_waited, training)), time.process_time() - worked))


def _waited(thread: int | None) -> float:
    """Seconds that a thread was ready to run and no processor was free; 0 where Linux does not tell."""
    try:
        return int(Path(f"/proc/self/task/{thread}/schedstat").read_text("ascii").split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def _costs(shown: Sequence[Round], hidden: Sequence[Round], rate: str) -> list[float]:
    """The part of a rate that is missing from each pair's first; [0.0] if nothing was trained."""
    rates = [(getattr(a, rate), getattr(b, rate)) for a, b in zip(shown, hidden, strict=True)]
    return [1 - a / b for a, b in rates if b > 0] or [0.0]


def _median(rounds: Sequence[Round]) -> Round:
    return Round(*map(median, zip(*map(astuple, rounds), strict=True)))
