"""The cursors of a curve plot: the mouse's, the one that all panels share, and two that are pinned."""

from __future__ import annotations

import math
from collections.abc import Callable

import pyqtgraph as pg
from PySide6.QtCore import QObject, QPoint, QPointF, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPen

from ui import format as text
from ui.plots.choices import XAxis
from ui.plots.curve import Curve, Reading
from ui.plots.curve_plot import CurvePlot
from ui.plots.readout import Readout, Row
from ui.theme import SeriesStyle, Theme
from workbench.analysis.statistics import Spread

#: ms between two read-outs while the mouse moves
_FRAME = 16
_FAR_OFF = 0.01  # of the visible x: from here on a row says at which x its point is


class Cursors(QObject):
    """Lines and read-outs. ``chosen`` tells where the user put the shared cursor, ``hovered`` where the mouse is."""

    chosen = Signal(float)
    hovered = Signal(object)  # x or None

    def __init__(self, plot: CurvePlot, theme: Theme, axis: Callable[[], XAxis], spread: Callable[[], Spread]) -> None:
        super().__init__(plot)
        self._plot, self._theme, self._axis, self._spread = plot, theme, axis, spread
        self.hint = ""
        self.hover: float | None = None
        self.cursor: float | None = None
        self.pins: list[float] = []
        self.readout, self.difference = Readout(theme, plot), Readout(theme, plot)
        self._mouse: QPointF | None = None
        self._lines = [pg.InfiniteLine(0, 90) for _ in range(4)]  # mouse, shared, pins
        for depth, line in enumerate(self._lines):
            line.setZValue(30 + depth)
            line.hide()
            plot.view.addItem(line, ignoreBounds=True)
        for number, line in enumerate(self._lines[2:]):
            line.setMovable(True)
            line.setCursor(Qt.CursorShape.SizeHorCursor)
            line.sigDragged.connect(lambda moved, _number=number: self._drag_pin(_number, moved.value()))
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_FRAME)
        self._soon.timeout.connect(self._follow_mouse)
        plot.scene().sigMouseMoved.connect(self._mouse_moved)
        plot.mouse_left.connect(self._mouse_gone)
        plot.view.clicked.connect(self._clicked)
        plot.range_changed.connect(self.refresh)
        self.repaint_colors()

    # ---- what the user does -----------------------------------------------------------------------------------------

    def pin(self) -> None:
        """Pin where the mouse is, or else the shared cursor. A third time takes both pins away."""
        x = self.hover if self.hover is not None else self.cursor
        if len(self.pins) == 2:
            self.pins = []
        elif x is not None:
            self.pins.append(x)
        self.refresh()

    def clear_pins(self) -> bool:
        """Take the pins away; returns whether there were any."""
        had = bool(self.pins)
        self.pins = []
        self.refresh()
        return had

    def step(self, points: int) -> None:
        """Move the shared cursor along the points of the first curve; without a cursor it begins at the end."""
        curves = [each.curve for each in self._plot.visible_curves if each.style is not None and len(each.curve)]
        if not curves:
            return
        low, high = self._plot.x_range()
        bounds = curves[0].bounds()
        start = self.cursor if self.cursor is not None else min(high, bounds[1]) if bounds else high
        x = curves[0].neighbour(start, points if self.cursor is not None else 0)
        if x is not None:
            self.chosen.emit(x)
            if not low <= x <= high:
                self._plot.set_x_range(x - (high - low) / 2, x + (high - low) / 2)

    def set_cursor(self, x: float | None) -> None:
        """Put the shared cursor; None takes it away."""
        self.cursor = x
        self.refresh()

    def forget(self) -> None:
        """Another x axis: positions mean something else now."""
        self.pins, self.hover, self.cursor = [], None, None
        self.refresh()

    def _mouse_moved(self, at: QPointF) -> None:
        self._mouse = at
        if not self._soon.isActive():
            self._soon.start()

    def _mouse_gone(self) -> None:
        self._mouse = None
        self._follow_mouse()

    def _follow_mouse(self) -> None:
        view, at = self._plot.view, self._mouse
        inside = at is not None and view.sceneBoundingRect().contains(at)
        hover = self._snapped(view.mapSceneToView(at).x()) if inside else None
        if hover != self.hover:
            self.hover = hover
            self.hovered.emit(hover)
            self.refresh()

    def _clicked(self, x: float) -> None:
        self._plot.setFocus(Qt.FocusReason.MouseFocusReason)
        snapped = self._snapped(x)
        if snapped is not None:
            self.chosen.emit(snapped)

    def _drag_pin(self, number: int, x: float) -> None:
        snapped = self._snapped(x)
        if snapped is not None and number < len(self.pins):
            self.pins[number] = snapped
            self.refresh()

    def _snapped(self, x: float) -> float | None:
        """The nearest x at which a curve has a point."""
        found = [reading.x for _, _, reading in self._readings(x)]
        return min(found, key=lambda known: abs(known - x), default=None)

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Lines and read-outs after anything moved."""
        wanted = [self.hover, self.cursor, *self.pins, None, None][:4]
        for line, x in zip(self._lines, wanted, strict=True):
            if x is not None and x != line.value():
                line.setValue(x)
            line.setVisible(x is not None)
        self._show_readout(self.hover if self.hover is not None else self.cursor)
        self._show_difference()

    def _show_readout(self, x: float | None) -> None:
        low, high = self._plot.x_range()
        readings = self._readings(x) if x is not None and low <= x <= high else []
        if x is None or not readings:
            self.readout.hide()
            self._plot.setAccessibleDescription("")
            return
        axis, far = self._axis(), (high - low) * _FAR_OFF
        rows = []
        for curve, style, reading in readings:
            elsewhere = f"at {axis.say(reading.x)}" if abs(reading.x - x) > far else ""
            after = f"{self._spread_words(reading)}  {_seeds(curve, reading)}  {elsewhere}".strip()
            rows.append(Row(style, curve.label, text.number(reading.mean), after))
        head = axis.say(x)
        self.readout.show_rows(head[:1].upper() + head[1:], self.hint, rows)
        room = self._room()
        at = self._plot.mapFromScene(self._plot.view.mapViewToScene(QPointF(x, 0)))
        at.setY(room.top() + 4)
        self.readout.place(at, room)
        self.readout.show()
        self._plot.setAccessibleDescription(self.readout.text())

    def _show_difference(self) -> None:
        moving = [self.hover] if self.hover is not None else []
        ends = (self.pins + moving)[:2]
        if not self.pins or len(set(ends)) != 2:
            self.difference.hide()
            return
        first, second = ends
        axis = self._axis()
        before = {curve.key: reading for curve, _, reading in self._readings(first)}
        rows = []
        for curve, style, reading in self._readings(second):
            if curve.key in before:
                begin = before[curve.key].mean
                change = reading.mean - begin
                sign = "+" if change > 0 else ""
                way = f"{text.number(begin)} to {text.number(reading.mean)}"
                rows.append(Row(style, curve.label, f"{sign}{text.number(change)}", way))
        head = f"{axis.say(first)} to {axis.say(second)}"
        self.difference.show_rows(head[:1].upper() + head[1:], f"{axis.span(abs(second - first))} apart", rows)
        room = self._room()
        self.difference.place(room.bottomRight() + QPoint(self.difference.width(), 0), room)
        self.difference.show()

    def _readings(self, x: float) -> list[tuple[Curve, SeriesStyle, Reading]]:
        """What the coloured curves are at x, the highest first."""
        found = [
            (each.curve, each.style, reading)
            for each in self._plot.visible_curves
            if each.style is not None and (reading := each.curve.at(x)) is not None
        ]
        return sorted(found, key=lambda item: math.inf if math.isnan(item[2].mean) else -item[2].mean)

    def _spread_words(self, reading: Reading) -> str:
        if math.isnan(reading.low):
            return ""
        if self._spread() in ("range", "ci", "iqm"):
            return f"{text.number(reading.low)} to {text.number(reading.high)}"
        return text.spread(reading.high - reading.mean)

    def _room(self) -> QRect:
        shape = self._plot.mapFromScene(self._plot.view.sceneBoundingRect())
        return shape.boundingRect().adjusted(4, 2, -4, -4)

    def repaint_colors(self) -> None:
        """Take colours from the theme again."""
        theme = self._theme
        colors = (theme.color("text3"), theme.color("text"), theme.color("accent"), theme.color("accent"))
        for number, (line, color) in enumerate(zip(self._lines, colors, strict=True)):
            line.setPen(_pen(color, dashed=number >= 2))
            line.setHoverPen(_pen(color, dashed=False))
        self.refresh()


def _seeds(curve: Curve, reading: Reading) -> str:
    """How many seeds; nothing for a run that stands alone."""
    total = len(curve.runs) or curve.seeds
    return "" if total == 1 else f"n {reading.count}" if reading.count == total else f"n {reading.count} of {total}"


def _pen(color: QColor, *, dashed: bool) -> QPen:
    pen = QPen(color, 1)
    pen.setCosmetic(True)
    if dashed:
        pen.setDashPattern([4.0, 3.0])
    return pen
