"""A second body in a drawn scene: where something leads, seen through, with the trails of its whole way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.environments.scene_look import Colour


@dataclass(frozen=True, eq=False)
class Ghost:
    """The bodies of a task at ``step`` of a way through T steps, ``qpos`` [T + 1, nq] and ``qvel`` [T + 1, nv]."""

    qpos: NDArray[np.float64]
    qvel: NDArray[np.float64]
    step: int
    colour: Colour
