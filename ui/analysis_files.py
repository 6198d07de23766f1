"""Stored analyses, read and checked off the window's thread."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QThreadPool, Signal

from storage import ArtifactRow, Project, StorageError

_logger = logging.getLogger(__name__)

#: arrays and document of a file -> what they stand for; raises ValueError for another kind of file
Reader = Callable[[Mapping[str, np.ndarray[Any, Any]], Mapping[str, Any]], object]


class AnalysisFiles(QObject):
    """One request after the other; only the newest is told."""

    loaded = Signal(object, object)  # ArtifactRow, what the reader made of it
    failed = Signal(str)

    _done = Signal(int, object)  # from the thread: number, what is to be told

    def __init__(self, project: Project, read: Reader) -> None:
        super().__init__()
        self._project, self._read = project, read
        self._number = 0
        self._done.connect(self._finish)

    def load(self, row: ArtifactRow) -> None:
        """Read an analysis."""
        self.request(lambda: partial(self.loaded.emit, row, self._read(*self._project.artifacts.load(row))))

    def cancel(self) -> None:
        """Nothing is wanted any longer."""
        self._number += 1

    def request(self, work: Callable[[], Callable[[], object]]) -> None:
        """Do ``work`` in the thread; what it returns is called here, unless something else was asked for since."""
        self._number += 1
        number = self._number
        QThreadPool.globalInstance().start(lambda: self._work(number, work))

    def _work(self, number: int, work: Callable[[], Callable[[], object]]) -> None:
        try:
            say = work()
        except (StorageError, ValueError) as error:
            say = partial(self.failed.emit, str(error))
        except Exception as error:
            _logger.exception("An analysis could not be read.")
            say = partial(self.failed.emit, f"It could not be read: {type(error).__name__}: {error}")
        with contextlib.suppress(RuntimeError):  # the panel is gone
            self._done.emit(number, say)

    def _finish(self, number: int, say: Callable[[], object]) -> None:
        if number == self._number:
            say()
