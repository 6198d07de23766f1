"""How long a search takes at most, from its settings alone; no torch, so that a window can say it before."""

from __future__ import annotations

from typing import Any, cast

from workbench.planners.settings import PlannerSettings


def rounds_of(settings: PlannerSettings) -> int:
    """The iterations that a search with these settings has at most; it may end before."""
    values = cast(Any, settings)
    if hasattr(settings, "simulations"):
        return -(-int(values.simulations) // int(values.simulations_per_step))
    return int(getattr(settings, "iterations", 1))
