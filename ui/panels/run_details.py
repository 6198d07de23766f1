"""All that is known of the selected run: settings and how they differ, where it ran, what happened, its files."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from storage import RunRow, RunState
from ui import format
from ui.context import Context
from ui.controls.elided_label import ElidedLabel
from ui.controls.empty_state import EmptyState
from ui.controls.labels import hairline
from ui.controls.status_shape import StatusShape
from ui.live_runs import LiveRuns, watched_run
from ui.panels.base import Panel, run_alone
from ui.panels.run_facts import RunFacts
from ui.panels.run_files import RunFiles
from ui.panels.run_log import RunLogView
from ui.panels.run_settings import RunSettings
from ui.run_actions import open_as_new
from ui.run_words import failure_sentence
from ui.tables.run_item import RunItem
from ui.tables.run_status import status_words
from workbench.events import Event

#: milliseconds that changes are gathered before the run is read again; what was logged is committed within a second
GATHER = 1200
_TAB = "run_details.tab"


class RunDetailsPanel(Panel):
    """Shows the run that was selected last, or the seed of its group that trains.

    Each tab reads when it comes to the front.
    """

    name = "run_details"
    title = "Run details"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.row: RunRow | None = None
        self._live = LiveRuns(context)
        self.parts = (RunSettings(context), RunFacts(context), RunLogView(context), RunFiles(context))
        self._build()
        self._gather = QTimer(self)
        self._gather.setSingleShot(True)
        self._gather.setInterval(GATHER)
        self._gather.timeout.connect(self._choose)
        self._stale = dict.fromkeys(self.parts, True)
        tab = context.preferences.get(_TAB, 0)
        self.tabs.setCurrentIndex(tab if isinstance(tab, int) and 0 <= tab < len(self.parts) else 0)
        self.tabs.currentChanged.connect(self._turn)

    def activate(self) -> None:
        """Follow selection and run."""
        context = self.context
        context.selection.changed.connect(self._choose)
        context.feed.runs_changed.connect(self._choose)
        context.feed.events.connect(self._hear)
        self._choose()

    def deactivate(self) -> None:
        """Nobody looks."""
        context = self.context
        context.selection.changed.disconnect(self._choose)
        context.feed.runs_changed.disconnect(self._choose)
        context.feed.events.disconnect(self._hear)
        self._gather.stop()

    # ---- building ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        theme = self.theme
        self.empty = EmptyState(theme)
        body = QWidget()
        self.stack = QStackedWidget()
        self.stack.addWidget(body)
        self.stack.addWidget(self.empty)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.stack)
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._build_head())
        column.addWidget(self._build_failure())
        self.tabs = QTabBar()
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setAccessibleName("Parts of the run's details")
        self.pages = QStackedWidget()
        for part in self.parts:
            self.tabs.addTab(part.title)
            self.pages.addWidget(part)
        column.addWidget(self.tabs)
        column.addWidget(hairline())
        column.addWidget(self.pages, 1)
        theme.changed.connect(self._style)
        self._style()

    def _build_head(self) -> QHBoxLayout:
        self._shape = StatusShape(self.theme)
        self._name, self._state = ElidedLabel(), ElidedLabel()
        self._state.setProperty("role", "hint")
        self._more = QLabel()
        self._more.setProperty("role", "hint")
        row = QHBoxLayout()
        row.setContentsMargins(12, 10, 12, 6)
        row.setSpacing(8)
        for widget in (self._shape, self._name, self._state):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self._more)
        return row

    def _build_failure(self) -> QFrame:
        self.failure = QFrame()
        self.failure.setProperty("role", "banner-bad")
        self.failure_text = QLabel()
        self.failure_text.setWordWrap(True)
        self.failure_text.setTextFormat(Qt.TextFormat.PlainText)
        buttons = QHBoxLayout()
        steps = (("Copy traceback", "", self.copy_traceback), ("Duplicate with changes", "ghost", self._duplicate))
        for words, kind, act in steps:
            button = QPushButton(words)
            button.setProperty("kind", kind)
            button.clicked.connect(lambda _checked=False, act=act: act())
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self.failure)
        column.setContentsMargins(12, 8, 12, 8)
        column.addWidget(self.failure_text)
        column.addLayout(buttons)
        return self.failure

    def _style(self) -> None:
        self._name.setFont(self.theme.font(13, 600))
        for label in (self._state, self._more):
            label.setFont(self.theme.font(11))
        self.tabs.setFont(self.theme.font(12, 500))

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def _choose(self) -> None:
        selection = self.context.selection
        self.row = row = watched_run(self.context) if selection.runs else None
        self.stack.setCurrentIndex(0 if row is not None else 1)
        if row is None:
            self.subtitle_changed.emit("")
            text = "Click a run in the table to see its settings, its log and its files."
            steps = [("Select the newest run", self._select_newest)] if self.context.project.runs.count() else []
            self.empty.say("sliders", "No run selected", text, steps)
            return
        words = status_words(RunItem((row,)), self._live, row.heartbeat or row.created)
        self._shape.set_state(words.shape)
        self._name.setText(row.name)
        # Why it failed has its own place.
        self._state.setText(words.word if row.status is RunState.FAILED else f"{words.word} {words.detail}".rstrip())
        others = len(selection.runs) - 1
        self._more.setText(f"one of {others + 1} selected" if others else "")
        self._say_failure(row)
        self.subtitle_changed.emit(row.name)
        self._stale = dict.fromkeys(self.parts, True)
        self._turn(self.tabs.currentIndex())

    def _say_failure(self, row: RunRow) -> None:
        failed = row.status is RunState.FAILED
        self.failure.setVisible(failed)
        if failed:
            latest = self.context.project.artifacts.latest(row.id, "resume")
            self.failure_text.setText(failure_sentence(row, None if latest is None else latest.step))

    def _turn(self, place: int) -> None:
        part = self.parts[place]
        self.pages.setCurrentWidget(part)
        self.context.preferences.set(_TAB, place)
        if self.row is not None and self._stale[part]:
            self._stale[part] = False
            part.show_run(self.row)

    def _hear(self, run_id: int, events: list[Event]) -> None:
        if self.row is not None and run_id == self.row.id and not self._gather.isActive():
            self._gather.start()

    # ---- what can be done -------------------------------------------------------------------------------------------

    def copy_traceback(self) -> None:
        """Put the traceback of a failed run into the clipboard."""
        if self.row is not None:
            QGuiApplication.clipboard().setText(self.row.fault or self.row.reason)
            self.context.notices.add("info", f"Copied the traceback of run {format.count(self.row.id)}.")

    def _select_newest(self) -> None:
        newest = self.context.project.runs.page(limit=1)
        self.context.selection.select([row.id for row in newest])

    def _duplicate(self) -> None:
        if self.row is not None:
            open_as_new(self.context, self.row)


if __name__ == "__main__":
    raise SystemExit(run_alone(RunDetailsPanel))
