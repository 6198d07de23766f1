"""The colours of a drawn scene, and the model that is drawn: the task's own in every respect but its looks."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.environments.problem import EnvironmentProblem

if TYPE_CHECKING:
    import mujoco

    from workbench.environments.wrappers import Environment

Colour = tuple[float, float, float]

# In what MuJoCo's tasks paint their bodies; other colours tell parts apart and are left as they are.
_BODY_COLOURS = ((0.8, 0.6, 0.4), (0.9, 0.6, 0.6))
# What a model must have in common with the environment's for a state of the one to be a state of the other.
_SAME = ("jnt_type", "jnt_qposadr", "jnt_dofadr", "body_parentid", "body_pos", "body_mass", "geom_type", "geom_pos")
# Planes of this half-size (metres) and more are floors, which have no end; smaller ones are tables.
_FLOOR_SIZE = 5.0
_TILES_PER_METRE = 0.75


@dataclass(frozen=True)
class SceneLook:
    """Colours as red, green, blue in 0..1: the sky from zenith to horizon, two kinds of tiles, the body.

    ``ambient`` is light from everywhere, ``lamp`` the strength of the light from above and of that at the camera.
    """

    zenith: Colour
    horizon: Colour
    floor: Colour
    tile: Colour
    body: Colour
    ambient: float
    lamp: float


def drawn_model(environment: Environment, look: SceneLook) -> mujoco.MjModel:
    """A model with the environment's positions and velocities, in the colours of ``look``, for drawing alone.

    It is compiled anew from the environment's XML file. An environment that has none, or that changed its model after
    compiling, is drawn as it is, in its own colours. Raises :class:`EnvironmentProblem` without a MuJoCo model.
    """
    from workbench.environments.simulator_state import model_of

    model: Any = model_of(environment)
    if model is None:
        raise EnvironmentProblem("The environment has no MuJoCo model to draw.")
    path = getattr(environment.unwrapped, "fullpath", None)
    if isinstance(path, str) and Path(path).is_file():
        themed = _compile(path, look)
        if all(np.array_equal(getattr(themed, name), getattr(model, name)) for name in _SAME):
            return themed
    return copy.copy(model)


def _compile(path: str, look: SceneLook) -> mujoco.MjModel:
    import mujoco

    spec = mujoco.MjSpec.from_file(path)
    _paint_sky(spec, look)
    _paint_textures(spec, look)
    _paint_geoms(spec, look)
    _light(spec, look)
    # Left to the compiler, a total mass draws a warning that it is deprecated; this is what it advises.
    mass = spec.compiler.settotalmass
    spec.compiler.settotalmass = -1
    model = spec.compile()
    if mass > 0:
        mujoco.mj_setTotalmass(model, mass)
        mujoco.mj_setConst(model, mujoco.MjData(model))
    return model


def _paint_sky(spec: mujoco.MjSpec, look: SceneLook) -> None:
    import mujoco

    skies = [each for each in spec.textures if each.type == mujoco.mjtTexture.mjTEXTURE_SKYBOX]
    if not skies:
        skies = [spec.add_texture(name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, width=128, height=128)]
        skies[0].builtin = mujoco.mjtBuiltin.mjBUILTIN_GRADIENT
    for sky in skies:
        if sky.builtin != mujoco.mjtBuiltin.mjBUILTIN_NONE:
            sky.builtin = mujoco.mjtBuiltin.mjBUILTIN_GRADIENT
            sky.mark = mujoco.mjtMark.mjMARK_NONE
            sky.rgb1, sky.rgb2 = look.horizon, look.zenith
    spec.visual.rgba.haze = (*look.horizon, 1.0)
    spec.visual.rgba.fog = (*look.horizon, 1.0)


def _paint_textures(spec: mujoco.MjSpec, look: SceneLook) -> None:
    import mujoco

    for texture in spec.textures:
        if texture.builtin == mujoco.mjtBuiltin.mjBUILTIN_CHECKER:
            texture.rgb1, texture.rgb2 = look.floor, look.tile
        elif texture.builtin == mujoco.mjtBuiltin.mjBUILTIN_FLAT and _is_body(texture.rgb1):
            texture.rgb1 = texture.rgb2 = (1.0, 1.0, 1.0)  # The geoms give the colour.
            texture.mark, texture.random = mujoco.mjtMark.mjMARK_NONE, 0.0


def _paint_geoms(spec: mujoco.MjSpec, look: SceneLook) -> None:
    import mujoco

    floors = set()
    for geom in spec.geoms:
        if geom.type == mujoco.mjtGeom.mjGEOM_PLANE:
            floors.add(geom.material)
            geom.rgba = (1.0, 1.0, 1.0, 1.0) if geom.material else (*look.tile, 1.0)
            if min(geom.size[:2]) >= _FLOOR_SIZE:
                geom.size = (0.0, 0.0, geom.size[2])
        elif _is_body(geom.rgba[:3]):
            geom.rgba = (*look.body, geom.rgba[3])
    for material in spec.materials:
        if material.name in floors:
            material.texuniform, material.texrepeat = True, (_TILES_PER_METRE, _TILES_PER_METRE)
            material.reflectance, material.specular, material.shininess = 0.12, 0.1, 0.3


def _light(spec: mujoco.MjSpec, look: SceneLook) -> None:
    import mujoco

    lamp, faint = (0.5 * look.lamp,) * 3, (0.1,) * 3
    spec.visual.map.shadowclip = 2.0  # With less, slanted light leaves specks on the floor.
    headlight = spec.visual.headlight
    headlight.ambient, headlight.diffuse, headlight.specular = (look.ambient,) * 3, lamp, faint
    if not spec.lights:
        spec.worldbody.add_light(type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, pos=(0, 0, 3), dir=(0, 0, -1))
    for light in spec.lights:
        light.diffuse, light.ambient, light.specular = lamp, (0.0, 0.0, 0.0), faint


def _is_body(colour: Any) -> bool:
    return any(np.allclose(colour, each, atol=1e-3) for each in _BODY_COLOURS)
