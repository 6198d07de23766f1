"""The plots of Q-bias: over training above; the states of one measurement below."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from ui.controls.labels import Label
from ui.panels.q_bias_controls import SPREAD, TIME, BiasControls
from ui.panels.q_bias_words import protocol
from ui.plots.bias_plots import HistogramPlot, ScatterPlot, TimePlot, TrainingCurve, TrainingPlot
from ui.theme import SeriesStyle, Theme
from workbench.analysis.bias_numbers import K_STEP, QBias

#: series of the palette for the estimates of one run
ESTIMATE_SERIES = {K_STEP: 1}
CRITIC_SERIES = 3


class BiasView(QWidget):
    """The answer in a sentence, the plots, and how it was measured."""

    state_chosen = Signal(int)
    sought = Signal(int)  # training step

    def __init__(self, theme: Theme, controls: BiasControls) -> None:
        super().__init__()
        self._theme, self._controls = theme, controls
        self._measured: QBias | None = None
        self.verdict = Label(theme, "", 13, 600, wrap=True)
        self.caution = Label(theme, "", 11, token="warn", wrap=True)
        self.protocol = Label(theme, "", 11, token="text3", wrap=True)
        self.training = TrainingPlot(theme)
        self.scatter = ScatterPlot(theme)
        self.histogram, self.time = HistogramPlot(theme), TimePlot(theme)
        self.worst = QPushButton("Open the worst state")
        self.worst.setProperty("kind", "link")
        self.worst.setToolTip("The state that is over-estimated most, or else under-estimated most, in Simulation")
        self._right = QStackedWidget()
        self._right.addWidget(self.histogram)
        self._right.addWidget(self.time)
        self._lay_out()
        self.training.clicked.connect(lambda at: self.sought.emit(round(at.x())))
        self.scatter.state_chosen.connect(self.state_chosen)
        self.worst.clicked.connect(self._open_worst)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        answer = QHBoxLayout()
        answer.setSpacing(8)
        answer.addWidget(self.verdict, 1)
        answer.addWidget(self._controls.drawn, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(answer)
        column.addWidget(self.caution)
        column.addWidget(self.training, 6)
        self.training.setMinimumHeight(self._theme.px(124))
        middle = QHBoxLayout()
        middle.addWidget(self.worst)
        middle.addStretch(1)
        middle.addWidget(self._controls.views)
        column.addLayout(middle)
        lower = QHBoxLayout()
        lower.setSpacing(8)
        for widget, share in ((self.scatter, 6), (self._right, 5)):
            widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
            widget.setMinimumHeight(self._theme.px(116))
            lower.addWidget(widget, share)
        column.addLayout(lower, 6)
        column.addWidget(self.protocol)

    def show_training(self, curves: Sequence[TrainingCurve], step: int | None) -> None:
        """The curves, and the step of the measurement below."""
        controls = self._controls
        self.training.show_curves(curves, controls.definition.over, spread=controls.drawn.value == SPREAD)
        self.training.show_cursor(step)

    def show_states(self, measured: QBias) -> None:
        """The states of one measurement, in the terms that the controls say."""
        self._measured = measured
        controls = self._controls
        name, definition = controls.estimate, controls.definition
        style = estimate_style(self._theme, name)
        summary = measured.summary(name, definition)
        self.verdict.setText(measured.verdict(name))
        self.caution.setText(measured.caution)
        self.caution.setVisible(bool(measured.caution))
        marked = measured.outliers(name, definition)
        self.scatter.show_states(measured.returns, measured.estimates[name], marked, style)
        self.histogram.show_counts(*measured.histogram(name, definition), summary.mean, summary.std, style)
        self.time.show_means(*measured.by_time_to_end(name, definition), style)
        self._right.setCurrentWidget(self.time if controls.views.value == TIME else self.histogram)
        self.protocol.setText(protocol(measured, name, definition))

    def _open_worst(self) -> None:
        if self._measured is not None:
            state = self._measured.worst(self._controls.estimate)
            self.scatter.choose_state(state)
            self.state_chosen.emit(state)


def estimate_style(theme: Theme, estimate: str) -> SeriesStyle:
    """The look of an estimate where all that is drawn is of one run or group."""
    return theme.series(ESTIMATE_SERIES.get(estimate, CRITIC_SERIES))
