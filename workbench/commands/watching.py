"""Follows runs until they end, and stops them in order when the terminal or the system asks for it."""

from __future__ import annotations

import argparse
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType, TracebackType
from typing import Any, Self

from storage import RunRow
from workbench.commands.output import as_command, duration, number, print_document, run_record, say, tell
from workbench.commands.progress import Display, RunView, open_display
from workbench.engine.channel import Channel
from workbench.engine.queue import RunQueue
from workbench.engine.recorder import RunState
from workbench.events import EvaluationFinished, Note, Progress

#: seconds between two looks at the runs
INTERVAL = 0.1


class StopSignals:
    """Ctrl+C and SIGTERM, while it is entered: the first asks, the second ends the process with ``last_words``."""

    def __init__(self, last_words: str) -> None:
        self.requested = False
        self._last_words = last_words
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for kind in (signal.SIGINT, signal.SIGTERM):
                self._before[kind] = signal.signal(kind, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for heard, handler in self._before.items():
            signal.signal(heard, handler)

    def _hear(self, heard: int, frame: FrameType | None) -> None:
        if self.requested:
            # Straight to the file: whatever was interrupted here may hold the locks of sys.stderr.
            os.write(2, f"\n{self._last_words}\n".encode())
            os._exit(1)
        self.requested = True


class Watch:
    """The runs of a queue, followed to their ends."""

    def __init__(self, queue: RunQueue, runs: list[int], display: Display, signals: StopSignals) -> None:
        self._queue, self._display, self._signals = queue, display, signals
        self._views = {run_id: _view(queue.recorder.run(run_id)) for run_id in runs}
        self._channels: dict[int, Channel] = {}
        self._troubles: dict[int, str] = {}
        self._failed: set[int] = set()
        self._stopping = False

    def follow(self) -> None:
        """Start what can start and show what happens, until nothing runs and nothing waits."""
        ended = False
        while not ended:
            ended = self._queue.idle
            self._queue.pump()
            self._channels |= {worker.run_id: worker.channel for worker in self._queue.workers()}
            if self._signals.requested and not self._stopping:
                self._stop()
            for run_id in self._views:
                self._look(run_id)
            if not ended:
                time.sleep(INTERVAL)

    def _stop(self) -> None:
        self._stopping = True
        self._display.say("Stopping in order, with resume points. Once more, and it ends at once.")
        for run_id in self._views:
            if self._queue.outcome(run_id) is None:
                self._queue.stop(run_id)

    def _look(self, run_id: int) -> None:
        view, channel = self._views[run_id], self._channels.get(run_id)
        if channel is not None:
            for event in channel.take_events():
                if isinstance(event, EvaluationFinished):
                    view.latest_return = event.mean_return
                    view.move(event.step, event.updates, event.wall_time, view.phase)
                    self._display.evaluated(view)
                elif isinstance(event, Note):
                    self._display.say(f"{view.title}: {event.text}")
            progress = channel.latest(Progress)
            if isinstance(progress, Progress):
                view.move(progress.step, progress.updates, progress.wall_time, progress.phase)
            self._tell_trouble(view, channel.trouble)
        outcome = self._queue.outcome(run_id)
        if outcome is not None:
            view.phase = outcome.state.value
            if outcome.state is RunState.FAILED and run_id not in self._failed:
                self._failed.add(run_id)
                self._display.say(f"error: {view.title} failed at step {view.step:,}: {outcome.message}")
        self._display.show(view)

    def _tell_trouble(self, view: RunView, trouble: str) -> None:
        if trouble != self._troubles.get(view.run_id, ""):
            self._troubles[view.run_id] = trouble
            self._display.say(f"{view.title} waits: {trouble}" if trouble else f"{view.title} goes on.")


def _view(row: RunRow) -> RunView:
    warm_up = row.spec["settings"]["warm_up_steps"]
    return RunView(row.id, row.seed, row.total_steps, warm_up, row.step, row.updates, latest_return=row.latest_return)


def watch(
    queue: RunQueue,
    runs: list[int],
    signals: StopSignals,
    arguments: argparse.Namespace,
    document: Callable[[list[RunRow]], dict[str, Any]] | None = None,
) -> int:
    """Follow ``runs`` to their ends and say how they ended; returns the exit code: 0 when every one finished.

    ``document`` makes what ``--json`` prints beside the runs.
    """
    display = open_display()
    try:
        Watch(queue, runs, display, signals).follow()
    finally:
        display.close()
        queue.close()
    rows = [_last_row(queue, run_id) for run_id in runs]
    if arguments.json:
        more = {} if document is None else document(rows)
        print_document({**more, "runs": [run_record(row) for row in rows]})
    elif rows:
        for row in rows:
            say(_ended(row))
        say(_what_next(rows, arguments))
    for row in rows:
        if row.status is RunState.FAILED:
            if arguments.verbose and row.fault:
                tell(row.fault)
            tell(f"The traceback of run {row.id}: {as_command(arguments, 'show', row.id)}")
    return 0 if all(row.status is RunState.FINISHED for row in rows) else 1


def _last_row(queue: RunQueue, run_id: int) -> RunRow:
    """The run as it ended; a full disk may not have taken that, and then only the outcome knows."""
    row, outcome = queue.recorder.run(run_id), queue.outcome(run_id)
    return row if outcome is None else replace(row, status=outcome.state, fault=outcome.traceback)


def _ended(row: RunRow) -> str:
    returns = f"return {number(row.latest_return)} (best {number(row.best_return)})"
    steps = f"step {row.step:,} of {row.total_steps:,}"
    return f"run {row.id}  seed {row.seed}  {row.status.value}  {steps}  {returns}  {duration(row.active_seconds)}"


def _what_next(rows: list[RunRow], arguments: argparse.Namespace) -> str:
    left = [row.id for row in rows if row.status is not RunState.FINISHED]
    if left:
        return f"Go on: {as_command(arguments, 'resume', *left)}"
    steps = 2 * max(row.total_steps for row in rows)
    return f"Train longer: {as_command(arguments, 'resume', *(row.id for row in rows), '--steps', steps)}"
