"""The simulation panel with real scenes and a real run that trains, and how a process ends that draws."""

# ruff: noqa: F811  fixtures are imported by name
from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from storage import RunRow, RunState
from tests.ui.simulation_lab import (  # noqa: F401
    Sketch,
    move_mouse,
    needs_gl,
    panel,
    run,
    show,
    shows,
    sketches,
    turn_wheel,
)
from ui.context import Context
from ui.panels.simulation import SimulationPanel
from workbench.events import SimulatorView

ROOT = Path(__file__).parents[2]


@needs_gl
def test_a_real_scene_follows_keys_and_mouse(panel: SimulationPanel, run: RunRow, qtbot: QtBot) -> None:
    first = show(panel, run, qtbot)
    assert first.pixels.std() > 10, "not uniform"
    qtbot.waitUntil(lambda: panel.view.picture is not None and panel.view.picture.fine, timeout=60_000)
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
        move_mouse(panel.view, middle + QPoint(80, 30), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
        QTest.mouseRelease(panel.view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle)

    def hide_group() -> None:
        QTest.keyClick(panel.view, Qt.Key.Key_0)

    def come_closer() -> None:
        turn_wheel(panel.view, 360)

    acts: list[Callable[[], object]] = [lambda: panel.recorded.seek(20), drag, come_closer, hide_group]
    for act in acts:
        act()
        qtbot.waitUntil(changed, timeout=60_000)
        seen.append(panel.view.picture)
    last = seen[-1]
    assert last is not None and last.view == "group 0 hidden"
    panel.hide()
    panel.show()
    qtbot.waitUntil(lambda: panel.view.picture not in (None, last), timeout=60_000)
    assert panel.view.picture is not None
    assert panel.view.picture.view == "group 0 hidden", "what was chosen outlives the renderer"


def test_a_run_that_trains_is_shown_live(
    panel: SimulationPanel, context: Context, sketches: list[Sketch], qtbot: QtBot
) -> None:
    from tests.tiny_runs import tiny_spec
    from workbench.engine.queue import RunQueue
    from workbench.engine.recorder import Recorder

    for row in context.project.runs.page():
        if row.status == "queued":
            context.project.runs.change_state(row.id, RunState.STOPPED)
    queue = context.engine.queue = RunQueue(Recorder(context.project))
    spec = tiny_spec("alm", {"evaluation_interval": 10_000}, total_steps=100_000, warm_up_steps=20_000)
    (run_id,) = queue.submit(spec)
    queue.pump()
    channel = queue.channel(run_id)
    assert channel is not None
    try:
        context.feed.poll()
        assert panel.mode == "live", "without a selection the run that began last is shown"
        qtbot.waitUntil(shows(panel, "Pendulum-v1 · seed 1 · training at step"), timeout=60_000)
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
        qtbot.waitUntil(shows(panel, "The run is paused"), timeout=60_000)
        panel.choose_mode("recorded")
        assert channel.view_interval is None
        assert "The first evaluation is recorded at step 30,000" in panel.empty.words
        QTest.mouseClick(panel.empty.buttons[0], Qt.MouseButton.LeftButton)
        assert channel.take_evaluation_request()
    finally:
        assert queue.close(30)


ALONE = """
import sys
from collections.abc import Callable
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
@pytest.mark.parametrize("end", ["application.quit()", "sys.exit(0)"])
def test_leaving_while_it_draws(context: Context, run: RunRow, end: str) -> None:
    folder = context.project.folder
    context.project.close()
    script = ALONE.replace("END", end)
    command = [sys.executable, "-X", "faulthandler", "-c", script, str(folder), str(run.id)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert "drawn" in done.stdout and done.returncode == 0, (done.returncode, done.stderr)
