"""Pictures of environments without MuJoCo, drawn by their own ``rgb_array`` rendering."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.environments.ghost import Ghost
from workbench.environments.make import make_environment
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.scene_look import SceneLook
from workbench.environments.simulator_state import get_physics, set_physics

#: share of a ghost's picture in what is shown
_GHOST = 0.65


class OwnRenderer:
    """An environment that draws itself, put into one state after the other; it has no camera.

    Like a scene it belongs to the thread that made it. Raises :class:`EnvironmentProblem` if the environment has no
    such rendering, or if its states are not known.
    """

    has_camera = False
    in_software = True
    description = ""
    travels = False

    def __init__(self, name: str, options: dict[str, Any] | None) -> None:
        # The pictures are made in memory: pygame, which most of these draw with, needs no screen for them.
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
        self._ghost: Ghost | None = None
        self._environment = make_environment(name, options=options, render_mode="rgb_array")
        if get_physics(self._environment) is None:
            self.close()
            raise EnvironmentProblem(
                f"{name} can draw itself, but what its state is made of is not known, so its episodes cannot be shown. "
                "Training and its curves are not affected."
            )

    @property
    def time_step(self) -> float:
        """Seconds of one environment step, by what the environment says of itself."""
        base = self._environment.unwrapped
        frames = base.metadata.get("render_fps") or 30
        return float(getattr(base, "dt", 1 / frames))

    def render(
        self, qpos: NDArray[np.float64], qvel: NDArray[np.float64], width: int, height: int, *, fine: bool = False
    ) -> NDArray[np.uint8]:
        """The picture of a state `[own height, own width, 3]`; the environment alone decides its size and quality.

        A ghost shines through it. Raises :class:`EnvironmentProblem` if the state is not of this task, or if the
        rendering fails.
        """
        picture = self._draw(qpos, qvel)
        ghost = self._ghost
        if ghost is None:
            return picture
        second = self._draw(ghost.qpos[ghost.step], ghost.qvel[ghost.step])
        return np.rint(_GHOST * second + (1.0 - _GHOST) * picture).astype(np.uint8)

    def _draw(self, qpos: NDArray[np.float64], qvel: NDArray[np.float64]) -> NDArray[np.uint8]:
        set_physics(self._environment, qpos, qvel)
        base: Any = self._environment.unwrapped
        if hasattr(base, "last_u"):
            base.last_u = None  # The arrow of a torque that is not known.
        try:
            picture = base.render()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise EnvironmentProblem(f"{_name(base)} failed to draw itself with {reason}.") from error
        return np.array(picture, np.uint8)

    def show_ghost(self, ghost: Ghost | None) -> None:
        """Let the picture of a second state shine through from now on, or none."""
        self._ghost = ghost

    def recolour(self, look: SceneLook) -> None:
        """Nothing: it has its own colours."""

    def close(self) -> None:
        """Close the environment and with it what it draws with."""
        self._environment.close()


def _name(base: Any) -> str:
    return base.spec.id if base.spec is not None else type(base).__name__
