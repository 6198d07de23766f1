"""``foresight bench update``: one gradient update of ALM beside the floor of its matrix products and the authors' code.

Ours is timed each way that it can be computed on the device (operator by operator, compiled, as a CUDA graph), in each
precision that is asked for; floor and authors' code are in the same one. All are timed in turns in one run, so that a
busy machine slows them alike; ratios are medians over the rounds. On a CPU with one thread the CPU's time is what
counts, since wall time would also tell what else the machine had to do.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from workbench.benchmarks.alm_update import AlmUpdate
from workbench.benchmarks.floor import SIZES, Floor, Sizes, products
from workbench.benchmarks.peer import Peer, PeerProblem
from workbench.benchmarks.timing import Timed, Timing, in_turns, ratio_of, timed, timing_of
from workbench.engine.acceleration import choose_mode, own_stream
from workbench.engine.devices import resolve_device
from workbench.engine.precision import Precision, PrecisionClaim, resolve_precision
from workbench.engine.processor import MatmulRoute, prepare_cpu, use_threads
from workbench.engine.provenance import processor
from workbench.settings import SettingsError
from workbench.spec import EngineSettings

#: updates that are timed as one on a GPU: it is never waited for in between, as in training
GPU_UPDATES = 20

@dataclass(frozen=True)
class Measured:
    """One precision's figures. Ratios are medians over rounds."""

    precision: Precision
    rounds: int
    #: by the way of computing: ``eager``, ``compile``, ``graph``; the device's own way comes first
    updates: dict[str, Timing]
    floor: Timing
    peer: Timing | None
    #: time of an update over the floor's, and of the authors' over ours, by the way of computing
    update_per_floor: dict[str, float]
    peer_per_update: dict[str, float]
    #: why a way of computing is not there
    missing: dict[str, str]

    def document(self) -> dict[str, Any]:
        """As JSON; times in milliseconds."""
        return {
            "precision": self.precision,
            "rounds": self.rounds,
            "updates": {
                name: {
                    **asdict(timing),
                    "per_floor": self.update_per_floor[name],
                    "peer_per_update": self.peer_per_update.get(name),
                }
                for name, timing in self.updates.items()
            },
            "floor": asdict(self.floor),
            "peer": asdict(self.peer) if self.peer else None,
            "missing": self.missing,
        }


@dataclass(frozen=True)
class UpdateBenchmark:
    """What was measured, and where. ``peer`` and what belongs to it is None without a checkout of the authors' code."""

    sizes_name: str
    sizes: Sizes
    device: str
    device_name: str
    threads: int
    #: which time counts: ``cpu`` on a CPU with one thread, else ``wall``
    clock: str
    #: the device's own precision comes first
    measured: tuple[Measured, ...]
    floor_flops: int
    peer_flops: int | None
    matmul: MatmulRoute
    torch_version: str
    processor: str

    @property
    def first(self) -> Measured:
        """The figures that stand for all: those of the first precision."""
        return self.measured[0]

    @property
    def acceleration(self) -> str:
        """The way of computing that stands for all: the device's own."""
        return next(iter(self.first.updates))

    def document(self) -> dict[str, Any]:
        """As JSON; times in milliseconds by ``clock``. What is not under ``measured`` is of the first precision."""
        first, way = self.first, self.acceleration
        timings = {"update": first.updates[way], "floor": first.floor, "peer": first.peer}
        return {
            "ms_per_update": first.updates[way].median,
            "floor_ms": first.floor.median,
            "peer_ms": first.peer.median if first.peer else None,
            "update_per_floor": first.update_per_floor[way],
            "peer_per_update": first.peer_per_update.get(way),
            "clock": self.clock,
            "quartiles_ms": {name: timing.quartiles if timing else None for name, timing in timings.items()},
            "wall_ms": {name: timing.wall if timing else None for name, timing in timings.items()},
            "rounds": first.rounds,
            "floor_gflop": self.floor_flops / 1e9,
            "peer_gflop": self.peer_flops / 1e9 if self.peer_flops else None,
            "device": self.device,
            "device_name": self.device_name,
            "threads": self.threads,
            "precision": first.precision,
            "acceleration": way,
            "measured": [each.document() for each in self.measured],
            "sizes": {"name": self.sizes_name, **asdict(self.sizes)},
            "matmul": asdict(self.matmul),
            "torch": self.torch_version,
            "processor": self.processor,
        }


@dataclass(frozen=True)
class Wanted:
    """What is to be measured.

    Args:
        sizes: a key of ``SIZES``.
        threads: intra-op threads of each.
        peer: a checkout of the authors' code, or None.
        device: ``auto``, ``cpu`` or ``cuda:N``.
        precisions: of ``fp32``, ``tf32``, ``bf16``; none: the device's own, and on a GPU fp32 beside.
        modes: of ``eager``, ``compile``, ``graph``; none: the device's own, and eager beside.
        seconds: when to stop, preparation but for compiling included; a slow machine makes its least number of rounds.
    """

    sizes: str = "paper"
    threads: int = 1
    peer: Path | None = None
    device: str = "cpu"
    precisions: Sequence[str] = ()
    modes: Sequence[str] = ()
    seconds: float = 22.0
    place: torch.device = field(init=False)

    def __post_init__(self) -> None:
        place = resolve_device(self.device)
        own = resolve_precision("auto", place)
        precisions = self.precisions or ([own, "fp32"] if own != "fp32" else [own])
        modes = self.modes or [choose_mode("auto", place), "eager"]
        object.__setattr__(self, "place", place)
        object.__setattr__(self, "precisions", [resolve_precision(each, place) for each in dict.fromkeys(precisions)])
        object.__setattr__(self, "modes", list(dict.fromkeys(modes)))


def run_update_benchmark(wanted: Wanted) -> UpdateBenchmark:
    """Measure.

    Raises:
        PeerProblem: the authors' code could not be run.
        SettingsError: there is no such device here, or it does not have that precision.
    """
    # In a thread, like a session: what it sets for itself ends with it.
    with ThreadPoolExecutor(1, thread_name_prefix="bench update") as pool:
        return pool.submit(_measure_all, wanted).result()


def _measure_all(wanted: Wanted) -> UpdateBenchmark:
    shape, place = SIZES[wanted.sizes], wanted.place
    matmul = prepare_cpu()
    use_threads(wanted.threads)
    seconds = wanted.seconds / len(wanted.precisions)
    with own_stream(place):
        found = [_measure(wanted, resolve_precision(each, place), seconds) for each in wanted.precisions]
    return UpdateBenchmark(
        sizes_name=wanted.sizes,
        sizes=shape,
        device=str(place),
        device_name=torch.cuda.get_device_name(place) if place.type == "cuda" else processor(),
        threads=wanted.threads,
        clock="cpu" if _cpu_counts(wanted) else "wall",
        measured=tuple(measured for measured, _ in found),
        floor_flops=sum(product.flops for product in products(shape)),
        peer_flops=found[0][1],
        matmul=matmul,
        torch_version=torch.__version__,
        processor=processor(),
    )


def _cpu_counts(wanted: Wanted) -> bool:
    return wanted.threads == 1 and wanted.place.type == "cpu"


def _measure(wanted: Wanted, precision: Precision, seconds: float) -> tuple[Measured, int | None]:
    """One precision's figures, and the floating-point operations of the authors' update."""
    end = time.perf_counter() + seconds
    shape, place = SIZES[wanted.sizes], wanted.place
    repeat = GPU_UPDATES if place.type == "cuda" else 1
    updates: dict[str, Timed] = {}
    missing: dict[str, str] = {}
    peer_flops = None
    with ExitStack() as stack:
        theirs = None
        if wanted.peer:
            theirs = stack.enter_context(Peer(wanted.peer, shape, wanted.threads, str(place), precision, repeat))
        stack.enter_context(PrecisionClaim(precision, place))
        for mode in wanted.modes:
            work = AlmUpdate(shape, place, EngineSettings(acceleration=mode, precision=precision))
            work()
            if work.group.reason is None:
                updates[mode] = timed(work, place, repeat)
            else:
                missing[mode] = work.group.reason
        if not updates:
            eager = AlmUpdate(shape, place, EngineSettings(acceleration="eager", precision=precision))
            updates["eager"] = timed(eager, place, repeat)
        ways = tuple(updates)
        updates["floor"] = timed(Floor(products(shape), place, precision).ready(), place, repeat)
        if theirs is not None:
            peer_flops, updates["peer"] = theirs.wait(), theirs.update
        if "compile" in wanted.modes:
            end = time.perf_counter() + seconds
        walls, cpus = in_turns(updates, end)
    times = cpus if _cpu_counts(wanted) else walls
    timings = {name: timing_of(times[name], walls[name]) for name in updates}
    measured = Measured(
        precision=precision,
        rounds=len(walls["floor"]),
        updates={name: timings[name] for name in ways},
        floor=timings["floor"],
        peer=timings.get("peer"),
        update_per_floor={name: ratio_of(times[name], times["floor"]) for name in ways},
        peer_per_update={name: ratio_of(times["peer"], times[name]) for name in ways if theirs},
        missing=missing,
    )
    return measured, peer_flops


# ---- command line ---------------------------------------------------------------------------------------------------

_WAYS = {"eager": "update, eager", "compile": "update, compiled", "graph": "update, CUDA graph"}


def format_table(result: UpdateBenchmark) -> str:
    """For people."""
    s = result.sizes
    lines = [
        f"ALM({s.rollout_length}) update, {result.sizes_name} sizes: batch {s.batch}, latent {s.latent}, "
        f"widths {s.hidden} and {s.model_hidden}, {s.observation} observations, {s.action} actions",
        "",
        f"{'':34}{'CPU ms' if result.clock == 'cpu' else 'ms':>9}{'quartiles':>18}{'wall ms':>9}"
        f"{'x floor':>9}{'x peer':>8}",
    ]
    for each in result.measured:
        lines += _rows(each, result)
    lines.append("")
    lines += [f"{_WAYS[name]}: {why}" for each in result.measured for name, why in each.missing.items()]
    way, first = result.acceleration, result.first
    lines.append(f"The update takes {first.update_per_floor[way]:.2f} times the floor.")
    if way in first.peer_per_update:
        lines.append(f"It is {first.peer_per_update[way]:.2f} times as fast as the authors' code.")
    plural = "s" if result.threads > 1 else ""
    lines.append(
        f"{first.rounds} rounds on {result.device} ({result.device_name}), {result.threads} thread{plural}, "
        f"torch {result.torch_version}"
    )
    lines.append(f"Matrix products on the CPU: {result.matmul}")
    return "\n".join(lines)


def _rows(measured: Measured, result: UpdateBenchmark) -> list[str]:
    rows: dict[str, Timing] = {_WAYS[name]: timing for name, timing in measured.updates.items()}
    ratios = {
        _WAYS[name]: (measured.update_per_floor[name], measured.peer_per_update.get(name)) for name in measured.updates
    }
    rows[f"floor, {result.floor_flops / 1e9:.1f} GFLOP"] = measured.floor
    if measured.peer is not None and result.peer_flops is not None:
        rows[f"authors' code, {result.peer_flops / 1e9:.1f} GFLOP"] = measured.peer
    lines = []
    for name, timing in rows.items():
        low, high = timing.quartiles
        floor, peer = ratios.get(name, (None, None))
        line = f"{f'{name}, {measured.precision}':34}{_ms(timing.median):>9}{f'{_ms(low)} - {_ms(high)}':>18}"
        line += f"{_ms(timing.wall):>9}" + (f"{floor:9.2f}" if floor else "") + (f"{peer:8.2f}" if peer else "")
        lines.append(line)
    return lines


def _ms(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--peer", type=_checkout, metavar="DIR", help="a checkout of the authors' code, timed beside")
    parser.add_argument("--sizes", choices=tuple(SIZES), default="paper", help="widths and batch (default: paper)")
    parser.add_argument("--threads", type=_at_least_one, default=1, metavar="N", help="intra-op threads (default: 1)")
    where = "auto, cpu or cuda:0 (default: auto, a GPU if there is one)"
    parser.add_argument("--device", default="auto", help=where)
    precisions, modes = ("fp32", "tf32", "bf16"), ("eager", "compile", "graph")
    own = "default: the device's own"
    parser.add_argument("--precision", nargs="+", choices=precisions, default=(), help=f"{own}, on a GPU fp32 beside")
    ways = f"{own}, and eager; compile takes minutes at first"
    parser.add_argument("--mode", nargs="+", choices=modes, default=(), help=ways)


def _checkout(text: str) -> Path:
    if not (Path(text) / "agents" / "alm.py").is_file():
        raise argparse.ArgumentTypeError(f"{text} has no agents/alm.py; expected a checkout of RajGhugare19/alm")
    return Path(text)


def _at_least_one(text: str) -> int:
    number = int(text) if text.strip().isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid; expected a whole number of at least 1")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Measure and show; the exit code."""
    given = arguments
    try:
        result = run_update_benchmark(
            Wanted(given.sizes, given.threads, given.peer, given.device, given.precision, given.mode)
        )
    except SettingsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except PeerProblem as problem:
        sys.stderr.write(f"error: {problem}\n")
        return 1
    sys.stdout.write((json.dumps(result.document(), indent=1) if arguments.json else format_table(result)) + "\n")
    return 0


def main(arguments: list[str]) -> int:
    """Measure as the command line's ``arguments`` say; the exit code."""
    parser = argparse.ArgumentParser(prog="foresight bench update", allow_abbrev=False)
    configure(parser)
    return run(parser.parse_args(arguments))
