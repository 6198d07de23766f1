"""What planners that try many sequences of continuous actions share; no torch.

Spreads and step sizes are in half widths of the action bounds, so that they mean the same for every task.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workbench.planners.settings import PlannerSettings
from workbench.settings import Problem, Schedule, Settings, setting

#: the unit of spreads and step sizes
HALF_WIDTHS = "half widths of the bounds"


@dataclass(frozen=True)
class SearchSettings(PlannerSettings):
    """How many sequences are tried, how often, and from where."""

    candidates: int = setting(
        500, help="Action sequences tried in each iteration.", low=1, high=100_000, log=True, group="Search"
    )
    iterations: int = setting(5, help="Rounds of trying and improving.", low=1, high=1000, group="Search")
    warm_start: bool = setting(
        True,
        help="Begin from the last plan, shifted by a step; off: from the middle of the action bounds.",
        group="Search",
    )


@dataclass(frozen=True)
class PolicySettings(Settings):
    """How many of a planner's candidates are the model's policy acting in the model."""

    policy_candidates: int = setting(
        0,
        help="So many of the candidates are the model's policy acting in the model; the model needs a policy.",
        low=0,
        high=100_000,
        group="Policy",
        source="TD-MPC2: 24",
    )
    policy_std: float = setting(
        0.2,
        help="Noise on the policy's actions; one of its sequences has none.",
        unit=HALF_WIDTHS,
        low=0.0,
        high=10.0,
        group="Policy",
    )


@dataclass(frozen=True)
class AscentSettings(Settings):
    """How sequences climb the return's gradient."""

    learning_rate: Schedule = setting(  # noqa: RUF009 (a schedule is frozen)
        Schedule.constant(0.1),
        help="Step size: a number, or linear(start, end, steps) over the gradient steps of one plan.",
        unit=HALF_WIDTHS,
        above=0.0,
        high=100.0,
        group="Ascent",
        source="Grad-MPC",
    )
    optimiser: str = setting(
        "adam",
        help="How a gradient becomes a step: Adam, RMSprop, or the gradient times the learning rate.",
        choices=("adam", "rmsprop", "plain"),
        group="Ascent",
        source="Grad-MPC, Algorithm 1",
    )
    bounds: str = setting(
        "clamp",
        help="Keep actions inside their bounds by clamping after each step, or by climbing what tanh squashes.",
        choices=("clamp", "tanh"),
        group="Ascent",
    )
    clip_norm: float = setting(
        0.0,
        help="Largest norm of one sequence's gradient, longer ones are scaled down; 0: no limit.",
        low=0.0,
        high=1e6,
        group="Ascent",
    )


def elites_fit(elites: int, candidates: int) -> Iterator[Problem]:
    """The problem of more elites than there are candidates; of no candidates at all another check tells."""
    if elites > candidates >= 1:
        yield Problem("elites", f"{elites} cannot be chosen among {candidates} candidates; expected at most that many")


def policy_fits(policy_candidates: int, candidates: int) -> Iterator[Problem]:
    """The problem of more policy sequences than there are candidates; of no candidates another check tells."""
    if policy_candidates > candidates >= 1:
        most = f"expected at most {candidates}, as many as there are candidates"
        yield Problem("policy_candidates", f"{policy_candidates} is out of range; {most}")
