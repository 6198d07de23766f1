"""Leaving while runs train: it asks, pauses or stops with resume points, joins the threads, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from storage import Project, RunState, open_project
from ui.actions import ActionRegistry
from ui.context import Context
from ui.dialogs.closing import ClosingDialog
from ui.main_window import MainWindow
from ui.theme import Theme
from workbench.spec import RunSpec, new_spec

TINY = {
    "hidden_size": 8,
    "model_hidden_size": 8,
    "latent_size": 8,
    "batch_size": 4,
    "warm_up_steps": 12,
    "total_steps": 100_000,
    "replay_capacity": 1000,
    "engine.evaluation_interval": 100_000,
    "engine.log_interval": 20,
}


def tiny_spec() -> RunSpec:
    """A run that goes on until it is told to end."""
    return new_spec("alm", "Pendulum-v1", TINY)


@pytest.fixture
def training(empty_context: Context, qtbot: QtBot) -> Iterator[MainWindow]:
    """The window with one run that trains."""
    context = empty_context
    context.preferences.set("welcome.seen", True)
    made = MainWindow()
    context.actions = ActionRegistry(made, context.theme)
    made.fill(context)
    made.show()
    context.feed.start()
    context.engine.start()
    qtbot.waitUntil(lambda: context.engine.queue is not None, timeout=60_000)
    assert context.engine.queue is not None
    (run_id,) = context.engine.queue.submit(tiny_spec())
    qtbot.waitUntil(lambda: context.project.runs.get(run_id).status is RunState.RUNNING, timeout=60_000)
    qtbot.waitUntil(lambda: _step(made) > 30, timeout=60_000)
    yield made
    if made.isVisible():
        with qtbot.waitSignal(made.closed, timeout=60_000):
            made.leave()
    context.feed.stop()
    made.deleteLater()


def _dialog(window: MainWindow) -> ClosingDialog:
    assert window.closing.dialog is not None
    return window.closing.dialog


def _project(window: MainWindow) -> Project:
    assert window.context is not None
    return window.context.project


def _step(window: MainWindow) -> int:
    progress = window.context.feed.progress(1) if window.context is not None else None
    return 0 if progress is None else progress.step


def _resume_step(project: Project) -> int:
    return project.artifacts.list(1, "resume")[-1].step


def test_it_asks_and_keeping_open_changes_nothing(training: MainWindow, qtbot: QtBot) -> None:
    training.close()
    assert training.isVisible()
    dialog = _dialog(training)
    assert dialog.title.text() == "One run is training."
    assert dialog.pause_button.isDefault()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    QApplication.processEvents()
    assert training.closing.dialog is None
    assert training.isVisible()
    before = _step(training)
    qtbot.waitUntil(lambda: _step(training) > before, timeout=60_000)


def test_pause_and_close_keeps_the_run_paused_for_the_next_start(training: MainWindow, qtbot: QtBot) -> None:
    training.close()
    with qtbot.waitSignal(training.closed, timeout=60_000):
        _dialog(training).pause_button.click()
    project = _project(training)
    assert not training.isVisible()
    row = project.runs.get(1)
    assert row.status is RunState.PAUSED
    assert row.owner_pid is None
    assert row.step == _resume_step(project) > 0
    assert training.context is not None
    assert training.context.engine.queue is not None
    assert training.context.engine.queue.workers() == []
    folder = project.folder
    project.close()
    with open_project(folder, write=True) as again:
        assert again.interrupted == ()
        assert again.runs.get(1).status is RunState.PAUSED


def test_what_was_paused_at_closing_goes_on_from_there(training: MainWindow, qtbot: QtBot) -> None:
    from workbench.engine.queue import RunQueue
    from workbench.engine.recorder import Recorder

    with qtbot.waitSignal(training.closed, timeout=60_000):
        training.leave()
    folder, step = _project(training).folder, _project(training).runs.get(1).step
    _project(training).close()
    with open_project(folder, write=True) as again:
        queue = RunQueue(Recorder(again))
        queue.resume(1)
        queue.pump()
        qtbot.waitUntil(lambda: again.runs.get(1).status is RunState.RUNNING, timeout=60_000)
        qtbot.waitUntil(lambda: any("Continued from" in str(entry.data) for entry in again.log.read(1)), timeout=60_000)
        queue.close(20)
        assert f"Continued from step {step:,}." in str([entry.data for entry in again.log.read(1)])
        assert again.runs.get(1).status is RunState.STOPPED


def test_stop_and_close_stops_with_a_resume_point(training: MainWindow, qtbot: QtBot) -> None:
    training.close()
    with qtbot.waitSignal(training.closed, timeout=60_000):
        _dialog(training).stop_button.click()
    project = _project(training)
    row = project.runs.get(1)
    assert row.status is RunState.STOPPED
    assert row.step == _resume_step(project)


def test_leaving_without_a_question_pauses(training: MainWindow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(training.closed, timeout=60_000):
        training.leave()
        training.leave()
        training.close()
    assert _project(training).runs.get(1).status is RunState.PAUSED


def test_a_run_that_is_paused_already_needs_no_question(training: MainWindow, qtbot: QtBot) -> None:
    context = training.context
    assert context is not None
    assert context.engine.queue is not None
    channel = context.engine.queue.channel(1)
    assert channel is not None
    channel.pause()
    qtbot.waitUntil(lambda: context.project.runs.get(1).status is RunState.PAUSED, timeout=60_000)
    with qtbot.waitSignal(training.closed, timeout=60_000):
        training.close()
    assert context.project.runs.get(1).status is RunState.PAUSED
    assert context.project.runs.get(1).owner_pid is None


def test_without_runs_it_closes_at_once(empty_context: Context, qtbot: QtBot, tmp_path: Path) -> None:
    window = MainWindow()
    empty_context.actions = ActionRegistry(window, empty_context.theme)
    window.fill(empty_context)
    window.show()
    with qtbot.waitSignal(window.closed):
        window.close()
    assert not window.isVisible()
    window.deleteLater()


@pytest.mark.parametrize(
    ("runs", "words"), [(1, "One run is training."), (2, "Two runs are training."), (12, "12 runs are training.")]
)
def test_the_question_counts_in_words(runs: int, words: str, qtbot: QtBot, qapp: QApplication) -> None:
    dialog = ClosingDialog(runs, Theme("dark"))
    qtbot.addWidget(dialog)
    assert dialog.title.text() == words


def test_progress_replaces_the_question(qtbot: QtBot, qapp: QApplication) -> None:
    dialog = ClosingDialog(2, Theme("dark"))
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.show_progress(1, 2, pause=True)
    assert dialog.title.text() == "Pausing two runs"
    assert dialog.help.text().startswith("1 of 2 have written their resume point.")
    assert not dialog.keep_button.isVisible()
    answers: list[str] = []
    dialog.chosen.connect(answers.append)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert answers == []
    assert dialog.isVisible()
