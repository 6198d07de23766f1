"""One chip per state that runs are in, with their number; the chosen ones narrow the table."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QScrollArea, QSizePolicy, QWidget

from storage import RunState
from ui import format
from ui.theme import Theme

_ORDER = (
    *(RunState.RUNNING, RunState.QUEUED, RunState.PAUSED, RunState.FINISHED, RunState.STOPPED),
    *(RunState.FAILED, RunState.INTERRUPTED),
)
#: states that last for moments and are counted with the one that they belong to
_PASSING = {RunState.PAUSING: RunState.RUNNING, RunState.STOPPING: RunState.RUNNING}


class StateChips(QScrollArea):
    """``changed`` follows every click. In a narrow panel the row scrolls."""

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        inside = QWidget()
        row = QHBoxLayout(inside)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(6)
        self.states = {state: self._chip(state.value.capitalize()) for state in _ORDER}
        self.starred = self._chip("Starred")
        self.archived = self._chip("Archived")
        self.archived.setToolTip("Show the archived runs instead")
        for chip in (*self.states.values(), self.starred, self.archived):
            row.addWidget(chip)
        row.addStretch(1)
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._rescale)
        self._rescale()

    @property
    def chosen(self) -> tuple[RunState, ...]:
        """The states wanted; none means all."""
        wanted = [state for state, chip in self.states.items() if chip.isChecked()]
        return (*wanted, *(passing for passing, state in _PASSING.items() if state in wanted))

    @property
    def narrowing(self) -> bool:
        """Whether any chip is chosen."""
        return any(chip.isChecked() for chip in (*self.states.values(), self.starred, self.archived))

    def clear(self) -> None:
        """Choose none; ``changed`` is not emitted."""
        for chip in (*self.states.values(), self.starred, self.archived):
            chip.blockSignals(True)
            chip.setChecked(False)
            chip.blockSignals(False)

    def show_counts(self, counts: Mapping[RunState, int]) -> None:
        """Write the numbers; a state without runs has no chip, unless it is chosen."""
        totals = dict.fromkeys(_ORDER, 0)
        for state, count in counts.items():
            totals[_PASSING.get(state, state)] += count
        for state, chip in self.states.items():
            chip.setText(f"{state.value.capitalize()} {format.count(totals[state])}")
            chip.setVisible(totals[state] > 0 or chip.isChecked())

    def _chip(self, words: str) -> QPushButton:
        chip = QPushButton(words)
        chip.setProperty("kind", "chip")
        chip.setCheckable(True)
        chip.toggled.connect(lambda _: self.changed.emit())
        return chip

    def _rescale(self) -> None:
        self.setFixedHeight(self._theme.px(34))
        for chip in (*self.states.values(), self.starred, self.archived):
            chip.setFont(self._theme.font(11))
