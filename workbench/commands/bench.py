"""``bench``: hands over to one benchmark, which has its own arguments."""

from __future__ import annotations

import argparse
import difflib
import importlib
from collections.abc import Callable

from workbench.commands.output import WrongUsage
from workbench.commands.window import hand_over

#: name -> module with ``configure(parser)`` and ``run(arguments) -> int``; the window's is handed the process over
BENCHMARKS = {
    "update": "workbench.benchmarks.update",
    "lanes": "workbench.benchmarks.lanes",
    "planners": "workbench.benchmarks.planners",
    "q-bias": "workbench.benchmarks.q_bias",
    "storage": "workbench.benchmarks.storage",
    "gui": "ui.bench",
    "memory": "ui.bench_memory",
}


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Make the parsers of this module's commands with ``add``."""
    # No help of its own: `foresight bench update --help` is the benchmark's.
    parser = add("bench", help="measure how fast this machine trains, plans, stores and draws", add_help=False)
    parser.add_argument("benchmark", metavar="NAME", nargs="?", help=", ".join(BENCHMARKS))
    parser.set_defaults(run=bench, takes_rest=True, bench_parser=parser)


def bench(arguments: argparse.Namespace) -> int:
    """Run the benchmark that is named. Raises WrongUsage for an unknown one."""
    name = arguments.benchmark
    if name is None and {"-h", "--help"} & set(arguments.rest):
        arguments.bench_parser.print_help()
        return 0
    if name not in BENCHMARKS:
        near = difflib.get_close_matches(name or "", BENCHMARKS, n=1)
        asked = "name a benchmark" if name is None else f"there is no benchmark called {name!r}"
        raise WrongUsage([f"bench: {asked}; expected {near[0] if near else ', '.join(BENCHMARKS)}"])
    if BENCHMARKS[name].startswith("ui."):
        return hand_over(BENCHMARKS[name], f"foresight bench {name}", arguments.rest)
    module = importlib.import_module(BENCHMARKS[name])
    parser = argparse.ArgumentParser(prog=f"foresight bench {name}", allow_abbrev=False)
    module.configure(parser)
    code: int = module.run(parser.parse_args(arguments.rest, arguments))
    return code
