"""The window's benchmark: its answer has its fields, and its clock sees what blocks. Times are never judged here."""

from __future__ import annotations

import json
import math
import os
import subprocess
import time
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.command_line import COMMAND, ROOT
from ui.bench import choose_platform
from ui.bench_fleet import PLAIN
from ui.bench_frames import FrameClock, summary
from ui.bench_plots import measure_drawing
from ui.theme import Theme

TINY = ("--seconds", "1", "--threads", "0,1", "--launches", "1", "--points", "3000", "--curves", "3,9", "--runs", "8")
TINY += ("--viewed", "1", "--pairs", "1")
DRAWING = {
    **{"curves": int, "points": int, "prepare_ms": float, "draw_ms": float},
    **{"pan_fps": float, "zoom_fps": float, "worst_picture_ms": float},
}
FRAMES = {
    **{"threads": int, "lower_priority": bool, "intra_op_threads": int},
    **{"frames": int, "p50_ms": float, "p95_ms": float, "p99_ms": float, "max_ms": float},
    "updates_per_second": float,
}
ROUND = {"updates": float, "unhindered": float, "pictures": float, "processors": float}
VIEW = {
    **{"environment": str, "threads": int, "pairs": int, "cost": float, "low_cost": float},
    **{"high_cost": float, "unhindered_cost": float, "shown": ROUND, "hidden": ROUND},
}
PLANNER = {
    **{"case": str, "frames": int, "p50_ms": float, "p95_ms": float, "p99_ms": float, "max_ms": float},
    "done_per_second": float,
}
SCHEMA: dict[str, Any] = {
    "launch_seconds": float,
    "launches": [{"seconds": float, "processor": float}],
    "frames": [FRAMES, FRAMES, FRAMES],
    "live_views": [VIEW],
    "planners": [PLANNER] * 5,
    "long_series": DRAWING,
    "curves": [DRAWING, DRAWING],
    "platform": str,
    "qt": str,
    "machine": {"processor": str, "cores": int, "load": float},
}


def shape(document: Any) -> Any:
    """A document with the type of each value in its place; every number is finite and, but a cost, not negative."""
    if isinstance(document, dict):
        return {name: shape(abs(value) if "cost" in name else value) for name, value in document.items()}
    if isinstance(document, list):
        return [shape(value) for value in document]
    if isinstance(document, int | float):
        assert math.isfinite(document)
        assert document >= 0
    return type(document)


@pytest.mark.slow
def test_the_answer_has_its_fields() -> None:
    command = [*COMMAND, "bench", "gui", "--json", *TINY]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert shape(document) == SCHEMA
    settings = [(each["threads"], each["lower_priority"], each["intra_op_threads"]) for each in document["frames"]]
    assert settings == [(0, True, 1), (1, True, 1), (1, False, os.cpu_count())]
    assert all(each["p50_ms"] <= each["p95_ms"] <= each["p99_ms"] <= each["max_ms"] for each in document["frames"])
    assert document["frames"][0]["updates_per_second"] == 0
    assert sum(each["updates_per_second"] for each in document["frames"]) > 0
    assert [each["case"].split()[-1] for each in document["planners"]] == ["steps"] * 4 + ["drives"]
    (view,) = document["live_views"]
    assert (view["environment"], view["threads"], view["pairs"]) == ("HalfCheetah-v5", 1, 1)
    assert view["hidden"]["pictures"] == 0
    assert view["hidden"]["updates"] > 0
    assert (document["long_series"]["curves"], document["long_series"]["points"]) == (1, 3000)
    assert [each["curves"] for each in document["curves"]] == [3, 9]
    assert document["platform"] == os.environ["QT_QPA_PLATFORM"]


def test_its_help_is_its_own_and_its_arguments_are_checked() -> None:
    for words, code, said in ((["--help"], 0, "usage: foresight bench gui"), (["--threads", "one"], 2, "--threads")):
        done = subprocess.run([*COMMAND, "bench", "gui", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert said in done.stdout + done.stderr


def test_the_clock_sees_a_window_that_is_blocked(qtbot: QtBot) -> None:
    clock = FrameClock()
    clock.start()
    qtbot.wait(60)
    time.sleep(0.2)
    qtbot.wait(60)
    clock.stop()
    assert max(clock.intervals) >= 0.2
    seen = len(clock.intervals)
    qtbot.wait(50)
    assert len(clock.intervals) == seen


def test_intervals_are_summed_up_in_milliseconds() -> None:
    rounds = [([0.016] * 50, 10, 2.0), ([0.016] * 48 + [0.050, 0.100], 40, 2.0)]
    found = summary(2, PLAIN, rounds)
    assert (found.threads, found.frames, found.updates_per_second) == (2, 100, 12.5)
    assert (found.lower_priority, found.intra_op_threads) == (False, os.cpu_count())
    assert found.p50_ms == pytest.approx(16.0)
    assert found.p99_ms == pytest.approx(50.5)  # between the 99th and the 100th of 100
    assert found.max_ms == pytest.approx(100.0)


def test_without_a_screen_it_draws_into_memory() -> None:
    for given, wanted in (
        ({}, "offscreen"),
        ({"DISPLAY": ":0"}, None),
        ({"WAYLAND_DISPLAY": "wayland-0"}, None),
        ({"QT_QPA_PLATFORM": "xcb"}, "xcb"),
    ):
        environment: dict[str, str] = dict(given)
        choose_platform(environment)
        assert environment.get("QT_QPA_PLATFORM") == wanted


def test_drawing_leaves_no_window_behind(qapp: QApplication) -> None:
    before = {widget for widget in QApplication.topLevelWidgets() if widget.isVisible()}
    found = measure_drawing(Theme("dark"), 2, 500)
    assert (found.curves, found.points) == (2, 500)
    assert found.draw_ms > 0
    assert {widget for widget in QApplication.topLevelWidgets() if widget.isVisible()} <= before
