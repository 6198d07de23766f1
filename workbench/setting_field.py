"""One field of settings: what it admits in words, and how text becomes its value.

This module imports no torch: forms work before it is loaded.
"""

from __future__ import annotations

import contextlib
import typing
from dataclasses import dataclass
from typing import Any

from workbench.schedule import Schedule


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field, as a sentence that names what would be right."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class SettingsError(ValueError):
    """Settings that cannot be used; ``problems`` names each field and what would be right."""

    def __init__(self, found: typing.Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in found))
        self.problems = tuple(found)


@dataclass(frozen=True)
class Field:
    """One field, flattened: everything that a form, a flag or a diff needs to know of it.

    ``kind``: ``bool``, ``int``, ``float``, ``str``, ``ints``, ``schedule``, ``choice`` (which of several settings).
    """

    path: str
    kind: str
    default: Any
    help: str
    unit: str
    low: float | None
    high: float | None
    above: float | None
    log: bool
    choices: tuple[str, ...] | None
    ablation: bool
    tries: tuple[Any, ...]
    source: str
    group: str
    structural: bool

    @property
    def range_text(self) -> str:
        """The admissible values in words, for messages and tooltips."""
        if self.choices is not None:
            return "one of " + ", ".join(self.choices)
        noun = {
            "bool": "true or false",
            "int": "a whole number",
            "float": "a number",
            "str": "text",
            "ints": "whole numbers separated by commas",
            "schedule": "a number or linear(start, end, steps)",
        }[self.kind]
        bounds = []
        if self.above is not None:
            bounds.append(f"above {self.above:g}")
        if self.low is not None:
            bounds.append(f"at least {self.low:g}")
        if self.high is not None:
            bounds.append(f"at most {self.high:g}")
        return noun + (" " + " and ".join(bounds) if bounds else "")


def parse(field: Field, value: Any) -> Any:
    """Turn text (from a form or a flag) or a JSON value into the field's type.

    Raises:
        SettingsError: names the field and what it admits.
    """
    try:
        return _parse(field.kind, value)
    except (KeyError, ValueError, TypeError, OverflowError):
        message = f"{value!r} is not valid; expected {field.range_text}"
        raise SettingsError([Problem(field.path, message)]) from None


_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _parse(kind: str, value: Any) -> Any:
    if kind == "bool":
        return value if isinstance(value, bool) else _WORDS[str(value).strip().lower()]
    if isinstance(value, bool):
        raise ValueError(value)
    if kind == "int":
        if isinstance(value, int):
            return value
        if isinstance(value, str):
            with contextlib.suppress(ValueError):
                return int(value)  # exact, also beyond what a float holds
        number = float(value.replace("_", "")) if isinstance(value, str) else float(value)
        return int(number) if number == int(number) else _refuse(value)
    if kind == "float":
        return float(value)
    if kind == "ints":
        items = [item for item in value.strip("[]() ").split(",") if item.strip()] if isinstance(value, str) else value
        return tuple(_parse("int", item) for item in items)
    if kind == "schedule":
        return value if isinstance(value, Schedule) else Schedule.parse(str(value))
    return value if isinstance(value, str) else _refuse(value)


def _refuse(value: Any) -> typing.NoReturn:
    raise ValueError(value)
