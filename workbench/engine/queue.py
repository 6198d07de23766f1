"""Starts queued runs in order, as many at once as each device takes, and keeps track of their workers."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from workbench.engine.channel import Channel
from workbench.engine.devices import default_limit, resolve_device, takes_up
from workbench.engine.driver import DISK_PATIENCE
from workbench.engine.recorder import Recorder, RunRow, RunState, StateRefused, StorageError, UnknownRun
from workbench.engine.worker import Crew, Outcome, Worker, failure, record_outcome
from workbench.settings import Problem, SettingsError, diff, fields_of
from workbench.spec import RunSpec, check_seeds

#: states from which a run can be queued again
RESUMABLE = {RunState.PAUSED, RunState.STOPPED, RunState.INTERRUPTED, RunState.FAILED, RunState.FINISHED}


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
        #: whether the runs that it starts give way to the window: their threads get a lower priority
        self.gives_way = True
        self._only = None if only is None else set(only)
        self._disk_patience = disk_patience
        self._lock = threading.RLock()
        self._workers: dict[int, Worker] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._unrecorded: set[int] = set()  # ended, and the full disk did not take it yet
        self._closed = False

    # ---- what users do ----------------------------------------------------------------------------------------------

    def submit(self, spec: RunSpec, group: int | None = None) -> list[int]:
        """Queue one run per seed, in ``group`` where it is given. Raises storage.DiskFull, SettingsError."""
        resolve_device(spec.device)
        with self._lock:  # all seeds wait before the first may start
            return self._allow(self.recorder.submit(spec, group=group))

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Nothing starts meanwhile, so that runs which are queued one by one can start together, in lockstep."""
        with self._lock:
            yield

    def allow(self, runs: Iterable[int]) -> None:
        """Start these queued runs too, where the queue was told to start some alone."""
        self._allow(list(runs))

    def resume(self, run_id: int, total_steps: int | None = None) -> None:
        """Queue a run that stopped, was interrupted, failed, or (with a larger budget) finished; end a pause.

        Raises:
            SettingsError: there is nothing left to do, or the budget is not beyond what was done.
            storage.StateRefused: it is queued or running already.
            storage.DiskFull: what it will write does not fit.
        """
        with self._lock:
            self._collect()
            self._resume(run_id, total_steps)

    def _resume(self, run_id: int, total_steps: int | None) -> None:
        row = self.recorder.run(run_id)
        worker = self._workers.get(run_id)
        if row.deleted is not None:
            raise StateRefused(f"Run {run_id} is in the bin, so it cannot be resumed.", remedy="Undelete it first.")
        if row.status is RunState.PAUSED and worker is not None and total_steps is None:
            worker.channel.proceed()
            return
        if row.status not in RESUMABLE or (row.status is RunState.PAUSED and worker is not None):
            raise StateRefused(f"Run {run_id} is {row.status}, so it cannot be resumed.", remedy="Stop it first.")
        if total_steps is not None or (row.status is RunState.FINISHED and row.step >= row.total_steps):
            self.recorder.extend(run_id, row.total_steps if total_steps is None else total_steps)
        self.recorder.require_space(self.recorder.spec(run_id)[0])
        self.recorder.change_state(run_id, RunState.QUEUED, "resume")
        self._outcomes.pop(run_id, None)
        self._allow([run_id])

    def fork(self, run_id: int, checkpoint: str, values: Mapping[str, Any], seeds: tuple[int, ...] = ()) -> list[int]:
        """Queue a new run that begins from a snapshot of ``run_id`` with changed settings.

        Raises:
            SettingsError: no such snapshot, a field that shapes the saved networks is changed, or a seed is no seed.
            storage.ArtifactDamaged, storage.DiskFull: the snapshot is not whole, or there is no room for the new run.
        """
        spec, seed = self.recorder.spec(run_id)
        found = list(check_seeds(seeds or (seed,)))
        if found:
            raise SettingsError(found)
        changed = spec.changed(values)
        changed = replace(changed, seeds=seeds or (seed,))
        check_fork(spec, changed)
        origin = self.recorder.snapshot_row(run_id, checkpoint)
        with self._lock:
            return self._allow(self.recorder.submit(changed, parent=self.recorder.run(run_id), origin=origin))

    def pump(self) -> None:
        """Start what can be started and forget what has ended; call it regularly."""
        with self._lock:
            self._collect()
            if self._closed:
                return
            running = Counter(str(crew.device) for crew in {worker.crew for worker in self._workers.values()})
            waiting = self._waiting()
            for row in waiting:
                if row.id in self._workers:
                    continue  # it has just begun with another
                try:
                    device = resolve_device(row.device)
                except SettingsError as error:
                    self._note_end(row.id, failure(error))
                    continue
                name = str(device)
                if running[name] < self.limits.get(name, default_limit(device)):
                    running[name] += 1
                    self._start([row.id, *self._company(row, waiting, device)], device)

    def _start(self, runs: list[int], device: torch.device) -> None:
        crew = Crew(self.recorder, runs, device, self._disk_patience, self.gives_way)
        for worker in crew.workers:
            self._outcomes.pop(worker.run_id, None)
            self._workers[worker.run_id] = worker
        crew.start()

    def _company(self, row: RunRow, waiting: list[RunRow], device: torch.device) -> list[int]:
        """The other waiting seeds of the run's group that are to advance in lockstep with it."""
        if row.group_id is None or not takes_up(row.spec["engine"].get("lockstep", "auto"), device):
            return []
        return [
            each.id
            for each in waiting
            if each.id not in {row.id, *self._workers} and each.group_id == row.group_id and _same_but_seed(row, each)
        ]

    def stop(self, run_id: int) -> None:
        """Stop a run with a resume point; a queued one leaves the queue."""
        # Under the lock: between reading the queue and starting a worker, a stopped run would begin all the same.
        with self._lock:
            self._collect()
            worker = self._workers.get(run_id)
            if worker is not None:
                worker.channel.stop()
            else:
                self.recorder.change_state(run_id, RunState.STOPPED, "taken from the queue")

    def close(self, timeout: float | None = None, *, pause: bool = False) -> bool:
        """Stop every run with a resume point and join the threads; returns whether all ended in time.

        With ``pause`` the runs stay paused instead, to be resumed by whoever opens the project next.
        """
        self._closed = True
        for worker in self.workers():
            if pause:
                worker.channel.put_away()
            else:
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
        """The workers of this process, one per run, in the order they began."""
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
        return not any(worker.alive for worker in self.workers()) and not self._waiting()

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _allow(self, runs: list[int]) -> list[int]:
        if self._only is not None:
            self._only.update(runs)
        return runs

    def _waiting(self) -> list[RunRow]:
        """Queued runs that this queue may start, in order. A started one is stored as queued for a moment longer."""
        begun = self._unrecorded.union(self._workers)
        allowed = self._only
        return [row for row in self.recorder.queued() if row.id not in begun and (allowed is None or row.id in allowed)]

    def _collect(self) -> None:
        for run_id, worker in list(self._workers.items()):
            if not worker.alive:
                worker.join()
                ended = Outcome(RunState.FAILED, "The worker ended without a word.", recorded=False)
                self._outcomes[run_id] = worker.outcome or ended
                del self._workers[run_id]
                if not self._outcomes[run_id].recorded:
                    self._unrecorded.add(run_id)
        if self._unrecorded and self.recorder.project.writer.fault is None:
            for run_id in tuple(self._unrecorded):
                self._note_end(run_id, self._outcomes[run_id])

    def _note_end(self, run_id: int, outcome: Outcome) -> None:
        self._outcomes[run_id] = outcome
        self._unrecorded.add(run_id)
        with contextlib.suppress(StorageError):
            with contextlib.suppress(StateRefused, UnknownRun):  # it ended in another way meanwhile
                record_outcome(self.recorder, run_id, outcome)
            self._unrecorded.discard(run_id)


def _same_but_seed(one: RunRow, other: RunRow) -> bool:
    specs = [{**row.spec, "seeds": None, "device": row.device, "total_steps": row.total_steps} for row in (one, other)]
    return specs[0] == specs[1]


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
