"""The application, which drives and measures itself once its window is on the screen, and then leaves."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEventLoop, QTimer

from storage import Project
from ui.app import Application
from ui.application_log import keep_log
from ui.bench_fleet import Interrupted
from ui.main_window import MainWindow
from ui.preferences import Preferences

if TYPE_CHECKING:
    from workbench.engine.queue import RunQueue

#: px of the window, even where the screen that is not there would be smaller
SIZE = (1600, 1000)
#: seconds to wait for the engine, or for runs to begin learning
PATIENCE = 120.0


class Pilot(Application):
    """Keeps its log and preferences in ``folder``, not where the user's are. ``problem`` says why it did not end."""

    def __init__(self, folder: Path) -> None:
        keep_log(folder / "window.log")
        super().__init__(Preferences(folder / "window.json"))
        self.problem = ""
        self._left = False

    @abstractmethod
    def measure(self, window: MainWindow) -> None:
        """Measure with the window on the screen. Raises Interrupted."""

    def fly(self, project: Project) -> None:
        """Show a project's window, measure, and leave. Raises Interrupted."""
        try:
            self.show(project)
        finally:
            self.close()
        if self.problem:
            raise Interrupted(self.problem)

    def build(self, project: Project) -> MainWindow:
        """The window, which begins to measure as soon as its loop runs."""
        window = super().build(project)
        window.closed.connect(self._note_closed)
        QTimer.singleShot(0, window, lambda: self._fly(window))
        return window

    def _note_closed(self) -> None:
        self._left = True

    def _fly(self, window: MainWindow) -> None:
        window.resize(*SIZE)
        try:
            self.measure(window)
        except Exception as error:  # noqa: BLE001  whatever it is, the window must be left
            self.problem = str(error) if isinstance(error, Interrupted) else f"{type(error).__name__}: {error}"
        window.leave()

    def wait_for_engine(self, window: MainWindow) -> RunQueue:
        """The queue of runs, once the engine is loaded. Raises Interrupted."""
        assert window.context is not None
        engine = window.context.engine
        self.wait_until(lambda: engine.state != "preparing", "load the engine")
        if engine.queue is None:
            raise Interrupted(f"The engine cannot be loaded: {engine.problem}")
        return engine.queue

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Let the window live until the condition holds. Raises Interrupted when patience ends."""
        end = time.perf_counter() + PATIENCE
        while not condition():
            if time.perf_counter() > end:
                raise Interrupted(f"It took longer than {PATIENCE:g} s to {what}.")
            self.wait(0.1)

    def wait(self, seconds: float) -> None:
        """Let the window live for so many seconds. Raises Interrupted if it is closed meanwhile."""
        loop = QEventLoop()
        QTimer.singleShot(round(1e3 * seconds), loop.quit)
        loop.exec()
        if self._left or self.termination.received:
            raise Interrupted("The window was closed before everything was measured.")
