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
from workbench.engine.driver import Driver
from workbench.engine.recorder import Recorder, RunState, StorageError
from workbench.engine.session import NonFiniteValue, TrainingSession
from workbench.environments.problem import EnvironmentProblem

#: failures whose sentence says all that a user needs; anything else is shown with its type
EXPLAINED = (EnvironmentProblem, NonFiniteValue, ShapeMismatch, StorageError)


@dataclass(frozen=True)
class Outcome:
    """How a worker ended: the run's state, a sentence, and the traceback of a failure."""

    state: RunState
    message: str = ""
    traceback: str = ""


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
        try:
            begun_before = self._recorder.run(self.run_id).started is not None
            self._recorder.change_state(self.run_id, RunState.RUNNING)
            spec, _ = self._recorder.spec(self.run_id)
            prepare_cpu(spec.engine.matmul)
            use_threads(spec.engine.threads)
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
            self._end(Outcome(state, "stopped on request" if state is RunState.STOPPED else ""), session)
        except Exception as error:  # noqa: BLE001  the worker's outermost handler: a run fails, the application lives on
            self._end(failure(error), session)
        finally:
            if session is not None:
                with contextlib.suppress(Exception):
                    session.close()

    def _end(self, outcome: Outcome, session: TrainingSession | None = None) -> None:
        step, updates = (session.step, session.agent.updates) if session is not None else (0, 0)
        where = (self.run_id, step, updates, time.time())
        try:
            if outcome.state is RunState.FAILED:
                fault = events.Fault(*where, outcome.message, outcome.traceback)
                self.channel.publish(fault)
                self._recorder.record(fault, 0.0)
            if self._recorder.run(self.run_id).status is RunState.PAUSED and outcome.state is RunState.STOPPED:
                self._recorder.change_state(self.run_id, RunState.STOPPING)
            self._recorder.change_state(
                self.run_id, outcome.state, outcome.message, outcome.traceback or None
            )
        except StorageError as error:
            outcome = Outcome(RunState.FAILED, f"{outcome.message} {error}".strip(), outcome.traceback)
        self.outcome = outcome
        self.channel.publish(events.StateChanged(*where, outcome.state.value, outcome.message))


def open_session(
    recorder: Recorder, run_id: int, device: torch.device, channel: Channel, begun_before: bool
) -> tuple[TrainingSession, float]:
    """The session of a stored run, continued from its youngest whole resume point if it has one.

    ``begun_before``: it was started once already, so that without a resume point it begins anew and says so. Returns
    the session and the seconds that it was active before.
    """
    spec, seed = recorder.spec(run_id)
    point = recorder.load_resume_point(run_id)
    session = TrainingSession(spec, seed, run_id, device, networks=recorder.origin(run_id))
    notes = [f"Put aside, because it is damaged: {complaint}" for complaint in (point.complaints if point else ())]
    active_seconds = 0.0
    if point is not None and point.checkpoint.document:
        recorder.prepare_resume(run_id, point.checkpoint.document["step"])
        obstacle = session.restore(point.checkpoint, point.replay)
        active_seconds = point.checkpoint.document["active_seconds"]
        notes.append(f"Continued from step {session.step:,}.")
        if obstacle is not None:
            notes.append(f"A new episode begins, because the simulator's state cannot be restored: {obstacle}")
    elif begun_before:
        recorder.prepare_resume(run_id, 0)
        notes.append("Started again from step 0: there was no resume point yet.")
    for text in notes:
        note = events.Note(run_id, session.step, session.agent.updates, time.time(), text)
        recorder.note(run_id, "resume", session.step, session.agent.updates, text=text)
        channel.publish(note)
    return session, active_seconds


def failure(error: Exception) -> Outcome:
    """The outcome of an exception."""
    message = str(error) if isinstance(error, EXPLAINED) else f"{type(error).__name__}: {error}"
    return Outcome(RunState.FAILED, message, "".join(traceback.format_exception(error)))


def lower_priority() -> None:
    """Nice this thread by 10, so that the window stays smooth; Linux counts niceness per thread."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
