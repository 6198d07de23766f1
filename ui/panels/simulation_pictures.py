"""A picture of the simulation as a PNG file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QWidget

from ui.actions import Action
from ui.context import Context
from ui.dialogs.save_file import ask_for_file
from ui.panels.simulation_view import Readout, to_image
from ui.render_thread import Picture


def save_picture(picture: Picture, context: Context, parent: QWidget) -> Path | None:
    """Ask where to put it, write it without what is painted over it, and say so; None if it was not written."""
    about = picture.moment.about
    words = about.lines[:2] if isinstance(about, Readout) else ("simulation",)
    name = re.sub(r"[^\w.=-]+", " ", " ".join(words).replace(",", "")).strip()
    pictures = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
    folder = Path(str(context.preferences.get("simulation.folder", pictures)))
    path = ask_for_file(parent, "Save picture", folder / f"{name}.png", "PNG (*.png)")
    if path is None:
        return None
    if not to_image(picture).save(str(path), "PNG"):  # type: ignore[call-overload]  # as Qt takes it
        context.notices.add("bad", f"{path} could not be written, so the picture is not saved. Choose another folder.")
        return None
    context.preferences.set("simulation.folder", str(path.parent))
    context.notices.add("ok", f"Saved {path.name} in {path.parent}.")
    return path


class Photographed(Protocol):
    """A panel whose picture can be taken."""

    @property
    def drawn(self) -> bool:
        """Whether there is a picture in sight."""
        ...

    def shoot(self) -> None:
        """Take it."""
        ...


def offer_picture(context: Context, panel: Photographed) -> None:
    """One command for every such panel: it takes the picture of the one in sight."""
    panels = context.parts.setdefault("photographed", [])
    assert isinstance(panels, list)
    panels.append(panel)
    if "simulation.picture" in context.actions:
        return

    def shoot() -> None:
        for each in panels:
            if each.drawn:
                each.shoot()

    obstacle = lambda: "" if any(each.drawn for each in panels) else "There is no simulation in sight."  # noqa: E731
    title = "Save picture of the simulation"
    context.actions.add(Action("simulation.picture", title, shoot, icon="camera", obstacle=obstacle))
