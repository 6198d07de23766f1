"""The simulation panel over a real project: episodes, the live view, keys, mouse, camera, faults and leaving."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QMainWindow, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from storage import RunRow
from ui.context import Context
from ui.controls import scrubber
from ui.cursor import EpisodeAt
from ui.panels import simulation, simulation_transport, simulation_view
from ui.panels.simulation import SimulationPanel
from ui.plots import reward_strip
from ui.render_thread import Picture
from workbench.environments.rendering import choose_gl_backend
from workbench.events import SimulatorView

# As the engine does before anything imports mujoco.
FINDING = choose_gl_backend()
needs_gl = pytest.mark.skipif(FINDING.backend is None, reason=FINDING.sentence)

LENGTH = 50
ROOT = Path(__file__).parents[2]


class Sketch:
    """Draws the frame's first position as grey, in no time; its camera only remembers what it was told."""

    has_camera = True
    travels = True
    time_step = 0.02
    description = ""

    def __init__(self) -> None:
        self.camera = self
        self.viewpoint = None
        self.told: list[tuple[Any, ...]] = []
        self.thread = threading.current_thread()

    def render(self, qpos: np.ndarray, qvel: np.ndarray, width: int, height: int, *, fine: bool = False) -> np.ndarray:
        assert threading.current_thread() is self.thread
        return np.full((height, width, 3), int(100 + 500 * qpos[0]) % 256, np.uint8)

    def recolour(self, look: object) -> None:
        self.told.append(("recolour", look))

    def close(self) -> None:
        assert threading.current_thread() is self.thread
        self.told.append(("close",))

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *values: self.told.append((name, *values))


@pytest.fixture
def sketches(monkeypatch: pytest.MonkeyPatch) -> list[Sketch]:
    """Scenes are sketched; the renderers that were made."""
    made: list[Sketch] = []

    def sketch(*_: object) -> Sketch:
        made.append(Sketch())
        return made[-1]

    monkeypatch.setattr("workbench.environments.renderers.open_renderer", sketch)
    return made


@pytest.fixture
def run(context: Context) -> RunRow:
    """A finished run with episodes of 1,000, 2,000 and 12,000 steps."""
    project = context.project
    row = next(row for row in project.runs.page() if row.name.startswith("No KL term seed 1"))
    newest = project.artifacts.latest(row.id, "episode")
    assert newest is not None
    arrays, _ = project.artifacts.load(newest)
    for step in (2000, 1000):
        info = {"return": step / 10, "length": LENGTH, "mean_return": step / 10}
        arrays = arrays | {"rewards": np.full(LENGTH, step / 10 / LENGTH)}
        project.artifacts.save(row.id, "episode", step, f"evaluation-{step}", arrays, info, info)
    return row


@pytest.fixture
def panel(context: Context, window: QMainWindow, qtbot: QtBot) -> Iterator[SimulationPanel]:
    """The panel in sight, in a window with its header and a line edit beside it; nothing is selected."""
    context.engine.state = "ready"
    made = SimulationPanel(context)
    frame = QWidget()
    column = QVBoxLayout(frame)
    for widget in (*made.header_widgets(), QLineEdit(), made):
        column.addWidget(widget)
    window.setCentralWidget(frame)
    window.resize(560, 640)
    window.show()
    qtbot.waitExposed(window)
    yield made
    window.hide()
    made.renderer.close()


def show(panel: SimulationPanel, run: RunRow, qtbot: QtBot) -> Picture:
    """Select the run and wait for the first picture."""
    panel.context.selection.select([run.id])
    qtbot.waitUntil(lambda: panel.view.picture is not None and shows(panel, "t = ")(), timeout=20_000)
    panel.view.setFocus()
    assert panel.view.picture is not None
    return panel.view.picture


def text(panel: SimulationPanel) -> str:
    """What is painted over the picture."""
    picture = panel.view.picture
    assert picture is not None
    return " / ".join([*picture.moment.about.lines, *(" ".join(figure) for figure in picture.moment.about.figures)])


def shows(panel: SimulationPanel, words: str) -> Callable[[], bool]:
    return lambda: panel.view.picture is not None and words in text(panel)


def render_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "render"]


# ---- episodes -------------------------------------------------------------------------------------------------------


def test_nothing_selected(panel: SimulationPanel) -> None:
    expected = "Select a running run for the live view or a finished one for its recorded episodes."
    assert panel.empty.isVisible() and panel.empty.words == f"Nothing to show {expected}"
    assert not panel.camera.isEnabled() and not render_threads()


def test_the_newest_episode_is_shown_first(
    panel: SimulationPanel, run: RunRow, sketches: list[Sketch], qtbot: QtBot
) -> None:
    show(panel, run, qtbot)
    assert panel.mode == "recorded"
    listed = [panel.chooser.itemText(number) for number in range(panel.chooser.count())]
    assert [line.split("  ")[0] for line in listed] == [f"Evaluation at step {step}" for step in ("12,000", "2,000", "1,000")]
    assert listed[1].endswith("return 200")
    qtbot.waitUntil(shows(panel, "t = 0.00 s"))
    assert text(panel).startswith("HalfCheetah-v5 · seed 1 · evaluation at step 12,000 / t = 0.00 s · step 0 of 50 / x vel")
    panel.recorded.seek(30)
    qtbot.waitUntil(shows(panel, "t = 0.60 s · step 30 of 50"))
    panel.chooser.setCurrentIndex(1)
    panel.chooser.activated.emit(1)
    qtbot.waitUntil(shows(panel, "evaluation at step 2,000"))
    assert panel.context.cursor.step == 2000
    panel.recorded.seek(25)
    qtbot.waitUntil(shows(panel, "reward 4 / return so far 100"))


def test_keys_of_mujocos_viewers(panel: SimulationPanel, run: RunRow, sketches: list[Sketch], qtbot: QtBot) -> None:
    show(panel, run, qtbot)
    reel, view = panel.recorded, panel.view
    QTest.keyClick(view, Qt.Key.Key_Right)
    QTest.keyClick(view, Qt.Key.Key_Right)
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert reel.position == 1 and not reel.playing
    QTest.keyClick(view, Qt.Key.Key_Space)
    assert reel.playing
    qtbot.waitUntil(lambda: reel.position > 3)
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert not reel.playing, "stepping pauses by itself"
    QTest.keyClick(view, Qt.Key.Key_Backspace)
    assert reel.position == 0
    for key, speed in ((Qt.Key.Key_Equal, 2.0), (Qt.Key.Key_Equal, 2.0), (Qt.Key.Key_Minus, 1.0), (Qt.Key.Key_Minus, 0.5)):
        QTest.keyClick(view, key)
        assert reel.speed == speed and panel.transport.speeds.value == str(speed)
    camera = {"[": ("step", -1), "]": ("step", 1), "c": ("toggle", "contacts"), "f": ("toggle", "forces")}
    camera |= {"j": ("toggle", "joints"), "t": ("toggle", "transparent"), "0": ("toggle_group", 0), "5": ("toggle_group", 5)}
    for key in camera:
        QTest.keyClick(view, key)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: sketches[0].told == [*camera.values(), ("free",)])
    QTest.keyClick(view, "c", Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(view, "6")
    QTest.keyClick(panel.transport.scrubber, Qt.Key.Key_Space)
    assert reel.playing, "the scrubber leaves the keys that it does not know to the panel"
    assert len(sketches[0].told) == len(camera) + 1


def test_keys_act_only_with_the_focus_there(
    panel: SimulationPanel, run: RunRow, sketches: list[Sketch], qtbot: QtBot, window: QMainWindow
) -> None:
    show(panel, run, qtbot)
    field = window.findChild(QLineEdit)
    field.setFocus()
    QTest.keyClicks(field, " c]0")
    QTest.keyClick(field, Qt.Key.Key_Right)
    assert field.text() == " c]0"
    assert panel.recorded.position == 0 and not panel.recorded.playing and sketches[0].told == []


def test_mouse_moves_the_camera(panel: SimulationPanel, run: RunRow, sketches: list[Sketch], qtbot: QtBot) -> None:
    show(panel, run, qtbot)
    view, told = panel.view, sketches[0].told
    middle, height = view.rect().center(), view.height()

    def drag(button: Qt.MouseButton, modifier: Qt.KeyboardModifier, name: str) -> None:
        told.clear()
        QTest.mousePress(view, button, modifier, middle)
        _move(view, middle + QPoint(height // 10, -height // 5), button, modifier)
        QTest.mouseRelease(view, button, modifier, middle)
        qtbot.waitUntil(lambda: len(told) == 1)
        assert told[0][0] == name
        assert told[0][1:] == pytest.approx((0.1, -0.2), abs=0.01)

    drag(Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, "orbit")
    drag(Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, "pan")
    drag(Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier, "pan")
    told.clear()
    QTest.mouseDClick(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle)
    QTest.mouseDClick(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, QPoint(1, 1))
    _wheel(view, 120)
    qtbot.waitUntil(lambda: len(told) == 3)
    assert [each[0] for each in told] == ["focus_at", "follow_at", "zoom"]
    assert told[0][1:3] == pytest.approx((0.5, 0.5), abs=0.01)
    assert told[1][1:] == pytest.approx((0, 1, view.width() / view.height()), abs=0.01)
    assert told[2][1] == pytest.approx(0.05)
    assert view.hasFocus()


def _move(view: QWidget, to: QPoint, button: Qt.MouseButton, modifier: Qt.KeyboardModifier) -> None:
    spot = QPointF(to)
    event = QMouseEvent(QEvent.Type.MouseMove, spot, view.mapToGlobal(spot), Qt.MouseButton.NoButton, button, modifier)
    QApplication.sendEvent(view, event)


def _wheel(view: QWidget, turn: int) -> None:
    middle = QPointF(view.rect().center())
    none = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(middle, view.mapToGlobal(middle), QPoint(0, 0), QPoint(0, turn), *none, False)
    QApplication.sendEvent(view, event)


def test_scrubbing(panel: SimulationPanel, run: RunRow, sketches: list[Sketch], qtbot: QtBot) -> None:
    show(panel, run, qtbot)
    reel, slider = panel.recorded, panel.transport.scrubber
    frames: list[int] = []
    panel.context.cursor.frame_changed.connect(frames.append)
    reel.play()
    QTest.mouseClick(slider, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, slider.rect().center())
    assert reel.position == LENGTH // 2 and not reel.playing, "scrubbing pauses by itself"
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, slider.rect().center())
    _move(slider, QPoint(slider.width(), 5), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(slider.width(), 5))
    assert reel.position == LENGTH
    for key, modifier, position in (
        (Qt.Key.Key_Left, Qt.KeyboardModifier.NoModifier, 49),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier, 39),
        (Qt.Key.Key_Home, Qt.KeyboardModifier.NoModifier, 0),
        (Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier, 10),
        (Qt.Key.Key_End, Qt.KeyboardModifier.NoModifier, 50),
    ):
        QTest.keyClick(slider, key, modifier)
        assert reel.position == position
    assert frames[-5:] == [49, 39, 0, 10, 50] and panel.context.cursor.frame == 50
    plot = panel.strip.findChildren(reward_strip._StripPlot)[1].viewport()
    QTest.mouseClick(plot, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(plot.width() - 6, 10))
    assert reel.position >= LENGTH - 2
    qtbot.waitUntil(shows(panel, f"step {reel.position} of 50"))


def test_playback_keeps_real_time(panel: SimulationPanel, run: RunRow, sketches: list[Sketch], qtbot: QtBot) -> None:
    show(panel, run, qtbot)
    qtbot.waitUntil(lambda: panel.recorded.time_step == 0.02)
    reel = panel.recorded
    for speed in (0.5, 2.0):
        reel.rewind()
        reel.set_speed(speed)
        begun = time.monotonic()
        reel.play()
        qtbot.waitUntil(lambda: reel.position >= 10)
        seconds = time.monotonic() - begun
        assert reel.position * 0.02 / speed == pytest.approx(seconds, abs=0.12)
    qtbot.waitUntil(lambda: reel.position == LENGTH and not reel.playing)
    reel.play()
    assert reel.position == 0, "from the end it begins anew"


def test_the_cursor_is_shared(panel: SimulationPanel, run: RunRow, sketches: list[Sketch], qtbot: QtBot) -> None:
    show(panel, run, qtbot)
    cursor = panel.context.cursor
    assert cursor.episode == EpisodeAt(run.id, "evaluation-12000") and cursor.step is None
    cursor.set_step(1600)
    qtbot.waitUntil(shows(panel, "evaluation at step 2,000"))
    assert cursor.episode == EpisodeAt(run.id, "evaluation-2000") and cursor.step == 1600
    cursor.set_frame(17)
    qtbot.waitUntil(shows(panel, "step 17 of 50"))
    cursor.set_episode(EpisodeAt(run.id, "evaluation-1000"))
    qtbot.waitUntil(shows(panel, "evaluation at step 1,000"))
    assert panel.chooser.currentIndex() == 2
    cursor.set_episode(EpisodeAt(run.id + 1, "evaluation-12000"))
    assert panel.chooser.currentIndex() == 2, "another run's episode is none of this panel's"


# ---- what cannot be shown -------------------------------------------------------------------------------------------


def test_a_damaged_episode(panel: SimulationPanel, run: RunRow, sketches: list[Sketch], qtbot: QtBot) -> None:
    artifacts = panel.context.project.artifacts
    newest = artifacts.latest(run.id, "episode")
    assert newest is not None
    artifacts.file(newest.path).write_bytes(b"cut short")
    panel.context.selection.select([run.id])
    qtbot.waitUntil(lambda: "This episode cannot be shown" in panel.empty.words)
    assert "evaluation-12000" in panel.empty.words and panel.empty.isVisible()
    QTest.mouseClick(panel.empty.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(shows(panel, "evaluation at step 2,000"))


def test_an_episode_without_positions(panel: SimulationPanel, run: RunRow, qtbot: QtBot) -> None:
    arrays = {"observations": np.zeros((3, 2), np.float32), "rewards": np.zeros(2)}
    panel.context.project.artifacts.save(run.id, "episode", 13_000, "evaluation-13000", arrays, {}, {})
    panel.context.selection.select([run.id])
    qtbot.waitUntil(lambda: "The evaluation at step 13,000 was recorded without positions" in panel.empty.words)


def test_no_episode_yet(panel: SimulationPanel, context: Context) -> None:
    queued = next(row for row in context.project.runs.page() if row.name.startswith("TD3 actor"))
    context.selection.select([queued.id])
    assert panel.empty.words == "No episode yet The first evaluation is recorded at step 2,000."
    panel.choose_mode("live")
    assert panel.empty.words.startswith("This run is not training here")
    assert panel.empty.buttons == []


def test_a_machine_without_opengl(
    panel: SimulationPanel, run: RunRow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.environments.renderers import NoRenderer

    def refuse(*_: object) -> None:
        raise NoRenderer("egl: no libEGL.", "Training works without rendering; to have it: apt-get install libegl1")

    monkeypatch.setattr("workbench.environments.renderers.open_renderer", refuse)
    panel.context.selection.select([run.id])
    qtbot.waitUntil(lambda: panel.empty.isVisible() and bool(panel.empty.buttons))
    expected = "This machine cannot render MuJoCo: no EGL or OSMesa. Training works without it."
    assert panel.empty.words == expected
    assert [button.text() for button in panel.empty.buttons] == ["How to mend"]
    QTest.mouseClick(panel.empty.buttons[0], Qt.MouseButton.LeftButton)
    assert "apt-get install libegl1" in panel.empty.words
    QTest.mouseClick(panel.empty.buttons[0], Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "apt-get install libegl1"


def test_a_scene_that_fails_is_told_and_can_be_tried_again(
    panel: SimulationPanel, run: RunRow, qtbot: QtBot, sketches: list[Sketch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sketch, "render", lambda *_, **__: int([]))  # type: ignore[call-overload]
    panel.context.selection.select([run.id])
    qtbot.waitUntil(lambda: "The simulation cannot be shown" in panel.empty.words)
    assert "TypeError" in panel.empty.words
    monkeypatch.setattr(Sketch, "render", lambda *_, **__: np.zeros((4, 4, 3), np.uint8))
    QTest.mouseClick(panel.empty.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.view.picture is not None and panel.view.isVisible())


def test_the_engine_is_waited_for(panel: SimulationPanel, run: RunRow, sketches: list[Sketch], qtbot: QtBot) -> None:
    panel.context.engine.state = "preparing"
    panel.context.selection.select([run.id])
    assert panel.empty.words.startswith("Preparing the engine") and not render_threads()
    panel.context.engine.state = "ready"
    panel.context.engine.ready.emit()
    qtbot.waitUntil(lambda: panel.view.picture is not None)


# ---- pictures, theme, leaving ---------------------------------------------------------------------------------------


def test_a_picture_is_saved(
    panel: SimulationPanel, run: RunRow, sketches: list[Sketch], qtbot: QtBot, tmp_path: Path, monkeypatch: Any
) -> None:
    asked: list[str] = []
    answer = tmp_path / "picture"

    def ask(parent: QWidget, title: str, proposed: str, kinds: str) -> tuple[str, str]:
        asked.append(Path(proposed).name)
        return str(answer), kinds

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    show(panel, run, qtbot)
    panel.recorded.seek(12)
    qtbot.waitUntil(shows(panel, "step 12 of 50"))
    QTest.mouseClick(panel.camera, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: (tmp_path / "picture.png").exists())
    image = QImage(str(tmp_path / "picture.png"))
    assert (image.width(), image.height()) == (panel.view.width(), panel.view.height())
    assert asked == ["HalfCheetah-v5 seed 1 evaluation at step 12000 t = 0.24 s step 12 of 50.png"]
    answer = tmp_path / "missing" / "picture"
    panel.context.actions.trigger("simulation.picture")
    qtbot.waitUntil(lambda: panel.context.notices.items[-1].level == "bad")
    assert "could not be written" in panel.context.notices.items[-1].text


def test_another_theme_recolours_the_scene(
    panel: SimulationPanel, run: RunRow, sketches: list[Sketch], qtbot: QtBot
) -> None:
    show(panel, run, qtbot)
    panel.theme.set_mode("light")
    qtbot.waitUntil(lambda: [each[0] for each in sketches[0].told] == ["recolour"])
    assert sketches[0].told[0][1].zenith[0] > 0.5 and len(sketches) == 1


def test_out_of_sight_nothing_is_drawn(
    panel: SimulationPanel, run: RunRow, sketches: list[Sketch], qtbot: QtBot, window: QMainWindow
) -> None:
    show(panel, run, qtbot)
    panel.recorded.play()
    assert len(render_threads()) == 1
    panel.hide()
    qtbot.waitUntil(lambda: not render_threads())
    assert sketches[0].told[-1] == ("close",)
    panel.show()
    position = panel.recorded.position
    qtbot.waitUntil(lambda: panel.recorded.position > position)
    qtbot.waitUntil(lambda: len(sketches) == 2 and len(render_threads()) == 1)
    window.close()
    qtbot.waitUntil(lambda: not render_threads())


def test_small_panels_keep_the_picture(panel: SimulationPanel, run: RunRow, sketches: Any, window: QMainWindow, qtbot: QtBot) -> None:
    show(panel, run, qtbot)
    assert panel.strip.isVisible() and panel.transport.speeds.isVisible()
    window.resize(330, 420)
    qtbot.waitUntil(lambda: not panel.strip.isVisible() and not panel.transport.speeds.isVisible())
    assert panel.view.height() > 120


def test_what_is_painted_or_pressed_has_a_name_and_a_guard(panel: SimulationPanel) -> None:
    named = (panel.view, panel.chooser, panel.camera, panel.modes, panel.transport.play, panel.transport.scrubber)
    assert all(widget.accessibleName() for widget in named)
    for module in (simulation, simulation_view, simulation_transport, scrubber, reward_strip):
        for kind in vars(module).values():
            if isinstance(kind, type) and kind.__module__ == module.__name__:
                overrides = {name: value for name, value in vars(kind).items() if name.endswith("Event")}
                assert all(hasattr(value, "__wrapped__") for value in overrides.values()), kind


# ---- for real -------------------------------------------------------------------------------------------------------


@needs_gl
def test_a_real_scene_follows_keys_and_mouse(panel: SimulationPanel, run: RunRow, qtbot: QtBot) -> None:
    first = show(panel, run, qtbot)
    assert first.pixels.std() > 10, "not uniform"
    qtbot.waitUntil(lambda: panel.view.picture is not None and panel.view.picture.fine, timeout=20_000)
    seen = [panel.view.picture]

    def changed() -> bool:
        picture = panel.view.picture
        assert picture is not None and seen[-1] is not None
        return picture.fine and picture.pixels.shape == seen[-1].pixels.shape and bool(
            (np.abs(picture.pixels.astype(int) - seen[-1].pixels.astype(int)).max(axis=2) > 8).mean() > 0.005
        )

    def drag() -> None:
        middle = panel.view.rect().center()
        QTest.mousePress(panel.view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle)
        _move(panel.view, middle + QPoint(80, 30), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
        QTest.mouseRelease(panel.view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle)

    for act in (lambda: panel.recorded.seek(20), drag, lambda: _wheel(panel.view, 360), lambda: QTest.keyClick(panel.view, "0")):
        act()
        qtbot.waitUntil(changed, timeout=20_000)
        seen.append(panel.view.picture)
    assert panel.view.picture is not None and panel.view.picture.view == "group 0 hidden"
    panel.hide()
    panel.show()
    qtbot.waitUntil(lambda: panel.view.picture is not None and panel.view.picture.view == "group 0 hidden", timeout=20_000)


def test_a_run_that_trains_is_shown_live(
    panel: SimulationPanel, context: Context, sketches: list[Sketch], qtbot: QtBot
) -> None:
    from tests.tiny_runs import tiny_spec
    from workbench.engine.queue import RunQueue
    from workbench.engine.recorder import Recorder

    for row in context.project.runs.page():
        if row.status == "queued":
            context.project.runs.change_state(row.id, "stopped")
    queue = context.engine.queue = RunQueue(Recorder(context.project))
    spec = tiny_spec("alm", {"evaluation_interval": 10_000}, total_steps=100_000, warm_up_steps=20_000)
    (run_id,) = queue.submit(spec)
    queue.pump()
    channel = queue.channel(run_id)
    assert channel is not None
    try:
        context.feed.poll()
        assert panel.mode == "live", "without a selection the run that began last is shown"
        qtbot.waitUntil(shows(panel, "Pendulum-v1 · seed 1 · training at step"), timeout=20_000)
        assert channel.view_interval == pytest.approx(1 / 30)
        first = panel.live.frame()
        assert first is not None
        qtbot.waitUntil(lambda: panel.live.count > 5)
        newest = channel.latest(SimulatorView)
        frame = panel.live.frame()
        assert isinstance(newest, SimulatorView) and frame is not None
        assert first.run_step < frame.run_step <= newest.step

        QTest.keyClick(panel.view, Qt.Key.Key_Space)
        assert channel.view_interval is None and not panel.live.playing, "paused, the session is asked for nothing"
        held = panel.live.count
        QTest.keyClick(panel.view, Qt.Key.Key_Left)
        assert panel.live.position == held - 2
        QTest.keyClick(panel.view, Qt.Key.Key_Right)
        QTest.keyClick(panel.view, Qt.Key.Key_Right)
        qtbot.waitUntil(lambda: panel.live.count == held + 1)
        assert channel.view_interval is None, "at the newest frame Right advances by one"
        QTest.keyClick(panel.view, Qt.Key.Key_Backspace)
        qtbot.waitUntil(lambda: panel.live.count > held + 3)

        panel.hide()
        assert channel.view_interval is None
        panel.show()
        qtbot.waitUntil(lambda: channel.view_interval is not None)
        channel.pause()
        qtbot.waitUntil(shows(panel, "The run is paused"), timeout=20_000)
        panel.choose_mode("recorded")
        assert channel.view_interval is None
        assert "The first evaluation is recorded at step 30,000" in panel.empty.words
        QTest.mouseClick(panel.empty.buttons[0], Qt.MouseButton.LeftButton)
        assert channel.take_evaluation_request()
    finally:
        assert queue.close(30)


ALONE = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
from ui.panels.base import make_context
from ui.panels.simulation import _alone

application = QApplication([])
window = QMainWindow()
context = make_context(Path(sys.argv[1]), window)
panel = _alone(context)
window.setCentralWidget(panel)
window.show()
context.selection.select([int(sys.argv[2])])

def leave():
    if panel.view.picture is None:
        return
    panel.recorded.play()
    print("drawn", flush=True)
    END

timer = QTimer()
timer.timeout.connect(leave)
timer.start(50)
application.exec()
context.project.close()
"""


@needs_gl
@pytest.mark.parametrize("end", ["application.quit()", "sys.exit(0)", "raise SystemExit(0)"])
def test_leaving_while_it_draws(context: Context, run: RunRow, end: str) -> None:
    folder = context.project.folder
    context.project.close()
    script = ALONE.replace("END", end)
    command = [sys.executable, "-X", "faulthandler", "-c", script, str(folder), str(run.id)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert "drawn" in done.stdout and done.returncode == 0, (done.returncode, done.stderr)
