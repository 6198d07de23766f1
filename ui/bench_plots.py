"""How fast curves are drawn: first of all, then while the view is moved."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from PySide6.QtWidgets import QApplication

from ui.plots.curve import Curve
from ui.plots.curve_plot import CurvePlot, Styled
from ui.plots.curve_styles import COLOURED
from ui.plots.line_data import LineData
from ui.theme import Theme

#: px of the plot, repetitions of the first drawing, and pictures of each movement
SIZE, REPEATS, PICTURES = (1000, 600), 5, 40


@dataclass(frozen=True)
class Drawing:
    """``curves`` of ``points`` points each.

    ``prepare_ms``: making coarser copies, which the window does in another thread; ``draw_ms``: from the curves to
    the picture, both medians. ``pan_fps`` and ``zoom_fps``: pictures per second by their median time, and
    ``worst_picture_ms`` the slowest of them.
    """

    curves: int
    points: int
    prepare_ms: float
    draw_ms: float
    pan_fps: float
    zoom_fps: float
    worst_picture_ms: float


def measure_drawing(theme: Theme, curves: int, points: int) -> Drawing:
    """Draw so many curves into a plot on the screen, several times anew; then pan and zoom."""
    generator = np.random.default_rng(curves)
    x = np.arange(points, dtype=float)
    lines = [generator.normal(size=points).cumsum() for _ in range(curves)]
    prepared, drawn = [], []
    plot = _new_plot(theme)
    for _ in range(REPEATS):
        _remove(plot)
        plot = _new_plot(theme)
        begin = time.perf_counter()
        styled = _curves(theme, x, lines)
        ready = time.perf_counter()
        plot.show_now(styled)
        prepared.append(ready - begin)
        drawn.append(time.perf_counter() - ready)
    panned, zoomed = _pan(plot, points), _zoom(plot, points)
    _remove(plot)
    return Drawing(
        curves=curves,
        points=points,
        prepare_ms=1e3 * median(prepared),
        draw_ms=1e3 * median(drawn),
        pan_fps=1 / median(panned),
        zoom_fps=1 / median(zoomed),
        worst_picture_ms=1e3 * max(panned + zoomed),
    )


def _new_plot(theme: Theme) -> CurvePlot:
    plot = CurvePlot(theme)
    plot.resize(*SIZE)
    plot.show()
    QApplication.processEvents()
    return plot


def _remove(plot: CurvePlot) -> None:
    plot.close()
    plot.deleteLater()


def _curves(theme: Theme, x: np.ndarray, lines: Sequence[np.ndarray]) -> list[Styled]:
    """As the panel styles them: as many as the palette has colours, and the others in the background."""
    made = [Curve(f"run {number}", f"run {number}", (number,), LineData(x, y)) for number, y in enumerate(lines)]
    return [
        Styled(curve, theme.series(number) if number < COLOURED else None, curve.label)
        for number, curve in enumerate(made)
    ]


def _pan(plot: CurvePlot, points: int) -> list[float]:
    """Seconds of each picture while a quarter of x moves from the left to the right."""
    width = points / 4
    return [_picture(plot, left, left + width) for left in np.linspace(0, points - width, PICTURES)]


def _zoom(plot: CurvePlot, points: int) -> list[float]:
    """Seconds of each picture while the view closes in on the middle, down to a hundredth."""
    widths = points * np.geomspace(1, 0.01, PICTURES)
    return [_picture(plot, (points - width) / 2, (points + width) / 2) for width in widths]


def _picture(plot: CurvePlot, low: float, high: float) -> float:
    begin = time.perf_counter()
    plot.set_x_range(low, high)
    plot.viewport().repaint()
    QApplication.processEvents()
    return time.perf_counter() - begin
