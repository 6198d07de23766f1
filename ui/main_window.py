"""The window: bars, workspaces, and what happens when it closes."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QCloseEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from ui.context import Context
from ui.dialogs.closing import Closing
from ui.dialogs.welcome import SEEN, Welcome, wanted
from ui.guard import guarded
from ui.machine import Machine
from ui.palette import Palette
from ui.recovery import RecoveryBanner
from ui.run_reports import RunReports
from ui.status_bar import StatusBar
from ui.top_bar import TopBar
from ui.trouble import TroubleBanner
from ui.window_actions import add_window_actions
from ui.workspaces import KINDS, Workspace, available
from workbench.engine.monitor import MachineLoad

MARGIN = 6
SMALLEST = (760, 520)
#: milliseconds after the first picture until the workspaces out of sight are made, one after the other
IDLE_DELAY = 400


class MainWindow(QMainWindow):
    """Empty until :meth:`fill` is given the parts of the application."""

    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Foresight")
        self.setMinimumSize(*SMALLEST)
        self.next_folder: Path | None = None
        self.reports: RunReports | None = None
        self.context: Context | None = None
        self._ended = False

    def fill(self, context: Context) -> None:
        """Build everything over a project; called once, before the window is shown."""
        self.context = context
        self.setWindowTitle(f"{context.project.folder.name} · Foresight")
        entries = available()
        self.workspaces = {
            kind.name: Workspace(kind, [entry for entry in entries if entry.workspace == kind.name], context)
            for kind in KINDS
        }
        self.top_bar = TopBar(context, KINDS)
        self.status_bar = StatusBar(context)
        self.machine = Machine(context.project.folder)
        self.banners = [TroubleBanner(context), RecoveryBanner(context)]
        self.stack = QStackedWidget()
        self.welcome: QWidget | None = None
        self._lay_out()
        self.palette_box = Palette(context, self)
        self.closing = Closing(context, self)
        add_window_actions(self)
        self._connect()
        self._restore_size()
        if wanted(context):
            self.show_page(Welcome(self))
        else:
            self.show_workspace(str(context.preferences.get("window.workspace", "watch")))

    def _lay_out(self) -> None:
        self.setMenuWidget(self.top_bar)
        canvas, frame = QWidget(), QWidget()
        canvas.setObjectName("canvas")
        column = QVBoxLayout(canvas)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for banner in self.banners:
            column.addWidget(banner)
        column.addWidget(frame, 1)
        column.addWidget(self.status_bar)
        inner = QVBoxLayout(frame)
        inner.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        inner.addWidget(self.stack)
        for workspace in self.workspaces.values():
            self.stack.addWidget(workspace)
        self.setCentralWidget(canvas)

    def _connect(self) -> None:
        assert self.context is not None
        self.top_bar.chosen.connect(self.show_workspace)
        self.top_bar.search.clicked.connect(self.palette_box.open)
        self.top_bar.running.clicked.connect(lambda: self.show_panel("runs"))
        actions = self.context.actions
        self.top_bar.theme_button.clicked.connect(lambda: actions.trigger("view.theme"))
        self.top_bar.help_button.clicked.connect(lambda: actions.trigger("help.keys"))
        self.machine.measured.connect(self._show_machine)
        self.closing.finished.connect(self._end)
        actions.refused.connect(self._say_obstacle)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._follow_focus)

    # ---- workspaces and panels --------------------------------------------------------------------------------------

    @property
    def workspace(self) -> Workspace | None:
        """The workspace in sight; None while the welcome is shown."""
        shown = self.stack.currentWidget()
        return shown if isinstance(shown, Workspace) else None

    def show_workspace(self, name: str) -> None:
        """Bring a workspace into sight; an unknown name means the first that there is."""
        if name not in self.workspaces:
            name = "watch" if "watch" in self.workspaces else next(iter(self.workspaces), "")
        self.top_bar.show_current(name)
        if name:
            if self.stack.currentWidget() is not self.workspaces[name]:
                self.stack.setFocus()  # or Qt would give the keyboard to the first button of the page that comes
                self.stack.setCurrentWidget(self.workspaces[name])
            if self.context is not None:
                self.context.preferences.set("window.workspace", name)
                if self.welcome is not None:
                    self.context.preferences.set(SEEN, True)

    def show_panel(self, name: str) -> None:
        """Bring a panel into sight, here if it stands here, else wherever it is, and give it the keyboard."""
        for key, workspace in sorted(self.workspaces.items(), key=lambda item: item[1] is not self.workspace):
            if any(entry.name == name for entry in workspace.entries):
                self.show_workspace(key)
                workspace.show_panel(name)
                return

    def show_log(self) -> None:
        """Bring the application's log into sight."""
        self.show_panel("log")

    def show_page(self, page: QWidget) -> None:
        """Show something in place of the workspaces, such as the welcome."""
        self.welcome = page
        if self.stack.indexOf(page) < 0:
            self.stack.addWidget(page)
        self.stack.setCurrentWidget(page)
        self.top_bar.show_current("")

    def _say_obstacle(self, action_id: str, obstacle: str) -> None:
        assert self.context is not None
        if action_id.startswith("runs."):
            return  # whose obstacles name the run and are told where those commands are made
        self.context.notices.add("info", f"{self.context.actions.qt(action_id).text().rstrip('…')}: {obstacle}")

    def _follow_focus(self, *_: object) -> None:
        if self.workspace is not None:
            self.workspace.mark_focus()

    def _make_next_workspace(self) -> None:
        waiting = next((each for each in self.workspaces.values() if not each.docks and each.entries), None)
        if waiting is not None and not self._ended:
            waiting.load()
            if waiting.docks:
                QTimer.singleShot(IDLE_DELAY, self, self._make_next_workspace)

    def _show_machine(self, load: MachineLoad) -> None:
        self.status_bar.show_machine(load)
        self.top_bar.refresh()

    # ---- size and place ---------------------------------------------------------------------------------------------

    def _restore_size(self) -> None:
        assert self.context is not None
        stored = self.context.preferences.get("window.size")
        screen = self.screen().availableGeometry().size()
        wanted = stored if isinstance(stored, list) and len(stored) == 2 else [1600, 1000]
        self.resize(min(int(wanted[0]), screen.width()), min(int(wanted[1]), screen.height()))
        if self.context.preferences.get("window.maximized", False):
            self.setWindowState(self.windowState() | self.windowState().WindowMaximized)
        self._size_soon = QTimer(self)
        self._size_soon.setSingleShot(True)
        self._size_soon.setInterval(300)
        self._size_soon.timeout.connect(self._save_size)

    def _save_size(self) -> None:
        assert self.context is not None
        self.context.preferences.set("window.maximized", self.isMaximized())
        if not self.isMaximized() and not self.isFullScreen():
            self.context.preferences.set("window.size", [self.width(), self.height()])

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's; the size is remembered."""
        super().resizeEvent(event)
        if self.context is not None and self.isVisible():
            self._size_soon.start()

    @guarded
    def showEvent(self, event: QShowEvent) -> None:
        """Qt's; what is out of sight is made when this is on the screen."""
        super().showEvent(event)
        self.stack.setFocus()  # not to the first tab of the bar, where Qt would put it
        QTimer.singleShot(IDLE_DELAY, self, self._make_next_workspace)

    # ---- leaving ----------------------------------------------------------------------------------------------------

    def open_project(self, folder: Path) -> None:
        """Close this project in order and open another one in its place."""
        self.next_folder = folder
        self.close()

    def leave(self) -> None:
        """Pause what runs, write resume points and close, without a question."""
        self.closing.leave()

    @guarded
    def closeEvent(self, event: QCloseEvent) -> None:
        """Qt's; asks while runs train, and closes only when their threads have ended."""
        if self._ended or self.context is None:
            event.accept()
            return
        event.ignore()
        self.closing.ask()

    def _end(self) -> None:
        self._ended = True
        self.machine.stop()
        self.close()
        self.closed.emit()
