"""How far the selected run is, how long it will take, where its time goes, and what the machine is doing."""

from __future__ import annotations

import time
from typing import ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from storage import RunRow, RunState
from ui import format
from ui.context import Context
from ui.controls.elided_label import ElidedLabel
from ui.controls.empty_state import EmptyState
from ui.controls.labels import Label, hairline
from ui.controls.stacked_bar import StackedBar
from ui.controls.status_shape import StatusShape
from ui.live_runs import watched_run
from ui.panels.base import Panel, run_alone
from ui.panels.progress_health import HealthLines
from workbench.engine.monitor import SpeedEstimate
from workbench.events import Event, Progress, ScalarsLogged, StateChanged

#: how the shares of time are called and which series colour each has
SHARES = (
    ("update", "Update", 0),
    ("environment", "Environment", 2),
    ("acting", "Acting", 3),
    ("evaluation", "Evaluation", 1),
    ("logging", "Logging", 4),
)
#: seconds between two samples of the speed
SAMPLE_INTERVAL = 1.0


class ProgressPanel(Panel):
    """Follows the run that was selected last, or the seed of its group that trains."""

    name: ClassVar[str] = "progress"
    title: ClassVar[str] = "Progress"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._row: RunRow | None = None
        self._estimates: dict[int, SpeedEstimate] = {}
        self._shares: dict[int, dict[str, float]] = {}
        self._sampled: dict[int, float] = {}
        self._build()
        self.theme.changed.connect(self._repaint)
        self._repaint()
        # Speeds are sampled while hidden too, so that there is an estimate when the panel appears.
        context.feed.progressed.connect(self._sample)
        context.feed.events.connect(self._take_events)

    def activate(self) -> None:
        """Follow selection and clock."""
        self.context.selection.changed.connect(self._choose)
        self.context.feed.runs_changed.connect(self._choose)
        self.context.feed.ticked.connect(self._tick)
        self._choose()

    def deactivate(self) -> None:
        """Let go of them."""
        self.context.selection.changed.disconnect(self._choose)
        self.context.feed.runs_changed.disconnect(self._choose)
        self.context.feed.ticked.disconnect(self._tick)

    # ---- layout -----------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        theme = self.theme
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 10, 12, 12)
        outer.setSpacing(8)
        self._empty = EmptyState(theme)
        outer.addWidget(self._empty, 1)
        self._body = QWidget()
        outer.addWidget(self._body, 1)
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(8)
        body.addLayout(self._build_head())
        body.addLayout(self._build_bar())
        body.addLayout(self._build_figures())
        body.addWidget(hairline())
        body.addLayout(self._build_shares())
        body.addWidget(hairline())
        self._health = HealthLines(self.context)
        body.addWidget(self._health)
        body.addStretch(1)

    def _build_head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        self._shape = StatusShape(self.theme)
        self._title = ElidedLabel()
        self._state = Label(self.theme, size=11, token="text3")
        self._pause = QPushButton("Pause")
        self._stop = QPushButton("Stop")
        self._pause.clicked.connect(self._pause_or_go_on)
        self._stop.clicked.connect(self._stop_run)
        self._pause.setAccessibleName("Pause or go on with this run")
        self._stop.setAccessibleName("Stop this run with a resume point")
        for widget in (self._shape, self._title, self._state):
            head.addWidget(widget)
        head.addStretch(1)
        head.addWidget(self._pause)
        head.addWidget(self._stop)
        return head

    def _build_bar(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(4)
        line = QHBoxLayout()
        self._steps = Label(self.theme, weight=500)
        self._left = Label(self.theme, weight=600)
        self._range = Label(self.theme, size=11, token="text3")
        line.addWidget(self._steps)
        line.addStretch(1)
        line.addWidget(self._left)
        line.addWidget(self._range)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._bar.setAccessibleName("Part of the budget that is done")
        column.addLayout(line)
        column.addWidget(self._bar)
        return column

    def _build_figures(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(0)
        self._figures: list[tuple[QLabel, QLabel, str]] = []
        names = (
            ("steps/s", "last minute"),
            ("updates/s", "last minute"),
            ("", "return, last evaluation"),
            ("", "return, best"),
        )
        for column, (unit, caption) in enumerate(names):
            figure, unit_label = Label(self.theme, size=20, weight=600), Label(self.theme, unit, 11, token="text3")
            line = QHBoxLayout()
            line.setSpacing(4)
            line.addWidget(figure)
            line.addWidget(unit_label)
            line.addStretch(1)
            grid.addLayout(line, 0, column)
            grid.addWidget(Label(self.theme, caption, 11, token="text2"), 1, column)
            self._figures.append((figure, unit_label, unit))
        return grid

    def _build_shares(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(6)
        line = QHBoxLayout()
        line.addWidget(Label(self.theme, "Time shares", weight=600))
        line.addWidget(Label(self.theme, "since the last logged point", 11, token="text3"))
        line.addStretch(1)
        self._per_step = Label(self.theme, size=11, token="text2")
        line.addWidget(self._per_step)
        column.addLayout(line)
        self._share_bar = StackedBar(self.theme, "Shares of the run's time")
        column.addWidget(self._share_bar)
        grid = QGridLayout()
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(2)
        self._share_labels: dict[str, Label] = {}
        for number, (key, words, series) in enumerate((*SHARES, ("other", "Other", 6))):
            value = Label(self.theme, format.MISSING, weight=600)
            self._share_labels[key] = value
            cell = QHBoxLayout()
            cell.setSpacing(6)
            cell.addWidget(Swatch(self.context, series))
            cell.addWidget(Label(self.theme, words, token="text2"))
            cell.addStretch(1)
            cell.addWidget(value)
            grid.addLayout(cell, number // 3, number % 3)
        column.addLayout(grid)
        return column

    def _repaint(self) -> None:
        self._title.setFont(self.theme.font(13, 600))
        if self._row is not None:
            self._show()

    # ---- what happens -----------------------------------------------------------------------------------------------

    def _sample(self, run_id: int, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._sampled.get(run_id, 0.0) < SAMPLE_INTERVAL or progress.phase in ("evaluating", "measuring"):
            return
        self._sampled[run_id] = now
        if run_id not in self._estimates:
            row = self.context.project.runs.get(run_id)
            warm_up = int(row.spec.get("settings", {}).get("warm_up_steps", 0))
            self._estimates[run_id] = SpeedEstimate(progress.total_steps, warm_up)
        self._estimates[run_id].add(now, progress.step, progress.updates)

    def _take_events(self, run_id: int, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, ScalarsLogged):
                prefix = "time/"
                self._shares[run_id] = {
                    name.removeprefix(prefix): value for name, value in event.values.items() if name.startswith(prefix)
                }
            elif isinstance(event, StateChanged) and run_id in self._estimates:
                self._estimates[run_id].restart()
        if self._row is not None and self._row.id == run_id and self.active:
            self._show_shares()

    def _choose(self) -> None:
        self._row = watched_run(self.context)
        self._empty.setVisible(self._row is None)
        self._body.setVisible(self._row is not None)
        if self._row is not None:
            self._load_shares(self._row.id)
            self._show()
        elif self.context.project.runs.count():
            self._empty.say("clock", "Nothing is running", "Select a run to see how it went.")
        else:
            self._empty.say("clock", "Nothing is running", "There are no runs yet.")
        self.subtitle_changed.emit(self._row.name if self._row is not None else "")

    def _load_shares(self, run_id: int) -> None:
        if run_id in self._shares:
            return
        latest = self.context.project.series.latest(run_id)
        shares = {name.removeprefix("time/"): value for name, (_, value) in latest.items() if name.startswith("time/")}
        if shares:
            self._shares[run_id] = shares

    def _tick(self) -> None:
        if self._row is not None and self._row.id in self.context.feed.running:
            self._show_moving()

    def _show(self) -> None:
        row = self._row
        assert row is not None
        here = row.id in self.context.feed.running
        self._shape.set_state(row.status.value)
        self._title.setText(row.name)
        self._state.setText(row.reason or row.status.value.capitalize())
        waits = row.status in (RunState.PAUSED, RunState.PAUSING)
        self._pause.setText("Continue" if waits else "Pause")
        self._pause.setIcon(self.theme.icon("play" if waits else "pause", "text", filled=waits))
        self._stop.setIcon(self.theme.icon("stop", "text", filled=True))
        self._pause.setVisible(here)
        self._stop.setVisible(here)
        self._show_moving()
        self._show_shares()
        self._health.show_run(row)

    def _show_moving(self) -> None:
        row = self._row
        assert row is not None
        progress = self.context.feed.progress(row.id) if row.id in self.context.feed.running else None
        step = progress.step if progress is not None else row.step
        self._steps.setText(f"Step {format.count(step)} of {format.count(row.total_steps)}")
        self._bar.setValue(round(1000 * step / max(row.total_steps, 1)))
        estimate = self._estimates.get(row.id) if progress is not None else None
        self._show_left(row, estimate, progress)
        steps = estimate.steps_per_second if estimate is not None else row.steps_per_second
        updates = estimate.updates_per_second if estimate is not None else row.updates_per_second
        values = (steps, updates, row.latest_return, row.best_return)
        for (figure, unit_label, unit), value in zip(self._figures, values, strict=True):
            figure.setText(format.number(value))
            unit_label.setText(unit if value is not None else "")
        self._per_step.setText("" if not steps else f"{format.number(1000 / steps)} ms per step")

    def _show_left(self, row: RunRow, estimate: SpeedEstimate | None, progress: Progress | None) -> None:
        words, range_words = self._left_words(row, estimate, progress)
        self._left.setText(words)
        self._range.setText(range_words)
        self._range.setVisible(bool(range_words))

    def _left_words(self, row: RunRow, estimate: SpeedEstimate | None, progress: Progress | None) -> tuple[str, str]:
        """How long it will take, and the range in brackets."""
        channel = self._channel()
        if progress is None or channel is None:
            return f"{format.duration(row.active_seconds)} of training" if row.active_seconds else "", ""
        if channel.trouble:
            return "Waiting for room on the disk", ""
        if row.status in (RunState.PAUSED, RunState.PAUSING):
            return row.status.value.capitalize(), ""
        remaining = estimate.remaining() if estimate is not None else None
        if remaining is None:
            return "Estimating", ""
        spread = f"({format.duration(remaining.low)} to {format.duration(remaining.high)})"
        return f"About {format.duration(remaining.seconds)} left", spread

    def _show_shares(self) -> None:
        shares = self._shares.get(self._row.id, {}) if self._row is not None else {}
        parts = [(words, shares[key], self.theme.series(series).line) for key, words, series in SHARES if key in shares]
        self._share_bar.set_parts(parts)
        for key, _, _ in SHARES:
            self._share_labels[key].setText(format.percent(shares.get(key)) if shares else format.MISSING)
        rest = max(0.0, 1.0 - sum(share for _, share, _ in parts))
        self._share_labels["other"].setText(format.percent(rest) if shares else format.MISSING)

    # ---- buttons ----------------------------------------------------------------------------------------------------

    def _channel(self):
        queue = self.context.engine.queue
        return queue.channel(self._row.id) if queue is not None and self._row is not None else None

    def _pause_or_go_on(self) -> None:
        channel = self._channel()
        if channel is not None:
            channel.proceed() if channel.pausing else channel.pause()

    def _stop_run(self) -> None:
        channel = self._channel()
        if channel is not None:
            channel.stop()


class Swatch(QWidget):
    """A small square in a series' colour."""

    def __init__(self, context: Context, series: int) -> None:
        super().__init__()
        self._context, self._series = context, series
        self.setFixedSize(9, 9)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        context.theme.changed.connect(self._paint)
        self._paint()

    def _paint(self) -> None:
        colour = self._context.theme.series(self._series).line.name()
        self.setStyleSheet(f"background: {colour}; border-radius: 2px;")


if __name__ == "__main__":
    raise SystemExit(run_alone(ProgressPanel))
