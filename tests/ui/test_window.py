"""The window's frame: workspaces, docks that hide what is behind, layouts that are remembered, notices, keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDockWidget, QLineEdit, QMenu, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from ui import workspaces
from ui.actions import Action, ActionRegistry
from ui.context import Context
from ui.dock import DockTitle
from ui.main_window import MainWindow
from ui.panels import PanelEntry
from ui.panels.base import Panel
from ui.top_bar import fill_menu
from ui.workspace_kinds import KINDS
from workbench.engine.monitor import GpuLoad, MachineLoad

Make = Callable[[int, int], MainWindow]


class Sheet(Panel):
    """A panel that counts how often it is in sight."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.setMinimumSize(60, 60)
        self.field = QLineEdit()
        self.field.setPlaceholderText("Filter")
        column = QVBoxLayout(self)
        column.addWidget(self.field)


def _sheet(name: str, title: str) -> type[Sheet]:
    return type(title, (Sheet,), {"name": name, "title": title})


First, Second, Third, Fourth, Form = (
    _sheet(name, name.capitalize()) for name in ("first", "second", "third", "fourth", "form")
)


class Broken(Panel):
    """A panel that cannot be made."""

    name, title = "broken", "Broken"

    def __init__(self, context: Context) -> None:
        raise RuntimeError("no such thing")


@pytest.fixture
def panels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small table of panels in place of the real one."""
    places = {"First": "middle", "Second": "middle-bottom", "Third": "right", "Fourth": "right-bottom"}
    table = [PanelEntry(name.lower(), name, f"{__name__}:{name}", "watch", area) for name, area in places.items()]
    table.append(PanelEntry("form", "Form", f"{__name__}:Form", "configure", "middle"))
    table.append(PanelEntry("ghost", "Ghost", "ui.panels.no_such_module:Ghost", "plan", "middle"))
    monkeypatch.setattr(workspaces, "PANELS", tuple(table))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if "no_such" in name else object())


@pytest.fixture
def frame(make: Make) -> MainWindow:
    """The window over the sample project, on the screen at 1600 x 1000."""
    return make(1600, 1000)


@pytest.fixture
def make(qtbot: QtBot, context: Context, panels: None) -> Iterator[Make]:
    """Makes windows over the sample project, and closes them in order."""
    made: list[MainWindow] = []

    def one(width: int, height: int) -> MainWindow:
        made.append(_make(context, width, height))
        return made[-1]

    yield one
    for window in made:
        with qtbot.waitSignal(window.closed):
            window.leave()
        window.deleteLater()


def _make(context: Context, width: int, height: int) -> MainWindow:
    context.preferences.set("window.size", [width, height])
    made = MainWindow()
    context.actions = ActionRegistry(made, context.theme)
    made.fill(context)
    made.resize(width, height)
    made.show()
    QApplication.processEvents()
    QApplication.processEvents()
    return made


def _places(window: MainWindow) -> dict[str, tuple[int, int, int, int]]:
    docks = window.workspaces["watch"].docks
    return {name: (dock.x(), dock.y(), dock.width(), dock.height()) for name, dock in docks.items()}


# ---- workspaces and docks -------------------------------------------------------------------------------------------


def test_a_workspace_without_panels_says_so_and_missing_ones_are_logged(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    window = make(1600, 1000)
    assert list(window.top_bar.tabs) == ["configure", "watch", "diagnose", "compare", "plan"]
    assert "no module ui.panels.no_such_module" in caplog.text
    window.show_workspace("plan")
    vacancy = window.workspaces["plan"].vacancy
    assert vacancy.isVisible()
    assert vacancy.words.startswith("Plan has no panels in this version")
    vacancy.buttons[0].click()
    assert window.workspace is window.workspaces["watch"]
    assert not window.workspaces["watch"].vacancy.isVisible()


def test_closing_every_panel_offers_the_layout_again(frame: MainWindow, qtbot: QtBot) -> None:
    watch = frame.workspaces["watch"]
    for dock in watch.docks.values():
        dock.close()
    qtbot.waitUntil(watch.vacancy.isVisible)
    assert watch.vacancy.geometry() == watch.rect()
    watch.vacancy.buttons[0].click()
    qtbot.waitUntil(lambda: not watch.vacancy.isVisible())
    assert watch.docks["first"].panel.isVisible()


def test_the_panel_that_was_looked_at_stays_in_front_in_a_smaller_window(frame: MainWindow, qtbot: QtBot) -> None:
    frame.show_panel("fourth")
    frame.resize(1000, 700)
    docks = frame.workspaces["watch"].docks
    qtbot.waitUntil(lambda: docks["fourth"].panel.isVisible())
    assert not docks["third"].panel.isVisible()


@pytest.mark.parametrize(("width", "scale"), [(1000, 1.0), (1000, 1.5), (760, 1.0), (1600, 1.5)])
def test_the_top_bar_fits_the_window(make: Make, width: int, scale: float) -> None:
    window = make(width, 700)
    assert window.context is not None
    window.context.theme.set_scale(scale)
    try:
        window.top_bar.running.setVisible(True)
        QApplication.processEvents()
        assert window.top_bar.sizeHint().width() <= width
        assert window.width() == width
        help_button = window.top_bar.help_button
        assert help_button.geometry().right() < window.top_bar.width()
    finally:
        window.context.theme.set_scale(1.0)


def test_the_default_layout_puts_panels_where_the_table_says(frame: MainWindow) -> None:
    place = _places(frame)
    assert place["first"][0] == place["second"][0] == 0
    assert place["second"][1] > place["first"][1]
    assert place["third"][0] > place["first"][0] + place["first"][2]
    assert abs(place["third"][2] - 540) <= 12
    assert abs(place["second"][3] - 368) <= 12
    right = place["third"][0] + place["third"][2]
    assert abs(right - frame.workspaces["watch"].width()) <= 1


def test_a_small_window_turns_the_right_column_into_tabs(make: Make) -> None:
    window = make(1000, 700)
    docks = window.workspaces["watch"].docks
    assert docks["third"].panel.isVisible()
    assert not docks["fourth"].panel.isVisible()
    assert docks["first"].width() >= 420
    assert docks["first"].height() >= 260
    assert window.top_bar.search.property("narrow") is True


def test_a_window_that_was_small_for_a_while_has_its_layout_back(frame: MainWindow, qtbot: QtBot) -> None:
    frame.resize(1600, 1000)
    frame.show_workspace("watch")
    workspace = frame.workspaces["watch"]

    def settled() -> dict[str, object]:
        qtbot.wait(workspaces.SAVE_DELAY + 50)
        return {name: dock.size().toTuple() for name, dock in workspace.docks.items() if dock.panel.isVisible()}

    before = settled()
    for _ in range(2):
        frame.resize(1000, 700)
        assert settled() != before
        frame.resize(1600, 1000)
        assert settled() == before


def test_a_panel_behind_a_tab_is_inactive_until_its_tab_is_taken(make: Make) -> None:
    window = make(1000, 700)
    docks = window.workspaces["watch"].docks
    assert docks["third"].panel.active
    assert not docks["fourth"].panel.active
    tabs = docks["third"].bar._tabs
    assert [tabs.tabText(number) for number in range(tabs.count())] == ["Third", "Fourth"]
    tabs.setCurrentIndex(1)
    QApplication.processEvents()
    assert docks["fourth"].panel.active
    assert not docks["third"].panel.active


def test_the_words_of_tabs_are_whole_where_they_have_room(make: Make, qtbot: QtBot) -> None:
    window = make(1000, 700)
    bar = window.workspaces["watch"].docks["third"].bar
    bar.subtitle.setText("alm-quick HalfCheetah-v5 seed 3, which has a long name indeed and more")
    qtbot.waitUntil(lambda: bar._tabs.width() == bar._tabs.full_width() > 0)
    assert bar.subtitle.x() >= bar._tabs.geometry().right()
    window.resize(1600, 1000)
    qtbot.waitUntil(lambda: bar._name.isVisible())
    alone = window.workspaces["watch"].docks["first"].bar._name.x()
    qtbot.waitUntil(lambda: bar._name.x() == alone, timeout=2000)


def test_a_control_keeps_its_place_when_it_comes_back(context: Context, qtbot: QtBot) -> None:
    field, first, second = QLineEdit(), QPushButton("Group by seed"), QPushButton("Columns")
    field.setMinimumWidth(120)
    bar = DockTitle("Runs", context.theme, [field, first, second])
    qtbot.addWidget(bar)
    bar.show()
    for width in (700, 200, 700, 600, 700):
        bar.resize(width, 33)
        QApplication.processEvents()
    assert field.x() < first.x() < second.x()


def test_changing_the_workspace_deactivates_its_panels(frame: MainWindow) -> None:
    first = frame.workspaces["watch"].docks["first"].panel
    assert first.active
    frame.show_workspace("configure")
    QApplication.processEvents()
    assert not first.active
    assert frame.workspaces["configure"].docks["form"].panel.active
    assert frame.context is not None
    assert frame.context.preferences.get("window.workspace") == "configure"


def test_a_panel_that_cannot_be_made_leaves_the_others_standing(
    context: Context, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = (
        PanelEntry("broken", "Broken", f"{__name__}:Broken", "watch", "middle"),
        PanelEntry("first", "First", f"{__name__}:First", "watch", "right"),
    )
    monkeypatch.setattr(workspaces, "PANELS", table)
    window = make(1600, 1000)
    assert list(window.workspaces["watch"].docks) == ["first"]
    assert "The panel Broken cannot be shown: no such thing" in context.notices.items[0].text


# ---- layouts --------------------------------------------------------------------------------------------------------


def test_a_changed_layout_is_on_disk_at_once_and_comes_back(qtbot: QtBot, context: Context, make: Make) -> None:
    window = make(1600, 1000)
    workspace = window.workspaces["watch"]
    docks = workspace.docks
    workspace.resizeDocks([docks["first"], docks["third"]], [800, 780], Qt.Orientation.Horizontal)
    docks["second"].close()
    qtbot.waitUntil(lambda: "layout.watch.wide" in context.preferences.path.read_text(encoding="utf-8"))
    qtbot.wait(workspaces.SAVE_DELAY + 100)
    before = _places(window)
    again = make(1600, 1000)
    assert abs(before["third"][2] - 780) < 30
    assert abs(_places(again)["third"][2] - before["third"][2]) <= 2
    assert again.workspaces["watch"].docks["second"].isHidden()


def test_reset_brings_everything_back(frame: MainWindow) -> None:
    before = _places(frame)
    docks = frame.workspaces["watch"].docks
    docks["first"].close()
    docks["fourth"].setFloating(True)
    frame.workspaces["watch"].reset()
    QApplication.processEvents()
    assert not docks["fourth"].isFloating()
    assert _places(frame) == before


def test_a_workspace_can_give_its_lower_right_panel_most_of_the_height(
    qtbot: QtBot, context: Context, panels: None
) -> None:
    kind = replace(next(kind for kind in KINDS if kind.name == "watch"), right_bottom=500)
    entries = [entry for entry in workspaces.PANELS if entry.workspace == "watch"]
    workspace = workspaces.Workspace(kind, entries, context)
    qtbot.addWidget(workspace)
    workspace.resize(1588, 860)
    workspace.show()
    docks = workspace.docks
    qtbot.waitUntil(lambda: abs(docks["fourth"].height() - 500) <= 4)
    assert abs(docks["second"].height() - kind.bottom) <= 4


def test_locking_pins_every_dock_and_is_remembered(frame: MainWindow, make: Make, context: Context) -> None:
    context.actions.trigger("layout.lock")
    fixed = QDockWidget.DockWidgetFeature.NoDockWidgetFeatures
    assert {dock.features() for dock in frame.workspaces["watch"].docks.values()} == {fixed}
    again = make(1600, 1000)
    assert {dock.features() for dock in again.workspaces["watch"].docks.values()} == {fixed}
    assert context.actions.qt("layout.lock").isChecked()


def test_enlarging_fills_the_workspace_and_shrinking_restores_it(frame: MainWindow, qtbot: QtBot) -> None:
    before = _places(frame)
    workspace = frame.workspaces["watch"]
    workspace.show_panel("third")
    qtbot.waitUntil(lambda: workspace.focused() is workspace.docks["third"])
    QTest.keyClick(frame, Qt.Key.Key_F11)
    QApplication.processEvents()
    assert workspace.docks["third"].width() == workspace.width()
    assert not workspace.docks["first"].panel.active
    QTest.keyClick(frame, Qt.Key.Key_F11)
    QApplication.processEvents()
    assert _places(frame) == before
    assert workspace.docks["first"].panel.active


def test_a_layout_is_not_remembered_while_a_panel_is_enlarged(frame: MainWindow, qtbot: QtBot) -> None:
    workspace = frame.workspaces["watch"]
    assert frame.context is not None
    workspace.save()
    stored = frame.context.preferences.get("layout.watch.wide")
    workspace.enlarge(workspace.docks["first"])
    qtbot.wait(workspaces.SAVE_DELAY + 100)
    assert frame.context.preferences.get("layout.watch.wide") == stored


def test_the_size_of_the_window_is_remembered(frame: MainWindow, qtbot: QtBot, context: Context) -> None:
    frame.resize(1300, 900)
    qtbot.waitUntil(lambda: context.preferences.get("window.size") == [1300, 900])


# ---- keys -----------------------------------------------------------------------------------------------------------


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
    window = _make(context, 1600, 1000)
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
    window = _make(context, 1600, 1000)
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


# ---- bars -----------------------------------------------------------------------------------------------------------


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
