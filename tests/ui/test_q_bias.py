"""The Q-bias panel: what it says before, while and after measuring, and where a click on a state leads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from storage import Project, open_project
from tests.workbench.engine.lab import alm_spec, train
from ui.actions import Action
from ui.context import Context
from ui.cursor import EpisodeAt
from ui.panels.latent_rollout_words import episode_words
from ui.panels.q_bias import QBiasPanel
from workbench.analysis.bias_numbers import CRITIC, K_STEP, QBias
from workbench.events import AnalysisFinished

FINISHED = 4  # "No KL term", seeds 1 to 3 of a group


def measurement(over: float) -> QBias:
    """60 states of two episodes of 50 steps with positions; the critic is ``over`` above the return, K-step half."""
    returns = np.linspace(20.0, 10.0, 30).repeat(2).reshape(2, 30, order="F").reshape(-1)
    step = np.tile(np.arange(30), 2)
    waves = np.sin(np.linspace(0, 6, 102))[:, None]
    return QBias(
        returns=returns,
        estimates={CRITIC: returns + over + 0.5 * np.sin(np.arange(60)), K_STEP: returns + over / 2},
        episode=np.repeat([0, 1], 30),
        step=step,
        to_end=50 - step,
        tail_weight=np.zeros(60),
        lengths=np.array([50, 50]),
        terminated=np.array([True, True]),
        rollout_length=3,
        discount=0.99,
        first_steps=30,
        at_time_limit="cut",
        rewards_changed=False,
        recorded={
            "rewards": np.full(100, 0.3),
            "actions": np.zeros((100, 6), np.float32),
            "observations": np.tile(waves, 17).astype(np.float32),
            "qpos": np.tile(waves, 9),
            "qvel": np.tile(waves, 9),
        },
    )


def store(project: Project, run_id: int, step: int, over: float) -> None:
    measured = measurement(over)
    project.artifacts.save(
        run_id, "analysis", step, f"q-bias-{step}", measured.arrays(), measured.document(), measured.info()
    )


@pytest.fixture
def stored(context: Context) -> Context:
    """Measurements of one seed at two steps, and of another seed at one."""
    store(context.project, FINISHED, 6000, 4.0)
    store(context.project, FINISHED, 12000, 2.0)
    store(context.project, FINISHED + 1, 12000, 3.0)
    return context


@pytest.fixture
def panel(qtbot: QtBot, context: Context, window: QMainWindow) -> QBiasPanel:
    return shown(context, window)


def shown(context: Context, window: QMainWindow) -> QBiasPanel:
    panel = QBiasPanel(context)
    window.setCentralWidget(panel)
    window.resize(556, 600)
    window.show()
    return panel


def names_of(panel: QBiasPanel) -> list[str]:
    return [curve.name for curve in panel.view.training._curves]


def test_before_anything_was_measured_it_says_what_to_do(
    panel: QBiasPanel, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    context.selection.select([FINISHED])
    assert panel.empty.isVisible()
    assert "Preparing the engine" in panel.empty.words
    assert panel.empty.buttons == []
    monkeypatch.setattr(context.engine, "state", "ready")
    panel.refresh()
    assert "Q-bias was not measured yet" in panel.empty.words
    assert [button.text() for button in panel.empty.buttons] == ["Measure now", "Measure all checkpoints"]


def test_without_a_run_it_says_so(qtbot: QtBot, empty_context: Context, window: QMainWindow) -> None:
    assert "No run to look into" in shown(empty_context, window).empty.words


def test_a_measurement_is_shown_with_its_terms(qtbot: QtBot, stored: Context, window: QMainWindow) -> None:
    panel = shown(stored, window)
    stored.selection.select([FINISHED])
    qtbot.waitUntil(lambda: panel.measured is not None)
    assert names_of(panel) == ["K-step", "critic's Q"]
    assert panel.view.verdict.text().startswith("Over-estimates by 6.7 % ± 0 % on average")
    assert "Bias = return − estimate, divided by each state's |return| (at least 10)" in panel.view.protocol.text()
    assert "60 states of 2 episodes" in panel.view.protocol.text()
    means = [curve.mean.tolist() for curve in panel.view.training._curves]
    assert means[0][1] < 0, "return minus estimate is negative where it over-estimates"
    panel.controls.sign.setCurrentIndex(1)
    panel.controls.sign.activated.emit(1)
    assert [curve.mean.tolist() for curve in panel.view.training._curves] == [[-y for y in line] for line in means]
    assert "Bias = estimate − return" in panel.view.protocol.text()
    assert panel.view.verdict.text().startswith("Over-estimates by 6.7 %")
    panel.controls.estimates.button(CRITIC).click()
    assert panel.view.verdict.text().startswith("Over-estimates by 13 %")
    assert panel.view.histogram.isVisible()
    panel.controls.views.button("time").click()
    assert panel.view.time.isVisible()


def test_the_cursor_chooses_the_nearest_measurement(qtbot: QtBot, stored: Context, window: QMainWindow) -> None:
    panel = shown(stored, window)
    said: list[str] = []
    panel.subtitle_changed.connect(said.append)
    stored.selection.select([FINISHED])
    qtbot.waitUntil(lambda: panel.measured is not None)
    assert "step 12,000 · 60 states" in said[-1]
    stored.cursor.set_step(5000)
    qtbot.waitUntil(lambda: panel.measured is not None and panel._row is not None and panel._row.step == 6000)
    assert "step 6,000" in said[-1]
    assert panel.view.verdict.text().startswith("Over-estimates by 13 %")
    panel.view.training.clicked.emit(QPointF(11800.0, 0.0))
    assert stored.cursor.step == 11800


def test_seeds_of_a_group_are_averaged_and_groups_compared(qtbot: QtBot, stored: Context, window: QMainWindow) -> None:
    panel = shown(stored, window)
    stored.selection.select([FINISHED, FINISHED + 1])
    qtbot.waitUntil(lambda: panel.measured is not None)
    assert names_of(panel) == ["", "", "K-step", "critic's Q"]
    whole = panel.view.training._curves[2]
    assert whole.step.tolist() == [6000, 12000]
    single = [curve.mean for curve in panel.view.training._curves[:2]]
    assert whole.mean[1] == pytest.approx((single[0][1] + single[1][0]) / 2)
    store(stored.project, 7, 12000, 1.0)  # of another group
    stored.selection.select([FINISHED, 7])
    assert names_of(panel) == ["No KL term", "No classifier term"]


def test_a_clicked_state_is_opened_in_its_episode(qtbot: QtBot, stored: Context, window: QMainWindow) -> None:
    panel = shown(stored, window)
    stored.selection.select([FINISHED])
    qtbot.waitUntil(lambda: panel.measured is not None)
    scatter, state = panel.view.scatter, 40
    assert panel.measured is not None
    at = QPointF(panel.measured.returns[state], panel.measured.estimates[K_STEP][state])
    place = scatter.mapFromScene(scatter.view.mapViewToScene(at))
    with qtbot.waitSignal(stored.cursor.frame_changed, check_params_cb=lambda frame: frame > 0):
        qtbot.mouseClick(scatter.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(place.x(), place.y()))
    chosen = EpisodeAt(FINISHED, f"q-bias-12000-episode-{stored.cursor.episode.name[-1]}")
    assert stored.cursor.episode == chosen
    row = next(each for each in stored.project.artifacts.list(FINISHED, "episode") if each.name == chosen.name)
    arrays, _ = stored.project.artifacts.load(row)
    assert (arrays["qpos"].shape, arrays["observations"].shape, len(arrays["rewards"])) == ((51, 9), (51, 17), 50)
    before = len(stored.project.artifacts.list(FINISHED, "episode"))
    with qtbot.waitSignal(panel.files.kept):
        panel.view.worst.click()
    assert stored.cursor.frame == panel.measured.step[panel.measured.worst(K_STEP)]
    assert len(stored.project.artifacts.list(FINISHED, "episode")) <= before + 1


def test_simulation_follows_to_an_episode_that_was_just_stored(
    qtbot: QtBot, stored: Context, window: QMainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ui.panels.simulation import RECORDED, SimulationPanel

    monkeypatch.setattr("ui.panels.simulation.SimulationPanel._refresh", lambda *_: None)
    simulation = SimulationPanel(stored)
    qtbot.addWidget(simulation)
    simulation.show()
    stored.selection.select([FINISHED])
    panel = shown(stored, window)
    qtbot.waitUntil(lambda: panel.measured is not None)
    panel.view.worst.click()
    qtbot.waitUntil(lambda: simulation.chooser.wanted is not None and "q-bias" in simulation.chooser.wanted.name)
    assert simulation.mode == RECORDED
    assert simulation.chooser.currentText().startswith("Q-bias episode ")


def test_what_training_measures_appears(qtbot: QtBot, stored: Context, window: QMainWindow) -> None:
    panel = shown(stored, window)
    stored.selection.select([FINISHED + 2])
    assert panel.empty.isVisible()
    store(stored.project, FINISHED + 2, 9000, 1.0)
    finished = AnalysisFinished(FINISHED + 2, 9000, 8000, 0.0, "q-bias", {}, {}, {}, {}, 1.0)
    stored.feed.events.emit(FINISHED + 2, [finished])
    qtbot.waitUntil(lambda: panel.measured is not None)
    assert not panel.empty.isVisible()


def test_a_damaged_measurement_is_said(qtbot: QtBot, stored: Context, window: QMainWindow) -> None:
    row = stored.project.artifacts.list(FINISHED, "analysis")[-1]
    stored.project.artifacts.file(row.path).write_bytes(b"short")
    panel = shown(stored, window)
    stored.selection.select([FINISHED])
    qtbot.waitUntil(lambda: "cannot be shown" in panel.empty.words)
    assert "is damaged" in panel.empty.words


def test_measuring_now_and_all_for_real(qtbot: QtBot, empty_context: Context, window: QMainWindow) -> None:
    context: Any = empty_context
    values = {"engine__bias_states": 60, "engine__bias_first_steps": 20}
    (run_id,) = train(context.project, alm_spec("Pendulum-v1", **values))
    panel = shown(context, window)
    context.selection.select([run_id])
    context.engine.start()
    qtbot.waitUntil(lambda: context.engine.state == "ready", timeout=60_000)
    qtbot.waitUntil(lambda: bool(panel.empty.buttons))
    panel.empty.buttons[0].click()
    qtbot.waitUntil(lambda: panel.measured is not None, timeout=30_000)
    assert [row.step for row in context.project.artifacts.list(run_id, "analysis")] == [150]
    assert panel.measured is not None
    assert panel.measured.states == 60
    qtbot.waitUntil(lambda: panel.controls.all.isEnabled(), timeout=10_000)
    panel.controls.all.click()
    assert panel.strip.isVisible()
    qtbot.waitUntil(lambda: not panel.thread_.busy, timeout=60_000)
    steps = [row.step for row in context.project.artifacts.list(run_id, "analysis")]
    assert steps == [row.step for row in panel.choice.rows]
    snapshot = next(row for row in panel.choice.rows if row.step == 150)
    context.project.artifacts.file(snapshot.path).write_bytes(b"short")
    panel.measure_now()
    qtbot.waitUntil(lambda: not panel.thread_.busy, timeout=30_000)
    assert any("could not be measured" in notice.text for notice in context.notices.items)
    assert context.engine.close(30)


def test_a_single_measurement_stands_in_the_whole_training(
    qtbot: QtBot, stored: Context, window: QMainWindow
) -> None:
    panel = shown(stored, window)
    stored.selection.select([FINISHED + 1])
    qtbot.waitUntil(lambda: panel.measured is not None)
    (left, right), _ = panel.view.training.view.viewRange()
    assert left <= 0
    assert right > 12000
    ticks = panel.view.training.bottom.tickValues(left, right, 400)[0][1]
    assert ticks
    assert max(ticks) <= 12000, "beyond stand names alone"


def test_a_state_brings_simulation_to_the_front(qtbot: QtBot, stored: Context, window: QMainWindow) -> None:
    shows: list[str] = []
    stored.actions.add(Action("panel.simulation", "Simulation", lambda: shows.append("simulation")))
    panel = shown(stored, window)
    stored.selection.select([FINISHED])
    qtbot.waitUntil(lambda: panel.measured is not None)
    panel.view.worst.click()
    qtbot.waitUntil(lambda: shows == ["simulation"])
    row = next(row for row in stored.project.artifacts.list(FINISHED, "episode") if row.name.startswith("q-bias"))
    assert episode_words(row).startswith("Q-bias episode ")


def test_a_state_that_cannot_be_kept_leaves_the_pictures(qtbot: QtBot, stored: Context, window: QMainWindow) -> None:
    with open_project(stored.project.folder) as reading:
        context = replace(stored, project=reading, parts={})
        panel = shown(context, window)
        context.selection.select([FINISHED])
        qtbot.waitUntil(lambda: panel.measured is not None)
        panel.view.worst.click()
        qtbot.waitUntil(lambda: bool(context.notices.items))
        assert context.notices.items[-1].text.startswith("The state's episode cannot be opened in Simulation. ")
        assert panel.view.isVisible()
        window.hide()
