"""What a run is, where and with what it ran, and which runs it comes from."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QScrollArea, QWidget

from storage import RunRow
from ui.context import Context
from ui.run_words import facts


class RunFacts(QScrollArea):
    """Names and values; the runs of the lineage are links that select them."""

    title = "About"

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.values: dict[str, QLabel] = {}

    def show_run(self, row: RunRow) -> None:
        """Show this run."""
        runs = self._context.project.runs
        group = runs.group(row.group_id).name if row.group_id is not None else ""
        lineage = runs.lineage(row.id)
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setContentsMargins(12, 10, 12, 10)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(7)
        grid.setColumnStretch(1, 1)
        self.values = {}
        for name, text in facts(row, group):
            self._add(grid, name, text)
        start = f" from step {row.parent_step:,}" if row.parent_step is not None else ""
        if lineage.ancestors:
            self._add(grid, "Forked from", " → ".join(map(_link, lineage.ancestors)) + start, rich=True)
        elif row.parent_uuid is not None:
            self._add(grid, "Forked from", f"a run of another project ({row.parent_uuid[:8]}){start}")
        if lineage.children:
            self._add(grid, "Forks", "<br>".join(map(_link, lineage.children)), rich=True)
        grid.setRowStretch(grid.rowCount(), 1)
        self.setWidget(inside)

    def _add(self, grid: QGridLayout, name: str, text: str, *, rich: bool = False) -> None:
        theme, place = self._context.theme, grid.rowCount()
        label, value = QLabel(name), QLabel(text)
        label.setProperty("role", "label")
        value.setWordWrap(True)
        value.setTextFormat(Qt.TextFormat.RichText if rich else Qt.TextFormat.PlainText)
        flags = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        if rich:
            flags = Qt.TextInteractionFlag.TextBrowserInteraction
            value.linkActivated.connect(lambda link: self._context.selection.select([int(link)]))
        value.setTextInteractionFlags(flags)
        value.setAccessibleName(name)
        for each in (label, value):
            each.setFont(theme.font(12))
        label.setAlignment(Qt.AlignmentFlag.AlignTop)
        grid.addWidget(label, place, 0)
        grid.addWidget(value, place, 1)
        self.values[name] = value


def _link(row: RunRow) -> str:
    return f'<a href="{row.id}" style="text-decoration: none">{row.id} {escape(row.name)}</a>'
