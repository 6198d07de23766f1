"""Settings of MCTS; no torch, so that forms work before it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from workbench.planners.search_settings import HALF_WIDTHS
from workbench.planners.settings import PlannerSettings
from workbench.settings import Problem, setting


@dataclass(frozen=True)
class MctsSettings(PlannerSettings):
    """Monte Carlo tree search by UCT; continuous actions come from a grid or by progressive widening."""

    name: ClassVar[str] = "mcts"

    simulations: int = setting(
        200,
        help="Simulations per plan; each adds one node to the tree.",
        low=1,
        high=1_000_000,
        log=True,
        group="Search",
    )
    simulations_per_step: int = setting(
        10, help="Simulations between two looks at the tree.", low=1, high=1_000_000, log=True, group="Search"
    )
    exploration: float = setting(
        0.5,
        help="C in Q + 2 C sqrt(2 ln N / n): 1/2 is UCB1 for values in [0, 1], 0.71 explores more.",
        low=0.0,
        high=100.0,
        group="Search",
        source="Auer et al. 2002; Kocsis and Szepesvari 2006",
    )
    normalise: bool = setting(
        True,
        help="Map the tree's values onto [0, 1] to compare them, so that C does not depend on the reward's scale.",
        ablation=True,
        group="Search",
        source="Schrittwieser et al. 2020, Eq. 5",
    )
    leaf: str = setting(
        "rollout",
        help="Judge a new node by rollouts up to the horizon, or by the model's value.",
        choices=("rollout", "value"),
        group="Search",
    )
    rollouts: int = setting(
        16,
        help="Rollouts from each new node, side by side; their mean counts, and the best of them can become the plan.",
        low=1,
        high=10_000,
        group="Search",
        source="Kocsis and Szepesvari 2006: 1; Chaslot et al. 2008: several",
    )
    execute: str = setting(
        "best",
        help="The plan is the best sequence met, or follows the most visited nodes (less easily fooled by the model).",
        choices=("best", "visits"),
        group="Search",
        source="lecture notes, Algorithm 22: visits",
    )
    prior: str = setting(
        "uniform",
        help="Continuous actions that are tried, and rollouts, are uniform, or the model's policy with noise on it.",
        choices=("uniform", "policy"),
        group="Continuous actions",
        source="Moerland et al. 2018; Hubert et al. 2021: policy",
    )
    policy_std: float = setting(
        0.3,
        help="Noise on the policy's actions; the first one tried in a node, and one rollout from it, have none.",
        unit=HALF_WIDTHS,
        low=0.0,
        high=10.0,
        group="Continuous actions",
    )
    warm_start: bool = setting(
        True,
        help="The first sequence tried is the last plan, shifted by a step.",
        group="Continuous actions",
    )
    continuous: str = setting(
        "widening",
        help="Actions tried where they are continuous: more of them as a node is visited more, or those of a grid.",
        choices=("widening", "grid"),
        group="Continuous actions",
    )
    grid: int = setting(
        5, help="Points of the grid along each action dimension.", low=2, high=1000, group="Continuous actions"
    )
    widening_factor: float = setting(
        1.0,
        help="c of max(2, c n^a), the actions that a node visited n times may try.",
        above=0.0,
        high=100.0,
        group="Continuous actions",
        source="Moerland et al. 2018",
    )
    widening_exponent: float = setting(
        0.5,
        help="a of max(2, c n^a).",
        above=0.0,
        high=1.0,
        group="Continuous actions",
        source="Moerland et al. 2018",
    )

    def check(self) -> Iterator[Problem]:
        """A policy draws from all actions, not from a grid of them."""
        yield from super().check()
        if self.prior == "policy" and self.continuous == "grid":
            yield Problem("prior", "the policy's actions lie on no grid; choose uniform, or continuous widening")
