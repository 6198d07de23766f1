"""Loads the engine (torch, gymnasium, mujoco) in a thread after the window is on screen, and keeps the queue moving.

The window never waits for it: panels that need it show :attr:`Engine.state` until :attr:`Engine.ready` is emitted.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from storage import Project

if TYPE_CHECKING:
    from workbench.engine.queue import RunQueue

_logger = logging.getLogger(__name__)

#: seconds between two looks at the queue
PUMP_INTERVAL = 0.2


class Engine(QObject):
    """``state`` is "preparing", "ready" or "failed"; ``queue`` is there once it is ready and the project is writable.

    Closing it ends every run's thread. Where ``gives_way`` is made false before it starts, its thread keeps its
    priority, and so do the runs that it starts unless they lower their own.
    """

    ready = Signal()
    failed = Signal(str)

    def __init__(self, project: Project) -> None:
        super().__init__()
        self.project = project
        self.state = "preparing"
        self.problem = ""
        self.gives_way = True
        self.queue: RunQueue | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)

    def start(self) -> None:
        """Begin loading; returns at once."""
        self._thread.start()

    def close(self, timeout: float | None = None, *, pause: bool = False) -> bool:
        """Stop every run with a resume point and join all threads; returns whether all ended in time.

        With ``pause`` the runs stay paused instead, to be resumed when the project is opened again.
        """
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return self.queue.close(timeout, pause=pause) if self.queue is not None else True

    def _work(self) -> None:
        try:
            self._load()
        except Exception as error:  # noqa: BLE001  whatever is wrong with the installation is shown, and the window lives
            self.state, self.problem = "failed", f"{type(error).__name__}: {error}"
            self.failed.emit(self.problem)
            return
        self.state = "ready"
        self.ready.emit()
        while not self._stop.wait(PUMP_INTERVAL):
            if self.queue is not None:
                self._pump(self.queue)

    def _pump(self, queue: RunQueue) -> None:
        try:
            queue.pump()
        except Exception:
            # A full disk, for instance; the next look may go well, and running runs must not be left alone.
            _logger.exception("The queue of runs could not be looked at.")

    def _load(self) -> None:
        from workbench.environments.rendering import choose_gl_backend

        choose_gl_backend()
        import torch

        with contextlib.suppress(Exception):  # without it only MuJoCo's tasks cannot run, and they say why
            importlib.import_module("mujoco")
        from workbench.engine.queue import RunQueue
        from workbench.engine.recorder import Recorder
        from workbench.engine.worker import lower_priority

        torch.set_num_threads(1)
        # The first Adam step imports for a second; better here than when a run starts.
        parameter = torch.nn.Parameter(torch.zeros(1))
        parameter.grad = torch.zeros(1)
        torch.optim.Adam([parameter]).step()
        if self.project.writable:
            self.queue = RunQueue(Recorder(self.project))
        if self.gives_way:
            lower_priority()  # from here on it only looks at the queue; before, someone waits for it
