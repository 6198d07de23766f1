"""A choice among runs by name, with their seeds."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox

from storage import RunRow


class RunBox(QComboBox):
    """``picked`` tells the run that the user chose."""

    picked = Signal(object)  # RunRow

    def __init__(self, name: str) -> None:
        super().__init__()
        self.rows: list[RunRow] = []
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(16)
        self.activated.connect(lambda index: self.picked.emit(self.rows[index]))

    def list_runs(self, rows: Sequence[RunRow], present: RunRow | None) -> None:
        """Offer these; ``present`` is the one that is chosen."""
        if [(row.id, row.name) for row in rows] != [(row.id, row.name) for row in self.rows]:
            self.clear()
            self.addItems([f"{row.id} · {row.name}" for row in rows])
        self.rows = list(rows)
        self.show_run(present)

    def show_run(self, present: RunRow | None) -> None:
        """Stand at this run, without telling."""
        index = next((at for at, row in enumerate(self.rows) if present is not None and row.id == present.id), -1)
        self.setCurrentIndex(index)
