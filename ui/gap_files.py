"""The gaps of an exploitation analysis as a CSV file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from PySide6.QtWidgets import QWidget

from storage import StorageError
from storage.files import written_atomically
from ui.context import Context
from ui.dialogs.save_file import ask_for_file
from workbench.analysis.exploitation_numbers import PlanGaps

_FOLDER = "gaps.folder"


def ask_and_save(context: Context, parent: QWidget, gaps: PlanGaps, name: str) -> None:
    """Ask for a file and write every state; a notice says how it went. ``name`` proposes one, without an ending."""
    folder = Path(str(context.preferences.get(_FOLDER, Path.home())))
    chosen = ask_for_file(parent.window(), "Save the gaps", folder / f"{name}.csv", "Numbers (*.csv)")
    if chosen is not None:
        context.preferences.set(_FOLDER, str(chosen.parent))
        save(context, gaps, chosen)


def save(context: Context, gaps: PlanGaps, path: Path) -> bool:
    """Write every state; returns whether it went well."""
    try:
        with written_atomically(path, f"write {path}") as stream:
            stream.write(as_csv(gaps).encode())
    except (OSError, StorageError) as error:
        context.notices.add("bad", f"{path.name} was not written. {error}")
        return False
    context.notices.add("ok", f"Saved {path}.")
    return True


def as_csv(gaps: PlanGaps) -> str:
    """One row per state: where it is, both returns, the gap, what foretells it under its own name, executed steps."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["state", "imagined", "real", "gap", gaps.measure + "_along_plan", "executed_steps"])
    for index in range(gaps.states):
        values = (rows[index] for rows in (gaps.imagined, gaps.real, gaps.gap, gaps.foretelling))
        writer.writerow([gaps.state(index), *(repr(float(value)) for value in values), int(gaps.steps[index])])
    return text.getvalue()
