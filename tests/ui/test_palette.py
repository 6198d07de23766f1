"""The command palette finds commands, panels and runs by a few letters, and does what is chosen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QMainWindow
from pytestqt.qtbot import QtBot

from ui.actions import Action
from ui.context import Context
from ui.dialogs.keys import KeysDialog
from ui.dialogs.settings import NOTIFY, SettingsDialog
from ui.palette import Entry, Palette, rank, score


@pytest.fixture
def done() -> list[str]:
    """What was chosen."""
    return []


@pytest.fixture
def palette(context: Context, window: QMainWindow, qtbot: QtBot, done: list[str]) -> Iterator[Palette]:
    """Over a window with a few commands and a field that has the keyboard."""
    add = context.actions.add
    add(Action("file.new_run", "New run", lambda: done.append("new"), "Ctrl+N", "File", "plus"))
    add(Action("layout.reset", "Reset layout", lambda: done.append("reset"), "", "View"))
    add(Action("run.stop", "Stop run", lambda: done.append("stop"), "", "Run", obstacle=lambda: "No run selected"))
    add(Action("panel.curves", "Curves", lambda: done.append("curves"), "", "View/Panels"))
    field = QLineEdit()
    window.setCentralWidget(field)
    window.resize(900, 600)
    made = Palette(context, window)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    field.setFocus()
    yield made


def _entry(title: str, detail: str = "") -> Entry:
    return Entry(title, detail, lambda: None)


def test_beginnings_rank_before_middles_and_middles_before_initials() -> None:
    entries = [_entry("Unrelated"), _entry("Overnew"), _entry("Not even wet"), _entry("New run"), _entry("Open new")]
    assert [entry.title for entry in rank("new", entries)] == ["New run", "Open new", "Overnew", "Not even wet"]


def test_every_word_must_be_somewhere() -> None:
    assert score("reset lay", "Reset layout") is not None
    assert score("reset zebra", "Reset layout") is None
    assert score("view", "Reset layout", "View") is not None


def test_it_opens_with_commands_first_and_takes_the_keyboard(palette: Palette, qtbot: QtBot) -> None:
    palette.open()
    qtbot.waitUntil(palette.field.hasFocus)
    assert [entry.title for entry in palette.entries()][:4] == ["New run", "Reset layout", "Stop run", "Curves"]
    assert palette.entries()[0].keys == "Ctrl+N"


def test_typing_and_return_do_it_and_give_the_keyboard_back(
    palette: Palette, window: QMainWindow, done: list[str], qtbot: QtBot
) -> None:
    palette.open()
    QTest.keyClicks(palette.field, "res")
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert done == ["reset"]
    assert palette.isHidden()
    qtbot.waitUntil(window.centralWidget().hasFocus)


def test_arrows_move_and_wrap(palette: Palette) -> None:
    palette.open()
    last = palette.list.count() - 1
    QTest.keyClick(palette.field, Qt.Key.Key_Up)
    assert palette.list.currentRow() == last
    QTest.keyClick(palette.field, Qt.Key.Key_Down)
    QTest.keyClick(palette.field, Qt.Key.Key_Down)
    assert palette.list.currentRow() == 1


def test_what_cannot_be_done_says_why_and_is_not_done(palette: Palette, done: list[str]) -> None:
    palette.open()
    QTest.keyClicks(palette.field, "stop run")
    found = palette.current()
    assert found is not None
    assert found.obstacle == "No run selected"
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert done == []
    assert palette.isVisible()


def test_runs_are_found_by_name_and_selected(palette: Palette, context: Context) -> None:
    palette.open()
    QTest.keyClicks(palette.field, "relu")
    found = palette.current()
    assert found is not None
    assert found.title == "ReLU, lr 3e-3"
    assert "failed, step 2,000" in found.detail
    palette.accept()
    assert context.selection.primary is not None
    assert context.project.runs.get(context.selection.primary).name == "ReLU, lr 3e-3"


def test_nothing_found_is_said(palette: Palette, done: list[str]) -> None:
    palette.open()
    QTest.keyClicks(palette.field, "zebra")
    assert [entry.title for entry in palette.entries()] == ["Nothing is called “zebra”"]
    palette.accept()
    assert palette.isVisible()


def test_escape_closes_it(palette: Palette) -> None:
    palette.open()
    QTest.keyClick(palette.field, Qt.Key.Key_Escape)
    assert palette.isHidden()


def test_it_stays_inside_a_small_window(palette: Palette, window: QMainWindow) -> None:
    window.setMinimumSize(0, 0)
    window.resize(420, 300)
    palette.open()
    assert window.rect().contains(palette.geometry())


def test_the_list_of_keys_holds_every_shortcut_and_can_be_searched(
    palette: Palette, context: Context, qtbot: QtBot
) -> None:
    dialog = KeysDialog(context)
    qtbot.addWidget(dialog)

    def shown() -> list[str]:
        groups = [dialog.tree.topLevelItem(number) for number in range(dialog.tree.topLevelItemCount())]
        children = [group.child(row) for group in groups if group for row in range(group.childCount())]
        return [child.text(0) for child in children if not child.isHidden()]

    assert "New run" in shown()
    assert "Free camera" in shown()
    dialog.field.setText("ctrl+n")
    assert shown() == ["New run"]


def test_settings_take_effect_and_are_written_at_once(context: Context, qtbot: QtBot) -> None:
    dialog = SettingsDialog(context)
    qtbot.addWidget(dialog)
    dialog.theme_choice.setCurrentIndex(dialog.theme_choice.findData("light"))
    dialog.scale.setValue(13)
    dialog.notify.setChecked(False)
    assert not context.theme.dark
    assert context.theme.scale == 1.3
    stored = context.preferences.path.read_text(encoding="utf-8")
    assert '"theme.mode": "light"' in stored
    assert '"theme.scale": 1.3' in stored
    assert f'"{NOTIFY}": false' in stored
