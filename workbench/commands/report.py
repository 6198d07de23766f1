"""``report``: runs held against each other, as one HTML page or as CSV. It needs no window."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.analysis.comparison import GROUPINGS, LAST, compare_runs, group_runs
from workbench.analysis.configuration import configuration
from workbench.analysis.report import Report, report_csv, report_html
from workbench.commands import project
from workbench.commands.output import WrongUsage, tell

if TYPE_CHECKING:
    from storage import Project, RunRow

_WRITERS = {".html": report_html, ".csv": report_csv}


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Make the parser of this module's command with ``add``."""
    parser = add("report", help="hold runs against each other: results over seeds, differences paired by seed")
    parser.add_argument("runs", metavar="RUN", nargs="*", help="number, name or uuid")
    parser.add_argument("--study", metavar="NAME", help="every run of this study")
    parser.add_argument(
        "--out", metavar="FILE", required=True, help="the file to write, .html or .csv; - is CSV on stdout"
    )
    groupings = ", ".join(GROUPINGS)
    by = f"what makes a group: {groupings}, or a setting's dotted name (default: configuration, all but the seed)"
    parser.add_argument("--by", default="configuration", metavar="WHAT", help=by)
    parser.add_argument(
        "--base", metavar="RUN", help="a run of the group that the others are held against (default: the oldest)"
    )
    parser.add_argument(
        "--last", metavar="N", type=int, default=LAST, help=f"evaluations that make a final return (default: {LAST})"
    )
    parser.add_argument("--force", action="store_true", help="replace the file if it is there")
    parser.set_defaults(run=report)


def report(arguments: argparse.Namespace) -> int:
    """Write the report; an existing file stays as it is without ``--force``."""
    from storage import StorageError
    from storage.files import written_atomically

    to_stdout, target = arguments.out == "-", Path(arguments.out)
    _check(arguments, to_stdout, target)
    if not to_stdout and target.exists() and not arguments.force:
        raise StorageError(f"{target} is there already.", remedy="Choose another path, or replace it with --force.")
    with project.reading(arguments) as opened:
        made = _report(opened, arguments)
    text = (report_csv if to_stdout else _WRITERS[target.suffix.lower()])(made)
    if to_stdout:
        sys.stdout.write(text)
        return 0
    try:
        with written_atomically(target, f"write {target}") as stream:
            stream.write(text.encode())
    except OSError as error:
        remedy = "Choose another path for --out."
        raise StorageError(f"{target} cannot be written ({error.strerror or error}).", remedy=remedy) from error
    tell(f"Written: {target}")
    return 0


def _check(arguments: argparse.Namespace, to_stdout: bool, target: Path) -> None:
    """Raises WrongUsage for what needs no project to be refused."""
    problems = []
    if not arguments.runs and arguments.study is None:
        problems.append("RUN: there is nothing to compare; name runs, or a study with --study")
    if target.suffix.lower() == ".pdf":
        problems.append("--out: a PDF is saved from the window (Compare, Report); expected .html or .csv")
    elif not to_stdout and target.suffix.lower() not in _WRITERS:
        problems.append(f"--out: {target} has an unknown ending; expected .html or .csv")
    if arguments.last < 1:
        problems.append(f"--last: {arguments.last} is out of range; expected at least 1")
    if problems:
        raise WrongUsage(problems)


def _report(opened: Project, arguments: argparse.Namespace) -> Report:
    rows = _rows(opened, arguments)
    base = None if arguments.base is None else opened.runs.find(arguments.base)
    if base is not None and base.id not in rows:
        raise WrongUsage([f"--base: run {base.id} is not among the runs that are compared"])
    if arguments.by not in GROUPINGS and not any(arguments.by in configuration(row) for row in rows.values()):
        known = ", ".join(GROUPINGS)
        raise WrongUsage([f"--by: there is no setting {arguments.by}; expected {known}, or a setting's dotted name"])
    groups = group_runs(rows.values(), arguments.by) if base is not None else ()
    base_key = next((group.key for group in groups if base in group.runs), "")
    grouped = {row.group_id for row in rows.values() if row.group_id is not None}
    given = {number: opened.runs.group(number).title for number in grouped}
    evaluations = {}
    for number in rows:
        data = opened.series.read(number, "evaluation/return")
        evaluations[number] = (data.step.astype(np.float64), data.value.astype(np.float64))
    comparison = compare_runs(rows.values(), evaluations, given, arguments.by, base_key, arguments.last)
    return Report(comparison, evaluations, time.strftime("%Y-%m-%d %H:%M:%S"), opened.folder.name)


def _rows(opened: Project, arguments: argparse.Namespace) -> dict[int, RunRow]:
    from storage import RunFilter

    rows = {row.id: row for row in map(opened.runs.find, arguments.runs)}
    if arguments.study is not None:
        found = opened.runs.page(RunFilter(study=arguments.study, archived=None))
        if not found:
            raise WrongUsage([f"--study: there is no run of a study called {arguments.study}"])
        rows |= {row.id: row for row in found}
    return rows
