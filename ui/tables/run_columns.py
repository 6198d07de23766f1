"""The columns of the run table: title, width, what they show and what they are sorted by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from storage import RunRow
from ui import format
from ui.live_runs import LiveRuns
from ui.tables.run_item import RunItem
from ui.tables.run_status import status_words

#: (item, live, now) -> the cell's text
Text = Callable[[RunItem, LiveRuns, float], str]


@dataclass(frozen=True)
class RunColumn:
    """``width`` is in px at scale 100 %, ``sort`` a field of the storage's lines."""

    id: str
    title: str
    width: int
    sort: str
    text: Text
    help: str


def _shared(read: Callable[[RunRow], str | None]) -> Text:
    return lambda item, live, now: item.shared(read)


def _moment(read: Callable[[RunRow], float | None]) -> Text:
    return lambda item, live, now: format.moment(item.first(read), now)


def _seeds(item: RunItem, live: LiveRuns, now: float) -> str:
    return str(item.row.seed if item.child else len(item.rows))


def _return(item: RunItem, live: LiveRuns, now: float) -> str:
    return format.with_spread(item.mean(lambda row: row.latest_return), item.spread)


_RUN_LIKE = (
    RunColumn("run", "Run", 248, "name", lambda item, live, now: item.name, "Name, star and tags"),
    RunColumn(
        "status",
        "Status",
        162,
        "status",
        lambda item, live, now: str(status_words(item, live, now)),
        "What the run is doing, and when it was last heard of",
    ),
    RunColumn(
        "environment",
        "Environment",
        108,
        "environment",
        _shared(lambda row: row.environment),
        "The task that the agent learns",
    ),
)
_FIGURES = (
    RunColumn("seeds", "Seeds", 54, "seeds", _seeds, "How many seeds; inside a group which one"),
    RunColumn(
        "step",
        "Step",
        132,
        "step",
        lambda item, live, now: format.count(item.step(live)),
        "Environment steps done, warm-up included, and the part of the budget; the mean over the seeds",
    ),
    RunColumn(
        "return",
        "Return, last",
        118,
        "latest_return",
        _return,
        "Return of the last evaluation: mean ± standard deviation over the seeds",
    ),
    RunColumn(
        "best",
        "Best",
        62,
        "best_return",
        lambda item, live, now: format.number(item.best(lambda row: row.best_return)),
        "The best evaluation of any seed",
    ),
    RunColumn(
        "speed",
        "Steps/s",
        62,
        "steps_per_second",
        lambda item, live, now: format.number(item.speed),
        "Environment steps per second when last heard of: the running seeds together, else the mean over the seeds",
    ),
    RunColumn("started", "Started", 78, "started", _moment(lambda row: row.started), "When the first seed began"),
    RunColumn(
        "duration",
        "Duration",
        78,
        "active_seconds",
        lambda item, live, now: format.clock(item.best(lambda row: row.active_seconds)),
        "Time spent training, pauses left out; the longest of the seeds",
    ),
    RunColumn(
        "updates",
        "Updates",
        84,
        "updates",
        lambda item, live, now: format.count(item.mean(lambda row: row.updates)),
        "Gradient updates done, the mean over the seeds",
    ),
    RunColumn("created", "Created", 84, "created", _moment(lambda row: row.created), "When it was put into the queue"),
)
_DETAILS = (
    RunColumn("agent", "Agent", 80, "agent", _shared(lambda row: row.agent), "The algorithm"),
    RunColumn("device", "Device", 70, "device", _shared(lambda row: row.device), "Where it runs"),
    RunColumn("note", "Note", 160, "note", _shared(lambda row: row.note.partition("\n")[0]), "What was noted"),
    RunColumn(
        "group",
        "Group",
        140,
        "group",
        lambda item, live, now: item.group.name if item.group else "",
        "The group that the run belongs to",
    ),
    RunColumn("preset", "Preset", 96, "preset", _shared(lambda row: row.preset), "What its settings began from"),
)
COLUMNS = (*_RUN_LIKE, *_FIGURES, *_DETAILS)
#: columns whose text stands at the right
FIGURES = frozenset(column.id for column in _FIGURES)
#: what is shown unless the user chose otherwise, in this order
DEFAULT_COLUMNS = ("run", "status", "environment", "seeds", "step", "return", "best", "speed", "started")
#: column id -> its place in the model
PLACE = {column.id: place for place, column in enumerate(COLUMNS)}
#: what stays at less than this width (px at scale 100 %)
NARROW_WIDTH = 640
NARROW_COLUMNS = ("run", "status", "step", "return")
