"""The camera of a MuJoCo scene: where it stands first, and how the mouse and the keys move it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import mujoco
import numpy as np
from numpy.typing import NDArray

#: degrees; a task in the plane of the floor is seen from above
_AZIMUTH, _ELEVATION, _ELEVATION_ABOVE = 100.0, -15.0, -60.0
#: distance in radii of what is to be seen; the camera's field of view is 45 degrees
_DISTANCE = 2.8


@dataclass(frozen=True)
class Subject:
    """What there is to see: its middle `[3]` and radius in metres at rest, and whether it travels or moves flat."""

    centre: NDArray[np.float64]
    radius: float
    travels: bool
    flat: bool


def find_subject(model: mujoco.MjModel) -> Subject:
    """The bodies that travel, or else all that there is but planes."""
    travels, flat = _travels(model), _flat(model)
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    shown = model.geom_type != mujoco.mjtGeom.mjGEOM_PLANE
    if travels:
        shown &= model.body_weldid[model.geom_bodyid] != 0
    if not shown.any():
        return Subject(np.array(model.stat.center), float(model.stat.extent), travels, flat)
    places, radii = data.geom_xpos[shown], model.geom_rbound[shown]
    low, high = (places - radii[:, None]).min(axis=0), (places + radii[:, None]).max(axis=0)
    centre = (low + high) / 2
    return Subject(centre, float((np.linalg.norm(places - centre, axis=1) + radii).max()), travels, flat)


class SceneCamera:
    """MuJoCo's camera with the habits of its viewers; ``at`` is handed to ``mjv_updateScene``."""

    def __init__(self, model: mujoco.MjModel) -> None:
        self.subject = find_subject(model)
        self.at = mujoco.MjvCamera()
        self._model = model
        self._home = True
        self._framed: tuple[NDArray[np.float64], float] | None = None
        self.home()

    @property
    def name(self) -> str:
        """What it does, in a word or two; empty at home."""
        if self.at.type == mujoco.mjtCamera.mjCAMERA_FIXED:
            return f"camera {self._model.camera(self.at.fixedcamid).name or self.at.fixedcamid + 1}"
        if self.at.type == mujoco.mjtCamera.mjCAMERA_TRACKING:
            return "" if self._home else f"follows {self._model.body(self.at.trackbodyid).name or 'a body'}"
        return "" if self._home else "free camera"

    def use_model(self, model: mujoco.MjModel) -> None:
        """Go on with another model of the same bodies and cameras."""
        self._model = model

    def home(self) -> None:
        """Where it stands first: what there is to see fills the picture, and is followed if it travels.

        What was framed takes its place, and is not followed.
        """
        subject, at = self.subject, self.at
        mujoco.mjv_defaultFreeCamera(self._model, at)
        centre, radius = self._framed or (subject.centre, subject.radius)
        at.lookat[:] = centre
        at.distance = _DISTANCE * radius
        at.azimuth, at.elevation = _AZIMUTH, _ELEVATION_ABOVE if subject.flat else _ELEVATION
        if subject.travels and self._framed is None:
            at.type, at.trackbodyid = cast(int, mujoco.mjtCamera.mjCAMERA_TRACKING), 1
        self._home = True

    def frame(self, centre: NDArray[np.float64], radius: float) -> None:
        """Stand first where all within ``radius`` metres of ``centre`` [3] is seen; go there if it is at home."""
        self._framed = (centre, radius)
        if self._home and self.at.type != mujoco.mjtCamera.mjCAMERA_FIXED:
            azimuth, elevation = self.at.azimuth, self.at.elevation
            self.home()
            self.at.azimuth, self.at.elevation = azimuth, elevation

    def step(self, by: int) -> None:
        """The next (1) or previous (-1) camera: home, then those of the model, then home again."""
        fixed = self.at.type == mujoco.mjtCamera.mjCAMERA_FIXED
        number = ((self.at.fixedcamid + 1 if fixed else 0) + by) % (self._model.ncam + 1)
        if number == 0:
            self.home()
        else:
            self.at.type, self.at.fixedcamid = cast(int, mujoco.mjtCamera.mjCAMERA_FIXED), number - 1

    def free(self) -> None:
        """Stay where it is and follow nothing."""
        self.at.type = cast(int, mujoco.mjtCamera.mjCAMERA_FREE)
        self._home = False

    def orbit(self, right: float, down: float) -> None:
        """Turn around what it looks at, by parts of the picture's height; one of the model's cameras is left first."""
        self._move(mujoco.mjtMouse.mjMOUSE_ROTATE_V, right, down)

    def pan(self, right: float, down: float) -> None:
        """Shift it in the plane of the picture, by parts of its height; it no longer follows anything."""
        self.free()
        self._move(mujoco.mjtMouse.mjMOUSE_MOVE_V, right, down)

    def zoom(self, closer: float) -> None:
        """Come closer by that part of the distance, or go away."""
        self._move(mujoco.mjtMouse.mjMOUSE_ZOOM, 0.0, closer)

    def focus(self, point: NDArray[np.float64]) -> None:
        """Look at ``point`` `[3]` and follow nothing."""
        self.free()
        self.at.lookat[:] = point

    def follow(self, body: int) -> None:
        """Look at a body and go with it."""
        self.at.type, self.at.trackbodyid = cast(int, mujoco.mjtCamera.mjCAMERA_TRACKING), body
        self._home = False

    def _move(self, action: Any, right: float, down: float) -> None:
        if self.at.type == mujoco.mjtCamera.mjCAMERA_FIXED:
            self.home()
        mujoco.mjv_moveCamera(self._model, action, right, down, self.at)


def _travels(model: mujoco.MjModel) -> bool:
    """Whether the first joint lets its body go anywhere: free, or sliding along x without limit."""
    if not model.njnt:
        return False
    kind = model.jnt_type[0]
    slides = kind == mujoco.mjtJoint.mjJNT_SLIDE and not model.jnt_limited[0] and abs(model.jnt_axis[0, 0]) > 0.99
    return bool(kind == mujoco.mjtJoint.mjJNT_FREE or slides)


def _flat(model: mujoco.MjModel) -> bool:
    """Whether bodies move in the plane of the floor alone."""
    hinges = model.jnt_type == mujoco.mjtJoint.mjJNT_HINGE
    slides = model.jnt_type == mujoco.mjtJoint.mjJNT_SLIDE
    upright = np.abs(model.jnt_axis[:, 2]) > 0.99
    return bool((hinges | slides).all() and hinges.any() and upright[hinges].all() and not upright[slides].any())
