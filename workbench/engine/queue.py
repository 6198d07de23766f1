"""Starts queued runs in order, as many at once as each device takes, and keeps track of their workers."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from workbench.engine.channel import Channel
from workbench.engine.devices import default_limit, resolve_device
from workbench.engine.driver import DISK_PATIENCE
from workbench.engine.recorder import Recorder, RunState
from workbench.engine.worker import Outcome, Worker, failure
from workbench.settings import Problem, SettingsError, diff, fields_of
from workbench.spec import RunSpec


class RunQueue:
    """The runs of one project in this process.

    Args:
        recorder: the project's.
        limits: device name -> runs at once, where the defaults (cores less one, two per GPU) will not do.
        only: start these runs alone and leave other queued ones where they are (the command line does).
        disk_patience: seconds that a run waits for room on a full disk before it gives up.
    """

    def __init__(
        self,
        recorder: Recorder,
        limits: Mapping[str, int] | None = None,
        only: Iterable[int] | None = None,
        disk_patience: float = DISK_PATIENCE,
    ) -> None:
        self.recorder = recorder
        self.limits = dict(limits or {})
        self._only = None if only is None else set(only)
        self._disk_patience = disk_patience
        self._lock = threading.Lock()
        self._workers: dict[int, Worker] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._closed = False

    # ---- what users do ----------------------------------------------------------------------------------------------

    def submit(self, spec: RunSpec) -> list[int]:
        """Queue one run per seed. Raises storage.DiskFull, SettingsError (no such device)."""
        resolve_device(spec.device)
        return self._allow(self.recorder.submit(spec))

    def resume(self, run_id: int, total_steps: int | None = None) -> None:
        """Queue a run that stopped, was interrupted, failed, or (with a larger budget) finished.

        Raises:
            SettingsError: there is nothing left to do, or the budget is not beyond what was done.
            storage.StateRefused: it is queued or running already.
        """
        if total_steps is not None:
            self.recorder.extend(run_id, total_steps)
        row = self.recorder.run(run_id)
        if row.status is RunState.FINISHED and row.step >= row.total_steps:
            self.recorder.extend(run_id, row.total_steps)
        self.recorder.change_state(run_id, RunState.QUEUED, "resume")
        self._allow([run_id])

    def fork(self, run_id: int, checkpoint: str, values: Mapping[str, Any], seeds: tuple[int, ...] = ()) -> list[int]:
        """Queue a new run that begins from a snapshot of ``run_id`` with changed settings.

        Raises:
            SettingsError: no such snapshot, or a field that shapes the saved networks is changed.
        """
        spec, seed = self.recorder.spec(run_id)
        changed = spec.changed(values)
        changed = RunSpec(**{**vars(changed), "seeds": seeds or (seed,), "preset": spec.preset})
        check_fork(spec, changed)
        origin = self.recorder.snapshot_row(run_id, checkpoint)
        return self._allow(self.recorder.submit(changed, parent=self.recorder.run(run_id), origin=origin))

    def pump(self) -> None:
        """Start what can be started and forget what has ended; call it regularly."""
        with self._lock:
            self._collect()
            if self._closed:
                return
            running = Counter(str(worker.device) for worker in self._workers.values())
            for row in self.recorder.queued():
                if self._only is not None and row.id not in self._only:
                    continue
                try:
                    device = resolve_device(row.device)
                except SettingsError as error:
                    self._fail(row.id, error)
                    continue
                name = str(device)
                if running[name] < self.limits.get(name, default_limit(device)):
                    running[name] += 1
                    worker = Worker(self.recorder, row.id, device, self._disk_patience)
                    self._workers[row.id] = worker
                    worker.start()

    def stop(self, run_id: int) -> None:
        """Stop a run with a resume point; a queued one leaves the queue."""
        worker = self._workers.get(run_id)
        if worker is not None:
            worker.channel.stop()
        else:
            self.recorder.change_state(run_id, RunState.STOPPED, "taken from the queue")

    def close(self, timeout: float | None = None) -> bool:
        """Stop every run with a resume point and join the threads; returns whether all ended in time."""
        self._closed = True
        for worker in self.workers():
            worker.channel.stop()
        deadline = None if timeout is None else time.monotonic() + timeout
        ended = all(
            worker.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
            for worker in self.workers()
        )
        with self._lock:
            self._collect()
        return ended

    # ---- what watchers read -----------------------------------------------------------------------------------------

    def workers(self) -> list[Worker]:
        """The workers of this process, in the order they began."""
        with self._lock:
            return list(self._workers.values())

    def channel(self, run_id: int) -> Channel | None:
        """The channel of a run that is running here."""
        worker = self._workers.get(run_id)
        return None if worker is None else worker.channel

    def outcome(self, run_id: int) -> Outcome | None:
        """How a run of this process ended; None while it has not."""
        return self._outcomes.get(run_id)

    @property
    def idle(self) -> bool:
        """Whether nothing runs and nothing that may start is waiting."""
        waiting = [row for row in self.recorder.queued() if self._only is None or row.id in self._only]
        return not waiting and not any(worker.alive for worker in self.workers())

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _allow(self, runs: list[int]) -> list[int]:
        if self._only is not None:
            self._only.update(runs)
        return runs

    def _collect(self) -> None:
        for run_id, worker in list(self._workers.items()):
            if not worker.alive:
                worker.join()
                self._outcomes[run_id] = worker.outcome or Outcome(RunState.FAILED, "the worker ended without a word")
                del self._workers[run_id]

    def _fail(self, run_id: int, error: Exception) -> None:
        outcome = failure(error)
        self._outcomes[run_id] = outcome
        self.recorder.change_state(run_id, RunState.FAILED, outcome.message)


def check_fork(parent: RunSpec, child: RunSpec) -> None:
    """Raise SettingsError if ``child`` changes something that the saved networks' shapes depend on."""

    structural = {field.path for field in fields_of(type(parent.settings), parent.settings) if field.structural}
    networks = structural - {"replay_capacity"}
    found = [
        Problem(path, f"{new} differs from the snapshot's {old}, which the saved networks were made for; leave it")
        for path, (old, new) in diff(parent.settings, child.settings).items()
        if path in networks
    ]
    if found:
        raise SettingsError(found)


