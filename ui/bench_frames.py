"""How smooth the real window stays while runs train in its process, and what watching them costs the runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, QObject, Qt, QTimer

from storage import Project, open_project
from ui.app import Application
from ui.application_log import keep_log
from ui.bench_view import LiveView, Watch
from ui.feed import Feed
from ui.main_window import MainWindow
from ui.plots.choices import CurveChoices
from ui.preferences import Preferences
from workbench.presets import find_preset
from workbench.spec import RunSpec

#: milliseconds of the timer whose intervals are measured
FRAME = 16
#: px of the window, even where the screen that is not there would be smaller
SIZE = (1600, 1000)
#: the metric in sight, and the points of each finished run's curve beside the running ones
METRIC, POINTS = "loss/critic", 10_000
#: seconds to wait for the engine, or for runs to begin learning; then until everything has settled
PATIENCE, SETTLE = 120.0, 0.5
#: updates after which a run counts as learning
LEARNS = 5


class Interrupted(RuntimeError):
    """The measurement could not be ended; the message says why."""


@dataclass(frozen=True)
class Frames:
    """Intervals of a timer of ``FRAME`` ms in the window's thread, and gradient updates per second of all runs."""

    threads: int
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
    """What to measure: for each of the ``threads``, numbers of training runs in ascending order, frames for ``seconds``
    with curves of the finished ``runs`` in sight too; for each of ``viewed`` among them ``pairs`` rounds of half that.
    """

    runs: Sequence[int]
    threads: Sequence[int]
    seconds: float
    viewed: Sequence[int]
    pairs: int


def measure_window(folder: Path, flight: Flight) -> tuple[list[Frames], list[LiveView]]:
    """The window over the project in ``folder``. Raises Interrupted."""
    keep_log(folder / "window.log")  # not the user's
    pilot = Pilot(Preferences(folder / "window.json"), flight)
    pilot.preferences.set("curves", CurveChoices(metric=METRIC).to_json())
    try:
        project = open_project(folder, write=True)
        add_curves(project, flight.runs)
        pilot.show(project)
    finally:
        pilot.close()
    if pilot.problem:
        raise Interrupted(pilot.problem)
    return pilot.frames, pilot.views


def add_curves(project: Project, runs: Sequence[int]) -> None:
    """Store a long curve for each of the runs."""
    for run in runs:
        values = np.random.default_rng(run).normal(size=POINTS).cumsum()
        steps = range(POINTS)
        project.series.append_many(run, [(METRIC, at, at, 0.01 * at, 0.01 * at, values[at]) for at in steps])
    project.writer.flush()


def training_spec(seed: int) -> RunSpec:
    """A run of the quick preset's sizes without an end, which soon learns and logs ten times a second or so."""
    endless = {"total_steps": 10_000_000, "engine.evaluation_interval": 10_000_000, "engine.keep_snapshots": False}
    soon = {"warm_up_steps": 200, "environment.max_episode_steps": 200, "engine.evaluation_episodes": 1}
    changes = endless | soon | {"engine.log_interval": 5}
    return find_preset("alm-quick").spec(changes, seeds=(seed,), device="cpu")


class Pilot(Application):
    """The application, which measures itself once its window is on the screen, and then leaves."""

    def __init__(self, preferences: Preferences, flight: Flight) -> None:
        super().__init__(preferences)
        self.problem = ""
        self.frames: list[Frames] = []
        self.views: list[LiveView] = []
        self._flight = flight
        self._left = False

    def build(self, project: Project) -> MainWindow:
        """The window, which begins to measure as soon as its loop runs."""
        window = super().build(project)
        window.closed.connect(self._note_closed)
        QTimer.singleShot(0, window, lambda: self._fly(window))
        return window

    def _note_closed(self) -> None:
        self._left = True

    def _fly(self, window: MainWindow) -> None:
        try:
            self._measure(window)
        except Exception as error:  # noqa: BLE001  whatever it is, the window must be left
            self.problem = str(error) if isinstance(error, Interrupted) else f"{type(error).__name__}: {error}"
        window.leave()

    def _measure(self, window: MainWindow) -> None:
        context = window.context
        assert context is not None
        engine = context.engine
        window.resize(*SIZE)
        window.show_workspace("watch")
        context.selection.select(self._flight.runs)
        self._wait_until(lambda: engine.state != "preparing", "load the engine")
        if engine.queue is None:
            raise Interrupted(f"The engine cannot be loaded: {engine.problem}")
        engine.queue.limits["cpu"] = max(self._flight.threads)
        training: list[int] = []
        for number in self._flight.threads:
            while len(training) < number:
                training += engine.queue.submit(training_spec(len(training) + 1))
            context.selection.select((*self._flight.runs, *training))
            self.frames.append(self._measure_one(context.feed, tuple(training)))
            if number in self._flight.viewed:
                channels = [channel for channel in map(engine.queue.channel, training) if channel is not None]
                watch = Watch(window.workspaces["watch"].docks["simulation"], channels, self._wait)
                name = training_spec(1).environment
                self.views.append(watch.measure(name, self._flight.pairs, self._flight.seconds / 2))

    def _measure_one(self, feed: Feed, training: tuple[int, ...]) -> Frames:
        """Frames while these runs train; first they are waited for."""

        def updates() -> list[int]:
            found = [feed.progress(run) for run in training]
            return [0 if progress is None else progress.updates for progress in found]

        self._wait_until(lambda: all(count > LEARNS for count in updates()), "begin learning")
        self._wait(SETTLE)
        clock, before, begin = FrameClock(), sum(updates()), time.perf_counter()
        clock.start()
        self._wait(self._flight.seconds)
        clock.stop()
        return summary(len(training), clock.intervals, (sum(updates()) - before) / (time.perf_counter() - begin))

    def _wait_until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.perf_counter() + PATIENCE
        while not condition():
            if time.perf_counter() > end:
                raise Interrupted(f"It took longer than {PATIENCE:g} s to {what}.")
            self._wait(0.1)

    def _wait(self, seconds: float) -> None:
        loop = QEventLoop()
        QTimer.singleShot(round(1e3 * seconds), loop.quit)
        loop.exec()
        if self._left or self.termination.received:
            raise Interrupted("The window was closed before everything was measured.")


def summary(threads: int, intervals: Sequence[float], updates_per_second: float) -> Frames:
    """The distribution of intervals (seconds) in milliseconds."""
    p50, p95, p99 = 1e3 * np.percentile(intervals, (50, 95, 99))
    return Frames(threads, len(intervals), p50, p95, p99, 1e3 * max(intervals), updates_per_second)
