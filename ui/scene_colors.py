"""Simulated scenes in the colours of the dark and of the light theme."""

from __future__ import annotations

from PySide6.QtGui import QColor

from storage import RunRow
from ui.render_thread import Stage
from ui.theme import Theme
from workbench.environments.scene_look import Colour, SceneLook


def scene_look(theme: Theme) -> SceneLook:
    """Sky, floor and body as the theme has them."""
    if theme.dark:
        return _look("#11141A", "#2A3240", "#262833", "#31343F", "#DE8C4C", lamp=0.9)
    return _look("#C9D6EC", "#EDF1F8", "#A9AEB9", "#BDC1CA", "#B86A30", lamp=0.8)


def stage_of(row: RunRow, theme: Theme) -> Stage:
    """The task of a run, to be drawn in the theme's colours."""
    return Stage(row.environment, row.spec.get("environment_options", {}), scene_look(theme))


def _look(zenith: str, horizon: str, floor: str, tile: str, body: str, lamp: float) -> SceneLook:
    return SceneLook(_parts(zenith), _parts(horizon), _parts(floor), _parts(tile), _parts(body), 0.45, lamp)


def _parts(name: str) -> Colour:
    colour = QColor(name)
    return colour.redF(), colour.greenF(), colour.blueF()
