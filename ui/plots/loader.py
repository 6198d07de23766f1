"""Reads series and makes curves of them in a thread of its own; what is no longer wanted is dropped."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Signal

from storage import Project, RunRow, RunState, SeriesData, StorageError, UnknownRun
from ui.plots.choices import CurveChoices
from ui.plots.curve import Curve
from ui.plots.grouping import Member, build_curve, curve_key
from ui.plots.series_cache import LivePoint, SeriesCache

_logger = logging.getLogger(__name__)

#: up to so many runs are read one by one; more are found in one page of the table
_FEW_RUNS = 4
#: of so many runs, those selected last, the metrics are offered
_ASKED = 100
_LIVE = (RunState.RUNNING, RunState.PAUSING, RunState.STOPPING)


#: key and name of the group that each run belongs to, by run number
Variants = Mapping[int, tuple[str, str]]


@dataclass(frozen=True)
class Loaded:
    """What was asked for, and the curves by metric. ``problem`` is a sentence, empty when all went well."""

    runs: tuple[int, ...]
    choices: CurveChoices
    rows: dict[int, RunRow]
    curves: dict[str, list[Curve]]
    metrics: tuple[str, ...]
    problem: str = ""
    seconds: float = 0.0


@dataclass
class _Job:
    runs: tuple[int, ...]
    choices: CurveChoices
    variants: Variants | None = None
    live: list[tuple[int, str, LivePoint]] = field(default_factory=list)
    forget: set[int] = field(default_factory=set)
    touch: bool = False


class CurveLoader(QObject):
    """At most one job runs, at most one waits: a newer request replaces the one that waits."""

    loaded = Signal(object)  # Loaded

    def __init__(self, project: Project, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = _Work(project)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="curves")
        self._next: _Job | None = None
        self._busy = False
        self._closed = False
        self._live: list[tuple[int, str, LivePoint]] = []
        self._forget: set[int] = set()
        self._touch = False
        self._done.connect(self._finish)

    _done = Signal(object)  # from the thread

    @property
    def busy(self) -> bool:
        """Whether something is being read."""
        return self._busy

    def request(self, runs: Iterable[int], choices: CurveChoices, variants: Variants | None = None) -> None:
        """Ask for the curves of runs; ``loaded`` tells. ``variants`` group them otherwise than they were queued."""
        if self._closed:
            return
        self._next = _Job(tuple(runs), choices, variants)
        if not self._busy:
            self._begin()

    def append(self, run_id: int, metric: str, point: LivePoint) -> None:
        """A point that an event told of; it is drawn with the next request."""
        self._live.append((run_id, metric, point))

    def refresh(self) -> None:
        """Read states and newly committed points again with the next request."""
        self._touch = True

    def forget(self, runs: Iterable[int]) -> None:
        """Read everything of these runs anew with the next request: they were taken back to a checkpoint."""
        self._forget |= set(runs)

    def close(self) -> None:
        """No more jobs; waits for the one that runs."""
        self._closed = True
        self._next = None
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _begin(self) -> None:
        job, self._next = self._next, None
        if job is None:
            return
        job.live, self._live = self._live, []
        job.forget, self._forget = self._forget, set()
        job.touch, self._touch = self._touch, False
        self._busy = True
        self._pool.submit(self._run, job)

    def _run(self, job: _Job) -> None:
        result = self._work(job)
        with contextlib.suppress(RuntimeError):  # the window is gone
            self._done.emit(result)

    def _finish(self, result: Loaded) -> None:
        self._busy = False
        if self._closed:
            return
        wanted = self._next
        if wanted is None or (wanted.runs, wanted.choices) == (result.runs, result.choices):
            self.loaded.emit(result)
        self._begin()


class _Work:
    """The thread's side: caches of rows, series and curves."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._cache = SeriesCache(project)
        self._rows: dict[int, RunRow] = {}
        self._names: dict[int, str] = {}
        self._metrics: dict[int, tuple[str, ...]] = {}
        self._curves: dict[tuple[str, str], tuple[CurveChoices, str, bool, tuple[SeriesData, ...], Curve]] = {}

    def __call__(self, job: _Job) -> Loaded:
        begin = time.perf_counter()
        try:
            result = self._load(job)
        except StorageError as error:
            result = Loaded(job.runs, job.choices, {}, {}, (), str(error))
        except Exception as error:  # the outermost handler of the thread
            _logger.exception("the curves could not be made")
            result = Loaded(job.runs, job.choices, {}, {}, (), f"{type(error).__name__}: {error}")
        return Loaded(**(vars(result) | {"seconds": time.perf_counter() - begin}))

    def _load(self, job: _Job) -> Loaded:
        for run_id in job.forget:
            self._cache.forget(run_id)
        for run_id, metric, point in job.live:
            self._cache.add(run_id, metric, [point])
        if job.touch or job.forget:
            self._read_rows_again(job.runs)
        self._read_rows(job.runs)
        self._cache.keep_only(job.runs, job.choices.metrics)
        rows = {run_id: self._rows[run_id] for run_id in job.runs if run_id in self._rows}
        groups: dict[str, list[RunRow]] = {}
        if job.variants is None or not job.choices.grouped:
            for row in rows.values():
                groups.setdefault(curve_key(row, job.choices), []).append(row)
            labels = self._labels(groups, job.choices)
        else:
            labels = dict(job.variants.values())
            for run_id in sorted(rows.keys() & job.variants.keys()):  # a variant is as old as its oldest run
                groups.setdefault(job.variants[run_id][0], []).append(rows[run_id])
        curves = {metric: self._make(metric, groups, labels, job.choices) for metric in job.choices.metrics}
        self._curves = {key: value for key, value in self._curves.items() if key[1] in groups}
        return Loaded(job.runs, job.choices, rows, curves, self._known_metrics(rows))

    def _make(
        self, metric: str, groups: dict[str, list[RunRow]], labels: dict[str, str], choices: CurveChoices
    ) -> list[Curve]:
        made = []
        # Other small plots, or a logarithmic axis, do not make other curves.
        relevant = choices.changed(metric="", small=(), log=False, clip=0.0)
        for key, rows in groups.items():
            series = [(row, self._cache.series(row.id, metric)) for row in rows]
            members = [Member(row, data) for row, data in series if len(data)]
            if not members:
                continue
            live = any(row.status in _LIVE for row in rows)
            data = tuple(member.data for member in members)
            known = self._curves.get((metric, key))
            if known is None or known[:3] != (relevant, labels[key], live) or not _same(known[3], data):
                curve = build_curve(key, labels[key], members, choices, live=live)
                known = self._curves[metric, key] = (relevant, labels[key], live, data, curve)
            made.append(known[4])
        return made

    def _read_rows_again(self, runs: tuple[int, ...]) -> None:
        """New states; the series of runs that train, or did until now, may have grown."""
        before, self._rows = self._rows, {}
        self._read_rows(runs)
        for run_id, row in self._rows.items():
            trained = run_id in before and before[run_id].status in _LIVE
            if row.status in _LIVE and not trained:
                self._cache.forget(run_id)  # it was resumed, and may have been taken back to a checkpoint
            elif trained:
                self._cache.touch(run_id)

    def _read_rows(self, runs: tuple[int, ...]) -> None:
        missing = [run_id for run_id in runs if run_id not in self._rows]
        if len(missing) > _FEW_RUNS:
            wanted = set(missing)
            self._rows |= {row.id: row for row in self._project.runs.page() if row.id in wanted}
        for run_id in missing:
            if run_id not in self._rows:
                with contextlib.suppress(UnknownRun):
                    self._rows[run_id] = self._project.runs.get(run_id)

    def _labels(self, groups: dict[str, list[RunRow]], choices: CurveChoices) -> dict[str, str]:
        """Names of groups and runs; where two are the same, the number of the first run is added."""
        labels = {key: self._name(rows, choices) for key, rows in groups.items()}
        taken = list(labels.values())
        return {
            key: f"{label} #{groups[key][0].id}" if taken.count(label) > 1 else label for key, label in labels.items()
        }

    def _name(self, rows: list[RunRow], choices: CurveChoices) -> str:
        row = rows[0]
        if row.group_id is None or len(rows) == 1 or not choices.grouped:
            return row.name
        if row.group_id not in self._names:
            self._names[row.group_id] = self._project.runs.group(row.group_id).name
        return self._names[row.group_id]

    def _known_metrics(self, rows: dict[int, RunRow]) -> tuple[str, ...]:
        rows = dict(list(rows.items())[-_ASKED:])
        for run_id, row in rows.items():
            if run_id not in self._metrics or row.status in _LIVE:
                self._metrics[run_id] = self._project.series.metrics(run_id)
        return tuple(sorted({name for run_id in rows for name in self._metrics[run_id]}))


def _same(first: tuple[SeriesData, ...], second: tuple[SeriesData, ...]) -> bool:
    return len(first) == len(second) and all(one is other for one, other in zip(first, second, strict=True))
