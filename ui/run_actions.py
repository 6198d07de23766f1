"""The commands for the selected runs: one definition for menu, palette, toolbar, context menu and keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QWidget

from storage import RunFilter, RunRow
from storage.run_states import ENDED_STATES
from ui.actions import Action
from ui.context import Context
from ui.dialogs.fork import ForkDialog
from ui.dialogs.note import NoteDialog
from ui.dialogs.save_file import ask_for_file
from ui.dialogs.tags import TagsDialog
from ui.panels.presets import open_with
from ui.run_changes import RunChanges, title_of
from ui.run_control import REFUSALS, RunControl
from ui.run_export import FILE_KINDS, RunExport, file_name
from workbench.presets import as_command
from workbench.spec import RunSpec

#: what the context menu and the panel's toolbar offer; "" is a line
CONTEXT_MENU = (
    *("runs.details", "", "runs.pause", "runs.stop", "runs.checkpoint", "runs.queue_up", "runs.queue_down", ""),
    *("runs.duplicate", "runs.fork", "runs.copy_command", ""),
    *("runs.star", "runs.tags", "runs.rename", "runs.note", "runs.archive", "runs.delete", ""),
    *("runs.export_csv", "runs.export_json", "runs.export_bundle"),
)
TOOLBAR = (
    *("runs.pause", "runs.stop", "", "runs.duplicate", "runs.fork", "runs.details", ""),
    *("runs.star", "runs.tags", "runs.note", "runs.archive", "runs.delete"),
)


class RunActions(QObject):
    """Registers the commands; ``view`` is where their keys work, ``rename`` starts editing the name there."""

    def __init__(self, context: Context, view: QWidget, rename: Callable[[], object]) -> None:
        super().__init__(view)
        self._context, self._view, self._start_rename = context, view, rename
        self.changes, self.control = RunChanges(context), RunControl(context)
        self.export = RunExport(context)
        self._rows: list[RunRow] = []
        self._add_course()
        self._add_copies()
        self._add_notes()
        self._add_exports()
        self._add_undo()
        context.selection.changed.connect(self.refresh)
        context.feed.runs_changed.connect(self.refresh)
        context.actions.refused.connect(self._tell_refusal)
        self.refresh()

    @property
    def rows(self) -> list[RunRow]:
        """The selected runs as stored, the first selected first."""
        return self._rows

    def refresh(self) -> None:
        """Read the selected runs again, and enable what can be done with them."""
        wanted = self._context.selection.runs
        found = {row.id: row for row in self._context.project.runs.page(RunFilter(ids=wanted, archived=None))}
        self._rows = [found[run_id] for run_id in wanted if run_id in found]
        self._context.actions.refresh()

    # ---- registering ------------------------------------------------------------------------------------------------

    def _add(
        self,
        name: str,
        title: str,
        act: Callable[[list[RunRow]], object],
        keys: str = "",
        icon: str = "",
        help: str = "",
        obstacle: Callable[[list[RunRow]], str] | None = None,
        menu: str = "Run",
    ) -> None:
        def why_not() -> str:
            if not self._rows:
                return "Select a run first."
            return obstacle(self._rows) if obstacle is not None else ""

        def run() -> object:
            return act(list(self._rows))

        action = Action(f"runs.{name}", title, run, keys, menu, icon, help, obstacle=why_not, scope=self._view)
        self._context.actions.add(action)

    def _add_course(self) -> None:
        control = self.control
        self._add("details", "Run details", lambda rows: _show_panel(self._context, "run_details"), icon="sliders")
        self._add(
            *("pause", "Pause or resume", control.pause_or_resume, "Space", "pause"),
            obstacle=control.pause_obstacle,
        )
        self._add(
            *("stop", "Stop", control.stop, "Shift+Del", "stop", "Stop with a resume point"),
            obstacle=control.stop_obstacle,
        )
        self._add(
            *("checkpoint", "Save a checkpoint now", control.checkpoint, "C", "disk"),
            help="Look into the networks of a run that trains, or plan with them, as they are now",
            obstacle=control.checkpoint_obstacle,
        )
        earlier, later = (lambda rows: control.move(rows, -1)), (lambda rows: control.move(rows, 1))
        self._add("queue_up", "Earlier in the queue", earlier, "Alt+Up", "up", obstacle=control.order_obstacle)
        self._add("queue_down", "Later in the queue", later, "Alt+Down", "down", obstacle=control.order_obstacle)

    def _add_copies(self) -> None:
        one, context = _only_one, self._context
        duplicate, copy = (lambda rows: open_as_new(context, rows[0])), (lambda rows: copy_command(context, rows[0]))
        self._add(
            *("duplicate", "Duplicate as new run", duplicate, "D", "copy"),
            help="Open New run with the settings of this run",
            obstacle=one("Duplicate"),
        )
        self._add(
            *("fork", "Fork from a snapshot…", self._fork, "", "fork"),
            help="Begin a new run from this run's saved networks",
            obstacle=lambda rows: one("Fork")(rows) or self.control.engine_obstacle(),
        )
        self._add("copy_command", "Copy as command", copy, "", "copy", obstacle=one("Copy"))

    def _add_notes(self) -> None:
        changes, writing = self.changes, lambda rows: self.control.writing_obstacle()
        self._add("star", "Star", changes.star, "S", "star", "Star, or take the star away", writing)
        self._add("tags", "Tags…", self._edit_tags, "T", "tag", obstacle=writing)
        self._add("rename", "Rename", lambda rows: self._start_rename(), "F2", "edit", obstacle=writing)
        self._add("note", "Note…", self._edit_note, "N", "note", obstacle=writing)
        help = "Hide from the table, or show again"
        self._add("archive", "Archive", changes.archive, "A", "archive", help, writing)
        self._add("delete", "Delete", changes.delete, "Del", "trash", obstacle=self._delete_obstacle)

    def _add_exports(self) -> None:
        for kind, title in (("csv", "Export as CSV…"), ("json", "Export as JSON…"), ("bundle", "Export as bundle…")):
            keys = "Ctrl+E" if kind == "csv" else ""
            obstacle = _only_one("Export") if kind == "bundle" else None
            act = lambda rows, kind=kind: self._choose_file(rows, kind)  # noqa: E731
            self._add(f"export_{kind}", title, act, keys, "export", obstacle=obstacle, menu="Run/Export")

    def _add_undo(self) -> None:
        stack, add = self._context.undo, self._context.actions.add
        undo_obstacle = lambda: "" if stack.canUndo() else "There is nothing to undo."  # noqa: E731
        redo_obstacle = lambda: "" if stack.canRedo() else "There is nothing to do again."  # noqa: E731
        add(Action("edit.undo", "Undo", stack.undo, "Ctrl+Z", "Edit", "undo", obstacle=undo_obstacle))
        add(Action("edit.redo", "Redo", stack.redo, "Ctrl+Shift+Z", "Edit", obstacle=redo_obstacle))
        stack.indexChanged.connect(self._name_undo)

    def _name_undo(self) -> None:
        stack, actions = self._context.undo, self._context.actions
        actions.qt("edit.undo").setText(f"Undo: {stack.undoText()}" if stack.canUndo() else "Undo")
        actions.qt("edit.redo").setText(f"Redo: {stack.redoText()}" if stack.canRedo() else "Redo")
        actions.refresh()

    def _delete_obstacle(self, rows: list[RunRow]) -> str:
        alive = [row for row in rows if row.status not in ENDED_STATES]
        if alive:
            return f"Run {alive[0].id} is {alive[0].status.value}. Stop it first, then delete it."
        return self.control.writing_obstacle()

    # ---- doing it ---------------------------------------------------------------------------------------------------

    def _fork(self, rows: list[RunRow]) -> None:
        snapshots = self._context.project.artifacts.list(rows[0].id, "snapshot")
        if not snapshots:
            text = f"Run {rows[0].id} has no snapshot yet, so nothing can begin from it."
            self._context.notices.add("warn", text)
            return
        dialog = ForkDialog(self._context, rows[0], snapshots, self._view)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            self._context.feed.runs_changed.emit()
            self._context.selection.select(dialog.made)

    def _edit_tags(self, rows: list[RunRow]) -> None:
        dialog = TagsDialog(rows, self._context.project.runs.tags(), self._view)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            self.changes.set_tags(dialog.tags(), rows)

    def _edit_note(self, rows: list[RunRow]) -> None:
        dialog = NoteDialog(title_of(rows, self._context.project.runs), [row.note for row in rows], self._view)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            self.changes.set_note(dialog.note(), rows)

    def _choose_file(self, rows: list[RunRow], kind: str) -> None:
        folder = Path(self._context.preferences.get("export.folder", str(Path.home())))
        chosen = ask_for_file(self._view, "Export", folder / file_name(rows, kind), FILE_KINDS[kind])
        if chosen is not None:
            self._context.preferences.set("export.folder", str(chosen.parent))
            self.export.start(rows, kind, chosen)

    def _tell_refusal(self, action_id: str, obstacle: str) -> None:
        if action_id.startswith("runs."):
            self._context.notices.add("warn", obstacle)


def _only_one(verb: str) -> Callable[[list[RunRow]], str]:
    return lambda rows: "" if len(rows) == 1 else f"{verb} works with one run; {len(rows)} are selected."


def open_as_new(context: Context, row: RunRow) -> None:
    """Open New run with the settings of a run."""
    open_with(context, row)
    _show_panel(context, "new_run")


def copy_command(context: Context, row: RunRow) -> None:
    """Put the command line that starts the same run into the clipboard."""
    try:
        QGuiApplication.clipboard().setText(as_command(RunSpec.from_json(row.spec)))
    except REFUSALS as error:
        context.notices.add("bad", f"There is no command for run {row.id}: {error}")
    else:
        context.notices.add("info", f"Copied the command that starts run {row.id} again.")


def _show_panel(context: Context, name: str) -> None:
    if f"panel.{name}" in context.actions:
        context.actions.trigger(f"panel.{name}")
