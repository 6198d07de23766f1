"""The workspaces that there are: names, sizes, and what stands over all of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkspaceKind:
    """What a workspace is for. Sizes are px at text scale 100 %; below ``wide`` its side columns become tabs.

    ``strip`` is ``module:Class`` of what stands over all of it, made with the context; it may ``add_keys``.
    ``right_bottom`` is the height of the lower panel at the right where it is another than ``bottom``. ``front`` is the
    panel that is in sight first where the side columns are tabs, if it is not the first one of them.
    """

    name: str
    title: str
    icon: str
    purpose: str
    left: int
    right: int
    bottom: int
    wide: int
    strip: str = ""
    right_bottom: int = 0
    front: str = ""


KINDS = (
    WorkspaceKind(
        *("configure", "Configure", "sliders", "Every setting, with its source.", 256, 388, 300, 1216),
        front="summary",
    ),
    WorkspaceKind("watch", "Watch", "eye", "Curves, simulation, time left.", 256, 540, 368, 1200, front="simulation"),
    WorkspaceKind(
        *("diagnose", "Diagnose", "diagnose", "Is the model right, the critic honest?", 256, 556, 300, 1220),
        "ui.checkpoint_strip:CheckpointStrip",
        right_bottom=556,
    ),
    WorkspaceKind(
        *("compare", "Compare", "compare", "Which term matters, how sure?", 356, 316, 330, 1284),
        right_bottom=240,
        front="differences",
    ),
    WorkspaceKind(
        *("plan", "Plan", "plan", "Step through a planner.", 252, 448, 262, 1232),
        "ui.plan_strip:PlanStrip",
        right_bottom=416,
    ),
)
