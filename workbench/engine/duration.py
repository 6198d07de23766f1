"""How long a run will take, judged by earlier runs on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

#: settings that decide the cost of an update
COSTLY = ("batch_size", "hidden_size", "model_hidden_size", "latent_size", "rollout_length", "updates_per_step")


@dataclass(frozen=True)
class PastRun:
    """What an earlier run tells: its flat spec, host, and how long its steps took."""

    values: Mapping[str, Any]
    host: str
    steps: int
    active_seconds: float


@dataclass(frozen=True)
class Duration:
    """Seconds for one seed: the expectation, its range, and how many earlier runs it rests on."""

    seconds: float
    low: float
    high: float
    runs: int
    alike: bool


class StoredRun(Protocol):
    """What is needed of a stored run."""

    @property
    def agent(self) -> str:
        """The agent."""

    @property
    def spec(self) -> dict[str, Any]:
        """The stored RunSpec."""

    @property
    def host(self) -> dict[str, Any]:
        """Where it ran."""

    @property
    def status(self) -> str:
        """Its state."""

    @property
    def step(self) -> int:
        """Environment steps done."""

    @property
    def active_seconds(self) -> float:
        """Training time so far."""


def past_runs(rows: Iterable[StoredRun]) -> list[PastRun]:
    """Those of the stored runs that can be judged by: finished and stopped ones."""
    ended = [row for row in rows if row.status in ("finished", "stopped")]
    return [
        PastRun(
            {"agent": row.agent, **row.spec.get("settings", {})}, row.host.get("name", ""), row.step, row.active_seconds
        )
        for row in ended
    ]


def estimate(values: Mapping[str, Any], host: str, past: Iterable[PastRun]) -> Duration | None:
    """Judge by runs of the same agent and cost on this host; else scale other sizes of the same agent by their cost.

    ``values`` is a flat spec (``RunSpec.flat``). None when there is nothing to judge by.
    """
    same_agent = [run for run in past if run.host == host and run.values.get("agent") == values["agent"]]
    timed = [run for run in same_agent if _learning_steps(run.values, run.steps) > 200 and run.active_seconds > 0]
    alike = [run for run in timed if all(run.values.get(name) == values.get(name) for name in COSTLY)]
    chosen = alike or timed
    if not chosen:
        return None
    own = cost(values)
    rates = [run.active_seconds / _learning_steps(run.values, run.steps) * own / cost(run.values) for run in chosen]
    steps = _learning_steps(values, int(values["total_steps"]))
    seconds = steps * median(rates)
    if alike:
        low, high = 0.85 * steps * min(rates), 1.15 * steps * max(rates)
    else:
        low, high = seconds / 2, 2 * seconds
    return Duration(seconds, low, high, len(chosen), bool(alike))


def cost(values: Mapping[str, Any]) -> float:
    """Relative cost of one environment step with its updates: products of widths, and a constant for all the rest."""
    batch = float(values.get("batch_size", 256))
    hidden, wide = float(values.get("hidden_size", 256)), float(values.get("model_hidden_size", 256))
    length = float(values.get("rollout_length", 1))
    products = batch * (hidden * hidden * (4 + 2 * length) + wide * wide * 2 * length)
    return float(values.get("updates_per_step", 1)) * (products + 5e7)


def _learning_steps(values: Mapping[str, Any], steps: int) -> int:
    return max(steps - int(values.get("warm_up_steps", 0)), 0)
