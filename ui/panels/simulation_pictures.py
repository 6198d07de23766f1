"""A picture of the simulation as a PNG file."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QFileDialog, QWidget

from ui.context import Context
from ui.panels.simulation_view import Readout, to_image
from ui.render_thread import Picture


def save_picture(picture: Picture, context: Context, parent: QWidget) -> Path | None:
    """Ask where to put it, write it without what is painted over it, and say so; None if it was not written."""
    about = picture.moment.about
    words = about.lines[:2] if isinstance(about, Readout) else ("simulation",)
    name = re.sub(r"[^\w.=-]+", " ", " ".join(words).replace(",", "")).strip()
    pictures = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
    folder = Path(str(context.preferences.get("simulation.folder", pictures)))
    wanted, _ = QFileDialog.getSaveFileName(parent, "Save picture", str(folder / f"{name}.png"), "PNG (*.png)")
    if not wanted:
        return None
    path = Path(wanted).with_suffix(".png")
    if not to_image(picture).save(str(path)):
        context.notices.add("bad", f"{path} could not be written, so the picture is not saved. Choose another folder.")
        return None
    context.preferences.set("simulation.folder", str(path.parent))
    context.notices.add("ok", f"Saved {path.name} in {path.parent}.")
    return path
