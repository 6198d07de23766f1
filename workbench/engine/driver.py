"""Drives one session to its end: obeys the channel, stores what is yielded, and writes resume points in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from workbench import events
from workbench.engine.channel import Channel
from workbench.engine.recorder import Recorder, RunState, StorageError
from workbench.engine.session import TrainingSession

#: seconds between two heartbeats; each promises the next within HEARTBEAT_PROMISE, or three times the longest item
HEARTBEAT_INTERVAL = 2.0
HEARTBEAT_PROMISE = 15.0
#: seconds between two looks at clocks, disk and view, so that short items are not slowed
CHORE_INTERVAL = 0.02
#: seconds to wait for room on a full disk before the run gives up (its resume points stay)
DISK_PATIENCE = 120.0


class Driver:
    """One session's driver; runs in the worker's thread."""

    def __init__(
        self,
        session: TrainingSession,
        recorder: Recorder,
        channel: Channel,
        *,
        active_seconds: float = 0.0,
        disk_patience: float = DISK_PATIENCE,
    ) -> None:
        self.session, self.recorder, self.channel = session, recorder, channel
        self._active = active_seconds
        self._disk_patience = disk_patience
        self._engine = session.spec.engine
        row = recorder.run(session.run_id)
        self._latest, self._best = row.latest_return, row.best_return
        self._longest_item = 0.0
        now = time.monotonic()
        self._chores_at = self._viewed_at = self._heartbeat_at = now
        self._resume_point_at = now
        self._speed_mark = (now, session.step, session.agent.updates)
        self._speeds: tuple[float | None, float | None] = (None, None)
        self._checkpoint_due = False
        self._next_snapshot = self._snapshot_after(session.step)

    def drive(self) -> RunState:
        """Run until the budget is spent or a stop is asked for; returns the state that the run ends in.

        Raises whatever the session raises; the caller records that as the run's failure.
        """
        self._heartbeat()
        items = self.session.run()
        try:
            while True:
                if self.channel.stopping:
                    self._write_resume_point()
                    return RunState.STOPPED
                if self.channel.pausing:
                    self._stay_paused()
                    continue
                begin = time.perf_counter()
                message = next(items, None)
                seconds = time.perf_counter() - begin
                self._active += seconds
                self._longest_item = max(self._longest_item, seconds)
                if message is None:
                    self._write_resume_point()
                    self._snapshot(f"step-{self.session.step}")
                    return RunState.FINISHED
                self._handle(message)
                if time.monotonic() - self._chores_at >= CHORE_INTERVAL or self._checkpoint_due:
                    self._chores()
        finally:
            items.close()
            self._heartbeat()

    @property
    def active_seconds(self) -> float:
        """Seconds spent in the session so far, over all its resumptions."""
        return self._active

    # ---- messages ---------------------------------------------------------------------------------------------------

    def _handle(self, message: events.Message) -> None:
        if isinstance(message, events.Event):
            self._store(lambda: self.recorder.record(message, self._active))
        self.channel.publish(message)  # type: ignore[arg-type]
        if isinstance(message, events.WarmUpFinished):
            self._checkpoint_due = True
        elif isinstance(message, events.EvaluationFinished):
            self._latest = message.mean_return
            if self._best is None or message.mean_return > self._best:
                self._best = message.mean_return
                self._snapshot("best")

    def _chores(self) -> None:
        now = self._chores_at = time.monotonic()
        if self.channel.take_checkpoint_request():
            self._checkpoint_due = True
        if self.channel.take_evaluation_request():
            self.session.request_evaluation()
        interval = self.channel.view_interval
        if interval is not None and now - self._viewed_at >= interval:
            view = self.session.view()
            if view is not None:
                self._viewed_at = now
                self.channel.publish(view)
        if now - self._heartbeat_at >= HEARTBEAT_INTERVAL:
            self._heartbeat()
        overdue = now - self._resume_point_at
        # Between two environment steps is best; an item-long wait is not worth a lost minute.
        due = self._checkpoint_due or overdue >= self._engine.checkpoint_seconds
        if due and (self.session.settled or overdue >= 2 * self._engine.checkpoint_seconds):
            self._write_resume_point()
        if self.session.settled and self.session.step >= self._next_snapshot:
            self._snapshot(f"step-{self.session.step}")

    def _heartbeat(self) -> None:
        now = self._heartbeat_at = time.monotonic()
        step, updates = self.session.step, self.session.agent.updates
        since, old_step, old_updates = self._speed_mark
        if now - since >= HEARTBEAT_INTERVAL:
            self._speeds = (step - old_step) / (now - since), (updates - old_updates) / (now - since)
            self._speed_mark = (now, step, updates)
        self._post_heartbeat(max(HEARTBEAT_PROMISE, 3 * self._longest_item))
        if self.recorder.project.writer.fault is not None:
            self._wait_for_room(self.recorder.project.writer.fault)

    def _post_heartbeat(self, promise: float) -> None:
        self.recorder.project.runs.heartbeat(
            self.session.run_id,
            self.session.step,
            self.session.agent.updates,
            self._active,
            self._latest,
            self._best,
            *self._speeds,
            promise,
        )

    # ---- checkpoints ------------------------------------------------------------------------------------------------

    def _write_resume_point(self) -> None:
        self._publish(lambda: self.recorder.save_resume_point(self.session, self._active))
        self._checkpoint_due = False
        self._resume_point_at = time.monotonic()

    def _snapshot(self, name: str) -> None:
        if name != "best":
            self._next_snapshot = self._snapshot_after(self.session.step)
        self._publish(lambda: self.recorder.save_snapshot(self.session, name, self._engine.keep_snapshots))

    def _snapshot_after(self, step: int) -> int:
        every = max(1, round(self.session.spec.total_steps * self._engine.snapshot_percent / 100))
        return (step // every + 1) * every

    def _publish(self, write: Callable[[], events.CheckpointWritten]) -> None:
        written = self._store(write)
        self._store(lambda: self.recorder.record(written, self._active))
        self.channel.publish(written)

    # ---- pausing ----------------------------------------------------------------------------------------------------

    def _stay_paused(self) -> None:
        run_id = self.session.run_id
        self._change_state(RunState.PAUSING)
        self._write_resume_point()
        self._change_state(RunState.PAUSED)
        while self.channel.pausing and not self.channel.stopping:
            self.channel.wait_while_paused(HEARTBEAT_INTERVAL)
            self._post_heartbeat(HEARTBEAT_PROMISE)
        if self.channel.stopping:
            self._change_state(RunState.STOPPING)
        else:
            self._store(lambda: self.recorder.change_state(run_id, RunState.RUNNING))
            self._announce(RunState.RUNNING)
        self._speed_mark = (time.monotonic(), self.session.step, self.session.agent.updates)

    def _change_state(self, state: RunState) -> None:
        self._store(lambda: self.recorder.change_state(self.session.run_id, state))
        self._announce(state)

    def _announce(self, state: RunState) -> None:
        session = self.session
        where = (session.run_id, session.step, session.agent.updates, time.time())
        self.channel.publish(events.StateChanged(*where, state.value, ""))

    # ---- a full disk ------------------------------------------------------------------------------------------------

    def _store(self, write: Callable[[], Any]) -> Any:
        """Do ``write``; where the disk refuses, hold training, keep everything in memory, and try again."""
        refused_since = time.monotonic()
        while True:
            try:
                return write()
            except StorageError as error:
                waited = time.monotonic() - refused_since
                if waited >= self._disk_patience or self.channel.stopping:
                    raise
                self._hold(error)

    def _wait_for_room(self, fault: StorageError) -> None:
        refused_since = time.monotonic()
        while self.recorder.project.writer.fault is not None:
            if time.monotonic() - refused_since >= self._disk_patience or self.channel.stopping:
                raise fault
            self._hold(fault)
        self.channel.trouble = ""

    def _hold(self, error: StorageError) -> None:
        self.channel.trouble = str(error)
        self.channel.wait_for_stop(1.0)
