"""Published curves (`assets/reference/`): which there are for a task, their numbers and where those come from."""

from __future__ import annotations

import csv
import functools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parents[2] / "assets" / "reference"


@dataclass(frozen=True)
class Reference:
    """A published curve of one task: `title` for legends, `source` in full, the `metric` that it is a curve of.

    `environments` are the tasks that it may be shown beside. `warm_up_steps` are the environment steps that came before
    the train steps that were published.
    """

    name: str
    title: str
    metric: str
    environments: tuple[str, ...]
    warm_up_steps: int
    source: str
    file: Path

    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Environment steps including warm-up [n], and the returns [seeds, n]."""
        return _read(self.file, self.warm_up_steps)


def references(folder: Path = FOLDER) -> tuple[Reference, ...]:
    """Every published curve of a folder, in the order of its index."""
    with (folder / "index.toml").open("rb") as stream:
        index = tomllib.load(stream)
    return tuple(
        Reference(
            name,
            entry["title"],
            entry["metric"],
            tuple(entry["environments"]),
            int(entry["warm_up_steps"]),
            entry["source"],
            folder / f"{name}.csv",
        )
        for name, entry in index.items()
    )


def references_for(environments: Iterable[str]) -> tuple[Reference, ...]:
    """The published curves that may be shown beside runs of these tasks: those of all of them, since a return of one
    task says nothing beside that of another."""
    wanted = set(environments)
    return tuple(each for each in _known() if wanted and wanted <= set(each.environments))


@functools.cache
def _known() -> tuple[Reference, ...]:
    return references()


@functools.cache
def _read(file: Path, warm_up_steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    numbers = np.array(rows, dtype=np.float64)
    return numbers[:, 0] + warm_up_steps, np.ascontiguousarray(numbers[:, 1:].T)
