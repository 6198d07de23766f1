"""One rollout on the screen: three maps, curves, the error by horizon, and the answer in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from ui.controls.elided_label import ElidedLabel
from ui.controls.labels import Label, hairline
from ui.controls.segmented import Segmented
from ui.guard import guarded
from ui.panels import latent_rollout_words as words
from ui.panels.latent_rollout_curves import RolloutCurves
from ui.plots.heat_map import HeatMap
from ui.plots.rollout_plots import HorizonPlot
from ui.theme import Theme

if TYPE_CHECKING:
    from workbench.analysis.latent_rollout import Band, Order
    from workbench.engine.rollout_desk import RolloutAnswer

_MEASURES = (
    ("l2", "L2", "Euclidean distance of rollout and truth, beside what knows no dynamics"),
    ("cosine", "Cosine", "Cosine of the angle between rollout and truth"),
    ("kl", "KL", "KL of the model's prediction to the encoder's latent, in nats"),
    ("reward", "Reward", "Absolute error of the predicted reward"),
    ("value", "Value", "Absolute difference of the values of rollout and truth"),
)
_AXES = {
    "l2": "L2 error of the latent",
    "cosine": "Cosine",
    "kl": "KL (nats)",
    "reward": "Error of the reward",
    "value": "Error of the value",
}
#: px of width below which the curves are left out
_NARROW = 560
#: px of height below which what stands under the maps is left out
_LOW = 360


class RolloutView(QWidget):
    """Shows one answer; ``sought`` asks for a step from the start."""

    sought = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._answer: RolloutAnswer | None = None
        self._order_key: object = None
        self._plotted: object = None
        self._order = np.zeros(0, np.int64)
        self._cursor: int | None = None
        self.title = ElidedLabel()
        self.truth = HeatMap(theme, "Truth: encoder of what happened", signed=True, rows_named=True)
        self.rollout = HeatMap(theme, "Rollout: model alone, same actions", signed=True, rows_named=False)
        self.difference = HeatMap(theme, "Difference", signed=False, rows_named=False)
        self.curves = RolloutCurves(theme)
        self.measures = Segmented(theme, "Measure", _MEASURES)
        self.measures.set_value("l2")
        self.horizon = HorizonPlot(theme, "Error by horizon")
        self._starts, self._reading = ElidedLabel(), Label(theme, "", 11, 600)
        self._mark, self._answer_line = QLabel(), Label(theme, "", 12, 600)
        self._criterion, self._rank = ElidedLabel(), ElidedLabel()
        self._warning = ElidedLabel()
        self._lay_out()
        for each in (self.truth, self.rollout, self.difference, self.curves, self.horizon):
            each.sought.connect(self.sought)
        self.measures.chosen.connect(lambda _value: self._draw_horizon())
        theme.changed.connect(self._style)
        self._style()

    def _lay_out(self) -> None:
        maps = QHBoxLayout()
        maps.setSpacing(10)
        for each, share in ((self.truth, 11), (self.rollout, 10), (self.difference, 10)):
            maps.addWidget(each, share)
        right = QWidget()
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(Label(self._theme, "Error by horizon", 11, 600))
        head.addWidget(self._starts, 1)
        head.addWidget(self._reading)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.measures)
        column.addWidget(self.horizon, 1)
        self._lower = QWidget()
        lower = QHBoxLayout(self._lower)
        lower.setContentsMargins(0, 0, 0, 0)
        lower.setSpacing(16)
        lower.addWidget(self.curves, 11)
        lower.addWidget(right, 10)
        said = QHBoxLayout()
        said.setSpacing(8)
        said.addWidget(self._mark)
        said.addWidget(self._answer_line, 1)
        self._line = line = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        line.setSpacing(8)
        line.addLayout(said)
        line.addWidget(self._criterion)
        line.addStretch(1)
        line.addWidget(self._rank)
        line.addWidget(self._warning)
        self._mark.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(8)
        whole.addWidget(self.title)
        whole.addLayout(maps, 11)
        whole.addWidget(hairline())
        whole.addWidget(self._lower, 13)
        whole.addWidget(hairline())
        whole.addLayout(line)

    # ---- what is shown ----------------------------------------------------------------------------------------------

    @property
    def answer(self) -> RolloutAnswer | None:
        """What is shown."""
        return self._answer

    @property
    def answer_words(self) -> str:
        """The last line, as read."""
        parts = (self._answer_line, self._criterion, self._rank, self._warning)
        return " ".join(part.text() for part in parts if part.text())

    def show_answer(self, answer: RolloutAnswer, by: Order) -> None:
        """Draw what is known. The order of the coordinates stays while only the start moves."""
        from workbench.analysis.latent_rollout import coordinate_order

        wish = answer.wish
        key = (wish.run_id, answer.checkpoint_step, wish.episode_run, wish.episode, wish.horizon, by)
        if key != self._order_key:
            self._order_key = key
            self._order = coordinate_order(answer.rollout, answer.health, by)
        self._answer = answer
        rollout, limit = answer.rollout, answer.scale
        steps = min(wish.horizon, answer.episode_length - answer.start)
        self.truth.show_values(rollout.truth, self._order, limit, steps)
        self.rollout.show_values(rollout.latents, self._order, limit, steps)
        error = np.abs(rollout.truth - rollout.latents)
        self.difference.show_values(error, self._order, answer.error_scale, steps)
        self.curves.show_rollout(rollout, self._order, steps)
        self._draw_horizon()
        self._say()

    def show_cursor(self, step: int | None) -> None:
        """Put the cursor of all plots on a step from the start; None: it is elsewhere."""
        self._cursor = step
        for each in (self.truth, self.rollout, self.difference, self.curves, self.horizon):
            each.show_cursor(step)
        self._read()

    def _draw_horizon(self) -> None:
        answer = self._answer
        if answer is None:
            return
        errors, measure = answer.errors, self.measures.value
        self.measures.button("kl").setEnabled(answer.rollout.kl is not None)
        self.measures.button("value").setEnabled(answer.rollout.values is not None)
        if errors is None:
            return
        here = answer.rollout.error if measure == "l2" else None
        if self._plotted == (errors, measure):  # only the start moved
            self.horizon.show_here(here)
            return
        self._plotted = (errors, measure)
        bands: dict[str, Band | None] = {
            "l2": errors.error,
            "cosine": errors.cosine,
            "kl": errors.kl,
            "reward": errors.reward_error,
            "value": errors.value_error,
        }
        band = bands[measure]
        if band is None:
            self.measures.set_value("l2")
            measure, band = "l2", errors.error
        first = np.full(len(errors.error.mean) - len(band.mean), np.nan)  # a reward has no step 0
        curve = [np.concatenate((first, each)) for each in (band.mean, band.low, band.high)]
        baselines = []
        if measure == "l2":
            baselines = [("copy last", errors.copy_error.mean), ("mean latent", errors.mean_error.mean)]
        useful = errors.useful if measure == "l2" and not answer.health.collapsed else None
        self.horizon.show_errors((curve[0], curve[1], curve[2]), baselines, useful, _AXES[measure])
        self.horizon.show_here(here)
        self._starts.setText(f"mean of {len(errors.starts)} starts, band: middle 80 %")
        self._read()

    def _read(self) -> None:
        errors = None if self._answer is None else self._answer.errors
        known = errors is not None and self._cursor is not None and 0 < self._cursor <= errors.horizon
        self._reading.setText(words.at_step(errors, self._cursor) if errors and self._cursor and known else "")

    def _say(self) -> None:
        assert self._answer is not None
        icon, sentence, criterion = words.answer(self._answer.errors, self._answer.health)
        token = {"check": "ok", "warn": "warn", "clock": "text3"}[icon]
        side = self._theme.px(16)
        self._mark.setPixmap(self._theme.icon(icon, token).pixmap(QSize(side, side)))
        self._answer_line.setText(sentence)
        self._criterion.setText(criterion)
        rank, dead = words.health_words(self._answer.health)
        self._rank.setText(rank)
        self._warning.setText(dead)
        self.setAccessibleDescription(self.answer_words)

    # ---- Qt ---------------------------------------------------------------------------------------------------------

    def _style(self) -> None:
        theme = self._theme
        self.title.setFont(theme.font(12, 600))
        self.title.setMinimumHeight(theme.px(28))
        for label, role in ((self._criterion, "label"), (self._rank, "label"), (self._starts, "hint")):
            label.setFont(theme.font(11))
            label.setProperty("role", role)
        self._warning.setFont(theme.font(11))
        self._warning.setProperty("role", "warn")
        self._answer_line.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        if self._answer is not None:
            self._say()

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's; where there is little room the answer and the maps stay."""
        super().resizeEvent(event)
        wide = self.width() >= self._theme.px(_NARROW)
        self.curves.setVisible(wide)
        self._rank.setVisible(wide)
        self._answer_line.setWordWrap(not wide)  # it goes on in a second line rather than being cut
        across = QSizePolicy.Policy.Fixed if wide else QSizePolicy.Policy.Expanding
        self._answer_line.setSizePolicy(across, QSizePolicy.Policy.Preferred)
        ways = QBoxLayout.Direction
        self._line.setDirection(ways.LeftToRight if wide else ways.TopToBottom)
        self._line.setSpacing(8 if wide else 2)
        self._lower.setVisible(self.height() >= self._theme.px(_LOW))
