"""What deserves attention in a run and on the machine, one line each, with a tick or a triangle."""

from __future__ import annotations

import time

from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from storage import RunRow, RunState, free_bytes
from ui import format
from ui.context import Context
from ui.controls.labels import Label

#: bytes below which the disk is called low
LOW_DISK = 2_000_000_000


class HealthLines(QWidget):
    """Faults, missed heartbeats, low disk; each line says what is the matter and what to do."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(Label(context.theme, "Health", weight=600))
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        column.addLayout(self._grid)

    def show_run(self, row: RunRow) -> None:
        """The lines for ``row`` as it is now."""
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for number, (well, sentence) in enumerate(health(row, free_bytes(self._context.project.folder), time.time())):
            icon = QLabel()
            token = "ok" if well else "warn"
            icon.setPixmap(self._context.theme.icon("check" if well else "warn", token).pixmap(14, 14))
            self._grid.addWidget(icon, number, 0)
            text = Label(self._context.theme, sentence, token="text2" if well else "text", wrap=True)
            self._grid.addWidget(text, number, 1)


def health(row: RunRow, free: int, now: float) -> list[tuple[bool, str]]:
    """Whether each thing is well, and the sentence that says so."""
    lines: list[tuple[bool, str]] = []
    if row.status is RunState.FAILED:
        lines.append((False, f"Failed: {row.reason or 'see the log'} The last resume point is kept."))
    elif row.updates:
        lines.append((True, "Losses and gradients finite"))
    if row.status is RunState.RUNNING and row.next_heartbeat is not None and row.heartbeat is not None:
        if now > row.next_heartbeat:
            lines.append((False, f"Silent for {format.duration(now - row.heartbeat)}: it missed the sign it promised"))
        else:
            lines.append((True, "Heard of in time"))
    if free < LOW_DISK:
        lines.append((False, f"Only {format.size(free)} free on the project's disk; training pauses when it is full"))
    else:
        lines.append((True, f"{format.size(free)} free on the project's disk"))
    return lines
