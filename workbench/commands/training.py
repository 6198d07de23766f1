"""``train``, ``resume`` and ``fork``: what they ask for is checked before anything starts, then followed to the end."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from workbench import presets
from workbench.commands import project
from workbench.commands.output import WrongUsage, as_command, say, tell
from workbench.environments.catalog import find_task
from workbench.environments.problem import EnvironmentProblem
from workbench.registry import UnknownName, registry
from workbench.settings import SettingsError, fields_of
from workbench.spec import EngineSettings, RunSpec, agent_settings, check_seeds, new_spec

if TYPE_CHECKING:
    from storage import Project, RunRow
    from workbench.commands.watching import StopSignals
    from workbench.engine.recorder import Recorder


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Make the parsers of this module's commands with ``add``."""
    parser = add("train", help="train an agent, one run per seed")
    parser.add_argument("--preset", metavar="NAME", help=f"settings to begin from (default: {presets.DEFAULT})")
    parser.add_argument("--agent", metavar="NAME", help="another agent than the preset's")
    parser.add_argument("--env", metavar="ID", help="another environment than the preset's; any Gymnasium id")
    add_changes(parser)
    add_seeds(parser)
    add_steps(parser, "budget: environment steps in total, warm-up included")
    parser.add_argument("--list-settings", action="store_true", help="print every KEY with range and meaning, and stop")
    parser.add_argument("--device", metavar="DEVICE", default="auto", help="auto (default), cpu or cuda:0")
    add_json(parser)
    parser.set_defaults(run=train)

    parser = add("resume", help="go on with runs that stopped, or train finished ones longer")
    parser.add_argument("runs", metavar="RUN", nargs="*", help="number, name or uuid")
    parser.add_argument("--all-interrupted", action="store_true", help="every run whose program was killed")
    add_steps(parser, "new budget: environment steps in total")
    add_json(parser)
    parser.set_defaults(run=resume)

    parser = add("fork", help="a new run from a run's saved networks, with changed settings")
    parser.add_argument("parent", metavar="RUN", help="number, name or uuid")
    parser.add_argument("--checkpoint", metavar="last|best|STEP", default="last", help="which snapshot (default: last)")
    add_changes(parser)
    add_seeds(parser)
    add_steps(parser, "budget: environment steps in total, counted from the fork")
    add_json(parser)
    parser.set_defaults(run=fork)


def add_changes(parser: argparse.ArgumentParser) -> None:
    """``--set KEY=VALUE``."""
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        dest="changes",
        action="append",
        default=[],
        help="change a setting: an agent's field, engine.FIELD or environment.OPTION; may be repeated",
    )


def add_seeds(parser: argparse.ArgumentParser) -> None:
    """``--seeds 1,2,3``."""
    parser.add_argument("--seeds", metavar="1,2,3", help="one run per seed, in one group")


def add_steps(parser: argparse.ArgumentParser, text: str) -> None:
    """``--steps N``."""
    parser.add_argument("--steps", metavar="N", type=_steps, help=text)


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument("--json", action="store_true", help="print the runs as one JSON document when they have ended")


def _steps(text: str) -> int:
    with contextlib.suppress(ValueError, OverflowError):
        number = float(text.replace("_", ""))
        if number == int(number) and 1 <= number < 2**63:
            return int(number)
    raise argparse.ArgumentTypeError(f"{text!r} is not valid; expected a whole number at least 1")


# ---- what is asked for ----------------------------------------------------------------------------------------------


def changes_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings of ``--set`` and ``--steps`` by dotted path. Raises WrongUsage."""
    values = values_of(arguments.changes, "rollout_length=3")
    if arguments.steps is not None:
        values["total_steps"] = arguments.steps
    return values


def values_of(texts: Iterable[str], example: str) -> dict[str, Any]:
    """Each KEY=VALUE of ``texts`` by its key. Raises WrongUsage, which shows the ``example``."""
    values: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (equals and key.strip()):
            raise WrongUsage([f"--set: {text!r} is not valid; expected KEY=VALUE, such as {example}"])
        values[key.strip()] = value.strip()
    return values


def seeds_of(arguments: argparse.Namespace) -> tuple[int, ...] | None:
    """The seeds of ``--seeds``; None where it is not given. Raises WrongUsage."""
    if arguments.seeds is None:
        return None
    parts = [part.strip() for part in arguments.seeds.split(",") if part.strip()]
    if not all(part.isdecimal() for part in parts):
        raise WrongUsage([f"seeds: {arguments.seeds!r} is not valid; expected whole numbers from 0 on, such as 1,2,3"])
    seeds = tuple(int(part) for part in parts)
    problems = list(check_seeds(seeds))
    if problems:
        raise WrongUsage(problems)
    return seeds


def asked_spec(arguments: argparse.Namespace) -> RunSpec:
    """The run that ``train``'s arguments mean. Raises WrongUsage with every problem that shows before it is tried."""
    problems: list[object] = [
        f"--{name}: is empty; leave the flag out, or give it a value"
        for name in ("agent", "env", "preset")
        if getattr(arguments, name) is not None and not getattr(arguments, name).strip()
    ]
    if problems:
        raise WrongUsage(problems)
    spec = None
    default = presets.find_preset(presets.DEFAULT)
    environment = None if arguments.env is None else task_name(arguments.env)
    options: dict[str, Any] = {}
    try:
        values, seeds = changes_of(arguments), seeds_of(arguments)
        if arguments.preset is None and arguments.agent not in (None, default.agent):
            seeds, where = seeds or default.seeds, environment or default.environment
            spec = new_spec(arguments.agent, where, values, seeds=seeds, device=arguments.device)
        else:
            preset = default if arguments.preset is None else presets.find_preset(arguments.preset)
            environment = environment or preset.environment
            spec = preset.spec(
                values, agent=arguments.agent, environment=environment, seeds=seeds, device=arguments.device
            )
        environment, options = spec.environment, spec.environment_options
    except (SettingsError, WrongUsage) as error:
        problems.extend(error.problems)
    except UnknownName as error:
        problems.append(error)
    if environment is not None:
        problems.extend(environment_problems(environment, options))
    if problems or spec is None:
        raise WrongUsage(problems)
    return spec


def task_name(text: str) -> str:
    """An environment's name as the catalog writes it; other ids as they are."""
    try:
        return find_task(text).name
    except EnvironmentProblem:
        return text.strip()


def environment_problems(name: str, options: dict[str, Any]) -> Iterator[str]:
    """Why an environment cannot be used, found by making it and taking a step."""
    from workbench.environments.make import describe_environment

    try:
        describe_environment(name, options)
    except EnvironmentProblem as problem:
        yield f"environment: {problem}"


def check_machine(spec: RunSpec) -> None:
    """Load what the run needs. Raises SettingsError (no such device) and workbench.registry.BrokenEntry."""
    from workbench.engine.devices import resolve_device

    resolve_device(spec.device)
    registry("agent").find(spec.agent).load()


# ---- the commands ---------------------------------------------------------------------------------------------------


def train(arguments: argparse.Namespace) -> int:
    """Train what is asked for and follow it to the end."""
    if arguments.list_settings:
        return list_settings(arguments)
    spec = asked_spec(arguments)
    check_machine(spec)

    from workbench.commands.watching import watch
    from workbench.engine.queue import RunQueue

    with recording(arguments) as (recorder, signals):
        queue = RunQueue(recorder, only=())
        runs = queue.submit(spec)
        what = f"{spec.agent} on {spec.environment}, {spec.total_steps:,} steps"
        tell(f"{_runs(runs)}: {what}, in {recorder.folder}")
        return watch(queue, runs, signals, arguments)


def list_settings(arguments: argparse.Namespace) -> int:
    """Print what ``--set`` takes for the agent that is asked for."""
    preset = presets.find_preset(arguments.preset or presets.DEFAULT)
    settings = agent_settings(arguments.agent or preset.agent)
    fields = [*fields_of(settings), *fields_of(EngineSettings, prefix="engine.")]
    for field in fields:
        unit = f" {field.unit}" if field.unit else ""
        say(f"{field.path}: {field.help} ({field.range_text}; default {field.default}{unit})")
    say("environment.OPTION: An option of the environment's constructor.")
    return 0


def resume(arguments: argparse.Namespace) -> int:
    """Go on with the runs that are named, after all of them were found fit for it."""
    from workbench.commands.watching import watch
    from workbench.engine.queue import RunQueue
    from workbench.engine.recorder import RunState

    if not arguments.runs and not arguments.all_interrupted:
        raise WrongUsage(["RUN: name the runs to go on with, or say --all-interrupted"])
    with recording(arguments) as (recorder, signals):
        rows = _chosen(recorder.project, arguments)
        if not rows:
            tell("No run is interrupted.")
        problems = [problem for row in rows for problem in _resume_problems(recorder, row, arguments.steps)]
        if problems:
            raise WrongUsage(problems)
        # A queued one was left by a program that is gone: it waits already.
        queued = [row.id for row in rows if row.status is RunState.QUEUED]
        queue = RunQueue(recorder, only=queued)
        for row in rows:
            if row.id not in queued:
                queue.resume(row.id, arguments.steps)
            elif arguments.steps is not None:
                recorder.extend(row.id, arguments.steps)
        return watch(queue, [row.id for row in rows], signals, arguments)


def fork(arguments: argparse.Namespace) -> int:
    """Begin a run from a snapshot of another one, and follow it to the end."""
    from workbench.commands.watching import watch
    from workbench.engine.queue import RunQueue

    values, seeds = changes_of(arguments), seeds_of(arguments)
    with recording(arguments) as (recorder, signals):
        parent = recorder.project.runs.find(arguments.parent)
        spec = recorder.spec(parent.id)[0].changed(values)
        problems = list(environment_problems(spec.environment, spec.environment_options))
        if problems:
            raise WrongUsage(problems)
        check_machine(spec)
        queue = RunQueue(recorder, only=())
        runs = queue.fork(parent.id, arguments.checkpoint, values, seeds or ())
        tell(f"{_runs(runs)}: forked from run {parent.id}, {spec.total_steps:,} steps, in {recorder.folder}")
        return watch(queue, runs, signals, arguments)


@contextlib.contextmanager
def recording(arguments: argparse.Namespace) -> Iterator[tuple[Recorder, StopSignals]]:
    """The project opened for writing, with stop signals heard from here on; says which runs were interrupted."""
    from workbench.commands.watching import StopSignals
    from workbench.engine.recorder import Recorder

    go_on = as_command(arguments, "resume", "--all-interrupted")
    with project.writing(arguments) as opened, StopSignals(f"Left at once. Go on: {go_on}") as signals:
        if opened.interrupted and not getattr(arguments, "all_interrupted", False):
            tell(f"{_runs(opened.interrupted)}: interrupted, because the program is gone. Go on: {go_on}")
        yield Recorder(opened), signals


def _chosen(opened: Project, arguments: argparse.Namespace) -> list[RunRow]:
    from storage import RunFilter, RunState

    rows = [opened.runs.find(text) for text in arguments.runs]
    if arguments.all_interrupted:
        rows += opened.runs.page(RunFilter(statuses=(RunState.INTERRUPTED,)), sort=(("id", "asc"),))
    return list({row.id: row for row in rows}.values())


def _resume_problems(recorder: Recorder, row: RunRow, steps: int | None) -> Iterator[str]:
    from storage import RunState

    if (steps is not None or row.status is RunState.FINISHED) and (steps or row.total_steps) <= row.step:
        yield f"steps: run {row.id} has done {row.step:,} environment steps; expected --steps beyond that"
    try:
        spec, _ = recorder.spec(row.id)
        check_machine(spec)
    except (SettingsError, UnknownName) as error:
        yield f"run {row.id}: {error}"
    else:
        yield from environment_problems(spec.environment, spec.environment_options)


def _runs(numbers: list[int] | tuple[int, ...]) -> str:
    listed = ", ".join(map(str, numbers))
    return f"Run {listed}" if len(numbers) == 1 else f"Runs {listed}"
