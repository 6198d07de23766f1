"""Numbers as people read them, in the window and in reports alike.

A thousands comma, three significant digits below 100, a true minus, and "—" for what is missing, never 0.
"""

from __future__ import annotations

import math

MISSING = "—"
MINUS = "−"


def count(value: int | float | None) -> str:
    """A whole number: "12,000"."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{round(value):,}".replace("-", MINUS)


def number(value: float | None) -> str:
    """A measured number: "1,051", "62.1", "0.61", "3e−5"; "NaN" and "∞" are said as such."""
    if value is None:
        return MISSING
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    size = abs(value)
    if size >= 1e9 or 0 < size < 1e-3:
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        text = f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    elif size >= 99.95:
        text = f"{value:,.0f}"
    else:
        places = 2 - math.floor(math.log10(size)) if size else 0
        text = f"{value:.{min(max(places, 0), 5)}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text.replace("-", MINUS)


def spread(value: float | None) -> str:
    """What stands after a mean: "± 156", or nothing where there is no spread."""
    return "" if value is None else f"± {number(value)}"


def with_spread(mean: float | None, deviation: float | None) -> str:
    """A mean with its spread: "1,051 ± 156"."""
    return f"{number(mean)} {spread(deviation)}".rstrip()


def plural(amount: int, noun: str, many: str = "") -> str:
    """A count with its noun: "1 run", "3 runs"."""
    return f"{count(amount)} {noun if amount == 1 else many or noun + 's'}"
