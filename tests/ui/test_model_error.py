"""The model-error panel over a real small run: measured on demand, kept by checkpoint, and cancelled."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from storage import open_project
from tests.ui.trained_runs import ready_context, train_small_runs
from ui.checkpoint import checkpoint_choice
from ui.context import Context
from ui.panels.model_error import ModelErrorPanel
from workbench.analysis.steps import exhaust
from workbench.engine.judging import held_out_and_visited
from workbench.engine.recorder import Recorder
from workbench.engine.subject import open_subject


@pytest.fixture(scope="module")
def trained_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("errors") / "project"
    train_small_runs(folder)
    return folder


@pytest.fixture
def lab(trained_folder: Path, tmp_path: Path, window: QMainWindow) -> Iterator[Context]:
    with open_project(shutil.copytree(trained_folder, tmp_path / "runs"), write=True) as opened:
        context = ready_context(opened, window)
        context.selection.select([1])
        yield context


@pytest.fixture
def panel(lab: Context, window: QMainWindow, qtbot: QtBot) -> Iterator[ModelErrorPanel]:
    made = ModelErrorPanel(lab)
    window.setCentralWidget(made)
    window.resize(1000, 800)
    window.show()
    qtbot.waitUntil(lambda: made.active)
    yield made
    made.worker.close()


def test_it_measures_what_the_command_measures(panel: ModelErrorPanel, lab: Context, qtbot: QtBot) -> None:
    assert panel.empty.words.startswith("Not measured yet at step 60")
    with qtbot.waitSignal(panel.worker.finished, timeout=20_000):
        panel.empty.buttons[0].click()
    recorder = Recorder(lab.project)
    expected = exhaust(held_out_and_visited(recorder, open_subject(recorder, 1), 50))
    for kind in ("held_out", "visited"):
        drawn = panel.plots[kind, "latent"]._model.yData
        assert np.array_equal(drawn, expected[kind].latent.mean)
        assert panel.plots[kind, "reward"].isVisible()
        assert not panel.plots[kind, "observation"].isVisible(), "no decoder"
    useful = expected["held_out"].useful
    assert panel.answer.text().startswith(f"The model is right for {useful} of 7 steps on recorded")


def test_what_was_measured_is_kept_by_checkpoint(panel: ModelErrorPanel, lab: Context, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.worker.finished, timeout=20_000):
        panel.measure.click()
    checkpoint_choice(lab).step(-1)
    assert panel.empty.words.startswith("Not measured yet at step 30")
    checkpoint_choice(lab).step(1)
    assert not panel.empty.isVisible()


def test_a_damaged_checkpoint_is_said_and_cancelling_leaves_nothing(
    panel: ModelErrorPanel, lab: Context, qtbot: QtBot
) -> None:
    panel.measure.click()
    panel.busy.cancelled.emit()
    assert not panel.worker.busy
    assert panel.empty.words.startswith("Not measured yet")
    row = checkpoint_choice(lab).row
    assert row is not None
    lab.project.artifacts.file(row.path).unlink()
    with qtbot.waitSignal(panel.worker.failed, timeout=20_000):
        panel.measure.click()
    assert "No such file" in panel.empty.words


def test_what_was_measured_is_there_in_the_next_session(
    panel: ModelErrorPanel, lab: Context, window: QMainWindow, qtbot: QtBot
) -> None:
    panel.horizon.setValue(5)
    with qtbot.waitSignal(panel.worker.finished, timeout=20_000):
        panel.measure.click()
    (row,) = lab.project.artifacts.list(1, "analysis")
    assert (row.name, row.info["visited"]["horizon"]) == ("model-error-60", 5)
    assert window.takeCentralWidget() is panel  # else it would be deleted
    later = ModelErrorPanel(lab)
    window.setCentralWidget(later)
    qtbot.waitUntil(lambda: bool(later.answer.text()), timeout=20_000)
    assert later.horizon.value() == 5
    assert later.answer.text() == panel.answer.text()
    for place, plot in later.plots.items():
        assert plot._model.yData is None or np.array_equal(
            plot._model.yData, panel.plots[place]._model.yData, equal_nan=True
        )
    later.worker.close()


def test_a_damaged_measurement_is_a_notice_and_can_be_made_anew(
    panel: ModelErrorPanel, lab: Context, window: QMainWindow, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(panel.worker.finished, timeout=20_000):
        panel.measure.click()
    (row,) = lab.project.artifacts.list(1, "analysis")
    lab.project.artifacts.file(row.path).write_bytes(b"nothing")
    assert window.takeCentralWidget() is panel  # else it would be deleted
    later = ModelErrorPanel(lab)
    window.setCentralWidget(later)
    qtbot.waitUntil(lambda: bool(lab.notices.items), timeout=20_000)
    assert lab.notices.items[-1].text.startswith("The stored model error cannot be read.")
    assert later.empty.words.startswith("Not measured yet")
    with qtbot.waitSignal(later.worker.finished, timeout=20_000):
        later.measure.click()
    assert later.answer.text()
    later.worker.close()
