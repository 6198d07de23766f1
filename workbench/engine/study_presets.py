"""The paper's studies, one TOML file each in ``assets/studies``: a base preset and the variants beside it."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.engine.study_plan import StudyPlan, Variant
from workbench.presets import PresetError, find_preset
from workbench.registry import UnknownName
from workbench.settings import Problem, SettingsError

#: beside the package, in a checkout and where it is installed
FOLDER = Path(__file__).parents[2] / "assets" / "studies"


@dataclass(frozen=True)
class StudyPreset:
    """A named study; ``source`` is the figure or table, ``values`` are settings over the preset ``base``."""

    name: str
    title: str
    description: str
    source: str
    base: str
    environment: str
    seeds: tuple[int, ...]
    variants: tuple[Variant, ...]
    values: Mapping[str, Any] = field(default_factory=dict)

    def plan(
        self,
        *,
        name: str | None = None,
        base: str | None = None,
        values: Mapping[str, Any] | None = None,
        environment: str | None = None,
        seeds: tuple[int, ...] | None = None,
        device: str = "auto",
    ) -> StudyPlan:
        """The study with whatever is given in place of its own; another ``base`` keeps its own task and budget.

        Raises:
            workbench.registry.UnknownName: no such base preset.
            SettingsError: a field or a variant will not do.
        """
        preset, usual = find_preset(base or self.base), find_preset(self.base)
        if preset.agent != usual.agent:
            message = f"{preset.name} is a preset of {preset.agent}, but this study varies settings of {usual.agent}"
            raise SettingsError([Problem("base", f"{message}; expected one of its presets, such as {usual.name}")])
        own = dict(self.values) if base in (None, self.base) else {}
        where = environment or (self.environment if base in (None, self.base) else preset.environment)
        spec = preset.spec({**own, **(values or {})}, environment=where, seeds=seeds or self.seeds, device=device)
        # A variant that is what this base does anyway would be the base once more.
        flat = spec.flat()
        different = tuple(
            variant
            for variant in self.variants
            if any(flat.get(path) != value for path, value in variant.changes.items())
        )
        plan = StudyPlan(name or self.name, replace(spec, seeds=seeds or self.seeds), different, self.name)
        plan.check()
        return plan


def load_study_presets(folder: Path = FOLDER) -> dict[str, StudyPreset]:
    """Every study of ``folder`` by name, in the order of the files' names. Raises PresetError."""
    return {path.stem: read_study_preset(path) for path in sorted(folder.glob("*.toml"), key=_place)}


def _place(path: Path) -> tuple[bool, list[int], str]:
    """Figures by their number, then tables."""
    numbers = [int(part.rstrip("abc")) for part in path.stem.split("-") if part.rstrip("abc").isdigit()]
    return not path.stem.startswith("fig"), numbers, path.stem


def find_study_preset(name: str, folder: Path = FOLDER) -> StudyPreset:
    """The study called ``name``. Raises UnknownName with near matches, and PresetError."""
    found = load_study_presets(folder)
    if name in found:
        return found[name]
    near = difflib.get_close_matches(name, list(found), n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(found)}"
    raise UnknownName(f"preset: there is no study called {name!r}; {hint}")


_KEYS = {"title", "description", "source", "base", "environment", "seeds", "variants"}


def read_study_preset(path: Path) -> StudyPreset:
    """One study's file, tried out. Raises PresetError."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        unknown = set(document) - _KEYS - {"settings"}
        if unknown:
            raise PresetError(f"{path}: {', '.join(sorted(unknown))}: there is no such key; there are {sorted(_KEYS)}")
        preset = StudyPreset(
            name=path.stem,
            title=document["title"],
            description=document["description"].strip(),
            source=document["source"],
            base=document["base"],
            environment=document["environment"],
            seeds=tuple(document["seeds"]),
            variants=tuple(Variant(each["name"], dict(each["set"])) for each in document["variants"]),
            values=dict(document.get("settings", {})),
        )
        preset.plan()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PresetError(f"{path}: cannot be read as TOML: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise PresetError(f"{path}: {error} is missing or of the wrong kind") from error
    except (SettingsError, UnknownName) as error:
        raise PresetError(f"{path}: {error}") from error
    return preset
