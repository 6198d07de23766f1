"""The panel of runs by mouse and keys over a real project: select, find, arrange."""

from __future__ import annotations

import itertools
import json

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QMainWindow
from pytestqt.qtbot import QtBot

from storage import Project, RunState
from tests.ui.runs_panel import choose, names, show
from ui.actions import Action
from ui.context import Context
from ui.panels.runs import RunsPanel
from ui.run_actions import CONTEXT_MENU
from ui.series_colors import SeriesColors
from ui.tables.run_columns import DEFAULT_COLUMNS, NARROW_COLUMNS, PLACE


@pytest.fixture
def panel(qtbot: QtBot, context: Context, window: QMainWindow) -> RunsPanel:
    return show(qtbot, context, window)


# ---- selection ------------------------------------------------------------------------------------------------------


def test_a_click_selects_the_seeds_of_a_group(qtbot: QtBot, panel: RunsPanel, context: Context) -> None:
    index = panel.model.index_of((1, 0))
    area = panel.view.visualRect(index.sibling(index.row(), PLACE["environment"]))
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=area.center())
    assert context.selection.runs == (1, 2, 3)
    assert panel.bar.isVisible()
    assert panel.bar.words.text() == "3 runs selected"
    index = panel.model.index_of((0, 9))
    area = panel.view.visualRect(index.sibling(index.row(), PLACE["environment"]))
    pressed = Qt.KeyboardModifier.ControlModifier
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pressed, area.center())
    assert context.selection.runs == (1, 2, 3, 9)
    assert context.selection.primary == 9


def test_what_is_selected_elsewhere_is_marked_here(panel: RunsPanel, context: Context) -> None:
    context.selection.select([4, 5, 6, 2])
    chosen = {item.key for item in panel.view.selected_items()}
    assert chosen == {(2, 0), (0, 2)}
    assert context.selection.runs == (4, 5, 6, 2)


def test_a_filter_leaves_the_selection_alone(panel: RunsPanel, context: Context) -> None:
    choose(panel, (1, 0))
    panel._apply("walker")
    assert names(panel) == ["ReLU, lr 3e-3"]
    assert context.selection.runs == (1, 2, 3)
    panel.clear_filter()
    assert {item.key for item in panel.view.selected_items()} == {(1, 0)}


# ---- finding --------------------------------------------------------------------------------------------------------


def test_typing_filters_after_a_pause_and_says_what_is_wrong(qtbot: QtBot, panel: RunsPanel) -> None:
    subtitles: list[str] = []
    panel.subtitle_changed.connect(subtitles.append)
    qtbot.keyClicks(panel.header.filter, "return >")
    qtbot.waitUntil(panel._problem.isVisible)
    assert "expected a value after >" in panel._problem.text()
    assert len(panel.model.items) == 8
    qtbot.keyClicks(panel.header.filter, " 1000")
    qtbot.waitUntil(lambda: not panel._problem.isVisible())
    assert subtitles[-1] == "5 of 14 runs"


def test_escape_in_the_filter_takes_it_away(qtbot: QtBot, panel: RunsPanel) -> None:
    field = panel.header.filter
    qtbot.keyClicks(field, "return > 50000")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert names(panel) == []
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == "" and "Paper sizes, K = 3" in names(panel)


def test_nothing_found_says_so_and_offers_the_way_back(qtbot: QtBot, panel: RunsPanel) -> None:
    panel.header.filter.setText("return > 50000")
    panel.header.filter.returnPressed.emit()
    assert panel.empty.isVisible()
    assert panel.empty.words == 'No run matches "return > 50000" 14 runs are hidden by the filter.'
    qtbot.mouseClick(panel.empty.buttons[0], Qt.MouseButton.LeftButton)
    assert panel.view.isVisible()
    assert panel.header.filter.text() == ""
    assert len(panel.model.items) == 8


def test_chips_narrow_by_state(qtbot: QtBot, panel: RunsPanel, context: Context) -> None:
    panel.header.filter.icon_clicked.emit()
    assert panel.chips.isVisible()
    chip = panel.chips.states[RunState.FINISHED]
    assert chip.text() == "Finished 5"
    assert not panel.chips.states[RunState.FAILED].isHidden()
    qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert set(names(panel)) == {"No KL term", "No classifier term"}
    chip.setChecked(False)
    context.project.runs.archive(9)
    panel.chips.archived.setChecked(True)
    assert names(panel) == ["Paper sizes, K = 3"]


def test_an_empty_project_offers_the_first_step(qtbot: QtBot, empty_context: Context, window: QMainWindow) -> None:
    started: list[str] = []
    empty_context.actions.add(Action("run.quick", "Start the quick run", lambda: started.append("quick")))
    panel = RunsPanel(empty_context)
    window.setCentralWidget(panel)
    window.show()
    assert panel.empty.words == "No runs yet"
    assert [button.text() for button in panel.empty.buttons] == ["Start the quick run"]
    qtbot.mouseClick(panel.empty.buttons[0], Qt.MouseButton.LeftButton)
    assert started == ["quick"]


# ---- what it looks like ---------------------------------------------------------------------------------------------


def test_a_narrow_panel_keeps_four_columns(panel: RunsPanel, window: QMainWindow, qtbot: QtBot) -> None:
    def shown() -> set[str]:
        return {name for name, place in PLACE.items() if not panel.view.isColumnHidden(place)}

    assert shown() == set(DEFAULT_COLUMNS)
    window.resize(500, 300)
    qtbot.waitUntil(lambda: shown() == set(NARROW_COLUMNS))
    window.resize(1045, 400)
    qtbot.waitUntil(lambda: shown() == set(DEFAULT_COLUMNS))


def test_large_text_leaves_room_for_the_name_and_nothing_scrolls_sideways(
    panel: RunsPanel, context: Context, window: QMainWindow, qtbot: QtBot
) -> None:
    view = panel.view
    context.theme.set_scale(1.5)
    window.resize(590, 400)
    qtbot.waitUntil(lambda: view.isColumnHidden(PLACE["step"]))
    assert not view.isColumnHidden(PLACE["status"]) and not view.isColumnHidden(PLACE["return"])
    assert view.header().sectionSize(PLACE["run"]) >= context.theme.px(96)
    assert view.horizontalScrollBar().maximum() == 0
    context.theme.set_scale(1.0)
    window.resize(600, 400)
    qtbot.waitUntil(lambda: not view.isColumnHidden(PLACE["step"]))


def test_columns_widths_order_and_sorting_are_remembered(qtbot: QtBot, panel: RunsPanel, context: Context) -> None:
    view, header = panel.view, panel.view.header()
    view.show_column("agent", True)
    view.show_column("seeds", False)
    header.moveSection(header.visualIndex(PLACE["agent"]), 1)
    header.resizeSection(PLACE["status"], 210)
    panel.model.sort(PLACE["best"], Qt.SortOrder.DescendingOrder)
    view.header().sortIndicatorChanged.emit(PLACE["best"], Qt.SortOrder.DescendingOrder)
    qtbot.waitUntil(lambda: context.preferences.get("runs.table")["widths"].get("status") == 210)
    stored = context.preferences.get("runs.table")
    assert stored["columns"][:3] == ["run", "agent", "status"]
    assert "seeds" not in stored["columns"]
    assert stored["sort"] == ["best_return", "desc"]
    view.reset_columns()
    assert view.columns == list(DEFAULT_COLUMNS)


def test_a_second_panel_begins_where_the_first_was_left(qtbot: QtBot, context: Context, window: QMainWindow) -> None:
    value = {"columns": ["run", "note", "step"], "widths": {"note": 222}, "sort": ["name", "asc"], "folded": False}
    context.preferences.set("runs.table", value)
    panel = show(qtbot, context, window)
    header = panel.view.header()
    assert [header.visualIndex(PLACE[name]) for name in ("run", "note", "step")] == [0, 1, 2]
    assert header.sectionSize(PLACE["note"]) == 222
    assert header.sortIndicatorSection() == PLACE["run"]
    assert len(panel.model.items) == 14


def test_the_first_column_stays_while_others_scroll(qtbot: QtBot, panel: RunsPanel, window: QMainWindow) -> None:
    window.resize(700, 400)
    bar = panel.view.horizontalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    assert not panel.view.pinned.isVisible()
    bar.setValue(bar.maximum())
    assert panel.view.pinned.isVisible()
    assert panel.view.pinned.geometry().left() == panel.view.viewport().x()
    panel.view.pin(False)
    assert not panel.view.pinned.isVisible()


def test_unfolded_groups_stay_so_when_the_table_is_read_again(qtbot: QtBot, panel: RunsPanel, context: Context) -> None:
    panel.view.expand(panel.model.index_of((1, 0)))
    context.project.runs.archive(9)
    context.feed.runs_changed.emit()
    qtbot.waitUntil(lambda: "Paper sizes, K = 3" not in names(panel))
    assert panel.view.isExpanded(panel.model.index_of((1, 0)))
    assert not panel.view.isExpanded(panel.model.index_of((2, 0)))


def test_the_context_menu_offers_every_command(panel: RunsPanel, context: Context, qtbot: QtBot) -> None:
    choose(panel, (0, 9))
    panel._show_menu(QPoint(20, 20))
    menu = QApplication.activePopupWidget()
    assert menu is not None
    offered = [action.objectName() for action in menu.actions() if not action.isSeparator()]
    assert offered == [action_id for action_id in CONTEXT_MENU if action_id]
    menu.close()


def test_a_run_keeps_its_colour(panel: RunsPanel, context: Context, project: Project) -> None:
    colors = SeriesColors(context)
    rows = {row.id: row for row in project.runs.page()}
    first = {run_id: colors.index(row) for run_id, row in rows.items()}
    assert first[1] == first[2] == first[3] == 0
    assert len({first[run_id] for run_id in (1, 4, 7, 9, 10, 11, 13, 14)}) == 8
    project.runs.archive(1)
    assert {run_id: SeriesColors(context).index(row) for run_id, row in rows.items()} == first
    stored = json.loads(context.preferences.path.read_text())
    assert any(name.startswith("series ") for name in stored)


@pytest.mark.parametrize("mode", ["dark", "light"])
def test_it_paints_in_both_themes(panel: RunsPanel, context: Context, mode: str) -> None:
    context.theme.set_mode(mode)  # type: ignore[arg-type]
    context.selection.select([1, 2, 3])
    picture = panel.grab().toImage()
    places = itertools.product(range(0, picture.width(), 3), range(0, picture.height(), 2))
    colours = {picture.pixelColor(x, y).name() for x, y in places}
    for token in ("panel", "select", "ok", "text"):
        assert context.theme.hex(token).lower() in colours, token
