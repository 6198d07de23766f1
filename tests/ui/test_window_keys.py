"""Keys and commands of the window."""

# ruff: noqa: F811  fixtures are imported by name

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from tests.ui.window_lab import (  # noqa: F401
    Sheet,
    frame,
    make,
    make_window,
    panels,
)
from ui import workspaces
from ui.actions import Action
from ui.context import Context
from ui.main_window import MainWindow
from ui.top_bar import fill_menu


def test_f6_goes_round_the_panels_and_marks_the_one_with_the_keyboard(frame: MainWindow, qtbot: QtBot) -> None:
    frame.activateWindow()
    workspace = frame.workspaces["watch"]
    seen = []
    for _ in range(5):
        QTest.keyClick(frame, Qt.Key.Key_F6)
        dock = workspace.focused()
        assert dock is not None
        assert dock.bar.property("active") is True
        seen.append(dock.objectName())
    assert sorted(seen[:4]) == ["first", "fourth", "second", "third"]
    assert seen[4] == seen[0]
    QTest.keyClick(frame, Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
    present = workspace.focused()
    assert present is not None
    assert present.objectName() == seen[3]


def test_ctrl_and_a_digit_choose_the_workspace(frame: MainWindow) -> None:
    QTest.keyClick(frame, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert frame.workspace is frame.workspaces["configure"]
    assert frame.top_bar.tabs["configure"].isChecked()
    QTest.keyClick(frame, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert frame.workspace is frame.workspaces["watch"]


def test_ctrl_f_goes_to_the_panels_own_filter(frame: MainWindow, qtbot: QtBot) -> None:
    workspace = frame.workspaces["watch"]
    workspace.show_panel("second")
    panel = workspace.docks["second"].panel
    assert isinstance(panel, Sheet)
    panel.field.clearFocus()
    workspace.docks["second"].bar.enlarge.setFocus()
    QTest.keyClick(frame, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(panel.field.hasFocus)


def test_no_two_commands_of_the_real_panels_share_a_shortcut(context: Context, qtbot: QtBot) -> None:
    window = make_window(context, 1600, 1000)
    for workspace in window.workspaces.values():
        workspace.load()
    scopes: dict[str, list[object]] = {}
    for action in context.actions:
        key = context.actions.qt(action.id).shortcut().toString()
        if key:
            scopes.setdefault(key, []).append(action.scope)
    assert len(scopes) > 15
    doubled = {key: found for key, found in scopes.items() if len(set(found)) < len(found)}
    everywhere = {key for key, found in scopes.items() if None in found and len(found) > 1}
    with qtbot.waitSignal(window.closed):
        window.leave()
    window.deleteLater()
    assert doubled == {}
    assert everywhere == set()


def test_the_real_panels_stand_side_by_side_in_every_workspace(context: Context, qtbot: QtBot) -> None:
    window = make_window(context, 1600, 1000)
    crowded = []
    for name, workspace in window.workspaces.items():
        window.show_workspace(name)
        qtbot.wait(2 * workspaces.SAVE_DELAY)  # what is remembered meanwhile must not be a layout in the making
        docks = [dock for dock in workspace.docks.values() if not dock.visibleRegion().isEmpty()]
        areas = [dock.geometry() for dock in docks]
        covered = sum(area.width() * area.height() for area in areas)
        overlap = any(one.intersects(other) for place, one in enumerate(areas) for other in areas[:place])
        if overlap or covered < 0.9 * workspace.width() * (workspace.height() - 60):
            crowded.append((name, areas))
    with qtbot.waitSignal(window.closed):
        window.leave()
    window.deleteLater()
    assert crowded == []


def test_a_command_that_cannot_be_done_says_why(frame: MainWindow, context: Context) -> None:
    context.actions.add(Action("run.try", "Try it", lambda: None, obstacle=lambda: "Select a run first."))
    context.actions.trigger("run.try")
    assert context.notices.items[-1].text == "Try it: Select a run first."


def test_menus_are_made_from_the_registry(frame: MainWindow, context: Context) -> None:
    menu = QMenu()
    fill_menu(menu, "View", context.actions)
    titles = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert "Configure" in titles
    assert "Panels" in titles
    assert "Reset layout" in titles
    assert "Settings…" not in titles
