"""A fork: a new run that begins from the saved networks of another one, with changed settings."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from storage import ArtifactRow, RunRow
from ui import format
from ui.context import Context
from ui.run_control import REFUSALS


class ForkDialog(QDialog):
    """After it was accepted, ``made`` holds the numbers of the new runs."""

    def __init__(
        self, context: Context, row: RunRow, snapshots: Sequence[ArtifactRow], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._context, self._row = context, row
        self.made: list[int] = []
        self.setWindowTitle(f"Fork {row.name}")
        self.snapshot = QComboBox()
        for artifact in reversed(snapshots):
            self.snapshot.addItem(f"{artifact.name}, step {format.count(artifact.step)}", artifact.name)
        self.seeds = QLineEdit(str(row.seed))
        self.steps = QLineEdit(str(row.total_steps))
        self.changes = QPlainTextEdit()
        self.changes.setPlaceholderText("One change per line, such as rollout_length = 5")
        self.changes.setTabChangesFocus(True)
        self.problem = QLabel()
        self.problem.setProperty("role", "bad")
        self.problem.setWordWrap(True)
        self.problem.hide()
        self._lay_out()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setVerticalSpacing(8)
        rows = (
            ("Begin from", self.snapshot),
            ("Seeds", self.seeds),
            ("Environment steps", self.steps),
            ("Changed settings", self.changes),
        )
        for words, field in rows:
            field.setAccessibleName(words)
            form.addRow(words, field)
        hint = QLabel("Steps are counted from the fork. Settings that shape the saved networks cannot be changed.")
        hint.setProperty("role", "hint")
        hint.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Fork")
        buttons.accepted.connect(self._submit)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addLayout(form)
        for widget in (hint, self.problem, buttons):
            column.addWidget(widget)
        self.resize(460, 320)

    def _submit(self) -> None:
        queue = self._context.engine.queue
        try:
            if queue is None:
                raise ValueError("The engine is still being prepared.")
            self.made = queue.fork(self._row.id, self.snapshot.currentData(), self._values(), self._seeds())
        except (ValueError, *REFUSALS) as error:
            self.problem.setText(str(error))
            self.problem.show()
        else:
            self.accept()

    def _values(self) -> dict[str, str]:
        values = {"total_steps": self.steps.text().replace(",", "").strip()}
        for line in filter(str.strip, self.changes.toPlainText().splitlines()):
            path, equals, value = line.partition("=")
            if not equals:
                raise ValueError(f"{line.strip()!r} is no change; write setting = value.")
            values[path.strip()] = value.strip()
        return values

    def _seeds(self) -> tuple[int, ...]:
        try:
            return tuple(int(part) for part in self.seeds.text().split(",") if part.strip())
        except ValueError:
            raise ValueError("Seeds are whole numbers separated by commas, such as 1, 2, 3.") from None
