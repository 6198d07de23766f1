"""Sets the application up: fonts, theme, project, window on the screen, and only then the engine."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QEvent, QThreadPool, QTimer
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtWidgets import QApplication, QDialog, QStyleFactory

from storage import Project, default_project_folder
from ui.actions import ActionRegistry
from ui.application_log import keep_log
from ui.context import Context
from ui.cursor import TimeCursor
from ui.desktop import DesktopNotices
from ui.dialogs.faults import Choice, FaultText, ask, open_with_dialogs
from ui.engine import Engine
from ui.feed import Feed
from ui.main_window import MainWindow
from ui.notices import Notices
from ui.preferences import Preferences
from ui.reporting import Reporter
from ui.run_changes import empty_bin
from ui.run_reports import RunReports
from ui.selection import Selection
from ui.termination import Termination
from ui.theme import ASSETS, Mode, Theme, load_fonts

#: milliseconds between the first picture of the window and the loading of the engine
ENGINE_DELAY = 50


class Application:
    """What outlives a project: Qt, theme, preferences, notices, log, signals."""

    def __init__(self, preferences: Preferences | None = None) -> None:
        self.qt = _qt_application()
        load_fonts()
        keep_log()
        self.preferences = preferences or Preferences()
        self.theme = Theme(self._mode(), float(self.preferences.get("theme.scale", 1.0)))
        self.theme.apply()
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow_system)
        self.notices = Notices()
        self.reporter = Reporter(self.notices)
        self.termination = Termination(self.qt)

    def _mode(self) -> Mode:
        stored = self.preferences.get("theme.mode")
        modes: dict[object, Mode] = {"dark": "dark", "light": "light"}
        return modes.get(stored, "system")

    def _follow_system(self, *_: object) -> None:
        if self.theme.mode == "system":
            self.theme.set_mode("system")

    def run(self, folder: Path) -> int:
        """Show one project after the other until the window is closed for good."""
        wanted: Path | None = folder
        while wanted is not None:
            project = self._open(wanted)
            if project is None:
                return 0 if self.termination.received else 1
            wanted = self.show(project)
        return 0

    def _open(self, folder: Path) -> Project | None:
        """The project, after the dialogs that it takes; a signal to end closes them. None: the user quits."""
        self.termination.requested.connect(_close_dialog)
        try:
            return open_with_dialogs(folder, self.theme, self._ask)
        finally:
            self.termination.requested.disconnect(_close_dialog)

    def _ask(self, text: FaultText, theme: Theme) -> Choice:
        choice = Choice.QUIT if self.termination.received else ask(text, theme)
        return Choice.QUIT if self.termination.received else choice

    def show(self, project: Project) -> Path | None:
        """One window over one project, until it closes; returns the project to open next."""
        window = self.build(project)
        context = window.context
        assert context is not None
        self.termination.requested.connect(window.leave)
        self.reporter.log_wanted.connect(window.show_log)
        window.show()
        window.machine.start()
        context.feed.start()
        QTimer.singleShot(ENGINE_DELAY, window, context.engine.start)
        window.closed.connect(self.qt.quit)
        if self.termination.received:
            window.leave()
        self.qt.exec()
        context.feed.stop()
        self.termination.requested.disconnect(window.leave)
        self.reporter.log_wanted.disconnect(window.show_log)
        self.notices.clear()
        wanted = None if self.termination.received else window.next_folder
        window.deleteLater()
        # Without a running loop Qt would keep the window; with it end the panels' threads, which read the project.
        self.qt.sendPostedEvents(window, QEvent.Type.DeferredDelete)
        QThreadPool.globalInstance().waitForDone()  # files that are still being exported
        empty_bin(project)
        project.close()
        return wanted

    def build(self, project: Project) -> MainWindow:
        """The window over an open project, not yet shown; the engine is not started."""
        window = MainWindow()
        engine = Engine(project)
        context = Context(
            project=project,
            engine=engine,
            feed=Feed(engine),
            selection=Selection(),
            cursor=TimeCursor(),
            theme=self.theme,
            preferences=self.preferences,
            notices=self.notices,
            actions=ActionRegistry(window, self.theme),
        )
        window.fill(context)
        window.reports = RunReports(context, window, DesktopNotices(context, window))
        return window

    def close(self) -> None:
        """Give signals and exception hooks back."""
        self.termination.close()
        self.reporter.close()


def run(folder: Path | None = None) -> int:
    """Start the application over ``folder`` (else the user's project); returns the exit code."""
    application = Application()
    try:
        return application.run(folder or default_project_folder())
    finally:
        application.close()


def _close_dialog() -> None:
    dialog = QApplication.activeModalWidget()
    if isinstance(dialog, QDialog):
        dialog.reject()


def _qt_application() -> QApplication:
    made = QApplication.instance() or QApplication([sys.argv[0]])
    assert isinstance(made, QApplication)
    made.setApplicationName("Foresight")
    made.setDesktopFileName("foresight")
    made.setWindowIcon(QIcon(str(ASSETS / "mark.svg")))
    made.setStyle(QStyleFactory.create("Fusion"))
    made.setQuitOnLastWindowClosed(False)
    return made
