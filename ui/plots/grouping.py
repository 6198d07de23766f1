"""From the series of runs to the curves of a plot: smoothed, grouped over seeds, ready to be drawn at any zoom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from storage import RunRow, SeriesData
from ui.plots.choices import CurveChoices
from ui.plots.curve import Curve
from ui.plots.line_data import LineData, Values
from ui.series_colors import series_key
from workbench.analysis.statistics import align, smooth_exponential, smooth_running_mean, summarise


@dataclass(frozen=True)
class Member:
    """One run of a curve."""

    row: RunRow
    data: SeriesData


def curve_key(row: RunRow, choices: CurveChoices) -> str:
    """Which curve a run belongs to: all but the seed, or each run on its own."""
    return series_key(row) if choices.grouped else f"run {row.id}"


def build_curve(key: str, label: str, members: Sequence[Member], choices: CurveChoices, *, live: bool = False) -> Curve:
    """The curve of some runs. Each seed is smoothed over all of its points first, then the mean is taken."""
    axis = choices.x_axis
    # A clock that was set back must not fold the curve.
    logged = [(np.maximum.accumulate(axis.of(member.data)), member.data.value) for member in members]
    smoothed = [(x, smooth(y, choices)) for x, y in logged]
    runs = tuple(member.row.id for member in members)
    shows_behind = choices.behind and (choices.smooths or len(members) > 1)
    behind = tuple(LineData(x, y) for x, y in logged if len(x)) if shows_behind else ()
    longest = max(range(len(members)), key=lambda n: len(members[n].data))
    clock = None if axis.column == "step" else (logged[longest][0], members[longest].data.step.astype(float))
    if len(members) == 1:
        return Curve(key, label, runs, LineData(*smoothed[0]), behind=behind, live=live, clock=clock)
    aligned = align(smoothed)
    summary = summarise(aligned.values, choices.spread)
    return Curve(
        key,
        label,
        runs,
        LineData(aligned.x, summary.mean),
        LineData(aligned.x, summary.low),
        LineData(aligned.x, summary.high),
        summary.count,
        behind,
        aligned.interpolated,
        live,
        sum(1 for x, _ in logged if len(x)),
        clock,
    )


def smooth(values: Values, choices: CurveChoices) -> Values:
    """The values as the choices want them smoothed."""
    if choices.smoothing == "exponential":
        return smooth_exponential(values, choices.weight) if choices.weight > 0.0 else values
    return smooth_running_mean(values, choices.window) if choices.window > 1 else values
