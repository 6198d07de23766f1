"""Runs that are broken off by signals and kills, and how progress is shown."""

from __future__ import annotations

import contextlib
import io
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.command_line import COMMAND, ROOT, TINY, Foresight
from workbench.commands.progress import Bars, RunView


@contextlib.contextmanager
def training(folder: Path, *words: object) -> Iterator[subprocess.Popen[str]]:
    """A process that trains; entered when its first evaluation was told."""
    command = [*COMMAND, "--project", str(folder), "train", *TINY, *map(str, words)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            while "evaluation return" not in (line := process.stderr.readline()):
                assert line, "it ended before its first evaluation"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_in_order_and_resume_goes_on(foresight: Foresight, kind: signal.Signals) -> None:
    with training(foresight.folder, "--steps", 100_000, "--seeds", "1,2") as process:
        process.send_signal(kind)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Stopping in order, with resume points." in err
    assert f"Go on: foresight --project {foresight.folder} resume 1 2" in out
    runs = foresight("list", "--json").document["runs"]
    assert [run["status"] for run in runs] == ["stopped", "stopped"]
    resume_points = [file for file in foresight("show", 1, "--json").document["files"] if file["kind"] == "resume"]
    assert resume_points[-1]["step"] == runs[0]["step"] >= 20
    if kind is signal.SIGTERM:
        answer = foresight("resume", 1, 2, "--steps", max(run["step"] for run in runs) + 30)
        assert answer.code == 0
        assert f"Continued from step {runs[0]['step']}." in answer.err


def test_a_second_signal_ends_at_once() -> None:
    script = """
import signal
from workbench.commands.watching import StopSignals
with StopSignals("These were my last words.") as signals:
    signal.raise_signal(signal.SIGTERM)
    assert signals.requested
    signal.raise_signal(signal.SIGINT)
print("still here")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "\nThese were my last words.\n")


def test_a_killed_program_leaves_runs_that_go_on(foresight: Foresight) -> None:
    with training(foresight.folder, "--steps", 100_000, "--seeds", "1,2") as process:
        deadline = time.monotonic() + 60
        while not any(file["kind"] == "resume" for file in foresight("show", 1, "--json").document["files"]):
            assert time.monotonic() < deadline, "no resume point was written"
            time.sleep(0.1)
        process.kill()
        process.wait()
    killed, other = foresight("list", "--json").document["runs"]
    assert killed["status"] == "interrupted", "as a reader shows it"
    waiting = (2,) if other["status"] == "queued" else ()  # it had begun where cores allow two at once
    answer = foresight("resume", "--all-interrupted", *waiting, "--steps", 160)
    assert answer.code == 0, answer.err
    assert "run 1 (seed 1): Continued from step " in answer.err
    finished = foresight("list", "--json").document["runs"]
    assert [(run["status"], run["step"]) for run in finished] == [("finished", 160)] * 2
    series = foresight("export", 1, "--format", "json", "--out", "-").document["runs"][0]["series"]
    assert series["episode/return"]["step"] == [15, *range(35, 161, 15)], "none is missing or there twice"
    assert foresight("resume", "--all-interrupted").err == "No run is interrupted.\n"


def moved(steps: Callable[[int], int]) -> RunView:
    """A run that was looked at for ten seconds; warm-up ends at step 100."""
    view = RunView(run_id=3, seed=1, total_steps=500, warm_up_steps=100)
    for second in range(11):
        step = steps(second)
        view.move(step, max(0, step - 100), 1000.0 + second, "learning")
    return view


def test_speed_and_time_left_are_of_what_follows_warm_up() -> None:
    view = moved(lambda second: 50 * second if second <= 2 else 100 + 10 * (second - 2))
    assert view.speeds == (10.0, 10.0)
    assert view.seconds_left == pytest.approx((500 - 180) / 10)
    assert view.pace == "10.0 steps/s  10.0 updates/s  ETA 0:00:32"


def test_warm_up_promises_no_time() -> None:
    view = moved(lambda second: 10 * second)
    assert view.speeds == (10.0, 0.0)
    assert view.seconds_left is None
    assert moved(lambda second: 0).pace == ""


@pytest.mark.parametrize(("width", "how_far"), [(140, "200/500"), (80, " 40%")])
def test_bars_show_step_return_and_pace(width: int, how_far: str) -> None:
    screen = io.StringIO()
    bars = Bars(Console(file=screen, force_terminal=True, color_system=None, width=width))
    view = moved(lambda second: 100 + 10 * second)
    view.latest_return = -1234.5
    bars.show(view)
    bars.say("The disk [full] waits.")
    bars.close()
    text = screen.getvalue()
    for part in ("run 3 (seed 1)", how_far, "return -1,234.5", "10.0 steps/s  10.0 updates/s  ETA 0:00:30"):
        assert part in text
    assert "The disk [full] waits." in text
