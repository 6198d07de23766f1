"""Settings of random shooting; no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.planners.search_settings import SearchSettings
from workbench.settings import setting


@dataclass(frozen=True)
class RandomShootingSettings(SearchSettings):
    """Random shooting: uniform sequences, of which the best is executed."""

    name: ClassVar[str] = "random-shooting"

    candidates: int = setting(
        1000,
        help="Action sequences tried in each iteration.",
        low=1,
        high=100_000,
        log=True,
        group="Search",
        source="Wang et al. 2019: 1000; PETS: 2500",
    )
    iterations: int = setting(
        1, help="Rounds; each draws anew, and the best sequence of all is kept.", low=1, high=1000, group="Search"
    )
    warm_start: bool = setting(
        False, help="Try the last plan, shifted by a step, beside the drawn sequences.", group="Search"
    )
