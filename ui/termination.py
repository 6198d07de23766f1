"""SIGTERM and Ctrl+C reach the window although Qt's loop keeps Python from running its handlers."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from typing import Any

from PySide6.QtCore import QObject, QSocketNotifier, Signal


class Termination(QObject):
    """Emits ``requested`` once per signal; outside the main thread it does nothing."""

    requested = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.received = False
        self._before: dict[signal.Signals, Any] = {}
        if threading.current_thread() is not threading.main_thread():
            return
        # Python writes a byte here from its C handler; the notifier wakes Qt's loop, and Python's handler runs.
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._drain)
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._hear)

    def close(self) -> None:
        """Give the signals back."""
        if not self._before:
            return
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._before.clear()
        self._notifier.setEnabled(False)
        self._reader.close()
        self._writer.close()

    def _hear(self, number: int, frame: object) -> None:
        self.received = True

    def _drain(self, *_: object) -> None:
        with contextlib.suppress(BlockingIOError):
            self._reader.recv(64)
        if self.received:
            self.requested.emit()
