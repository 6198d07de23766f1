"""The simulator's state among a resume point's arrays: under names of its own, with the facts beside it as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from workbench.environments.problem import EnvironmentProblem
from workbench.environments.simulator_state import (
    SimulatorState,
    can_restore,
    obstacle_to_restoring,
    restore_state,
    save_state,
)
from workbench.environments.wrappers import Environment

_PREFIX = "simulator/"


def save_simulator(environment: Environment) -> tuple[dict[str, NDArray[Any]], dict[str, Any] | None]:
    """The simulator's state as named arrays and JSON; None where it cannot be restored."""
    if not can_restore(environment):
        return {}, None
    simulator = save_state(environment)
    return {_PREFIX + name: value for name, value in simulator.arrays.items()}, simulator.facts


def restore_simulator(
    environment: Environment, arrays: Mapping[str, NDArray[Any]], facts: dict[str, Any] | None
) -> str | None:
    """Put back what :func:`save_simulator` gave; returns None, or why it cannot be done."""
    if facts is None:
        return obstacle_to_restoring(environment)
    own = {name.removeprefix(_PREFIX): value for name, value in arrays.items() if name.startswith(_PREFIX)}
    try:
        restore_state(environment, SimulatorState(own, facts))
    except EnvironmentProblem as error:
        return str(error)
    return None
