"""What happened to a run: states, interruptions, notes, faults with their traceback, and on demand the routine."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QTimer
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QSplitter, QVBoxLayout, QWidget

from storage import LogRow, RunRow
from ui.context import Context
from ui.run_words import KINDS, event_rows
from ui.tables.plain_table import PlainColumn, PlainTable

_SHOWN = "run_log.kinds"


class RunLogView(QWidget):
    """A table of events; the whole of the selected one stands under it where it does not fit a line."""

    title = "Log"

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._row: RunRow | None = None
        columns = (
            PlainColumn("Time", 76, quiet=True),
            PlainColumn("Step", 76, figures=True, quiet=True),
            PlainColumn("What happened", 0),
        )
        self.table = PlainTable(context.theme, "Events of the run", columns)
        self.table.selectionModel().currentChanged.connect(self._show_whole)
        self.whole = QPlainTextEdit()
        self.whole.setReadOnly(True)
        self.whole.setAccessibleName("The selected event")
        self.whole.hide()
        shown = context.preferences.get(_SHOWN, ["Evaluations"])
        self.chips = {title: self._chip(title, title in shown) for title in KINDS}
        self._lay_out()
        context.theme.changed.connect(self._style)
        self._style()

    def show_run(self, row: RunRow) -> None:
        """Show the events of this run."""
        other = self._row is None or self._row.id != row.id
        self._row = row
        left_out = {kind for title, chip in self.chips.items() if not chip.isChecked() for kind in KINDS[title]}
        events = [event for event in self._context.project.log.read(row.id) if event.kind not in left_out]
        self.table.show_rows(event_rows(events))
        if other:
            self.whole.hide()
            self.table.scrollToBottom()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(12, 8, 12, 6)
        row.setSpacing(6)
        for chip in self.chips.values():
            row.addWidget(chip)
        row.addStretch(1)
        parts = QSplitter()
        parts.setOrientation(parts.orientation().Vertical)
        parts.addWidget(self.table)
        parts.addWidget(self.whole)
        parts.setStretchFactor(0, 1)
        parts.setSizes([300, 140])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(parts, 1)

    def _chip(self, title: str, on: bool) -> QPushButton:
        chip = QPushButton(title)
        chip.setProperty("kind", "chip")
        chip.setCheckable(True)
        chip.setChecked(on)
        chip.toggled.connect(lambda _: self._choose())
        return chip

    def _choose(self) -> None:
        self._context.preferences.set(_SHOWN, [title for title, chip in self.chips.items() if chip.isChecked()])
        if self._row is not None:
            self.show_run(self._row)

    def _show_whole(self, index: QModelIndex, _before: QModelIndex) -> None:
        if not index.isValid():
            return
        row = self.table.plain.rows[index.row()]
        data = row.subject.data if isinstance(row.subject, LogRow) else {}
        traceback = str(data.get("traceback") or data.get("fault") or "")
        if traceback and not self.whole.isVisibleTo(self):
            QTimer.singleShot(0, self.table, lambda: self.table.scrollTo(self.table.currentIndex()))
        self.whole.setVisible(bool(traceback))
        self.whole.setPlainText(f"{row.cells[2]}\n\n{traceback}")

    def _style(self) -> None:
        self.whole.setFont(self._context.theme.font(11, mono=True))
        for chip in self.chips.values():
            chip.setFont(self._context.theme.font(11))
