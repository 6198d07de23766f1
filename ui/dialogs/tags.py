"""Tags of the selected runs: those that all have can be changed, those of some are named and stay."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCompleter, QDialog, QDialogButtonBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from storage import RunRow


class TagsDialog(QDialog):
    """One field, tags separated by commas; what is being typed is completed from the tags in use."""

    def __init__(self, rows: Sequence[RunRow], known: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Tags")
        self._rows = rows
        self._common = set.intersection(*(set(row.tags) for row in rows))
        some = sorted(set().union(*(row.tags for row in rows)) - self._common)
        self.field = QLineEdit(", ".join(sorted(self._common)))
        self.field.setAccessibleName("Tags, separated by commas")
        self.field.setPlaceholderText("Such as baseline, broken")
        self._completer = QCompleter(list(known), self)
        self._completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._completer.setWidget(self.field)
        self._completer.activated.connect(self._complete)
        self.field.textEdited.connect(self._offer)
        hint = QLabel("Separated by commas." + (f" On some of the runs also: {', '.join(some)}." if some else ""))
        hint.setProperty("role", "hint")
        hint.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Save")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(8)
        for widget in (self.field, hint, buttons):
            column.addWidget(widget)
        self.setMinimumWidth(380)

    def tags(self) -> dict[int, list[str]]:
        """Run -> its tags, after what was typed took the place of the common ones."""
        typed = {part.strip() for part in self.field.text().split(",")} - {""}
        return {row.id: sorted((set(row.tags) - self._common) | typed) for row in self._rows}

    def _offer(self, text: str) -> None:
        self._completer.setCompletionPrefix(text.rpartition(",")[2].strip())
        if self._completer.completionPrefix():
            self._completer.complete()

    def _complete(self, tag: str) -> None:
        before, comma, _ = self.field.text().rpartition(",")
        self.field.setText(f"{before}{comma} {tag}".lstrip())
