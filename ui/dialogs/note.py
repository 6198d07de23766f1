"""The note of the selected runs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut, QTextCursor
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

#: notes that are named where they differ
_NAMED = 3


class NoteDialog(QDialog):
    """Plain text; Ctrl Enter accepts. Where the runs' notes differ it begins empty, and says what they are."""

    def __init__(self, title: str, notes: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Note on {title}")
        different = list(dict.fromkeys(note for note in notes if note)) if len(set(notes)) > 1 else []
        self.field = QPlainTextEdit("" if different else notes[0])
        self.field.moveCursor(QTextCursor.MoveOperation.End)
        self.field.setAccessibleName("Note")
        self.field.setPlaceholderText("What was tried, what came of it")
        self.field.setTabChangesFocus(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Save")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        QShortcut(QKeySequence("Ctrl+Return"), self, self.accept)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.addWidget(self.field)
        if different:
            lines = [f"“{note.partition(chr(10))[0]}”" for note in different[:_NAMED]]
            rest = len(different) - len(lines)
            told = ", ".join(lines) + (f" and {rest} more" if rest else "")
            hint = QLabel(f"What is saved here takes the place of these notes: {told}.")
            hint.setTextFormat(Qt.TextFormat.PlainText)
            hint.setProperty("role", "hint")
            hint.setWordWrap(True)
            column.addWidget(hint)
        column.addWidget(buttons)
        self.resize(440, 240)

    def note(self) -> str:
        """What stands there."""
        return self.field.toPlainText().strip()
