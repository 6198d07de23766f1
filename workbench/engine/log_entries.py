"""What the log of a run says of an event."""

from __future__ import annotations

from typing import Any

from workbench import events


def log_entry(event: events.Event) -> tuple[str, dict[str, Any]]:
    """Kind and JSON of an event for the run's log."""
    if isinstance(event, events.EpisodeFinished):
        ended = "terminated" if event.terminated else "truncated"
        return "episode", {"return": event.episode_return, "length": event.length, "ended": ended}
    if isinstance(event, events.EvaluationFinished):
        data = {"returns": list(event.returns), "lengths": list(event.lengths), "seconds": event.seconds}
        return "evaluation", data
    if isinstance(event, events.AnalysisFinished):
        return "analysis", {"analysis": event.analysis, "seconds": event.seconds, **event.values}
    if isinstance(event, events.CheckpointWritten):
        return "checkpoint", {"kind": event.kind, "name": event.name, "size": event.size}
    if isinstance(event, events.Fault):
        return "fault", {"message": event.message, "traceback": event.traceback}
    if isinstance(event, events.Note):
        return "note", {"text": event.text}
    if isinstance(event, events.StateChanged):
        return "notice", {"state": event.state, "reason": event.reason}
    return type(event).__name__.lower(), {}
