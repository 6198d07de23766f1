"""Runs held against each other: grouped, each group's figures over its seeds, and differences to a base.

Only finished runs count. A seed's figure is the mean over its finished runs in the group. What a group is shown as
depends on its own runs alone; only its difference to the base depends on the base.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.configuration import StoredRun, configuration, label, value_words, variant_name
from workbench.analysis.estimates import (
    Interval,
    Paired,
    area_under_curve,
    bootstrap_interval,
    interquartile_mean,
    paired_difference,
    probability_of_improvement,
    standard_deviation,
    standard_error,
)
from workbench.figures import plural

Values = NDArray[np.float64]
#: environment steps [n] and evaluation returns [n] of a run
Evaluations = tuple[Values, Values]

#: evaluations at the end whose mean is a run's final return
LAST = 3
#: what runs can be grouped by, beside any setting: name -> words
GROUPINGS = {
    "configuration": "All but the seed",
    "group": "As they were queued",
    "run": "Every run by itself",
    "agent": "Agent",
    "environment": "Environment",
    "preset": "Preset",
}
_FINISHED = "finished"
_LIVE = ("queued", "running", "pausing", "paused", "stopping")


@dataclass(frozen=True)
class Group:
    """Runs that are one variant, by seed; of one task and budget, whatever else they were grouped by."""

    key: str
    runs: tuple[StoredRun, ...]

    @property
    def first(self) -> StoredRun:
        """The oldest run; what all runs share is read from it, and its colour is the group's."""
        return min(self.runs, key=lambda run: run.id)


def group_runs(runs: Iterable[StoredRun], by: str = "configuration") -> tuple[Group, ...]:
    """The groups of some runs, the one with the oldest run first; ``by`` is a name of `GROUPINGS` or a setting's path.

    Runs of different tasks or budgets are never one group: their returns cannot be averaged.
    """
    members: dict[str, list[StoredRun]] = {}
    for run in sorted(runs, key=lambda run: run.id):
        members.setdefault(_key(run, by), []).append(run)
    return tuple(Group(key, tuple(sorted(each, key=lambda run: (run.seed, run.id)))) for key, each in members.items())


def _key(run: StoredRun, by: str) -> str:
    own: dict[str, Callable[[], Any]] = {
        "configuration": lambda: run.content_hash,
        "group": lambda: f"run {run.id}" if run.group_id is None else run.group_id,
        "run": lambda: run.id,
        "agent": lambda: run.agent,
        "environment": lambda: run.environment,
        "preset": lambda: run.preset,
    }
    value = own[by]() if by in own else configuration(run).get(by)
    return f"{by}={value} · {run.environment} · {run.total_steps}"


def group_names(
    groups: Sequence[Group], base: Group, by: str = "configuration", given: Mapping[int, str] | None = None
) -> dict[str, str]:
    """What each group is called, by key; no two alike.

    Grouped by a setting, it is that setting's value. Otherwise it is the name that its runs were queued under
    (``given`` by group number, else the run's own) where that tells the groups apart, else what differs from the base.
    """
    names = {group.key: _name(group, by, given or {}) for group in groups}
    if len(set(names.values())) < len(groups):
        chosen = configuration(base.first)
        for group in groups:
            words = variant_name(configuration(group.first), chosen)
            names[group.key] = words or names[group.key]
    repeated = Counter(names.values())
    return {
        group.key: f"{names[group.key]} #{group.first.id}" if repeated[names[group.key]] > 1 else names[group.key]
        for group in groups
    }


def _name(group: Group, by: str, given: Mapping[int, str]) -> str:
    first = group.first
    if by in ("agent", "environment"):
        return str(getattr(first, by))
    if by == "preset":
        return first.preset or "no preset"
    if by == "run":
        return first.name
    if by not in GROUPINGS:
        return f"{label(by)} {value_words(configuration(first).get(by))}"
    queued_as = given.get(first.group_id) if first.group_id is not None and len(group.runs) > 1 else None
    return queued_as or first.name


@dataclass(frozen=True)
class Result:
    """What a group came to. Figures are None without a finished run; a spread needs two.

    ``finals`` and ``areas`` are by seed: the mean of a run's last evaluations, and the mean height of its curve.
    ``states`` counts the runs that have not finished, by state; ``strata`` are the seeds' finals by configuration.
    """

    group: Group
    name: str
    finals: Mapping[int, float]
    areas: Mapping[int, float]
    states: Mapping[str, int]
    strata: tuple[tuple[float, ...], ...]

    @property
    def count(self) -> int:
        """Seeds that count."""
        return len(self.finals)

    @property
    def total(self) -> int:
        """Seeds there are."""
        return len({run.seed for run in self.group.runs})

    @property
    def waiting(self) -> int:
        """Runs that may still finish by themselves."""
        return sum(count for state, count in self.states.items() if state in _LIVE)

    @cached_property
    def mean(self) -> float | None:
        """Mean final return over seeds."""
        return float(np.mean(self._values)) if self.finals else None

    @cached_property
    def deviation(self) -> float | None:
        """Its sample standard deviation."""
        return standard_deviation(self._values)

    @cached_property
    def error(self) -> float | None:
        """The standard error of the mean."""
        return standard_error(self._values)

    @cached_property
    def middle(self) -> float | None:
        """The interquartile mean of the final returns."""
        return float(interquartile_mean(self._values)) if self.finals else None

    @cached_property
    def interval(self) -> Interval | None:
        """The 95 % bootstrap interval of the mean, stratified by configuration."""
        return bootstrap_interval(self.strata)

    @cached_property
    def area(self) -> float | None:
        """Mean height of the evaluation curve, mean over seeds."""
        return float(np.mean(list(self.areas.values()))) if self.areas else None

    @property
    def _values(self) -> list[float]:
        return list(self.finals.values())


def group_result(group: Group, name: str, evaluations: Mapping[int, Evaluations], last: int = LAST) -> Result:
    """A group's figures from the evaluations of its runs by run number; a run's last ``last`` make its final return.

    A finished run without evaluations does not count.
    """
    finals: dict[int, list[float]] = {}
    areas: dict[int, list[float]] = {}
    strata: dict[str, dict[int, list[float]]] = {}
    for run in group.runs:
        steps, returns = evaluations.get(run.id, (np.empty(0), np.empty(0)))
        finite = np.isfinite(returns)
        steps, returns = steps[finite], returns[finite]
        if run.status != _FINISHED or not len(returns):
            continue
        final = float(returns[-last:].mean())
        finals.setdefault(run.seed, []).append(final)
        strata.setdefault(run.content_hash, {}).setdefault(run.seed, []).append(final)
        area = area_under_curve(steps, returns)
        if area is not None:
            areas.setdefault(run.seed, []).append(area)
    states = Counter(str(run.status) for run in group.runs if run.status != _FINISHED)
    # A seed that was run twice says no more of chance than once.
    by_configuration = tuple(tuple(_means(part).values()) for part in strata.values())
    return Result(group, name, _means(finals), _means(areas), dict(states), by_configuration)


def last_values(group: Group, latest: Mapping[int, Mapping[str, float]], metric: str) -> float | None:
    """The mean over seeds of the last value of a metric in the finished runs of a group; None where none has it.

    ``latest`` holds the last value of each metric by run number.
    """
    found: dict[int, list[float]] = {}
    for run in group.runs:
        value = latest.get(run.id, {}).get(metric)
        if run.status == _FINISHED and value is not None and np.isfinite(value):
            found.setdefault(run.seed, []).append(value)
    return float(np.mean(list(_means(found).values()))) if found else None


def training_time(group: Group) -> float | None:
    """Mean training time of the finished runs of a group, in seconds; None without one."""
    seconds = [run.active_seconds for run in group.runs if run.status == _FINISHED]
    return float(np.mean(seconds)) if seconds else None


def _means(values: Mapping[int, Sequence[float]]) -> dict[int, float]:
    return {seed: float(np.mean(found)) for seed, found in values.items()}


@dataclass(frozen=True)
class Against:
    """A group against the base: the paired difference, the probability of improvement, and the verdict in words.

    These are about final returns; ``area`` is the paired difference of the areas under the curves. ``clear`` is +1 for
    better, -1 for worse, 0 where it cannot be told.
    """

    paired: Paired | None
    improvement: float | None
    verdict: str
    clear: int = 0
    area: Paired | None = None


@dataclass(frozen=True)
class Comparison:
    """Results, the first being the base's, and each of them against the base, by the group's key."""

    results: tuple[Result, ...]
    against: Mapping[str, Against]
    last: int

    @property
    def base(self) -> Result:
        """What the others are held against."""
        return self.results[0]

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups, the one with the oldest run first."""
        return tuple(sorted((result.group for result in self.results), key=lambda group: group.first.id))

    @property
    def others(self) -> tuple[Result, ...]:
        """All but the base."""
        return self.results[1:]

    @property
    def fewest(self) -> int:
        """Seeds of the group that has fewest, among those that have any."""
        return min((result.count for result in self.results if result.count), default=0)


def compare_runs(
    runs: Iterable[StoredRun],
    evaluations: Mapping[int, Evaluations],
    given: Mapping[int, str],
    by: str = "configuration",
    base_key: str = "",
    last: int = LAST,
) -> Comparison:
    """Group runs and hold the groups against the one with this key, or against the one with the oldest run.

    ``evaluations`` are by run number, ``given`` names of groups by their number. Raises ValueError without runs.
    """
    groups = group_runs(runs, by)
    if not groups:
        raise ValueError("there is nothing to compare")
    base = next((group for group in groups if group.key == base_key), groups[0])
    names = group_names(groups, base, by, given)
    return compare([group_result(group, names[group.key], evaluations, last) for group in groups], base.key, last)


def compare(results: Sequence[Result], base_key: str, last: int = LAST) -> Comparison:
    """Hold results against the one with this key, which comes first; without it, against the first there is.

    Raises ValueError without results.
    """
    if not results:
        raise ValueError("there is nothing to compare")
    base = next((result for result in results if result.group.key == base_key), results[0])
    ordered = (base, *(result for result in results if result is not base))
    return Comparison(ordered, {result.group.key: _against(result, base) for result in ordered}, last)


def _against(result: Result, base: Result) -> Against:
    if result is base:
        return Against(None, None, "base")
    if not result.finals:
        words = f"waits for {plural(result.waiting, 'seed')}" if result.waiting else "no seed finished"
        return Against(None, None, words)
    for field, words in (("environment", "another task"), ("total_steps", "another budget")):
        if getattr(result.group.first, field) != getattr(base.group.first, field):
            return Against(None, None, words)
    if not base.finals:
        return Against(None, None, "base not finished")
    improvement = probability_of_improvement(list(result.finals.values()), list(base.finals.values()))
    paired = paired_difference(result.finals, base.finals)
    if paired is None:
        return Against(None, improvement, "no seed in common")
    verdict, clear = _verdict(paired)
    return Against(paired, improvement, verdict, clear, paired_difference(result.areas, base.areas))


def _verdict(paired: Paired) -> tuple[str, int]:
    if paired.interval is None:
        return "one pair tells nothing", 0
    if not paired.interval.excludes_zero:
        return "no clear difference", 0
    return ("clearly better", 1) if paired.mean > 0 else ("clearly worse", -1)
