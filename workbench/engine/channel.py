"""Between a running session and whoever watches it: requests go in, events and the latest snapshots come out.

The driver reads requests between two items; watchers poll. Neither ever waits for the other.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from workbench.events import Event, Snapshot


class Channel:
    """One session's channel; every method may be called from any thread.

    Channels of sessions that are driven by one thread share ``changed``, by which requests wake it.
    """

    def __init__(self, changed: threading.Condition | None = None, keep: int = 10_000) -> None:
        self._events: deque[Event] = deque(maxlen=keep)
        self._snapshots: dict[type[Snapshot], Snapshot] = {}
        self._changed = changed or threading.Condition()
        self._pause = self._stop = self._leave = self._checkpoint = self._evaluate = False
        #: seconds between two views of the simulator; None while nobody looks
        self.view_interval: float | None = None
        #: why nothing moves at the moment (a full disk); empty when all is well
        self.trouble = ""

    # ---- requests ---------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Pause after the current item, with a resume point."""
        with self._changed:
            self._pause = True
            self._changed.notify_all()

    def proceed(self) -> None:
        """Go on after a pause."""
        with self._changed:
            self._pause = False
            self._changed.notify_all()

    def put_away(self) -> None:
        """Pause as :meth:`pause` does, then let go of the session: the run stays paused without a worker."""
        with self._changed:
            self._pause = self._leave = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Stop after the current item, with a resume point."""
        with self._changed:
            self._stop = True
            self._changed.notify_all()

    def checkpoint_now(self) -> None:
        """Write a resume point after the current environment step."""
        self._checkpoint = True

    def evaluate_now(self) -> None:
        """Evaluate after the current environment step."""
        self._evaluate = True

    # ---- the driver's side ------------------------------------------------------------------------------------------

    @property
    def pausing(self) -> bool:
        """Whether a pause is asked for."""
        return self._pause

    @property
    def leaving(self) -> bool:
        """Whether a paused session is to be let go."""
        return self._leave

    @property
    def stopping(self) -> bool:
        """Whether a stop is asked for."""
        return self._stop

    def take_checkpoint_request(self) -> bool:
        """Whether a resume point was asked for since the last call."""
        if not self._checkpoint:
            return False
        self._checkpoint = False
        return True

    def take_evaluation_request(self) -> bool:
        """Whether an evaluation was asked for since the last call."""
        if not self._evaluate:
            return False
        self._evaluate = False
        return True

    def wait_for_stop(self, seconds: float) -> None:
        """Sleep until the run is to end, or ``seconds`` have passed."""
        with self._changed:
            self._changed.wait_for(lambda: self._stop or self._leave, timeout=seconds)

    @property
    def resting(self) -> bool:
        """Whether a pause is asked for, and nothing that ends it."""
        return self._pause and not (self._stop or self._leave)

    def publish(self, message: Event | Snapshot) -> None:
        """Hand a message to whoever polls."""
        if isinstance(message, Event):
            self._events.append(message)
        else:
            self._snapshots[type(message)] = message

    # ---- the watcher's side -----------------------------------------------------------------------------------------

    def take_events(self) -> list[Event]:
        """The events since the last call, oldest first; one watcher per channel."""
        taken = []
        while self._events:
            taken.append(self._events.popleft())
        return taken

    def latest(self, kind: type[Snapshot]) -> Snapshot | None:
        """The newest snapshot of that kind."""
        return self._snapshots.get(kind)


def wait_while_all_rest(channels: Sequence[Channel], seconds: float) -> None:
    """Sleep until the pause of one of ``channels``, which share their condition, ends, or ``seconds`` have passed."""
    changed = channels[0]._changed
    with changed:
        changed.wait_for(lambda: not all(channel.resting for channel in channels), timeout=seconds)
