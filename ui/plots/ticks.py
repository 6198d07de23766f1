"""Where an axis has its ticks, and what they say: round numbers, decades, dates, spans of time."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from ui import format as text

Ticks = list[tuple[float, str]]

_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_DAY = 86400


def round_step(span: float, most: int) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that divides ``span`` into at most ``most`` parts."""
    least = span / max(most, 1)
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10, 20) if factor * power >= least * (1 - 1e-9))


def number_ticks(low: float, high: float, most: int, *, short: bool = False) -> Ticks:
    """Round values in [low, high]; ``short`` writes thousands as 6k."""
    if not high > low:
        return []
    step = round_step(high - low, most)
    values = _multiples(step, low, high)
    if len(values) < 2:  # one tick alone says nothing about the scale
        step = round_step(high - low, 2 * most)
        values = _multiples(step, low, high)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9) + (1 if f"{step:e}".startswith("2.5") else 0))
    largest = max((abs(value) for value in values), default=0.0)
    if largest >= 1e7 or (0 < largest < 1e-3):
        return [(value, text.number(value)) for value in values]
    if short and largest >= 1000 and step >= 100:
        return [(value, text.number(value / 1000) + ("k" if value else "")) for value in values]
    return [(value, f"{value + 0.0:,.{decimals}f}".replace("-", "−")) for value in values]


def whole_ticks(low: float, high: float, most: int) -> Ticks:
    """Whole numbers in [low, high], a step of 1, 2, 3 or 5 times a power of ten apart; at most about ``most``."""
    if not high > low:
        return []
    least = (high - low) / max(most, 1)
    power = 10.0 ** max(0, math.floor(math.log10(least)))
    step = next(factor * power for factor in (1, 2, 3, 5, 10, 20) if factor * power >= least * (1 - 1e-9))
    return [(value, text.count(round(value))) for value in _multiples(step, low, high)]


def _multiples(step: float, low: float, high: float) -> list[float]:
    return [n * step for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float, most: int, *, short: bool = False) -> Ticks:
    """Ticks of a logarithmic axis that runs from 10^low to 10^high: decades, with 2 and 5 where there is room.

    Positions are exponents.
    """
    if not high > low:
        return []
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    if last - first + 1 >= 2:
        every = max(1, math.ceil((last - first + 1) / max(most, 1)))
        exponents: list[float] = [float(power) for power in range(first, last + 1, every)]
        if len(exponents) <= most // 2:
            exponents = _within(low, high, (1, 2, 5))
    else:
        exponents = _within(low, high, (1, 2, 5))
        if len(exponents) < 2:
            ticks = number_ticks(10**low, 10**high, most, short=short)
            return [(math.log10(value), label) for value, label in ticks if value > 0]
    return [(exponent, _power(exponent)) for exponent in exponents]


def _within(low: float, high: float, factors: tuple[int, ...]) -> list[float]:
    powers = range(math.floor(low), math.ceil(high) + 1)
    found = [power + math.log10(factor) for power in powers for factor in factors]
    return [exponent for exponent in found if low - 1e-9 <= exponent <= high + 1e-9]


def _power(exponent: float) -> str:
    return text.number(float(f"{10.0**exponent:.3g}"))


def duration_ticks(low: float, high: float, most: int) -> Ticks:
    """Spans of time given in seconds: 0, 30 s, 1 min, 2 h, 3 d."""
    if not high > low:
        return []
    least = (high - low) / max(most, 1)
    if least < 1:
        return [(value, f"{label} s" if value else "0") for value, label in number_ticks(low, high, most)]
    step = next((step for step in _SECONDS if step >= least), 0) or _DAY * round_step((high - low) / _DAY, most)
    values = _multiples(step, low, high)
    return [(float(value), _span(value) if value else "0") for value in values]


def _span(seconds: float) -> str:
    return text.duration(seconds).replace(" 00 min", "").replace(" 0 h", "")


def date_ticks(low: float, high: float, most: int) -> Ticks:
    """Local dates and times of seconds since 1970: 14:27:30 below a minute, 14:30 below a day, 20 Nov beyond."""
    if not high > low:
        return []
    least = (high - low) / max(most, 1)
    step = next((step for step in _SECONDS if step >= least), 0)
    if step and step < _DAY:
        midnight = datetime.fromtimestamp(low).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        first = math.ceil((low - midnight) / step)
        values = [midnight + n * step for n in range(first, math.floor((high - midnight) / step) + 1)]
        return [(value, _clock(value, step)) for value in values]
    days = max(1, math.ceil(round_step(max(high - low, _DAY) / _DAY, most)))
    ticks: Ticks = []
    day = datetime.fromtimestamp(low).replace(hour=0, minute=0, second=0, microsecond=0)
    while day.timestamp() <= high:
        if day.timestamp() >= low:
            ticks.append((day.timestamp(), f"{day.day} {day:%b}"))
        day += timedelta(days=days)
    return ticks


def _clock(seconds: float, step: int) -> str:
    moment = datetime.fromtimestamp(seconds)
    if moment.hour == moment.minute == moment.second == 0:
        return f"{moment.day} {moment:%b}"
    return f"{moment:%H:%M:%S}" if step < 60 else f"{moment:%H:%M}"
