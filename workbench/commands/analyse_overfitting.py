"""``analyse overfitting``: fit a run's ensemble anew to ever more random data, and see how far each plan is fooled."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

from workbench.commands.output import Report, WrongUsage
from workbench.figures import number

if TYPE_CHECKING:
    from workbench.analysis.exploitation import Exploitation
    from workbench.analysis.steps import Analysis
    from workbench.engine.recorder import Recorder
    from workbench.engine.subject import Subject

HELP = "how far plans are fooled by networks fitted to few random data: one network against the ensemble"
COUNTS = ("states",)
_AMOUNTS = (50, 100, 200, 400, 800)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this analysis alone; networks, fit and planner are those of the run's settings."""
    amounts = f"random transitions to fit to (default {' '.join(map(str, _AMOUNTS))})"
    parser.add_argument("--amounts", type=int, nargs="+", metavar="N", default=list(_AMOUNTS), help=amounts)
    parser.add_argument("--states", type=int, default=10, metavar="N", help="plan from so many each (default 10)")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of everything random (default 0)")


def analyse(recorder: Recorder, subject: Subject, arguments: argparse.Namespace) -> Analysis[Report]:
    """Fit and plan as the run's settings say. Raises WrongUsage for a run without an ensemble and for few data."""
    from workbench.agents.mpc_settings import EnsembleSettings, MpcSettings
    from workbench.analysis.exploitation import measure_exploitation

    settings = subject.spec.settings
    if not isinstance(settings, MpcSettings) or not isinstance(settings.model, EnsembleSettings):
        raise WrongUsage([f"agent: run {subject.run.id} has no ensemble; choose one of mpc with model=ensemble"])
    least = 10
    if min(arguments.amounts) < least:
        raise WrongUsage([f"--amounts: {min(arguments.amounts)} is too few to fit to; expected {least} or more"])
    found = yield from measure_exploitation(
        subject.make_environment,
        settings.planner,
        settings.model,
        amounts=tuple(sorted(set(arguments.amounts))),
        states=arguments.states,
        batch_size=settings.batch_size,
        seed=arguments.seed,
    )
    return report(found)


def report(found: Exploitation) -> Report:
    """What was found, as JSON and in words."""
    from workbench.analysis.exploitation import KINDS

    rows = [_row(found, kind, int(amount)) for kind in KINDS for amount in found.mean_gap(kind)[0]]
    document: dict[str, Any] = {
        "summary": {"analysis": "overfitting", "states": int((found.data_points == found.data_points[0]).sum()) // 2},
        "rows": rows,
        "rank_correlation": found.correlation(),
        "definition": "gap: imagined minus real return of the plan, mean over the start states; size: its absolute "
        "value; disagreement: std of the members' means in stds of the data, mean along the plan",
    }
    lines = [f"{'transitions':>11}  {'model':>11}  {'mean gap':>9}  {'mean size':>9}  {'disagreement':>12}"]
    for row in rows:
        gap, size, apart = (number(float(f"{row[name]:.3g}")) for name in ("mean_gap", "mean_size", "disagreement"))
        lines.append(f"{row['transitions']:>11}  {row['model']:>11}  {gap:>9}  {size:>9}  {apart:>12}")
    correlation = found.correlation()
    told = f"{correlation:+.2f}" if math.isfinite(correlation) else "none can be told, as one of them never differs"
    lines.append(f"Rank correlation of disagreement and the gap's size: {told}")
    names = ("data_points", "kind", "imagined", "real", "disagreement")
    return Report(document, tuple(lines), {name: getattr(found, name) for name in names})


def _row(found: Exploitation, kind: str, amount: int) -> dict[str, Any]:
    from workbench.analysis.exploitation import KINDS

    own = (found.kind == KINDS.index(kind)) & (found.data_points == amount)
    return {
        "transitions": amount,
        "model": kind,
        "mean_gap": float(found.gap[own].mean()),
        "mean_size": float(abs(found.gap[own]).mean()),
        "disagreement": float(found.disagreement[own].mean()),
    }
