"""Planners as papers set them, by name: what a form offers and ``foresight plan --planner`` takes; no torch."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from workbench.planners import PLANNERS
from workbench.planners.settings import PlannerSettings
from workbench.registry import UnknownName
from workbench.settings import build


@dataclass(frozen=True)
class PlannerPreset:
    """``values`` of the settings of ``planner``, by path, as ``source`` gives them."""

    planner: str
    title: str
    source: str
    values: Mapping[str, Any] = field(default_factory=dict)


#: a swing-up takes longer than the 0.6 s that planners look ahead by default, and pushes that last longer than a step;
#: the horizon is what a decision's cost grows with here, not the candidates
_PENDULUM = {"horizon": 40, "discount": 1.0}
_PUSHES = {"initial_std": 1.0, "noise_exponent": 2.0}

PRESETS: dict[str, PlannerPreset] = {
    "planet": PlannerPreset(
        "cem",
        "CEM as in PlaNet",
        "Hafner et al. 2019, Algorithm 2 and appendix A; Grad-MPC's baseline",
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
            **{"momentum": 0.1, "averaged": "variance", "initial_std": 0.5, "stop_std": 0.0316},
            **{"sampling": "truncated"},
        },
    ),
    "icem": PlannerPreset(
        "cem",
        "iCEM, about 100 sequences a decision",
        "Pinneri et al. 2020 and its code; noise_exponent is 0.25 for half cheetah, 2 humanoid, 2.5 to 3.5 hands",
        {
            **{"horizon": 30, "discount": 1.0, "candidates": 40, "elites": 10, "iterations": 3, "momentum": 0.1},
            **{"averaged": "std", "initial_std": 0.5, "sampling": "clamped", "noise_exponent": 2.0},
            **{"kept_elites": 0.3, "decay": 1.25, "add_mean": True, "execute": "best"},
        },
    ),
    "grad-mpc": PlannerPreset(
        "gradient",
        "Grad-MPC as in its paper",
        "Bharadhwaj et al. 2020, Algorithm 1",
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
    "pendulum-cem": PlannerPreset(
        "cem",
        "CEM for Pendulum-v1",
        "Measured here in the true dynamics: a mean of -175 over resets 100 to 119, where about -170 is the best",
        {**_PENDULUM, **_PUSHES, "candidates": 200, "elites": 20, "iterations": 4, "sampling": "clamped"},
    ),
    "pendulum-icem": PlannerPreset(
        "cem",
        "iCEM for Pendulum-v1",
        "Measured here in the true dynamics: a mean of -173 over resets 100 to 119, where about -170 is the best",
        {
            **{**_PENDULUM, **_PUSHES, "candidates": 100, "elites": 10, "iterations": 3, "sampling": "clamped"},
            **{"kept_elites": 0.3, "decay": 1.25, "add_mean": True, "execute": "best"},
        },
    ),
    "pendulum-mppi": PlannerPreset(
        "mppi",
        "MPPI for Pendulum-v1",
        "Measured here in the true dynamics: a mean of -178 over resets 100 to 119, where about -170 is the best",
        {**_PENDULUM, **_PUSHES, "iterations": 3, "temperature": 0.1, "elites": 64},
    ),
    "pendulum-gradient": PlannerPreset(
        "gradient",
        "Grad-MPC for Pendulum-v1",
        "Measured here in the true dynamics: a mean of -185 over every second reset of 100 to 119, iCEM's is -182",
        {**_PENDULUM, "candidates": 64, "iterations": 8, "learning_rate": 0.5},
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
