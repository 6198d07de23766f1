"""What can be done with runs from their panel: note, order, delete and take back, copy, export."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QLabel, QLineEdit, QMainWindow, QPlainTextEdit
from pytestqt.qtbot import QtBot

from storage import Project, RunFilter, RunState
from tests.ui.runs_panel import choose, in_dialog, names, press, show
from ui.actions import Action
from ui.context import Context
from ui.dialogs.fork import ForkDialog
from ui.dialogs.tags import TagsDialog
from ui.panels.runs import RunsPanel
from ui.run_changes import empty_bin, title_of
from ui.run_export import file_name, write
from ui.tables.run_columns import PLACE
from ui.tables.run_status import status_words


@pytest.fixture
def panel(qtbot: QtBot, context: Context, window: QMainWindow) -> RunsPanel:
    return show(qtbot, context, window)


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
    assert context.selection.runs == ()  # no panel goes on showing it
    notice = context.notices.items[-1]
    assert (notice.text, notice.action) == ('Deleted "Paper sizes, K = 3".', "Undo")
    choose(panel, (2, 0))
    press(qtbot, panel, Qt.Key.Key_S)
    assert notice.run is not None
    notice.run()  # although something was done since, which stays
    qtbot.waitUntil(lambda: "Paper sizes, K = 3" in names(panel))
    assert context.project.runs.get(4).starred
    assert context.project.runs.get(9).deleted is None


def test_the_notices_undo_is_of_the_newest_of_two_runs_with_one_name(
    qtbot: QtBot, panel: RunsPanel, context: Context
) -> None:
    runs = context.project.runs
    for run_id in (9, 13):
        runs.rename(run_id, "Twins")
    told: list[str] = []
    context.notices.added.connect(lambda notice: told.append(notice.text))
    for run_id in (9, 13):
        panel.model.refresh()
        choose(panel, (0, run_id))
        press(qtbot, panel, Qt.Key.Key_A)
    assert told == ['Archived "Twins".'] * 2  # each was said when it was done
    notice = context.notices.items[-1]
    assert notice.count == 2 and notice.run is not None
    notice.run()
    assert [runs.get(run_id).archived for run_id in (9, 13)] == [True, False]


def test_some_runs_of_a_group_are_not_called_by_its_name(panel: RunsPanel, context: Context) -> None:
    rows = context.project.runs.page(RunFilter(group=2))
    assert title_of(rows, context.project.runs) == "No KL term"
    assert title_of(rows[:2], context.project.runs) == "2 runs of No KL term"
    assert title_of([rows[0], context.project.runs.get(9)], context.project.runs) == "2 runs"


def test_a_note_on_runs_with_other_notes_names_what_it_replaces(
    qtbot: QtBot, panel: RunsPanel, context: Context
) -> None:
    runs = context.project.runs
    runs.set_note(9, "Stops too early")
    runs.set_note(10, "Fault in the critic\nsee the log")
    seen: list[str] = []

    def look(dialog: QDialog) -> None:
        seen.append(dialog.findChild(QPlainTextEdit).toPlainText())
        seen.extend(label.text() for label in dialog.findChildren(QLabel))

    choose(panel, (0, 9), (0, 10))
    in_dialog(QDialog, look)
    press(qtbot, panel, Qt.Key.Key_N)
    told = "What is saved here takes the place of these notes: “Stops too early”, “Fault in the critic”."
    assert seen == ["", told]


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
    narrow = QRect(0, 0, 120, 28)
    assert narrow.contains(panel.view._status.link_area(narrow, words))
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


def test_a_fork_says_what_is_wrong_and_then_queues(panel: RunsPanel, context: Context) -> None:
    from workbench.engine.queue import RunQueue
    from workbench.engine.recorder import Recorder

    row = context.project.runs.get(9)
    snapshots = context.project.artifacts.list(9, "snapshot")
    dialog = ForkDialog(context, row, snapshots)
    dialog._submit()
    assert dialog.problem.text() == "The engine is still being prepared."
    context.engine.queue = RunQueue(Recorder(context.project))
    for typed, said in (
        ("latent_size", "is no change"),
        ("latent_size = 16", "which the saved networks were made for"),
        ("kl_tern = false", "did you mean kl_term"),
    ):
        dialog.changes.setPlainText(typed)
        dialog._submit()
        assert said in dialog.problem.text()
    dialog.changes.setPlainText("kl_term = false")
    dialog.seeds.setText("7, 8")
    dialog.steps.setText("9,000")
    dialog._submit()
    made = [context.project.runs.get(run_id) for run_id in dialog.made]
    assert [(each.seed, each.total_steps, each.parent_run_id) for each in made] == [(7, 9000, 9), (8, 9000, 9)]
    assert made[0].spec["settings"]["kl_term"] is False


def test_enter_opens_the_details(qtbot: QtBot, panel: RunsPanel, context: Context) -> None:
    opened: list[str] = []
    context.actions.add(Action("panel.run_details", "Run details", lambda: opened.append("details")))
    choose(panel, (0, 9))
    press(qtbot, panel, Qt.Key.Key_Return)
    assert opened == ["details"]


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
