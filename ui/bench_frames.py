"""How smooth the real window stays while runs train in its process, and what watching them costs the runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer

from storage import Project, open_project
from ui.bench_fleet import CHOSEN, PLAIN, Fleet, Manners, training_spec
from ui.bench_pilot import Pilot
from ui.bench_view import LiveView, Watch
from ui.main_window import MainWindow
from ui.plots.choices import CurveChoices
from ui.selection import Selection

#: milliseconds of the timer whose intervals are measured
FRAME = 16
#: the metric in sight, and the points of each finished run's curve beside the running ones
METRIC, POINTS = "loss/critic", 10_000
#: seconds until everything has settled
SETTLE = 0.5
#: which runs train in the rounds whose frames are put together: a machine that others use changes with time
TURNS = (CHOSEN, PLAIN, PLAIN, CHOSEN)


@dataclass(frozen=True)
class Frames:
    """Intervals of a timer of ``FRAME`` ms in the window's thread, and gradient updates per second of all runs.

    ``threads`` train, with a lower priority than the window's or without one, each with so many ``intra_op_threads``.
    """

    threads: int
    lower_priority: bool
    intra_op_threads: int
    frames: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    updates_per_second: float


class FrameClock(QObject):
    """Notes how long after the last time its timer fires."""

    def __init__(self) -> None:
        super().__init__()
        self.intervals: list[float] = []
        self._last = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(FRAME)
        self._timer.timeout.connect(self._note)

    def start(self) -> None:
        """Begin anew."""
        self.intervals.clear()
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> None:
        """No more."""
        self._timer.stop()

    def _note(self) -> None:
        now = time.perf_counter()
        self.intervals.append(now - self._last)
        self._last = now


@dataclass(frozen=True)
class Flight:
    """What to measure: for each of the ``threads``, numbers of training runs, frames for ``seconds`` with the settings
    that runs get and as long without them, with curves of the finished ``runs`` in sight too; for each of ``viewed``
    among them ``pairs`` rounds of half that.
    """

    runs: Sequence[int]
    threads: Sequence[int]
    seconds: float
    viewed: Sequence[int]
    pairs: int


def measure_window(folder: Path, flight: Flight) -> tuple[list[Frames], list[LiveView]]:
    """The window over the project in ``folder``. Raises Interrupted."""
    project = open_project(folder, write=True)
    add_curves(project, flight.runs)
    pilot = FramePilot(folder, flight)
    pilot.fly(project)
    return pilot.frames, pilot.views


def add_curves(project: Project, runs: Sequence[int]) -> None:
    """Store a long curve for each of the runs."""
    for run in runs:
        values = np.random.default_rng(run).normal(size=POINTS).cumsum()
        steps = range(POINTS)
        project.series.append_many(run, [(METRIC, at, at, 0.01 * at, 0.01 * at, values[at]) for at in steps])
    project.writer.flush()


class FramePilot(Pilot):
    """Measures frames and the live view's cost."""

    def __init__(self, folder: Path, flight: Flight) -> None:
        super().__init__(folder)
        self.preferences.set("curves", CurveChoices(metric=METRIC).to_json())
        self.frames: list[Frames] = []
        self.views: list[LiveView] = []
        self._flight = flight

    def build(self, project: Project) -> MainWindow:
        """The window; its engine keeps the window's priority, which threads inherit, since runs with it are wanted."""
        window = super().build(project)
        assert window.context is not None
        window.context.engine.gives_way = False
        return window

    def measure(self, window: MainWindow) -> None:
        """Frames of the window, and the cost of its live view. Raises Interrupted."""
        context = window.context
        assert context is not None
        window.show_workspace("watch")
        context.selection.select(self._flight.runs)
        queue = self.wait_for_engine(window)
        queue.limits["cpu"] = 2 * max(self._flight.threads)
        fleets = {kind: Fleet(queue, context.feed, kind, self.wait_until) for kind in (CHOSEN, PLAIN)}
        for number in self._flight.threads:
            self.frames += self._measure_fleets(context.selection, fleets, number)
            if number in self._flight.viewed:
                training = self._train(context.selection, fleets, CHOSEN, number)
                channels = {run: channel for run in training if (channel := queue.channel(run)) is not None}
                watch = Watch(window.workspaces["watch"].docks["simulation"], channels, self.wait)
                name = training_spec(1).environment
                self.views.append(watch.measure(name, self._flight.pairs, self._flight.seconds / 2))

    def _measure_fleets(self, selection: Selection, fleets: dict[Manners, Fleet], number: int) -> list[Frames]:
        """Frames while ``number`` runs train: of each fleet in turn."""
        turns = TURNS if number else (CHOSEN, CHOSEN)
        rounds: dict[Manners, list[tuple[list[float], int, float]]] = {kind: [] for kind in turns}
        for kind in turns:
            self._train(selection, fleets, kind, number)
            rounds[kind].append(self._round(fleets[kind]))
        return [summary(number, kind, found) for kind, found in rounds.items()]

    def _train(self, selection: Selection, fleets: dict[Manners, Fleet], kind: Manners, number: int) -> list[int]:
        """Have ``number`` runs of one fleet train, in sight, and no other; returns them."""
        for other, fleet in fleets.items():
            if other is not kind:
                fleet.train(0)
        fleets[kind].train(number)
        training = fleets[kind].runs[:number]
        selection.select((*self._flight.runs, *training))
        self.wait(SETTLE)
        return training

    def _round(self, fleet: Fleet) -> tuple[list[float], int, float]:
        """Intervals of frames, updates, and seconds that passed."""
        clock, before, begin = FrameClock(), fleet.updates(), time.perf_counter()
        clock.start()
        self.wait(self._flight.seconds / 2)
        clock.stop()
        return clock.intervals, fleet.updates() - before, time.perf_counter() - begin


def summary(threads: int, manners: Manners, rounds: Sequence[tuple[list[float], int, float]]) -> Frames:
    """The distribution of all rounds' intervals in milliseconds; a round: intervals, updates, seconds that it took."""
    intervals, updates, seconds = zip(*rounds, strict=True)
    together = np.concatenate(intervals)
    p50, p95, p99 = 1e3 * np.percentile(together, (50, 95, 99))
    return Frames(
        threads=threads,
        lower_priority=manners.lower_priority,
        intra_op_threads=manners.intra_op_threads,
        frames=len(together),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        max_ms=1e3 * together.max(),
        updates_per_second=sum(updates) / sum(seconds),
    )
