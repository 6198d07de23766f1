"""How unsure a stored run's ensemble is along a plan, asked for again and again by a window."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from workbench.analysis.plan_uncertainty import PlanUncertainty, plan_uncertainty
from workbench.analysis.steps import Analysis, AnalysisStep
from workbench.engine.planning_desk import PlanWish, open_case
from workbench.engine.recorder import Recorder
from workbench.engine.subject import Subject
from workbench.models.ensemble import EnsembleModel
from workbench.planners.base import imagine
from workbench.settings import Problem, SettingsError


class NoEnsemble(SettingsError):
    """What is planned in has no members that could disagree."""


@dataclass(frozen=True, eq=False)
class UncertaintyLook:
    """The uncertainty along ``actions`` [H, A], which ``wish``'s search came to."""

    wish: PlanWish
    actions: npt.NDArray[np.float32]
    found: PlanUncertainty


class UncertaintyDesk:
    """Answers one plan after the other, in one thread; keeps the networks that it opened last."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._subject: Subject | None = None

    def look(self, wish: PlanWish, actions: npt.NDArray[np.float32]) -> Analysis[UncertaintyLook]:
        """Imagine ``actions`` [H, A] and ask every member along the way.

        Raises what :func:`open_case` raises, and NoEnsemble.
        """
        yield AnalysisStep(0, 1, "plans")
        if wish.model == "true":
            message = "the true dynamics are certain, so there is nothing to be unsure of; choose the learned model"
            raise NoEnsemble([Problem("model", message)])
        case = open_case(self._recorder, wish, self._subject)
        self._subject = case.subject
        with closing(case):
            model = case.learned
            if not isinstance(model, EnsembleModel):
                raise NoEnsemble(
                    [
                        Problem(
                            "agent",
                            "this run's model is one network, which cannot tell lack of data from noise; choose a run "
                            "of an ensemble, such as one of the presets mbrl-0.5, mbrl-1.5 or pets",
                        )
                    ]
                )
            plan = torch.from_numpy(np.ascontiguousarray(actions))
            with torch.no_grad():
                latents = imagine(case.problem, plan[None]).latents[0, :-1]
            return UncertaintyLook(wish, actions, plan_uncertainty(model, latents, plan))
