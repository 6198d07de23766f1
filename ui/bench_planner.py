"""How smooth the real window stays while a planner is stepped through, and while one drives an episode."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QTimer

from storage import RunState, open_project
from ui.bench_fleet import Interrupted
from ui.bench_frames import SETTLE, FrameClock
from ui.bench_pilot import Pilot
from ui.main_window import MainWindow
from ui.plan_episode import plan_episodes
from ui.plan_session import PlanSession, plan_session
from workbench.planners import PLANNERS
from workbench.presets import find_preset
from workbench.spec import RunSpec

if TYPE_CHECKING:
    from workbench.engine.queue import RunQueue

#: planners that are stepped through, without an end
STEPPED = ("cem", "gradient", "ilqr", "mcts")
#: the planner that drives
DRIVES = "cem"
#: milliseconds between two looks whether the last iteration is there, so that the next one is asked for
LOOK = 5


@dataclass(frozen=True)
class PlannerFrames:
    """Intervals of the window's timer while ``case`` goes on; ``done`` iterations, or decisions of a drive, per second.

    A drive is measured between its beginning and its end; times of the intervals are milliseconds.
    """

    case: str
    frames: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    done_per_second: float


def measure_planners(folder: Path, seconds: float) -> list[PlannerFrames]:
    """Each case for ``seconds``, over the project in ``folder``. Raises Interrupted."""
    pilot = PlannerPilot(folder, seconds)
    pilot.fly(open_project(folder, write=True))
    return pilot.frames


def short_spec() -> RunSpec:
    """A run of the quick preset's sizes, which ends as soon as it has learned a little and has a checkpoint."""
    changes = {"total_steps": 230, "warm_up_steps": 200, "environment.max_episode_steps": 100}
    return find_preset("alm-quick").spec(changes | {"engine.evaluation_episodes": 1}, seeds=(1,), device="cpu")


class PlannerPilot(Pilot):
    """Trains a model for a moment; then searches in it, one iteration after the other, in the workspace Plan."""

    def __init__(self, folder: Path, seconds: float) -> None:
        super().__init__(folder)
        self.frames: list[PlannerFrames] = []
        self._seconds = seconds

    def measure(self, window: MainWindow) -> None:
        """Frames of every case. Raises Interrupted."""
        context = window.context
        assert context is not None
        run = self._train(self.wait_for_engine(window))
        window.show_workspace("plan")
        context.selection.select((run,))
        session = plan_session(context)
        self.wait_until(lambda: session.ready, "find a state to plan from")
        for name in STEPPED:
            self._step(session, name)
        self._drive(window)

    def _train(self, queue: RunQueue) -> int:
        (run,) = queue.submit(short_spec())
        self.wait_until(lambda: queue.outcome(run) is not None, "train a model to plan in")
        outcome = queue.outcome(run)
        if outcome is None or outcome.state is not RunState.FINISHED:
            raise Interrupted(f"The run to plan for has not finished: {outcome.message if outcome else 'it is gone'}")
        return run

    def _step(self, session: PlanSession, name: str) -> None:
        """Ask for one iteration after the other; a search that has ended is followed by one with other noise."""
        session.restart()
        session.draft.use(name)
        done = 0

        def go_on() -> None:
            nonlocal done
            if session.thread_.busy:
                return
            if session.ended:
                session.restart()
                session.draft.choose(seed=session.draft.seed + 1)
            done += 1
            session.step()

        timer = QTimer()
        timer.setInterval(LOOK)
        timer.timeout.connect(go_on)
        timer.start()
        self.wait_until(lambda: session.shown > 1, "search")
        self._note(f"{PLANNERS.entries()[name].title} steps", lambda: done)
        timer.stop()
        session.cancel()
        if session.failure:
            raise Interrupted(f"{name} cannot search here: {session.failure}")

    def _drive(self, window: MainWindow) -> None:
        """Let a planner act; the episode is longer than what is measured of it."""
        assert window.context is not None
        session, episodes = plan_session(window.context), plan_episodes(window.context)
        session.draft.use(DRIVES)
        episodes.choose(steps=1000)
        episodes.drive()
        self.wait_until(lambda: len(episodes.rewards) > 1 or bool(episodes.drive_failure), "drive")
        self._note(f"{PLANNERS.entries()[DRIVES].title} drives", lambda: len(episodes.rewards))
        if episodes.drive_failure:
            raise Interrupted(f"{DRIVES} cannot drive here: {episodes.drive_failure}")
        episodes.cancel()

    def _note(self, case: str, count: Callable[[], int]) -> None:
        """The distribution of intervals, and how much was ``count``ed meanwhile."""
        self.wait(SETTLE)
        clock, before, begin = FrameClock(), count(), time.perf_counter()
        clock.start()
        self.wait(self._seconds)
        clock.stop()
        rate = (count() - before) / (time.perf_counter() - begin)
        p50, p95, p99 = 1e3 * np.percentile(clock.intervals, (50, 95, 99))
        worst = 1e3 * max(clock.intervals)
        self.frames.append(PlannerFrames(case, len(clock.intervals), p50, p95, p99, worst, rate))

