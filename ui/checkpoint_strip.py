"""The strip over the workspace Diagnose: a run, and a slider through its checkpoints that drives every panel there."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from storage import RunFilter, RunRow
from ui import format
from ui.actions import Action
from ui.checkpoint import best_step, checkpoint_choice
from ui.context import Context
from ui.controls.elided_label import ElidedLabel
from ui.controls.labels import Label
from ui.controls.run_box import RunBox
from ui.controls.stops import Stops
from ui.guard import guarded

#: milliseconds at one checkpoint while it plays
_PACE = 900
#: px below which the words at the right are left out
_NARROW = 1150


class CheckpointStrip(QFrame):
    """Run, step, back, play, on, slider. The keys `,` and `.` go to the neighbours in all of the workspace."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context, self._theme = context, context.theme
        self.choice = checkpoint_choice(context)
        self.setObjectName("strip")
        self.setAccessibleName("Checkpoints")
        self._playing = QTimer(self)
        self._playing.setInterval(_PACE)
        self._playing.timeout.connect(self._play_on)
        theme = context.theme
        self.runs = RunBox("Run to look into")
        self._title = Label(theme, "Checkpoint", 12, 600)
        self.value = Label(theme, "", 12, 600, "accent")
        self.back, self.play, self.ahead = QToolButton(), QToolButton(), QToolButton()
        self.stops = Stops(theme, "Checkpoint")
        self._drives = ElidedLabel("drives every panel here")
        self._drives.setProperty("role", "hint")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(8)
        for widget in (self.runs, self._title, self.value, self.back, self.play, self.ahead, self.stops, self._drives):
            row.addWidget(widget, 1 if widget is self.stops else 0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._connect()
        self._style()
        self._list_runs()
        self._list()

    def add_keys(self, scope: QWidget) -> None:
        """Register the keys, which work in all of ``scope``."""
        add = self._context.actions.add
        if "checkpoint.back" not in self._context.actions:
            none = lambda: "" if len(self.choice.rows) > 1 else "There is no other checkpoint."  # noqa: E731
            back, ahead = (lambda: self.choice.step(-1)), (lambda: self.choice.step(1))
            add(Action("checkpoint.back", "Checkpoint before", back, ",", icon="back", obstacle=none, scope=scope))
            add(Action("checkpoint.ahead", "Next checkpoint", ahead, ".", icon="fwd", obstacle=none, scope=scope))

    def _connect(self) -> None:
        context, choice = self._context, self.choice
        choice.listed.connect(self._list)
        choice.changed.connect(self._show)
        context.feed.runs_changed.connect(self._list_runs)
        context.selection.changed.connect(self._list_runs)
        context.theme.changed.connect(self._style)
        self.runs.picked.connect(lambda run: context.selection.select([run.id]))
        self.stops.sought.connect(lambda index: choice.choose(choice.rows[index]))
        self.back.clicked.connect(lambda: choice.step(-1))
        self.ahead.clicked.connect(lambda: choice.step(1))
        self.play.clicked.connect(self._toggle)

    # ---- what there is ----------------------------------------------------------------------------------------------

    def _list_runs(self) -> None:
        """Every run that began, the newest first."""
        rows = self._context.project.runs.page(RunFilter(), sort=(("id", "desc"),), limit=500)
        present: RunRow | None = self.choice.run
        self.runs.list_runs([row for row in rows if row.step > 0], present)

    def _list(self) -> None:
        choice = self.choice
        best = None if choice.run is None else best_step(self._context, choice.run.id)
        numbers = [row.step for row in choice.rows]
        at = choice.rows.index(choice.row) if choice.row in choice.rows else len(numbers) - 1
        self.stops.show_stops(numbers, at, {} if best is None else {best: "best"})
        self._show()

    def _show(self) -> None:
        choice = self.choice
        self.value.setText("none yet" if choice.row is None else format.count(choice.row.step))
        if choice.row in choice.rows:
            self.stops.show_position(choice.rows.index(choice.row))
        several = len(choice.rows) > 1
        for button in (self.back, self.play, self.ahead):
            button.setEnabled(several)
        self.runs.show_run(choice.run)

    # ---- playing ----------------------------------------------------------------------------------------------------

    def _toggle(self) -> None:
        if self._playing.isActive():
            self._playing.stop()
        else:
            if self.choice.newest:
                self.choice.choose(self.choice.rows[0])
            self._playing.start()
        self._style()

    def _play_on(self) -> None:
        self.choice.step(1)
        if self.choice.newest:
            self._toggle()

    # ---- Qt ---------------------------------------------------------------------------------------------------------

    def _style(self) -> None:
        theme, side = self._theme, self._theme.px(16)
        self.setFixedHeight(theme.px(46))
        words = "Pause" if self._playing.isActive() else "Go through the checkpoints"
        dresses = (
            (self.back, "back", "Checkpoint before  ,"),
            (self.play, "pause" if self._playing.isActive() else "play", words),
            (self.ahead, "fwd", "Next checkpoint  ."),
        )
        for button, icon, tip in dresses:
            button.setIcon(theme.icon(icon))
            button.setIconSize(QSize(side, side))
            button.setToolTip(tip)
            button.setAccessibleName(tip.partition("  ")[0])
        self._drives.setFont(theme.font(11))
        self.value.setMinimumWidth(theme.px(46))
        self.value.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    @guarded
    def showEvent(self, event: QShowEvent) -> None:
        """Qt's; without a selection the run that is looked into becomes it, so that all panels show the same."""
        super().showEvent(event)
        if self._context.selection.primary is None and self.choice.run is not None:
            self._context.selection.select([self.choice.run.id])

    @guarded
    def hideEvent(self, event: QHideEvent) -> None:
        """Qt's; nothing plays out of sight."""
        super().hideEvent(event)
        self._playing.stop()
        self._style()

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self._drives.setVisible(self.width() >= self._theme.px(_NARROW))
