"""Drives sessions to their ends: obeys each one's channel, stores what it yields, and writes resume points in time."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from workbench import events
from workbench.engine.channel import Channel, wait_while_all_rest
from workbench.engine.lanes import Lane, Lanes
from workbench.engine.recorder import BEST, Recorder, RunState, StateRefused, StorageError, UnknownRun

T = TypeVar("T")

#: seconds between two heartbeats; each promises the next within HEARTBEAT_PROMISE, or three times the longest item
HEARTBEAT_INTERVAL = 2.0
HEARTBEAT_PROMISE = 15.0
#: seconds between two looks at clocks, disk and view, so that short items are not slowed
CHORE_INTERVAL = 0.02
#: seconds to wait for room on a full disk before the run gives up (its resume points stay)
DISK_PATIENCE = 120.0
#: seconds between two attempts to write on a full disk
DISK_INTERVAL = 1.0


class Patience:
    """Does what the disk may refuse: says so on the channel and tries again, until ``seconds`` are over.

    ``meanwhile`` is called before each new attempt.
    """

    def __init__(self, channel: Channel, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        self._channel = channel
        self._seconds = seconds
        self._meanwhile = meanwhile

    def store(self, write: Callable[[], T]) -> T:
        """What ``write`` returns. Raises its last StorageError when patience ends or the run is to end."""
        refused_since: float | None = None
        while True:
            try:
                result = write()
            except (StateRefused, UnknownRun):
                raise  # waiting does not mend these
            except StorageError as error:
                refused_since = refused_since or time.monotonic()
                over = time.monotonic() - refused_since >= self._seconds
                if over or self._channel.stopping or self._channel.leaving:
                    raise
                self._channel.trouble = str(error)
                self._meanwhile()
                self._channel.wait_for_stop(min(DISK_INTERVAL, self._seconds))
            else:
                self._channel.trouble = ""
                return result


class Driver:
    """One lane's driver; all methods are called in the thread that drives the lane."""

    def __init__(
        self,
        lane: Lane,
        recorder: Recorder,
        channel: Channel,
        *,
        active_seconds: float = 0.0,
        disk_patience: float = DISK_PATIENCE,
    ) -> None:
        self.lane, self.session, self.recorder, self.channel = lane, lane.session, recorder, channel
        #: whether the run is paused
        self.resting = False
        self._active_before = active_seconds
        self._patience = Patience(channel, disk_patience, self._post_heartbeat)
        session = self.session
        self._engine = session.spec.engine
        self._latest, self._best = recorder.evaluations(session.run_id)
        now = time.monotonic()
        self._chores_at = self._viewed_at = self._heartbeat_at = self._resume_point_at = now
        self._speed_mark = (now, session.step, session.agent.updates)
        self._speeds: tuple[float | None, float | None] = (None, None)
        self._checkpoint_due = False
        # A step that is not done yet has not had its snapshot.
        self._next_snapshot = self._snapshot_after(session.step if session.settled else max(session.step - 1, 0))

    def begin(self) -> RunState | None:
        """Say that the run is alive, then :meth:`obey`."""
        self._heartbeat()
        return self.obey()

    def take(self, message: events.Message | None) -> RunState | None:
        """Store and publish the lane's ``message``, do what is due, then :meth:`obey`.

        None: the lane has come to its end. Raises what ended it early, which the caller records as the run's failure.
        """
        if self.lane.fault is not None:
            raise self.lane.fault
        if message is None:
            self._write_resume_point()
            return RunState.FINISHED
        self._handle(message)
        # Before any resume point, so that none can lie behind a snapshot that was never written.
        if self.session.step >= self._next_snapshot and self.session.settled:
            self._snapshot(f"step-{self.session.step}")
        if self._checkpoint_due or time.monotonic() - self._chores_at >= CHORE_INTERVAL:
            self._chores()
        return self.obey()

    def obey(self) -> RunState | None:
        """Pause, go on or stop as the channel asks: the state that the run is to end in, or None."""
        if self.channel.stopping:
            self._change_state(RunState.STOPPING)
            self._write_resume_point()
            return RunState.STOPPED
        if self.channel.pausing and not self.resting:
            self._change_state(RunState.PAUSING)
            self._write_resume_point()
            self._change_state(RunState.PAUSED)
            self.resting = True
        if self.resting and self.channel.leaving:
            return RunState.PAUSED
        if self.resting and not self.channel.pausing:
            self._change_state(RunState.RUNNING)
            self._speed_mark = (time.monotonic(), self.session.step, self.session.agent.updates)
            self.resting = False
        return None

    def attend(self) -> RunState | None:
        """While it is paused, or waits for other lanes: say that it is alive, then :meth:`obey`."""
        now = time.monotonic()
        if now - self._heartbeat_at >= HEARTBEAT_INTERVAL:
            self._heartbeat_at = now
            self._post_heartbeat()
        return self.obey()

    def end(self) -> None:
        """Take no more of the lane, and say where it got to."""
        self.lane.close()
        self._post_heartbeat()

    @property
    def active_seconds(self) -> float:
        """Seconds spent in the session so far, over all its resumptions."""
        return self._active_before + self.lane.active_seconds

    # ---- messages ---------------------------------------------------------------------------------------------------

    def _handle(self, message: events.Message) -> None:
        if isinstance(message, events.Event):
            event = message
            with self.session.shares.measure("logging"):
                self._patience.store(lambda: self.recorder.record(event, self.active_seconds))
        self.channel.publish(message)  # type: ignore[arg-type]
        if isinstance(message, events.WarmUpFinished):
            self._write_resume_point()
        elif isinstance(message, events.EvaluationFinished):
            self._latest = message.mean_return
            # Where it is as good as the best, an interrupted run may be evaluating again what it has no snapshot of.
            if self._best is None or message.mean_return >= self._best:
                self._best = message.mean_return
                self._snapshot(f"{BEST}-{self.session.step}")

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

    def _heartbeat(self) -> None:
        now = self._heartbeat_at = time.monotonic()
        step, updates = self.session.step, self.session.agent.updates
        since, old_step, old_updates = self._speed_mark
        if now - since >= HEARTBEAT_INTERVAL:
            self._speeds = (step - old_step) / (now - since), (updates - old_updates) / (now - since)
            self._speed_mark = (now, step, updates)
        self._post_heartbeat()
        self._patience.store(self.recorder.check_writer)

    def _post_heartbeat(self) -> None:
        self.recorder.project.runs.heartbeat(
            self.session.run_id,
            self.session.step,
            self.session.agent.updates,
            self.active_seconds,
            self._latest,
            self._best,
            *self._speeds,
            max(HEARTBEAT_PROMISE, 3 * self.lane.longest_item),
        )

    # ---- checkpoints ------------------------------------------------------------------------------------------------

    def _write_resume_point(self) -> None:
        self._publish(lambda: self.recorder.save_resume_point(self.session, self.active_seconds))
        self._checkpoint_due = False
        self._resume_point_at = time.monotonic()

    def _snapshot(self, name: str) -> None:
        self._publish(lambda: self.recorder.save_snapshot(self.session, name, self._engine.keep_snapshots))
        if not name.startswith(BEST):
            self._next_snapshot = self._snapshot_after(self.session.step)

    def _snapshot_after(self, step: int) -> float:
        """The step of the next snapshot: every few percent of the budget, and at its end."""
        total = self.session.spec.total_steps
        if step >= total:
            return float("inf")
        every = max(1, round(total * self._engine.snapshot_percent / 100))
        return min(total, (step // every + 1) * every)

    def _publish(self, write: Callable[[], events.CheckpointWritten]) -> None:
        with self.session.shares.measure("logging"):
            written = self._patience.store(write)
            self.recorder.record(written, self.active_seconds)
        self.channel.publish(written)

    def _change_state(self, state: RunState) -> None:
        session = self.session
        self._post_heartbeat()  # stored with the state, so that the run is where it says
        self._patience.store(lambda: self.recorder.change_state(session.run_id, state))
        where = (session.run_id, session.step, session.agent.updates, time.time())
        self.channel.publish(events.StateChanged(*where, state.value, ""))


Ending = tuple[Driver, RunState | Exception]


class Convoy:
    """Drives lanes in one thread until each run has ended; one that ends or is paused does not hold up the others."""

    def __init__(self, lanes: Lanes, drivers: Iterable[Driver]) -> None:
        self._lanes = lanes
        self._drivers = {driver.lane: driver for driver in drivers}
        self._attended_at = 0.0

    def drive(self) -> Iterator[Ending]:
        """Each run's driver as it ends, with its state (finished, stopped, or paused to outlive this process) or fault.

        The first look at the channels comes before the first item.
        """
        for driver in tuple(self._drivers.values()):
            yield from self._ask(driver, driver.begin)
        while self._drivers:
            for lane, message in self._lanes.run():
                driver = self._drivers[lane]
                yield from self._ask(driver, functools.partial(driver.take, message))
                if len(self._drivers) > 1 and time.monotonic() - self._attended_at >= CHORE_INTERVAL:
                    yield from self._attend()
            if self._drivers:
                wait_while_all_rest([driver.channel for driver in self._drivers.values()], HEARTBEAT_INTERVAL)
                yield from self._attend()

    def _attend(self) -> Iterator[Ending]:
        self._attended_at = time.monotonic()
        for driver in tuple(self._drivers.values()):
            if driver.resting or driver.lane.request is not None:
                yield from self._ask(driver, driver.attend)

    def _ask(self, driver: Driver, work: Callable[[], RunState | None]) -> Iterator[Ending]:
        """Let ``driver`` work; its lane goes on with the others, or not, as it is found afterwards."""
        ending: RunState | Exception | None
        try:
            ending = work()
        except Exception as error:  # noqa: BLE001  it ends this run, and the others go on
            ending = error
        lane = driver.lane
        goes_on = ending is None and not driver.resting
        if goes_on and lane not in self._lanes.lanes:
            self._lanes.join(lane)
        elif not goes_on and lane in self._lanes.lanes:
            self._lanes.leave(lane)
        if ending is not None:
            del self._drivers[lane]
            self._lanes.drop(lane)
            driver.end()
            yield driver, ending
