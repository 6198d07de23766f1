"""What draws a task's states: its MuJoCo scene, or the environment itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from workbench.environments.ghost import Ghost
from workbench.environments.make import make_environment
from workbench.environments.own_rendering import OwnRenderer
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.rendering import probe_gl
from workbench.environments.scene_look import SceneLook
from workbench.environments.simulator_state import model_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class NoRenderer(EnvironmentProblem):
    """This machine has no OpenGL that MuJoCo can draw with; ``remedy`` says how to get it."""

    def __init__(self, sentence: str, remedy: str) -> None:
        super().__init__(sentence)
        self.remedy = remedy


class Renderer(Protocol):
    """Draws states; it belongs to the thread that made it. One that has a camera is a ``SceneRenderer``.

    ``in_software`` says that no graphics card draws, so that a picture costs the processor's time.
    """

    has_camera: bool
    in_software: bool

    @property
    def time_step(self) -> float:
        """Simulated seconds of one environment step."""

    @property
    def travels(self) -> bool:
        """Whether the first velocity is that of the body along x."""

    @property
    def description(self) -> str:
        """What differs from the first view, in words."""

    def render(
        self, qpos: NDArray[np.float64], qvel: NDArray[np.float64], width: int, height: int, *, fine: bool = False
    ) -> NDArray[np.uint8]:
        """The picture `[height, width, 3]` of a state. Raises :class:`EnvironmentProblem`."""

    def show_ghost(self, ghost: Ghost | None) -> None:
        """Draw a second body from now on, or none. Raises :class:`EnvironmentProblem` for another task's."""

    def recolour(self, look: SceneLook) -> None:
        """Draw in other colours from now on."""

    def close(self) -> None:
        """Release everything, in the thread that made it."""


def open_renderer(name: str, options: dict[str, Any], look: SceneLook) -> Renderer:
    """What draws the states of a task in this thread.

    Raises :class:`NoRenderer` for a MuJoCo task where OpenGL is missing, and :class:`EnvironmentProblem` for an
    environment that cannot be made, that cannot draw itself, or whose states are not known.
    """
    environment = make_environment(name, options=options)
    if model_of(environment) is None:
        modes = environment.metadata.get("render_modes") or ()
        environment.close()
        if "rgb_array" not in modes:
            raise EnvironmentProblem(f"{name} has no rendering of its own. Training and its curves are not affected.")
        return OwnRenderer(name, options)
    finding = probe_gl()
    if finding.backend is None:
        environment.close()
        raise NoRenderer(finding.sentence, finding.remedy)
    from workbench.environments.scene import SceneRenderer  # It needs an OpenGL that works.

    return SceneRenderer(environment, look)
