"""Published curves as a plot draws them: quiet, dashed, with the same band as one's own."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from ui.plots.choices import CurveChoices
from ui.plots.curve import Curve
from ui.plots.curve_plot import Styled
from ui.plots.line_data import LineData
from ui.theme import SeriesStyle, Theme
from workbench.analysis.references import Reference
from workbench.analysis.statistics import Spread, summarise

#: px of dash and gap
_DASH = (5, 4)


def reference_curves(references: Iterable[Reference], choices: CurveChoices, theme: Theme) -> list[Styled]:
    """The curves over environment steps, as published and so without smoothing; all in the colour of hints."""
    style = SeriesStyle(theme.color("text3"), theme.color("text3"), _DASH, "o")
    return [Styled(_curve(reference, choices.spread), style, reference.title) for reference in references]


@functools.lru_cache(maxsize=32)
def _curve(reference: Reference, spread: Spread) -> Curve:
    steps, returns = reference.curve()
    summary = summarise(returns, spread)
    mean, low, high = (LineData(steps, part) for part in (summary.mean, summary.low, summary.high))
    key, seeds = f"reference {reference.name}", len(returns)
    return Curve(key, reference.title, (), mean, low, high, summary.count, seeds=seeds, source=reference.source)
