"""Settings of iLQR; no torch, so that forms work before it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from workbench.planners.settings import PlannerSettings
from workbench.settings import Problem, setting


@dataclass(frozen=True)
class IlqrSettings(PlannerSettings):
    """Iterative LQR; defaults after Tassa, Erez and Todorov (2012)."""

    name: ClassVar[str] = "ilqr"

    iterations: int = setting(
        30,
        help="Linearisations of the model at most; 1 per decision is usual when every plan begins at the last one.",
        low=1,
        high=1000,
        group="Search",
    )
    limits: str = setting(
        "box",
        help="Action bounds: a bounded quadratic program at each step, a tanh around the action, or clipping alone.",
        choices=("box", "tanh", "clip"),
        ablation=True,
        group="Search",
        source="Tassa, Mansard and Todorov 2014",
    )
    step_sizes: int = setting(
        10,
        help="Steps tried along the new plan, 1.1^-(k^2) for k = 0, 1, ...; the best one counts.",
        low=1,
        high=50,
        group="Search",
    )
    warm_start: bool = setting(
        True,
        help="Begin from the last plan, shifted by a step; off: from the middle of the action bounds.",
        group="Search",
    )
    initial_std: float = setting(
        0.0,
        help="Noise on the first plan, which is the middle of the bounds, in units of half their width.",
        low=0.0,
        high=1.0,
        group="Search",
    )
    tolerance: float = setting(
        1e-6,
        help="The search ends once less than this, relative to the return, is expected to be gained.",
        above=0.0,
        high=1.0,
        log=True,
        group="Search",
    )
    regularisation: float = setting(
        1e-6,
        help="Cost of deviating from the last plan, at first; it grows where a step fails and shrinks otherwise.",
        low=0.0,
        group="Regularisation",
        source="Tassa et al. 2012, Sec. II-F",
    )
    regularisation_factor: float = setting(
        2.0,
        help="Factor by which the change of the regularisation itself grows and shrinks.",
        above=1.0,
        high=100.0,
        group="Regularisation",
    )
    regularisation_low: float = setting(
        1e-6, help="A smaller regularisation is none.", above=0.0, log=True, group="Regularisation"
    )
    regularisation_high: float = setting(
        1e10, help="The search ends where more than this would be needed.", above=0.0, log=True, group="Regularisation"
    )

    def check(self) -> Iterator[Problem]:
        """Bounds of the regularisation in order."""
        yield from super().check()
        if self.regularisation_low >= self.regularisation_high:
            message = f"{self.regularisation_low} is not below regularisation_high ({self.regularisation_high})"
            yield Problem("regularisation_low", message)
