"""Which model computes an environment's true dynamics."""

from __future__ import annotations

from collections.abc import Callable

from workbench.environments.wrappers import Environment
from workbench.models.pendulum import PendulumModel, is_pendulum
from workbench.models.simulator import SimulatorModel
from workbench.models.true_dynamics import TrueDynamics
from workbench.models.world_model import WorldModel


def true_model(
    make: Callable[[], Environment], judge: WorldModel | None = None, threads: int | None = None
) -> TrueDynamics:
    """The true dynamics of the environments that ``make`` makes; close it in the end.

    Args:
        make: makes one environment; it is called once per thread.
        judge: a learned model whose value and policy are offered for the true states.
        threads: roll a MuJoCo task out; None: one per core.

    Raises:
        EnvironmentProblem: the environment is neither Pendulum-v1 nor one of MuJoCo's whose state can be restored.
    """
    environment = make()
    try:
        if is_pendulum(environment):
            return PendulumModel(environment, judge)
    finally:
        environment.close()
    return SimulatorModel(make, judge, threads)
