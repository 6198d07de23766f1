"""``list``, ``show`` and ``presets``: what there is, read beside a program that writes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from workbench import presets
from workbench.analysis.configuration import stored_settings
from workbench.commands import project
from workbench.commands.output import (
    as_command,
    duration,
    moment,
    number,
    print_document,
    run_record,
    say,
    size,
    table_console,
    tell,
)
from workbench.registry import BrokenEntry, UnknownName
from workbench.settings import SettingsError
from workbench.spec import new_spec

if TYPE_CHECKING:
    from storage import Project, RunRow


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Make the parsers of this module's commands with ``add``."""
    parser = add("list", help="the runs of the project")
    parser.add_argument("--filter", metavar="EXPRESSION", default="", help="such as 'agent = alm and step > 10000'")
    parser.add_argument("--json", action="store_true", help='print {"runs": [...]}')
    parser.set_defaults(run=list_runs)

    parser = add("show", help="everything that is known of a run")
    parser.add_argument("wanted", metavar="RUN", help="number, name or uuid")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=show)

    parser = add("presets", help="the settings that a run can begin from")
    parser.add_argument("--json", action="store_true", help='print {"presets": [...]}')
    parser.set_defaults(run=list_presets)


# ---- presets --------------------------------------------------------------------------------------------------------


def list_presets(arguments: argparse.Namespace) -> int:
    """Print every preset with what to expect of it."""
    found = presets.load_presets().values()
    if arguments.json:
        documents = [asdict(preset) | {"default": preset.name == presets.DEFAULT} for preset in found]
        print_document({"presets": documents})
        return 0
    console = table_console()
    for preset in found:
        default = " (default)" if preset.name == presets.DEFAULT else ""
        console.print(f"{preset.name}{default}: {preset.title}", style="bold")
        console.print(f"{preset.description}\n", soft_wrap=False)
    say(f"Start one: {as_command(arguments, 'train', '--preset', 'alm-quick')}")
    return 0


# ---- list -----------------------------------------------------------------------------------------------------------


def list_runs(arguments: argparse.Namespace) -> int:
    """Print the runs that the filter leaves, the oldest first."""
    from storage import ProjectMissing, RunFilter

    rows: list[RunRow] = []
    try:
        with project.reading(arguments) as opened:
            rows = opened.runs.page(RunFilter(expression=arguments.filter), sort=(("id", "asc"),))
    except ProjectMissing:
        if arguments.project is not None:
            raise
    if arguments.json:
        print_document({"runs": [run_record(row) for row in rows]})
    elif rows:
        _print_table(rows)
    else:
        tell(f"No runs. Start one: {as_command(arguments, 'train', '--preset', 'alm-quick')}")
    return 0


def _print_table(rows: list[RunRow]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("run", "status", "preset", "agent", "environment", "seed", "step", "return", "best", "created"):
        table.add_column(heading, justify="right" if heading in ("run", "seed", "step", "return", "best") else "left")
    for row in rows:
        table.add_row(
            str(row.id),
            row.status.value,
            row.preset or "-",
            row.agent,
            row.environment,
            str(row.seed),
            f"{row.step:,}/{row.total_steps:,}",
            number(row.latest_return),
            number(row.best_return),
            moment(row.created),
        )
    table_console().print(table)


# ---- show -----------------------------------------------------------------------------------------------------------


def show(arguments: argparse.Namespace) -> int:
    """Print what is known of one run; all its settings with ``-v``."""
    with project.reading(arguments) as opened:
        row = opened.runs.find(arguments.wanted)
        document = run_document(opened, row)
    if arguments.json:
        print_document(document)
        return 0
    console = table_console()
    for title, lines in _sections(row, document, arguments):
        if lines:
            console.print(title, style="bold")
            for line in lines:
                console.print(f"  {line}", soft_wrap=True)
    return 0


def run_document(opened: Project, row: RunRow) -> dict[str, Any]:
    """Everything that is known of a run, as JSON."""
    lineage = opened.runs.lineage(row.id)
    log = opened.log.read(row.id, kinds=("state", "resume", "fault", "quarantine", "notice"))
    events = [asdict(event) for event in log]
    latest = opened.series.latest(row.id).items()
    files = [asdict(file) for file in opened.artifacts.list(row.id)]
    return asdict(row) | {
        "settings": stored_settings(row.spec),
        "differences": {path: list(pair) for path, pair in differences(row).items()},
        "ancestors": [ancestor.id for ancestor in lineage.ancestors],
        "children": [child.id for child in lineage.children],
        "metrics": {name: {"step": step, "value": value} for name, (step, value) in latest},
        "history": [event for event in events if event["kind"] != "fault"],
        "faults": [event for event in events if event["kind"] == "fault"],
        "files": [{key: file[key] for key in ("kind", "name", "step", "size", "path", "created")} for file in files],
    }


def differences(row: RunRow) -> dict[str, tuple[Any, Any]]:
    """Dotted path -> (the run's value, the preset's or else the agent's default), only where they differ.

    A setting that did not exist yet when the run was made is no difference: its default is what was done before.
    """
    try:
        if row.preset is None:
            base = new_spec(row.agent, row.environment)
        else:
            base = presets.find_preset(row.preset).spec(agent=row.agent, environment=row.environment)
    except (UnknownName, SettingsError, BrokenEntry):
        return {}
    own = stored_settings(row.spec) | {"total_steps": row.total_steps}
    other = {path: value for path, value in base.flat().items() if path not in ("agent", "environment", "device")}
    known = {path: value for path, value in other.items() if path in own or path.startswith("environment.")}
    pairs = {path: (own.get(path), other.get(path)) for path in {**known, **own}}
    return {path: pair for path, pair in pairs.items() if pair[0] != pair[1]}


def _sections(row: RunRow, document: dict[str, Any], arguments: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    yield f"Run {row.id}: {row.name}", list(_state(row))
    base = f"preset {row.preset}" if row.preset else f"defaults of {row.agent}"
    pairs = document["differences"].items()
    changed = [f"{path} = {_text(own)}   ({base}: {_text(other)})" for path, (own, other) in pairs]
    yield f"Settings, as in the {base} but for", changed or ["nothing"]
    if arguments.verbose:
        yield "All settings", [f"{path} = {_text(value)}" for path, value in document["settings"].items()]
    yield "Comes from", [f"run {number}" for number in document["ancestors"]]
    yield "Forked from it", [f"run {number}" for number in document["children"]]
    width = max(map(len, document["metrics"]), default=0)
    metrics = document["metrics"].items()
    yield "Latest metrics", [f"{name:{width}}  {item['value']:.6g}   (step {item['step']:,})" for name, item in metrics]
    yield "Made with", [", ".join(f"{name} {version}" for name, version in row.versions.items())]
    yield "On", [", ".join(str(part) for part in (row.device, row.precision, *row.host.values()))]
    yield "Files", list(_files(document["files"], every=arguments.verbose))
    yield "History", [_event(event) for event in document["history"]]
    for event in document["faults"]:
        yield f"Fault at step {event['step']:,}", [event["data"]["message"], *event["data"]["traceback"].splitlines()]


def _state(row: RunRow) -> Iterator[str]:
    yield f"{row.status.value}: {row.reason}" if row.reason else row.status.value
    yield f"{row.agent} on {row.environment}, seed {row.seed}, uuid {row.uuid}"
    yield f"step {row.step:,} of {row.total_steps:,}, {row.updates:,} updates, {duration(row.active_seconds)} at work"
    yield f"evaluation return {number(row.latest_return)}, best {number(row.best_return)}"
    yield f"created {moment(row.created)}, started {moment(row.started)}, last heard of {moment(row.heartbeat)}"
    if row.tags:
        yield f"tags {', '.join(row.tags)}"
    if row.note:
        yield f"note {row.note}"


def _files(files: list[dict[str, Any]], *, every: bool) -> Iterator[str]:
    if every:
        yield from (f"{file['kind']:9} {file['name']}  {size(file['size'])}  {file['path']}" for file in files)
        return
    for kind in dict.fromkeys(file["kind"] for file in files):
        names = [file["name"] for file in files if file["kind"] == kind]
        listed = names if len(names) <= 4 else [names[0], "...", *names[-2:]]
        total = size(sum(file["size"] for file in files if file["kind"] == kind))
        yield f"{kind:9} {len(names)} in {total}: {', '.join(listed)}"


def _event(event: dict[str, Any]) -> str:
    data = event["data"]
    if event["kind"] == "state":
        what = f"{data['from']} -> {data['to']}" + (f": {data['reason']}" if data["reason"] else "")
    else:
        what = data.get("text") or ", ".join(f"{key} {value}" for key, value in data.items())
    return f"{moment(event['wall_time'])}  step {event['step']:,}  {what}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
