"""The plans of an episode, thinned, as arrays and a document beside the episode's own; and read back.

Format, version 1. A file that holds an episode holds its plans too, if its document has ``plans``:

- the document's ``plans``: ``version``, ``every`` and ``most`` (how they were thinned), ``planner`` (a name of the
  registry), ``settings`` (the planner's, as JSON), ``model`` ("learned" or "true"), ``checkpoint``, ``seed`` (of the
  planner's draws), ``action_names`` and ``scalars`` (extras that are single numbers).
- D decisions were kept: ``plans/decision`` [D] int32, the environment step at which each was made, ascending, and
  ``plans/rounds`` [D] int32, its iterations; together S. What an iteration has once is ``plans/NAME`` [S], of
  :data:`NUMBERS`.
- What has rows is a column: the rows of all iterations one after the other, ``plans/NAME`` [rows, ...], with
  ``plans/NAME.rows`` [S] int32, how many each has, and -1 where it has none at all. :data:`COLUMNS` of a
  :class:`~workbench.planners.base.PlanStep` (candidates, which are the bulk, as float16), ``path``, and
  ``extra.NAME`` for each of its extras.
- ``plans/low`` and ``plans/high`` [A] bound the actions. ``plans/plane_mean`` [latent], ``plans/plane_axes``
  [2, latent] and ``plans/plane_shares`` [2] are the plane of the largest variance of all imagined latents kept; the
  latents themselves are not stored, but the ``path`` [H + 1, 2] of each iteration's plan in that plane is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from workbench.planners import PLANNERS
from workbench.planners.base import PlanStep
from workbench.planners.projection import Projection, principal_plane
from workbench.planners.settings import PlannerSettings
from workbench.settings import SettingsError, from_json, to_json

VERSION = 1
#: of an iteration, single numbers and how they are stored
NUMBERS = {
    "iteration": np.int32,
    "nonfinite": np.int32,
    "plan_return": np.float64,
    "best_return": np.float64,
    "milliseconds": np.float32,
}
#: of an iteration, arrays and how they are stored
COLUMNS = {
    "actions": np.float16,
    "kept": np.int32,
    "returns": np.float32,
    "elites": np.int32,
    "mean": np.float32,
    "std": np.float32,
    "plan": np.float32,
    "rewards": np.float32,
    "best_actions": np.float32,
}
#: extras that have a row of several numbers for each candidate, and are thinned as the candidates are
PER_CANDIDATE = frozenset({"gradient_norm"})
#: imagined latents that the plane is fitted to at most, evenly spread over all
SPANNING = 1000
_OPTIONAL = ("elites", "mean", "std")

Arrays = dict[str, npt.NDArray[Any]]


class PlansDamaged(Exception):
    """Arrays and document do not hold plans as this module stores them; the message says what is wrong."""


@dataclass(frozen=True)
class Thinning:
    """Every so many-th decision is kept, the first one among them, 0: none; of each iteration ``most`` candidates."""

    every: int = 10
    most: int = 32


@dataclass(frozen=True, eq=False)
class Planned:
    """By what plans were made: the planner with its settings, in which model, between which bounds [A] of actions."""

    planner: str
    settings: PlannerSettings
    model: str
    checkpoint: str
    seed: int
    action_names: tuple[str, ...]
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]


class PlanTape:
    """Takes the iterations of one decision after the other and keeps some of them, in little memory."""

    def __init__(self, thinning: Thinning) -> None:
        self.thinning = thinning
        self.made = 0  # decisions so far
        self._decisions: list[tuple[int, list[PlanStep]]] = []

    @property
    def kept(self) -> int:
        """Decisions that are kept."""
        return len(self._decisions)

    @property
    def wants_next(self) -> bool:
        """Whether the next decision will be kept."""
        return self.thinning.every > 0 and self.made % self.thinning.every == 0

    def take(self, step: int, iterations: Sequence[PlanStep]) -> None:
        """The search at environment step ``step`` of the episode, whole."""
        if self.wants_next:
            self._decisions.append((step, [thinned(each, self.thinning.most) for each in iterations]))
        self.made += 1

    def pack(self, by: Planned) -> tuple[Arrays, dict[str, Any]]:
        """Arrays and document, to be stored with the episode's; both empty where nothing was kept."""
        steps = [each for _, iterations in self._decisions for each in iterations]
        if not steps:
            return {}, {}
        latents = np.concatenate([each.latents for each in steps])
        plane = principal_plane(latents[np.unique(np.linspace(0, len(latents) - 1, SPANNING).astype(np.int64))])
        arrays: Arrays = {
            "decision": np.array([step for step, _ in self._decisions], np.int32),
            "rounds": np.array([len(iterations) for _, iterations in self._decisions], np.int32),
            "low": by.low.astype(np.float32),
            "high": by.high.astype(np.float32),
            "plane_mean": plane.mean,
            "plane_axes": plane.axes,
            "plane_shares": plane.shares,
        }
        for name, kind in NUMBERS.items():
            arrays[name] = np.array([getattr(each, name) for each in steps], kind)
        for name, kind in COLUMNS.items():
            arrays |= _column(name, [getattr(each, name) for each in steps], kind)
        arrays |= _column("path", [plane(each.latents) for each in steps], np.float32)
        extras = sorted({name for each in steps for name in each.extras})
        for name in extras:
            arrays |= _column(f"extra.{name}", [each.extras.get(name) for each in steps])
        scalars = [name for name in extras if any(np.ndim(each.extras.get(name, [])) == 0 for each in steps)]
        return {f"plans/{name}": values for name, values in arrays.items()}, {"plans": self._header(by, scalars)}

    def _header(self, by: Planned, scalars: list[str]) -> dict[str, Any]:
        return {
            "version": VERSION,
            "every": self.thinning.every,
            "most": self.thinning.most,
            "planner": by.planner,
            "settings": to_json(by.settings),
            "model": by.model,
            "checkpoint": by.checkpoint,
            "seed": by.seed,
            "action_names": list(by.action_names),
            "scalars": scalars,
        }


def thinned(step: PlanStep, most: int) -> PlanStep:
    """The step with the actions of at most ``most`` candidates, evenly spread over the ranks of their returns.

    The best and the worst are among them. All else stays whole, but for the extras of :data:`PER_CANDIDATE`.
    """
    count = len(step.returns)
    ranked = np.argsort(-step.returns, kind="stable")
    kept = ranked[np.unique(np.linspace(0, count - 1, min(count, max(most, 1))).round().astype(np.int64))]
    extras = {
        name: values[kept] if name in PER_CANDIDATE else np.array(values) for name, values in step.extras.items()
    }
    return replace(step, actions=step.actions[kept], kept=kept, extras=extras)


def _column(name: str, parts: Sequence[Any], kind: npt.DTypeLike | None = None) -> Arrays:
    """The parts' rows one after the other, and how many each has; nothing where every part is None."""
    rows = [None if part is None else np.atleast_1d(np.asarray(part, kind)) for part in parts]
    there = [part for part in rows if part is not None]
    if not there:
        return {}
    counts = [-1 if part is None else len(part) for part in rows]
    return {name: np.concatenate(there), f"{name}.rows": np.array(counts, np.int32)}


@dataclass(frozen=True, eq=False)
class StoredPlans:
    """What :meth:`PlanTape.pack` stored: ``decisions`` [D] are the environment steps of those that were kept."""

    by: Planned
    thinning: Thinning
    decisions: npt.NDArray[np.int32]
    plane: Projection
    #: each iteration of each decision, with the path [H + 1, 2] of its plan in the plane
    steps: tuple[tuple[tuple[PlanStep, npt.NDArray[np.float64]], ...], ...]


def read_plans(arrays: Arrays, document: dict[str, Any]) -> StoredPlans | None:
    """The plans beside an episode; None where there are none. Raises PlansDamaged, also for a newer version's."""
    header = document.get("plans")
    if header is None:
        return None
    if not isinstance(header, dict) or not isinstance(header.get("version"), int):
        raise PlansDamaged("its plans do not say how they are stored")
    if header["version"] > VERSION:
        raise PlansDamaged("its plans were stored by a newer Foresight, with which they can be looked at")
    own = {name.removeprefix("plans/"): values for name, values in arrays.items() if name.startswith("plans/")}
    try:
        by = _planned(header, own)
        steps = list(_steps(own, set(header["scalars"])))
        rounds = [int(each) for each in own["rounds"]]
        ends = np.cumsum([0, *rounds])
        if ends[-1] != len(steps) or len(rounds) != len(own["decision"]) or min(rounds, default=0) < 1:
            raise ValueError("rounds and iterations do not fit")
        grouped = tuple(tuple(steps[begin:end]) for begin, end in pairwise(ends))
        plane = Projection(own["plane_mean"], own["plane_axes"], own["plane_shares"])
        return StoredPlans(by, Thinning(header["every"], header["most"]), own["decision"], plane, grouped)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise PlansDamaged(f"its plans cannot be read ({error})") from error


def _planned(header: dict[str, Any], own: Arrays) -> Planned:
    try:
        kind = cast(type[PlannerSettings], PLANNERS.find(header["planner"]).load_settings())
        settings = from_json(kind, header["settings"])
    except SettingsError as error:
        raise ValueError(f"the settings of its planner: {error}") from error
    return Planned(
        planner=header["planner"],
        settings=settings,
        model=header["model"],
        checkpoint=header["checkpoint"],
        seed=header["seed"],
        action_names=tuple(header["action_names"]),
        low=own["low"],
        high=own["high"],
    )


def _steps(own: Arrays, scalars: set[str]) -> Iterator[tuple[PlanStep, npt.NDArray[np.float64]]]:
    """Every iteration with its path, in order."""
    count = len(own["iteration"])
    columns = {name: _parts(own, name, count) for name in (*COLUMNS, "path")}
    missing = [name for name in (*COLUMNS, "path") if columns[name] is None and name not in _OPTIONAL]
    if missing:
        raise KeyError(missing[0])
    extras = {
        name.removeprefix("extra."): _parts(own, name, count)
        for name in own
        if name.startswith("extra.") and not name.endswith(".rows")
    }
    for at in range(count):
        there = {name: column[at] for name, column in columns.items() if column is not None}
        held = {name: column[at] for name, column in extras.items() if column is not None and column[at] is not None}
        elites = there.get("elites")
        step = PlanStep(
            iteration=int(own["iteration"][at]),
            nonfinite=int(own["nonfinite"][at]),
            plan_return=float(own["plan_return"][at]),
            best_return=float(own["best_return"][at]),
            milliseconds=float(own["milliseconds"][at]),
            actions=there["actions"].astype(np.float32),
            kept=there["kept"].astype(np.int64),
            returns=there["returns"].astype(np.float64),
            elites=None if elites is None else elites.astype(np.int64),
            mean=there.get("mean"),
            std=there.get("std"),
            plan=there["plan"],
            rewards=there["rewards"],
            best_actions=there["best_actions"],
            latents=np.empty((0, len(own["plane_mean"])), np.float32),
            extras={name: values[0] if name in scalars else values for name, values in held.items()},
        )
        yield step, there["path"].astype(np.float64)


def _parts(own: Arrays, name: str, count: int) -> list[Any] | None:
    """A column's part of each iteration, None where it has none; None where there is no such column."""
    if name not in own:
        return None
    values, rows = own[name], own[f"{name}.rows"]
    ends = np.cumsum(np.maximum(rows, 0))
    if len(rows) != count or (count and ends[-1] != len(values)):
        raise ValueError(f"the rows of {name} do not fit")
    return [
        None if size < 0 else values[end - size : end] for size, end in zip(rows.tolist(), ends.tolist(), strict=True)
    ]
