"""The checkpoint strip: what there is to choose, how it moves, and that it stands over the workspace Diagnose."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ui import workspaces
from ui.actions import ActionRegistry
from ui.checkpoint import checkpoint_choice, checkpoints
from ui.checkpoint_strip import CheckpointStrip
from ui.context import Context
from ui.controls.stops import Stops
from ui.controls.window_slider import WindowSlider
from ui.main_window import MainWindow
from ui.panels import PANELS
from ui.plots.heat_colors import color_table
from ui.plots.heat_map import HeatMap
from workbench.events import CheckpointWritten

WEIGHTS = {"agent/network/encoder.weight": np.zeros((2, 2), np.float32)}


def snapshot(context: Context, run_id: int, step: int, name: str = "", kind: str = "snapshot") -> None:
    named = name or f"step-{step}"
    context.project.artifacts.save(run_id, kind, step, named, WEIGHTS, {"step": step, "updates": 0})


def run_called(context: Context, name: str) -> int:
    return min(row.id for row in context.project.runs.page() if row.name.startswith(name))


@pytest.fixture
def run_id(context: Context) -> int:
    """A finished run with snapshots at 6,000, 9,000 (also the best) and 12,000, and a resume point at 12,000."""
    found = run_called(context, "No KL")
    for step in (6000, 9000):
        snapshot(context, found, step)
    snapshot(context, found, 9000, "best-9000")
    snapshot(context, found, 0, "origin")
    context.selection.select([found])
    return found


def test_one_checkpoint_a_step_without_the_origin(context: Context, run_id: int) -> None:
    assert [(row.step, row.name) for row in checkpoints(context, run_id)] == [
        (6000, "step-6000"),
        (9000, "step-9000"),
        (12000, "step-12000"),
    ]
    snapshot(context, run_id, 12_400, "resume-12400", "resume")
    assert checkpoints(context, run_id)[-1].name == "resume-12400", "younger than every snapshot"
    assert checkpoints(context, 4711) == ()


def test_the_newest_is_followed_until_another_is_chosen(context: Context, run_id: int) -> None:
    choice = checkpoint_choice(context)
    assert checkpoint_choice(context) is choice
    assert (choice.run and choice.run.id, choice.row and choice.row.step) == (run_id, 12_000)

    def written(step: int) -> None:
        snapshot(context, run_id, step)
        event = CheckpointWritten(run_id, step, 0, time.time(), "snapshot", f"step-{step}", 10)
        context.feed.events.emit(run_id, [event])

    written(13_000)
    assert choice.row is not None
    assert choice.row.step == 13_000
    choice.step(-3)
    assert (choice.row.step, context.cursor.step) == (6000, 6000)
    written(14_000)
    assert choice.row.step == 6000
    assert [row.step for row in choice.rows][-1] == 14_000
    choice.step(-1)
    assert choice.row.step == 6000, "there is none before it"


def test_a_training_step_chosen_elsewhere_chooses_the_nearest(context: Context, run_id: int) -> None:
    choice = checkpoint_choice(context)
    context.cursor.set_step(7600)
    assert choice.row is not None
    assert (choice.row.step, context.cursor.step) == (9000, 7600), "the cursor stays where it was put"
    context.cursor.set_step(7400)
    assert choice.row.step == 6000


def test_another_run_begins_at_its_newest(context: Context, run_id: int) -> None:
    choice = checkpoint_choice(context)
    choice.step(-2)
    other = run_called(context, "Shorter rollout")
    heard: list[int] = []
    choice.changed.connect(lambda: heard.append(choice.row.step if choice.row else -1))
    context.selection.select([other])
    assert heard == [3000]
    context.selection.select([run_called(context, "TD3 actor")])
    assert choice.row is None
    assert choice.rows == ()


def test_without_a_selection_the_newest_run_with_checkpoints(empty_context: Context, context: Context) -> None:
    assert checkpoint_choice(empty_context).run is None
    choice = checkpoint_choice(context)
    assert choice.run is not None
    assert choice.run.name == "Kept aside", "the youngest that has any"


# ---- widgets --------------------------------------------------------------------------------------------------------


def test_the_strip_lists_runs_and_marks_the_best(context: Context, run_id: int, qtbot: QtBot) -> None:
    strip = CheckpointStrip(context)
    qtbot.addWidget(strip)
    strip.resize(1200, 46)
    strip.show()
    assert strip.value.text() == "12,000"
    assert strip.stops._marks == {9000: "best"}
    assert strip.runs.currentText().startswith(f"{run_id} · No KL")
    other = next(index for index, row in enumerate(strip.runs.rows) if row.name == "Shorter rollout")
    strip.runs.activated.emit(other)
    assert context.selection.primary == strip.runs.rows[other].id
    assert strip.value.text() == "3,000"
    assert not strip.ahead.isEnabled(), "one checkpoint alone"


def test_playing_goes_through_all_and_stops(context: Context, run_id: int, qtbot: QtBot) -> None:
    strip = CheckpointStrip(context)
    qtbot.addWidget(strip)
    strip._playing.setInterval(5)
    seen: list[int] = []
    strip.choice.changed.connect(lambda: seen.append(strip.choice.row.step if strip.choice.row else -1))
    strip.play.click()
    qtbot.waitUntil(lambda: not strip._playing.isActive())
    assert seen == [6000, 9000, 12_000]


def test_stops_lie_where_their_numbers_lie(context: Context, qtbot: QtBot) -> None:
    stops = Stops(context.theme, "Checkpoint")
    qtbot.addWidget(stops)
    stops.resize(440, 36)
    stops.show_stops([0, 1000, 4000], 2)
    stops.show()
    assert stops.place(1) - stops.place(0) == pytest.approx((stops.place(2) - stops.place(0)) / 4)
    sought: list[int] = []
    stops.sought.connect(sought.append)
    qtbot.mouseClick(stops, Qt.MouseButton.LeftButton, pos=QPoint(round(stops.place(1)) + 6, 11))
    qtbot.keyClick(stops, Qt.Key.Key_Home)
    qtbot.keyClick(stops, Qt.Key.Key_Right)
    assert sought == [1, 0, 1]
    stops.show_stops([5], 0)
    assert not stops.isEnabled()
    stops.grab()


def test_the_window_slider_tells_only_what_the_user_does(context: Context, qtbot: QtBot) -> None:
    slider = WindowSlider(context.theme, "Start")
    qtbot.addWidget(slider)
    slider.resize(300, 28)
    sought: list[int] = []
    slider.sought.connect(sought.append)
    slider.show_window(140, 1000, 50)
    assert sought == []
    qtbot.keyClick(slider, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert sought == [150]
    slider.grab()


def test_a_heat_map_paints_its_values_in_its_order(context: Context, qtbot: QtBot) -> None:
    view = HeatMap(context.theme, "Truth: all of it", signed=True, rows_named=True)
    qtbot.addWidget(view)
    view.resize(300, 240)
    values = np.zeros((5, 2), np.float32)
    values[:, 1] = 2.0
    view.show_values(values, np.array([1, 0]), limit=2.0, steps=9)
    picture = view.grab().toImage()
    area = view._area()
    column = area.width() / 10
    ratio = picture.width() / view.width()

    def color_at(step: int, row: int) -> int:
        x, y = area.left() + (step + 0.5) * column, area.top() + (row + 0.5) * area.height() / 2
        return picture.pixelColor(round(x * ratio), round(y * ratio)).rgb()

    table = color_table(context.theme, signed=True)
    assert color_at(2, 0) == table[255]
    assert color_at(2, 1) == table[127]
    assert color_at(7, 0) == table[127], "what is not there yet is the ground"
    assert view.reading(QPointF(area.left() + 2.5 * column, area.top() + 5)) == "z2, step 2: 2"
    assert view.reading(QPointF(area.left() + 7.5 * column, area.top() + 5)) == ""
    sought: list[int] = []
    view.sought.connect(sought.append)
    qtbot.mouseClick(
        view, Qt.MouseButton.LeftButton, pos=QPoint(round(area.left() + 3.5 * column), round(area.center().y()))
    )
    assert sought == [3]
    view.show_cursor(3)
    qtbot.keyClick(view, Qt.Key.Key_Left)
    qtbot.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert sought == [3, 2, 9], "ten steps on end at the last"
    assert not view.grab().isNull()


# ---- in the window --------------------------------------------------------------------------------------------------


@pytest.fixture
def frame(context: Context, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """The window with the panels of Diagnose that show rollouts, and the simulation of Watch."""
    names = ("latent_rollout", "model_error", "simulation")
    monkeypatch.setattr(workspaces, "PANELS", tuple(entry for entry in PANELS if entry.name in names))
    made = MainWindow()
    context.actions = ActionRegistry(made, context.theme)
    made.fill(context)
    made.resize(1500, 900)
    made.show()
    QApplication.processEvents()
    yield made
    with qtbot.waitSignal(made.closed):
        made.leave()
    made.deleteLater()


def test_the_strip_stands_over_diagnose_and_has_its_keys(
    frame: MainWindow, context: Context, run_id: int, qtbot: QtBot
) -> None:
    frame.show_workspace("diagnose")
    QApplication.processEvents()
    workspace = frame.workspaces["diagnose"]
    strip = workspace.findChild(CheckpointStrip)
    assert strip is not None
    assert strip.isVisible()
    panel = workspace.docks["latent_rollout"].panel
    panel.setFocus()
    choice = checkpoint_choice(context)
    QTest.keyClick(workspace.docks["latent_rollout"], Qt.Key.Key_Comma)
    assert choice.row is not None
    assert choice.row.step == 9000
    QTest.keyClick(workspace.docks["latent_rollout"], Qt.Key.Key_Period)
    assert choice.row.step == 12_000


def test_the_simulation_stands_in_both_workspaces_and_only_one_works(
    frame: MainWindow, context: Context, run_id: int
) -> None:
    frame.show_workspace("watch")
    QApplication.processEvents()
    frame.show_workspace("diagnose")
    QApplication.processEvents()
    watch, diagnose = (frame.workspaces[name].docks["simulation"].panel for name in ("watch", "diagnose"))
    assert watch is not diagnose
    assert (watch.active, diagnose.active) == (False, True)
    frame.show_panel("simulation")
    assert frame.workspace is frame.workspaces["diagnose"], "the one in sight is meant"
    frame.show_workspace("watch")
    frame.show_panel("simulation")
    assert frame.workspace is frame.workspaces["watch"]
    assert (watch.active, diagnose.active) == (True, False)
    assert "simulation.picture" in context.actions
