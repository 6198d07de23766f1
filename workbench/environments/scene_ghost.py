"""Adds a ghost to a MuJoCo scene: a second state's geoms, seen through, and trails of its root and of its ends."""

from __future__ import annotations

import itertools
from typing import Any, cast

import mujoco
import numpy as np
from numpy.typing import NDArray

from workbench.environments.ghost import Ghost
from workbench.environments.scene_camera import find_subject

#: opacity of the body, and of a trail before and after the step that is shown
_BODY, _PAST, _FUTURE = 0.4, 0.95, 0.4
#: pieces of one trail at most, and trails at most
_PIECES, _TRAILS = 80, 8
#: thickness of a trail in radii of what there is to see
_WIDTH = 0.012


class GhostBody:
    """The ghost of one model, with a state of its own."""

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model, self._data = model, mujoco.MjData(model)
        self._subject = find_subject(model)
        self._bodies = _trailing(model)
        self._way: NDArray[np.float64] | None = None
        self._trails = np.empty((0, 0, 3))

    def span(self, qpos: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Middle [3] and radius in metres of what the bodies pass on their way ``qpos`` [T + 1, nq].

        Bodies that stay in their place pass what there is to see.
        """
        if not self._subject.travels:
            return self._subject.centre, self._subject.radius
        places = self._follow(qpos).reshape(-1, 3)
        low, high = places.min(0), places.max(0)
        half = float(np.linalg.norm(high - low)) / 2 + self._subject.radius / 2  # the ends of a body lie beyond
        return (low + high) / 2, max(self._subject.radius, half)

    def add(self, scene: mujoco.MjvScene, option: mujoco.MjvOption, ghost: Ghost) -> None:
        """Put ``ghost`` on top of what ``scene`` has."""
        data = self._data
        data.qpos[:], data.qvel[:] = ghost.qpos[ghost.step], ghost.qvel[ghost.step]
        mujoco.mj_forward(self._model, data)
        first, dynamic = scene.ngeom, cast(int, mujoco.mjtCatBit.mjCAT_DYNAMIC)
        mujoco.mjv_addGeoms(self._model, data, option, mujoco.MjvPerturb(), dynamic, scene)
        for place in range(first, scene.ngeom):
            geom = scene.geoms[place]
            geom.matid = -1
            geom.rgba[:] = (*ghost.colour, _BODY)
            geom.transparent = 1
        self._add_trails(scene, ghost)

    def _follow(self, qpos: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where the trailing bodies are at each step [T + 1, bodies, 3]; the last way is remembered."""
        if self._way is not qpos:
            places = []
            for each in qpos:
                self._data.qpos[:] = each
                mujoco.mj_kinematics(self._model, self._data)
                places.append(self._data.xipos[self._bodies].copy())
            self._way, self._trails = qpos, np.stack(places)
        return self._trails

    def _add_trails(self, scene: mujoco.MjvScene, ghost: Ghost) -> None:
        trails = self._follow(ghost.qpos)
        steps = np.unique(np.linspace(0, len(trails) - 1, min(len(trails), _PIECES + 1)).round().astype(int))
        capsule = mujoco.mjtGeom.mjGEOM_CAPSULE
        width = _WIDTH * self._subject.radius
        for start, end in itertools.pairwise(steps):
            colour = np.array((*ghost.colour, _PAST if end <= ghost.step else _FUTURE), np.float32)
            for body in range(trails.shape[1]):
                if scene.ngeom >= scene.maxgeom:
                    return
                geom = scene.geoms[scene.ngeom]
                mujoco.mjv_initGeom(geom, capsule, np.zeros(3), np.zeros(3), np.zeros(9), colour)
                mujoco.mjv_connector(geom, capsule, width, trails[start, body], trails[end, body])
                scene.ngeom += 1


def _trailing(model: mujoco.MjModel) -> list[int]:
    """The first body that moves, and those on which no other one hangs."""
    moving: list[int] = [body for body in range(1, model.nbody) if model.body_weldid[body] != 0]
    parents: Any = set(model.body_parentid[1:].tolist())
    ends = [body for body in moving if body not in parents]
    return list(dict.fromkeys(moving[:1] + ends))[:_TRAILS]
