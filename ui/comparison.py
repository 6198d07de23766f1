"""What the panels of the Compare workspace show: the selected runs, grouped, and held against a base.

One :class:`ComparedRuns` is shared by all of them. It follows the selection, reads in a thread of its own, and works
only while a panel watches it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QThreadPool, QTimer, Signal

from storage import Project, RunFilter, RunRow, StorageError
from ui.context import Context
from ui.plots.curve_styles import distinct_style
from ui.series_colors import SeriesColors
from ui.theme import SeriesStyle
from workbench.analysis.comparison import LAST, Comparison, Evaluations, Group, compare_runs

_logger = logging.getLogger(__name__)

_PART = "comparison"
_METRIC = "evaluation/return"
#: ms in which several changes of runs become one reading
_GATHER = 300
#: how many evaluations at the end can make a run's final return
LASTS = (1, 3, 5, 10)


@dataclass(frozen=True)
class _Question:
    """What is to be read and how it is grouped."""

    runs: tuple[int, ...]
    by: str
    base: str
    last: int


@dataclass(frozen=True)
class Compared:
    """The answer; without any group there is no comparison. ``latest`` holds the last value of each metric by run.

    ``problem`` is a sentence, empty when all went well.
    """

    question: _Question
    rows: Mapping[int, RunRow] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    comparison: Comparison | None = None
    evaluations: Mapping[int, Evaluations] = field(default_factory=dict)
    latest: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    problem: str = ""


class ComparedRuns(QObject):
    """``changed`` follows another answer, ``focused`` another group that the user looks at."""

    changed = Signal()
    focused = Signal()
    _done = Signal(int, object)  # from the thread

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._colors = SeriesColors(context)
        self._number = 0
        self._watchers = 0
        self._known: dict[tuple[int, int, str], Evaluations] = {}  # of ended runs, by (run, step, state)
        self.compared: Compared | None = None
        self.focus = ""  # the key of the group that is looked at beside the base
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_GATHER)
        self._soon.timeout.connect(self.read)
        self._done.connect(self._take)

    @classmethod
    def of(cls, context: Context) -> ComparedRuns:
        """The one of a context."""
        found = context.parts.get(_PART)
        if not isinstance(found, cls):
            found = context.parts[_PART] = cls(context)
        return found

    # ---- who looks --------------------------------------------------------------------------------------------------

    def watch(self) -> None:
        """A panel came into sight; the first one makes it read."""
        self._watchers += 1
        if self._watchers == 1:
            self._context.selection.changed.connect(self.read)
            self._context.feed.runs_changed.connect(self._soon.start)
            self.read()

    def unwatch(self) -> None:
        """A panel went out of sight."""
        self._watchers -= 1
        if not self._watchers:
            self._context.selection.changed.disconnect(self.read)
            self._context.feed.runs_changed.disconnect(self._soon.start)
            self._soon.stop()
            self._number += 1

    # ---- what is chosen ---------------------------------------------------------------------------------------------

    @property
    def by(self) -> str:
        """What runs are grouped by."""
        return str(self._chosen("by", "configuration"))

    @property
    def last(self) -> int:
        """How many evaluations at the end make a run's final return."""
        chosen = self._chosen("last", LAST)
        return chosen if chosen in LASTS else LAST

    def choose(self, **values: Any) -> None:
        """Group ``by`` something else, take another ``base`` (a group's key) or other ``last`` evaluations."""
        stored = self._context.preferences.get(self._name, {})
        self._context.preferences.set(self._name, {**(stored if isinstance(stored, dict) else {}), **values})
        self.read()

    def look_at(self, key: str) -> None:
        """Look at this group beside the base."""
        if key != self.focus:
            self.focus = key
            self.focused.emit()

    def _chosen(self, name: str, default: Any) -> Any:
        stored = self._context.preferences.get(self._name, {})
        return stored.get(name, default) if isinstance(stored, dict) else default

    @property
    def _name(self) -> str:
        return f"comparison {self._context.project.folder.resolve()}"

    # ---- reading ----------------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Read what is asked for now; what was asked before is no longer wanted."""
        self._soon.stop()
        if not self._watchers:
            return
        self._number += 1
        number, runs = self._number, tuple(sorted(self._context.selection.runs))
        question = _Question(runs, self.by, str(self._chosen("base", "")), self.last)
        if not runs:
            self._take(number, Compared(question))
            return
        QThreadPool.globalInstance().start(lambda: self._work(number, question))

    def _work(self, number: int, question: _Question) -> None:
        try:
            answer = self._answer(question)
        except StorageError as error:
            answer = Compared(question, problem=str(error))
        except Exception as error:  # the outermost handler of the thread
            _logger.exception("the runs could not be compared")
            answer = Compared(question, problem=f"{type(error).__name__}: {error}")
        with contextlib.suppress(RuntimeError):  # the window is gone
            self._done.emit(number, answer)

    def _answer(self, question: _Question) -> Compared:
        project = self._context.project
        rows = {row.id: row for row in project.runs.page(RunFilter(ids=question.runs, archived=None))}
        if not rows:
            return Compared(question)
        evaluations = {row.id: self._evaluations(project, row) for row in rows.values()}
        grouped = {row.group_id for row in rows.values() if row.group_id is not None}
        given = {number: project.runs.group(number).title for number in grouped}
        comparison = compare_runs(rows.values(), evaluations, given, question.by, question.base, question.last)
        latest = {number: _values(project, number) for number in rows}
        return Compared(question, rows, comparison.groups, comparison, evaluations, latest)

    def _evaluations(self, project: Project, row: RunRow) -> Evaluations:
        key = (row.id, row.step, row.status.value)
        if key not in self._known:
            data = project.series.read(row.id, _METRIC)
            self._known[key] = (data.step.astype(np.float64), data.value.astype(np.float64))
        return self._known[key]

    def _take(self, number: int, answer: Compared) -> None:
        if number != self._number:
            return
        self.compared = answer
        known = dict(self._known)  # the thread of a later question may add to it meanwhile
        self._known = {key: value for key, value in known.items() if key[0] in answer.rows}
        self.changed.emit()

    # ---- look -------------------------------------------------------------------------------------------------------

    def styles(self) -> dict[str, SeriesStyle]:
        """The line of each group by key, as the curves have it."""
        groups = self.compared.groups if self.compared is not None else ()
        rows = [self.compared.rows[group.first.id] for group in groups] if self.compared is not None else []
        taken: set[tuple[int, tuple[int, ...] | None]] = set()
        numbers = self._colors.indices(rows)
        return {
            group.key: distinct_style(self._context.theme, number, taken)
            for group, number in zip(groups, numbers, strict=True)
        }


def _values(project: Project, run_id: int) -> dict[str, float]:
    """The last value of each metric of a run."""
    return {name: value for name, (_, value) in project.series.latest(run_id).items()}
