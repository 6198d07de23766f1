"""The settings of a run: those that differ from its preset first and marked."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from storage import RunRow
from ui import format
from ui.context import Context
from ui.controls.elided_label import ElidedLabel
from ui.controls.filter_field import FilterField
from ui.run_actions import copy_command
from ui.run_words import setting_rows
from ui.tables.plain_table import PlainColumn, PlainRow, PlainTable


class RunSettings(QWidget):
    """A table with a field to find a setting, and the command that starts the run again."""

    title = "Settings"

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._rows: list[PlainRow] = []
        self.field = FilterField(context.theme, "Find a setting", "")
        self.field.asked.connect(lambda _: self._narrow())
        self._changed = ElidedLabel()
        self._changed.setProperty("role", "hint")
        self.copy = QPushButton("Copy as command")
        self.copy.setProperty("small", True)
        self.copy.clicked.connect(self._copy)
        columns = (PlainColumn("Setting", 0), PlainColumn("Value", 140), PlainColumn("Preset", 120, quiet=True))
        self.table = PlainTable(context.theme, "Settings", columns)
        self._run: RunRow | None = None
        row = QHBoxLayout()
        row.setContentsMargins(12, 8, 12, 6)
        row.setSpacing(10)
        row.addWidget(self.field, 1)
        row.addWidget(self._changed)
        row.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self.table, 1)

    def show_run(self, row: RunRow) -> None:
        """Show the settings of this run."""
        self._run = row
        self._rows = setting_rows(row)
        changed = sum(each.changed for each in self._rows)
        base = row.preset or f"the defaults of {row.agent}"
        self._changed.setText(f"{format.count(changed)} changed from {base}" if changed else f"All as {base}")
        self._narrow()

    def _narrow(self) -> None:
        words = self.field.text().lower().replace(" ", "_")
        self.table.show_rows([row for row in self._rows if any(words in cell.lower() for cell in row.cells[:2])])

    def _copy(self) -> None:
        if self._run is not None:
            copy_command(self._context, self._run)
