"""``foresight bench storage``: scalars per second from several sessions, the run table, and one very long metric.

It works on a project of its own, which is removed at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from storage import NewRun, Project, RunFilter, RunState, open_project, reduce_min_max
from workbench.benchmarks.machine import Machine, describe_machine
from workbench.presets import find_preset

#: sessions that log, and how many scalars each offers per second: more than the target of 20,000 together
SESSIONS, RATE = 4, 6_000
#: metrics of one session, and seconds between two looks at its clock
METRICS, TICK = 20, 0.005
#: how often each look at the run table, and the long metric, is repeated
REPEATS = 15
#: lines on the table's first page
PAGE = 100
#: columns that a plot reduces a long metric to
COLUMNS = 2_000


@dataclass(frozen=True)
class Extent:
    """How much is measured: seconds of logging, runs in the table, points of the long metric."""

    seconds: float = 4.0
    runs: int = 2_000
    points: int = 1_000_000


@dataclass(frozen=True)
class Logging:
    """Sessions that append single scalars at a steady rate.

    Rates are scalars per second of all sessions together: ``offered`` while they ran, ``written`` until the last one
    was committed. ``stored`` says that every one was found again. Waits are the milliseconds that one call of
    ``append`` took. ``cpu_share`` is the part of one core that all of it needed.
    """

    sessions: int
    seconds: float
    scalars: int
    stored: bool
    offered: float
    written: float
    wait_p99_ms: float
    longest_wait_ms: float
    cpu_share: float


@dataclass(frozen=True)
class Looks:
    """Milliseconds of one way to look at something, repeated: the median and the worst."""

    median_ms: float
    worst_ms: float


@dataclass(frozen=True)
class LongMetric:
    """Milliseconds to read all points of one metric, and to reduce them for a plot; ``write_seconds`` to store them."""

    points: int
    write_seconds: float
    read: Looks
    reduce: Looks


@dataclass(frozen=True)
class StorageBenchmark:
    """What was measured, and where. ``flat_out`` is the rate of sessions that append as fast as they can."""

    steady: Logging
    flat_out: Logging
    runs: int
    page: dict[str, Looks]
    sort: dict[str, Looks]
    filter: dict[str, Looks]
    long_metric: LongMetric
    machine: Machine

    def document(self) -> dict[str, Any]:
        """As JSON."""
        table = {name: getattr(self, name) for name in ("page", "sort", "filter")}
        slowest = {f"{name}_ms": max(look.median_ms for look in looks.values()) for name, looks in table.items()}
        return {
            "scalars_per_second": self.steady.written,
            "longest_wait_ms": self.steady.longest_wait_ms,
            **slowest,
            "read_ms": self.long_metric.read.median_ms,
            "steady": asdict(self.steady),
            "flat_out": asdict(self.flat_out),
            "table": {"runs": self.runs}
            | {name: {what: asdict(look) for what, look in looks.items()} for name, looks in table.items()},
            "long_metric": asdict(self.long_metric),
            "machine": asdict(self.machine),
        }


def run_storage_benchmark(extent: Extent = Extent(), folder: Path | None = None) -> StorageBenchmark:
    """Measure in a project inside ``folder`` (None: the system's temporary folder). Raises storage.StorageError."""
    machine = describe_machine()
    with (
        tempfile.TemporaryDirectory(prefix="foresight-bench-", dir=folder) as place,
        open_project(Path(place) / "project", write=True) as project,
    ):
        runs = make_runs(project, extent.runs)
        page, sort, filter = look_at_table(project)
        return StorageBenchmark(
            steady=log_scalars(project, runs[:SESSIONS], extent.seconds, RATE),
            flat_out=log_scalars(project, runs[SESSIONS : 2 * SESSIONS], extent.seconds / 2, None),
            runs=len(runs),
            page=page,
            sort=sort,
            filter=filter,
            long_metric=write_and_read(project, runs[-1], extent.points),
            machine=machine,
        )


# ---- logging --------------------------------------------------------------------------------------------------------


def log_scalars(project: Project, runs: list[int], seconds: float, rate: float | None) -> Logging:
    """One session per run in a thread of its own, each appending ``rate`` scalars per second (None: all it can)."""
    waits: list[list[float]] = [[] for _ in runs]
    end = threading.Event()
    threads = [
        threading.Thread(target=_session, args=(project, run, rate, end, own), name=f"bench session {run}")
        for run, own in zip(runs, waits, strict=True)
    ]
    begin, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    end.set()
    for thread in threads:
        thread.join()
    offered_in = time.perf_counter() - begin
    project.writer.flush()
    written_in, used = time.perf_counter() - begin, time.process_time() - cpu
    scalars = sum(map(len, waits))
    found = sum(len(project.series.read(run, metric)) for run in runs for metric in project.series.metrics(run))
    every = sorted(wait for own in waits for wait in own)
    return Logging(
        sessions=len(runs),
        seconds=offered_in,
        scalars=scalars,
        stored=found == scalars,
        offered=scalars / offered_in,
        written=scalars / written_in,
        wait_p99_ms=1e3 * every[int(0.99 * len(every))],
        longest_wait_ms=1e3 * every[-1],
        cpu_share=used / written_in,
    )


def _session(project: Project, run: int, rate: float | None, end: threading.Event, waits: list[float]) -> None:
    """Append one scalar after the other, as many as are due, and note how long each call took."""
    names = [f"loss/{number}" for number in range(METRICS)]
    begin = time.perf_counter()
    while True:
        due = 0 if rate is None else int(rate * (time.perf_counter() - begin))
        for _ in range(max(METRICS, due - len(waits))):
            step, metric = divmod(len(waits), METRICS)
            before = time.perf_counter()
            project.series.append(run, names[metric], step, step, before - begin, time.time(), 0.5)
            waits.append(time.perf_counter() - before)
        if end.is_set():
            return
        if rate is not None:
            time.sleep(TICK)


# ---- run table ------------------------------------------------------------------------------------------------------


def make_runs(project: Project, count: int) -> list[int]:
    """Finished runs in groups of four seeds, with specs as long as real ones, tags, steps and returns."""
    spec = find_preset("alm-quick").spec()
    environments = ("HalfCheetah-v5", "Ant-v5", "Hopper-v5", "Walker2d-v5", "Humanoid-v5")
    documents = [spec.changed({"rollout_length": 1 + number}).to_json() for number in range(5)]
    groups: list[int] = []
    generator = np.random.default_rng(1)
    returns = generator.normal(1000.0, 400.0, count)

    def make(number: int) -> int:
        environment = environments[number // 4 % 5]
        new = NewRun(
            name=f"rollout {number // 4 % 7} {environment} seed {number % 4}",
            agent=spec.agent,
            environment=environment,
            seed=number % 4,
            device="cpu",
            precision="fp32",
            spec=documents[number // 4 % 5] | {"environment": environment, "seeds": [number % 4]},
            content_hash=f"{number // 4:064x}",
            total_steps=12_000,
            group_id=groups[number // 4],
            preset="alm-quick",
        )
        run = project.runs.create(new)
        if number % 10 == 0:
            project.runs.set_tags(run, ["baseline"])
        project.runs.change_state(run, RunState.RUNNING)
        value = float(returns[number])
        project.runs.heartbeat(run, 12_000, 11_000, 300.0, value, value + 50.0, 40.0, 40.0, 15.0)
        project.runs.change_state(run, RunState.FINISHED)
        return run

    # Many at a time, because each waits for its commit.
    with ThreadPoolExecutor(32) as pool:
        groups += pool.map(lambda number: project.runs.create_group(f"group {number}"), range((count + 3) // 4))
        return list(pool.map(make, range(count)))


def look_at_table(project: Project) -> tuple[dict[str, Looks], dict[str, Looks], dict[str, Looks]]:
    """The table's first page as the window asks for it, in several orders, and through several filters."""
    runs = project.runs

    def lines(sort: str = "started", filter: RunFilter | None = None, *, folded: bool = True) -> Callable[[], object]:
        return lambda: runs.lines(filter, [(sort, "desc")], PAGE, folded=folded)

    def filtered(filter: RunFilter) -> Callable[[], object]:
        return lambda: (runs.lines(filter, [("started", "desc")], PAGE), runs.count(filter))

    expression = "settings.rollout_length = 3 and best > 1200 and not tag = baseline"
    page = {"folded": lines(), "unfolded": lines(folded=False)}
    sort = {name: lines(name) for name in ("name", "best_return", "step", "status")}
    filter = {
        "text": filtered(RunFilter(text="walker seed 3")),
        "expression": filtered(RunFilter(expression=expression)),
        "state": filtered(RunFilter(statuses=(RunState.FINISHED,))),
    }
    measured = [{name: look(act) for name, act in acts.items()} for acts in (page, sort, filter)]
    return measured[0], measured[1], measured[2]


def look(act: Callable[[], object]) -> Looks:
    """``act``, repeated; the first time does not count."""
    times = []
    for _ in range(REPEATS + 1):
        begin = time.perf_counter()
        act()
        times.append(1e3 * (time.perf_counter() - begin))
    return Looks(median(times[1:]), max(times[1:]))


# ---- a long metric --------------------------------------------------------------------------------------------------


def write_and_read(project: Project, run: int, points: int) -> LongMetric:
    """Store a metric of this many points, then read it whole."""
    metric, batch = "loss/critic", 1_000
    values = np.random.default_rng(2).normal(size=points).cumsum()
    begin = time.perf_counter()
    for start in range(0, points, batch):
        rows = [(metric, at, at, 0.01 * at, 0.01 * at, values[at]) for at in range(start, min(start + batch, points))]
        project.series.append_many(run, rows)
        if start % (50 * batch) == 0:
            project.writer.flush()  # so that no more than this lies in memory
    project.writer.flush()
    seconds = time.perf_counter() - begin
    data = project.series.read(run, metric)
    return LongMetric(
        points=len(data),
        write_seconds=seconds,
        read=look(lambda: project.series.read(run, metric)),
        reduce=look(lambda: reduce_min_max(data.step.astype(float), data.value, COLUMNS)),
    )


# ---- command line ---------------------------------------------------------------------------------------------------


def format_table(result: StorageBenchmark) -> str:
    """For people."""
    steady, metric = result.steady, result.long_metric
    sentences = [
        f"{steady.sessions} sessions offered {steady.offered:,.0f} scalars per second for {steady.seconds:.1f} s; "
        f"{steady.written:,.0f} per second were written, {'none' if steady.stored else 'SOME'} lost.",
        f"The longest wait of a session was {steady.longest_wait_ms:.1f} ms, 99 % waited less than "
        f"{steady.wait_p99_ms:.2f} ms; all of it needed {steady.cpu_share:.0%} of a core.",
        f"As fast as they can: {result.flat_out.written:,.0f} scalars per second.",
        "",
        f"{f'run table, {result.runs:,} runs':34}{'median ms':>10}{'worst ms':>10}",
    ]
    looks = {"first page": result.page, "sorted by": result.sort, "filtered by": result.filter}
    named = [(f"{what}, {name}", each) for what, group in looks.items() for name, each in group.items()]
    named += [(f"{metric.points:,} points, read", metric.read), ("  reduced for a plot", metric.reduce)]
    sentences += [f"{name:34}{each.median_ms:10.1f}{each.worst_ms:10.1f}" for name, each in named]
    sentences += ["", str(result.machine)]
    return "\n".join(sentences)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    usual = Extent()
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help=f"of logging (default: {usual.seconds:g})")
    runs, points = f"in the run table (default: {usual.runs})", f"of the long metric (default: {usual.points})"
    parser.add_argument("--runs", type=_enough_runs, default=usual.runs, metavar="N", help=runs)
    parser.add_argument("--points", type=int, default=usual.points, metavar="N", help=points)
    parser.add_argument("--folder", type=Path, metavar="DIR", help="on the disk to measure (default: temporary files)")


def _enough_runs(text: str) -> int:
    if int(text) < 2 * SESSIONS:
        raise argparse.ArgumentTypeError(f"{text} is out of range; expected at least {2 * SESSIONS}")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Measure and show; the exit code."""
    extent = Extent(seconds=arguments.seconds, runs=arguments.runs, points=arguments.points)
    result = run_storage_benchmark(extent, arguments.folder)
    sys.stdout.write((json.dumps(result.document(), indent=1) if arguments.json else format_table(result)) + "\n")
    return 0
