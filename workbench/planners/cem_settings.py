"""Settings of the cross-entropy method; no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from workbench.planners.search_settings import HALF_WIDTHS, PolicySettings, SearchSettings, elites_fit, policy_fits
from workbench.settings import Problem, setting


@dataclass(frozen=True)
class CemSettings(PolicySettings, SearchSettings):
    """CEM: a normal proposal per step and action, fitted again and again to its best samples; iCEM's options too."""

    name: ClassVar[str] = "cem"

    elites: int = setting(
        50, help="The best candidates, to which the proposal is fitted.", low=1, high=100_000, group="Search"
    )
    momentum: float = setting(
        0.1,
        help="How much of the old proposal's mean and spread is kept.",
        low=0.0,
        high=0.999,
        group="Proposal",
        source="PETS: 0.1; PlaNet: 0",
    )
    averaged: str = setting(
        "std",
        help="Momentum averages standard deviations, or variances, with which the proposal stays wider.",
        choices=("std", "variance"),
        group="Proposal",
        source="iCEM: std; PETS: variance (their code)",
    )
    initial_std: float = setting(
        0.5, help="Spread of the first proposal.", unit=HALF_WIDTHS, above=0.0, high=10.0, group="Proposal"
    )
    stop_std: float = setting(
        0.0,
        help="End early once the proposal is nowhere wider than this; 0: never.",
        unit=HALF_WIDTHS,
        low=0.0,
        high=10.0,
        group="Proposal",
        source="PETS: variance 0.001",
    )
    sampling: str = setting(
        "truncated",
        help="Draw inside two standard deviations and narrow these near a bound, or draw freely and clamp.",
        choices=("truncated", "clamped"),
        group="Proposal",
        source="PETS: truncated; PlaNet: clamped",
    )
    execute: str = setting(
        "mean",
        help="The plan is the proposal's mean, or the best sequence met (which a wrong model fools more easily).",
        choices=("mean", "best"),
        group="Search",
        source="PETS, PlaNet: mean; iCEM: best",
    )
    noise_exponent: float = setting(
        0.0,
        help="Power of the noise falls with frequency to this power, so that actions change slowly; 0: white noise.",
        low=0.0,
        high=10.0,
        group="iCEM",
        source="iCEM",
    )
    kept_elites: float = setting(
        0.0,
        help="Share of the elites that are tried again in the next iteration, and a step later.",
        low=0.0,
        high=1.0,
        group="iCEM",
        source="iCEM: 0.3",
    )
    decay: float = setting(
        1.0,
        help="Candidates are this many times fewer in each iteration, but at least twice the elites.",
        low=1.0,
        high=10.0,
        group="iCEM",
        source="iCEM: 1.25",
    )
    add_mean: bool = setting(
        False, help="The last iteration tries the proposal's mean too.", group="iCEM", source="iCEM"
    )

    def check(self) -> Iterator[Problem]:
        """More elites or policy sequences than candidates; coloured noise that would be truncated."""
        yield from elites_fit(self.elites, self.candidates)
        yield from policy_fits(self.policy_candidates, self.candidates)
        if self.noise_exponent > 0.0 and self.sampling == "truncated":
            yield Problem("sampling", "coloured noise cannot be truncated; choose clamped, or noise_exponent 0")
