"""A named thread around one driver: opens the session (fresh, resumed or forked), drives it, records how it ended."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import traceback
from dataclasses import dataclass

import torch

from workbench import events
from workbench.agents.base import ShapeMismatch
from workbench.engine.acceleration import prepare_cpu, use_threads
from workbench.engine.channel import Channel
from workbench.engine.driver import Driver, Patience
from workbench.engine.measures import NonFiniteValue
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
    """Runs one stored run. The run's state must allow ``running``."""

    def __init__(self, recorder: Recorder, run_id: int, device: torch.device, disk_patience: float) -> None:
        self.run_id = run_id
        self.device = device
        self.channel = Channel()
        self.outcome: Outcome | None = None
        self._recorder = recorder
        self._disk_patience = disk_patience
        self._thread = threading.Thread(target=self._work, name=f"run {run_id}", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the thread; returns whether it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        lower_priority()
        session: TrainingSession | None = None
        patience = Patience(self.channel, self._disk_patience)
        try:
            row = self._recorder.run(self.run_id)
            begun_before = row.started is not None
            patience.store(lambda: self._recorder.change_state(self.run_id, RunState.RUNNING))
            began = events.StateChanged(self.run_id, row.step, row.updates, time.time(), RunState.RUNNING.value, "")
            self.channel.publish(began)
            session, active_seconds = open_session(
                self._recorder, self.run_id, self.device, self.channel, begun_before
            )
            driver = Driver(
                session,
                self._recorder,
                self.channel,
                active_seconds=active_seconds,
                disk_patience=self._disk_patience,
            )
            state = driver.drive()
            self._end(Outcome(state, "stopped on request" if state is RunState.STOPPED else ""), session, patience)
        except Exception as error:  # noqa: BLE001  the worker's outermost handler: a run fails, the application lives on
            waited = isinstance(error, StorageError)
            step = None if session is None else session.step
            self._end(failure(error, step), session, Patience(self.channel, 0.0) if waited else patience)
        finally:
            if session is not None:
                with contextlib.suppress(Exception):
                    session.close()

    def _end(self, outcome: Outcome, session: TrainingSession | None, patience: Patience) -> None:
        step, updates = (session.step, session.agent.updates) if session is not None else (0, 0)
        where = (self.run_id, step, updates, time.time())
        try:
            if outcome.state is RunState.FAILED:
                fault = events.Fault(*where, outcome.message, outcome.traceback)
                self.channel.publish(fault)
                self._recorder.record(fault, 0.0)
            patience.store(lambda: record_outcome(self._recorder, self.run_id, outcome))
        except StorageError as error:
            outcome = Outcome(RunState.FAILED, outcome.message or str(error), outcome.traceback, recorded=False)
        self.outcome = outcome
        self.channel.publish(events.StateChanged(*where, outcome.state.value, outcome.message))


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
    changed = recorder.note_versions(run_id, prepare_cpu(spec.engine.matmul).name)
    use_threads(spec.engine.threads)
    point = recorder.load_resume_point(run_id)
    checkpoint = None if point is None else point.checkpoint
    notes = [f"Put aside, because it is damaged: {complaint}" for complaint in (point.complaints if point else ())]
    origin = recorder.origin(run_id) if checkpoint is None else None
    session = TrainingSession(spec, seed, run_id, device, networks=origin)
    active_seconds = 0.0
    if point is not None and checkpoint is not None:
        obstacle = session.restore(checkpoint, point.replay)
        recorder.prepare_resume(run_id, session.step)
        active_seconds = checkpoint.document["active_seconds"]
        notes.append(f"Continued from step {session.step:,}.")
        if changed:
            difference = "numbers may differ in their last bits from those of an uninterrupted run"
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
