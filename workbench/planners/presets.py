"""Planners as papers set them, by name: what a form offers and ``foresight plan --planner`` takes; no torch."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from workbench.planners import PLANNERS
from workbench.planners.settings import PlannerSettings
from workbench.registry import UnknownName
from workbench.settings import build, flatten


@dataclass(frozen=True)
class PlannerPreset:
    """``values`` of the settings of ``planner``, by path, as ``source`` gives them."""

    planner: str
    title: str
    source: str
    values: Mapping[str, Any] = field(default_factory=dict)


PRESETS: dict[str, PlannerPreset] = {
    "planet": PlannerPreset(
        "cem",
        "CEM as in PlaNet",
        "Hafner et al. 2019; Grad-MPC's baseline",
        {
            **{"horizon": 12, "discount": 1.0, "candidates": 1000, "elites": 100, "iterations": 10},
            **{"momentum": 0.0, "initial_std": 1.0, "sampling": "clamped", "warm_start": False},
        },
    ),
    "pets": PlannerPreset(
        "cem",
        "CEM as in PETS, half cheetah",
        "Chua et al. 2018 and its code",
        {
            **{"horizon": 30, "discount": 1.0, "candidates": 500, "elites": 50, "iterations": 5},
            **{"momentum": 0.1, "initial_std": 0.5, "stop_std": 0.0316, "sampling": "truncated"},
        },
    ),
    "icem": PlannerPreset(
        "cem",
        "iCEM",
        "Pinneri et al. 2020",
        {
            **{"horizon": 30, "discount": 1.0, "candidates": 100, "elites": 10, "iterations": 4, "momentum": 0.1},
            **{"initial_std": 0.5, "sampling": "clamped", "noise_exponent": 2.0, "kept_elites": 0.3, "decay": 1.25},
            **{"add_mean": True, "execute": "best"},
        },
    ),
    "grad-mpc": PlannerPreset(
        "gradient",
        "Grad-MPC as in its paper",
        "Bharadhwaj et al. 2020",
        {
            **{"horizon": 12, "discount": 1.0, "candidates": 1000, "iterations": 40, "learning_rate_list": True},
            **{"warm_start": False},
        },
    ),
    "policy-grad-mpc": PlannerPreset(
        "policy-gradient",
        "Policy + Grad-MPC as in its paper",
        "Bharadhwaj et al. 2020, Table 5",
        {"horizon": 1, "candidates": 1, "iterations": 40},
    ),
    "td-mpc2": PlannerPreset(
        "mppi",
        "MPPI as in TD-MPC2",
        "Hansen et al. 2024",
        {
            **{"horizon": 3, "terminal_value": True, "candidates": 512, "iterations": 6, "elites": 64},
            **{"temperature": 2.0, "scaled": False, "initial_std": 2.0, "fit_std": True, "least_std": 0.05},
            **{"policy_candidates": 24, "execute": "drawn"},
        },
    ),
}


def planner_settings(name: str, values: Mapping[str, Any] | None = None) -> tuple[str, PlannerSettings]:
    """The planner that ``name`` (a planner's or a preset's) means, and its settings with ``values`` on top.

    Raises:
        workbench.registry.UnknownName: there is neither; the message names what comes near.
        workbench.settings.SettingsError: a field is unknown or out of range.
    """
    preset = PRESETS.get(name)
    planner = name if preset is None else preset.planner
    try:
        entry = PLANNERS.find(planner)
    except UnknownName:
        known = [*PLANNERS, *PRESETS]
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
        raise UnknownName(f"planner: there is no planner called {name!r}; {hint}") from None
    own = {} if preset is None else preset.values
    return planner, cast(PlannerSettings, build(entry.load_settings(), {**own, **(values or {})}))


def rounds_of(settings: PlannerSettings) -> int:
    """Steps that a planner of ``settings`` yields at most."""
    flat = flatten(settings)
    if "simulations" in flat:
        return math.ceil(int(flat["simulations"]) / int(flat["simulations_per_step"]))
    return int(flat["iterations"])
