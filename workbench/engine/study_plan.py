"""What an ablation study is made of: a base, variants of it, seeds; and how far its runs are. Needs no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any, Protocol

from workbench.analysis.configuration import label, variant_name
from workbench.engine.duration import Duration, PastRun, estimate
from workbench.settings import Field, Problem, SettingsError, fields_of, flatten, parse
from workbench.spec import RunSpec, check_seeds

#: what the variant that changes nothing is called
BASE = "Base"
#: states of a run that nobody works at and that has not done what it should
LEFT = ("failed", "interrupted", "stopped", "paused")


@dataclass(frozen=True)
class Variant:
    """What one arm of a study changes in the base, by dotted path."""

    name: str
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class LeftOut:
    """A combination that cannot be run, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class StudyPlan:
    """``base`` (whose seeds and budget all share) and the variants beside it; ``preset`` is the study preset's name."""

    name: str
    base: RunSpec
    variants: tuple[Variant, ...] = ()
    preset: str | None = None

    @property
    def arms(self) -> tuple[Variant, ...]:
        """The base as a variant that changes nothing, then the others."""
        return (Variant(BASE, {}), *self.variants)

    @property
    def runs(self) -> int:
        """How many runs it makes."""
        return len(self.arms) * len(self.base.seeds)

    def spec(self, variant: Variant, seeds: tuple[int, ...] | None = None) -> RunSpec:
        """The runs of one arm. Raises SettingsError."""
        return replace(self.base.changed(variant.changes), seeds=seeds or self.base.seeds)

    def check(self) -> None:
        """Raise SettingsError for every seed, name and variant that will not do."""
        found = list(check_seeds(self.base.seeds))
        if not self.name.strip():
            found.append(Problem("name", "a study needs a name, such as terms"))
        names = Counter(arm.name for arm in self.arms)
        found += [Problem("variants", f"{name} is there twice") for name, count in names.items() if count > 1]
        for variant in self.variants:
            try:
                self.spec(variant)
            except SettingsError as error:
                found += [Problem(problem.field, f"{variant.name}: {problem.message}") for problem in error.problems]
        if found:
            raise SettingsError(found)

    def definition(self) -> dict[str, Any]:
        """The JSON that the project keeps beside the variants."""
        return {"version": 1, "base": self.base.to_json(), "preset": self.preset}

    @classmethod
    def read(cls, name: str, definition: Mapping[str, Any], variants: Iterable[Variant]) -> StudyPlan:
        """The way back; ``variants`` without the base. Raises SettingsError when the definition cannot be used."""
        if definition.get("version") != 1:
            message = "its base is not in this project, or was written by a newer Foresight"
            raise SettingsError([Problem(f"study {name}", message)])
        base = RunSpec.from_json(definition["base"])
        return cls(name, base, tuple(variants), definition.get("preset"))


# ---- which variants -------------------------------------------------------------------------------------------------


def ablation_fields(base: RunSpec) -> list[Field]:
    """The fields of the base's agent that a study can vary, in the form's order."""
    return [field for field in fields_of(type(base.settings), base.settings) if field.ablation]


def tries(field: Field, base: RunSpec) -> tuple[Any, ...]:
    """The values that a study tries for ``field`` beside the base's."""
    present = flatten(base.settings)[field.path]
    others: Sequence[Any] = field.tries
    if not others:
        others = (True, False) if field.kind == "bool" else field.choices or ()
    return tuple(value for value in others if value != present)


def parse_toggle(text: str, base: RunSpec) -> tuple[str, tuple[Any, ...]]:
    """``kl_term`` or ``rollout_length=1,2,5`` as path and values. Raises SettingsError naming what there is."""
    path, _, values = text.partition("=")
    path = path.strip()
    known = {field.path: field for field in ablation_fields(base)}
    if path not in known:
        message = f"{path!r} is no ablation of {base.agent}; there are {', '.join(known)}"
        raise SettingsError([Problem("toggle", message)])
    return path, parse_values(known[path], values, base) if values.strip() else tries(known[path], base)


def parse_values(field: Field, text: str, base: RunSpec) -> tuple[Any, ...]:
    """Values separated by commas (a schedule is one), each once, without the base's. Raises SettingsError."""
    parts = [text] if field.kind == "schedule" else [part for part in text.split(",") if part.strip()]
    values = dict.fromkeys(parse(field, part.strip()) for part in parts)
    return tuple(value for value in values if value != flatten(base.settings)[field.path])


def each_alone(base: RunSpec, toggles: Mapping[str, Sequence[Any]]) -> list[Variant]:
    """One variant for each value of each toggled field (path -> values)."""
    return [_variant(base, {path: value}) for path, values in toggles.items() for value in values]


def all_pairs(base: RunSpec, toggles: Mapping[str, Sequence[Any]]) -> list[Variant]:
    """Each alone, then every two values of different fields together."""
    pairs = [
        _variant(base, {one: first, other: second})
        for (one, firsts), (other, seconds) in combinations(toggles.items(), 2)
        for first, second in product(firsts, seconds)
    ]
    return each_alone(base, toggles) + pairs


def all_together(base: RunSpec, toggles: Mapping[str, Sequence[Any]]) -> list[Variant]:
    """Every toggled field changed at once: one variant for each choice of their values."""
    if not toggles:
        return []
    return [_variant(base, dict(zip(toggles, values, strict=True))) for values in product(*toggles.values())]


def fitting(base: RunSpec, variants: Iterable[Variant]) -> tuple[tuple[Variant, ...], tuple[LeftOut, ...]]:
    """Those that can be run, and those that cannot, with the reason."""
    good: list[Variant] = []
    bad: list[LeftOut] = []
    for variant in variants:
        try:
            base.changed(variant.changes)
            good.append(variant)
        except SettingsError as error:
            problem = error.problems[0]
            bad.append(LeftOut(variant.name, f"{label(problem.field)}: {problem.message}"))
    return tuple(good), tuple(bad)


def _variant(base: RunSpec, changes: Mapping[str, Any]) -> Variant:
    flat = base.flat()
    return Variant(variant_name({**flat, **changes}, flat), dict(changes))


# ---- how far it is --------------------------------------------------------------------------------------------------


class StudyRun(Protocol):
    """What is needed of a stored run of a study."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def seed(self) -> int:
        """The seed."""

    @property
    def group_id(self) -> int | None:
        """The group of its variant."""

    @property
    def status(self) -> str:
        """Its state."""

    @property
    def step(self) -> int:
        """Environment steps done."""

    @property
    def total_steps(self) -> int:
        """Its budget."""


class StudyVariant(Protocol):
    """What is needed of a stored variant."""

    @property
    def group_id(self) -> int:
        """The group of its runs."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def changes(self) -> dict[str, Any]:
        """What it changes in the base."""


@dataclass(frozen=True)
class VariantProgress:
    """The newest run of each seed of one variant, by seed, and the seeds that have none."""

    name: str
    group_id: int
    changes: Mapping[str, Any]
    runs: tuple[StudyRun, ...]
    missing: tuple[int, ...]

    @property
    def states(self) -> Counter[str]:
        """How many runs are in each state, by its name."""
        return Counter(str(run.status) for run in self.runs)

    @property
    def left(self) -> tuple[StudyRun, ...]:
        """Runs that nobody works at and that have not done what they should."""
        return tuple(run for run in self.runs if run.status in LEFT)


def progress(
    variants: Iterable[StudyVariant], runs: Iterable[StudyRun], seeds: Sequence[int]
) -> tuple[VariantProgress, ...]:
    """How far each variant is; ``runs`` are the study's that are not in the bin."""
    newest: dict[int, dict[int, StudyRun]] = {}
    for run in sorted(runs, key=lambda run: run.id):
        if run.group_id is not None:
            newest.setdefault(run.group_id, {})[run.seed] = run
    found = []
    for variant in variants:
        own = newest.get(variant.group_id, {})
        missing = tuple(seed for seed in seeds if seed not in own)
        runs_by_seed = tuple(own[seed] for seed in sorted(own))
        found.append(VariantProgress(variant.name, variant.group_id, variant.changes, runs_by_seed, missing))
    return tuple(found)


def duration_of(
    plan: StudyPlan, host: str, past: Sequence[PastRun], at_once: int, found: Iterable[VariantProgress] | None = None
) -> Duration | None:
    """Seconds for the runs that a plan still needs, ``at_once`` at a time; None when a run of it cannot be judged.

    ``found`` is how far it is (None: nothing was done yet). Judged by ``past`` runs on the machine ``host``.
    """
    shares = {arm.name: float(len(plan.base.seeds)) for arm in plan.arms}
    for variant in found or ():
        done = sum(1.0 if run.status == "finished" else run.step / run.total_steps for run in variant.runs)
        shares[variant.name] = max(len(variant.runs) + len(variant.missing) - done, 0.0)
    parts = []
    for arm in plan.arms:
        if not shares[arm.name]:
            continue
        judged = estimate(plan.spec(arm).flat(), host, past)
        if judged is None:
            return None
        parts.append((judged, shares[arm.name] / max(at_once, 1)))
    return Duration(
        seconds=sum(judged.seconds * share for judged, share in parts),
        low=sum(judged.low * share for judged, share in parts),
        high=sum(judged.high * share for judged, share in parts),
        runs=min((judged.runs for judged, _ in parts), default=0),
        alike=all(judged.alike for judged, _ in parts),
    )
