"""Configurations held against each other: what differs between groups of runs, in words, and what they are called."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from workbench.figures import MISSING
from workbench.presets import find_preset
from workbench.registry import BrokenEntry, UnknownName
from workbench.settings import SettingsError
from workbench.spec import new_spec

Against = Literal["base", "preset", "default"]

#: what a difference of runs is usually not about
IGNORED = ("device", "engine.threads", "engine.checkpoint_seconds", "engine.log_interval")
_WORDS = {"kl term": "KL term", "td3": "TD3", "q action gradient": "Q action gradient"}


class StoredRun(Protocol):
    """What is needed of a stored run; ``spec`` is its JSON, ``status`` a name such as "finished"."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def seed(self) -> int:
        """The seed."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def agent(self) -> str:
        """The agent."""

    @property
    def environment(self) -> str:
        """The task."""

    @property
    def device(self) -> str:
        """Where it ran."""

    @property
    def spec(self) -> dict[str, Any]:
        """The stored RunSpec."""

    @property
    def content_hash(self) -> str:
        """Equal for runs that differ in seed, device and budget alone."""

    @property
    def total_steps(self) -> int:
        """Budget, environment steps including warm-up."""

    @property
    def group_id(self) -> int | None:
        """The group that it was queued in."""

    @property
    def study(self) -> str | None:
        """The study that it is part of."""

    @property
    def preset(self) -> str | None:
        """The preset that it was made from."""

    @property
    def status(self) -> str:
        """Its state."""

    @property
    def reason(self) -> str:
        """Why it is in that state, where there is a reason."""

    @property
    def step(self) -> int:
        """Environment steps done."""

    @property
    def active_seconds(self) -> float:
        """Training time so far, in seconds."""

    @property
    def versions(self) -> dict[str, Any]:
        """Versions of the libraries that ran it."""


def stored_settings(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of a stored spec by dotted path; reads also what this Foresight has no agent for."""
    parts = {name: _table(spec.get(name)) for name in ("settings", "engine", "environment_options")}
    engine = {f"engine.{name}": value for name, value in parts["engine"].items()}
    options = {f"environment.{name}": value for name, value in parts["environment_options"].items()}
    return {**parts["settings"], "total_steps": spec.get("total_steps"), **engine, **options}


def _table(value: Any) -> dict[str, Any]:
    """A part of a spec; an imported run's may lack it."""
    return value if isinstance(value, dict) else {}


def configuration(run: StoredRun) -> dict[str, Any]:
    """Everything that was chosen for a run but its seed, by dotted path."""
    chosen = {"agent": run.agent, "environment": run.environment, "device": run.device}
    return {**chosen, **stored_settings(run.spec), "total_steps": run.total_steps}


def reference_configuration(run: StoredRun, against: Against) -> dict[str, Any]:
    """What a run's configuration is held against: its preset's, or its agent's defaults, for the run's task.

    Empty where the preset or agent is not installed here. Raises ValueError for "base", which is a run's own.
    """
    if against == "base":
        raise ValueError("a base is a run's own configuration")
    try:
        if against == "preset" and run.preset is not None:
            return find_preset(run.preset).spec(agent=run.agent, environment=run.environment).flat()
        return new_spec(run.agent, run.environment).flat()
    except (UnknownName, SettingsError, BrokenEntry):
        return {}


@dataclass(frozen=True)
class DifferenceRow:
    """One setting: its dotted `path`, its value in each column, and whether that differs from the first column's."""

    path: str
    values: tuple[Any, ...]
    changed: tuple[bool, ...]


@dataclass(frozen=True)
class DifferenceTable:
    """Settings that differ between columns, and the others: equal ones, and those not asked for."""

    rows: tuple[DifferenceRow, ...]
    equal: tuple[DifferenceRow, ...]
    ignored: tuple[DifferenceRow, ...]


def difference_table(
    columns: Sequence[Mapping[str, Any]], ignore: Collection[str] = IGNORED
) -> DifferenceTable:
    """Configurations side by side, the first being what the others are held against.

    A path that a configuration lacks reads None there. Of `ignore` a path counts, and so does everything under one
    that ends in a dot ("engine.").
    """
    paths = dict.fromkeys(path for column in columns for path in column)
    sorted_rows: dict[str, list[DifferenceRow]] = {"differ": [], "equal": [], "ignored": []}
    for path in paths:
        values = tuple(column.get(path) for column in columns)
        row = DifferenceRow(path, values, tuple(value != values[0] for value in values))
        kind = "ignored" if _is_ignored(path, ignore) else "differ" if any(row.changed) else "equal"
        sorted_rows[kind].append(row)
    return DifferenceTable(*(tuple(sorted_rows[kind]) for kind in ("differ", "equal", "ignored")))


def _is_ignored(path: str, ignore: Collection[str]) -> bool:
    return any(path == each or (each.endswith(".") and path.startswith(each)) for each in ignore)


def label(path: str) -> str:
    """A setting's name in words: "KL term", "Rollout length"."""
    name = path.rpartition(".")[2].strip("_").replace("_", " ")
    return _WORDS.get(name, name[:1].upper() + name[1:])


def value_words(value: Any) -> str:
    """A setting's value in words: "on", "12,000", "—" for one that a configuration lacks."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return ", ".join(map(value_words, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def variant_name(values: Mapping[str, Any], base: Mapping[str, Any], ignore: Collection[str] = IGNORED) -> str:
    """What a configuration is called beside a base: "No KL term", "Rollout length 1, Actor loss td3"; empty for the
    base's own."""
    parts = []
    for row in difference_table((base, values), ignore).rows:
        name, value = label(row.path), row.values[1]
        if isinstance(value, bool):
            quiet = name if name.startswith(tuple(_WORDS.values())) else name[:1].lower() + name[1:]
            parts.append(name if value else f"No {quiet}")
        elif row.path in ("environment", "agent"):
            parts.append(str(value))
        else:
            parts.append(f"{name} {value_words(value)}")
    return ", ".join(parts)
