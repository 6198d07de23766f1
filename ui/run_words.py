"""A stored run in words: its settings, its events, where it ran and what it left behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from storage import ArtifactRow, LogRow, RunRow
from ui import format
from ui.tables.plain_table import PlainRow
from workbench.analysis.configuration import stored_settings
from workbench.commands.browsing import differences
from workbench.metrics import describe

#: what the log can be narrowed to: title -> kinds; the rest are the events proper
KINDS = {"Evaluations": ("evaluation",), "Episodes": ("episode",), "Checkpoints": ("checkpoint",)}
_FILE_KINDS = {
    "resume": "Resume point",
    "replay": "Replay part",
    "snapshot": "Snapshot",
    "episode": "Episode",
    "analysis": "Analysis",
}


def setting_rows(row: RunRow) -> list[PlainRow]:
    """(setting, value, the preset's value): what differs from the preset first and marked, then the rest in order."""
    changed = differences(row)
    settings = stored_settings(row.spec) | {"total_steps": row.total_steps}
    first = [
        PlainRow((path, value_text(own), value_text(other)), changed=True, subject=path)
        for path, (own, other) in changed.items()
    ]
    rest = [PlainRow((path, value_text(value), ""), subject=path) for path, value in settings.items()]
    return [*first, *(each for each in rest if each.subject not in changed)]


def value_text(value: Any) -> str:
    """A setting's value as one would type it."""
    if value is None:
        return format.MISSING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(map(value_text, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def event_words(event: LogRow) -> str:
    """What happened, in a sentence."""
    data = event.data
    writers: dict[str, Callable[[dict[str, Any]], str]] = {
        "state": _state_words,
        "evaluation": _evaluation_words,
        "episode": _episode_words,
        "checkpoint": _checkpoint_words,
        "analysis": _analysis_words,
        "fault": lambda data: str(data.get("message", "Failed.")),
        "notice": lambda data: ": ".join(filter(None, (str(data.get("state", "")).capitalize(), data.get("reason")))),
    }
    if event.kind in writers:
        return writers[event.kind](data)
    text = data.get("text") or data.get("reason")
    return str(text) if text else ", ".join(f"{name} {value_text(value)}" for name, value in data.items()) or event.kind


def _state_words(data: dict[str, Any]) -> str:
    reason = str(data.get("reason", ""))
    return f"{str(data['to']).capitalize()}, was {data['from']}" + (f": {reason}" if reason else "")


def _evaluation_words(data: dict[str, Any]) -> str:
    returns = data["returns"]
    mean = format.number(sum(returns) / len(returns)) if returns else format.MISSING
    episodes = format.plural(len(returns), "episode")
    return f"Evaluation: return {mean} over {episodes}, {format.duration(data['seconds'])}"


def _episode_words(data: dict[str, Any]) -> str:
    return f"Episode: return {format.number(data['return'])}, {format.count(data['length'])} steps, {data['ended']}"


def _checkpoint_words(data: dict[str, Any]) -> str:
    return f"{_FILE_KINDS.get(data['kind'], data['kind'])} {data['name']} written, {format.size(data['size'])}"


def _analysis_words(data: dict[str, Any]) -> str:
    figures = [f"{describe(name).title} {format.number(data[name])}" for name in data if "/" in name]
    return f"{data['analysis'].capitalize()}: {', '.join(figures)}; {format.duration(data['seconds'])}"


def event_rows(events: Iterable[LogRow]) -> list[PlainRow]:
    """(time, step, what happened), oldest first; faults and interruptions stand out."""
    rows = []
    for event in events:
        moment = time.strftime("%H:%M:%S", time.localtime(event.wall_time))
        to = event.data.get("to")
        token = "bad" if event.kind in ("fault", "quarantine") or to == "failed" else "text"
        token = "warn" if to == "interrupted" else token
        cells = (f"{format.moment(event.wall_time)}" if not _today(event) else moment, format.count(event.step))
        rows.append(PlainRow((*cells, event_words(event)), token=token, subject=event))
    return rows


def _today(event: LogRow) -> bool:
    return time.localtime(event.wall_time)[:3] == time.localtime()[:3]


def file_rows(files: Iterable[ArtifactRow]) -> list[PlainRow]:
    """(kind, name, step, size, written), newest first."""
    return [
        PlainRow(
            (
                _FILE_KINDS.get(each.kind, each.kind),
                each.name,
                format.count(each.step),
                format.size(each.size),
                format.moment(each.created),
            ),
            subject=each,
        )
        for each in sorted(files, key=lambda each: each.created, reverse=True)
    ]


def facts(row: RunRow, group: str) -> list[tuple[str, str]]:
    """(name, value) of what the run is and where and with what it ran; what is not known is left out."""
    versions = {name: row.versions.get(name.lower(), "") for name in ("Foresight", "torch", "mujoco", "gymnasium")}
    rest = {name: text for name, text in row.versions.items() if name not in map(str.lower, versions)}
    done = f"{format.count(row.step)} of {format.count(row.total_steps)} steps"
    pairs = [
        ("Run", f"{row.id} · {row.uuid}"),
        ("Agent", row.agent),
        ("Environment", row.environment),
        ("Seed", str(row.seed)),
        ("Group", group),
        ("Preset", row.preset or ""),
        ("Device", f"{row.device}, {row.precision}"),
        ("Made with", ", ".join(f"{name} {text}" for name, text in (versions | rest).items() if text)),
        ("Machine", ", ".join(str(part) for part in row.host.values() if part)),
        ("Created", format.date_time(row.created)),
        ("Started", format.date_time(row.started)),
        ("Ended", format.date_time(row.ended) if row.ended is not None else ""),
        ("Training time", format.duration(row.active_seconds) if row.active_seconds else ""),
        ("Done", f"{done}, {format.count(row.updates)} updates"),
        ("Settings' hash", row.content_hash[:12]),
        ("Tags", ", ".join(row.tags)),
        ("Note", row.note),
    ]
    return [(name, text) for name, text in pairs if text]


def failure_sentence(row: RunRow, kept: int | None) -> str:
    """What a failed run's banner says; ``kept`` is the step of its last resume point."""
    reason = row.reason.rstrip(".") or "it did not say why"
    left = "There is no resume point." if kept is None else f"The resume point of step {format.count(kept)} is kept."
    return f"Stopped at step {format.count(row.step)}: {reason}. {left}"
