"""Which runs are selected, for every panel alike."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal


class Selection(QObject):
    """Run ids in the order they were selected; the last is the primary one, which single-run panels show."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.runs: tuple[int, ...] = ()

    @property
    def primary(self) -> int | None:
        """The run that single-run panels show."""
        return self.runs[-1] if self.runs else None

    def select(self, runs: Iterable[int]) -> None:
        """Replace the selection."""
        wanted = tuple(dict.fromkeys(runs))
        if wanted != self.runs:
            self.runs = wanted
            self.changed.emit()
