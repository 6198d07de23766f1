"""``export`` and ``import``: runs that leave the project, and runs that come into it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.commands import project
from workbench.commands.output import WrongUsage, as_command, print_document, say, tell

if TYPE_CHECKING:
    from storage import Project


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Make the parsers of this module's commands with ``add``."""
    parser = add("export", help="write runs as CSV, JSON, or a bundle that can be imported")
    parser.add_argument("runs", metavar="RUN", nargs="+", help="number, name or uuid")
    parser.add_argument("--format", choices=("csv", "json", "bundle"), required=True, help="a bundle holds one run")
    parser.add_argument("--out", metavar="PATH", required=True, help="the file to write; - is stdout, not for bundles")
    parser.add_argument("--force", action="store_true", help="replace the file if it is there")
    parser.set_defaults(run=export)

    parser = add("import", help="take a run from a bundle into the project")
    parser.add_argument("bundle", metavar="PATH", type=Path, help="a bundle that export wrote")
    parser.add_argument("--json", action="store_true", help='print {"run": NUMBER}')
    parser.set_defaults(run=import_run)


def export(arguments: argparse.Namespace) -> int:
    """Write the runs; an existing file stays as it is without ``--force``."""
    from storage import StorageError

    to_stdout = arguments.out == "-"
    if arguments.format == "bundle" and to_stdout:
        raise WrongUsage(["--out: a bundle cannot go to stdout; expected the path of a file"])
    if arguments.format == "bundle" and len(arguments.runs) > 1:
        raise WrongUsage(["RUN: a bundle holds one run; expected one"])
    target = Path(arguments.out)
    if not to_stdout and target.exists() and not arguments.force:
        raise StorageError(f"{target} is there already.", remedy="Choose another path, or replace it with --force.")
    with project.reading(arguments) as opened:
        numbers = [opened.runs.find(text).id for text in arguments.runs]
        try:
            _write(opened, numbers, arguments.format, None if to_stdout else target)
        except OSError as error:
            if to_stdout:
                raise
            remedy = "Choose another path for --out."
            raise StorageError(f"{target} cannot be written ({error.strerror or error}).", remedy=remedy) from error
    if not to_stdout:
        tell(f"Written: {target}")
    return 0


def _write(opened: Project, runs: list[int], kind: str, target: Path | None) -> None:
    from storage import export_bundle, export_csv, export_json
    from storage.files import written_atomically

    if kind == "csv":
        export_csv(opened, runs, sys.stdout if target is None else target)
    elif kind == "bundle":
        assert target is not None
        export_bundle(opened, runs[0], target)
    elif target is None:
        print_document(export_json(opened, runs))
    else:
        with written_atomically(target, f"write {target}") as stream:
            stream.write(json.dumps(export_json(opened, runs), indent=1, allow_nan=False).encode())


def import_run(arguments: argparse.Namespace) -> int:
    """Take a run in; everything about the bundle is checked before anything is written."""
    from storage import import_bundle

    with project.writing(arguments) as opened:
        number = import_bundle(opened, arguments.bundle)
    if arguments.json:
        print_document({"run": number})
    else:
        say(f"Imported as run {number}. Look at it: {as_command(arguments, 'show', number)}")
    return 0
