"""``analyse q-bias``: how far the critic and the K-step estimate lie from what the policy's episodes return."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from workbench.commands.output import Report
from workbench.spec import BIAS_AT_TIME_LIMIT, BIAS_NORMALISERS, BIAS_SIGNS

if TYPE_CHECKING:
    from workbench.analysis.bias_numbers import BiasDefinition, QBias
    from workbench.analysis.steps import Analysis
    from workbench.engine.recorder import Recorder
    from workbench.engine.subject import Subject

HELP = "how far the critic and the K-step estimate lie from what the policy's episodes return"
COUNTS = ("states", "first_steps")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this analysis alone; what is not given is as in the run's settings."""
    parser.add_argument("--states", type=int, metavar="N", help="at least so many states (default: as the run's)")
    parser.add_argument("--first-steps", type=int, metavar="N", help="of the first steps of each episode")
    parser.add_argument("--at-time-limit", choices=BIAS_AT_TIME_LIMIT, help="what follows a time limit")
    parser.add_argument("--sign", choices=BIAS_SIGNS, help="which way the difference is taken")
    parser.add_argument("--normaliser", choices=BIAS_NORMALISERS, help="what it is divided by")


def analyse(recorder: Recorder, subject: Subject, arguments: argparse.Namespace) -> Analysis[Report]:
    """Measure the run at the subject's checkpoint."""
    from workbench.analysis.bias_numbers import BiasDefinition
    from workbench.analysis.visited_states import Collecting
    from workbench.engine.bias import q_bias_of_checkpoint

    engine = subject.spec.engine
    collecting = Collecting(
        arguments.states or engine.bias_states,
        arguments.first_steps or engine.bias_first_steps,
        arguments.at_time_limit or engine.bias_at_time_limit,
    )
    measured = yield from q_bias_of_checkpoint(subject, collecting)
    definition = BiasDefinition(arguments.sign or engine.bias_sign, arguments.normaliser or engine.bias_normaliser)
    return report(measured, definition)


def report(measured: QBias, definition: BiasDefinition) -> Report:
    """What was found, as JSON and in words."""
    document: dict[str, Any] = {
        "summary": measured.info(),
        **measured.document(),
        "definition": {"sign": definition.sign, "normaliser": definition.normaliser, "words": definition.words},
        "protocol": measured.protocol,
        "states": measured.states,
        "episodes": len(measured.lengths),
        "estimates": {},
    }
    lines = []
    for name in measured.estimates:
        summary = measured.summary(name, definition)
        document["estimates"][name] = _figures(measured, name, definition)
        figures = f"mean {summary.mean:+.3g}, std {summary.std:.3g}"
        lines.append(f"{measured.title(name)}: {figures}. {measured.verdict(name)}")
    lines += [f"{definition.words}.", measured.protocol, *([measured.caution] if measured.caution else [])]
    return Report(document, tuple(lines), measured.arrays())


def _figures(measured: QBias, name: str, definition: BiasDefinition) -> dict[str, Any]:
    summary = measured.summary(name, definition)
    steps, means, stds = measured.by_time_to_end(name, definition)
    counts, edges = measured.histogram(name, definition)
    return {
        "mean": summary.mean,
        "std": summary.std,
        "relative_overestimate": summary.relative,
        "standard_error": summary.standard_error,
        "margin_95": summary.margin,
        "verdict": measured.verdict(name),
        "by_time_to_end": {"steps": steps.tolist(), "mean": means.tolist(), "std": stds.tolist()},
        "histogram": {"states": counts.tolist(), "edges": edges.tolist()},
    }
