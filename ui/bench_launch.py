"""How long a launch takes: from the start of a process until its run table is painted.

``python -m ui.bench_launch FOLDER`` is that process: the application as ``python -m ui`` starts it, which prints the
time of that moment with the seconds that processors worked for it, and ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

from ui.guard import guarded_or

ROOT = Path(__file__).parents[1]
#: seconds that a launch may take
PATIENCE = 60


class LaunchFailed(RuntimeError):
    """The application did not come up; the message is what it said."""


@dataclass(frozen=True)
class Launch:
    """Seconds by the clock, and seconds that processors worked for it, which others on the machine do not lengthen."""

    seconds: float
    processor: float


def launch_times(folder: Path, times: int) -> list[Launch]:
    """Each launch over the project in ``folder``; one before them warms the file cache.

    Raises LaunchFailed.
    """
    return [_launch(folder) for _ in range(times + 1)][1:]


def _launch(folder: Path) -> Launch:
    command = [sys.executable, "-m", "ui.bench_launch", str(folder)]
    begin = time.time()
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as error:
        raise LaunchFailed(f"The run table was not on the screen within {PATIENCE} s.") from error
    if done.returncode != 0:
        raise LaunchFailed(done.stderr.strip() or f"The application ended with exit code {done.returncode}.")
    end, processor = map(float, done.stdout.split())
    return Launch(end - begin, processor)


class FirstTable(QObject):
    """Waits until a run table with rows was painted, then ends the process: nothing in it is to be kept."""

    @guarded_or(False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Qt's; looks at every event of the application until it is the one."""
        if event.type() is QEvent.Type.Paint:
            from ui.tables.runs_view import RunsView

            view = watched.parent()
            if isinstance(view, RunsView) and watched is view.viewport() and view.model().rowCount() > 0:
                QTimer.singleShot(0, _end)  # after this painting
        return False


def _end() -> None:
    sys.stdout.write(f"{time.time()} {time.process_time()}\n")
    sys.stdout.flush()
    os._exit(0)


def main() -> int:
    """Launch over the project named in the arguments; ends the process by itself."""
    from ui.app import Application
    from ui.application_log import keep_log
    from ui.preferences import Preferences

    folder = Path(sys.argv[1])
    keep_log(folder / "window.log")  # not the user's
    application = Application(Preferences(folder / "window.json"))
    watch = FirstTable()
    QApplication.instance().installEventFilter(watch)  # type: ignore[union-attr]
    return application.run(folder)


if __name__ == "__main__":
    sys.exit(main())
