"""The real application on a screen, by mouse and keys alone: from the first launch to a run that was cut off."""

from __future__ import annotations

import csv
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QListWidget, QWidget

from storage import Project, RunState, default_project_folder, open_project
from tests.ui.newcomer import CONTROL, Newcomer, Story, Until, button, front, named, reads, window
from ui.__main__ import main
from ui.application_log import application_log
from ui.dialogs.closing import ClosingDialog
from ui.dialogs.welcome import Welcome
from ui.panels.curves import CurvesPanel
from ui.panels.new_run import NewRunPanel
from ui.panels.runs import RunsPanel
from ui.panels.simulation import SimulationPanel
from ui.recovery import RecoveryBanner
from ui.tables.run_columns import PLACE
from workbench.spec import new_spec

pytestmark = [
    pytest.mark.screen,
    pytest.mark.skipif("FORESIGHT_SCREEN" not in os.environ, reason="needs a screen and FORESIGHT_SCREEN=1"),
]

ROOT = Path(__file__).parents[2]
#: what the newcomer types into the form: what it is searched by, the field, the value
SMALL = (
    ("total", "Total steps", "1500"),
    ("warm", "Warm up steps", "100"),
    ("batch", "Batch size", "16"),
    ("model hid", "Model hidden size", "32"),
    ("interval", "Evaluation interval", "250"),
    ("episodes", "Evaluation episodes", "1"),
)
TINY = {
    **dict.fromkeys(("hidden_size", "model_hidden_size", "latent_size"), 8),
    **{"batch_size": 4, "warm_up_steps": 50, "total_steps": 1_000_000, "replay_capacity": 1000},
}


@pytest.fixture(autouse=True)
def new_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> Iterator[None]:
    """Empty folders; afterwards no thread is left and the log holds no complaint."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for kind in ("DATA", "CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
    before = set(threading.enumerate())
    log = application_log()
    log.records.clear()
    yield
    left = [each.name for each in threading.enumerate() if each not in before]
    assert [name for name in left if not name.startswith("Dummy")] == []  # those are Qt's own
    assert [record.getMessage() for record in log.records if record.levelno >= logging.WARNING] == []


# ---- what someone looks at ------------------------------------------------------------------------------------------


def _runs() -> RunsPanel:
    return _panel("runs", RunsPanel)


def _curves() -> CurvesPanel:
    return _panel("curves", CurvesPanel)


def _simulation() -> SimulationPanel:
    return _panel("simulation", SimulationPanel)


def _panel(name: str, kind: type) -> QWidget:
    for workspace in window().workspaces.values():
        if name in workspace.docks and workspace.docks[name].panel.isVisible():
            return workspace.docks[name].panel
    raise LookupError(f"the panel {name} is not in sight")


def _index(run: int, column: str) -> QModelIndex:
    model = _runs().model
    for row, item in enumerate(model.items):
        if item.runs == (run,):
            return model.index(row, PLACE[column])
    raise LookupError(f"run {run} is not in the table")


def _cell(run: int, column: str) -> str:
    return str(_index(run, column).data())


def _step() -> int:
    found = reads(r"Step ([\d,]+) of")
    return int(found[1].replace(",", "")) if found else -1


def _points() -> int:
    curves = _curves().plot.visible_curves
    return len(curves[0].curve.mean.x) if curves else 0


def _status(run: int, word: str, seconds: float = 30.0) -> Until:
    now = lambda: (_cell(run, "status"), _step())  # noqa: E731
    return Until(f"run {run} to be shown as {word}", lambda: _cell(run, "status").startswith(word), seconds, now)


# ---- what someone does ----------------------------------------------------------------------------------------------


def _fill_form(hand: Newcomer) -> Story:
    for words, field, value in SMALL:
        hand.click(lambda: named(QLineEdit, "Find a setting"))
        hand.press(Qt.Key.Key_A, CONTROL)
        hand.type(words)
        yield Until(f"the field {field}", lambda field=field: named(QLineEdit, field))
        hand.click(lambda field=field: named(QLineEdit, field))
        hand.press(Qt.Key.Key_A, CONTROL)
        hand.type(value)
        yield Until(f"{field} to be marked", lambda value=value: _differs(value))


def _differs(value: str) -> bool:
    form = _panel("new_run", NewRunPanel)
    return value in form.draft.texts.values()


def _start_small_run(hand: Newcomer) -> Story:
    hand.press(Qt.Key.Key_N, CONTROL)
    presets = lambda: named(QListWidget, "Presets")  # noqa: E731
    yield Until("the presets", presets)
    quick = lambda: next(  # noqa: E731
        presets().indexFromItem(presets().item(row))
        for row in range(presets().count())
        if presets().item(row).text().startswith("alm-quick")
    )
    hand.click_row(presets, quick)
    yield from _fill_form(hand)
    hand.press(Qt.Key.Key_Return, CONTROL)
    yield _status(2, "Running", 40)


def _pause_and_resume(hand: Newcomer) -> Story:
    hand.click_row(lambda: _runs().view, lambda: _index(2, "run"))
    hand.press(Qt.Key.Key_Space)
    yield _status(2, "Paused")
    paused_at = time.monotonic()
    yield Until("the last step to be told", lambda: time.monotonic() > paused_at + 0.5)
    before = _step()
    yield Until("a second to pass", lambda: time.monotonic() > paused_at + 1.5)
    assert _step() == before, "a paused run goes on"


def _scrub(hand: Newcomer) -> Story:
    hand.click("Recorded")
    scrubber = lambda: _simulation().transport.scrubber  # noqa: E731
    yield Until("the episode's frames", lambda: scrubber().maximum() >= 1000)
    middle = scrubber().rect().center()
    hand.drag(scrubber, lambda: [QPoint(20, middle.y()), middle, QPoint(middle.x() + 30, middle.y())])
    yield Until("the frame of the slider", lambda: scrubber().value() > 450)
    wanted = scrubber().value()
    yield Until("its picture", lambda: f"step {wanted}" in _readout())
    assert re.search(r"[\d.]", _readout()), _readout()


def _readout() -> str:
    picture = _simulation().view.picture
    about = picture.moment.about if picture else None
    return " ".join(about.lines) if about else ""


def _export(hand: Newcomer, entry: str, path: Path) -> Story:
    hand.click(lambda: _curves().plot)
    hand.press(Qt.Key.Key_E, CONTROL)
    hand.choose(entry)
    yield Until("the file dialog", lambda: named(QLineEdit, "", front()))
    hand.press(Qt.Key.Key_A, CONTROL)
    hand.type(str(path))
    hand.press(Qt.Key.Key_Return)
    yield Until(f"the file {path.name}", path.exists)


def _first_session(hand: Newcomer, files: Path) -> Story:
    yield Until("the welcome", lambda: window().stack.currentWidget() is window().welcome)
    hand.click("Start the quick run")
    yield _status(1, "Running", 60)
    hand.click("Stop")
    yield _status(1, "Stopped")
    yield from _start_small_run(hand)
    first = _step()
    yield Until("progress", lambda: _step() > first + 20)
    yield Until("two points of the curve", lambda: _points() >= 2, 60, _step)
    seen = _points()
    yield Until("a moving picture", lambda: _simulation().view.picture)
    earlier = _simulation().view.picture
    yield Until("another picture", lambda: _simulation().view.picture is not earlier)
    yield Until("a longer curve", lambda: _points() > seen, 60, _step)
    yield from _pause_and_resume(hand)
    yield from _scrub(hand)
    yield from _export(hand, "Numbers in sight (CSV)", files / "curve.csv")
    yield from _export(hand, "Picture (PNG)", files / "curve.png")
    paused_at = _step()
    hand.click_row(lambda: _runs().view, lambda: _index(2, "run"))
    hand.press(Qt.Key.Key_Space)
    yield Until("the run to go on", lambda: _step() > paused_at)
    hand.press(Qt.Key.Key_Q, CONTROL)
    yield Until("the question", lambda: isinstance(front(), ClosingDialog))
    assert reads("One run is training")
    hand.press(Qt.Key.Key_Return)


def _second_session(hand: Newcomer) -> Story:
    yield _status(2, "Paused")
    assert not isinstance(window().stack.currentWidget(), Welcome)
    hand.click_row(lambda: _runs().view, lambda: _index(2, "run"))
    yield Until("the engine", lambda: not reads("Preparing the engine"), 60)
    yield Until("the stored curve", lambda: _points() >= 2)
    seen = _points()
    hand.press(Qt.Key.Key_Space)
    yield _status(2, "Running")
    yield _status(2, "Finished", 60)
    assert _step() == 1500
    yield Until("the rest of the curve", lambda: _points() == 7)  # the end of warm-up, 350, 600, ... and the end
    assert _points() > seen
    hand.press(Qt.Key.Key_Q, CONTROL)


def _after_a_kill(hand: Newcomer, name: str, step: int) -> Story:
    yield Until("the banner", lambda: next(banner for banner in window().banners if banner.isVisible()))
    (banner,) = (each for each in window().banners if each.isVisible())
    assert isinstance(banner, RecoveryBanner)
    assert name in banner.text
    assert "was interrupted today" in banner.text
    assert _cell(1, "status").startswith("Interrupted")
    yield Until("the engine", lambda: button("Resume", banner).isEnabled(), 60)
    hand.click(lambda: button("Resume", banner))
    yield _status(1, "Running")
    yield Until("the banner to go", lambda: not banner.isVisible())
    yield Until("the run to go beyond where it was", lambda: _step() > step)
    hand.press(Qt.Key.Key_Q, CONTROL)
    yield Until("the question", lambda: isinstance(front(), ClosingDialog))
    hand.click("Stop and close")


# ---- the stories ----------------------------------------------------------------------------------------------------


@pytest.mark.timeout(600)  # a busy machine; alone it takes less than a minute
def test_a_newcomer_trains_watches_scrubs_exports_leaves_and_comes_back(tmp_path: Path) -> None:
    first = Newcomer(lambda hand: _first_session(hand, tmp_path), tmp_path)
    code = main([])
    first.check()
    assert code == 0
    with open_project(default_project_folder()) as project:
        assert [project.runs.get(run).status for run in (1, 2)] == [RunState.STOPPED, RunState.PAUSED]
        assert project.runs.get(1).preset == "alm-quick"
        assert 0 < project.runs.get(2).step < 1500
    with (tmp_path / "curve.csv").open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) >= 3
    assert all(line["metric"] == "evaluation/return" and np.isfinite(float(line["mean"])) for line in lines)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    second = Newcomer(_second_session, tmp_path)
    code = main([])
    second.check()
    assert code == 0
    with open_project(default_project_folder()) as project:
        _check_finished(project, 2)


def _check_finished(project: Project, run: int) -> None:
    row = project.runs.get(run)
    assert (row.status, row.step) == (RunState.FINISHED, 1500)
    steps = project.series.read(run, "evaluation/return").step
    assert steps.tolist() == [*range(100, 1500, 250), 1500]


def test_after_a_kill_the_run_is_named_and_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    with open_project(folder, write=True) as project:
        from workbench.engine.recorder import Recorder

        Recorder(project).submit(new_spec("alm", "Pendulum-v1", TINY))
        name = project.runs.get(1).name
    step = _train_and_kill(folder)
    later = Newcomer(lambda hand: _after_a_kill(hand, name, step), tmp_path)
    code = main(["--project", str(folder)])
    later.check()
    assert code == 0
    with open_project(folder) as project:
        assert project.runs.get(1).status is RunState.STOPPED
        assert project.runs.get(1).step > step


def _train_and_kill(folder: Path) -> int:
    """Let the application train in a process of its own until there is a resume point, kill it; returns the step."""
    process = subprocess.Popen([sys.executable, "-m", "ui", "--project", str(folder)], cwd=ROOT)
    try:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            time.sleep(0.2)
            with open_project(folder) as project:
                row = project.runs.get(1)
                if row.status is RunState.RUNNING and project.artifacts.list(1, "resume"):
                    return row.step
        pytest.fail("the application did not begin to train")
    finally:
        process.kill()
        process.wait()
