"""Curves as files: a picture with a legend, the same as vectors, and the numbers in sight as CSV."""

from __future__ import annotations

import csv
import html
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pyqtgraph import InfiniteLine
from pyqtgraph.exporters import ImageExporter, SVGExporter

from ui.plots.choices import SPREADS, CurveChoices
from ui.plots.curve import Curve
from ui.plots.curve_plot import CurvePlot
from ui.plots.drawn_curve import Stroke
from ui.theme import Theme
from workbench import metrics

#: strokes of a picture, which is twice as large as the screen, and of vectors
PICTURE, VECTORS = Stroke(4.0, 2.0), Stroke(2.0)


def save_png(plot: CurvePlot, theme: Theme, choices: CurveChoices, path: Path) -> None:
    """The plot as it is in sight, twice as large, with stronger lines and a legend. Raises OSError."""
    with _dressed(plot, theme, choices, PICTURE):
        item = plot.getPlotItem()
        exporter = ImageExporter(item)
        exporter.parameters()["width"] = int(item.sceneBoundingRect().width() * PICTURE.scale)
        exporter.parameters()["antialias"] = True
        image = exporter.export(toBytes=True)
    if not image.save(str(path), "PNG"):
        raise OSError(f"the picture could not be written to {path}")


def save_svg(plot: CurvePlot, theme: Theme, choices: CurveChoices, path: Path) -> None:
    """The plot as it is in sight as scalable vectors, with a legend. Raises OSError."""
    with _dressed(plot, theme, choices, VECTORS):
        document = SVGExporter(plot.getPlotItem()).export(toBytes=True)
    path.write_bytes(document)


def save_csv(curves: Sequence[Curve], choices: CurveChoices, low: float, high: float, path: Path) -> None:
    """Every point of the curves between two x values, unreduced. Raises OSError.

    One row per curve and x: the curve, its runs, the metric, x under its own name, mean, band, number of seeds, and how
    it was smoothed. Without a spread the band is empty.
    """
    x_name = choices.x_axis.column
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["curve", "runs", "metric", x_name, "mean", "low", "high", "seeds", "band", "smoothing"])
        for curve in curves:
            fixed = [curve.label, " ".join(map(str, curve.runs)), choices.metric]
            end = [choices.spread if curve.count is not None else "", choices.smoothing_words]
            for x, mean, lowest, highest, count in _points(curve, low, high):
                whole = choices.axis in ("steps", "updates") and x == round(x)
                band = ["" if np.isnan(edge) else repr(edge) for edge in (lowest, highest)]
                writer.writerow([*fixed, int(x) if whole else repr(x), repr(mean), *band, count, *end])


def _points(curve: Curve, low: float, high: float) -> Iterator[tuple[float, float, float, float, int]]:
    first = int(np.searchsorted(curve.mean.x, low))
    last = int(np.searchsorted(curve.mean.x, high, "right"))
    for index in range(first, last):
        reading = curve.reading(index)
        yield reading.x, reading.mean, reading.low, reading.high, reading.count


@contextmanager
def _dressed(plot: CurvePlot, theme: Theme, choices: CurveChoices, stroke: Stroke) -> Iterator[None]:
    """The plot as it leaves the application: strong lines, title and legend above, no cursors."""
    item = plot.getPlotItem()
    lines = [line for line in plot.view.childGroup.childItems() if isinstance(line, InfiniteLine)]
    shown = [line for line in lines if line.zValue() > 0 and line.isVisible()]
    for line in shown:
        line.hide()
    plot.set_stroke(stroke)
    item.setTitle(_caption(plot, theme, choices), color=theme.hex("text"), size="11px")
    # The title takes room from the view; the layout has to settle before anything is drawn.
    item.layout.activate()
    plot.grab()
    try:
        yield
    finally:
        for line in shown:
            line.show()
        plot.set_stroke(Stroke())
        item.setTitle(None)
        item.layout.activate()


def _caption(plot: CurvePlot, theme: Theme, choices: CurveChoices) -> str:
    curves = [each for each in plot.visible_curves if each.style is not None]
    parts = [f"<b>{html.escape(metrics.describe(choices.metric).title)}</b>"]
    if any(each.curve.count is not None for each in curves):
        parts.append(SPREADS[choices.spread][1])
    if choices.smooths:
        parts.append(f"smoothed: {choices.smoothing_words}")
    entries = []
    for each in curves:
        assert each.style is not None
        seeds = f" n {each.curve.seeds}" if each.curve.count is not None else ""
        color = each.style.words.name()
        entries.append(f"<span style='color:{color}'>■ {html.escape(each.curve.label)}</span>{seeds}")
    parts += [html.escape(f"{each.curve.label}: {each.curve.source}") for each in curves if each.curve.source]
    return " · ".join(parts) + "<br>" + " &nbsp; ".join(entries)
