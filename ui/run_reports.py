"""What a run's end tells the user: a notice in the window, and the desktop when the window is in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from storage import RunRow, RunState, StorageError
from ui import format
from ui.context import Context
from ui.desktop import DesktopNotices
from workbench import events

if TYPE_CHECKING:
    from ui.main_window import MainWindow

_ENDS = {RunState.FINISHED.value, RunState.FAILED.value}


class RunReports(QObject):
    """Listens to the feed for as long as the window lives."""

    def __init__(self, context: Context, window: MainWindow, desktop: DesktopNotices) -> None:
        super().__init__(window)
        self._context, self._window, self._desktop = context, window, desktop
        context.feed.events.connect(self._look)

    def _look(self, run_id: int, found: list[events.Event]) -> None:
        for event in found:
            if isinstance(event, events.StateChanged) and event.state in _ENDS:
                self.report(run_id)

    def report(self, run_id: int) -> None:
        """Say how a run ended."""
        try:
            row = self._context.project.runs.get(run_id)
        except StorageError:
            return
        text, bad = ending(row)
        action, show = ("Open log", self._show_log) if bad else ("Show", self._show_run)
        self._context.notices.add("bad" if bad else "ok", text, action, lambda: show(run_id))
        self._desktop.tell("A run failed" if bad else "A run finished", text, bad=bad)

    def _show_run(self, run_id: int) -> None:
        self._context.selection.select([run_id])
        self._window.show_panel("curves")

    def _show_log(self, run_id: int) -> None:
        self._context.selection.select([run_id])
        self._window.show_panel("log")


def ending(row: RunRow) -> tuple[str, bool]:
    """A sentence about a run that ended, and whether it is bad news."""
    if row.status is RunState.FAILED:
        reason = row.reason.rstrip(".") or "see its log"
        return f"{row.name} failed at step {format.count(row.step)}: {reason}.", True
    returned = f" Return {format.number(row.latest_return)}," if row.latest_return is not None else " It took"
    return f"{row.name} finished.{returned} {format.duration(row.active_seconds)}.", False
