"""Begins studies, goes on with them and stops them, and says in a notice what came of it."""

from __future__ import annotations

from collections.abc import Iterable

from storage import StorageError
from ui import format
from ui.context import Context
from workbench.engine.study_plan import StudyPlan, VariantProgress
from workbench.settings import SettingsError


def begin(context: Context, plan: StudyPlan) -> list[int]:
    """Store a study and queue its runs; none where that cannot be, which a notice explains."""
    queue = context.engine.queue
    if queue is None:
        context.notices.add("info", "The engine is being prepared. Start the study in a few seconds.")
        return []
    from workbench.engine import study

    try:
        runs = study.begin(queue, plan)
    except (SettingsError, StorageError) as error:
        context.notices.add("bad", str(error))
        return []
    context.notices.add("ok", f"Queued the study {plan.name}: {format.plural(len(runs), 'run')}.")
    context.feed.runs_changed.emit()
    return runs


def grow(context: Context, name: str, seeds: tuple[int, ...] = ()) -> list[int]:
    """Queue what a stored study lacks, and further seeds of every variant; returns those runs."""
    queue = context.engine.queue
    if queue is None:
        context.notices.add("info", "The engine is being prepared. Try again in a few seconds.")
        return []
    from workbench.engine import study

    try:
        runs = study.add_seeds(queue, name, seeds)
    except (SettingsError, StorageError) as error:
        context.notices.add("bad", str(error))
        return []
    if runs:
        context.notices.add("ok", f"Queued {format.plural(len(runs), 'run')} of the study {name}.")
    else:
        context.notices.add("info", f"Every variant of {name} has run with these seeds.")
    context.feed.runs_changed.emit()
    return runs


def stop(context: Context, variants: Iterable[VariantProgress]) -> None:
    """Stop the running runs with a resume point, and take the queued ones out of the queue."""
    queue = context.engine.queue
    if queue is None:
        return
    runs = [run.id for variant in variants for run in variant.runs if run.status in ("queued", "running", "paused")]
    for run in sorted(runs, reverse=True):  # the queued ones first, so that none takes a stopped one's place
        try:
            queue.stop(run)
        except StorageError as error:
            context.notices.add("warn", str(error))
    context.feed.runs_changed.emit()


def seeds_of(text: str) -> tuple[int, ...]:
    """Seeds as typed: whole numbers separated by commas or blanks. Raises ValueError with a sentence."""
    parts = text.replace(",", " ").split()
    if not parts or not all(part.isdecimal() for part in parts):
        raise ValueError(f"Seeds are whole numbers from 0 on, such as 4, 5, not {text.strip() or 'nothing'}.")
    return tuple(map(int, parts))
