"""``foresight bench gui``: launch, frames of the window while runs train and planners search, the live view's cost,
drawing of curves.

It works on a project of its own, which is removed at the end. Without a screen it draws into memory.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from storage import StorageError, open_project
from workbench.benchmarks.machine import Machine, describe_machine
from workbench.benchmarks.storage import make_runs

if TYPE_CHECKING:
    from ui.bench_frames import Frames

#: how many of the finished runs have a curve in sight, beside those that train
SHOWN = 3
#: points of each of many curves
CURVE_POINTS = 5_000


@dataclass(frozen=True)
class Extent:
    """How much is measured: seconds for each number of training threads; for which of these the live view is in sight
    and hidden in turn, in so many pairs of rounds; launches, runs in the window's table, points of the long series,
    curves at once."""

    seconds: float = 8.0
    threads: tuple[int, ...] = (0, 1, 2, 4)
    viewed: tuple[int, ...] = (1, 2)
    pairs: int = 5
    launches: int = 3
    runs: int = 200
    points: int = 1_000_000
    curves: tuple[int, ...] = (50, 500)


@dataclass(frozen=True)
class WindowBenchmark:
    """What was measured, and where; see the classes of its parts for units."""

    launches: list[Any]
    frames: list[Any]
    live_views: list[Any]
    planners: list[Any]
    long_series: Any
    curves: list[Any]
    platform: str
    qt: str
    machine: Machine

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"launch_seconds": median(each.seconds for each in self.launches)}


def run_window_benchmark(extent: Extent = Extent()) -> WindowBenchmark:
    """Measure everything. Raises bench_launch.LaunchFailed, bench_frames.Interrupted, storage.StorageError."""
    choose_platform(os.environ)
    from PySide6 import __version__
    from PySide6.QtGui import QGuiApplication

    from ui.bench_frames import Flight, measure_window
    from ui.bench_launch import launch_times
    from ui.bench_planner import measure_planners
    from ui.bench_plots import measure_drawing
    from ui.theme import Theme

    machine = describe_machine()
    with tempfile.TemporaryDirectory(prefix="foresight-bench-") as place:
        folder = Path(place) / "project"
        with open_project(folder, write=True) as project:
            runs = make_runs(project, extent.runs)
        launches = launch_times(folder, extent.launches)
        flight = Flight(runs[-SHOWN:], extent.threads, extent.seconds, extent.viewed, extent.pairs)
        frames, views = measure_window(folder, flight)
        planners = measure_planners(folder, extent.seconds / 2)
    theme = Theme("dark")
    return WindowBenchmark(
        launches=launches,
        frames=frames,
        live_views=views,
        planners=planners,
        long_series=measure_drawing(theme, 1, extent.points),
        curves=[measure_drawing(theme, count, CURVE_POINTS) for count in extent.curves],
        platform=QGuiApplication.platformName(),
        qt=__version__,
        machine=machine,
    )


def choose_platform(environment: MutableMapping[str, str]) -> None:
    """Draw into memory where there is no screen."""
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform == "linux" and not any(environment.get(name) for name in screens):
        environment["QT_QPA_PLATFORM"] = "offscreen"


# ---- command line ---------------------------------------------------------------------------------------------------


def format_table(result: WindowBenchmark) -> str:
    """For people."""
    launches = ", ".join(f"{each.seconds:.2f}" for each in result.launches)
    seconds, processor = (median(getattr(each, name) for each in result.launches) for name in ("seconds", "processor"))
    lines = [
        f"Launch: the run table is on the screen after {seconds:.2f} s, of which a processor worked {processor:.2f} s "
        f"(each: {launches}).",
        "",
        f"{'intervals of 16 ms, in ms':36}{'p50':>8}{'p95':>8}{'p99':>8}{'max':>8}{'updates/s':>11}",
    ]
    for each in result.frames:
        figures = "".join(f"{value:8.1f}" for value in (each.p50_ms, each.p95_ms, each.p99_ms, each.max_ms))
        lines.append(f"{_training(each.threads) + _manners(each):36}{figures}{each.updates_per_second:11.1f}")
    lines += [_plain_words(each) for each in result.frames if not each.lower_priority][:1]
    if result.live_views:
        lines += ["", f"{'live view':36}{'cost':>8}{'quartiles':>16}{'unhindered':>12}{'fps':>6}{'processors':>12}"]
    for view in result.live_views:
        quartiles = f"{100 * view.low_cost:.1f} to {100 * view.high_cost:.1f}"
        used = view.shown.processors - view.hidden.processors
        lines.append(
            f"{f'{view.environment}, {_training(view.threads)}':36}{100 * view.cost:7.1f}%{quartiles:>16}"
            f"{100 * view.unhindered_cost:11.1f}%{view.shown.pictures:6.1f}{used:12.2f}"
        )
    lines += ["", *_frames_of_planners(result)]
    lines += ["", f"{'curves':30}{'prepare':>8}{'draw ms':>8}{'pan fps':>8}{'zoom':>8}{'worst ms':>11}"]
    for drawing in (result.long_series, *result.curves):
        name = f"{drawing.curves} of {drawing.points:,} points"
        shown = (drawing.prepare_ms, drawing.draw_ms, drawing.pan_fps, drawing.zoom_fps)
        lines.append(f"{name:30}{''.join(f'{value:8.1f}' for value in shown)}{drawing.worst_picture_ms:11.1f}")
    lines += ["", f"{result.machine}, Qt {result.qt} on {result.platform}"]
    return "\n".join(lines)


def _frames_of_planners(result: WindowBenchmark) -> list[str]:
    lines = [f"{'intervals of 16 ms, in ms':36}{'p50':>8}{'p95':>8}{'p99':>8}{'max':>8}{'done/s':>11}"]
    for each in result.planners:
        figures = "".join(f"{value:8.1f}" for value in (each.p50_ms, each.p95_ms, each.p99_ms, each.max_ms))
        lines.append(f"{each.case:36}{figures}{each.done_per_second:11.1f}")
    return lines


def _training(threads: int) -> str:
    return f"{threads} training thread{'' if threads == 1 else 's'}"


def _manners(frames: Frames) -> str:
    return "" if frames.lower_priority else ", left alone"


def _plain_words(frames: Frames) -> str:
    count = frames.intra_op_threads
    many = f"{count} intra-op thread{'' if count == 1 else 's'}"
    return f"(left alone: at the window's priority with {many} each, not at a lower one with 1 each)"


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted(int(part) for part in text.split(",")))


OPTIONS: tuple[tuple[str, Callable[[str], object], str], ...] = (
    ("seconds", float, "measured for each number of training threads, and as long without their settings"),
    ("threads", _numbers, "numbers of training threads"),
    ("viewed", _numbers, "those of them with the live view in sight and hidden, in turn"),
    ("pairs", int, "of such rounds, each of half the seconds"),
    ("launches", int, "how often the application is launched"),
    ("runs", int, "in the window's table"),
    ("points", int, "of the long series"),
    ("curves", _numbers, "numbers of curves drawn at once"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure as the command line says; the exit code."""
    parser = argparse.ArgumentParser(prog="foresight bench gui", description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    for name, kind, text in OPTIONS:
        usual = getattr(Extent, name)
        shown = ",".join(map(str, usual)) if isinstance(usual, tuple) else usual
        metavar = "N,N" if isinstance(usual, tuple) else "N"
        parser.add_argument(f"--{name}", type=kind, default=usual, metavar=metavar, help=f"{text} (default: {shown})")
    given = vars(parser.parse_args(arguments))
    as_json = given.pop("json")
    try:
        result = run_window_benchmark(Extent(**given))
    except (RuntimeError, StorageError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write((json.dumps(result.document(), indent=1) if as_json else format_table(result)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
