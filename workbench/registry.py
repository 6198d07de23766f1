"""Lazy tables of what can be picked by name: agents, planners, analyses.

An entry is two import strings, one for the class and one for its settings, so that forms and the command line work
without importing torch. Other packages add entries through the entry-point group ``foresight.plugins``: an entry point
named ``agents.NAME`` points to the class, ``agents.NAME.settings`` to its settings.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from workbench.settings import Settings

GROUP = "foresight.plugins"

#: kind -> its table; import strings, because the tables lie above this module
_TABLES = {"agent": "workbench.agents:AGENTS", "planner": "workbench.planners:PLANNERS"}


class UnknownName(ValueError):
    """A name that no entry has; the message lists the nearest ones."""


class BrokenEntry(ImportError):
    """An entry whose module cannot be imported or lacks the class; the message says which and why."""


@dataclass(frozen=True)
class Entry:
    """One thing that can be picked: ``target`` and ``settings`` are ``package.module:Class``."""

    target: str
    settings: str
    title: str

    def load(self) -> Any:
        """Import and return the class. Raises BrokenEntry."""
        return _resolve(self.target)

    def load_settings(self) -> type[Settings]:
        """Import and return the settings class. Raises BrokenEntry."""
        settings = _resolve(self.settings)
        if not (isinstance(settings, type) and issubclass(settings, Settings)):
            raise BrokenEntry(f"{self.settings} is no settings dataclass; derive it from workbench.settings.Settings")
        return settings


class Registry:
    """Name -> :class:`Entry`, with the built-in table first and plugins after it."""

    def __init__(self, kind: str, table: dict[str, Entry]) -> None:
        self.kind = kind
        self._table = table

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries())

    def entries(self) -> dict[str, Entry]:
        """Every entry by name. A plugin cannot replace a built-in."""
        return {**self._table, **{name: entry for name, entry in self._plugins().items() if name not in self._table}}

    def find(self, name: str) -> Entry:
        """The entry called ``name``. Raises UnknownName with near matches, BrokenEntry for half a plugin."""
        if name in self._table:
            return self._table[name]  # looking through what is installed takes a form's whole patience
        entries = self.entries()
        if name in entries:
            return entries[name]
        if any(point.name == f"{self.kind}s.{name}" for point in entry_points(group=GROUP)):
            missing = f"{self.kind}s.{name}.settings"
            raise BrokenEntry(f"the plugin {name} lacks the entry point {missing!r}; its package must declare it")
        near = difflib.get_close_matches(name, list(entries), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(entries)}"
        raise UnknownName(f"{self.kind}: there is no {self.kind} called {name!r}; {hint}")

    def _plugins(self) -> dict[str, Entry]:
        prefix = f"{self.kind}s."
        found = {point.name: point for point in entry_points(group=GROUP) if point.name.startswith(prefix)}
        entries: dict[str, Entry] = {}
        for full_name, point in found.items():
            name = full_name.removeprefix(prefix)
            settings = found.get(full_name + ".settings")
            if settings is not None:
                entries[name] = Entry(point.value, settings.value, f"{name} (plugin)")
        return entries


def _resolve(target: str) -> Any:
    module_name, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except Exception as error:  # a plugin's module may fail in any way
        message = f"{target} cannot be loaded: {error}; check that its package is installed and up to date"
        raise BrokenEntry(message) from error


def registry(kind: str) -> Registry:
    """The table of one kind of thing (``agent``)."""
    table: Registry = _resolve(_TABLES[kind])
    return table
