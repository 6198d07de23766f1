"""The latent-rollout panel over real small runs: it follows checkpoint, episode, start and cursor, and says why not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from storage import Project, open_project
from tests.ui.trained_runs import ready_context, train_small_runs
from ui.checkpoint import checkpoint_choice, checkpoints
from ui.checkpoint_strip import CheckpointStrip
from ui.context import Context
from ui.cursor import EpisodeAt
from ui.panels.latent_rollout import LatentRolloutPanel
from workbench.analysis.encoded import encode_episode
from workbench.analysis.latent_rollout import roll_out
from workbench.analysis.steps import exhaust
from workbench.engine.episodes import read_recording
from workbench.engine.recorder import Recorder
from workbench.engine.subject import open_subject


@pytest.fixture(scope="module")
def trained_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rollouts") / "project"
    train_small_runs(folder)
    return folder


@pytest.fixture
def runs(trained_folder: Path, tmp_path: Path) -> Iterator[Project]:
    with open_project(shutil.copytree(trained_folder, tmp_path / "runs"), write=True) as opened:
        yield opened


@pytest.fixture
def lab(runs: Project, window: QMainWindow, qtbot: QtBot) -> Context:
    context = ready_context(runs, window)
    context.selection.select([1])
    return context


@pytest.fixture
def panel(lab: Context, window: QMainWindow, qtbot: QtBot) -> Iterator[LatentRolloutPanel]:
    made = shown(lab, window, qtbot)
    yield made
    for worker in (made.sides[0].worker, made.sides[1].worker, made.recording):
        worker.close()


def shown(context: Context, window: QMainWindow, qtbot: QtBot) -> LatentRolloutPanel:
    made = LatentRolloutPanel(context)
    window.setCentralWidget(made)
    window.resize(1040, 860)
    window.show()
    qtbot.waitUntil(lambda: made.active and settled(made), timeout=10_000)
    return made


def settled(panel: LatentRolloutPanel) -> bool:
    return not any(worker.busy for worker in (panel.sides[0].worker, panel.sides[1].worker, panel.recording))


def act(panel: LatentRolloutPanel, qtbot: QtBot, what) -> None:
    what()
    qtbot.waitUntil(lambda: settled(panel), timeout=10_000)


def truly(project: Project, run_id: int, checkpoint: str, episode: str, start: int, horizon: int):
    recorder = Recorder(project)
    model = open_subject(recorder, run_id, checkpoint).world_model()
    row = next(row for row in project.artifacts.list(1, "episode") if row.name == episode)
    recording = read_recording(recorder, row)
    encoded = encode_episode(model, recording.observations, recording.actions, recording.rewards)
    return exhaust(roll_out(model, encoded, start, horizon))


def test_it_shows_the_newest_checkpoint_on_its_episode(panel: LatentRolloutPanel, lab: Context) -> None:
    answer = panel.view.answer
    assert answer is not None
    assert (answer.checkpoint_step, answer.wish.episode, answer.start) == (60, "evaluation-60", 0)
    assert lab.cursor.episode == EpisodeAt(1, "evaluation-60")
    rollout = truly(lab.project, 1, "last", "evaluation-60", 0, 50)
    assert np.array_equal(answer.rollout.latents, rollout.latents)
    assert panel.view.answer_words.startswith(("The model is ", "The latents have collapsed"))
    assert "Effective rank" in panel.view.answer_words
    assert panel.view.truth.reading(QPointF(panel.view.truth.rect().center())).startswith("z")


def test_the_start_drags_the_rollout_and_the_cursor(panel: LatentRolloutPanel, lab: Context, qtbot: QtBot) -> None:
    panel.view.sought.emit(3)
    assert lab.cursor.frame == 3
    act(panel, qtbot, lambda: panel.controls.slider.setValue(5))
    answer = panel.view.answer
    assert answer is not None
    assert answer.start == 5
    assert np.array_equal(answer.rollout.latents, truly(lab.project, 1, "last", "evaluation-60", 5, 50).latents)
    assert lab.cursor.frame == 8, "the cursor keeps its distance to the start"
    assert panel.controls.start.value() == 5
    act(panel, qtbot, lambda: panel.controls.horizon.setValue(4))
    assert panel.view.answer is not None
    assert panel.view.answer.rollout.steps == 4


def test_only_the_last_of_many_starts_is_shown(panel: LatentRolloutPanel, qtbot: QtBot) -> None:
    seen: list[int] = []
    panel.sides[0].answered.connect(lambda answer: seen.append(answer.start))
    act(panel, qtbot, lambda: [panel.controls.slider.setValue(start) for start in range(1, 12)])
    assert seen == sorted(seen)
    assert seen[-1] == 11
    assert len(set(seen)) <= 3, "stale rollouts reached the panel"


def test_a_click_in_a_map_moves_the_one_cursor(panel: LatentRolloutPanel, lab: Context, qtbot: QtBot) -> None:
    act(panel, qtbot, lambda: panel.controls.slider.setValue(2))
    view = panel.view.truth
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(view.width() // 2, view.height() // 2))
    frame = lab.cursor.frame
    assert frame > 2
    assert panel.view.rollout._cursor == panel.view.difference._cursor == frame - 2
    lab.cursor.set_frame(1)  # before the start: on no map
    assert panel.view.truth._cursor == -1


def test_the_strip_drives_the_panel(panel: LatentRolloutPanel, lab: Context, qtbot: QtBot) -> None:
    strip = CheckpointStrip(lab)
    qtbot.addWidget(strip)
    choice = checkpoint_choice(lab)
    assert strip.choice is choice
    steps = [row.step for row in choice.rows]
    assert steps[-2:] == [30, 60], "the best one may be an earlier one"
    act(panel, qtbot, lambda: strip.stops.setValue(len(steps) - 2))
    answer = panel.view.answer
    assert answer is not None
    assert (answer.checkpoint_step, lab.cursor.step, strip.value.text()) == (30, 30, "30")
    assert answer.wish.episode == "evaluation-40", "of 20 and 40 the younger one"
    act(panel, qtbot, strip.ahead.click)
    assert panel.view.answer is not None
    assert panel.view.answer.checkpoint_step == 60
    act(panel, qtbot, lambda: lab.cursor.set_step(31))  # Curves: a click on a training step
    assert (choice.row and choice.row.step, lab.cursor.step) == (30, 31)


def test_a_pinned_episode_stays_when_the_checkpoint_changes(
    panel: LatentRolloutPanel, lab: Context, qtbot: QtBot
) -> None:
    row = next(row for row in panel.controls.rows if row.name == "evaluation-20")
    act(panel, qtbot, lambda: panel.controls.episode_picked.emit(row))
    act(panel, qtbot, lambda: checkpoint_choice(lab).step(-1))
    answer = panel.view.answer
    assert answer is not None
    assert (answer.checkpoint_step, answer.wish.episode) == (30, "evaluation-20")
    assert lab.cursor.episode == EpisodeAt(1, "evaluation-20")


def test_the_panel_follows_the_episode_of_the_cursor(panel: LatentRolloutPanel, lab: Context, qtbot: QtBot) -> None:
    act(panel, qtbot, lambda: lab.cursor.set_episode(EpisodeAt(1, "evaluation-40")))
    assert panel.view.answer is not None
    assert panel.view.answer.wish.episode == "evaluation-40"
    assert panel.controls.episodes.currentText().startswith("Evaluation 40")


def test_two_runs_on_the_same_episode(panel: LatentRolloutPanel, lab: Context, qtbot: QtBot) -> None:
    act(panel, qtbot, panel.controls.compare.click)
    second = panel.second.view.answer
    assert second is not None
    assert (second.wish.run_id, second.wish.episode_run, second.wish.episode) == (2, 1, "evaluation-60")
    assert np.array_equal(second.rollout.latents, truly(lab.project, 2, "last", "evaluation-60", 0, 50).latents)
    act(panel, qtbot, lambda: panel.controls.slider.setValue(4))
    assert panel.second.view.answer is not None
    assert panel.second.view.answer.start == 4
    panel.second.checkpoints.activated.emit([row.step for row in panel.second._rows].index(30))
    qtbot.waitUntil(lambda: settled(panel))
    assert panel.second.view.answer.checkpoint_step == 30
    panel.second.cross.click()
    assert panel.second.isHidden()
    assert panel.controls.compare.isEnabled()


def test_a_fresh_episode_is_recorded_kept_and_shown(panel: LatentRolloutPanel, lab: Context, qtbot: QtBot) -> None:
    act(panel, qtbot, panel.controls.record.click)
    answer = panel.view.answer
    assert answer is not None
    assert answer.wish.episode == "fresh-60-0"
    assert [row.name for row in lab.project.artifacts.list(1, "episode")][-1] == "fresh-60-0"
    assert panel.controls.episodes.currentText().startswith("Fresh episode 60")


def test_measures_order_and_curves_follow_what_is_chosen(panel: LatentRolloutPanel, qtbot: QtBot) -> None:
    panel.view.measures.button("kl").click()
    assert [label.text for label in panel.view.horizon._names._labels] == ["model"]
    panel.view.measures.button("l2").click()
    names = [label.text for label in panel.view.horizon._names._labels]
    assert set(names) >= {"model", "this start", "copy last", "mean latent"}
    panel.controls.order.setCurrentIndex(2)
    panel.controls.order.activated.emit(2)
    assert panel.view._order.tolist() == [0, 1, 2, 3]
    assert [box.currentText() for box in panel.view.curves.boxes] == ["z1", "z2", "reward"]
    box = panel.view.curves.boxes[0]
    box.setCurrentText("value")
    box.activated.emit(box.currentIndex())
    answer = panel.view.answer
    assert answer is not None
    assert np.array_equal(panel.view.curves.plots[0]._rollout.yData, answer.rollout.values)


def test_a_damaged_checkpoint_offers_its_neighbour(
    runs: Project, lab: Context, window: QMainWindow, qtbot: QtBot
) -> None:
    row = checkpoint_choice(lab).row
    assert row is not None
    path = runs.artifacts.file(row.path)
    path.write_bytes(path.read_bytes()[:-9])
    panel = shown(lab, window, qtbot)
    assert panel.empty.isVisible()
    assert "is damaged" in panel.empty.words
    assert panel.empty.buttons[0].text() == "Use 30"
    act(panel, qtbot, panel.empty.buttons[0].click)
    assert panel.view.isVisible()
    assert panel.view.answer is not None
    assert panel.view.answer.checkpoint_step == 30


def test_without_an_episode_one_can_be_recorded(
    runs: Project, lab: Context, window: QMainWindow, qtbot: QtBot
) -> None:
    for row in runs.artifacts.list(1, "episode"):
        runs.artifacts.remove(row)
    panel = shown(lab, window, qtbot)
    assert panel.empty.words.startswith("No episode yet")
    act(panel, qtbot, panel.empty.buttons[0].click)
    assert panel.view.answer is not None
    assert panel.view.answer.wish.episode == "fresh-60-0"


def test_without_a_run_without_a_checkpoint_and_before_the_engine(
    empty_context: Context, context: Context, window: QMainWindow, qtbot: QtBot
) -> None:
    panel = shown(empty_context, window, qtbot)
    assert panel.empty.words.startswith("No run to look into")
    queued = next(row.id for row in context.project.runs.page() if row.name.startswith("TD3 actor"))
    context.selection.select([queued])
    panel = shown(context, window, qtbot)
    assert panel.empty.words.startswith("No checkpoint yet The first checkpoint of")
    finished = next(row.id for row in context.project.runs.page() if row.name.startswith("No KL"))
    context.selection.select([finished])
    assert panel.empty.words.startswith("Preparing the engine")


def test_out_of_sight_nothing_is_rolled_out(panel: LatentRolloutPanel, lab: Context, qtbot: QtBot) -> None:
    panel.hide()
    before = panel.view.answer
    checkpoint_choice(lab).step(-1)
    assert settled(panel)
    assert panel.view.answer is before
    act(panel, qtbot, panel.show)
    assert panel.view.answer is not None
    assert panel.view.answer.checkpoint_step == 30


def test_a_fresh_episode_of_a_run_that_was_left_is_not_taken(
    panel: LatentRolloutPanel, lab: Context, runs: Project, qtbot: QtBot
) -> None:
    another = next(row.id for row in runs.runs.page() if row.id != 1 and checkpoints(lab, row.id))
    panel.record()
    lab.selection.select([another])
    qtbot.waitUntil(lambda: settled(panel), timeout=10_000)
    assert [row.name for row in runs.artifacts.list(1, "episode") if row.name.startswith("fresh")]
    assert panel.episode is None or panel.episode.run_id == another
    assert "is kept with its run" in lab.notices.items[-1].text


def test_in_a_narrow_panel_the_answer_goes_on_in_a_second_line(
    panel: LatentRolloutPanel, window: QMainWindow, qtbot: QtBot
) -> None:
    assert not panel.view._answer_line.wordWrap()
    panel.view.setFixedWidth(220)
    qtbot.waitUntil(lambda: panel.view._answer_line.wordWrap())
    label = panel.view._answer_line
    qtbot.waitUntil(lambda: label.height() >= label.heightForWidth(label.width()))
    assert panel.view._criterion.isVisible()


def test_a_model_that_blows_up_leaves_the_plots_standing(panel: LatentRolloutPanel) -> None:
    steps = np.arange(51.0)
    wild = np.where(steps > 20, np.inf, steps)
    panel.view.curves.plots[0].show_curves(steps, wild, None, 50)
    panel.view.horizon.show_errors((wild, wild, wild), [("copy last", steps)], 3, "L2")
    for plot in (panel.view.curves.plots[0], panel.view.horizon):
        (_, right), (_, top) = plot._view.viewRange()
        assert np.isfinite(top)
        assert 50 <= top < 60
    ticks = panel.view.horizon._bottom.tickValues(0, right, 500)[0][1]
    assert max(ticks) <= 50, "beyond the horizon stand names alone"


def test_fields_without_labels_say_what_they_are(panel: LatentRolloutPanel, qtbot: QtBot) -> None:
    assert panel.controls.start.text() == "0"
    panel.controls.setFixedWidth(500)
    qtbot.waitUntil(lambda: panel.controls.start.text() == "from 0")
    assert panel.controls.horizon.text() == "for 50"
