"""Asks where curves are to be saved, saves them, and says how it went."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ui.context import Context
from ui.dialogs.save_file import ask_for_file
from ui.plots.choices import CurveChoices
from ui.plots.curve_plot import CurvePlot
from ui.plots.export import save_csv, save_png, save_svg

#: kind: (words of the menu, filter of the file dialog)
KINDS = {
    "png": ("Picture (PNG)…", "Picture (*.png)"),
    "svg": ("Vectors (SVG)…", "Vector graphics (*.svg)"),
    "csv": ("Numbers in sight (CSV)…", "Numbers (*.csv)"),
}
_FOLDER = "curves.folder"


class CurveFiles:
    """Saves what a plot shows."""

    def __init__(self, context: Context, plot: CurvePlot, choices: Callable[[], CurveChoices]) -> None:
        self._context, self._plot, self._choices = context, plot, choices

    def ask(self, kind: str) -> None:
        """Ask for a file and write it."""
        folder = Path(str(self._context.preferences.get(_FOLDER, Path.home())))
        proposal = folder / f"{self._choices().metric.replace('/', '-')}.{kind}"
        window, words = self._plot.window(), KINDS[kind][1]
        chosen = ask_for_file(window, "Save the curves", proposal, words)
        if chosen is not None:
            self._context.preferences.set(_FOLDER, str(chosen.parent))
            self.save(kind, chosen)

    def save(self, kind: str, path: Path) -> bool:
        """Write what is in sight as ``png``, ``svg`` or ``csv``. A notice says how it went; returns whether well."""
        plot, theme, choices = self._plot, self._context.theme, self._choices()
        try:
            if kind == "csv":
                save_csv([each.curve for each in plot.visible_curves], choices, *plot.x_range(), path)
            elif kind == "svg":
                save_svg(plot, theme, choices, path)
            else:
                save_png(plot, theme, choices, path)
        except OSError as error:
            words = f"{path.name} could not be written: {error.strerror or error}. Choose another folder."
            self._context.notices.add("bad", words, "Choose", lambda: self.ask(kind))
            return False
        self._context.notices.add("ok", f"Saved {path}.")
        return True
