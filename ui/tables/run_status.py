"""A run's state in words: the state, what belongs to it, and the one sensible thing to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from storage import RunRow, RunState
from ui import format
from ui.live_runs import LiveRuns
from ui.tables.run_item import RunItem

#: what a state's link does
RESUME = "Resume"
_RESUMABLE = (RunState.INTERRUPTED, RunState.PAUSED)


@dataclass(frozen=True)
class StatusWords:
    """``shape`` is a name of ``STATE_TOKENS``; ``detail`` is said more quietly; ``link`` is the action, or empty."""

    shape: str
    word: str
    detail: str = ""
    link: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.word, self.detail, self.link) if part)


def status_words(item: RunItem, live: LiveRuns, now: float) -> StatusWords:
    """How the state of ``item`` is shown at ``now`` (seconds since 1970)."""
    deciding = item.deciding
    states = [live.state(row, now) for row in deciding]
    shape = "silent" if "silent" in states else states[0]
    row = deciding[states.index(shape)]
    word, detail = _words(shape, row, item, live, now)
    if len(deciding) < len(item.rows):
        detail = f"{len(deciding)} of {len(item.rows)}"
    return StatusWords(shape, word, detail, RESUME if item.state in _RESUMABLE else "")


def _words(shape: str, row: RunRow, item: RunItem, live: LiveRuns, now: float) -> tuple[str, str]:
    match shape:
        case "silent":
            heard = live.heard(row)
            return f"Silent for {format.duration(None if heard is None else now - heard)}", ""
        case "running":
            heard = live.heard(row)
            return "Running", "" if heard is None else format.ago(max(now - heard, 0.0))
        case "pausing" | "stopping":
            return shape.capitalize(), "after this step"
        case "finished":
            return "Finished", format.clock(item.best(lambda each: each.active_seconds))
        case "failed":
            return "Failed", row.reason.rstrip(".")
        case "queued":
            return "Queued", _place(min(live.places.get(each.id, 0) for each in item.deciding))
    return shape.capitalize(), ""


def _place(place: int) -> str:
    return "next" if place == 0 else f"number {place + 1}"
