"""The panels, one file each; this table is all that a new one is added to.

``workspace`` and ``area`` say where it stands first; users move it where they like. A panel that is listed for two
workspaces is made once for each, and only the one in sight works.
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
    PanelEntry("latent_rollout", "Latent rollout", "ui.panels.latent_rollout:LatentRolloutPanel", "diagnose", "middle"),
    PanelEntry("model_error", "Model error", "ui.panels.model_error:ModelErrorPanel", "diagnose", "middle"),
    PanelEntry("simulation", "Simulation", "ui.panels.simulation:SimulationPanel", "diagnose", "right"),
    PanelEntry("q_bias", "Q-bias", "ui.panels.q_bias:QBiasPanel", "diagnose", "right-bottom"),
    PanelEntry("bound", "Bound", "ui.panels.bound:BoundPanel", "diagnose", "right-bottom"),
    PanelEntry("ablations", "Ablations", "ui.panels.ablations:AblationsPanel", "compare", "left"),
    PanelEntry(
        "variant_curves", "Curves by variant", "ui.panels.variant_curves:VariantCurvesPanel", "compare", "middle"
    ),
    PanelEntry("results", "Results", "ui.panels.results:ResultsPanel", "compare", "middle-bottom"),
    PanelEntry("differences", "Differences", "ui.panels.differences:DifferencesPanel", "compare", "right"),
    PanelEntry("episodes", "Episodes", "ui.panels.episodes:EpisodesPanel", "compare", "right-bottom"),
    PanelEntry("problem", "Problem", "ui.panels.problem:ProblemPanel", "plan", "left"),
    PanelEntry("candidates", "Candidates", "ui.panels.candidates:CandidatesPanel", "plan", "middle"),
    PanelEntry(
        "plan_iterations", "Iterations", "ui.panels.plan_iterations:PlanIterationsPanel", "plan", "middle-bottom"
    ),
    PanelEntry("reality_check", "Reality check", "ui.panels.reality_check:RealityCheckPanel", "plan", "right"),
    PanelEntry("simulation", "Simulation", "ui.panels.simulation:SimulationPanel", "plan", "right"),
    PanelEntry("plan_uncertainty", "Uncertainty", "ui.panels.plan_uncertainty:PlanUncertaintyPanel", "plan", "right"),
    PanelEntry("ladder", "Model, planner or critic?", "ui.panels.ladder:LadderPanel", "plan", "right-bottom"),
    PanelEntry("plan_episode", "Episode", "ui.panels.plan_episode:PlanEpisodePanel", "plan", "right-bottom"),
    PanelEntry("exploitation", "Exploitation", "ui.panels.exploitation:ExploitationPanel", "plan", "right-bottom"),
)
