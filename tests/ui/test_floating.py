"""A dock that floats is drawn, whatever happened to its workspace meanwhile."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QMainWindow, QStackedWidget, QWidget
from pytestqt.qtbot import QtBot

from ui.context import Context
from ui.panels import PanelEntry
from ui.panels.base import Panel
from ui.workspaces import KINDS, Workspace


class One(Panel):
    """Nothing in particular."""

    name, title = "one", "One"


class Two(One):
    """Its neighbour."""

    name, title = "two", "Two"


def test_a_floating_dock_is_drawn_after_another_page_was_shown(
    context: Context, window: QMainWindow, qtbot: QtBot
) -> None:
    entries = [
        PanelEntry("one", "One", f"{__name__}:One", "watch", "middle"),
        PanelEntry("two", "Two", f"{__name__}:Two", "watch", "right"),
    ]
    pages, workspace, other = QStackedWidget(), Workspace(KINDS[1], entries, context), QWidget()
    pages.addWidget(workspace)
    pages.addWidget(other)
    window.setCentralWidget(pages)
    window.resize(1600, 900)
    window.show()
    dock = workspace.docks["two"]
    dock.setFloating(True)
    window.resize(800, 600)  # a layout of its own, in which nothing floats
    QApplication.processEvents()
    assert not dock.isFloating()
    pages.setCurrentWidget(other)
    window.resize(1600, 900)
    QApplication.processEvents()
    pages.setCurrentWidget(workspace)  # the wide layout comes back, with the dock afloat
    qtbot.waitUntil(lambda: dock.isFloating() and dock.updatesEnabled())
    workspace.reset()
    QApplication.processEvents()
    assert not dock.isFloating()
    assert dock.updatesEnabled()
