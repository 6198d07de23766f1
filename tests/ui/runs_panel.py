"""The panel of runs in a window, and what a user does with it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QItemSelectionModel, Qt, QTimer
from PySide6.QtWidgets import QApplication, QDialog, QMainWindow
from pytestqt.qtbot import QtBot

from ui.context import Context
from ui.panels.runs import RunsPanel


def show(qtbot: QtBot, context: Context, window: QMainWindow) -> RunsPanel:
    made = RunsPanel(context)
    for widget in made.header_widgets():
        widget.setParent(window)
    window.setCentralWidget(made)
    window.resize(1045, 400)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    made.view.setFocus()
    qtbot.waitUntil(made.view.hasFocus)
    return made


def names(panel: RunsPanel) -> list[str]:
    return [item.name for item in panel.model.items]


def choose(panel: RunsPanel, *keys: tuple[int, int]) -> None:
    """Select rows as clicks would."""
    selection = panel.view.selectionModel()
    selection.clearSelection()
    for key in keys:
        index = panel.model.index_of(key)
        assert index.isValid(), key
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        selection.select(index, flags)
        selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)


NO_MODIFIER = Qt.KeyboardModifier.NoModifier


def press(qtbot: QtBot, panel: RunsPanel, key: Qt.Key, modifier: Qt.KeyboardModifier = NO_MODIFIER) -> None:
    qtbot.keyClick(panel.view, key, modifier)


def in_dialog(kind: type[QDialog], act: Callable[[QDialog], object]) -> None:
    """Do something in the dialog that opens next, and accept it."""

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, kind)
        act(dialog)
        dialog.accept()

    QTimer.singleShot(50, look)
