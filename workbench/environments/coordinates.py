"""What the numbers of a simulator's state are: the joint of each, its unit, and the range in which it makes sense."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from workbench.environments.problem import EnvironmentProblem
from workbench.environments.simulator_state import get_physics, model_of
from workbench.environments.wrappers import Environment
from workbench.settings import Problem

#: metres, radians, or those per second: what nothing else bounds
FARTHEST = 1000.0
#: Joint limits are springs. Trained HalfCheetahs bend theirs by 12 % of the range; twice that is accepted.
SLACK = 0.25

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Coordinate:
    """One number of a state, accepted from ``low`` to ``high``; ``help`` says more of it and may be empty."""

    name: str
    unit: str
    low: float = -FARTHEST
    high: float = FARTHEST
    help: str = ""

    @property
    def range_text(self) -> str:
        """The range in words, with the unit."""
        return f"{self.low:.4g} to {self.high:.4g}{f' {self.unit}' if self.unit else ''}"

    def problem(self, value: float) -> str:
        """Why ``value`` cannot stand here, in words; empty if it can."""
        if not math.isfinite(value):
            return "must be a finite number"
        return "" if self.low <= value <= self.high else f"must be {self.range_text}"


@dataclass(frozen=True)
class Coordinates:
    """The ``positions`` (nq) and ``velocities`` (nv) of a task; ``rotations`` are the first places of quaternions."""

    positions: tuple[Coordinate, ...]
    velocities: tuple[Coordinate, ...]
    rotations: tuple[int, ...] = ()

    def problems(self, qpos: Numbers, qvel: Numbers, own_qpos: Numbers, own_qvel: Numbers) -> list[Problem]:
        """What is wrong with a state made by hand out of ``own_qpos`` [nq] and ``own_qvel`` [nv].

        The fields are ``qpos`` and ``qvel`` for a wrong size, and ``qpos[2]`` for the third number. A number that is
        still the one it was made of is right: the simulator itself goes beyond joint limits now and then.
        """
        found = []
        rows = (("qpos", qpos, own_qpos, self.positions), ("qvel", qvel, own_qvel, self.velocities))
        for field, values, own, parts in rows:
            if np.shape(values) != (len(parts),):
                names = ", ".join(part.name for part in parts)
                found.append(Problem(field, f"{np.size(values)} given, but this task has {len(parts)}: {names}"))
                continue
            for at, part in enumerate(parts):
                text = part.problem(float(values[at]))
                if text and values[at] != own[at]:
                    found.append(Problem(f"{field}[{at}]", f"{part.name}: {text}"))
        return found or self._rotation_problems(qpos)

    def normalised(self, qpos: Numbers, own_qpos: Numbers) -> Numbers:
        """``qpos`` [nq] with every quaternion that is another one than in ``own_qpos`` at length 1."""
        made = qpos.copy()
        for first in self.rotations:
            part = slice(first, first + 4)
            if not np.array_equal(qpos[part], own_qpos[part]):
                made[part] /= np.linalg.norm(made[part])
        return made

    def _rotation_problems(self, qpos: Numbers) -> list[Problem]:
        none = [first for first in self.rotations if np.linalg.norm(qpos[first : first + 4]) < 1e-6]
        told = "the four numbers of a rotation must not all be 0"
        return [Problem(f"qpos[{first}]", f"{self.positions[first].name}: {told}") for first in none]


def coordinates_of(environment: Environment) -> Coordinates:
    """The coordinates of ``environment``. Raises EnvironmentProblem where its positions are not known."""
    model = model_of(environment)
    if model is not None:
        return _of_mujoco(model)
    base = cast(Any, environment.unwrapped)
    if get_physics(environment) is None:
        name = base.spec.id if base.spec is not None else type(base).__name__
        raise EnvironmentProblem(
            f"A state of {name} cannot be set by hand: it has no MuJoCo model and is no classic-control task whose "
            "positions are known. Begin at a reset."
        )
    if hasattr(base, "min_position"):
        speed = float(base.max_speed)
        place = Coordinate("position", "", float(base.min_position), float(base.max_position))
        return Coordinates((place,), (Coordinate("velocity", "per step", -speed, speed),))
    speed = float(base.max_speed)
    angle = Coordinate("angle", "rad", help="0 is upright, and it is not wrapped")
    return Coordinates((angle,), (Coordinate("angular velocity", "rad/s", -speed, speed),))


def _of_mujoco(model: Any) -> Coordinates:
    kinds = sys.modules["mujoco"].mjtJoint
    positions: list[Coordinate] = []
    velocities: list[Coordinate] = []
    rotations: list[int] = []
    for place in range(model.njnt):
        joint = model.joint(place)
        name, kind = joint.name or f"joint {place + 1}", kinds(int(model.jnt_type[place]))
        if kind == kinds.mjJNT_FREE:
            positions += [Coordinate(f"{name} {axis}", "m") for axis in "xyz"]
            velocities += [Coordinate(f"{name} {axis}", "m/s") for axis in "xyz"]
        if kind in (kinds.mjJNT_FREE, kinds.mjJNT_BALL):
            rotations.append(len(positions))
            about = "Part of a rotation as a quaternion; a changed one is brought to length 1"
            positions += [Coordinate(f"{name} q{axis}", "", help=about) for axis in "wxyz"]
            velocities += [Coordinate(f"{name} turn {axis}", "rad/s") for axis in "xyz"]
            continue
        unit = "m" if kind == kinds.mjJNT_SLIDE else "rad"
        positions.append(_limited(name, unit, model, place))
        velocities.append(Coordinate(name, f"{unit}/s"))
    return Coordinates(tuple(positions), tuple(velocities), tuple(rotations))


def _limited(name: str, unit: str, model: Any, joint: int) -> Coordinate:
    if not model.jnt_limited[joint]:
        return Coordinate(name, unit)
    low, high = (float(each) for each in model.jnt_range[joint])
    give = SLACK * (high - low)
    return Coordinate(name, unit, low - give, high + give, f"The joint's limits are {low:.3g} to {high:.3g} {unit}")
