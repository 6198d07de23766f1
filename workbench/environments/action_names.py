"""What each number of an action moves."""

from __future__ import annotations

from workbench.environments.simulator_state import model_of
from workbench.environments.wrappers import Environment


def action_names(environment: Environment, count: int) -> tuple[str, ...]:
    """What each of ``count`` actions moves: the actuators' names where the simulation has them, else a number."""
    model = model_of(environment)
    if model is None or model.nu != count:
        return tuple(f"Action {place + 1}" for place in range(count))
    names = [model.actuator(place).name for place in range(count)]
    return tuple(name or f"Action {place + 1}" for place, name in enumerate(names))
