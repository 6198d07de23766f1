"""Which curves are coloured, and how: a run's own colour for life, told apart by the dash where colours meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from storage import RunRow
from ui.plots.curve import Curve
from ui.plots.curve_plot import Styled
from ui.series_colors import SeriesColors
from ui.theme import SeriesStyle, Theme

#: with more curves than the palette has colours, only the ones selected last are coloured
COLOURED = 7


def styled_curves(
    curves: Sequence[Curve], rows: Mapping[int, RunRow], selected: Sequence[int], colors: SeriesColors, theme: Theme
) -> list[Styled]:
    """The curves with their looks, in their order. Of more than ``COLOURED``, only those selected last have one."""
    coloured = {curve.key for curve in _last_selected(curves, selected)}
    firsts = [rows[curve.runs[0]] for curve in curves]
    taken: set[tuple[int, tuple[int, ...] | None]] = set()
    result = []
    for curve, number in zip(curves, colors.indices(firsts), strict=True):
        if curve.key not in coloured:
            result.append(Styled(curve, None))
            continue
        style = distinct_style(theme, number, taken)
        result.append(Styled(curve, style, curve.label))
    return result


def _last_selected(curves: Sequence[Curve], selected: Sequence[int]) -> list[Curve]:
    if len(curves) <= COLOURED:
        return list(curves)
    place = {run_id: number for number, run_id in enumerate(selected)}
    return sorted(curves, key=lambda curve: max(place.get(run_id, -1) for run_id in curve.runs))[-COLOURED:]


def distinct_style(theme: Theme, number: int, taken: set[tuple[int, tuple[int, ...] | None]]) -> SeriesStyle:
    """The series' own style, or its colour with the first dash that no curve of that colour has."""
    style = theme.series(number)
    color = style.line.rgb()
    dashes = [style.dash, *(theme.series(other).dash for other in range(COLOURED))]
    dash = next((dash for dash in dashes if (color, dash) not in taken), style.dash)
    taken.add((color, dash))
    return replace(style, dash=dash)
