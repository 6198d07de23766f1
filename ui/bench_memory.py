"""``foresight bench memory``: whether the window keeps what it need not while a session goes on and on.

The events of a finished run are told again, many times as fast, through the recorder, a channel and the feed into the
real window with every panel of Watch in sight; the process's resident set is read all along. It works on a copy of the
project, which is removed at the end. Without a screen it draws into memory.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil
from PySide6.QtCore import QObject, QTimer

from storage import RunState, StorageError, open_project
from ui.bench import choose_platform
from ui.bench_pilot import Pilot
from ui.main_window import MainWindow
from workbench.benchmarks.machine import Machine, describe_machine

if TYPE_CHECKING:
    from ui.bench_replay import Recording

DEMO = Path(__file__).parents[1] / "assets" / "demo"
#: seconds between two readings, and those of which the median counts, before a moment
INTERVAL, JUDGED = 1.0, 10.0
#: seconds until a queue that is put aside has ended its last look at the runs
PUT_ASIDE = 1.0
#: budget of the told run in environment steps, which it will not reach
ENDLESS = 1_000_000


@dataclass(frozen=True)
class Extent:
    """``seconds`` of watching, of which the first ``warm_up`` do not count; recorded seconds told in a second."""

    seconds: float = 360.0
    warm_up: float = 60.0
    speed: float = 20.0


@dataclass(frozen=True)
class Reading:
    """The resident set, in MiB, so many seconds after the telling began."""

    seconds: float
    resident: float


@dataclass(frozen=True)
class MemoryBenchmark:
    """``first``: resident set after the warm-up, ``last``: at the end, medians of the readings just before, in MiB;
    ``growth``: by which part of the first the last is larger. ``events`` were told, ``told`` seconds of the run's life.
    """

    run: str
    speed: float
    events: int
    told: float
    first: float
    last: float
    growth: float
    readings: list[Reading]
    machine: Machine


class MemoryClock(QObject):
    """Reads the resident set regularly."""

    def __init__(self) -> None:
        super().__init__()
        self.readings: list[Reading] = []
        self._process, self._begin = psutil.Process(), time.perf_counter()
        self._timer = QTimer(self)
        self._timer.setInterval(round(1e3 * INTERVAL))
        self._timer.timeout.connect(self.read)
        self._timer.start()

    def read(self) -> None:
        """Read now."""
        now = time.perf_counter() - self._begin
        self.readings.append(Reading(now, self._process.memory_info().rss / 2**20))


class MemoryPilot(Pilot):
    """Has the run of a project told in its window."""

    def __init__(self, folder: Path, run_id: int, recording: Recording, extent: Extent) -> None:
        super().__init__(folder)
        self.readings: list[Reading] = []
        self.events, self.told = 0, 0.0
        self._run_id, self._recording, self._extent = run_id, recording, extent

    def measure(self, window: MainWindow) -> None:
        """Read the resident set while the run is told and watched. Raises Interrupted."""
        from ui.bench_replay import ReplayQueue

        context = window.context
        assert context is not None
        recorder = self.wait_for_engine(window).recorder
        context.engine.queue = queue = ReplayQueue(recorder)
        self.wait(PUT_ASIDE)
        spec = recorder.spec(self._run_id)[0].changed({"total_steps": ENDLESS, "engine.keep_snapshots": False})
        (run,) = recorder.submit(spec)
        window.show_workspace("watch")
        for dock in window.workspaces["watch"].docks.values():
            dock.show()
        context.selection.select((self._run_id, run))
        player = queue.play(run, self._recording, self._extent.speed)
        clock = MemoryClock()
        self.wait(self._extent.seconds)
        clock.read()
        self.readings, self.events, self.told = clock.readings, player.events, player.told


def measure_memory(folder: Path, run_id: int | None, extent: Extent) -> MemoryBenchmark:
    """Have a run (``None``: the first that has finished) of a copy of the project in ``folder`` told.

    Raises bench_fleet.Interrupted, storage.StorageError; ValueError if there is no run that could be told.
    """
    choose_platform(os.environ)
    from ui.bench_replay import read_recording

    machine = describe_machine()
    with tempfile.TemporaryDirectory(prefix="foresight-bench-") as place:
        copy = Path(place) / "project"
        shutil.copytree(folder, copy)
        project = open_project(copy, write=True)
        finished = [row.id for row in project.runs.page() if row.status is RunState.FINISHED]
        if run_id is None and not finished:
            raise ValueError(f"No run in {folder} has finished; name a project with one that has.")
        told = min(finished) if run_id is None else run_id
        name = project.runs.get(told).name
        pilot = MemoryPilot(copy, told, read_recording(project, told), extent)
        pilot.fly(project)
    first, last = (resident(pilot.readings, until) for until in (extent.warm_up, extent.seconds))
    return MemoryBenchmark(
        run=name,
        speed=extent.speed,
        events=pilot.events,
        told=pilot.told,
        first=first,
        last=last,
        growth=last / first - 1,
        readings=pilot.readings,
        machine=machine,
    )


def resident(readings: Sequence[Reading], until: float) -> float:
    """Median of the readings in the last seconds before a moment, else of the nearest one, in MiB."""
    near = [each.resident for each in readings if until - JUDGED <= each.seconds <= until]
    return median(near or [min(readings, key=lambda each: abs(each.seconds - until)).resident])


# ---- command line ---------------------------------------------------------------------------------------------------


def format_table(result: MemoryBenchmark) -> str:
    """For people."""
    lines = [
        f"{result.run}, told {result.speed:g} times as fast: {result.events:,} events of {result.told:,.0f} s.",
        "",
        f"{'after s':>10}{'resident MiB':>16}",
    ]
    shown = max(1, len(result.readings) // 12)
    lines += [f"{each.seconds:10.0f}{each.resident:16.1f}" for each in result.readings[shown - 1 :: shown]]
    lines += ["", f"{result.first:.1f} MiB after the warm-up, {result.last:.1f} MiB at the end: {result.growth:+.1%}."]
    return "\n".join([*lines, str(result.machine)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure as the command line says; the exit code."""
    parser = argparse.ArgumentParser(prog="foresight bench memory", description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--from", type=Path, default=DEMO, metavar="DIR", help="project to watch a copy of (the demo)")
    parser.add_argument("--run", type=int, metavar="ID", help="the run to tell (default: the first that has finished)")
    for name, text in (
        ("seconds", "of watching"),
        ("warm_up", "of these that do not count"),
        ("speed", "recorded seconds told in a second"),
    ):
        usual = getattr(Extent, name)
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=float, default=usual, metavar="N", help=f"{text} (default: {usual:g})")
    given: dict[str, Any] = vars(parser.parse_args(arguments))
    as_json, folder, run_id = given.pop("json"), given.pop("from"), given.pop("run")
    try:
        result = measure_memory(folder, run_id, Extent(**given))
    except (RuntimeError, StorageError, OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write((json.dumps(asdict(result), indent=1) if as_json else format_table(result)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
