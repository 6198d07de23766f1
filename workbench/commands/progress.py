"""How far each run is, drawn as bars where stderr is a terminal, and told as a line per evaluation where it is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from workbench.commands.output import number, tell
from workbench.engine.monitor import SpeedEstimate

#: columns of a terminal that has room for bars
WIDE = 115


@dataclass
class RunView:
    """What is known of one run; steps are environment steps."""

    run_id: int
    seed: int
    total_steps: int
    warm_up_steps: int
    step: int = 0
    updates: int = 0
    phase: str = "queued"
    latest_return: float | None = None
    _speed: SpeedEstimate = field(init=False)

    def __post_init__(self) -> None:
        self._speed = SpeedEstimate(self.total_steps, self.warm_up_steps)

    @property
    def title(self) -> str:
        """The run as users call it."""
        return f"run {self.run_id} (seed {self.seed})"

    def move(self, step: int, updates: int, wall_time: float, phase: str) -> None:
        """The run is at ``step`` now."""
        self.step, self.updates, self.phase = step, updates, phase
        self._speed.add(wall_time, step, updates)

    @property
    def speeds(self) -> tuple[float, float] | None:
        """Environment steps and gradient updates per second; None while nothing moves that could be measured."""
        steps, updates = self._speed.steps_per_second, self._speed.updates_per_second
        return (steps, updates) if steps and updates is not None else None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the budget is spent, as the window says it; None in warm-up and at the very beginning."""
        left = self._speed.remaining()
        return None if left is None else left.seconds

    @property
    def pace(self) -> str:
        """Speeds and time left in words; empty while they are not known."""
        speeds, left = self.speeds, self.seconds_left
        parts = [] if speeds is None else [f"{_rate(speeds[0])} steps/s", f"{_rate(speeds[1])} updates/s"]
        return "  ".join(parts if left is None else [*parts, f"ETA {timedelta(seconds=round(left))}"])


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


class Display(Protocol):
    """Where progress is shown."""

    def show(self, view: RunView) -> None:
        """Draw where a run is."""

    def evaluated(self, view: RunView) -> None:
        """A run was evaluated."""

    def say(self, sentence: str) -> None:
        """Tell something that should not be missed."""

    def close(self) -> None:
        """Nothing follows."""


class Lines:
    """One line per evaluation, for logs and pipes."""

    def show(self, view: RunView) -> None:
        """Nothing: only evaluations are worth a line."""

    def evaluated(self, view: RunView) -> None:
        """The step, the return and the pace."""
        where = f"step {view.step:,} of {view.total_steps:,}"
        tell(f"{view.title}: {where}  evaluation return {number(view.latest_return)}  {view.pace}".rstrip())

    def say(self, sentence: str) -> None:
        """The sentence as a line."""
        tell(sentence)

    def close(self) -> None:
        """Nothing to put away."""


class Bars:
    """One bar per run, redrawn in place; where there is no room for bars, percentages."""

    def __init__(self, console: Console) -> None:
        wide = console.width >= WIDE
        how_far = (BarColumn(bar_width=20), _column("{task.completed:,.0f}/{task.total:,.0f}"))
        self._progress = Progress(
            _column("{task.description}"),
            *(how_far if wide else (_column("{task.percentage:>3.0f}%"),)),
            _column("return {task.fields[evaluation]}"),
            _column("{task.fields[pace]}", "progress.remaining"),
            *((_column("{task.fields[phase]}"),) if wide else ()),
            console=console,
        )
        self._tasks: dict[int, TaskID] = {}
        self._progress.start()

    def show(self, view: RunView) -> None:
        """Move the run's bar."""
        fields: dict[str, Any] = {"evaluation": number(view.latest_return), "pace": view.pace, "phase": view.phase}
        if view.run_id not in self._tasks:
            self._tasks[view.run_id] = self._progress.add_task(view.title, total=view.total_steps, **fields)
        self._progress.update(self._tasks[view.run_id], completed=view.step, **fields)

    def evaluated(self, view: RunView) -> None:
        """Nothing: the bar shows the latest return."""

    def say(self, sentence: str) -> None:
        """The sentence above the bars."""
        self._progress.console.print(sentence, markup=False, highlight=False)

    def close(self) -> None:
        """Leave the bars as they are."""
        self._progress.stop()


def _column(text: str, style: str = "none") -> TextColumn:
    return TextColumn(text, style, markup=False, table_column=Column(no_wrap=True))


def open_display() -> Display:
    """Bars on a terminal, lines elsewhere."""
    console = Console(stderr=True)
    return Bars(console) if console.is_terminal else Lines()
