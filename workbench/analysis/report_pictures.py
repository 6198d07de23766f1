"""The pictures of a report as SVG text: curves with their bands, and differences with their intervals.

Plain polylines written here, so that a report needs neither a window nor a plotting library.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.figures import number

Values = NDArray[np.float64]

#: colour and dash of the series on white, the base first; told apart also by red-green blind readers and in grey
PALETTE = (
    ("#00429C", ""), ("#D9691A", "7 4"), ("#057C53", "2 3"), ("#BC68A8", "9 3 2 3"), ("#483702", "14 4"),
    ("#318DEA", "5 2 5 2 1 2"), ("#41485E", ""),
)  # fmt: skip
_QUIET, _GRID, _INK = "#5F6879", "#ECEEF2", "#171A21"
_FONT = "font-family='Inter, Helvetica, Arial, sans-serif' font-size='11'"
#: px of the margins: left, top, right, bottom
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 12, 16, 40
_TICKS = 5


@dataclass(frozen=True)
class Line:
    """A curve: x [n], mean [n], band [n] or None, its place in the palette; None is a published one, drawn quietly."""

    name: str
    x: Values
    mean: Values
    low: Values | None
    high: Values | None
    series: int | None


@dataclass(frozen=True)
class Whisker:
    """A difference and its interval; ``clear`` fills the dot."""

    name: str
    mean: float
    low: float
    high: float
    clear: bool
    series: int


def markup(words: str) -> str:
    """Words for HTML and SVG; control characters, which a run's name or reason may hold, become blanks."""
    return html.escape(re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", " ", words))


def look(series: int | None) -> tuple[str, str]:
    """Colour and dash of a series."""
    return (_QUIET, "5 4") if series is None else PALETTE[series % len(PALETTE)]


def curves_svg(lines: Sequence[Line], x_title: str, y_title: str, width: int = 860, height: int = 360) -> str:
    """Curves over bands, with axes, ticks at round values, and a legend below."""
    scale = _Scale.around(lines, width, height)
    rows = (len(lines) + 2) // 3
    parts = [*_axes(scale, x_title, y_title)]
    for line in lines:
        parts += _curve(line, scale)
    for place, line in enumerate(lines):
        parts.append(_legend(line, _LEFT + (place % 3) * 260, height + 14 + 18 * (place // 3)))
    return _document(width, height + 18 * rows + 8, parts)


def whiskers_svg(whiskers: Sequence[Whisker], width: int = 860) -> str:
    """Differences on one axis with a line at zero: a filled dot where the interval leaves zero out, else a hollow."""
    ends = [0.0, *(end for each in whiskers for end in (each.low, each.high))]
    low, high = min(ends), max(ends)
    air = (high - low) * 0.05 or 1.0
    left, height = 220, 24 * len(whiskers) + 34
    scale = _Scale(low - air, high + air, 0.0, 1.0, left, 8, width - _RIGHT, height - 26)
    parts = []
    for tick in round_ticks(scale.x_low, scale.x_high):
        x = scale.x(tick)
        colour = _QUIET if tick == 0 else _GRID
        parts.append(f"<line x1='{x:.1f}' y1='8' x2='{x:.1f}' y2='{height - 26}' stroke='{colour}'/>")
        parts.append(_words(x, height - 10, number(tick), anchor="middle"))
    for place, each in enumerate(whiskers):
        y, (colour, _) = 20 + 24 * place, look(each.series)
        a, b, at = scale.x(each.low), scale.x(each.high), scale.x(each.mean)
        parts.append(_words(left - 12, y + 4, each.name, anchor="end", colour=_INK))
        path = f"M{a:.1f} {y - 5}V{y + 5}M{a:.1f} {y}H{b:.1f}M{b:.1f} {y - 5}V{y + 5}"
        parts.append(f"<path d='{path}' stroke='{colour}' stroke-width='1.6' fill='none'/>")
        fill = colour if each.clear else "#FFFFFF"
        parts.append(f"<circle cx='{at:.1f}' cy='{y}' r='4.5' stroke='{colour}' stroke-width='1.6' fill='{fill}'/>")
    return _document(width, height, parts)


def round_ticks(low: float, high: float) -> list[float]:
    """About five round values in [low, high]."""
    step = 10.0 ** math.floor(math.log10((high - low) / _TICKS))
    step = next(factor * step for factor in (1, 2, 5, 10) if factor * step * _TICKS >= (high - low) * (1 - 1e-9))
    return [place * step for place in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class _Scale:
    """From data to pixels."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, lines: Sequence[Line], width: int, height: int) -> _Scale:
        """Of the runs' x values; of every y among them."""
        own = [line for line in lines if line.series is not None] or lines
        x_high = max((float(line.x[-1]) for line in own if len(line.x)), default=1.0)
        inside = [
            values[line.x <= x_high]
            for line in lines
            for values in (line.mean, line.low, line.high)
            if values is not None
        ]
        joined = np.concatenate([np.zeros(1), *inside])
        joined = joined[np.isfinite(joined)]
        low, high = float(joined.min()), float(joined.max())
        air = (high - low) * 0.05 or 1.0
        return cls(0.0, x_high, low - air, high + air, _LEFT, _TOP, width - _RIGHT, height - _BOTTOM)

    def x(self, value: float) -> float:
        return self.left + (value - self.x_low) / (self.x_high - self.x_low) * (self.right - self.left)

    def y(self, value: float) -> float:
        return self.bottom - (value - self.y_low) / (self.y_high - self.y_low) * (self.bottom - self.top)


def _axes(scale: _Scale, x_title: str, y_title: str) -> Iterator[str]:
    for tick in round_ticks(scale.y_low, scale.y_high):
        y, colour = scale.y(tick), "#B3BAC6" if tick == 0 else _GRID
        yield f"<line x1='{scale.left}' y1='{y:.1f}' x2='{scale.right}' y2='{y:.1f}' stroke='{colour}'/>"
        yield _words(scale.left - 8, y + 4, number(tick), anchor="end")
    for tick in round_ticks(scale.x_low, scale.x_high):
        yield _words(scale.x(tick), scale.bottom + 16, number(tick), anchor="middle")
    yield _words((scale.left + scale.right) / 2, scale.bottom + 34, x_title, anchor="middle")
    middle = (scale.top + scale.bottom) / 2
    turned = f"<g transform='rotate(-90 14 {middle:.0f})'>"
    yield f"{turned}{_words(14, middle, y_title, anchor='middle')}</g>"


def _curve(line: Line, scale: _Scale) -> Iterator[str]:
    colour, dash = look(line.series)
    shown = (line.x <= scale.x_high) & np.isfinite(line.mean)
    if line.low is not None and line.high is not None and line.series is not None:
        band = shown & np.isfinite(line.low) & np.isfinite(line.high)
        upper = _points(line.x[band], line.high[band], scale)
        lower = _points(line.x[band][::-1], line.low[band][::-1], scale)
        yield f"<polygon points='{upper} {lower}' fill='{colour}' fill-opacity='0.14'/>"
    x, mean = line.x[shown], line.mean[shown]
    if len(x) and line.series is None and line.x[-1] > scale.x_high:  # a published curve goes on beyond the edge
        x, mean = np.append(x, scale.x_high), np.append(mean, np.interp(scale.x_high, line.x, line.mean))
    points = _points(x, mean, scale)
    yield f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='1.8' stroke-dasharray='{dash}'/>"


def _points(x: Values, y: Values, scale: _Scale) -> str:
    return " ".join(f"{scale.x(a):.1f},{scale.y(b):.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))


def _legend(line: Line, x: float, y: float) -> str:
    colour, dash = look(line.series)
    sample = f"<path d='M{x} {y - 4}h24' stroke='{colour}' stroke-width='2' stroke-dasharray='{dash}'/>"
    name = line.name if len(line.name) <= 36 else f"{line.name[:35]}…"
    return sample + _words(x + 32, y, name, colour=_INK)


def _words(x: float, y: float, words: str, *, anchor: str = "start", colour: str = _QUIET) -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' fill='{colour}' {_FONT}>{markup(words)}</text>"


def _document(width: int, height: int, parts: Sequence[str]) -> str:
    size = f"width='{width}' height='{height}' viewBox='0 0 {width} {height}'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size}>{''.join(parts)}</svg>"
