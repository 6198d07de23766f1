"""A small plot of one more metric, under the main one: a title, the newest value, and curves over the same x."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from ui import format as text
from ui.controls.elided_label import ElidedLabel
from ui.controls.labels import Label
from ui.plots.choices import XAxis
from ui.plots.curve_plot import CurvePlot, Styled
from ui.theme import Theme
from workbench import metrics

HEIGHT = 116


class SmallPlot(QWidget):
    """Its value at the right is that of the first curve: at the mouse or the shared cursor, else the newest."""

    closed = Signal(str)  # metric
    enlarged = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.name = ""
        self._at: float | None = None
        self.title = ElidedLabel()
        self.value = Label(theme, "", 11, token="text2")
        self.enlarge, self.cross = QToolButton(), QToolButton()
        self.plot = CurvePlot(theme, short=True)
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self.title)
        head.addStretch(1)
        for widget in (self.value, self.enlarge, self.cross):
            head.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.plot, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.cross.clicked.connect(lambda: self.closed.emit(self.name))
        self.enlarge.clicked.connect(lambda: self.enlarged.emit(self.name))
        self.repaint_colors()

    def show_metric(self, name: str, axis: XAxis, styled: Sequence[Styled], *, clip: float) -> None:
        """Draw the curves of a metric."""
        info = metrics.describe(name)
        if name != self.name:
            self.name = name
            self.title.setText(info.axis_title)
            self.plot.setAccessibleName(f"Curves of {info.title}")
            for button, words in ((self.enlarge, "Show large"), (self.cross, "Remove")):
                button.setToolTip(f"{words}: {info.title}")
                button.setAccessibleName(f"{words}: {info.title}")
            self.plot.setToolTip(info.help)
        self.plot.show_axes(axis.scale, "", "", clip=clip)
        self.plot.set_curves(styled)
        self.show_value_at(self._at)

    def show_value_at(self, x: float | None) -> None:
        """The value of the first curve at x, or its newest."""
        self._at = x
        curves = [each.curve for each in self.plot.visible_curves if each.style is not None]
        reading = None
        if curves:
            reading = curves[0].last() if x is None else curves[0].at(x)
        self.value.setText(text.number(reading.mean) if reading is not None else text.MISSING)

    def repaint_colors(self) -> None:
        """Take colours, fonts and lengths from the theme again."""
        theme = self._theme
        self.title.setFont(theme.font(11, 600))
        side = theme.px(12)
        for button, icon in ((self.enlarge, "max"), (self.cross, "x")):
            button.setIcon(theme.icon(icon, "text3"))
            button.setIconSize(QSize(side, side))
            button.setFixedSize(side + 6, side + 6)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setFixedHeight(theme.px(HEIGHT))
        self.plot.repaint_colors()
