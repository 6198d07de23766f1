"""Settings of CEM with gradient steps; no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.planners.cem_settings import CemSettings
from workbench.planners.search_settings import AscentSettings
from workbench.settings import setting


@dataclass(frozen=True)
class CemGradientSettings(AscentSettings, CemSettings):
    """CEM whose samples climb the return's gradient before they are judged."""

    name: ClassVar[str] = "cem-gradient"

    candidates: int = setting(
        100, help="Action sequences tried in each iteration.", low=1, high=100_000, log=True, group="Search"
    )
    elites: int = setting(
        10, help="The best candidates, to which the proposal is fitted.", low=1, high=100_000, group="Search"
    )
    sampling: str = setting(
        "clamped",
        help="Draw inside two standard deviations and narrow these near a bound, or draw freely and clamp.",
        choices=("truncated", "clamped"),
        group="Proposal",
    )
    kept_elites: float = setting(
        1.0,
        help="Share of the elites that climb on in the next iteration, and a step later.",
        low=0.0,
        high=1.0,
        group="iCEM",
    )
    optimiser: str = setting(
        "plain",
        help="How a gradient becomes a step; Adam and RMSprop begin anew with each draw, and so take full steps.",
        choices=("adam", "rmsprop", "plain"),
        group="Ascent",
    )
    gradient_steps: int = setting(1, help="Steps that each sample climbs.", low=1, high=1000, group="Ascent")
    clip_norm: float = setting(
        1.0,
        help="Largest norm of one sequence's gradient, longer ones are scaled down; 0: no limit.",
        low=0.0,
        high=1e6,
        group="Ascent",
    )
