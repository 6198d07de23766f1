"""Settings of model predictive path integral control; no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from workbench.planners.search_settings import HALF_WIDTHS, PolicySettings, SearchSettings, elites_fit, policy_fits
from workbench.settings import Problem, setting


@dataclass(frozen=True)
class MppiSettings(PolicySettings, SearchSettings):
    """MPPI: the plan is the average of noisy sequences, weighted by exp(return / temperature); TD-MPC2's form too."""

    name: ClassVar[str] = "mppi"

    candidates: int = setting(
        512,
        help="Action sequences tried in each iteration.",
        low=1,
        high=100_000,
        log=True,
        group="Search",
        source="TD-MPC2: 512",
    )
    iterations: int = setting(
        6, help="Rounds of trying and averaging.", low=1, high=1000, group="Search", source="TD-MPC2: 6; MPPI: 1"
    )
    temperature: float = setting(
        0.3,
        help="What a sequence may fall short of the best and still weigh 1/e of it (TD-MPC2 writes 1/this).",
        low=1e-6,
        high=1e9,
        log=True,
        group="Weights",
        source="MPPI",
    )
    scaled: bool = setting(
        True,
        help="The temperature counts in standard deviations of the candidates' returns; off: in returns.",
        group="Weights",
        source="MPPI, TD-MPC2: off",
    )
    elites: int = setting(
        0,
        help="Only so many of the best sequences weigh anything; 0: all of them.",
        low=0,
        high=100_000,
        group="Weights",
        source="TD-MPC2: 64",
    )
    control_cost: bool = setting(
        False,
        help="Weigh less what strays from the plan in the direction of its actions, as the path integral does.",
        group="Weights",
        source="MPPI",
    )
    initial_std: float = setting(
        0.5, help="Spread of the first iteration's sequences.", unit=HALF_WIDTHS, low=1e-6, high=10.0, group="Proposal"
    )
    fit_std: bool = setting(
        False,
        help="Fit the spread to the weighted sequences after each iteration; off: it stays.",
        group="Proposal",
        source="TD-MPC2",
    )
    least_std: float = setting(
        0.05,
        help="A fitted spread never falls below this.",
        unit=HALF_WIDTHS,
        low=1e-6,
        high=10.0,
        group="Proposal",
        source="TD-MPC2: 0.05",
    )
    noise_exponent: float = setting(
        0.0,
        help="Power of the noise falls with frequency to this power, so that actions change slowly; 0: white noise.",
        low=0.0,
        high=10.0,
        group="Proposal",
        source="iCEM",
    )
    execute: str = setting(
        "mean",
        help="The plan is the weighted average, or one sequence drawn with the weights.",
        choices=("mean", "drawn"),
        group="Search",
        source="MPPI: mean; TD-MPC2: drawn",
    )

    def check(self) -> Iterator[Problem]:
        """More elites or policy sequences than candidates; a least spread above the first."""
        yield from elites_fit(self.elites, self.candidates)
        yield from policy_fits(self.policy_candidates, self.candidates)
        if self.fit_std and self.least_std > self.initial_std:
            yield Problem("least_std", f"{self.least_std:g} is above initial_std; expected at most that")
