"""``analyse bound``: the K-step estimate for every K, taken apart, against the true return."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from workbench.commands.output import Report

if TYPE_CHECKING:
    from workbench.analysis.bound_numbers import Bound
    from workbench.analysis.steps import Analysis
    from workbench.engine.recorder import Recorder
    from workbench.engine.subject import Subject

HELP = "the K-step estimate for every K, taken apart, against the true return"
COUNTS = ("longest",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this analysis alone; states are visited as the run's settings say."""
    parser.add_argument("--longest", type=int, default=10, metavar="K", help="the largest K (default 10)")


def analyse(recorder: Recorder, subject: Subject, arguments: argparse.Namespace) -> Analysis[Report]:
    """Measure the run at the subject's checkpoint."""
    from workbench.engine.bias import bound_of_checkpoint

    bound = yield from bound_of_checkpoint(subject, arguments.longest)
    return report(bound)


def report(bound: Bound) -> Report:
    """What was found, as JSON and in words."""
    table = bound.table()
    own = min(bound.rollout_length, bound.longest)
    steps, above = bound.where_above(own)
    optimal = bound.optimal_discount(own)
    document: dict[str, Any] = {
        "summary": bound.info(),
        **bound.document(),
        "states": bound.states,
        "mean_return": float(bound.returns.mean()),
        "by_k": [asdict(parts) for parts in table],
        "above": {"steps_to_end": steps.tolist(), "share": above.tolist()},
        "discount_over_horizons": {
            "given": bound.given_discount(own).tolist(),
            "optimal": None if optimal is None else optimal.tolist(),
        },
        "verdict": bound.verdict(),
    }
    lines = [
        f"Mean return {bound.returns.mean():.4g} over {bound.states:,} states.",
        f"{'K':>3}  {'estimate':>9}  {'rewards':>9}  {'intrinsic':>9}  {'g^K Q':>9}  {'gap':>9}  {'below':>6}",
    ]
    for parts in table:
        figures = (parts.estimate, parts.rewards, parts.intrinsic, parts.terminal, parts.gap)
        row = "  ".join(f"{figure:>9.4g}" for figure in figures)
        lines.append(f"{parts.steps:>3}  {row}  {100 * parts.below:>4.0f} %")
    lines.append(_discounts(bound, own))
    lines.append(bound.verdict())
    return Report(document, tuple(lines), bound.arrays())


def _discounts(bound: Bound, own: int) -> str:
    optimal = bound.optimal_discount(own)
    given = ", ".join(f"{weight:.3f}" for weight in bound.given_discount(own))
    horizons = f"Weights of the horizons 0 to {own}: given {given}"
    if optimal is None:
        return f"{horizons}; App. A.4's do not exist, because rewards or returns are negative."
    return f"{horizons}; optimal (App. A.4) {', '.join(f'{weight:.3f}' for weight in optimal)}."
