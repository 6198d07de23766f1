"""Tells the desktop of a run that ended while the window is in the background."""

from __future__ import annotations

import shutil

from PySide6.QtCore import QProcess
from PySide6.QtWidgets import QSystemTrayIcon, QWidget

from ui.context import Context
from ui.dialogs.settings import NOTIFY


class DesktopNotices:
    """Through the system's tray where there is one, else through ``notify-send``, else not at all."""

    def __init__(self, context: Context, window: QWidget) -> None:
        self._context, self._window = context, window
        self._tray: QSystemTrayIcon | None = None

    def tell(self, title: str, text: str, *, bad: bool = False) -> bool:
        """Say it, unless the user looks at the window or does not want it; returns whether it was said."""
        if self._window.isActiveWindow() or not self._context.preferences.get(NOTIFY, True):
            return False
        return self.send(title, text, bad=bad)

    def send(self, title: str, text: str, *, bad: bool = False) -> bool:
        """Hand it to the desktop; returns whether one takes it."""
        if QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages():
            if self._tray is None:
                self._tray = QSystemTrayIcon(self._window.windowIcon(), self._window)
                self._tray.messageClicked.connect(self._window.activateWindow)
                self._tray.show()
            kind = QSystemTrayIcon.MessageIcon
            self._tray.showMessage(title, text, kind.Warning if bad else kind.Information)
            return True
        tool = shutil.which("notify-send")
        if tool is None:
            return False
        return QProcess.startDetached(tool, ["--app-name=Foresight", title, text])[0]
