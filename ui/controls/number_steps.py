"""The number that follows another one in a form: the next whole one, or on a logarithmic scale the next round one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workbench.settings import Field

#: the round numbers of each decade
ROUND = (1.0, 2.0, 5.0)
#: how many whole numbers a long step passes; on a logarithmic scale it is a decade
FAR = 10
#: relative difference below which two numbers are the same one
SAME = 1e-9
#: size from which a number has no place on a scale: a decade further it could not be told from infinity
HUGE = 1e300


@dataclass(frozen=True)
class Steps:
    """``whole``: whole numbers only; ``log``: through 1, 2, 5, 10, 20 and so on. Never beyond ``low`` or ``high``."""

    whole: bool = True
    log: bool = False
    low: float = -math.inf
    high: float = math.inf

    def after(self, text: str, direction: int, far: bool) -> str | None:
        """What follows the number in ``text`` upwards (1) or downwards (-1), by a long step if ``far``.

        None where it is no number, or none that has a place on the scale.
        """
        try:
            value = float(int(text)) if self.whole else float(text)
        except (ValueError, OverflowError):
            return None
        if not abs(value) < HUGE or (self.log and value <= 0):
            return None
        if not self.log:
            moved = value + direction * (FAR if far else 1)
        else:
            moved = value * 10.0**direction if far else _round_after(value, direction)
        if self.whole and round(moved) == value:
            moved = value + direction  # between 1 and 2 there is no room for a round one
        return _text(max(self.low, min(self.high, moved)), self.whole)


def steps_of(field: Field) -> Steps:
    """Those of a settings field, within its range; what lies at an excluded lower bound is not reached."""
    low = -math.inf if field.low is None else field.low
    return Steps(field.kind == "int", field.log, low, math.inf if field.high is None else field.high)


def _round_after(value: float, direction: int) -> float:
    decade = math.floor(math.log10(value))
    near = [digit * 10.0**exponent for exponent in (decade - 1, decade, decade + 1) for digit in ROUND]
    if direction > 0:
        return min(each for each in near if each > value * (1 + SAME))
    return max(each for each in near if each < value * (1 - SAME))


def _text(value: float, whole: bool) -> str:
    return str(round(value)) if whole else f"{value:.6g}"
