"""Three plots along a rollout, each of a coordinate, the reward or the value that the user chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from ui.controls.labels import Label
from ui.controls.sample_label import SampleLabel
from ui.plots.rollout_plots import CoordinatePlot
from ui.theme import Theme

if TYPE_CHECKING:
    from workbench.analysis.latent_rollout import Rollout

_PLOTS = 3
REWARD, VALUE = "reward", "value"


class RolloutCurves(QWidget):
    """What each plot shows stays as chosen; until then they show the first coordinates of the order, and the reward."""

    sought = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rollout: Rollout | None = None
        self._steps = 1
        self._offered: list[str] = []
        self._chosen: list[str | None] = [None] * _PLOTS
        self.boxes = [QComboBox() for _ in range(_PLOTS)]
        last = _PLOTS - 1
        self.plots = [CoordinatePlot(theme, f"Curve {n + 1} along the rollout", last=n == last) for n in range(_PLOTS)]
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for number, (box, plot) in enumerate(zip(self.boxes, self.plots, strict=True)):
            box.setAccessibleName(f"What curve {number + 1} shows")
            box.setToolTip(box.accessibleName())
            box.activated.connect(lambda index, number=number: self._choose(number, index))
            plot.sought.connect(self.sought)
            grid.addWidget(box, number, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(plot, number, 1)
            grid.setRowStretch(number, 1)
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(Label(theme, "Along the rollout", 11, 600))
        for series, words in ((0, "truth"), (1, "rollout ± 2 std of its prediction")):
            head.addSpacing(6)
            head.addWidget(SampleLabel(theme, series, words))
        head.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addLayout(grid, 1)
        theme.changed.connect(self._style)
        self._style()

    def show_rollout(self, rollout: Rollout, order: NDArray[np.int64], steps: int) -> None:
        """Draw a rollout of which ``steps`` steps are to come in all."""
        self._rollout, self._steps = rollout, steps
        offered = [*(f"z{number + 1}" for number in range(len(order))), REWARD]
        offered += [VALUE] if rollout.values is not None else []
        usual = [f"z{int(order[0]) + 1}", f"z{int(order[min(1, len(order) - 1)]) + 1}", REWARD]
        for number, box in enumerate(self.boxes):
            if offered != self._offered:
                box.clear()
                box.addItems(offered)
            shown = self._chosen[number]
            box.setCurrentText(shown if shown in offered else usual[number])
        self._offered = offered
        self._draw()

    def show_cursor(self, step: int | None) -> None:
        """Put the cursor on a step from the start."""
        for plot in self.plots:
            plot.show_cursor(step)

    def _choose(self, number: int, index: int) -> None:
        self._chosen[number] = self._offered[index]
        self._draw()

    def _draw(self) -> None:
        rollout = self._rollout
        if rollout is None:
            return
        for box, plot in zip(self.boxes, self.plots, strict=True):
            name = box.currentText()
            if name == REWARD:  # the reward of a step is that of the transition to its state
                first = np.array([np.nan])
                truth, imagined = (np.concatenate((first, each)) for each in (rollout.true_rewards, rollout.rewards))
                plot.show_curves(truth, imagined, None, self._steps)
            elif name == VALUE:
                assert rollout.values is not None
                assert rollout.true_values is not None
                plot.show_curves(rollout.true_values, rollout.values, None, self._steps)
            else:
                at = int(name[1:]) - 1
                std = None if rollout.stds is None else rollout.stds[:, at].astype(np.float64)
                truth, imagined = (each[:, at].astype(np.float64) for each in (rollout.truth, rollout.latents))
                plot.show_curves(truth, imagined, std, self._steps)

    def _style(self) -> None:
        for box in self.boxes:
            box.setFixedWidth(self._theme.px(88))
