"""What a comparison says, in sentences; each is computed from the same figures as the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.analysis.comparison import Comparison, Result
from workbench.analysis.references import references_for
from workbench.figures import count, number, plural, spread

#: seeds from which on intervals are taken without a warning
ENOUGH = 5
_COUNTED = ("No", "One", "Two", "Three", "Four")


@dataclass(frozen=True)
class Finding:
    """A sentence; ``kind`` says what it rests on: the runs, something missing, or a publication."""

    kind: Literal["found", "missing", "published"]
    text: str


def findings(comparison: Comparison) -> tuple[Finding, ...]:
    """What the comparison says: clear differences, the largest first, then what cannot be told, what is missing, and
    what was published."""
    return (*_clear(comparison), *_unclear(comparison), *_missing(comparison), *_published(comparison))


def _clear(comparison: Comparison) -> list[Finding]:
    base, found = comparison.base, []
    for result in comparison.others:
        against = comparison.against[result.group.key]
        if against.clear and against.paired is not None and against.paired.interval is not None:
            found.append((abs(against.paired.mean), result, against.paired, against.clear))
    found.sort(key=lambda each: -each[0])
    sentences = []
    for place, (size, result, paired, clear) in enumerate(found):
        assert paired.interval is not None
        most = " and differs most" if not place and len(found) > 1 else ""
        direction = "better" if clear > 0 else "worse"
        interval = f"{number(paired.interval.low)} to {number(paired.interval.high)}"
        sentences.append(
            f"{result.name} is clearly {direction} than {base.name}{most}: by about {about(size)} "
            f"(95 % interval of the paired difference {interval}, {plural(paired.pairs, 'seed')})."
        )
    return [Finding("found", sentence) for sentence in sentences]


def _unclear(comparison: Comparison) -> list[Finding]:
    names = [
        (result.name, against.paired.pairs)
        for result in comparison.others
        if (against := comparison.against[result.group.key]).paired is not None
        and against.paired.interval is not None
        and not against.clear
    ]
    if not names:
        return []
    seeds = sorted({pairs for _, pairs in names})
    most = plural(seeds[0], "seed") if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    listed = _list([name for name, _ in names])
    return [Finding("found", f"{listed} cannot be told from {comparison.base.name} with {most}.")]


def _missing(comparison: Comparison) -> list[Finding]:
    sentences = []
    if not comparison.others:
        sentences.append(f"{comparison.base.name} stands alone: choose runs of a second variant to hold against it.")
    for result in comparison.results:
        if not result.states:
            continue
        states = ", ".join(f"{amount} {state}" for state, amount in sorted(result.states.items()))
        counted = f"{result.count} of {plural(result.total, 'seed')} counted"
        failed = next((run for run in result.group.runs if run.status == "failed" and run.reason), None)
        why = f" Seed {failed.seed} failed at step {count(failed.step)}: {failed.reason.rstrip('.')}." if failed else ""
        sentences.append(f"{result.name}: {counted} ({states}).{why}")
    return [Finding("missing", sentence) for sentence in sentences]


def _published(comparison: Comparison) -> list[Finding]:
    base = comparison.base
    if base.mean is None:
        return []
    run, found = base.group.first, []
    for reference in references_for([run.environment]):
        steps, returns = reference.curve()
        reached = np.flatnonzero(steps <= run.total_steps)
        if not len(reached):
            continue
        at = returns[:, reached[-1]]
        found.append(
            f"Published, {reference.title}: {number(float(at.mean()))} {spread(float(at.std(ddof=1)))} over "
            f"{plural(len(at), 'seed')} at step {count(steps[reached[-1]])}; {base.name} here: "
            f"{number(base.mean)} {spread(base.deviation)} at step {count(run.total_steps)}. ({reference.source})"
        )
    return [Finding("published", sentence) for sentence in found]


def few_seeds_warning(comparison: Comparison) -> str:
    """The warning under a table whose groups have fewer than five seeds; empty where they have enough, or none."""
    fewest = comparison.fewest
    if not 0 < fewest < ENOUGH:
        return ""
    if fewest == 1:
        return f"One seed says nothing about chance. {_seeds_words(comparison)} to see how much seeds differ."
    halves = [
        against.paired.interval.half
        for against in comparison.against.values()
        if against.paired is not None and against.paired.interval is not None
    ]
    trust = f"trust differences below about {about(float(np.median(halves)))}" if halves else "trust small differences"
    words = _COUNTED[fewest]
    return f"{words} seeds: intervals are wide and the bootstrap is coarse. {_seeds_words(comparison)} to {trust}."


def missing_seeds(comparison: Comparison) -> tuple[int, ...]:
    """Seeds to be added so that every group has five: the smallest numbers that none of its runs has."""
    used = {run.seed for result in comparison.results for run in result.group.runs}
    fewest = min((result.total for result in comparison.results if result.count), default=ENOUGH)
    wanted = max(ENOUGH - fewest, 0)
    free = (seed for seed in range(1, max(used, default=0) + wanted + 1) if seed not in used)
    return tuple(seed for seed, _ in zip(free, range(wanted), strict=False))


def _seeds_words(comparison: Comparison) -> str:
    seeds = [str(seed) for seed in missing_seeds(comparison)]
    if not seeds:
        return "Wait for the seeds that are not finished"
    return f"Add seed{'s' if len(seeds) > 1 else ''} {_list(seeds)}"


def about(value: float) -> str:
    """A size to two figures: "1,200", "84", "0.031"."""
    return number(float(f"{value:.2g}"))


def _list(names: Sequence[str]) -> str:
    """"a", "a and b", "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def seeds_words(result: Result) -> str:
    """"3 of 3", and what the others do: "1 of 3, 1 running, 1 failed"."""
    states = [f"{amount} {state}" for state, amount in sorted(result.states.items())]
    return ", ".join([f"{result.count} of {result.total}", *states])
