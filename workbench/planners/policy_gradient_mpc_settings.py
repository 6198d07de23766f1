"""Settings of Policy + Grad-MPC; no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from workbench.planners.gradient_settings import GradientMpcSettings
from workbench.planners.search_settings import HALF_WIDTHS
from workbench.settings import Problem, setting


@dataclass(frozen=True)
class PolicyGradientMpcSettings(GradientMpcSettings):
    """Policy + Grad-MPC: the policy proposes, the gradient of the value estimate refines. Needs policy and value."""

    name: ClassVar[str] = "policy-gradient"

    horizon: int = setting(
        3,
        help="Steps that a plan looks ahead.",
        unit="steps",
        low=1,
        high=1000,
        group="Problem",
        source="Grad-MPC, Table 5: 1",
    )
    terminal_value: bool = setting(
        True, help="The model's value counts in the estimate that is climbed: always on.", group="Problem"
    )
    candidates: int = setting(
        16,
        help="Sequences that climb side by side; the first is the policy's own.",
        low=1,
        high=100_000,
        log=True,
        group="Search",
        source="Grad-MPC, Table 5: 1",
    )
    warm_start: bool = setting(
        False, help="Climb from the last plan, shifted by a step, beside the policy's sequences.", group="Search"
    )
    initial_std: float = setting(
        0.1,
        help="Spread of the other sequences around the policy's actions.",
        unit=HALF_WIDTHS,
        low=0.0,
        high=10.0,
        group="Search",
    )
    lambda_: float = setting(
        0.95,
        help="Weight of longer rollouts in the estimate: 1 counts the value at the horizon only.",
        low=0.0,
        high=1.0,
        group="Problem",
        source="Dreamer, Eq. 6",
    )

    def check(self) -> Iterator[Problem]:
        """The value estimate has a value."""
        yield from super().check()
        if not self.terminal_value:
            yield Problem("terminal_value", "must be on: the value estimate is what is climbed; else choose gradient")
