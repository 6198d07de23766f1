"""The second rollout beside the first: another run or another checkpoint, on the same episode."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QStackedLayout, QToolButton, QVBoxLayout, QWidget

from storage import ArtifactRow, RunFilter, RunRow
from ui import format
from ui.checkpoint import checkpoints
from ui.context import Context
from ui.controls.empty_state import EmptyState
from ui.controls.run_box import RunBox
from ui.panels.latent_rollout_view import RolloutView


class SecondRollout(QWidget):
    """A run, one of its checkpoints, and the view; ``changed`` when another one is chosen."""

    changed = Signal()
    closed = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        theme = context.theme
        self.run: RunRow | None = None
        self.row: ArtifactRow | None = None
        self._rows: Sequence[ArtifactRow] = ()
        self._step = 0
        self.runs, self.checkpoints = RunBox("Second run"), QComboBox()
        self.checkpoints.setAccessibleName("Checkpoint of the second run")
        self.cross = QToolButton()
        self.cross.setToolTip("Remove the second run")
        self.cross.setAccessibleName("Remove the second run")
        self.view, self.empty = RolloutView(theme), EmptyState(theme)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.runs, 1)
        head.addWidget(self.checkpoints)
        head.addWidget(self.cross)
        body = QWidget()
        self.stack = QStackedLayout(body)
        self.stack.addWidget(self.view)
        self.stack.addWidget(self.empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(body, 1)
        self.view.title.hide()
        self.runs.picked.connect(self._pick_run)
        self.checkpoints.activated.connect(self._pick_checkpoint)
        self.cross.clicked.connect(self.closed)
        theme.changed.connect(self._style)
        self._style()

    def offer(self, first: RunRow, row: ArtifactRow) -> None:
        """Begin with another run of the same task at the same step, else with another checkpoint of the first run."""
        runs = self._context.project.runs.page(RunFilter(), sort=(("id", "desc"),), limit=500)
        alike = [run for run in runs if run.environment == first.environment and run.step > 0]
        others = [run for run in alike if run.id != first.id and checkpoints(self._context, run.id)]
        self.run = others[0] if others else first
        self._step = row.step
        self.runs.list_runs(alike, self.run)
        self._list()

    def _list(self) -> None:
        """Its checkpoints, standing at the one nearest to the first run's."""
        assert self.run is not None
        self._rows = checkpoints(self._context, self.run.id)
        self.checkpoints.clear()
        self.checkpoints.addItems([f"step {format.count(row.step)}" for row in self._rows])
        self.row = min(self._rows, key=lambda row: abs(row.step - self._step), default=None)
        if self.row is not None:
            self.checkpoints.setCurrentIndex(self._rows.index(self.row))

    def _pick_run(self, run: RunRow) -> None:
        self.run = run
        self._list()
        self.changed.emit()

    def _pick_checkpoint(self, index: int) -> None:
        self.row = self._rows[index]
        self.changed.emit()

    def say(self, title: str, sentence: str) -> None:
        """Why this one cannot be unrolled."""
        self.empty.say("warn", title, sentence, token="warn")
        self.stack.setCurrentWidget(self.empty)

    def _style(self) -> None:
        side = self._context.theme.px(16)
        self.cross.setIcon(self._context.theme.icon("x"))
        self.cross.setIconSize(QSize(side, side))
