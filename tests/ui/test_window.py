"""The window's frame: workspaces, docks that hide what is behind, layouts that are remembered."""

# ruff: noqa: F811  fixtures are imported by name

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDockWidget, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from tests.ui.window_lab import (  # noqa: F401
    Broken,
    First,
    Make,
    frame,
    make,
    panels,
    places,
)
from ui import workspaces
from ui.context import Context
from ui.dock import DockTitle
from ui.main_window import MainWindow
from ui.panels import PanelEntry
from ui.workspace_kinds import KINDS

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
    place = places(frame)
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
    before = places(window)
    again = make(1600, 1000)
    assert abs(before["third"][2] - 780) < 30
    assert abs(places(again)["third"][2] - before["third"][2]) <= 2
    assert again.workspaces["watch"].docks["second"].isHidden()


def test_reset_brings_everything_back(frame: MainWindow) -> None:
    before = places(frame)
    docks = frame.workspaces["watch"].docks
    docks["first"].close()
    docks["fourth"].setFloating(True)
    frame.workspaces["watch"].reset()
    QApplication.processEvents()
    assert not docks["fourth"].isFloating()
    assert places(frame) == before


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
    before = places(frame)
    workspace = frame.workspaces["watch"]
    workspace.show_panel("third")
    qtbot.waitUntil(lambda: workspace.focused() is workspace.docks["third"])
    QTest.keyClick(frame, Qt.Key.Key_F11)
    QApplication.processEvents()
    assert workspace.docks["third"].width() == workspace.width()
    assert not workspace.docks["first"].panel.active
    QTest.keyClick(frame, Qt.Key.Key_F11)
    QApplication.processEvents()
    assert places(frame) == before
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
