"""The panels, one file each; this table is all that a new one is added to.

``workspace`` and ``area`` say where it stands first; users move it where they like.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ui.panels.base import Panel


@dataclass(frozen=True)
class PanelEntry:
    """``target`` is ``module:Class``, imported when the panel is first needed."""

    name: str
    title: str
    target: str
    workspace: str
    area: str

    def load(self) -> type[Panel]:
        """Import the class."""
        module, _, attribute = self.target.partition(":")
        panel: type[Panel] = getattr(importlib.import_module(module), attribute)
        return panel


PANELS = (
    PanelEntry("presets", "Presets", "ui.panels.presets:PresetsPanel", "configure", "left"),
    PanelEntry("new_run", "New run", "ui.panels.new_run:NewRunPanel", "configure", "middle"),
    PanelEntry("summary", "Summary", "ui.panels.summary:SummaryPanel", "configure", "right"),
    PanelEntry("curves", "Curves", "ui.panels.curves:CurvesPanel", "watch", "middle"),
    PanelEntry("runs", "Runs", "ui.panels.runs:RunsPanel", "watch", "middle-bottom"),
    PanelEntry("simulation", "Simulation", "ui.panels.simulation:SimulationPanel", "watch", "right"),
    PanelEntry("progress", "Progress", "ui.panels.progress:ProgressPanel", "watch", "right-bottom"),
    PanelEntry("run_details", "Run details", "ui.panels.run_details:RunDetailsPanel", "watch", "right-bottom"),
    PanelEntry("log", "Log", "ui.panels.log:LogPanel", "watch", "middle-bottom"),
)
