"""``analyse``: look into a run at one of its checkpoints, beside a program that writes.

An analysis is a module with ``HELP``, ``add_arguments(parser)``, ``COUNTS`` (which of those must be 1 or more) and
``analyse(recorder, subject, arguments)``, which returns an analysis whose result is a
:class:`workbench.commands.output.Report`. A new one is one line in :data:`ANALYSES`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from workbench.commands import (
    analyse_bound,
    analyse_exploitation,
    analyse_latent_rollout,
    analyse_model_error,
    analyse_overfitting,
    analyse_q_bias,
    project,
)
from workbench.commands.output import check_counts, check_seed, finite, print_document, say, tell

if TYPE_CHECKING:
    from workbench.analysis.steps import AnalysisStep

#: every kept snapshot, one after the other
ALL = "all"

ANALYSES: dict[str, ModuleType] = {
    "latent-rollout": analyse_latent_rollout,
    "model-error": analyse_model_error,
    "q-bias": analyse_q_bias,
    "bound": analyse_bound,
    "exploitation": analyse_exploitation,
    "overfitting": analyse_overfitting,
}


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Make the parsers of this module's commands with ``add``."""
    parser = add("analyse", help="look into a run: its model, its critic, its bound, its plans")
    kinds = parser.add_subparsers(title="analyses", metavar="ANALYSIS", required=True)
    for name, module in ANALYSES.items():
        help_text = module.HELP
        one = kinds.add_parser(name, help=help_text, description=f"{help_text[0].upper()}{help_text[1:]}.")
        one.add_argument("wanted", metavar="RUN", help="number, name or uuid")
        one.add_argument("--checkpoint", metavar="WHICH", default="last", help="last, best, resume, a step, or all")
        one.add_argument("--keep", action="store_true", help="store the result in the project")
        one.add_argument("--json", action="store_true", help="print one JSON document")
        one.add_argument("--project", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        one.add_argument("-v", "--verbose", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        module.add_arguments(one)
        one.set_defaults(run=analyse, analysis=name)


def analyse(arguments: argparse.Namespace) -> int:
    """Run one analysis of one checkpoint, or of every kept one in turn, and print what was found."""
    import torch

    from workbench.analysis.steps import exhaust
    from workbench.engine.recorder import Recorder
    from workbench.engine.subject import Subject, every_checkpoint, keep_analysis, open_subject

    module = ANALYSES[arguments.analysis]
    check_counts(arguments, module.COUNTS)
    check_seed(arguments)
    torch.set_num_threads(1)
    opening = project.writing if arguments.keep else project.reading
    with opening(arguments) as opened:
        recorder = Recorder(opened)
        run_id = opened.runs.find(arguments.wanted).id
        several = arguments.checkpoint == ALL
        documents: list[dict[str, Any]] = []
        subject: Subject | None = None
        for which in every_checkpoint(recorder, run_id) if several else (arguments.checkpoint,):
            subject = open_subject(recorder, run_id, which, reuse=subject)
            steps = module.analyse(recorder, subject, arguments)
            with _progress(f"{arguments.analysis} of {subject.title}") as show:
                report = exhaust(steps, show)
            documents.append({"checkpoint": subject.checkpoint, "step": subject.step, **report.document})
            if arguments.keep:
                document = finite(report.document)
                kept = keep_analysis(
                    recorder, subject, arguments.analysis, report.arrays, document, document["summary"]
                )
                tell(f"Stored as {kept.name}.")
            if not arguments.json:
                for line in (*([f"Step {subject.step:,}:"] if several else ()), *report.lines):
                    say(line)
    if arguments.json:
        about = {"analysis": arguments.analysis, "run": run_id}
        print_document({**about, "checkpoints": documents} if several else {**about, **documents[0]})
    return 0


@contextmanager
def _progress(title: str) -> Iterator[Callable[[AnalysisStep], object]]:
    """Draws a bar on stderr where it is a terminal."""
    if not sys.stderr.isatty():
        tell(f"Measuring {title}.")
        yield lambda step: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(title, total=None)
        yield lambda step: bars.update(task, completed=step.done, total=step.total)
