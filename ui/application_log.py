"""The application's own log: the last records in memory for the panel, and a file in the user's log folder."""

from __future__ import annotations

import logging
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs
from PySide6.QtCore import QObject, Signal

KEPT = 5000
#: libraries that say much which means nothing to a user
_QUIET = {"alembic": logging.WARNING, "matplotlib": logging.ERROR, "OpenGL": logging.ERROR}


class ApplicationLog(QObject):
    """The newest records, oldest first."""

    added = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.records: deque[logging.LogRecord] = deque(maxlen=KEPT)
        self.path: Path | None = None

    def add(self, record: logging.LogRecord) -> None:
        """One more, from any thread."""
        self.records.append(record)
        self.added.emit()


class _Handler(logging.Handler):
    def __init__(self, log: ApplicationLog) -> None:
        super().__init__(logging.INFO)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """logging's."""
        self._log.add(record)


_log: ApplicationLog | None = None


def application_log() -> ApplicationLog:
    """The one log of this process."""
    global _log
    if _log is None:
        _log = ApplicationLog()
        logging.getLogger().addHandler(_Handler(_log))
    return _log


def keep_log(path: Path | None = None) -> None:
    """Write the log also to a file, which is replaced when it passes 2 MB; where it cannot be made, memory must do."""
    log = application_log()
    root = logging.getLogger()
    root.setLevel(min(root.level or logging.INFO, logging.INFO))
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
    if log.path is not None:
        return
    place = path or platformdirs.user_log_path("foresight", appauthor=False) / "window.log"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(place, maxBytes=2_000_000, backupCount=1, encoding="utf-8", delay=True)
    except OSError:
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
    root.addHandler(handler)
    log.path = place
