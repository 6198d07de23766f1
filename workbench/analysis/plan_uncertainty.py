"""How unsure an ensemble is along a plan, and of what kind: noise that more data will not take away, or lack of data.

Each of M members predicts a normal distribution of the next step's change and reward. Their mixture has, by the law of
total variance, Var = mean of the members' variances + variance of the members' means. The first part is aleatoric,
noise of the task as far as the members can tell; the second is epistemic, and vanishes where data make the members
agree (Lakshminarayanan et al., "Simple and scalable predictive uncertainty estimation", 2017; PETS, Chua et al. 2018,
Sec. 4; lecture notes, Figs. 5.3 and 5.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from workbench.models.ensemble import EnsembleModel

Floats = npt.NDArray[np.float64]

REWARD = "reward"


@dataclass(frozen=True, eq=False)
class PlanUncertainty:
    """Standard deviations [H, D] of one-step predictions along H imagined steps, in those of the data.

    Each is of the prediction from the state that the members' mean leads to; spreads of earlier steps are not carried
    along. ``names`` [D]: o1, o2, ... for the observation's coordinates, and the reward, unless its formula is known.
    """

    aleatoric: Floats
    epistemic: Floats
    names: tuple[str, ...]

    @property
    def total(self) -> Floats:
        """Standard deviation [H, D] of the members' mixture."""
        total: Floats = np.sqrt(np.square(self.aleatoric) + np.square(self.epistemic))
        return total

    def by_step(self) -> tuple[Floats, Floats]:
        """Aleatoric and epistemic part of each step [H]: root mean square over the D coordinates."""
        aleatoric, epistemic = (np.sqrt(np.square(part).mean(1)) for part in (self.aleatoric, self.epistemic))
        return aleatoric, epistemic

    @property
    def epistemic_share(self) -> float:
        """The epistemic part of the whole plan's variance, 0 to 1, over all steps and coordinates; 0 of none."""
        epistemic, whole = float(np.square(self.epistemic).sum()), float(np.square(self.total).sum())
        return epistemic / whole if whole > 0 else 0.0

    def least_known(self) -> tuple[int, str, float]:
        """Step, coordinate and standard deviation of the largest epistemic part."""
        step, coordinate = np.unravel_index(int(np.argmax(self.epistemic)), self.epistemic.shape)
        return int(step), self.names[int(coordinate)], float(self.epistemic[step, coordinate])


@torch.no_grad()
def plan_uncertainty(model: EnsembleModel, latents: Tensor, actions: Tensor) -> PlanUncertainty:
    """Both parts at ``latents`` [H, latent], from which ``actions`` [H, action] are taken."""
    spread = model.spread(latents, actions)
    unit = model.dynamics.output_std
    names = tuple(f"o{place + 1}" for place in range(model.dynamics.observations))
    names += () if model.reward_is_known else (REWARD,)
    aleatoric, epistemic = ((part / unit)[:, : len(names)].double().cpu().numpy() for part in spread)
    return PlanUncertainty(aleatoric, epistemic, names)
