"""What can be chosen in the Q-bias panel: estimate, sign, normaliser, what is drawn; and measuring."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ui.controls.segmented import Segmented
from ui.theme import Theme
from workbench.analysis.bias_numbers import CRITIC, K_STEP, BiasDefinition
from workbench.spec import BIAS_NORMALISERS, BIAS_SIGNS, ESTIMATE_MINUS_RETURN, MEAN, PER_STATE, RETURN_MINUS_ESTIMATE

SPREAD, MEAN_AND_SPREAD = "std", "mean"
HISTOGRAM, TIME = "histogram", "time"
_SIGNS = {ESTIMATE_MINUS_RETURN: "estimate − return", RETURN_MINUS_ESTIMATE: "return − estimate"}
_NORMALISERS = {MEAN: "mean |return|", PER_STATE: "state's |return|"}


class BiasControls(QWidget):
    """Two rows. ``changed`` tells of every choice, ``measure`` and ``measure_all`` of the buttons.

    ``drawn`` and ``views`` stand beside the plots that they are about; whoever shows those places them.
    """

    changed = Signal()
    measure = Signal()
    measure_all = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.estimates = Segmented(
            theme,
            "Estimate",
            (
                (K_STEP, "K-step", "K-step estimate: K steps of the model, then Q (Eq. 8)"),
                (CRITIC, "Critic", "Critic's Q, the smallest over the critics"),
            ),
        )
        self.drawn = Segmented(
            theme,
            "Over training",
            (
                (MEAN_AND_SPREAD, "Mean ± std", "Mean over the states with their standard deviation"),
                (SPREAD, "Std only", "Only the standard deviation over the states"),
            ),
        )
        self.views = Segmented(
            theme,
            "Beside the scatter",
            (
                (HISTOGRAM, "Histogram", "How many states have a bias of each size"),
                (TIME, "Time to end", "Bias against the steps to the episode's end"),
            ),
        )
        for segments, value in ((self.estimates, K_STEP), (self.drawn, MEAN_AND_SPREAD), (self.views, HISTOGRAM)):
            segments.set_value(value)
            segments.chosen.connect(lambda _value: self.changed.emit())
        self.sign, self.normaliser = QComboBox(), QComboBox()
        for box, words, options, name in (
            (self.sign, _SIGNS, BIAS_SIGNS, "Bias"),
            (self.normaliser, _NORMALISERS, BIAS_NORMALISERS, "Normalised by"),
        ):
            for value in options:
                box.addItem(words[value], value)
            box.setAccessibleName(name)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(10)
            box.activated.connect(lambda _index: self.changed.emit())
        self.now, self.all = QPushButton("Measure now"), QPushButton("Measure all")
        self.now.setToolTip("Measure the checkpoint that is chosen above, on about 1,000 states")
        self.all.setToolTip("Measure every checkpoint of this run that was not measured yet")
        self.all.setProperty("kind", "ghost")
        self.now.clicked.connect(self.measure)
        self.all.clicked.connect(self.measure_all)
        self._lay_out()
        theme.changed.connect(self._style)
        self._style()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        above, below = QHBoxLayout(), QHBoxLayout()
        for row in (above, below):
            row.setSpacing(8)
            column.addLayout(row)
        above.addWidget(self.estimates)
        above.addStretch(1)
        above.addWidget(self.all)
        above.addWidget(self.now)
        for words, box in (("Bias =", self.sign), ("over", self.normaliser)):
            label = QLabel(words)
            label.setProperty("role", "label")
            label.setBuddy(box)
            below.addWidget(label)
            below.addWidget(box, 1)

    @property
    def estimate(self) -> str:
        """Which estimate the plots below are of."""
        return self.estimates.value

    @property
    def definition(self) -> BiasDefinition:
        """Sign and normaliser."""
        return BiasDefinition(self.sign.currentData(), self.normaliser.currentData())

    def set_definition(self, definition: BiasDefinition) -> None:
        """Choose sign and normaliser, without telling."""
        self.sign.setCurrentIndex(self.sign.findData(definition.sign))
        self.normaliser.setCurrentIndex(self.normaliser.findData(definition.normaliser))

    def offer_k_step(self, offered: bool) -> None:
        """Whether there is a K-step estimate; without a model there is the critic alone."""
        self.estimates.button(K_STEP).setEnabled(offered)
        if not offered:
            self.estimates.set_value(CRITIC)

    def _style(self) -> None:
        self.now.setIcon(self._theme.icon("play", "text", filled=True))
