"""Runs that leave the project as CSV, JSON or a bundle, written in the background."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QThreadPool, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from storage import Project, RunRow, StorageError, export_bundle, export_csv, export_json
from storage.files import written_atomically
from ui import format
from ui.context import Context

SUFFIXES = {"csv": ".csv", "json": ".json", "bundle": ".zip"}
FILE_KINDS = {"csv": "CSV (*.csv)", "json": "JSON (*.json)", "bundle": "Run bundle (*.zip)"}


class RunExport(QObject):
    """``done`` carries the file and an empty text, or what went wrong."""

    done = Signal(str, str)

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.done.connect(self._tell)

    def start(self, rows: Sequence[RunRow], kind: str, target: Path) -> None:
        """Write the runs to ``target``; a bundle holds the first of them."""
        project, ids = self._context.project, [row.id for row in rows]

        def work() -> None:
            try:
                write(project, ids, kind, target)
            except (StorageError, OSError) as error:
                self.done.emit(str(target), str(error))
            else:
                self.done.emit(str(target), "")

        QThreadPool.globalInstance().start(work)

    def _tell(self, target: str, problem: str) -> None:
        path = Path(target)
        if problem:
            self._context.notices.add("bad", f"{path.name} was not written. {problem}")
        else:
            folder = QUrl.fromLocalFile(str(path.parent))
            text = f"Written: {path.name}, {format.size(path.stat().st_size)}."
            self._context.notices.add("ok", text, "Show", lambda: QDesktopServices.openUrl(folder))


def write(project: Project, runs: Sequence[int], kind: str, target: Path) -> None:
    """Write runs as "csv", "json" or "bundle". Raises StorageError, OSError; then there is no new file."""
    if kind == "csv":
        export_csv(project, runs, target)
    elif kind == "json":
        document = json.dumps(export_json(project, runs), indent=1, allow_nan=False)
        with written_atomically(target, f"write {target}") as stream:
            stream.write(document.encode())
    else:
        export_bundle(project, runs[0], target)


def file_name(rows: Sequence[RunRow], kind: str) -> str:
    """A name for the file: the run's own, or how many they are, in letters that every file system takes."""
    name = rows[0].name if len(rows) == 1 else f"{len(rows)} runs"
    plain = "".join(letter if letter.isalnum() or letter in "-." else " " for letter in name)
    return "-".join(plain.split())[:80] + SUFFIXES[kind]
