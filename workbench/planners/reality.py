"""A plan held against reality: executed in the environment from the state in which it was made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from workbench.environments.rollout import step_environment
from workbench.environments.simulator_state import get_physics
from workbench.environments.wrappers import Environment
from workbench.models.world_model import WorldModel
from workbench.planners.base import PlanningProblem, imagine, model_noise, model_value

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RealityCheck:
    """What a plan of H steps promised, and what its T executed steps paid (T < H where the episode ended).

    ``imagined_rewards`` [H], ``real_rewards`` [T]; the returns are discounted, and ended by the value if the problem
    counts it; ``observations`` [T + 1, ...] begin with the state's own, and so do the positions ``qpos`` [T + 1, nq]
    and velocities ``qvel`` [T + 1, nv] of the bodies, which are None where they are not known.
    """

    imagined_rewards: Numbers
    real_rewards: Numbers
    imagined_return: float
    real_return: float
    observations: npt.NDArray[np.float32]
    terminated: bool
    qpos: Numbers | None = None
    qvel: Numbers | None = None

    @property
    def gap(self) -> float:
        """Imagined minus real return: above 0 the model promised too much."""
        return self.imagined_return - self.real_return


def check_in_reality(
    problem: PlanningProblem,
    actions: npt.NDArray[np.float32],
    environment: Environment,
    observation: npt.NDArray[np.float32],
    judge: WorldModel | None = None,
) -> RealityCheck:
    """Execute ``actions`` [H, action] in ``environment``, which is in the problem's state and shows ``observation``.

    The problem's noise is as it was when the search began, so that a model whose predictions are drawn draws the same.
    ``judge`` gives the value of the last observation where the problem counts a terminal value. Raises
    EnvironmentProblem, which names the step, if the environment fails.
    """
    with torch.no_grad():
        tried = torch.as_tensor(actions, device=problem.start.device)[None]
        imagined = imagine(problem, tried, model_noise(problem))
    observations, rewards, terminated = [observation], [], False
    bodies = [get_physics(environment)]
    for index, action in enumerate(actions, 1):
        seen, reward, terminated, _ = step_environment(environment, action, index)
        observations.append(seen)
        rewards.append(reward)
        bodies.append(get_physics(environment))
        if terminated:
            break
    known = [each for each in bodies if each is not None]
    paid = np.array(rewards)
    real = float((problem.discount ** np.arange(len(paid)) * paid).sum())
    if problem.terminal_value and not terminated and judge is not None:
        with torch.no_grad():
            last = judge.encode(torch.as_tensor(observations[-1], device=problem.start.device))
            real += problem.discount ** len(paid) * float(model_value(judge, last))
    return RealityCheck(
        imagined_rewards=imagined.rewards[0].double().cpu().numpy(),
        real_rewards=paid,
        imagined_return=float(imagined.returns[0]),
        real_return=real,
        observations=np.stack(observations),
        terminated=terminated,
        qpos=np.stack([qpos for qpos, _ in known]) if known else None,
        qvel=np.stack([qvel for _, qvel in known]) if known else None,
    )
