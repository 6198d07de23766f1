"""A named thread that opens runs' sessions (fresh, resumed or forked), drives them, and records how each ended."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from workbench import events
from workbench.agents.base import ShapeMismatch
from workbench.engine.acceleration import how_it_computes, own_stream
from workbench.engine.channel import Channel
from workbench.engine.driver import Convoy, Driver, Patience
from workbench.engine.lanes import Lane, Lanes
from workbench.engine.measures import NonFiniteValue
from workbench.engine.processor import prepare_cpu, use_threads
from workbench.engine.recorder import Recorder, RunState, StorageError
from workbench.engine.session import TrainingSession
from workbench.environments.problem import EnvironmentProblem
from workbench.registry import BrokenEntry, UnknownName
from workbench.settings import SettingsError

#: failures whose sentence says all that a user needs; anything else is shown with its type and the step
EXPLAINED = (
    BrokenEntry,
    EnvironmentProblem,
    NonFiniteValue,
    SettingsError,
    ShapeMismatch,
    StorageError,
    UnknownName,
)


@dataclass(frozen=True)
class Outcome:
    """How a worker ended: the run's state, a sentence, and the traceback of a failure.

    ``recorded`` is false when the project could not take it: then the run still has its earlier state there.
    """

    state: RunState
    message: str = ""
    traceback: str = ""
    recorded: bool = True


class Worker:
    """One run's place in a :class:`Crew`: its channel, and how it ended."""

    def __init__(self, run_id: int, device: torch.device, channel: Channel, crew: Crew) -> None:
        self.run_id, self.device, self.channel, self.crew = run_id, device, channel, crew
        self.outcome: Outcome | None = None
        self._over = threading.Event()

    @property
    def alive(self) -> bool:
        """Whether the run has not ended."""
        return not self._over.is_set()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the run to end, and for the thread with its last run; returns whether it has ended in time."""
        begin = time.monotonic()
        ended = self._over.wait(timeout)
        if ended and not self.crew.alive:
            ended = self.crew.join(None if timeout is None else max(0.0, begin + timeout - time.monotonic()))
        return ended

    def leave(self) -> None:
        """The run has ended; the crew's thread calls it."""
        self._over.set()


class Crew:
    """The thread of one run, or of several that advance in lockstep. Their states must allow ``running``.

    ``runs`` are of one spec; their seeds differ. The thread gives way to the window's unless ``gives_way`` is false.
    """

    def __init__(
        self,
        recorder: Recorder,
        runs: Sequence[int],
        device: torch.device,
        disk_patience: float,
        gives_way: bool = True,
    ) -> None:
        changed = threading.Condition()
        self.device = device
        self.workers = [Worker(run_id, device, Channel(changed), self) for run_id in runs]
        self._recorder = recorder
        self._disk_patience = disk_patience
        self._gives_way = gives_way
        name = f"run {', '.join(map(str, runs))}"
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether one of the runs has not ended."""
        return any(worker.alive for worker in self.workers)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the thread; returns whether it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        if self._gives_way:
            lower_priority()
        try:
            with own_stream(self.device):
                self._drive()
        finally:
            for worker in self.workers:
                worker.leave()

    def _drive(self) -> None:
        sessions = {worker: opened for worker in self.workers if (opened := self._open(worker)) is not None}
        lanes = Lanes(session for session, _ in sessions.values())
        drivers = {
            self._driver(worker, lane, active_seconds): worker
            for (worker, (_, active_seconds)), lane in zip(sessions.items(), lanes.lanes, strict=True)
        }
        for driver, ending in Convoy(lanes, drivers).drive():
            self._end(drivers[driver], ending, driver.session)

    def _driver(self, worker: Worker, lane: Lane, active_seconds: float) -> Driver:
        return Driver(
            lane,
            self._recorder,
            worker.channel,
            active_seconds=active_seconds,
            disk_patience=self._disk_patience,
        )

    def _open(self, worker: Worker) -> tuple[TrainingSession, float] | None:
        """The session and the seconds that it was active before; None where that failed, and the run has ended."""
        run_id = worker.run_id
        try:
            row = self._recorder.run(run_id)
            begun_before = row.started is not None
            patience = Patience(worker.channel, self._disk_patience)
            patience.store(lambda: self._recorder.change_state(run_id, RunState.RUNNING))
            began = events.StateChanged(run_id, row.step, row.updates, time.time(), RunState.RUNNING.value, "")
            worker.channel.publish(began)
            return open_session(self._recorder, run_id, worker.device, worker.channel, begun_before)
        except Exception as error:  # noqa: BLE001  a run that cannot be opened fails, and the others go on
            self._end(worker, error, None)
            return None

    def _end(self, worker: Worker, ending: RunState | Exception, session: TrainingSession | None) -> None:
        """Record how a run ended, and release what it held."""
        waited = isinstance(ending, StorageError)
        step, updates = (session.step, session.agent.updates) if session is not None else (0, 0)
        if isinstance(ending, Exception):
            outcome = failure(ending, None if session is None else step)
        else:
            outcome = Outcome(ending, "stopped on request" if ending is RunState.STOPPED else "")
        where = (worker.run_id, step, updates, time.time())
        try:
            if outcome.state is RunState.FAILED:
                fault = events.Fault(*where, outcome.message, outcome.traceback)
                worker.channel.publish(fault)
                self._recorder.record(fault, 0.0)
            patience = Patience(worker.channel, 0.0 if waited else self._disk_patience)
            patience.store(lambda: record_outcome(self._recorder, worker.run_id, outcome))
        except StorageError as error:
            outcome = Outcome(RunState.FAILED, outcome.message or str(error), outcome.traceback, recorded=False)
        worker.outcome = outcome
        if session is not None:
            with contextlib.suppress(Exception):
                session.close()
        worker.channel.publish(events.StateChanged(*where, outcome.state.value, outcome.message))
        worker.leave()


def record_outcome(recorder: Recorder, run_id: int, outcome: Outcome) -> None:
    """Store how a run ended, or that it was put away paused. Raises storage.DiskFull, storage.StateRefused."""
    if outcome.state is RunState.PAUSED:
        recorder.put_away(run_id)
        return
    recorder.change_state(run_id, outcome.state, outcome.message, outcome.traceback or None)


def open_session(
    recorder: Recorder, run_id: int, device: torch.device, channel: Channel, begun_before: bool
) -> tuple[TrainingSession, float]:
    """The session of a stored run, continued from its youngest whole resume point if it has one.

    ``begun_before``: it was started once already, so that without a resume point it begins anew and says so. Returns
    the session, which belongs to the calling thread, and the seconds that it was active before.
    """
    spec, seed = recorder.spec(run_id)
    matmul = prepare_cpu(spec.engine.matmul).name
    use_threads(spec.engine.threads)
    point = recorder.load_resume_point(run_id)
    checkpoint = None if point is None else point.checkpoint
    notes = [f"Put aside, because it is damaged: {complaint}" for complaint in (point.complaints if point else ())]
    origin = recorder.origin(run_id) if checkpoint is None else None
    session = TrainingSession(spec, seed, run_id, device, networks=origin)
    with contextlib.ExitStack() as unless_it_opens:
        unless_it_opens.callback(session.close)  # or it would keep its environments and its claim on torch's precision
        how = {"matmul": matmul, "overlap": "on" if session.overlaps else "off", **how_it_computes(spec.engine, device)}
        changed = recorder.note_versions(run_id, **how)
        active_seconds = 0.0
        if point is not None and checkpoint is not None:
            obstacle = session.restore(checkpoint, point.replay)
            recorder.prepare_resume(run_id, session.step)
            active_seconds = checkpoint.document["active_seconds"]
            notes.append(f"Continued from step {session.step:,}.")
            if changed:
                difference = "numbers may differ from those of an uninterrupted run"
                notes.append(f"Since then this changed: {', '.join(changed)}; {difference}.")
            if obstacle is not None:
                notes.append(f"A new episode begins, because the simulator's state cannot be restored: {obstacle}")
        elif begun_before:
            recorder.prepare_resume(run_id, 0)
            notes.append(f"Started again from step 0: there was no {'whole ' if notes else ''}resume point.")
        for text in notes:
            note = events.Note(run_id, session.step, session.agent.updates, time.time(), text)
            recorder.note(run_id, "resume", session.step, session.agent.updates, text=text)
            channel.publish(note)
        unless_it_opens.pop_all()
    return session, active_seconds


def failure(error: Exception, step: int | None = None) -> Outcome:
    """The outcome of an exception that was raised after environment step ``step``."""
    message = str(error)
    if not isinstance(error, EXPLAINED):
        where = "" if step is None else f" (after environment step {step:,})"
        message = f"{type(error).__name__}: {message}{where}"
    return Outcome(RunState.FAILED, message, "".join(traceback.format_exception(error)))


def lower_priority() -> None:
    """Nice this thread by 10, so that the window stays smooth; Linux counts niceness per thread."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
