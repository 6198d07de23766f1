"""The commands of the window itself; panels add their own."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QLineEdit

from ui.actions import Action
from ui.dialogs.keys import KeysDialog
from ui.dialogs.settings import SettingsDialog
from ui.dialogs.welcome import DEMO, Welcome, open_demo
from ui.theme import Mode

if TYPE_CHECKING:
    from ui.main_window import MainWindow


def add_window_actions(window: MainWindow) -> None:
    """Register them; menus show them in this order."""
    _add_file(window)
    _add_edit(window)
    _add_view(window)
    _add_panels(window)
    _add_help(window)


def _add_file(window: MainWindow) -> None:
    context = window.context
    assert context is not None
    add = context.actions.add
    if window.workspaces["configure"].entries:
        show = functools.partial(window.show_panel, "new_run")
        add(Action("file.new_run", "New run", show, "Ctrl+N", "File", "plus", "Choose a preset or settings for a run"))
    add(Action("project.open", "Open a project…", lambda: _choose_project(window), "Ctrl+O", "File", "folder"))
    if DEMO.is_dir():
        help = "Finished runs to look around in, as a copy that you may change"
        add(Action("demo.open", "Open the demo", lambda: open_demo(window), "", "File", "beaker", help))
    url = QUrl.fromLocalFile(str(context.project.folder))
    add(Action("project.folder", "Show the project's folder", lambda: QDesktopServices.openUrl(url), "", "File"))
    add(Action("window.settings", "Settings…", lambda: _settings(window), "Ctrl+,", "File", "sliders"))
    add(Action("window.quit", "Quit", window.close, "Ctrl+Q", "File"))


def _add_edit(window: MainWindow) -> None:
    context = window.context
    assert context is not None
    add = context.actions.add
    add(Action("edit.find", "Find in panel", lambda: _find(window), "Ctrl+F", "Edit", "search"))
    add(Action("edit.search", "Search and commands", window.palette_box.open, "Ctrl+K", "Edit", "search"))
    add(Action("edit.picture", "Copy picture of panel", lambda: _copy_picture(window), "", "Edit", "camera"))


def _add_view(window: MainWindow) -> None:
    context = window.context
    assert context is not None
    add, preferences = context.actions.add, context.preferences

    def toggle_theme() -> None:
        mode: Mode = "light" if context.theme.dark else "dark"
        preferences.set("theme.mode", mode)
        context.theme.set_mode(mode)

    def toggle_lock() -> None:
        locked = not preferences.get("layout.locked", False)
        preferences.set("layout.locked", locked)
        context.actions.qt("layout.lock").setChecked(locked)
        for workspace in window.workspaces.values():
            workspace.lock(locked)

    for number, (name, workspace) in enumerate(window.workspaces.items(), start=1):
        show, kind = functools.partial(window.show_workspace, name), workspace.kind
        add(Action(f"workspace.{name}", kind.title, show, f"Ctrl+{number}", "View", kind.icon, kind.purpose))
    add(Action("layout.next", "Next panel", lambda: _cycle(window, 1), "F6", "View"))
    add(Action("layout.previous", "Previous panel", lambda: _cycle(window, -1), "Shift+F6", "View"))
    add(Action("layout.enlarge", "Enlarge panel", lambda: _enlarge(window), "F11", "View", "max"))
    add(Action("layout.lock", "Lock layout", toggle_lock, "", "View", "lock", checkable=True))
    context.actions.qt("layout.lock").setChecked(bool(preferences.get("layout.locked", False)))
    add(Action("layout.reset", "Reset layout", lambda: _reset(window), "", "View", "restart"))
    add(Action("view.theme", "Dark or light theme", toggle_theme, "", "View", "moon"))
    add(Action("view.larger", "Larger text", lambda: _scale(window, 0.1), "Ctrl+=", "View"))
    add(Action("view.smaller", "Smaller text", lambda: _scale(window, -0.1), "Ctrl+-", "View"))


def _add_panels(window: MainWindow) -> None:
    context = window.context
    assert context is not None
    for workspace in window.workspaces.values():
        for entry in workspace.entries:
            show = functools.partial(window.show_panel, entry.name)
            help = f"Show the panel {entry.title} of {workspace.kind.title}"
            if f"panel.{entry.name}" not in context.actions:  # it may stand in several workspaces
                context.actions.add(Action(f"panel.{entry.name}", entry.title, show, "", "View/Panels", help=help))


def _add_help(window: MainWindow) -> None:
    context = window.context
    assert context is not None
    add = context.actions.add
    add(Action("help.keys", "Keys", lambda: KeysDialog(context, window).exec(), "F1", "Help", "help"))
    add(Action("help.welcome", "Welcome", lambda: _welcome(window), "", "Help"))
    add(Action("help.log", "Application log", lambda: window.show_panel("log"), "", "Help"))


# ---- what they do ---------------------------------------------------------------------------------------------------


def _choose_project(window: MainWindow) -> None:
    assert window.context is not None
    present = str(window.context.project.folder.parent)
    folder = QFileDialog.getExistingDirectory(window, "Open a project: choose its folder, or an empty one", present)
    if folder and Path(folder) != window.context.project.folder:
        window.open_project(Path(folder))


def _settings(window: MainWindow) -> None:
    assert window.context is not None
    SettingsDialog(window.context, window).exec()


def _welcome(window: MainWindow) -> None:
    if window.welcome is None:
        window.show_page(Welcome(window))
    else:
        window.show_page(window.welcome)


def _find(window: MainWindow) -> None:
    """Go to the first search field of the panel that has the keyboard, else open the palette."""
    dock = window.workspace.focused() if window.workspace is not None else None
    fields = [field for field in dock.findChildren(QLineEdit) if field.isVisible()] if dock is not None else []
    named = [field for field in fields if any(word in _words(field) for word in ("filter", "find", "search"))]
    if named:
        named[0].setFocus()
        named[0].selectAll()
    else:
        window.palette_box.open()


def _words(field: QLineEdit) -> str:
    return f"{field.objectName()} {field.placeholderText()} {field.accessibleName()}".lower()


def _copy_picture(window: MainWindow) -> None:
    dock = window.workspace.focused() if window.workspace is not None else None
    shown = dock.panel if dock is not None else window.centralWidget()
    QGuiApplication.clipboard().setPixmap(shown.grab())


def _cycle(window: MainWindow, direction: int) -> None:
    if window.workspace is not None:
        window.workspace.cycle(direction)


def _enlarge(window: MainWindow) -> None:
    if window.workspace is not None:
        window.workspace.enlarge()


def _reset(window: MainWindow) -> None:
    if window.workspace is not None:
        window.workspace.reset()


def _scale(window: MainWindow, step: float) -> None:
    assert window.context is not None
    theme = window.context.theme
    theme.set_scale(round(theme.scale + step, 2))
    window.context.preferences.set("theme.scale", theme.scale)
