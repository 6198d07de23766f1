"""The simulation panel over a real project: episodes, keys, mouse, scrubbing, the shared cursor, faults, pictures."""

# ruff: noqa: F811  fixtures are imported by name
from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLineEdit, QMainWindow
from pytestqt.qtbot import QtBot

from storage import RunRow
from tests.ui.simulation_lab import (  # noqa: F401
    LENGTH,
    Sketch,
    move_mouse,
    panel,
    render_threads,
    run,
    show,
    shows,
    sketches,
    text,
    turn_wheel,
)
from ui.context import Context
from ui.controls import scrubber
from ui.cursor import EpisodeAt
from ui.panels import simulation, simulation_transport, simulation_view
from ui.panels.simulation import SimulationPanel
from ui.plots import reward_strip

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
    steps = [line.split("  ")[0].removeprefix("Evaluation at step ") for line in listed]
    assert steps == ["12,000", "2,000", "1,000"]
    assert listed[1].endswith("return 200")
    qtbot.waitUntil(shows(panel, "t = 0.00 s"))
    assert text(panel).startswith("HalfCheetah-v5 · seed 1 · evaluation at step 12,000 / t = 0.00 s · step 0 of 50 / x")
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
    faster, slower = Qt.Key.Key_Equal, Qt.Key.Key_Minus
    for key, speed in ((faster, 2.0), (faster, 2.0), (slower, 1.0), (slower, 0.5)):
        QTest.keyClick(view, key)
        assert reel.speed == speed and panel.transport.speeds.value == str(speed)
    camera = {"[": ("step", -1), "]": ("step", 1), "c": ("toggle", "contacts"), "f": ("toggle", "forces")}
    camera |= {"j": ("toggle", "joints"), "t": ("toggle", "transparent")}
    camera |= {"0": ("toggle_group", 0), "5": ("toggle_group", 5)}
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
    assert field is not None
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
        move_mouse(view, middle + QPoint(height // 10, -height // 5), button, modifier)
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
    turn_wheel(view, 120)
    qtbot.waitUntil(lambda: len(told) == 3)
    assert [each[0] for each in told] == ["focus_at", "follow_at", "zoom"]
    assert told[0][1:3] == pytest.approx((0.5, 0.5), abs=0.01)
    assert told[1][1:] == pytest.approx((0, 1, view.width() / view.height()), abs=0.01)
    assert told[2][1] == pytest.approx(0.05)
    assert view.hasFocus()


def test_scrubbing(panel: SimulationPanel, run: RunRow, sketches: list[Sketch], qtbot: QtBot) -> None:
    show(panel, run, qtbot)
    reel, slider = panel.recorded, panel.transport.scrubber
    frames: list[int] = []
    panel.context.cursor.frame_changed.connect(frames.append)
    reel.play()
    QTest.mouseClick(slider, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, slider.rect().center())
    assert reel.position == LENGTH // 2 and not reel.playing, "scrubbing pauses by itself"
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, slider.rect().center())
    move_mouse(slider, QPoint(slider.width(), 5), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
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


def test_what_was_chosen_out_of_sight_is_shown_when_it_comes_back(
    panel: SimulationPanel, run: RunRow, sketches: list[Sketch], qtbot: QtBot
) -> None:
    show(panel, run, qtbot)
    panel.hide()
    panel.context.cursor.set_episode(EpisodeAt(run.id, "evaluation-1000"))
    panel.context.cursor.set_frame(23)
    panel.show()
    qtbot.waitUntil(shows(panel, "evaluation at step 1,000"))
    qtbot.waitUntil(shows(panel, "step 23 of 50"))
    panel.hide()
    panel.context.cursor.set_frame(31)
    panel.show()
    qtbot.waitUntil(shows(panel, "step 31 of 50"))
    assert panel.context.cursor.frame == 31


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
    arrays: dict[str, np.ndarray] = {"observations": np.zeros((3, 2), np.float32), "rewards": np.zeros(2)}
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

    def accept(dialog: QFileDialog) -> int:
        asked.append(Path(dialog.selectedFiles()[0]).name)
        dialog.selectFile(str(answer))
        return QFileDialog.DialogCode.Accepted

    monkeypatch.setattr(QFileDialog, "exec", accept)
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


def test_small_panels_keep_the_picture(
    panel: SimulationPanel, run: RunRow, sketches: list[Sketch], window: QMainWindow, qtbot: QtBot
) -> None:
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
