"""The window's bars: counts, machine, notices, theme, and controls that find no room in a title."""

# ruff: noqa: F811  fixtures are imported by name

from __future__ import annotations

from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from tests.ui.window_lab import (  # noqa: F401
    Sheet,
    frame,
    make,
    panels,
)
from ui.context import Context
from ui.dock import DockTitle
from ui.main_window import MainWindow
from workbench.engine.monitor import GpuLoad, MachineLoad


def test_the_top_bar_counts_what_runs_and_waits(frame: MainWindow) -> None:
    assert frame.top_bar.running.text() == "3 running · 2 queued"


def test_the_status_bar_shows_the_machine(frame: MainWindow) -> None:
    gpu = GpuLoad("card", 0.38, 1, 2)
    frame.status_bar.show_machine(MachineLoad(0.61, 5 * 1024**3, 24 * 1024**3, 1, 1_500_000_000, (gpu,)))
    bar = frame.status_bar
    assert bar.cpu.accessibleDescription() == "61 %"
    assert bar.gpu.isVisible()
    assert bar.gpu.accessibleDescription() == "38 %"
    assert bar.memory.accessibleDescription() == "5.0 of 24 GB"
    assert bar._disk.text() == "Only 1.5 GB free"
    assert bar._disk.property("role") == "warn"
    frame.status_bar.show_machine(MachineLoad(0.61, 5 * 1024**3, 24 * 1024**3, 1, 1_400_000_000, (gpu,)))
    assert frame.context is not None
    told = [notice.text for notice in frame.context.notices.items if "project's disk" in notice.text]
    assert told == ["Only 1.5 GB are free on the project's disk. Training pauses when it is full."]
    frame.status_bar.show_machine(MachineLoad(0.61, 5 * 1024**3, 24 * 1024**3, 1, 75_000_000_000, (gpu,)))
    assert (bar._disk.text(), bar._disk.property("role")) == ("75 GB free", "label")


def test_notices_come_go_and_wait(frame: MainWindow, context: Context, qtbot: QtBot) -> None:
    bar, done = frame.status_bar, []
    bar._hide_notice.setInterval(60)
    context.notices.add("ok", "It finished.")
    context.notices.add("bad", "It failed.", "Open log", lambda: done.append(True))
    context.notices.add("bad", "It failed.")
    assert bar._left.currentIndex() == 1
    assert bar._notice.text() == "It failed.  (2×)"
    assert bar._waiting.text() == "2 of 2 notices"
    qtbot.waitUntil(lambda: bar._left.currentIndex() == 0)
    assert bar._waiting.text() == "2 notices"
    bar.show_notice(context.notices.items[1])
    bar._notice_action.click()
    assert done == [True]
    assert [notice.text for notice in context.notices.items] == ["It finished."]


def test_the_theme_button_changes_every_colour_and_is_remembered(frame: MainWindow, context: Context) -> None:
    def ground() -> QColor:
        return frame.top_bar.grab().toImage().pixelColor(frame.top_bar.width() // 2, 4)

    assert ground() == context.theme.color("panel")
    assert context.theme.dark
    frame.top_bar.theme_button.click()
    assert not context.theme.dark
    assert ground() == QColor("#FFFFFF")
    assert context.preferences.get("theme.mode") == "light"


def test_larger_text_makes_the_bars_grow(frame: MainWindow, context: Context) -> None:
    before = frame.top_bar.height()
    for _ in range(8):
        context.actions.trigger("view.larger")
    assert context.theme.scale == 1.5
    assert frame.top_bar.height() == round(before * 1.5)
    assert context.preferences.get("theme.scale") == 1.5


def test_controls_without_room_in_the_title_bar_wait_under_more(context: Context, qtbot: QtBot) -> None:
    pressed: list[int] = []
    buttons = [QPushButton(f"Control {number}") for number in range(5)]
    for number, button in enumerate(buttons):
        button.setFixedWidth(120)
        button.clicked.connect(lambda _=False, chosen=number: pressed.append(chosen))
    place = QWidget()
    qtbot.addWidget(place)
    title = DockTitle("Sheet", context.theme, buttons)
    title.setParent(place)
    title.resize(1000, 33)
    place.show()
    assert title.squeezed() == []
    title.resize(400, 33)
    QApplication.processEvents()
    assert title.squeezed() == buttons[2:]
    assert [button.isVisible() for button in buttons] == [True, True, False, False, False]
    assert title.minimumSizeHint().width() < 200
    title.squeezed()[0].click()
    assert pressed == [2]
    title.resize(1000, 33)
    QApplication.processEvents()
    assert all(button.isVisible() for button in buttons)


def test_a_choice_without_room_moves_below_the_title_and_back(context: Context, qtbot: QtBot) -> None:
    place, choice, button = QWidget(), QLineEdit(), QPushButton("After it")
    qtbot.addWidget(place)
    for control in (choice, button):
        control.setFixedWidth(200)
    title = DockTitle("Sheet", context.theme, [choice, button])
    column = QVBoxLayout(place)
    column.addWidget(title)
    column.addWidget(title.overflow)
    place.resize(800, 200)
    place.show()
    assert not title.overflow.isVisible()
    place.resize(260, 200)
    QApplication.processEvents()
    assert choice.parent() is title.overflow
    assert choice.isVisible()
    assert title.squeezed() == [button]
    place.resize(800, 200)
    QApplication.processEvents()
    assert choice.parent() is title
    assert choice.isVisible()
    assert button.isVisible()
    assert choice.x() < button.x()
    assert not title.overflow.isVisible()


def test_the_more_menu_offers_what_the_title_bar_cannot(frame: MainWindow) -> None:
    dock = frame.workspaces["watch"].docks["first"]
    button = QPushButton("Export the table")
    dock.bar._squeezed = [button]
    menu = dock.bar.more.menu()
    for _ in range(2):
        menu.aboutToShow.emit()
    titles = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert titles == ["Enlarge", "Float", "Copy picture", "Reset layout", "Close", "Export the table"]
