"""Analyses in a thread: progress, results, failures and cancelling reach the panel; what is stale does not."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest
import torch
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from storage import StorageError
from ui.analysis import Advance, AnalysisThread
from ui.controls.busy_state import BusyState
from ui.theme import Theme, load_fonts
from workbench.analysis.steps import Analysis, AnalysisStep
from workbench.settings import Problem, SettingsError


@pytest.fixture
def worker(qapp: QApplication) -> Iterator[AnalysisThread]:
    made = AnalysisThread("test")
    yield made
    made.close()


def gated(gate: threading.Event, result: object, steps: int = 3) -> Analysis[object]:
    for number in range(steps):
        yield AnalysisStep(number + 1, steps, "states", partial=number)
        gate.wait(10)
    return result


def test_steps_and_the_result_come_in_order(worker: AnalysisThread, qtbot: QtBot) -> None:
    gate = threading.Event()
    gate.set()
    heard: list[Advance] = []
    worker.advanced.connect(heard.append)
    with qtbot.waitSignal(worker.finished) as result:
        worker.start(lambda: gated(gate, "whole"))
    assert result.args == ["whole"]
    assert [(each.done, each.partial) for each in heard] == [(1, 0), (2, 1), (3, 2)]
    assert not worker.busy


def test_it_runs_niced_with_one_torch_thread(worker: AnalysisThread, qtbot: QtBot) -> None:
    def looking() -> Analysis[tuple[int, int, str]]:
        yield AnalysisStep(1, 1, "looks")
        nice = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        return nice, torch.get_num_threads(), threading.current_thread().name

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    with qtbot.waitSignal(worker.finished) as result:
        worker.start(looking)
    assert result.args == [(max(before, 10), 1, "analysis: test")]


def test_what_was_started_last_is_all_that_is_heard_of(worker: AnalysisThread, qtbot: QtBot) -> None:
    gate, closed = threading.Event(), threading.Event()

    def stale() -> Analysis[str]:
        try:
            yield from gated(gate, "stale", 1000)
        finally:
            closed.set()
        return "stale"

    results: list[object] = []
    worker.finished.connect(results.append)
    with qtbot.waitSignal(worker.advanced):
        worker.start(stale)
    with qtbot.waitSignal(worker.finished):
        worker.start(lambda: gated(gate, "fresh"))
        gate.set()
    assert closed.wait(5), "the stale one was not closed between two steps"
    qtbot.wait(50)
    assert results == ["fresh"]


def test_cancelling_is_silent_and_at_once(worker: AnalysisThread, qtbot: QtBot) -> None:
    gate = threading.Event()
    heard: list[object] = []
    with qtbot.waitSignal(worker.advanced):
        worker.start(lambda: gated(gate, "never"))
    worker.finished.connect(heard.append)
    worker.failed.connect(heard.append)
    worker.cancel()
    assert not worker.busy
    gate.set()
    worker.close()
    qtbot.wait(30)
    assert heard == []


def test_it_tells_when_something_lasts(worker: AnalysisThread, qtbot: QtBot) -> None:
    gate = threading.Event()
    with qtbot.waitSignal(worker.lasting, timeout=2000):
        worker.start(lambda: gated(gate, 1))
    gate.set()
    with qtbot.waitSignal(worker.finished):
        pass
    with qtbot.assertNotEmitted(worker.lasting, wait=400):
        worker.start(lambda: gated(gate, 1))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (StorageError("It is gone.", remedy="Use another."), "It is gone. Nothing was changed. Use another."),
        (SettingsError([Problem("agent", "it has no world model")]), "It has no world model."),
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero. The log has the details."),
    ],
)
def test_failures_are_sentences(worker: AnalysisThread, qtbot: QtBot, error: Exception, sentence: str) -> None:
    def failing() -> Analysis[None]:
        yield AnalysisStep(1, 2, "states")
        raise error

    with qtbot.waitSignal(worker.failed) as failure:
        worker.start(failing)
    assert failure.args == [sentence, error]
    with qtbot.waitSignal(worker.finished):
        worker.start(lambda: gated(_open(), "goes on"))


def _open() -> threading.Event:
    gate = threading.Event()
    gate.set()
    return gate


def test_the_time_left_is_told_from_two_percent_on(worker: AnalysisThread, qtbot: QtBot) -> None:
    def slow() -> Analysis[None]:
        for number in range(1, 5):
            yield AnalysisStep(number, 100, "states", partial=number)
            time.sleep(0.02)

    heard: list[Advance] = []
    worker.advanced.connect(heard.append)
    with qtbot.waitSignal(worker.finished):
        worker.start(slow)
    assert heard[0].seconds_left is None
    assert heard[0].sentence == "1 of 100 states, estimating"
    assert heard[-1].seconds_left is not None
    assert heard[-1].seconds_left > 1.0
    assert heard[-1].sentence.startswith("4 of 100 states, about ")


def test_progress_alone_is_told_at_most_twenty_times_a_second(worker: AnalysisThread, qtbot: QtBot) -> None:
    def many() -> Analysis[None]:
        for number in range(20_000):
            yield AnalysisStep(number, 20_000, "states")

    heard: list[Advance] = []
    worker.advanced.connect(heard.append)
    with qtbot.waitSignal(worker.finished):
        worker.start(many)
    assert 1 <= len(heard) < 40


def test_the_busy_state_says_how_far_it_is(qtbot: QtBot) -> None:
    load_fonts()
    theme = Theme("dark")
    busy = BusyState(theme)
    qtbot.addWidget(busy)
    busy.begin("Measuring Q-bias", "Training goes on meanwhile.")
    assert busy.words == "Measuring Q-bias. Estimating. Training goes on meanwhile."
    busy.show_advance(Advance(420, 1000, "states", 9.0))
    assert busy.words == "Measuring Q-bias. 420 of 1,000 states, about 9 s left. Training goes on meanwhile."
    assert busy.bar.value() == 420
    with qtbot.waitSignal(busy.cancelled):
        busy.cancel.click()
