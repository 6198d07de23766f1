"""Polls the channels of running sessions and tells panels what is new; a session never waits for the screen."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from ui.engine import Engine
from workbench.events import Event, Progress

#: milliseconds between two looks at the channels
INTERVAL = 100


class Feed(QObject):
    """One timer for all panels."""

    events = Signal(int, list)  # run id, list[Event], oldest first
    progressed = Signal(int, object)  # run id, Progress
    runs_changed = Signal()  # a run began, ended or changed its state: the table is to be read again
    ticked = Signal()  # after each look, for what redraws by clock

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._running: frozenset[int] = frozenset()
        self._latest: dict[int, Progress] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL)
        self._timer.timeout.connect(self.poll)

    def start(self) -> None:
        """Begin polling."""
        self._timer.start()

    def stop(self) -> None:
        """No more polling."""
        self._timer.stop()

    @property
    def running(self) -> frozenset[int]:
        """Runs that have a worker in this process."""
        return self._running

    def progress(self, run_id: int) -> Progress | None:
        """The newest progress of a run of this process."""
        return self._latest.get(run_id)

    def poll(self) -> None:
        """One look at every channel."""
        queue = self._engine.queue
        workers = queue.workers() if queue is not None else []
        changed = False
        for worker in workers:
            changed |= self._look(worker.run_id, worker.channel.take_events(), worker.channel.latest(Progress))
        now = frozenset(worker.run_id for worker in workers)
        if now != self._running:
            self._running = now
            changed = True
        if changed:
            self.runs_changed.emit()
        self.ticked.emit()

    def _look(self, run_id: int, events: list[Event], progress: object) -> bool:
        if isinstance(progress, Progress) and progress is not self._latest.get(run_id):
            self._latest[run_id] = progress
            self.progressed.emit(run_id, progress)
        if events:
            self.events.emit(run_id, events)
        return any(type(event).__name__ in ("StateChanged", "Fault", "EvaluationFinished") for event in events)
