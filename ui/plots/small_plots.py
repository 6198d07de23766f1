"""The row of small plots under the main one, which share its x."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from ui.plots.choices import SMALL_PLOTS, CurveChoices
from ui.plots.curve_plot import CurvePlot, Styled
from ui.plots.small_plot import SmallPlot
from ui.theme import Theme

#: px of the panel that so many plots need side by side, and below which height there are none
_WIDTHS = ((3, 620), (2, 430), (1, 0))
_LOWEST = 360


class SmallPlots(QWidget):
    """As many as were chosen and have room. Moving x in one of them, or in the main plot, moves all."""

    closed = Signal(str)  # metric
    enlarged = Signal(str)

    def __init__(self, theme: Theme, main: CurvePlot) -> None:
        super().__init__()
        self._theme, self._main = theme, main
        self._wanted = 0
        self._room = QSize()
        self.plots = [SmallPlot(theme) for _ in range(SMALL_PLOTS)]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 0, 0)
        row.setSpacing(16)
        for small in self.plots:
            row.addWidget(small)
            small.closed.connect(self.closed)
            small.enlarged.connect(self.enlarged)
            small.plot.x_moved.connect(self._moved)
        main.x_moved.connect(self._follow)

    def show_curves(
        self, choices: CurveChoices, styled: Callable[[str], Sequence[Styled]], hidden: frozenset[str]
    ) -> None:
        """Draw the chosen metrics."""
        for small, metric in zip(self.plots, choices.small, strict=False):
            curves = [Styled(each.curve, each.style) for each in styled(metric)]
            small.show_metric(metric, choices.x_axis, curves, clip=choices.clip)
        self._wanted = len(choices.small)
        self.set_hidden(hidden)
        self.make_room(self._room)

    def set_hidden(self, keys: frozenset[str]) -> None:
        """Curves that the legend has switched off."""
        for small in self.plots:
            small.plot.set_hidden(keys)
        if self._main.x_at_home:
            self.go_home()
        else:
            self._follow(*self._main.x_range())

    def go_home(self) -> None:
        """Show everything again."""
        for small in self.plots:
            small.plot.reset()

    def show_values_at(self, x: float | None) -> None:
        """Values at a cursor, or the newest."""
        for small in self.plots:
            small.show_value_at(x)

    def make_room(self, panel: QSize) -> None:
        """Three, two or one beside each other, and none in a panel that is too low."""
        self._room, px = panel, self._theme.px
        count = next((count for count, width in _WIDTHS if panel.width() >= px(width)), 1)
        count = min(count, self._wanted) if panel.height() >= px(_LOWEST) else 0
        for number, small in enumerate(self.plots):
            small.setVisible(number < count)
        self.setVisible(count > 0)

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        for small in self.plots:
            small.repaint_colors()

    def _moved(self, low: float, high: float) -> None:
        self._main.set_x_range(low, high)
        self._follow(low, high)

    def _follow(self, low: float, high: float) -> None:
        for small in self.plots:
            small.plot.set_x_range(low, high)
