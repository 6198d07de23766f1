"""The run table: find, watch, note, pause, resume, compare. Its selection is what all other panels show."""

from __future__ import annotations

import functools

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QMenu, QStackedWidget, QVBoxLayout, QWidget

from storage import ExpressionError, RunFilter, StorageError
from ui import format
from ui.context import Context
from ui.controls.action_bar import ActionBar
from ui.controls.empty_state import EmptyState, Step
from ui.controls.state_chips import StateChips
from ui.guard import guarded
from ui.panels.base import Panel, run_alone
from ui.panels.runs_header import RunsHeader
from ui.run_actions import CONTEXT_MENU, TOOLBAR, RunActions
from ui.series_colors import SeriesColors
from ui.tables.run_columns import PLACE
from ui.tables.run_item import RunItem
from ui.tables.runs_model import RunsModel
from ui.tables.runs_query import split_filter
from ui.tables.runs_view import RunsView
from ui.tables.table_choices import stored_choices

#: milliseconds: between two readings of the rows of living runs, between two writings of "0.3 s ago", and how long
#: changes are gathered before the table is read again
LIVE_INTERVAL = 2000
CLOCK_INTERVAL = 500
GATHER = 120
_CHIPS = "runs.chips"


class RunsPanel(Panel):
    """Table, filter, chips, toolbar."""

    name = "runs"
    title = "Runs"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._typed = ""
        self.model = RunsModel(context)
        stored = stored_choices(context.preferences)
        self.model.sort_by = stored.sort or self.model.sort_by
        self.model.folded = stored.folded
        self.view = RunsView(context, self.model, SeriesColors(context))
        self.actions_ = RunActions(context, self.view, self._rename)
        self.header = RunsHeader(self.theme, self.view, self)
        self._build()
        self._connect()
        self._live = self._timer(LIVE_INTERVAL, self.model.refresh_live)
        self._clock = self._timer(CLOCK_INTERVAL, self.model.tick)
        self._gather = self._timer(GATHER, self._refresh)
        self._gather.setSingleShot(True)
        self._apply("")

    def header_widgets(self) -> list[QWidget]:
        """Filter, grouping, columns, new run."""
        return self.header.widgets()

    def activate(self) -> None:
        """Read again, and follow what runs."""
        self.context.feed.runs_changed.connect(self._gather.start)
        self._refresh()
        self._live.start()
        self._clock.start()

    def deactivate(self) -> None:
        """Nobody looks."""
        self.context.feed.runs_changed.disconnect(self._gather.start)
        for timer in (self._live, self._clock, self._gather):
            timer.stop()

    # ---- building ---------------------------------------------------------------------------------------------------

    def _timer(self, interval: int, act: object) -> QTimer:
        timer = QTimer(self)
        timer.setInterval(interval)
        timer.timeout.connect(act)
        return timer

    def _build(self) -> None:
        self._problem = QLabel()
        self._problem.setProperty("role", "bad")
        self._problem.setWordWrap(True)
        self._problem.setContentsMargins(12, 4, 12, 6)
        self._problem.hide()
        self.chips = StateChips(self.theme)
        self.chips.setVisible(bool(self.context.preferences.get(_CHIPS, False)))
        self.empty = EmptyState(self.theme)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.view)
        self.stack.addWidget(self.empty)
        self.bar = ActionBar(self.theme, self.context.actions, TOOLBAR)
        self.bar.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self._problem, self.chips):
            column.addWidget(widget)
        column.addWidget(self.stack, 1)
        column.addWidget(self.bar)
        self._style()

    def _connect(self) -> None:
        self.header.filter.asked.connect(self._apply)
        self.header.filter.icon_clicked.connect(self._toggle_chips)
        self.chips.changed.connect(lambda: self._apply(self._typed))
        self.header.new_run.connect(lambda: self._trigger("file.new_run"))
        self.header.folded.connect(self._fold)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.view.header().customContextMenuRequested.connect(self._show_columns)
        self.view.linked.connect(lambda item: self.actions_.control.resume(item.deciding))
        self.view.opened.connect(lambda _: self.context.actions.trigger("runs.details"))
        self.model.renamed.connect(self._take_name)
        self.model.modelReset.connect(self._tell_state)
        self.context.selection.changed.connect(self._tell_selection)
        self.theme.changed.connect(self._style)

    def _style(self) -> None:
        self._problem.setFont(self.theme.font(11, 500))
        self.header.fit(self.width(), self.model.folded)
        self.view.doItemsLayout()

    # ---- finding ----------------------------------------------------------------------------------------------------

    def _apply(self, typed: str) -> None:
        """Show the runs that field and chips ask for; what cannot be understood is said, and changes nothing."""
        words, expression = split_filter(typed)
        chips = self.chips
        wanted = RunFilter(
            text=words,
            expression=expression,
            statuses=chips.chosen,
            starred=True if chips.starred.isChecked() else None,
            archived=chips.archived.isChecked(),
        )
        before, self._typed = self._typed, typed
        try:
            self.model.show(wanted)
        except ExpressionError as error:
            self._typed = before
            self._say_problem(f"{error.what} In quotes it is looked for as text.")
        else:
            self._say_problem("")

    def clear_filter(self) -> None:
        """Show all runs again."""
        self.chips.clear()
        self.header.filter.clear()
        self._apply("")

    def _say_problem(self, text: str) -> None:
        self._problem.setText(text)
        self._problem.setVisible(bool(text))
        self.header.filter.mark(bool(text))

    def _toggle_chips(self) -> None:
        self.chips.setVisible(not self.chips.isVisibleTo(self))
        self.context.preferences.set(_CHIPS, self.chips.isVisibleTo(self))
        self._count_states()

    def _refresh(self) -> None:
        if self.view.state() is not RunsView.State.EditingState:  # reading again would take the editor away
            self.model.refresh()
            self._tell_state()
        else:
            self._gather.start()

    def _tell_state(self) -> None:
        """Number of runs in the title; the words instead of the table when there is nothing to show."""
        runs = self.context.project.runs
        total, left = runs.count(), runs.count(self.model.filter)
        filtered = bool(self._typed.strip()) or self.chips.narrowing
        words = format.plural(total, "run")
        self.subtitle_changed.emit(f"{format.count(left)} of {words}" if filtered else format.plural(left, "run"))
        if left:
            self.stack.setCurrentWidget(self.view)
        else:
            self._say_empty(total, filtered)
            self.stack.setCurrentWidget(self.empty)
        self._count_states()

    def _say_empty(self, total: int, filtered: bool) -> None:
        if filtered and total:
            asked = f'"{self._typed.strip()}"' if self._typed.strip() else "the chosen states"
            text = f"{format.plural(total, 'run')} {'is' if total == 1 else 'are'} hidden by the filter."
            self.empty.say("filter", f"No run matches {asked}", text, [("Clear the filter", self.clear_filter)])
            return
        steps = self._offers(("Start the quick run", "run.quick"), ("Open the demo", "demo.open"))
        steps = steps or self._offers(("New run", "file.new_run"))
        self.empty.say("layers", "No runs yet", "", steps)

    def _offers(self, *commands: tuple[str, str]) -> list[Step]:
        """Of (words, command) pairs those that the window has."""
        trigger, known = self._trigger, self.context.actions
        return [(words, functools.partial(trigger, command)) for words, command in commands if command in known]

    def _count_states(self) -> None:
        if self.chips.isVisibleTo(self):
            counted = RunFilter(archived=self.chips.archived.isChecked())
            self.chips.show_counts(self.context.project.runs.count_by_status(counted))

    # ---- menus ------------------------------------------------------------------------------------------------------

    def _trigger(self, action: str) -> None:
        if action in self.context.actions:
            self.context.actions.trigger(action)

    def _show_menu(self, point: QPoint) -> None:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self.actions_.refresh()
        for action_id in CONTEXT_MENU:
            if action_id:
                menu.addAction(self.context.actions.qt(action_id))
            else:
                menu.addSeparator()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.view.viewport().mapToGlobal(point))

    def _show_columns(self, point: QPoint) -> None:
        self.header.show_columns(self.view.header().mapToGlobal(point))

    def _fold(self, folded: bool) -> None:
        self.view.set_folded(folded)
        self.header.fit(self.width(), folded)

    # ---- rows -------------------------------------------------------------------------------------------------------

    def _tell_selection(self) -> None:
        chosen = len(self.context.selection.runs)
        self.bar.words.setText(f"{format.plural(chosen, 'run')} selected")
        self.bar.setVisible(chosen > 0)

    def _rename(self) -> None:
        index = self.view.currentIndex()
        if not index.isValid() and self.view.selectedIndexes():
            index = self.view.selectedIndexes()[0]
        if index.isValid():
            self.view.edit(index.sibling(index.row(), PLACE["run"]))

    def _take_name(self, item: RunItem, name: str) -> None:
        changes = self.actions_.changes
        try:
            if item.folded and item.group is not None:
                changes.rename_group(item.group.id, name)
            else:
                changes.rename(item.row, name)
        except StorageError as error:
            self.context.notices.add("bad", str(error))

    # ---- Qt's -------------------------------------------------------------------------------------------------------

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self.header.fit(self.width(), self.model.folded)

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's; Esc leaves the filter."""
        if event.key() == Qt.Key.Key_Escape and (self._typed or self.chips.narrowing):
            self.clear_filter()
        else:
            super().keyPressEvent(event)


if __name__ == "__main__":
    raise SystemExit(run_alone(RunsPanel))
