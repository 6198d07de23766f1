"""What the user chose to see of the curves, as it is remembered between starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from storage import SeriesData
from ui import format as text
from ui.plots.axis import Scale
from ui.plots.line_data import Values
from workbench.analysis.statistics import Spread

AxisName = Literal["steps", "updates", "active", "date"]
Smoothing = Literal["exponential", "mean"]

#: beside the main plot, at most this many small ones
SMALL_PLOTS = 3


@dataclass(frozen=True)
class XAxis:
    """What runs along x: ``column`` of a series; ``say`` puts one value into words, ``span`` the way between two."""

    title: str
    axis_title: str
    column: str
    scale: Scale
    say: Callable[[float], str]
    help: str
    span: Callable[[float], str] = text.count

    def of(self, data: SeriesData) -> Values:
        """The x values of a series."""
        values: Values = getattr(data, self.column).astype(float)
        return values


AXES: dict[str, XAxis] = {
    "steps": XAxis(
        "Environment steps",
        "Environment steps",
        "step",
        "number",
        lambda x: f"step {text.count(x)}",
        "Steps of the environment, warm-up included.",
    ),
    "updates": XAxis(
        "Gradient updates",
        "Gradient updates",
        "updates",
        "number",
        lambda x: f"update {text.count(x)}",
        "Gradient updates; none happen during warm-up.",
    ),
    "active": XAxis(
        "Relative time",
        "Time since the start, without pauses",
        "active_seconds",
        "duration",
        lambda x: f"after {text.duration(x)}",
        "Time since the run began, without pauses and interruptions.",
        text.duration,
    ),
    "date": XAxis(
        "Date and time",
        "Date and time",
        "wall_time",
        "date",
        lambda x: text.date_time(x),
        "When each point was measured.",
        text.duration,
    ),
}

SPREADS: dict[str, tuple[str, str]] = {  # spread: (short words, words of the legend)
    "std": ("Mean ± std", "mean ± standard deviation over seeds"),
    "ci": ("95 % CI", "mean with its 95 % bootstrap interval over seeds"),
    "iqm": ("IQM", "interquartile mean with its 95 % bootstrap interval over seeds"),
    "stderr": ("Std. error", "mean ± standard error over seeds"),
    "range": ("Min–max", "mean, and the band from the lowest to the highest seed"),
}


@dataclass(frozen=True)
class CurveChoices:
    """``weight`` is that of the past in exponential smoothing (0: none), ``window`` the points of a running mean (1:
    none), ``clip`` the percent of values that may lie outside of the y axis at either end (0: none), ``references`` the
    names of published curves."""

    metric: str = "evaluation/return"
    axis: AxisName = "steps"
    smoothing: Smoothing = "exponential"
    weight: float = 0.0
    window: int = 1
    spread: Spread = "std"
    grouped: bool = True
    log: bool = False
    behind: bool = True
    clip: float = 0.0
    small: tuple[str, ...] = field(default=())
    references: tuple[str, ...] = field(default=())

    @property
    def x_axis(self) -> XAxis:
        """What runs along x."""
        return AXES[self.axis]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The main metric, then those of the small plots."""
        return (self.metric, *self.small)

    @property
    def smooths(self) -> bool:
        """Whether there is any smoothing."""
        return self.weight > 0.0 if self.smoothing == "exponential" else self.window > 1

    @property
    def smoothing_words(self) -> str:
        """Smoothing in words; empty without."""
        if not self.smooths:
            return ""
        if self.smoothing == "exponential":
            return f"exponential, {text.number(self.weight)}"
        return f"running mean of {text.count(self.window)} points"

    def changed(self, **values: Any) -> CurveChoices:
        """A copy with other values."""
        return replace(self, **values)

    def to_json(self) -> dict[str, Any]:
        """For the preferences."""
        return asdict(self) | {"small": list(self.small), "references": list(self.references)}

    @classmethod
    def from_json(cls, stored: Any) -> CurveChoices:
        """From the preferences; what is unknown or makes no sense is left at its default."""
        defaults = cls()
        if not isinstance(stored, dict):
            return defaults
        known = {item.name: stored[item.name] for item in fields(cls) if item.name in stored}
        allowed: dict[str, Callable[[Any], bool]] = {
            "metric": lambda value: isinstance(value, str) and bool(value),
            "axis": lambda value: value in AXES,
            "smoothing": lambda value: value in ("exponential", "mean"),
            "weight": lambda value: isinstance(value, int | float) and 0 <= value < 1,
            "window": lambda value: isinstance(value, int) and 1 <= value <= 100_000,
            "spread": lambda value: value in SPREADS,
            "clip": lambda value: isinstance(value, int | float) and 0 <= value < 50,
            "small": _are_names,
            "references": _are_names,
        }
        sound = {
            name: value
            for name, value in known.items()
            if allowed.get(name, lambda value: isinstance(value, bool))(value)
        }
        lists = {"small": tuple(sound.get("small", ())[:SMALL_PLOTS]), "references": tuple(sound.get("references", ()))}
        return replace(defaults, **(sound | lists))


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)
