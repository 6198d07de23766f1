"""Which OpenGL back end MuJoCo can render with here, found by trying each in a process of its own.

The choice must be made before mujoco is imported, and once per process: with MUJOCO_GL naming a library that is
missing, ``import mujoco`` itself fails.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from dataclasses import dataclass

_BACKENDS = {"linux": ("egl", "osmesa"), "darwin": ("cgl",), "win32": ("wgl",)}
_OFF = ("disable", "disabled", "off", "false", "0")
_PACKAGES = "apt-get install -y --no-install-recommends libegl1 libopengl0 libgl1-mesa-dri libosmesa6"
_TIMEOUT = 60  # seconds; a probe takes 0.3 to 0.8 with a warm file cache

_DRAW_A_BALL = """
import mujoco
if not hasattr(mujoco, "Renderer"):  # mujoco swallows why; this import tells
    import mujoco.rendering.classic.renderer
model = mujoco.MjModel.from_xml_string(
    '<mujoco><worldbody><light pos="0 0 4"/><geom size="1"/></worldbody></mujoco>'
)
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
renderer = mujoco.Renderer(model, 16, 16)
renderer.update_scene(data)
assert renderer.render().any(), "the picture stayed black"
renderer.close()
"""


@dataclass(frozen=True)
class GLFinding:
    """What rendering can use: a value for MUJOCO_GL or None, a sentence about it, and what mends it ("" if nothing)."""

    backend: str | None
    sentence: str
    remedy: str


@functools.cache
def probe_gl() -> GLFinding:
    """Find a back end that draws: the user's MUJOCO_GL if set, else the platform's in order of preference.

    Takes about a second the first time; a process keeps its first finding, as MuJoCo keeps its back end.
    """
    chosen = os.environ.get("MUJOCO_GL", "").strip().lower()
    if chosen in _OFF:
        return GLFinding(None, f"Rendering is off, because MUJOCO_GL is {chosen!r}.", "Unset MUJOCO_GL to render.")
    failures = []
    for backend in [chosen] if chosen else _BACKENDS.get(sys.platform, ()):
        failure = _try(backend)
        if failure is None:
            return GLFinding(backend, f"MuJoCo renders with {backend}.", "")
        failures.append(f"{backend}: {failure}")
    sentence = f"MuJoCo cannot render here ({'; '.join(failures) or f'no back end is known for {sys.platform}'})."
    if chosen:
        return GLFinding(None, sentence, f"Unset MUJOCO_GL, which is {chosen!r}, or install its library: {_PACKAGES}")
    return GLFinding(None, sentence, f"Training works without rendering; to have it: {_PACKAGES}")


def choose_gl_backend() -> GLFinding:
    """Set MUJOCO_GL and PYOPENGL_PLATFORM to what was found, or rendering off; a value set by the user is kept.

    Must be called before mujoco is imported to have an effect.
    """
    finding = probe_gl()
    if not os.environ.get("MUJOCO_GL"):
        os.environ["MUJOCO_GL"] = finding.backend or "disable"
        if finding.backend in _BACKENDS["linux"]:
            os.environ.setdefault("PYOPENGL_PLATFORM", finding.backend)
        # Mesa's drawing in software stays in the thread that asks for it, whose time is then all that a picture costs.
        os.environ.setdefault("LP_NUM_THREADS", "0")
    return finding


def _try(backend: str) -> str | None:
    """None if ``backend`` draws a picture, else the last line of what went wrong."""
    environment = {**os.environ, "MUJOCO_GL": backend}
    try:
        result = subprocess.run(
            [sys.executable, "-c", _DRAW_A_BALL],
            env=environment, capture_output=True, text=True, timeout=_TIMEOUT, check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_TIMEOUT} seconds"
    if result.returncode == 0:
        return None
    lines = result.stderr.strip().splitlines()
    return lines[-1] if lines else f"it ended with exit code {result.returncode}"
