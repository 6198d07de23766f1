"""What the panel of curves says while it has none to show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ui import format as text
from ui.context import Context
from ui.controls.empty_state import Step
from ui.plots.loader import Loaded
from workbench import metrics

#: shown at most as next steps
_PROPOSALS = 2


@dataclass(frozen=True)
class Words:
    """The arguments of ``EmptyState.say``."""

    icon: str
    title: str
    text: str = ""
    steps: tuple[Step, ...] = ()
    token: str = "text3"


def nothing_selected(context: Context) -> Words:
    """No run is selected."""
    steps: list[Step] = []
    newest = context.project.runs.page(limit=1)
    if newest:
        steps.append(("Select the newest run", lambda: context.selection.select([newest[0].id])))
    if any(action.id == "file.new_run" for action in context.actions):
        steps.append(("New run", lambda: context.actions.trigger("file.new_run")))
    words = "Click a run in the table below to see its curves. Ctrl+click adds another."
    return Words("diagnose", "No runs selected.", words, tuple(steps))


def reading(runs: int) -> Words:
    """It takes a while."""
    return Words("clock", f"Reading {text.plural(runs, 'run')}.")


def broken(problem: str, again: Callable[[], object]) -> Words:
    """The storage, or the making of curves, failed."""
    return Words("warn", "The curves cannot be read.", problem, (("Try again", again),), "bad")


def no_points(loaded: Loaded, show: Callable[[str], object]) -> Words:
    """None of the selected runs has the metric."""
    if not loaded.rows:
        return Words("diagnose", "The selected runs are gone.", "They were deleted. Select others in the table below.")
    title = f"No points of {metrics.describe(loaded.choices.metric).title} yet."
    others = [info for infos in metrics.in_families(list(loaded.metrics)).values() for info in infos][:_PROPOSALS]
    if not others:
        return Words("clock", title, "Curves begin with the first episode, loss or evaluation of a run.")
    steps: list[Step] = [(f"Show {info.title}", partial(show, info.name)) for info in others]
    return Words("diagnose", title, "The selected runs have logged other metrics so far.", tuple(steps))
