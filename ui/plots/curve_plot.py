"""The plot of curves: axes, bands, lines, end labels, and a view that the mouse moves.

``CurvePlot.show_now`` sets data and paints before it returns, for measuring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame

from ui.guard import guarded
from ui.plots.axis import PlotAxis, Scale
from ui.plots.curve import Curve
from ui.plots.drawn_curve import DrawnCurve, Points, Stroke, Window, shown_points, to_scale
from ui.plots.end_labels import EndLabel, EndLabels
from ui.plots.items import Line, joined
from ui.plots.view_box import CurveView
from ui.theme import SeriesStyle, Theme
from workbench.analysis.statistics import percentile_range

#: points that all curves in the background may have together; beyond so many curves they are not antialiased
REST_POINTS = 200_000
REST_SMOOTH = 50
#: ms after the last zoom until so many are made ready for it
REST_DELAY = 120
#: share of the range that stays free above and below the curves
_AIR = 0.06
_REST_ALPHA = 0.35


@dataclass(frozen=True)
class Styled:
    """A curve and its look; without one it is drawn with all others of its kind in the background."""

    curve: Curve
    style: SeriesStyle | None
    label: str = ""


class CurvePlot(pg.PlotWidget):
    """Left and bottom axis, a horizontal grid, and curves. The range follows the curves until the user moves it."""

    range_changed = Signal()  # anything in sight moved
    x_moved = Signal(float, float)  # the user moved x
    home_left = Signal()  # the user moved x or y
    mouse_left = Signal()

    def __init__(self, theme: Theme, *, short: bool = False) -> None:
        self._view = CurveView()
        self.x_axis = PlotAxis("bottom", theme, short=short)
        self.y_axis = PlotAxis("left", theme, short=short)
        super().__init__(viewBox=self._view, axisItems={"bottom": self.x_axis, "left": self.y_axis})
        self._theme, self._short = theme, short
        self._styled: list[Styled] = []
        self._drawn: dict[str, DrawnCurve] = {}
        self._hidden: frozenset[str] = frozenset()
        self._focus: str | None = None
        self._rest = Line()
        self._rest_points: Points = (np.empty(0), np.empty(0))
        self._rest_ready: tuple[object, ...] = ()
        self._zero = pg.InfiniteLine(0, 0)
        self._labels = EndLabels(self._view)
        self._window: Window | None = None
        self._log = False
        self._clip = 0.0
        self._x_free, self._y_free = False, False
        self._from_zero = True
        self._axes_shown: tuple[object, ...] = ()
        self._settling = False
        self._stroke = Stroke()
        self._rest_soon = QTimer(self)
        self._rest_soon.setSingleShot(True)
        self._rest_soon.setInterval(REST_DELAY)
        self._rest_soon.timeout.connect(self._prepare_rest)
        self._arrange()
        self._view.sigXRangeChanged.connect(self._x_changed)
        self._view.sigYRangeChanged.connect(self._y_changed)
        self._view.moved.connect(self._moved_by_user)
        self.repaint_colors()

    def _arrange(self) -> None:
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus if self._short else Qt.FocusPolicy.StrongFocus)
        item = self.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.setContentsMargins(0, 4 if self._short else 8, 8, 0)
        for axis in (self.x_axis, self.y_axis):
            axis.setZValue(-1000)  # the grid belongs behind the curves
        self._rest.setZValue(-10)
        self._zero.setZValue(-40)
        for fixed in (self._rest, self._zero):
            self._view.addItem(fixed, ignoreBounds=True)
        self.setMinimumSize(80, 60)

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def set_curves(self, styled: Sequence[Styled]) -> None:
        """Replace the curves. Items of curves with the same key are used again."""
        self._styled = list(styled)
        wanted = {each.curve.key for each in styled if each.style is not None}
        for key in [key for key in self._drawn if key not in wanted]:
            self._drawn.pop(key).remove()
        for each in styled:
            if each.style is not None and each.curve.key not in self._drawn:
                self._drawn[each.curve.key] = DrawnCurve(self._view)
        self._restyle()
        self._settle()

    def show_now(self, styled: Sequence[Styled]) -> None:
        """Set the curves and paint them before this returns."""
        self.set_curves(styled)
        self.viewport().repaint()

    def show_axes(self, x_scale: Scale, x_title: str, y_title: str, *, log: bool = False, clip: float = 0.0) -> None:
        """What the axes say; ``log`` makes y logarithmic, and ``clip`` percent of the values at either end may lie
        outside of its range. Another kind of x, or of y, takes that axis home."""
        wanted = (x_scale, x_title, y_title, log, clip)
        if wanted == self._axes_shown:
            return
        self._axes_shown = wanted
        other_x, other_y = x_scale != self.x_axis.scale_kind, log != self._log
        self._x_free = self._x_free and not other_x
        self._y_free = self._y_free and not (other_x or other_y)
        self._log, self._clip = log, clip
        self._from_zero = x_scale != "date"
        self.x_axis.set_scale_kind(x_scale)
        self.y_axis.set_scale_kind("log" if log else "number")
        self.x_axis.set_title(x_title)
        self.y_axis.set_title(y_title)
        self._zero.setVisible(not log)
        self._settle()

    def set_hidden(self, keys: frozenset[str]) -> None:
        """Curves that the legend has switched off; they change nothing about the others but the range."""
        if keys == self._hidden:
            return
        self._hidden = keys
        self._restyle()
        self._settle()

    def set_focus(self, key: str | None) -> None:
        """Bring one curve to the front; the others step aside."""
        if key != self._focus:
            self._focus = key
            self._restyle()

    def set_stroke(self, stroke: Stroke) -> None:
        """How strong means are drawn; more than 1 pixel is slow, and only for pictures."""
        self._stroke = stroke
        self._restyle()

    @property
    def visible_curves(self) -> list[Styled]:
        """What is not switched off."""
        return [each for each in self._styled if each.curve.key not in self._hidden]

    @property
    def left_out(self) -> int:
        """How many points of the curves in sight a logarithmic axis has no place for, since they are 0 or below."""
        found = (np.count_nonzero(each.curve.mean.y <= 0) for each in self.visible_curves)
        return int(sum(found)) if self._log else 0

    @property
    def log(self) -> bool:
        """Whether y is logarithmic."""
        return self._log

    @property
    def at_home(self) -> bool:
        """Whether the range follows the curves."""
        return not (self._x_free or self._y_free)

    @property
    def x_at_home(self) -> bool:
        """Whether x follows the curves."""
        return not self._x_free

    @property
    def view(self) -> CurveView:
        """The view, for what is drawn into it and for mapping."""
        return self._view

    def x_range(self) -> tuple[float, float]:
        """The visible x."""
        low, high = self._view.viewRange()[0]
        return float(low), float(high)

    # ---- range ------------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Show everything, and follow it again."""
        self._x_free = self._y_free = False
        self._settle()

    def set_x_range(self, low: float, high: float) -> None:
        """Show this part of x, as another plot does."""
        self._x_free = True
        self._view.setXRange(low, high, padding=0)

    def follow_x(self) -> None:
        """Show all of x again."""
        self._x_free = False
        self._settle()

    def _moved_by_user(self, axes: str) -> None:
        self._x_free = self._x_free or "x" in axes
        self._y_free = self._y_free or "y" in axes
        if "x" in axes:
            self.x_moved.emit(*self.x_range())
        self.home_left.emit()

    def _settle(self) -> None:
        """Range, points, labels, in this order, after anything changed."""
        self._settling = True
        try:
            self._label_ends()
            if not self._x_free:
                self._fit_x()
            self._prepare(force=True)
            if not self._y_free:
                self._fit_y()
        finally:
            self._settling = False
        self.range_changed.emit()

    def _x_changed(self) -> None:
        if self._settling:
            return
        self._prepare()
        if not self._y_free:
            self._fit_y()
        self.range_changed.emit()

    def _y_changed(self) -> None:
        if not self._settling:
            self.range_changed.emit()

    def _fit_x(self) -> None:
        shown = [each.curve for each in self.visible_curves]
        # A published curve may be forty times as long; it is looked at beside the runs.
        own = [curve for curve in shown if not curve.source] or shown
        bounds = [found for curve in own if (found := curve.bounds()) is not None]
        if not bounds:
            return
        low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
        if self._from_zero and 0 < low <= high / 2:
            low = 0.0
        if not high > low:
            low, high = low - 0.5, high + 0.5
        pixels = max(self._view.width(), 1.0)
        free = min(self._labels.width() or (0 if self._short else 6), pixels / 3)
        self._view.setXRange(low, low + (high - low) * pixels / (pixels - free), padding=0)

    def _fit_y(self) -> None:
        low, high = self.x_range()
        found = self._clipped(low, high) if self._clip > 0.0 else self._full(low, high)
        if found is None:
            return
        bottom, top = found
        if not top > bottom:
            half = abs(top) * 0.05 or (0.5 if self._log else 1.0)
            bottom, top = bottom - half, top + half
        air = (top - bottom) * _AIR
        self._view.setYRange(bottom - air, top + air, padding=0)

    def _full(self, low: float, high: float) -> tuple[float, float] | None:
        shown = (self._drawn[key] for key in self._drawn if key not in self._hidden)
        found = [pair for drawn in shown for pair in drawn.extremes(low, high)]
        rest = self._rest_extremes(low, high)
        found += [rest] if rest is not None else []
        return (min(pair[0] for pair in found), max(pair[1] for pair in found)) if found else None

    def _rest_extremes(self, low: float, high: float) -> tuple[float, float] | None:
        x, y = self._rest_points
        inside = y[(x >= low) & (x <= high) & np.isfinite(y)]
        return (float(inside.min()), float(inside.max())) if len(inside) else None

    def _clipped(self, low: float, high: float) -> tuple[float, float] | None:
        lines = [line for each in self.visible_curves for line in (each.curve.mean, *each.curve.behind)]
        parts = [line.sample(low, high) for line in lines]
        return percentile_range([to_scale(part, self._log) for part in parts], self._clip)

    # ---- points -----------------------------------------------------------------------------------------------------

    def _prepare(self, *, force: bool = False) -> None:
        """Make the lines ready for what is in sight and as much again at both sides, so that panning only repaints."""
        low, high = self.x_range()
        span = high - low
        ready = self._window
        if not force and ready is not None:
            spare = (ready.high - ready.low) / 3
            if ready.low <= low and high <= ready.high and 0.6 * spare <= span <= 1.05 * spare:
                return
        columns = 3 * max(int(self._view.width() * self.devicePixelRatioF()), 50)
        self._window = Window(low - span, high + span, columns, self._log)
        for each in self._styled:
            if each.style is not None:
                self._drawn[each.curve.key].prepare(each.curve, self._window)
        if force or len(self._styled) - len(self._drawn) <= REST_SMOOTH:
            self._prepare_rest()
        else:
            self._rest_soon.start()

    def _prepare_rest(self) -> None:
        if (window := self._window) is None:
            return
        rest = [each.curve for each in self.visible_curves if each.style is None]
        columns = min(window.columns, max(50, REST_POINTS // (2 * max(len(rest), 1))))
        window = Window(window.low, window.high, columns, window.log)
        key = (window, *map(id, rest))
        whole = self._rest_ready[:1] == ("whole",) and self._rest_ready[1:] == (window.log, *key[1:])
        if whole or key == self._rest_ready:
            return
        lines = [shown_points(curve.mean, window) for curve in rest]
        self._rest_points = joined([line[:2] for line in lines])
        self._rest.set_points(*self._rest_points)
        self._rest_ready = ("whole", window.log, *key[1:]) if all(line[2] for line in lines) else key

    def _label_ends(self) -> None:
        labels = []
        for each in self.visible_curves:
            last = each.curve.last() if each.style is not None and each.label else None
            if last is not None and each.style is not None:
                y = float(to_scale(np.array([last.mean]), self._log)[0])
                if np.isfinite(y):
                    labels.append(EndLabel(last.x, y, each.label, each.style.words))
        self._labels.set_labels(labels, self._theme.font(10, 600), self._theme.color("panel", 0.75))

    # ---- look -------------------------------------------------------------------------------------------------------

    def repaint_colors(self) -> None:
        """Take every colour and font from the theme again; the curves' own come with ``set_curves``."""
        theme = self._theme
        self.setBackground(theme.color("panel"))
        for axis in (self.x_axis, self.y_axis):
            axis.repaint_colors()
        pen = QPen(theme.color("ctl"), 1)
        pen.setCosmetic(True)
        self._zero.setPen(pen)
        box = QPen(theme.color("accent"), 1)
        box.setCosmetic(True)
        self._view.rbScaleBox.setPen(box)
        self._view.rbScaleBox.setBrush(theme.color("accent", 0.12))
        self._restyle()

    def _restyle(self) -> None:
        for each in self._styled:
            drawn = self._drawn.get(each.curve.key)
            if drawn is None or each.style is None:
                continue
            focused = each.curve.key == self._focus
            aside = self._focus is not None and not focused
            drawn.set_style(each.style, self._stroke, focus=focused, aside=aside)
            drawn.set_visible(each.curve.key not in self._hidden)
        rest = sum(1 for each in self._styled if each.style is None)
        pen = QPen(self._theme.color("text3", _REST_ALPHA), 1)
        pen.setCosmetic(True)
        self._rest.set_pen(pen, antialias=rest <= REST_SMOOTH)

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        if hasattr(self, "_settling"):
            self._settle()

    @guarded
    def leaveEvent(self, event: QEvent) -> None:
        """Qt's."""
        super().leaveEvent(event)
        self.mouse_left.emit()

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's; keys belong to the panel around the plot."""
        event.ignore()
