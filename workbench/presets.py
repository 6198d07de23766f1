"""Presets: named runs to begin from, one TOML file each in ``assets/presets``.

A preset names agent, environment, seeds and settings (dotted as everywhere: ``engine.log_interval``), and may set some
of them differently per environment, as papers do.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import json
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.registry import UnknownName
from workbench.settings import Settings, SettingsError, chosen, fields_of, parse
from workbench.spec import RunSpec, agent_settings, new_spec

#: beside the package, in a checkout and where it is installed
FOLDER = Path(__file__).parents[1] / "assets" / "presets"
#: what a run begins from when nothing else is said
DEFAULT = "alm-authors"


class PresetError(ValueError):
    """A preset's file that cannot be used; the message names file and key."""


@dataclass(frozen=True)
class Preset:
    """A named run to begin from.

    ``values`` are settings by dotted path; ``environments`` holds those that differ for one environment, by its name.
    """

    name: str
    title: str
    description: str
    agent: str
    environment: str
    seeds: tuple[int, ...] = (1,)
    values: Mapping[str, Any] = field(default_factory=dict)
    environments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def spec(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        agent: str | None = None,
        environment: str | None = None,
        seeds: tuple[int, ...] | None = None,
        device: str = "auto",
    ) -> RunSpec:
        """The run that this preset means, with ``values`` on top of it.

        Another ``agent``, or what ``values`` choose among several settings (another planner), takes over the preset's
        settings that it has too and that mean something there (``batch_size``, ``planner.horizon``, ...).

        Raises:
            workbench.registry.UnknownName: no such agent.
            workbench.settings.SettingsError: a field is unknown or out of range.
        """
        agent = self.agent if agent is None else agent
        environment = self.environment if environment is None else environment
        own = {**self.values, **self.environments.get(environment, {})}
        merged = {**own, **(values or {})}
        settings = agent_settings(agent)
        if agent != self.agent or chosen(settings, own) != chosen(settings, merged):
            merged = {**_fitting(own, chosen(settings, merged)), **(values or {})}
        return new_spec(agent, environment, merged, seeds=seeds or self.seeds, device=device, preset=self.name)


def _fitting(own: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Of a preset's values those that other settings have too and can read."""
    fields = {field.path: field for field in fields_of(type(settings), settings)}
    fitting = {path: value for path, value in own.items() if path.startswith(("engine.", "environment."))}
    for path in own.keys() & fields.keys():
        with contextlib.suppress(SettingsError):
            parse(fields[path], own[path])
            fitting[path] = own[path]
    return fitting


def read_presets(folder: Path = FOLDER) -> tuple[dict[str, Preset], dict[str, PresetError]]:
    """Every preset of ``folder`` by name, the default one first, and what is wrong with those that cannot be used."""
    sound: dict[str, Preset] = {}
    damaged: dict[str, PresetError] = {}
    for path in sorted(folder.glob("*.toml"), key=lambda path: (path.stem != DEFAULT, path.stem)):
        try:
            sound[path.stem] = read_preset(path)
        except PresetError as error:
            damaged[path.stem] = error
    return sound, damaged


def load_presets(folder: Path = FOLDER) -> dict[str, Preset]:
    """Every preset of ``folder`` that can be used, by name, the default one first."""
    return read_presets(folder)[0]


def as_command(spec: RunSpec) -> str:
    """The command line that starts the same runs: the preset, and every setting that differs from it."""
    words = ["foresight", "train"]
    presets = load_presets()
    preset = presets.get(spec.preset or "")
    usual_preset = presets.get(DEFAULT)
    if preset is None and usual_preset is not None and spec.agent == usual_preset.agent:
        preset = usual_preset  # which a command that names no preset begins from
    if preset is not None:
        base = preset.spec(agent=spec.agent, environment=spec.environment)
        words += ["--preset", preset.name]
    else:
        base = new_spec(spec.agent, spec.environment)
    if preset is None or spec.agent != preset.agent:
        words += ["--agent", spec.agent]
    if preset is None or spec.environment != preset.environment:
        words += ["--env", spec.environment]
    usual = base.flat()
    for path, value in spec.flat().items():
        if path not in ("agent", "environment", "device") and usual.get(path) != value:
            words += ["--set", f"{path}={_typed(value)}"]
    words += ["--seeds", ",".join(map(str, spec.seeds)), "--device", spec.device]
    return shlex.join(words)


def _typed(value: Any) -> str:
    """A flat value as one types it after ``--set path=``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return json.dumps(value) if any(isinstance(item, bool | str) for item in value) else ",".join(map(str, value))
    return str(value)


def find_preset(name: str, folder: Path = FOLDER) -> Preset:
    """The preset called ``name``. Raises workbench.registry.UnknownName with near matches, and PresetError."""
    presets, damaged = read_presets(folder)
    if name in presets:
        return presets[name]
    if name in damaged:
        raise damaged[name]
    near = difflib.get_close_matches(name, list(presets), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(presets)}"
    raise UnknownName(f"preset: there is no preset called {name!r}; {hint}")


def read_preset(path: Path) -> Preset:
    """One preset's file, with its settings tried out for each of its environments. Raises PresetError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PresetError(f"{path}: cannot be read: {error}") from error
    return _parsed(path, text)


@functools.lru_cache(maxsize=64)
def _parsed(path: Path, text: str) -> Preset:
    """What a preset's file says; kept, because a form asks for all of them with every key. Raises PresetError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PresetError(f"{path}: cannot be read as TOML: {error}") from error
    found = list(_problems(document))
    if found:
        raise PresetError("; ".join(f"{path}: {problem}" for problem in found))
    preset = Preset(
        name=path.stem,
        title=document["title"],
        description=document["description"].strip(),
        agent=document["agent"],
        environment=document["environment"],
        seeds=tuple(document.get("seeds", (1,))),
        values=_flat(document.get("settings", {})),
        environments={name: _flat(values) for name, values in document.get("environments", {}).items()},
    )
    for environment in (preset.environment, *preset.environments):
        try:
            preset.spec(environment=environment)
        except (SettingsError, UnknownName) as error:
            raise PresetError(f"{path}: for {environment}: {error}") from error
    return preset


_NEEDED = {"title": str, "description": str, "agent": str, "environment": str}
_OPTIONAL = {"seeds": list, "settings": dict, "environments": dict}
_NOUNS = {str: "text", list: "a list of whole numbers", dict: "a table"}


def _problems(document: Mapping[str, Any]) -> Iterator[str]:
    known = {**_NEEDED, **_OPTIONAL}
    for key in document:
        if key not in known:
            yield f"{key}: there is no such key; there are {', '.join(known)}"
    for key, kind in known.items():
        if key not in document:
            if key in _NEEDED:
                yield f"{key}: is missing; expected {_NOUNS[kind]}"
        elif not isinstance(document[key], kind):
            yield f"{key}: {document[key]!r} is not valid; expected {_NOUNS[kind]}"
    seeds = document.get("seeds", [])
    if isinstance(seeds, list) and any(type(seed) is not int for seed in seeds):
        yield f"seeds: {seeds} is not valid; expected {_NOUNS[list]}"
    environments = document.get("environments", {})
    for name, values in environments.items() if isinstance(environments, dict) else ():
        if not isinstance(values, dict):
            yield f"environments.{name}: {values!r} is not valid; expected a table of settings"


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as dotted paths."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
