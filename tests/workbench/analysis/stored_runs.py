"""Runs as a store would hand them out, for comparisons without one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.analysis.comparison import Evaluations
from workbench.presets import find_preset


@dataclass(frozen=True)
class Stored:
    """A run of the preset alm-quick with some settings changed."""

    id: int
    seed: int
    name: str = "alm-quick"
    changes: Mapping[str, Any] = field(default_factory=dict)
    status: str = "finished"
    environment: str = "HalfCheetah-v5"
    group_id: int | None = None
    study: str | None = None
    reason: str = ""
    step: int = 12_000
    device: str = "cpu"
    active_seconds: float = 164.0
    agent: str = "alm"
    preset: str | None = "alm-quick"
    versions: dict[str, Any] = field(default_factory=lambda: {"torch": "2.13.0", "mujoco": "3.17.0"})

    @property
    def spec(self) -> dict[str, Any]:
        """The stored document."""
        return self._spec().to_json()

    @property
    def content_hash(self) -> str:
        """Of the spec."""
        return self._spec().content_hash()

    @property
    def total_steps(self) -> int:
        """Budget."""
        return self._spec().total_steps

    def _spec(self):
        return find_preset("alm-quick").spec(dict(self.changes), environment=self.environment, seeds=(self.seed,))


def evaluations(*returns: float) -> Evaluations:
    """Evaluations every 1,000 steps from step 2,000."""
    return 1000.0 * np.arange(2, 2 + len(returns)), np.array(returns)


def study() -> tuple[list[Stored], dict[int, Evaluations]]:
    """A base, a variant clearly worse by 1,000, one that cannot be told apart, and one that is not finished."""
    runs, numbers = [], {}
    variants = (({}, 0.0, 0.0), ({"kl_term": False}, -1000.0, 0.0), ({"rollout_length": 1}, 20.0, 150.0))
    for group, (changes, shift, wobble) in enumerate(variants, start=1):
        for seed in (1, 2, 3):
            run = Stored(10 * group + seed, seed, changes=changes, group_id=group)
            runs.append(run)
            own = shift + wobble * (seed - 2) + 10 * seed * group
            numbers[run.id] = evaluations(0, 500 + own, 1000 + own, 1100 + own, 1200 + own)
    waiting = {"actor_loss": "td3"}
    runs.append(Stored(41, 1, changes=waiting, status="running", step=6000, group_id=4))
    runs.append(Stored(42, 2, changes=waiting, status="queued", step=0, group_id=4))
    failed = "the actor's loss was not finite at update 2,410"
    runs.append(Stored(43, 3, changes=waiting, status="failed", step=3410, reason=failed, group_id=4))
    return runs, numbers
