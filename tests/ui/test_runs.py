"""The panel of runs by mouse and keys over a real project: find, select, note, order, delete and take back."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QMainWindow, QPlainTextEdit
from pytestqt.qtbot import QtBot

from storage import Project, RunFilter, RunState
from ui.actions import Action
from ui.context import Context
from ui.dialogs.tags import TagsDialog
from ui.panels.runs import RunsPanel
from ui.run_actions import CONTEXT_MENU
from ui.run_changes import empty_bin
from ui.run_export import file_name, write
from ui.series_colors import SeriesColors
from ui.tables.run_columns import DEFAULT_COLUMNS, NARROW_COLUMNS, PLACE
from ui.tables.run_status import status_words


@pytest.fixture
def panel(qtbot: QtBot, context: Context, window: QMainWindow) -> RunsPanel:
    return show(qtbot, context, window)


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
    assert subtitles[-1] == "5 of 14"


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


# ---- notes with a way back ------------------------------------------------------------------------------------------


def test_keys_star_archive_and_undo(qtbot: QtBot, panel: RunsPanel, context: Context) -> None:
    runs = context.project.runs
    choose(panel, (2, 0))
    press(qtbot, panel, Qt.Key.Key_S)
    assert [runs.get(run_id).starred for run_id in (4, 5, 6)] == [True] * 3
    press(qtbot, panel, Qt.Key.Key_A)
    qtbot.waitUntil(lambda: "No KL term" not in names(panel))
    context.actions.trigger("edit.undo")
    qtbot.waitUntil(lambda: "No KL term" in names(panel))
    context.actions.trigger("edit.undo")
    assert not runs.get(5).starred
    context.actions.trigger("edit.redo")
    assert runs.get(5).starred


def test_delete_is_taken_back_from_the_notice_or_by_undo(qtbot: QtBot, panel: RunsPanel, context: Context) -> None:
    choose(panel, (0, 9))
    press(qtbot, panel, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: "Paper sizes, K = 3" not in names(panel))
    notice = context.notices.items[-1]
    assert (notice.text, notice.action) == ('Deleted "Paper sizes, K = 3".', "Undo")
    choose(panel, (2, 0))
    press(qtbot, panel, Qt.Key.Key_S)
    assert notice.run is not None
    notice.run()  # although something was done since, which stays
    qtbot.waitUntil(lambda: "Paper sizes, K = 3" in names(panel))
    assert context.project.runs.get(4).starred
    assert context.project.runs.get(9).deleted is None


def test_what_has_not_ended_is_not_deleted_and_says_why(qtbot: QtBot, panel: RunsPanel, context: Context) -> None:
    choose(panel, (1, 0))
    assert context.actions.obstacle("runs.delete") == "Run 1 is running. Stop it first, then delete it."
    assert not context.actions.qt("runs.delete").isEnabled()
    context.actions.trigger("runs.delete")
    assert context.notices.items[-1].text == "Run 1 is running. Stop it first, then delete it."
    assert context.project.runs.get(1).deleted is None


def test_the_bin_is_emptied_with_its_files(panel: RunsPanel, context: Context, project: Project) -> None:
    folder = project.artifacts.file(project.artifacts.list(9)[0].path).parents[1]
    assert folder.exists()
    choose(panel, (0, 9))
    context.actions.trigger("runs.delete")
    assert empty_bin(project) == 1
    assert not folder.exists()
    context.actions.trigger("edit.undo")  # too late, and that is said
    assert "There is no run 9" in context.notices.items[-1].text
    assert not context.undo.canRedo()


def test_tags_of_several_runs(qtbot: QtBot, panel: RunsPanel, context: Context) -> None:
    choose(panel, (1, 0), (0, 9))
    in_dialog(TagsDialog, lambda dialog: dialog.field.setText("good, odd"))  # type: ignore[attr-defined]
    press(qtbot, panel, Qt.Key.Key_T)
    assert context.project.runs.get(1).tags == ("baseline", "good", "odd")
    assert context.project.runs.get(9).tags == ("good", "odd")
    context.actions.trigger("edit.undo")
    assert context.project.runs.get(1).tags == ("baseline",)
    assert context.project.runs.get(9).tags == ()


def test_a_note(qtbot: QtBot, panel: RunsPanel, context: Context) -> None:
    choose(panel, (0, 9))
    write_note = lambda dialog: dialog.findChild(QPlainTextEdit).setPlainText("Stops too early")  # noqa: E731
    in_dialog(QDialog, write_note)
    press(qtbot, panel, Qt.Key.Key_N)
    assert context.project.runs.get(9).note == "Stops too early"
    panel.view.show_column("note", True)
    panel._refresh()
    index = panel.model.index_of((0, 9))
    assert index.sibling(index.row(), PLACE["note"]).data() == "Stops too early"


def test_f2_renames_in_place_a_run_and_a_group(qtbot: QtBot, panel: RunsPanel, context: Context) -> None:
    for key, read in (
        ((0, 9), lambda: context.project.runs.get(9).name),
        ((2, 0), lambda: context.project.runs.group(2).name),
    ):
        choose(panel, key)
        press(qtbot, panel, Qt.Key.Key_F2)
        editor = panel.view.findChild(QLineEdit)
        assert editor is not None
        editor.selectAll()
        qtbot.keyClicks(editor, "Stars and deletes")  # letters of other keys go into the name
        qtbot.keyClick(editor, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda read=read: read() == "Stars and deletes")
        qtbot.waitUntil(lambda: panel.view.findChild(QLineEdit) is None)
        context.actions.trigger("edit.undo")
        assert read() != "Stars and deletes"
    assert context.project.runs.get(4).name == "No KL term seed 1"


# ---- the course of runs ---------------------------------------------------------------------------------------------


def test_the_queue_can_be_ordered(qtbot: QtBot, panel: RunsPanel, context: Context) -> None:
    def waiting() -> list[int]:
        queued = RunFilter(statuses=(RunState.QUEUED,))
        return [row.id for row in context.project.runs.page(queued, [("queue_position", "asc")])]

    panel.view.expandAll()
    assert waiting() == [11, 12]
    choose(panel, (0, 12))
    press(qtbot, panel, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert waiting() == [12, 11]
    press(qtbot, panel, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert waiting() == [12, 11]
    choose(panel, (4, 0))
    press(qtbot, panel, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert waiting() == [12, 11]  # a block at the end does not turn over
    choose(panel, (0, 9))
    assert context.actions.obstacle("runs.queue_up") == "Only queued runs have a place in the queue."


def test_nothing_can_be_asked_of_an_engine_that_is_not_there(panel: RunsPanel, context: Context) -> None:
    choose(panel, (0, 9))
    assert context.actions.obstacle("runs.pause") == "The engine is still being prepared."
    choose(panel, (2, 0))
    assert "there is nothing to pause or resume" in context.actions.obstacle("runs.pause")
    context.selection.select([])
    assert context.actions.obstacle("runs.star") == "Select a run first."


def test_the_link_of_an_interrupted_run_resumes_it(qtbot: QtBot, panel: RunsPanel, context: Context) -> None:
    from workbench.engine.queue import RunQueue
    from workbench.engine.recorder import Recorder

    context.engine.queue, context.engine.state = RunQueue(Recorder(context.project)), "ready"
    index = panel.model.index_of((0, 9))
    cell = panel.view.visualRect(index.sibling(index.row(), PLACE["status"]))
    panel.view.scrollTo(index)
    words = status_words(panel.model.item(index), panel.model.live, time.time())
    area = panel.view._status.link_area(cell.adjusted(8, 0, -8, 0), words)
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=area.center())
    assert context.project.runs.get(9).status is RunState.QUEUED
    choose(panel, (0, 9))
    press(qtbot, panel, Qt.Key.Key_Delete, Qt.KeyboardModifier.ShiftModifier)
    assert context.project.runs.get(9).status is RunState.STOPPED
    press(qtbot, panel, Qt.Key.Key_Space)
    assert context.project.runs.get(9).status is RunState.QUEUED


# ---- copies and exports ---------------------------------------------------------------------------------------------


def test_duplicate_opens_the_form_with_the_runs_settings(qtbot: QtBot, panel: RunsPanel, context: Context) -> None:
    from ui.draft import Draft

    opened: list[str] = []
    context.actions.add(Action("panel.new_run", "New run", lambda: opened.append("new_run")))
    choose(panel, (0, 13))
    press(qtbot, panel, Qt.Key.Key_D)
    assert opened == ["new_run"]
    spec = Draft.of(context).spec
    assert spec is not None
    assert spec.settings.rollout_length == 1  # type: ignore[attr-defined]
    assert spec.seeds == (4,)
    choose(panel, (1, 0))
    assert context.actions.obstacle("runs.duplicate") == "Duplicate works with one run; 3 are selected."


def test_copy_as_command(qtbot: QtBot, panel: RunsPanel, context: Context) -> None:
    choose(panel, (0, 13))
    context.actions.trigger("runs.copy_command")
    command = QGuiApplication.clipboard().text()
    assert command.startswith("foresight train --preset alm-quick")
    assert "rollout_length=1" in command


@pytest.mark.parametrize("kind", ["csv", "json", "bundle"])
def test_exports(kind: str, project: Project, tmp_path: Path) -> None:
    rows = [project.runs.get(9)]
    target = tmp_path / file_name(rows, kind)
    assert target.stem == "Paper-sizes-K-3"
    write(project, [9], kind, target)
    if kind == "csv":
        assert target.read_text().splitlines()[0] == "run,seed,metric,step,wall_time,value"
    elif kind == "json":
        assert json.loads(target.read_text())
    else:
        assert target.read_bytes()[:2] == b"PK"


def test_an_export_tells_when_it_is_done_or_could_not_be(qtbot: QtBot, panel: RunsPanel, context: Context) -> None:
    rows = [context.project.runs.get(9)]
    export = panel.actions_.export
    with qtbot.waitSignal(export.done):
        export.start(rows, "csv", context.project.folder / "out.csv")
    assert context.notices.items[-1].text.startswith("Written: out.csv, ")
    with qtbot.waitSignal(export.done):
        export.start(rows, "csv", context.project.folder / "no such folder" / "out.csv")
    assert context.notices.items[-1].text.startswith("out.csv was not written.")


# ---- what it looks like ---------------------------------------------------------------------------------------------


def test_a_narrow_panel_keeps_four_columns(panel: RunsPanel, window: QMainWindow, qtbot: QtBot) -> None:
    def shown() -> set[str]:
        return {name for name, place in PLACE.items() if not panel.view.isColumnHidden(place)}

    assert shown() == set(DEFAULT_COLUMNS)
    window.resize(500, 300)
    qtbot.waitUntil(lambda: shown() == set(NARROW_COLUMNS))
    window.resize(1045, 400)
    qtbot.waitUntil(lambda: shown() == set(DEFAULT_COLUMNS))


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
