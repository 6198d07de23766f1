"""``study``: the same runs with one thing changed after another; a half-finished study goes on where it was left."""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench import presets
from workbench.commands.output import WrongUsage, as_command, duration, print_document, say, tell
from workbench.commands.training import (
    add_changes,
    add_json,
    add_seeds,
    add_steps,
    changes_of,
    check_machine,
    environment_problems,
    recording,
    seeds_of,
    task_name,
)
from workbench.engine import study_plan
from workbench.engine.study_plan import StudyPlan, VariantProgress
from workbench.engine.study_presets import StudyPreset, find_study_preset, load_study_presets

if TYPE_CHECKING:
    from storage import Project, RunRow
    from workbench.engine.duration import Duration
    from workbench.engine.queue import RunQueue

_WAYS = {"each": study_plan.each_alone, "pairs": study_plan.all_pairs, "together": study_plan.all_together}


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Make the parser of this module's command with ``add``."""
    parser = add("study", help="the same runs with one thing changed after another")
    parser.add_argument("--preset", metavar="NAME", help="one of the paper's studies; --list shows them")
    parser.add_argument("--base", metavar="PRESET", help="the preset that the variants change")
    parser.add_argument(
        "--toggle",
        metavar="FIELD[=V,V]",
        nargs="+",
        action="extend",
        default=[],
        help="ablations to try, such as kl_term rollout_length=1,5; without values all that the field names",
    )
    parser.add_argument(
        "--combine", choices=tuple(_WAYS), help="one at a time (each, the default), every two as well, or all"
    )
    parser.add_argument("--name", help="what the study is called (default: the preset, or base and toggles)")
    parser.add_argument("--env", metavar="ID", help="another environment; any Gymnasium id")
    add_changes(parser)
    add_seeds(parser)
    add_steps(parser, "budget of each run: environment steps in total, warm-up included")
    parser.add_argument("--device", metavar="DEVICE", help="auto (default), cpu or cuda:0")
    parser.add_argument("--go-on", metavar="STUDY", help="what a stored study lacks; with --seeds also those seeds")
    parser.add_argument("--list", action="store_true", help="print the paper's studies, and stop")
    parser.add_argument("--dry-run", action="store_true", help="print the runs that it makes and how long they take")
    add_json(parser)
    parser.set_defaults(run=study)


def study(arguments: argparse.Namespace) -> int:
    """Run what is asked for, after telling how many runs that makes and how long they take."""
    if arguments.list:
        return list_studies(arguments)
    if arguments.go_on is not None:
        _refuse(
            arguments, "go_on", ("preset", "base", "toggle", "combine", "name", "env", "changes", "steps", "device")
        )
        return _told_what_is_left(arguments) if arguments.dry_run else _go_on(arguments)
    plan = asked_plan(arguments)
    if arguments.dry_run:
        return _print_plan(plan, arguments)
    check_machine(plan.base)

    from workbench.engine import study as engine
    from workbench.engine.queue import RunQueue

    with recording(arguments) as (recorder, signals):
        stored = {row.name: row for row in recorder.project.studies.list()}
        queue = RunQueue(recorder, only=())
        if plan.name in stored:
            _check_same(plan, engine.read_plan(stored[plan.name]))
            tell(f"The study {plan.name} is there already and goes on.")
            runs = engine.add_seeds(queue, plan.name, plan.base.seeds)
        else:
            runs = engine.begin(queue, plan)
        plan = engine.read_plan(recorder.project.studies.find(plan.name))
        tell(f"{_summary(plan)}. {_time_left(_judged(recorder.project, plan))}")
        return _follow(queue, plan.name, runs, signals, arguments)


def list_studies(arguments: argparse.Namespace) -> int:
    """Print the studies of the paper."""
    found = load_study_presets().values()
    if arguments.json:
        print_document({"studies": [_preset_record(preset) for preset in found]})
        return 0
    for preset in found:
        say(f"{preset.name}: {preset.title} ({preset.source})")
        say(f"    {' '.join(preset.description.split())}")
        say(f"    {preset.environment}; {', '.join(variant.name for variant in preset.variants) or 'the base alone'}")
    say(f"Try one with small networks: {as_command(arguments, 'study', '--preset', 'fig-5a', '--base', 'alm-quick')}")
    return 0


def asked_plan(arguments: argparse.Namespace) -> StudyPlan:
    """The study that the arguments mean. Raises WrongUsage, SettingsError, UnknownName."""
    values, seeds = changes_of(arguments), seeds_of(arguments)
    environment = None if arguments.env is None else task_name(arguments.env)
    if arguments.preset is not None:
        _refuse(arguments, "preset", ("toggle", "combine"))
        preset = find_study_preset(arguments.preset)
        name = arguments.name or "-".join(filter(None, (preset.name, arguments.base, environment)))
        device = arguments.device or "auto"
        plan = preset.plan(
            name=name, base=arguments.base, values=values, environment=environment, seeds=seeds, device=device
        )
    else:
        plan = _toggled_plan(arguments, values, environment, seeds)
    problems = list(environment_problems(plan.base.environment, plan.base.environment_options))
    if problems:
        raise WrongUsage(problems)
    return plan


def _toggled_plan(
    arguments: argparse.Namespace, values: dict[str, Any], environment: str | None, seeds: tuple[int, ...] | None
) -> StudyPlan:
    if not arguments.toggle:
        raise WrongUsage(["toggle: name the ablations to try (--toggle kl_term), or one of the paper's (--preset)"])
    preset = presets.find_preset(arguments.base or presets.DEFAULT)
    base = preset.spec(values, environment=environment, seeds=seeds, device=arguments.device or "auto")
    toggles = dict(study_plan.parse_toggle(text, base) for text in arguments.toggle)
    variants, left_out = study_plan.fitting(base, _WAYS[arguments.combine or "each"](base, toggles))
    if left_out and arguments.combine != "pairs":
        raise WrongUsage([f"toggle: {each.name}: {each.reason}" for each in left_out])
    for each in left_out:
        tell(f"Left out: {each.name}. {each.reason}.")
    if not variants:
        raise WrongUsage(["toggle: nothing differs from the base; give a field other values, such as rollout_length=1"])
    plan = StudyPlan(arguments.name or f"{preset.name}: {', '.join(arguments.toggle)}", base, variants)
    plan.check()
    return plan


def _refuse(arguments: argparse.Namespace, flag: str, others: tuple[str, ...]) -> None:
    given = [name for name in others if getattr(arguments, name)]
    if given:
        words = {"changes": "set"}
        said = ", ".join(f"--{words.get(name, name)}" for name in given)
        raise WrongUsage([f"{flag.replace('_', '-')}: it says already what {said} would say; leave that out"])


def _check_same(plan: StudyPlan, stored: StudyPlan) -> None:
    """Raise WrongUsage if a stored study of that name is another one."""
    same = plan.base.content_hash() == stored.base.content_hash() and plan.base.total_steps == stored.base.total_steps
    if not same or {arm.name: dict(arm.changes) for arm in plan.arms} != {
        arm.name: dict(arm.changes) for arm in stored.arms
    }:
        raise WrongUsage([f"name: there is another study called {plan.name}; give this one a name with --name"])


def _told_what_is_left(arguments: argparse.Namespace) -> int:
    """What going on with a stored study would run; nothing is started."""
    from workbench.commands import project
    from workbench.engine import study as engine

    added = seeds_of(arguments) or ()
    with project.reading(arguments) as opened:
        plan = engine.read_plan(opened.studies.find(arguments.go_on))
    seeds = tuple(dict.fromkeys((*plan.base.seeds, *added)))
    return _print_plan(replace(plan, base=replace(plan.base, seeds=seeds)), arguments)


def _go_on(arguments: argparse.Namespace) -> int:
    """Queue what a stored study lacks, with further seeds where they are given."""
    from workbench.engine import study as engine
    from workbench.engine.queue import RunQueue

    seeds = seeds_of(arguments)
    with recording(arguments) as (recorder, signals):
        plan = engine.read_plan(recorder.project.studies.find(arguments.go_on))
        check_machine(plan.base)
        problems = list(environment_problems(plan.base.environment, plan.base.environment_options))
        if problems:
            raise WrongUsage(problems)
        queue = RunQueue(recorder, only=())
        runs = engine.add_seeds(queue, plan.name, seeds or ())
        plan = engine.read_plan(recorder.project.studies.find(plan.name))
        tell(f"{_summary(plan)}. {_time_left(_judged(recorder.project, plan))}")
        return _follow(queue, plan.name, runs, signals, arguments)


def _follow(queue: RunQueue, name: str, runs: list[int], signals: Any, arguments: argparse.Namespace) -> int:
    from workbench.commands.watching import watch
    from workbench.engine import study as engine

    project = queue.recorder.project
    # A queued one was left by a program that is gone: it waits already.
    waiting = [row.id for row in queue.recorder.queued() if row.study == name and row.id not in runs]
    queue.allow(waiting)

    def document(_rows: list[RunRow]) -> dict[str, Any]:
        found = engine.how_far(project, project.studies.find(name))
        return {"study": {"name": name, "variants": [_variant_record(variant) for variant in found]}}

    code = watch(queue, [*waiting, *runs], signals, arguments, document)
    if not arguments.json:
        for variant in engine.how_far(project, project.studies.find(name)):
            states = ", ".join(f"{count} {state}" for state, count in variant.states.items())
            say(f"{variant.name}: {states or 'no runs'}")
    return code


def _print_plan(plan: StudyPlan, arguments: argparse.Namespace) -> int:
    """What would be run: to stdout, with how long that takes where earlier runs tell."""
    from storage import ProjectMissing
    from workbench.commands import project

    try:
        with project.reading(arguments) as opened:
            judged = _judged(opened, plan)
    except ProjectMissing:
        judged = None
    if arguments.json:
        arms = [{"name": arm.name, "changes": dict(arm.changes)} for arm in plan.arms]
        record = {"name": plan.name, "runs": plan.runs, "seeds": list(plan.base.seeds)}
        record["seconds"] = None if judged is None else judged.seconds
        print_document({"study": {**record, "total_steps": plan.base.total_steps, "variants": arms}})
        return 0
    say(f"{plan.name}: {_summary(plan)}. {_time_left(judged)}")
    for arm in plan.arms:
        said = ", ".join(f"{path}={value}" for path, value in arm.changes.items())
        say(f"  {arm.name}: {said or 'as ' + (plan.base.preset or plan.base.agent)}")
    return 0


_UNKNOWN = "How long it takes is not known: no run on this machine to judge by."


def _judged(project: Project, plan: StudyPlan) -> Duration | None:
    """How long the runs take that a plan still needs, on this machine."""
    from storage import RunFilter
    from workbench.engine.duration import past_runs

    past = past_runs(project.runs.page(RunFilter(archived=None), limit=200))
    found: tuple[VariantProgress, ...] | None = None
    stored = next((row for row in project.studies.list() if row.name == plan.name), None)
    if stored is not None:
        runs = project.runs.page(RunFilter(study=plan.name, archived=None))
        found = study_plan.progress(stored.variants, runs, plan.base.seeds)
    at_once = max(1, (os.cpu_count() or 2) - 1)
    return study_plan.duration_of(plan, socket.gethostname(), past, at_once, found)


def _time_left(judged: Duration | None) -> str:
    """The expectation with its range, and where that is wide why."""
    if judged is None:
        return _UNKNOWN
    if judged.seconds == 0:
        return "All of them have run."
    span = f"{duration(judged.low)} to {duration(judged.high)}"
    why = "" if judged.alike else ", judged by runs of other sizes"
    return f"About {duration(judged.seconds)} ({span}{why}) on this machine's processor cores."


def _summary(plan: StudyPlan) -> str:
    seeds = len(plan.base.seeds)
    return f"{len(plan.arms)} variants x {seeds} seed{'s' * (seeds != 1)} = {plan.runs} runs"


def _preset_record(preset: StudyPreset) -> dict[str, Any]:
    variants = [{"name": variant.name, "changes": dict(variant.changes)} for variant in preset.variants]
    record: dict[str, Any] = {"name": preset.name, "title": preset.title, "source": preset.source, "base": preset.base}
    record |= {"description": preset.description, "environment": preset.environment, "seeds": list(preset.seeds)}
    return {**record, "settings": dict(preset.values), "variants": variants}


def _variant_record(variant: VariantProgress) -> dict[str, Any]:
    return {
        "name": variant.name,
        "changes": dict(variant.changes),
        "runs": [run.id for run in variant.runs],
        "states": dict(variant.states),
        "missing_seeds": list(variant.missing),
    }
