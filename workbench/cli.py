"""The command line ``foresight``.

Exit codes: 0 done; 2 wrong usage, a setting out of range, or an agent, environment or preset that is unknown or does
not fit (names the field and what would be right); 1 everything that fails after that, also a training that was stopped
by Ctrl+C or SIGTERM. Reasons go to stderr. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from workbench.commands import analysing, bench, browsing, doctor, exchange, planning, report, study, training
from workbench.commands.output import WrongUsage, complain, tell
from workbench.commands.window import hand_over
from workbench.environments.problem import EnvironmentProblem
from workbench.presets import PresetError
from workbench.registry import BrokenEntry, UnknownName
from workbench.settings import SettingsError

_EPILOG = """\
Start with `foresight train --preset alm-quick`. Each command has its own --help.
Exit codes: 0 done; 2 asked for something that cannot be (stderr names the field and what would be right); 1 failed.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Raises:
        SystemExit: from argparse, for ``--help``, ``--version`` (0) and for what cannot be parsed (2).
    """
    parser = build_parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest and not arguments.takes_rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    arguments.rest = rest
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        tell("Interrupted.")
        return 1
    except BrokenPipeError:
        # Whoever read stdout has enough; nothing more is to be flushed there when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        code, sentences = explained
        for sentence in sentences:
            complain(sentence)
        if arguments.verbose:
            traceback.print_exception(error)
        return code


def explain(error: Exception) -> tuple[int, Sequence[str]] | None:
    """Exit code and sentences of an error that users can act upon; None for one that is a mistake in the program."""
    from storage import ExpressionError, StorageError

    if isinstance(error, SettingsError):
        return 2, [str(problem) for problem in error.problems]
    if isinstance(error, WrongUsage):
        return 2, error.problems
    if isinstance(error, EnvironmentProblem | ExpressionError | UnknownName):
        return 2, [str(error)]
    if isinstance(error, BrokenEntry | PresetError | StorageError):
        return 1, [str(error)]
    return None


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command; ``run`` of what it parses is the command's function."""
    parser = argparse.ArgumentParser(
        prog="foresight",
        description="A desktop lab for model-based reinforcement learning.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(takes_rest=False, project=None, verbose=False)
    parser.add_argument("--version", action="version", version=f"foresight {_version()}")
    everywhere = _add_everywhere(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, *, help: str, add_help: bool = True) -> argparse.ArgumentParser:
        description = f"{help[0].upper()}{help[1:]}."
        return commands.add_parser(
            name, help=help, description=description, parents=[everywhere], add_help=add_help, allow_abbrev=False
        )

    window = add("gui", help="open the window", add_help=False)
    window.set_defaults(run=gui, takes_rest=True)
    for module in (training, study, browsing, exchange, report, analysing, planning, bench, doctor):
        module.add_commands(add)
    return parser


def _add_everywhere(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Options that may stand before the command or after it; returns the parent of the commands' parsers."""
    everywhere = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    for each in (parser, everywhere):
        each.add_argument("--project", metavar="DIR", type=Path, help="project folder (default: in your data folder)")
        each.add_argument("-v", "--verbose", action="store_true", help="tell more: tracebacks, all settings")
    return everywhere


def _version() -> str:
    try:
        return version("foresight-lab")
    except PackageNotFoundError:
        return "unreleased"


def gui(arguments: argparse.Namespace) -> int:
    """Hand this process over to the window, with the remaining arguments."""
    project = [] if arguments.project is None else ["--project", str(arguments.project)]
    return hand_over("ui", "foresight gui", [*project, *arguments.rest])


if __name__ == "__main__":
    sys.exit(main())
