"""One curve on the screen: its band, the faint lines behind it and its mean, made once and reused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor, QPen

from ui.plots.curve import Curve
from ui.plots.items import Band, Line, joined
from ui.plots.line_data import LineData, Values
from ui.theme import SeriesStyle

Points = tuple[Values, Values]

BAND_ALPHA, BAND_ALPHA_ASIDE, BAND_ALPHA_FOCUSED = 0.18, 0.06, 0.22
BEHIND_ALPHA = 0.38


@dataclass(frozen=True)
class Stroke:
    """How strong means are drawn: ``width`` in pixels, of which there are ``scale`` to one of the screen."""

    width: float = 1.0
    scale: float = 1.0


@dataclass(frozen=True)
class Window:
    """The part of x that lines are made ready for, in how many columns of pixels, and whether y is logarithmic."""

    low: float
    high: float
    columns: int
    log: bool


def shown_points(line: LineData, window: Window) -> tuple[Values, Values, bool]:
    """The points of a line to be drawn in a window; a logarithmic axis leaves gaps at what is not above 0."""
    x, y, whole = line.window(window.low, window.high, window.columns)
    return x, to_scale(y, window.log), whole


def to_scale(y: Values, log: bool) -> Values:
    """Values as positions along y."""
    if not log:
        return y
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(y > 0, np.log10(y), np.nan)


class DrawnCurve:
    """The items of one curve in a view."""

    def __init__(self, view: pg.ViewBox) -> None:
        self._view = view
        self.band, self.behind, self.mean = Band(), Line(), Line(strong=True)
        self.curve: Curve | None = None
        self._ready: Window | None = None
        self._whole = False
        self._shown: dict[str, list[Points]] = {}
        for depth, item in ((-30, self.band), (-20, self.behind), (10, self.mean)):
            item.setZValue(depth)
            view.addItem(item, ignoreBounds=True)

    def remove(self) -> None:
        """Take the items out of the view."""
        for item in (self.band, self.behind, self.mean):
            self._view.removeItem(item)

    def set_visible(self, visible: bool) -> None:
        """Show or hide all of it."""
        for item in (self.band, self.behind, self.mean):
            item.setVisible(visible)

    def set_style(self, style: SeriesStyle, stroke: Stroke, *, focus: bool, aside: bool) -> None:
        """Its colours: as the curve in focus, as one that steps aside for it, or as any other."""
        alpha = BAND_ALPHA_FOCUSED if focus else BAND_ALPHA_ASIDE if aside else BAND_ALPHA
        self.band.set_color(_faint(style.line, alpha))
        behind = QPen(_faint(style.line, BEHIND_ALPHA * (0.4 if aside else 1.0)), 1)
        behind.setCosmetic(True)
        self.behind.set_pen(behind)
        mean = style.pen(0.45 if aside else 1.0, stroke.width)
        if style.dash is not None:
            mean.setDashPattern([stroke.scale * part / stroke.width for part in style.dash])
        self.mean.set_pen(mean)
        self.mean.setZValue(20 if focus else 10)

    def prepare(self, curve: Curve, window: Window) -> None:
        """Hand the items the points of ``curve`` for ``window``, unless they have them already."""
        same = curve is self.curve and self._ready is not None and self._ready.log == window.log
        if same and (self._whole or self._ready == window):
            return
        self.curve, self._ready = curve, window
        x, y, self._whole = shown_points(curve.mean, window)
        self.mean.set_points(x, y)
        self._shown = {"mean": [(x, y)], "behind": [], "band": []}
        if curve.low is not None and curve.high is not None:
            edges = [
                line.edge(window.low, window.high, window.columns // 2, lowest=line is curve.low)
                for line in (curve.low, curve.high)
            ]
            on_scale = [(edge_x, to_scale(edge_y, window.log)) for edge_x, edge_y in edges]
            # Where the band reaches down to 0, a logarithmic axis shows it going on below what is drawn.
            floor = float(np.min(y, initial=0.0, where=np.isfinite(y))) - 2.0
            drawn = [
                (edge_x, np.where(edge_y <= 0, floor, scaled) if window.log else scaled)
                for (edge_x, edge_y), (_, scaled) in zip(edges, on_scale, strict=True)
            ]
            self.band.set_lines(drawn[0], drawn[1])
            self._shown["band"] = on_scale
        else:
            self.band.set_lines((x[:0], y[:0]), (x[:0], y[:0]))
        behind = [shown_points(line, window) for line in curve.behind]
        self.behind.set_points(*joined([points[:2] for points in behind]))
        self._shown["behind"] = [points[:2] for points in behind]
        self._whole = self._whole and all(points[2] for points in behind)

    def extremes(self, low: float, high: float) -> Iterator[tuple[float, float]]:
        """Smallest and largest y drawn between two x values, of each line."""
        for lines in self._shown.values():
            for points in lines:
                found = extremes(points, low, high)
                if found is not None:
                    yield found


def extremes(points: Points, low: float, high: float) -> tuple[float, float] | None:
    """Smallest and largest finite y between two x values."""
    x, y = points
    inside = y[np.searchsorted(x, low) : np.searchsorted(x, high, "right")]
    inside = inside[np.isfinite(inside)]
    return (float(inside.min()), float(inside.max())) if len(inside) else None


def _faint(color: QColor, alpha: float) -> QColor:
    faint = QColor(color)
    faint.setAlphaF(alpha)
    return faint
