"""Runs that train while the window is measured: with the settings that they always have, or without them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import RunState
from ui.feed import Feed
from workbench.presets import find_preset
from workbench.spec import RunSpec

if TYPE_CHECKING:
    from workbench.engine.queue import RunQueue

#: updates after which a run counts as learning
LEARNS = 5


class Interrupted(RuntimeError):
    """The measurement could not be ended; the message says why."""


#: waits until a condition holds; the words say what for, if it never does
WaitUntil = Callable[[Callable[[], bool], str], None]


@dataclass(frozen=True)
class Manners:
    """How training threads behave towards the window: their priority (Linux), and intra-op threads of each."""

    lower_priority: bool
    intra_op_threads: int


#: as runs are set up; and as threads and torch are by themselves, with an intra-op thread for each core
CHOSEN, PLAIN = Manners(True, 1), Manners(False, os.cpu_count() or 1)


def training_spec(seed: int, manners: Manners = CHOSEN) -> RunSpec:
    """A run of the quick preset's sizes without an end, which soon learns and logs ten times a second or so."""
    endless = {"total_steps": 10_000_000, "engine.evaluation_interval": 10_000_000, "engine.keep_snapshots": False}
    soon = {"warm_up_steps": 200, "environment.max_episode_steps": 200, "engine.evaluation_episodes": 1}
    changes = endless | soon | {"engine.log_interval": 5, "engine.threads": manners.intra_op_threads}
    return find_preset("alm-quick").spec(changes, seeds=(seed,), device="cpu")


class Fleet:
    """Runs of one kind: so many of them train at a time, the others are paused."""

    def __init__(self, queue: RunQueue, feed: Feed, manners: Manners, wait_until: WaitUntil) -> None:
        self.manners = manners
        self.runs: list[int] = []
        self._queue, self._feed, self._wait_until = queue, feed, wait_until

    def train(self, number: int) -> None:
        """Have the first ``number`` of them train; returns when they learn and the others are paused.

        Raises Interrupted.
        """
        self._queue.gives_way = self.manners.lower_priority
        while len(self.runs) < number:
            self.runs += self._queue.submit(training_spec(len(self.runs) + 1, self.manners))
        self._wait_until(lambda: self._begun, "start runs")
        for place, run in enumerate(self.runs):
            channel = self._queue.channel(run)
            if channel is None:
                continue  # it has ended, which the next look tells
            if place < number:
                channel.proceed()
            else:
                channel.pause()
        self._wait_until(lambda: all(count > LEARNS for count in self._counts(number)), "begin learning")
        self._wait_until(lambda: self._settled(number), "pause runs")

    def updates(self) -> int:
        """Gradient updates of all of them until now."""
        return sum(self._counts(len(self.runs)))

    def _counts(self, number: int) -> list[int]:
        for run in self.runs:
            outcome = self._queue.outcome(run)
            if outcome is not None:
                raise Interrupted(f"A run that was to train has ended: {outcome.message}")
        found = [self._feed.progress(run) for run in self.runs[:number]]
        return [0 if progress is None else progress.updates for progress in found]

    @property
    def _begun(self) -> bool:
        return all(self._queue.channel(run) or self._queue.outcome(run) for run in self.runs)

    def _settled(self, number: int) -> bool:
        states = [self._queue.recorder.run(run).status for run in self.runs]
        wanted = [RunState.RUNNING] * number + [RunState.PAUSED] * (len(states) - number)
        return states == wanted
