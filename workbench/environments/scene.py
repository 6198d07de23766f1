"""Draws MuJoCo states into arrays of pixels, without a window.

A :class:`SceneRenderer` belongs to the thread that made it, from its construction to :meth:`SceneRenderer.close`:
OpenGL contexts cannot be used from two threads.
"""

from __future__ import annotations

from typing import Any, Literal

import mujoco
import numpy as np
from numpy.typing import NDArray

from workbench.environments.ghost import Ghost
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.scene_camera import SceneCamera
from workbench.environments.scene_ghost import GhostBody
from workbench.environments.scene_look import SceneLook, drawn_model
from workbench.environments.wrappers import Environment

Overlay = Literal["contacts", "forces", "joints", "transparent"]
Viewpoint = tuple[SceneCamera, Any]

_OVERLAYS = {
    "contacts": mujoco.mjtVisFlag.mjVIS_CONTACTPOINT,
    "forces": mujoco.mjtVisFlag.mjVIS_CONTACTFORCE,
    "joints": mujoco.mjtVisFlag.mjVIS_JOINT,
    "transparent": mujoco.mjtVisFlag.mjVIS_TRANSPARENT,
}
_MOST_GEOMS = 10_000
#: ``fine`` -> samples per pixel, side of the shadow map; in software the fine ones take 15 times as long
_QUALITY = {False: (0, 0), True: (8, 4096)}
#: where the light from above comes from; slanted, so that a body's shadow tells its height
_LIGHT = np.array((0.15, 0.25, -1.0)) / np.linalg.norm((0.15, 0.25, -1.0))


class SceneRenderer:
    """One task's scene with its camera and overlays.

    Raises :class:`EnvironmentProblem` if ``environment`` has no MuJoCo model or if no OpenGL is to be had here.
    """

    has_camera = True

    def __init__(self, environment: Environment, look: SceneLook) -> None:
        self._environment = environment
        self._option = mujoco.MjvOption()
        self._gl: Any = None
        self._contexts: dict[bool, Any] = {}
        self._ghost: Ghost | None = None
        self._load(look)
        self.camera = SceneCamera(self._model)
        try:
            self._gl = mujoco.GLContext(640, 480)
            self._gl.make_current()
            self.in_software = _draws_in_software()
        except Exception as error:
            raise EnvironmentProblem(f"MuJoCo cannot draw here: {type(error).__name__}: {error}.") from error

    @property
    def time_step(self) -> float:
        """Simulated seconds of one environment step."""
        return float(getattr(self._environment.unwrapped, "dt", self._model.opt.timestep))

    @property
    def travels(self) -> bool:
        """Whether the first velocity is that of the body along x."""
        return self.camera.subject.travels

    @property
    def description(self) -> str:
        """What differs from the first view, in words: camera, overlays, hidden groups; empty where nothing does."""
        parts = [self.camera.name, *(name for name, flag in _OVERLAYS.items() if self._option.flags[flag])]
        for group, first in enumerate(mujoco.MjvOption().geomgroup):
            if self._option.geomgroup[group] != first:
                parts.append(f"group {group} {'hidden' if first else 'shown'}")
        return " · ".join(part for part in parts if part)

    def render(
        self, qpos: NDArray[np.float64], qvel: NDArray[np.float64], width: int, height: int, *, fine: bool = False
    ) -> NDArray[np.uint8]:
        """The picture `[height, width, 3]` of a state, with smooth edges, shadows and reflections if ``fine``.

        Contacts and their forces are those of the bodies at rest of the motors. Raises :class:`EnvironmentProblem` if
        the state is not of this task.
        """
        model, data = self._model, self._data
        if np.shape(qpos) != (model.nq,) or np.shape(qvel) != (model.nv,):
            raise EnvironmentProblem(
                f"This state has {np.size(qpos)} positions and {np.size(qvel)} velocities, but the task has {model.nq} "
                f"and {model.nv}: it was recorded with another version or other options of the task."
            )
        data.qpos[:], data.qvel[:] = qpos, qvel
        mujoco.mj_forward(model, data)
        self._update()
        for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            self._scene.flags[flag] = fine
        context = self._context(fine)
        if (context.offWidth, context.offHeight) != (width, height):
            mujoco.mjr_resizeOffscreen(width, height, context)
        pixels = np.empty((height, width, 3), np.uint8)
        area = mujoco.MjrRect(0, 0, width, height)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, context)
        mujoco.mjr_render(area, self._scene, context)
        mujoco.mjr_readPixels(pixels, None, area, context)
        return pixels[::-1]

    def show_ghost(self, ghost: Ghost | None) -> None:
        """Draw a second body from now on, or none; a camera at home goes where all of another way is seen.

        Raises :class:`EnvironmentProblem` if it is not of this task.
        """
        way = None if ghost is None else ghost.qpos
        if ghost is not None and (ghost.qpos.shape[1:], ghost.qvel.shape[1:]) != ((self._model.nq,), (self._model.nv,)):
            raise EnvironmentProblem("The plan belongs to another task, so its states cannot be drawn here.")
        if way is not None and (self._ghost is None or way is not self._ghost.qpos):
            self.camera.frame(*self._body.span(way))
        self._ghost = ghost

    @property
    def viewpoint(self) -> Viewpoint:
        """Camera and overlays, which another renderer of the same task can take over."""
        return self.camera, self._option

    @viewpoint.setter
    def viewpoint(self, viewpoint: Viewpoint) -> None:
        self.camera, self._option = viewpoint
        self.camera.use_model(self._model)

    def toggle(self, overlay: Overlay) -> None:
        """Draw contacts, contact forces or joints, or the bodies transparently; or no longer."""
        flag = _OVERLAYS[overlay]
        self._option.flags[flag] = not self._option.flags[flag]

    def toggle_group(self, group: int) -> None:
        """Show or hide a group of geoms, 0 to 5."""
        self._option.geomgroup[group] = not self._option.geomgroup[group]

    def focus_at(self, x: float, y: float, aspect: float) -> bool:
        """Look at what was last drawn at ``x``, ``y`` (from the lower left, in 0..1); returns whether it was anything.

        ``aspect`` is the picture's width divided by its height.
        """
        point, body = self._pick(x, y, aspect)
        if body >= 0:
            self.camera.focus(point)
        return body >= 0

    def follow_at(self, x: float, y: float, aspect: float) -> bool:
        """Follow the body that was last drawn there; returns whether there was one that can move."""
        _, body = self._pick(x, y, aspect)
        if body > 0:
            self.camera.follow(body)
        return body > 0

    def recolour(self, look: SceneLook) -> None:
        """Draw in other colours from now on; camera and overlays stay."""
        self._free_contexts()
        self._load(look)
        self.camera.use_model(self._model)

    def close(self) -> None:
        """Release OpenGL, in the thread that made this; the environment is closed too."""
        self._free_contexts()
        if self._gl is not None:
            self._gl.free()
            self._gl = None
        self._environment.close()

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _load(self, look: SceneLook) -> None:
        self._model = drawn_model(self._environment, look)
        self._data = mujoco.MjData(self._model)
        self._scene = mujoco.MjvScene(self._model, maxgeom=_MOST_GEOMS)
        self._body = GhostBody(self._model)

    def _context(self, fine: bool) -> Any:
        """One OpenGL context holds both; what tells them apart is decided when each is made."""
        if fine not in self._contexts:
            quality = self._model.vis.quality
            quality.offsamples, quality.shadowsize = _QUALITY[fine]
            self._contexts[fine] = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100)
        return self._contexts[fine]

    def _free_contexts(self) -> None:
        for context in self._contexts.values():
            context.free()
        self._contexts.clear()

    def _update(self) -> None:
        everything = mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(self._model, self._data, self._option, None, self.camera.at, everything, self._scene)
        if self._ghost is not None:
            self._body.add(self._scene, self._option, self._ghost)
        # A shadow map covers a few metres around its light, which therefore goes where the camera looks.
        size = 2 * self.camera.subject.radius
        for light in self._scene.lights[: self._scene.nlight]:
            if not light.headlight:
                light.dir = _LIGHT
                light.pos = self.camera.at.lookat - size * _LIGHT

    def _pick(self, x: float, y: float, aspect: float) -> tuple[NDArray[np.float64], int]:
        point = np.zeros((3, 1))
        geom, flex, skin = (np.zeros((1, 1), np.int32) for _ in range(3))
        body = mujoco.mjv_select(
            self._model, self._data, self._option, aspect, x, y, self._scene, point, geom, flex, skin
        )
        return point[:, 0], int(body)


def _draws_in_software() -> bool:
    """Whether the OpenGL that is current here is Mesa's for machines without a graphics card."""
    from OpenGL import GL

    name = GL.glGetString(GL.GL_RENDERER) or b""
    return any(software in name.lower() for software in (b"llvmpipe", b"softpipe", b"swrast"))
