"""How commands speak: results on stdout, everything else on stderr, and with ``--json`` one document on stdout."""

from __future__ import annotations

import argparse
import json
import math
import shlex
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

    from storage import RunRow

class WrongUsage(Exception):
    """What was asked for cannot be done; one sentence per problem, naming the field and what would be right."""

    def __init__(self, problems: Iterable[object]) -> None:
        self.problems = tuple(str(problem) for problem in problems)
        super().__init__("; ".join(self.problems))


@dataclass(frozen=True)
class Report:
    """What an analysis found: ``document`` for ``--json``, with its key figures under ``summary``; ``lines`` for
    people; ``arrays`` and ``document`` for the project."""

    document: dict[str, Any]
    lines: tuple[str, ...]
    arrays: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)


def check_counts(arguments: argparse.Namespace, names: Iterable[str]) -> None:
    """Raise WrongUsage for every option of ``names`` that is given and below 1."""
    given = {name: getattr(arguments, name) for name in names}
    low = [(name.replace("_", "-"), value) for name, value in given.items() if value is not None and value < 1]
    if low:
        raise WrongUsage([f"--{name}: {value} is below 1; expected 1 or more" for name, value in low])


def check_seed(arguments: argparse.Namespace) -> None:
    """Raise WrongUsage for a ``--seed`` below 0; not every command has one."""
    seed = getattr(arguments, "seed", None)
    if seed is not None and seed < 0:
        raise WrongUsage([f"--seed: {seed} is below 0; expected 0 or more"])


#: of a run's row, what only ``show`` tells
DETAILS = ("spec", "versions", "host", "fault")


def say(text: str) -> None:
    """A line of a result."""
    print(text)


def tell(text: str) -> None:
    """A line about what goes on, on stderr."""
    print(text, file=sys.stderr)


def complain(text: str) -> None:
    """A line on stderr that says what is wrong."""
    print(f"error: {text}", file=sys.stderr)


def print_document(document: Any) -> None:
    """One strict JSON document on stdout; what is not a finite number is null."""
    print(json.dumps(finite(document), indent=1, allow_nan=False))


def finite(value: Any) -> Any:
    """A document for strict JSON: what is not a finite number is None."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def run_record(row: RunRow) -> dict[str, Any]:
    """A run as JSON, without the details."""
    return {name: value for name, value in asdict(row).items() if name not in DETAILS}


def table_console() -> Console:
    """A rich console on stdout that takes text as it is, and as much width as it likes where nobody looks."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    return Console(width=None if terminal else 160, markup=False, highlight=False, emoji=False)


def as_command(arguments: argparse.Namespace, *words: object) -> str:
    """A ``foresight`` command line for the same project."""
    project = () if arguments.project is None else ("--project", arguments.project)
    return shlex.join(["foresight", *map(str, (*project, *words))])


def number(value: float | None) -> str:
    """A return or another number for people."""
    return "-" if value is None else f"{value:,.1f}"


def duration(seconds: float) -> str:
    """Seconds as ``12 s``, ``4 min 10 s``, ``3 h 05 min`` or ``3 d 4 h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def moment(seconds: float | None) -> str:
    """Seconds since 1970 as local date and time."""
    return "-" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def size(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count / 1e3:,.1f} kB"
