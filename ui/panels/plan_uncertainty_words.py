"""What the Uncertainty panel says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui import format
from ui.panels import plan_words
from ui.panels.simulation_words import Emptiness

if TYPE_CHECKING:
    from ui.plan_session import PlanSession
    from workbench.analysis.plan_uncertainty import PlanUncertainty

#: what stands in sight; definition and sources
BRIEF = "Parts of the mixture's variance, by the law of total variance"
DEFINITION = (
    "Each member predicts a normal distribution of the next step. Aleatoric: root of the members' mean variance, noise "
    "of the task. Epistemic: std of the members' means, lack of data. The squares of both add up to the mixture's "
    "variance (law of total variance)."
)
SOURCES = "Lakshminarayanan et al. 2017; PETS, Chua et al. 2018, Sec. 4; lecture notes, Figs. 5.3 and 5.4."
#: the share of the variance from which on one kind outweighs the other
_MOST = 0.6


def emptiness(session: PlanSession, failure: str) -> Emptiness:
    """Why there is nothing to see, and what to do."""
    if session.look is None:
        said = plan_words.emptiness(session)
        text = "How unsure an ensemble is along a plan is shown here as soon as there is one."
        return Emptiness(said.icon, said.title, text if said.token != "bad" else said.text, (), said.token)
    if failure:
        return Emptiness("plan", "No ensemble to ask", failure)
    return Emptiness("clock", "Asking every member", "Each predicts every step of the plan.", token="accent")


def verdict(found: PlanUncertainty) -> str:
    """Which kind it is, and where the members know least."""
    share, (step, name, spread) = found.epistemic_share, found.least_known()
    if share >= _MOST:
        kind = f"Mostly epistemic: {format.percent(share)} of the variance along the plan is lack of data"
    elif share <= 1 - _MOST:
        kind = f"Mostly aleatoric: the members take {format.percent(1 - share)} of the variance for noise of the task"
    else:
        kind = f"Both kinds weigh alike: {format.percent(share)} of the variance along the plan is lack of data"
    what = "the reward" if name == "reward" else name
    return f"{kind}; the members disagree most on {what} at step {step} (std {plan_words.figure(spread)})."


def at_step(found: PlanUncertainty, step: int) -> str:
    """Both parts of one step."""
    aleatoric, epistemic = (plan_words.figure(float(part[step])) for part in found.by_step())
    return f"Step {step}: aleatoric {aleatoric}, epistemic {epistemic}, in stds of the data"
