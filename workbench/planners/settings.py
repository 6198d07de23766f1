"""What the settings of every planner share; no torch, so that forms work before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.settings import Settings, setting


@dataclass(frozen=True)
class PlannerSettings(Settings):
    """The planning problem's own numbers; a planner's settings derive from this."""

    horizon: int = setting(
        12, help="Steps that a plan looks ahead.", unit="steps", low=1, high=1000, group="Problem", source="Grad-MPC"
    )
    discount: float = setting(0.99, help="Weight of a reward one step later.", low=0.0, high=1.0, group="Problem")
    terminal_value: bool = setting(
        False, help="Add the model's value at the end of the plan; the model needs a value head.", group="Problem"
    )
    sampled_model: bool = setting(
        False,
        help="Draw the model's predictions, the same draw for every iteration, instead of taking their mean.",
        group="Problem",
    )
