"""A setting that moves over training."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """A value that moves linearly from ``start`` to ``end`` over ``steps`` train steps and stays there.

    ``steps`` 0 means constant. Written as text: ``0.3`` or ``linear(1.0, 0.1, 100000)``.
    """

    start: float
    end: float
    steps: int = 0

    def __post_init__(self) -> None:
        # One form for equal schedules, so that they compare, print and hash alike.
        object.__setattr__(self, "start", float(self.start if self.steps > 0 else self.end))
        object.__setattr__(self, "end", float(self.end))
        object.__setattr__(self, "steps", max(self.steps, 0))

    @classmethod
    def constant(cls, value: float) -> Schedule:
        """The schedule that never moves."""
        return cls(value, value, 0)

    def at(self, step: int) -> float:
        """The value after ``step`` train steps (negative steps count as 0)."""
        if self.steps <= 0:
            return self.end
        return self.end + (1.0 - min(max(step, 0) / self.steps, 1.0)) * (self.start - self.end)

    def __str__(self) -> str:
        return repr(self.end) if self.steps <= 0 else f"linear({self.start!r}, {self.end!r}, {self.steps})"

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Read the text form. Raises ValueError with the expected forms."""
        number = r"\s*([-+0-9.eE]+)\s*"
        match = re.fullmatch(rf"\s*linear\({number},{number},\s*(\d+)\s*\)\s*", text)
        try:
            if match:
                return cls(float(match[1]), float(match[2]), int(match[3]))
            return cls.constant(float(text))
        except ValueError:
            raise ValueError(f"{text!r} is not a schedule; write a number or linear(start, end, steps)") from None
