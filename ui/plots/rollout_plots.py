"""Plots over the steps of a rollout: chosen coordinates as curves, and the error by horizon with its baselines."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPen
from PySide6.QtWidgets import QFrame

from ui.guard import guarded
from ui.plots.axis import PlotAxis
from ui.plots.end_labels import EndLabel, EndLabels
from ui.plots.items import Band, Line
from ui.theme import Theme

Values = NDArray[np.float64]

#: alpha of bands
_BAND = 0.2


class StepPlot(pg.PlotWidget):
    """A plot over steps with the time cursor; clicks and drags ask for a step."""

    sought = Signal(int)

    def __init__(self, theme: Theme, name: str, *, short: bool) -> None:
        self._left, self._bottom = PlotAxis("left", theme, short=short), PlotAxis("bottom", theme, short=False)
        super().__init__(axisItems={"left": self._left, "bottom": self._bottom})
        self._theme, self._last = theme, 1
        self.setAccessibleName(name)
        for axis in (self._left, self._bottom):
            axis.setZValue(-1000)  # the grid belongs behind everything
        self._cursor = pg.InfiniteLine(0, 90)
        self._cursor.setZValue(30)
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setMouseEnabled(False, False)
        item.setContentsMargins(0, 2, 6, 0)
        self._view = item.getViewBox()
        self._view.disableAutoRange()
        self._view.addItem(self._cursor, ignoreBounds=True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        theme.changed.connect(self.repaint_colors)

    def add(self, *items: pg.GraphicsObject) -> None:
        """Put items under the cursor."""
        for item in items:
            self._view.addItem(item, ignoreBounds=True)

    def show_cursor(self, step: int | None) -> None:
        """Put the cursor on a step; None: it is elsewhere."""
        self._cursor.setVisible(step is not None and step <= self._last)
        if step is not None:
            self._cursor.setValue(step)

    def set_ranges(self, last: int, low: float, high: float, room: float = 0.0) -> None:
        """Steps from 0 to ``last`` (and ``room`` more at the right, for names), values from ``low`` to ``high``."""
        self._last = max(last, 1)
        self._bottom.set_end(self._last)
        air = 0.06 * (high - low) or 1.0
        self._view.setRange(
            xRange=(0, self._last + room), yRange=(low - air, high + air), padding=0, disableAutoRange=True
        )

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        self.setBackground(self._theme.color("panel"))
        self._left.repaint_colors()
        self._bottom.repaint_colors()
        self._cursor.setPen(QPen(self._theme.color("text"), 0))

    @guarded
    def mousePressEvent(self, ev: QMouseEvent) -> None:
        """Qt's."""
        self._seek(ev)

    @guarded
    def mouseMoveEvent(self, ev: QMouseEvent) -> None:
        """Qt's."""
        self._seek(ev)

    @guarded
    def mouseReleaseEvent(self, ev: QMouseEvent) -> None:
        """Qt's."""
        ev.accept()

    def _seek(self, ev: QMouseEvent) -> None:
        if ev.buttons() & Qt.MouseButton.LeftButton:
            at = self._view.mapSceneToView(self.mapToScene(ev.position().toPoint())).x()
            self.sought.emit(min(max(round(at), 0), self._last))
        ev.accept()


class CoordinatePlot(StepPlot):
    """One latent coordinate: truth solid, rollout dashed with the model's ± 2 standard deviations."""

    def __init__(self, theme: Theme, name: str, *, last: bool) -> None:
        super().__init__(theme, name, short=True)
        self._titled = last
        self._truth, self._rollout, self._band = Line(), Line(), Band()
        self.add(self._band, self._truth, self._rollout)
        if not last:
            self.getPlotItem().hideAxis("bottom")
        self.repaint_colors()

    def show_curves(self, truth: Values, rollout: Values, std: Values | None, steps: int) -> None:
        """``truth`` and ``rollout`` [n] over the first of ``steps`` + 1 steps (NaN: none), ``std`` [n] the model's."""
        x = np.arange(len(truth), dtype=np.float64)
        self._truth.set_points(x, truth)
        self._rollout.set_points(x, rollout)
        spread = np.zeros_like(rollout) if std is None else 2 * std
        self._band.set_lines((x, rollout - spread), (x, rollout + spread))
        self._band.setVisible(std is not None)
        self.set_ranges(steps, *_ends(truth, rollout - spread, rollout + spread))

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        super().repaint_colors()
        if self._titled:
            self._bottom.set_title("Steps from the start")
        model = self._theme.series(1)
        self._truth.set_pen(self._theme.series(0).pen())
        self._rollout.set_pen(model.pen())
        self._band.set_color(_faint(model.line))


class HorizonPlot(StepPlot):
    """Errors over the horizon: the model with its band, dashed; the baselines; where the model stops being useful."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__(theme, name, short=False)
        self._band, self._model = Band(), Line(strong=True)
        self._here, self._baselines = Line(), [Line(), Line()]
        self._useful = pg.InfiniteLine(0, 90)
        self._useful.setZValue(20)
        self._useful.setVisible(False)
        self._names = EndLabels(self._view)
        self._ends: list[tuple[str, Values]] = []
        self._start: Values = np.empty(0)
        self._limit = (0, 0.0)  # up to which step it is useful, and where that is written
        self.add(self._band, *self._baselines, self._here, self._model, self._useful)
        self.repaint_colors()

    def show_errors(
        self,
        model: tuple[Values, Values, Values],
        baselines: list[tuple[str, Values]],
        useful: int | None,
        title: str,
    ) -> None:
        """``model``: mean, low and high over steps 0..H (NaN: none); ``baselines``: up to two with their names.

        ``useful`` is marked by a line.
        """
        mean, low, high = model
        x = np.arange(len(mean), dtype=np.float64)
        self._model.set_points(x, mean)
        self._band.set_lines((x, low), (x, high))
        for line, (_, values) in zip(self._baselines, [*baselines, ("", np.empty(0)), ("", np.empty(0))], strict=False):
            line.set_points(np.arange(len(values), dtype=np.float64), values)
        self._useful.setVisible(useful is not None)
        if useful is not None:
            self._useful.setValue(useful)
        self._ends = [("model", mean), *baselines]
        _, top = _ends(high, mean, *(each for _, each in baselines))
        self._limit = (useful or 0, 0.97 * top)
        self.set_ranges(len(x) - 1, 0.0, top, 0.3 * max(len(x) - 1, 1))
        self._bottom.set_title("Horizon (steps)")
        self._left.set_title(title)
        self._label()

    def show_here(self, error: Values | None) -> None:
        """The error from the present start, dotted, as far as the others go; None: not of this measure."""
        length = len(self._ends[0][1]) if self._ends else 0
        shown = np.empty(0) if error is None else error[:length]
        self._here.set_points(np.arange(len(shown), dtype=np.float64), shown)
        self._start = shown
        self._label()

    def _label(self) -> None:
        theme = self._theme
        model = theme.series(1).words
        colours = (model, theme.series(3).words, theme.color("text2"))
        named = [(*each, colour) for each, colour in zip(self._ends, colours, strict=False)]
        named.append(("this start", self._start, model))
        labels = [
            EndLabel(len(values) - 1, float(values[-1]), name, colour) for name, values, colour in named if len(values)
        ]
        if self._limit[0]:
            labels.append(EndLabel(*self._limit, f"useful to {self._limit[0]}", theme.color("ok")))
        self._names.set_labels(labels, theme.font(10, 600), theme.color("panel"))

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        super().repaint_colors()
        theme = self._theme
        self._model.set_pen(theme.series(1).pen())
        self._band.set_color(_faint(theme.series(1).line))
        self._here.set_pen(QPen(theme.series(1).line, 0, Qt.PenStyle.DotLine))
        self._baselines[0].set_pen(theme.series(3).pen())
        self._baselines[1].set_pen(QPen(theme.color("text2"), 0))
        pen = QPen(theme.color("ok"), 1, Qt.PenStyle.DashLine)
        pen.setCosmetic(True)
        self._useful.setPen(pen)
        self._label()


def _ends(*values: Values) -> tuple[float, float]:
    """The least and the greatest of what is finite: a model that blows up leaves the plot at its top."""
    every = np.concatenate(values)
    known = every[np.isfinite(every)]
    return (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)


def _faint(color: QColor) -> QColor:
    faint = QColor(color)
    faint.setAlphaF(_BAND)
    return faint
