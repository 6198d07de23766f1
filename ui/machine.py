"""What the machine is doing, measured in a thread of its own."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from workbench.engine.monitor import machine_load

#: seconds between two measurements
INTERVAL = 1.0
_logger = logging.getLogger(__name__)


class Machine(QObject):
    """Emits ``measured`` about once a second while it runs."""

    measured = Signal(object)  # workbench.engine.monitor.MachineLoad

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="machine", daemon=True)

    def start(self) -> None:
        """Begin measuring."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(INTERVAL):
            try:
                load = machine_load(self._folder)
            except OSError as error:
                _logger.warning("The machine's load could not be measured: %s", error)
                return
            if not self._stop.is_set():
                self.measured.emit(load)
