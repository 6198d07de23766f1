"""Scenes drawn for real, where this machine has an OpenGL to draw them with."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from workbench.environments.ghost import Ghost
from workbench.environments.make import make_environment
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.rendering import GLFinding, choose_gl_backend
from workbench.environments.scene_look import SceneLook, drawn_model

# As in the application: before anything imports mujoco, which keeps the back end that it finds.
FINDING = choose_gl_backend()

from workbench.environments import renderers  # noqa: E402
from workbench.environments.renderers import NoRenderer, open_renderer  # noqa: E402

needs_gl = pytest.mark.skipif(FINDING.backend is None, reason=FINDING.sentence)

DARK = SceneLook((0.05, 0.06, 0.08), (0.2, 0.2, 0.25), (0.1, 0.1, 0.12), (0.15, 0.15, 0.2), (0.9, 0.5, 0.2), 0.4, 0.9)
LIGHT = SceneLook((0.8, 0.8, 0.9), (0.95, 0.95, 1.0), (0.6, 0.6, 0.7), (0.7, 0.7, 0.8), (0.7, 0.4, 0.2), 0.4, 0.9)
SIZE = (160, 120)


@pytest.fixture
def cheetah() -> Iterator[Any]:
    scene = open_renderer("HalfCheetah-v5", {}, DARK)
    yield scene
    scene.close()


def rest(name: str = "HalfCheetah-v5") -> tuple[np.ndarray, np.ndarray]:
    model = make_environment(name).unwrapped.model  # type: ignore[attr-defined]
    return np.array(model.qpos0), np.zeros(model.nv)


def differ(one: np.ndarray, other: np.ndarray) -> float:
    """Share of the pixels that differ visibly."""
    return float((np.abs(one.astype(int) - other.astype(int)).max(axis=2) > 8).mean())


@needs_gl
def test_a_picture_shows_the_body(cheetah: Any) -> None:
    picture = cheetah.render(*rest(), *SIZE)
    assert (picture.shape, picture.dtype) == ((120, 160, 3), np.uint8)
    red, _, blue = (picture[..., channel].astype(int) for channel in range(3))
    body = red > blue + 60
    assert 0.01 < body.mean() < 0.3, "the body's colour is nowhere else"
    rows, columns = np.nonzero(body)
    assert abs(columns.mean() - 80) < 25 and abs(rows.mean() - 60) < 25, "the camera looks at the body"
    assert picture.std() > 10


@needs_gl
def test_the_sky_is_above(cheetah: Any) -> None:
    blue, green, red = (0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)
    cheetah.recolour(SceneLook(blue, blue, green, green, red, 0.5, 0.9))
    picture = cheetah.render(*rest(), *SIZE)
    assert picture[0].mean(axis=0).argmax() == 2
    assert picture[-1].mean(axis=0).argmax() == 1


@needs_gl
def test_the_state_decides_the_picture(cheetah: Any) -> None:
    qpos, qvel = rest()
    first = cheetah.render(qpos, qvel, *SIZE)
    assert differ(first, cheetah.render(qpos, qvel, *SIZE)) == 0
    bent = qpos.copy()
    bent[3:] = 0.6
    assert differ(first, cheetah.render(bent, qvel, *SIZE)) > 0.01
    far = qpos.copy()
    far[0] = 300.0
    away = cheetah.render(far, qvel, *SIZE)
    body = (away[..., 0].astype(int) > away[..., 2].astype(int) + 60).mean()
    assert body > 0.01 and away[-1].std() < 60, "the camera follows, and the floor has no end"


@needs_gl
def test_the_camera_moves(cheetah: Any) -> None:
    state = rest()
    home = cheetah.render(*state, *SIZE)
    moves = {
        "orbit": lambda: cheetah.camera.orbit(0.2, 0.1),
        "pan": lambda: cheetah.camera.pan(0.2, 0.1),
        "zoom": lambda: cheetah.camera.zoom(0.2),
        "next": lambda: cheetah.camera.step(1),
        "focus": lambda: cheetah.camera.focus(np.array([2.0, 0.0, 0.0])),
        "follow": lambda: cheetah.camera.follow(4),
    }
    for name, move in moves.items():
        cheetah.camera.home()
        assert differ(home, cheetah.render(*state, *SIZE)) == 0, "home is the same again"
        assert cheetah.description == ""
        move()
        assert differ(home, cheetah.render(*state, *SIZE)) > 0.02, name
    assert cheetah.description == "follows bfoot"


@needs_gl
def test_the_cameras_of_the_model_take_turns(cheetah: Any) -> None:
    cheetah.camera.step(1)
    assert cheetah.description == "camera track"
    cheetah.camera.step(1)
    assert cheetah.description == ""
    cheetah.camera.step(-1)
    assert cheetah.description == "camera track"
    cheetah.camera.orbit(0.1, 0.0)
    assert cheetah.description == "", "a camera of the model cannot be turned: it is left"
    cheetah.camera.free()
    assert cheetah.description == "free camera"


@needs_gl
def test_what_is_under_the_mouse_can_be_followed(cheetah: Any) -> None:
    state = rest()
    picture = cheetah.render(*state, *SIZE)
    body = np.argwhere(picture[..., 0].astype(int) > picture[..., 2].astype(int) + 60)
    row, column = body[len(body) // 2]
    place = ((column + 0.5) / 160, 1 - (row + 0.5) / 120)
    assert cheetah.follow_at(*place, 160 / 120)
    assert cheetah.description.startswith("follows ")
    cheetah.camera.home()
    cheetah.render(*state, *SIZE)
    assert not cheetah.follow_at(0.5, 0.02, 160 / 120), "the floor cannot be followed"
    assert cheetah.focus_at(0.5, 0.02, 160 / 120)
    assert not cheetah.focus_at(0.5, 0.99, 160 / 120), "nor is there anything in the sky"


@needs_gl
def test_overlays_and_groups(cheetah: Any) -> None:
    state = rest()
    state[0][1] -= 0.1  # so that its feet touch the floor
    plain = cheetah.render(*state, *SIZE)
    for overlay in ("contacts", "forces", "joints", "transparent"):
        cheetah.toggle(overlay)
        assert cheetah.description == overlay
        assert differ(plain, cheetah.render(*state, *SIZE)) > 0.0005, overlay
        cheetah.toggle(overlay)
    cheetah.toggle_group(0)
    assert cheetah.description == "group 0 hidden"
    assert differ(plain, cheetah.render(*state, *SIZE)) > 0.02
    cheetah.toggle_group(0)
    assert differ(plain, cheetah.render(*state, *SIZE)) == 0


@needs_gl
def test_fine_pictures_have_smooth_edges_and_shadows(cheetah: Any) -> None:
    state = rest()
    fast, fine = (cheetah.render(*state, *SIZE, fine=each) for each in (False, True))
    assert differ(fast, fine) > 0.02
    assert len(np.unique(fine.reshape(-1, 3), axis=0)) > len(np.unique(fast.reshape(-1, 3), axis=0))
    assert differ(fast, cheetah.render(*state, *SIZE)) == 0


@needs_gl
def test_other_colours_and_sizes_keep_the_camera(cheetah: Any) -> None:
    state = rest()
    cheetah.camera.zoom(0.3)
    dark = cheetah.render(*state, *SIZE)
    cheetah.recolour(LIGHT)
    light = cheetah.render(*state, 200, 90, fine=True)
    assert light.shape == (90, 200, 3)
    assert light.mean() > dark.mean() + 60
    cheetah.recolour(DARK)
    assert differ(dark, cheetah.render(*state, *SIZE)) == 0


@needs_gl
def test_a_state_of_another_task_is_refused(cheetah: Any) -> None:
    with pytest.raises(EnvironmentProblem, match="6 positions and 6 velocities, but the task has 9"):
        cheetah.render(*rest("Hopper-v5"), *SIZE)


@needs_gl
def test_a_renderer_lives_in_a_thread_of_its_own(cheetah: Any) -> None:
    state, found = rest(), []

    def draw() -> None:
        scene = open_renderer("HalfCheetah-v5", {}, DARK)
        found.append(scene.render(*state, *SIZE))
        scene.close()

    for _ in range(2):
        thread = threading.Thread(target=draw)
        thread.start()
        thread.join()
    here = cheetah.render(*state, *SIZE)
    assert [differ(here, picture) for picture in found] == [0, 0]


@needs_gl
def test_facts_of_the_task(cheetah: Any) -> None:
    assert cheetah.travels and cheetah.time_step == pytest.approx(0.05)
    assert isinstance(cheetah.in_software, bool)
    arm = open_renderer("Reacher-v5", {}, DARK)
    assert not arm.travels and arm.time_step == pytest.approx(0.02)
    arm.close()


@pytest.mark.parametrize("name", ["HalfCheetah-v5", "Humanoid-v5", "Walker2d-v4", "Reacher-v5", "InvertedPendulum-v5"])
def test_only_looks_differ_in_the_drawn_model(name: str) -> None:
    environment = make_environment(name)
    own: Any = environment.unwrapped.model  # type: ignore[attr-defined]
    drawn = drawn_model(environment, DARK)
    for fact in ("nq", "nv", "nbody", "ngeom", "njnt", "nu", "ncam"):
        assert getattr(drawn, fact) == getattr(own, fact)
    for fact in ("body_mass", "body_inertia", "dof_damping", "jnt_range", "geom_friction", "dof_invweight0"):
        np.testing.assert_array_equal(getattr(drawn, fact), getattr(own, fact))
    assert drawn is not own
    assert not np.array_equal(drawn.tex_data, own.tex_data)


def test_a_model_that_was_changed_is_drawn_as_it_is() -> None:
    environment = make_environment("Hopper-v5")
    own: Any = environment.unwrapped.model  # type: ignore[attr-defined]
    own.body_mass[2] *= 2
    drawn = drawn_model(environment, DARK)
    assert drawn.body_mass[2] == own.body_mass[2]
    np.testing.assert_array_equal(drawn.geom_rgba, own.geom_rgba)


def test_an_environment_without_mujoco_draws_itself() -> None:
    own = open_renderer("Pendulum-v1", {}, DARK)
    up, down = (own.render(np.array([angle]), np.zeros(1), *SIZE) for angle in (0.0, np.pi))
    own.close()
    assert up.shape == down.shape == (500, 500, 3)
    assert up[:250].std() > 20 > 1 > up[300:].std(), "the pole points up at 0"
    assert down[250:].std() > 20
    assert own.time_step == pytest.approx(0.05)


def test_what_has_no_rendering_says_so() -> None:
    class Silent(gym.Env[Any, Any]):
        """One number, and nothing to look at."""

        observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)
        action_space = gym.spaces.Box(-1, 1, (1,), np.float32)

        def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
            super().reset(seed=seed)
            return np.zeros(1, np.float32), {}

        def step(self, action: Any) -> Any:
            return np.zeros(1, np.float32), 0.0, False, False, {}

    class Drawing(Silent):
        metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012  as gymnasium declares it

        def __init__(self, render_mode: str | None = None) -> None:
            self.render_mode = render_mode

        def render(self) -> np.ndarray:
            return np.zeros((4, 4, 3), np.uint8)

    gym.register("Silent-v0", Silent)
    gym.register("Drawing-v0", Drawing)
    try:
        with pytest.raises(EnvironmentProblem, match="Silent-v0 has no rendering of its own"):
            open_renderer("Silent-v0", {}, DARK)
        with pytest.raises(EnvironmentProblem, match="what its state is made of is not known"):
            open_renderer("Drawing-v0", {}, DARK)
    finally:
        del gym.registry["Silent-v0"], gym.registry["Drawing-v0"]


def test_without_opengl_mujoco_cannot_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderers, "probe_gl", lambda: GLFinding(None, "It cannot.", "apt-get install x"))
    with pytest.raises(NoRenderer) as caught:
        open_renderer("HalfCheetah-v5", {}, DARK)
    assert caught.value.remedy == "apt-get install x"


def way(name: str, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """States of a body that slides along x."""
    qpos, qvel = rest(name)
    states = np.repeat(qpos[None], steps + 1, 0)
    states[:, 0] = np.linspace(0.0, 2.0, steps + 1)
    return states, np.repeat(qvel[None], steps + 1, 0)


def coloured(picture: np.ndarray, channel: int) -> np.ndarray:
    """Where one channel stands out."""
    parts = picture.astype(int)
    others = [each for each in range(3) if each != channel]
    return np.asarray(parts[..., channel] > parts[..., others].max(axis=2) + 40)


@needs_gl
def test_a_ghost_goes_its_way_over_the_body(cheetah: Any) -> None:
    states, speeds = way("HalfCheetah-v5", 10)
    first = (states[0], speeds[0])
    plain = cheetah.render(*first, *SIZE)
    assert not coloured(plain, 2).any()
    found = []
    for step in (0, 10):
        cheetah.show_ghost(Ghost(states, speeds, step, (0.0, 0.0, 1.0)))
        found.append(cheetah.render(*first, *SIZE))
    begun, ended = (coloured(each, 2) for each in found)
    assert begun.any(), "the trail of the whole way is there"
    assert differ(*found) > 0.01
    assert ended[:, 100:].sum() > begun[:, 100:].sum() or ended[:, :60].sum() > begun[:, :60].sum(), "at an end"
    assert (found[1][..., 0].astype(int) > found[1][..., 2].astype(int) + 60).any(), "the body is still there"
    cheetah.camera.home()
    assert cheetah.description == "", "all of the way is in sight from home"
    cheetah.show_ghost(None)
    assert not coloured(cheetah.render(*first, *SIZE), 2).any()


@needs_gl
def test_a_camera_that_was_moved_stays_for_a_ghost(cheetah: Any) -> None:
    states, speeds = way("HalfCheetah-v5", 4)
    cheetah.camera.focus(np.zeros(3))
    distance = cheetah.camera.at.distance
    cheetah.show_ghost(Ghost(states, speeds, 0, (0.0, 0.0, 1.0)))
    assert (cheetah.camera.at.distance, cheetah.description) == (distance, "free camera")
    with pytest.raises(EnvironmentProblem, match="belongs to another task"):
        cheetah.show_ghost(Ghost(states[:, :3], speeds, 0, (0.0, 0.0, 1.0)))


@needs_gl
def test_a_body_that_stays_in_its_place_is_seen_as_before() -> None:
    scene: Any = open_renderer("Reacher-v5", {}, DARK)
    distance = scene.camera.at.distance
    qpos, qvel = rest("Reacher-v5")
    scene.show_ghost(Ghost(np.stack((qpos, qpos + 0.1)), np.stack((qvel, qvel)), 1, (0.0, 0.0, 1.0)))
    scene.render(qpos, qvel, *SIZE)
    assert scene.camera.at.distance == distance
    scene.close()


def test_what_draws_itself_lets_a_ghost_shine_through() -> None:
    own: Any = open_renderer("Pendulum-v1", {}, DARK)
    up, down = ((np.array([angle]), np.zeros(1)) for angle in (0.0, np.pi))
    plain, other = own.render(*up, *SIZE), own.render(*down, *SIZE)
    own.show_ghost(Ghost(np.array([[0.0], [np.pi]]), np.zeros((2, 1)), 1, (0.0, 0.0, 1.0)))
    both = own.render(*up, *SIZE)
    assert differ(both, plain) > 0.005
    assert differ(both, other) > 0.005
    own.show_ghost(None)
    assert differ(own.render(*up, *SIZE), plain) == 0
    own.close()
