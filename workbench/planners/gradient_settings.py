"""Settings of Grad-MPC; no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.planners.search_settings import HALF_WIDTHS, AscentSettings, SearchSettings
from workbench.settings import setting


@dataclass(frozen=True)
class GradientMpcSettings(AscentSettings, SearchSettings):
    """Grad-MPC: several sequences climb the gradient of their imagined return; the best is executed."""

    name: ClassVar[str] = "gradient"

    candidates: int = setting(
        100,
        help="Action sequences that climb side by side.",
        low=1,
        high=100_000,
        log=True,
        group="Search",
        source="Grad-MPC",
    )
    iterations: int = setting(
        10, help="Gradient steps of each sequence.", low=1, high=1000, group="Search", source="Grad-MPC: 40"
    )
    initial_std: float = setting(
        1.0,
        help="Spread of the sequences at the beginning, around the warm start or the middle of the bounds.",
        unit=HALF_WIDTHS,
        low=0.0,
        high=10.0,
        group="Search",
        source="Grad-MPC, Algorithm 1",
    )
    learning_rate_list: bool = setting(
        False,
        help="Take the paper's step sizes 0.1, 0.01, 0.005, 0.0001 instead, each for a quarter of the iterations.",
        group="Ascent",
        source="Grad-MPC, whose list is read as a schedule",
    )
