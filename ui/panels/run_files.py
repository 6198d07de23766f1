"""The files of a run: checkpoints, recorded episodes, analyses, with their sizes."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from storage import ArtifactKind, ArtifactRow, RunRow
from ui import format
from ui.context import Context
from ui.cursor import EpisodeAt
from ui.run_words import file_rows
from ui.tables.plain_table import PlainColumn, PlainTable


class RunFiles(QWidget):
    """Opening an episode shows it in every panel that follows the cursor."""

    title = "Files"

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._folder = context.project.folder
        columns = (
            PlainColumn("Kind", 104),
            PlainColumn("Name", 0),
            PlainColumn("Step", 76, figures=True, quiet=True),
            PlainColumn("Size", 76, figures=True, quiet=True),
            PlainColumn("Written", 84, figures=True, quiet=True),
        )
        self.table = PlainTable(context.theme, "Files of the run", columns)
        self.table.activated.connect(self._open)
        self.total = QLabel()
        self.total.setProperty("role", "hint")
        self.folder_button = QPushButton("Open the folder")
        self.folder_button.setProperty("small", True)
        self.folder_button.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder))))
        row = QHBoxLayout()
        row.setContentsMargins(12, 8, 12, 6)
        row.addWidget(self.total, 1)
        row.addWidget(self.folder_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self.table, 1)

    def show_run(self, row: RunRow) -> None:
        """Show the files of this run."""
        artifacts = self._context.project.artifacts
        files = artifacts.list(row.id)
        self._folder = artifacts.file(row.uuid)
        self.table.show_rows(file_rows(files))
        total = format.size(sum(each.size for each in files))
        words = f"{format.plural(len(files), 'file')}, {total}"
        self.total.setText(words if files else "No files yet. The first is written when the warm-up ends.")
        self.folder_button.setEnabled(bool(files))

    def _open(self, index: QModelIndex) -> None:
        file = self.table.plain.rows[index.row()].subject
        if isinstance(file, ArtifactRow) and file.kind == ArtifactKind.EPISODE:
            self._context.cursor.set_episode(EpisodeAt(file.run_id, file.name))
            if "panel.simulation" in self._context.actions:
                self._context.actions.trigger("panel.simulation")
