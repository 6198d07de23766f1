"""Analyses beside the window: one worker thread at a time, of which a panel hears through queued signals."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

from ui import format

if TYPE_CHECKING:
    from workbench.analysis.steps import Analysis

_logger = logging.getLogger(__name__)

#: milliseconds after which work that goes on is worth a word
PATIENCE = 300
#: seconds between two reports of progress without a partial result
_INTERVAL = 0.05
#: the share of the work after which the time left can be told
_TELLING = 0.02


@dataclass(frozen=True)
class Advance:
    """How far an analysis is: ``done`` of ``total`` in ``unit``; ``seconds_left`` is None before the first 2 %."""

    done: int
    total: int
    unit: str
    seconds_left: float | None
    partial: object = None

    @property
    def fraction(self) -> float:
        """The share that is done, 0 to 1."""
        return self.done / self.total if self.total else 0.0

    @property
    def sentence(self) -> str:
        """Such as "420 of 1,000 states, about 9 s left"."""
        left = "estimating" if self.seconds_left is None else f"about {format.duration(self.seconds_left)} left"
        return f"{format.count(self.done)} of {format.count(self.total)} {self.unit}, {left}"


class AnalysisThread(QObject):
    """Drives one analysis in a thread of low priority. Another ``start`` drops the one before it between two steps.

    Signals come in the thread that this object lives in, and only of what was started last. ``failed`` carries a
    sentence and the exception. The thread lives while there is something to do and is joined when the application
    ends; the engine must be ready before anything is started.
    """

    advanced = Signal(object)  # Advance
    finished = Signal(object)  # the analysis's result
    failed = Signal(str, object)
    busy_changed = Signal(bool)
    #: it goes on for longer than can pass unnoticed
    lasting = Signal()

    _told = Signal(int, str, object)  # from the thread

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._lock = threading.Lock()
        self._number = 0
        self._waiting: tuple[int, Callable[[], Analysis[Any]]] | None = None
        self._thread: threading.Thread | None = None
        self.busy = False
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE)
        self._patience.timeout.connect(self.lasting)
        self._told.connect(self._hear)
        application = QCoreApplication.instance()
        assert application is not None
        application.aboutToQuit.connect(self.close)

    def start(self, job: Callable[[], Analysis[Any]]) -> None:
        """Call ``job`` in the thread and drive what it returns; whatever ran before is dropped."""
        with self._lock:
            self._number += 1
            self._waiting = (self._number, job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"analysis: {self._name}", daemon=True)
                self._thread.start()
        self._patience.start()
        self._set_busy(True)

    def cancel(self) -> None:
        """Drop what runs; nothing is told of it any more."""
        with self._lock:
            self._number += 1
            self._waiting = None
        self._rest()

    def close(self) -> None:
        """Drop what runs and wait for the thread."""
        self.cancel()
        thread = self._thread
        if thread is not None:
            thread.join()

    # ---- in the window's thread -------------------------------------------------------------------------------------

    def _hear(self, number: int, what: str, payload: object) -> None:
        if number != self._number:
            return
        if what == "advance":
            self.advanced.emit(payload)
            return
        self._rest()
        if what == "result":
            self.finished.emit(payload)
        else:
            assert isinstance(payload, Exception)
            self.failed.emit(sentence_of(payload), payload)

    def _rest(self) -> None:
        self._patience.stop()
        self._set_busy(False)

    def _set_busy(self, busy: bool) -> None:
        if busy != self.busy:
            self.busy = busy
            self.busy_changed.emit(busy)

    # ---- in the worker ----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        import torch

        from workbench.engine.worker import lower_priority

        lower_priority()
        torch.set_num_threads(1)
        while (taken := self._take()) is not None:
            number, job = taken
            try:
                self._drive(number, job)
            except Exception as error:  # noqa: BLE001  whatever it was, the panel says it and the log keeps it
                self._tell(number, "failure", error)

    def _take(self) -> tuple[int, Callable[[], Analysis[Any]]] | None:
        with self._lock:
            taken, self._waiting = self._waiting, None
            if taken is None:
                self._thread = None
            return taken

    def _drive(self, number: int, job: Callable[[], Analysis[Any]]) -> None:
        began, told = time.monotonic(), -_INTERVAL
        steps = job()
        while number == self._number:
            try:
                step = next(steps)
            except StopIteration as end:
                self._tell(number, "result", end.value)
                return
            passed = time.monotonic() - began
            if step.partial is None and passed - told < _INTERVAL:
                continue
            told = passed
            known = step.done > 0 and step.done >= _TELLING * step.total
            left = passed / step.done * (step.total - step.done) if known else None
            self._tell(number, "advance", Advance(step.done, step.total, step.unit, left, step.partial))
        steps.close()

    def _tell(self, number: int, what: str, payload: object) -> None:
        with contextlib.suppress(RuntimeError):  # the panel is gone
            self._told.emit(number, what, payload)


def sentence_of(error: Exception) -> str:
    """What went wrong, for a panel; what nobody foresaw goes to the log with its traceback."""
    from storage import StorageError
    from workbench.engine.measures import NonFiniteValue
    from workbench.environments.problem import EnvironmentProblem
    from workbench.registry import BrokenEntry, UnknownName
    from workbench.settings import SettingsError

    if isinstance(error, SettingsError):
        text = ". ".join(problem.message for problem in error.problems)
    elif isinstance(error, (StorageError, EnvironmentProblem, NonFiniteValue, BrokenEntry, UnknownName)):
        text = str(error)
    else:
        _logger.error("An analysis failed.", exc_info=error)
        text = f"{type(error).__name__}: {error}. The log has the details"
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."
