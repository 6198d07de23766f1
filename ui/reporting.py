"""Exceptions that nobody caught, in slots and threads, and Qt's own complaints: to the log and the notices."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal, qInstallMessageHandler

from storage import StorageError
from ui.notices import Notices

_logger = logging.getLogger("foresight")
_qt_logger = logging.getLogger("Qt")

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
#: what Qt says on every machine of some kind and nobody can mend
_NOISE = ("This plugin does not support propagateSizeHints", "QFont::setPointSizeF: Point size <= 0")


class Reporter(QObject):
    """Installs the hooks; the window lives on whatever they catch. :meth:`close` gives them back."""

    caught = Signal(str)  # from any thread; heard in the window's
    log_wanted = Signal()

    def __init__(self, notices: Notices) -> None:
        super().__init__()
        self._notices = notices
        self.caught.connect(self._tell)
        self._before = (sys.excepthook, threading.excepthook)
        sys.excepthook = self._hook
        threading.excepthook = self._thread_hook
        self._qt_before = qInstallMessageHandler(_qt_message)

    def close(self) -> None:
        """Give the hooks back."""
        sys.excepthook, threading.excepthook = self._before
        qInstallMessageHandler(self._qt_before)

    def _hook(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        _logger.error("Something failed: %s", error, exc_info=(kind, error, trace))
        self.caught.emit(sentence(error))

    def _thread_hook(self, found: threading.ExceptHookArgs) -> None:
        name = found.thread.name if found.thread is not None else "a thread"
        error = found.exc_value or found.exc_type()
        _logger.error("The thread %s ended: %s", name, error, exc_info=(found.exc_type, error, found.exc_traceback))
        self.caught.emit(f"{sentence(error)} (in the thread {name})")

    def _tell(self, text: str) -> None:
        self._notices.add("bad", text, "Open log", self.log_wanted.emit)


def sentence(error: BaseException) -> str:
    """What a notice says of an exception: storage's own words, else its kind and message."""
    if isinstance(error, StorageError):
        return str(error)
    message = str(error).strip().splitlines()
    return f"Something failed: {type(error).__name__}{': ' + message[0] if message else ''}"


def _qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    if not message.startswith(_NOISE):
        _qt_logger.log(_LEVELS.get(kind, logging.WARNING), "%s", message)
