"""The note of the selected runs."""

from __future__ import annotations

from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget


class NoteDialog(QDialog):
    """Plain text; Ctrl Enter accepts."""

    def __init__(self, title: str, note: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Note on {title}")
        self.field = QPlainTextEdit(note)
        self.field.setAccessibleName("Note")
        self.field.setPlaceholderText("What was tried, what came of it")
        self.field.setTabChangesFocus(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        QShortcut(QKeySequence("Ctrl+Return"), self, self.accept)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.addWidget(self.field)
        column.addWidget(buttons)
        self.resize(440, 240)

    def note(self) -> str:
        """What stands there."""
        return self.field.toPlainText().strip()
