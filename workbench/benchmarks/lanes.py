"""``foresight bench lanes``: one lockstep update of several seeds of ALM beside that of one, and what bounds both.

Beside each stand two floors: the matrix products of all lanes one after the other, as parallel branches of a graph
have them, and stacked, each product one batched product over the lanes, which is the most that vmapped parameters
could gain; then a gradient step vmapped over the lanes against one lane after the other. Launches are what the host
starts: kernels and graphs on a GPU, operators on a CPU. All are timed in turns; ratios are medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from workbench.benchmarks.alm_update import filled_replay, make_agent
from workbench.benchmarks.floor import SIZES, Floor, Sizes, products
from workbench.benchmarks.machine import Machine, describe_machine
from workbench.benchmarks.stacked import Stacking, launches_of, measure_stacking
from workbench.benchmarks.stepping import Stepping, measure_stepping
from workbench.benchmarks.timing import Timed, Timing, in_turns, ratio_of, timed, timing_of
from workbench.engine.acceleration import GroupUpdate, own_stream
from workbench.engine.devices import resolve_device
from workbench.engine.precision import PrecisionClaim, resolve_precision
from workbench.engine.processor import MatmulRoute, prepare_cpu, use_threads
from workbench.settings import SettingsError
from workbench.spec import EngineSettings

#: lanes that are measured; the first is what the others are compared with
LANES = (1, 2, 5)
#: for what is measured beside: stacked parameters, and steps of each task
BESIDE_SECONDS = 3.0
#: updates that are timed as one on a GPU, which is waited for at their end
GPU_UPDATES = 20
#: what the host calls to start work on a GPU, as the profiler names it
_GPU_LAUNCHES = ("cudaLaunchKernel", "cuLaunchKernel", "cudaGraphLaunch", "cudaMemcpyAsync", "cudaMemsetAsync")


@dataclass(frozen=True)
class LanesMeasured:
    """So many lanes: milliseconds per lockstep update by the clock that counts, and per lane's floors."""

    lanes: int
    #: how the updates were computed, and why not as asked for
    mode: str
    reason: str | None
    update: Timing
    floor: Timing
    stacked_floor: Timing
    #: time of a lockstep update over that of one lane, and over the floor of all lanes
    per_one: float
    per_floor: float
    launches: int

    @property
    def per_lane(self) -> float:
        """Milliseconds per update of one lane."""
        return self.update.median / self.lanes


@dataclass(frozen=True)
class LanesBenchmark:
    """What was measured, and where."""

    sizes_name: str
    sizes: Sizes
    device: str
    device_name: str
    threads: int
    precision: str
    #: which time counts: ``cpu`` on a CPU with one thread, else ``wall``
    clock: str
    rounds: int
    measured: tuple[LanesMeasured, ...]
    #: one gradient step of encoder and model, vmapped over the most lanes, on the CPU
    stacking: Stacking
    stepping: tuple[Stepping, ...]
    matmul: MatmulRoute
    torch_version: str
    machine: Machine

    def document(self) -> dict[str, Any]:
        """As JSON; times in milliseconds by ``clock``, those of environment steps by wall time."""
        one = self.measured[0]
        lanes = [
            {
                **asdict(each),
                "ms_per_lockstep_update": each.update.median,
                "ms_per_lane_update": each.per_lane,
                "launches_per_one": each.launches / one.launches,
            }
            for each in self.measured
        ]
        return {
            "lanes": lanes,
            "stacking": asdict(self.stacking),
            "stepping": [asdict(each) for each in self.stepping],
            "sizes": {"name": self.sizes_name, **asdict(self.sizes)},
            "device": self.device,
            "device_name": self.device_name,
            "threads": self.threads,
            "precision": self.precision,
            "clock": self.clock,
            "rounds": self.rounds,
            "matmul": asdict(self.matmul),
            "torch": self.torch_version,
            "machine": asdict(self.machine),
        }


class LockstepUpdate:
    """One update of each of so many agents with the authors' defaults, from filled replays, at each call."""

    def __init__(self, lanes: int, sizes: Sizes, device: torch.device, engine: EngineSettings) -> None:
        self._agents = [make_agent(sizes, device) for _ in range(lanes)]
        self._replays = [filled_replay(agent, sizes, device) for agent in self._agents]
        self.group = GroupUpdate(self._agents, engine, device)

    def __call__(self) -> object:
        return self.group([agent.gather(replay, 1) for agent, replay in zip(self._agents, self._replays, strict=True)])


def run_lanes_benchmark(
    sizes: Sizes,
    lanes: Sequence[int] = LANES,
    device: str = "auto",
    threads: int = 1,
    engine: EngineSettings | None = None,
    seconds: float = 30.0,
    name: str = "",
) -> LanesBenchmark:
    """Measure for about ``seconds``, preparation not included; a slow machine makes its least number of rounds.

    Args:
        sizes: of the networks and batches; ``name`` is what they are called.
        lanes: how many at once, one after the other; what the others are compared with comes first.
        device: ``auto``, ``cpu`` or ``cuda:N``.
        threads: intra-op threads.
        engine: how updates are computed, and in which precision; None: the device's own ways.
        seconds: when to stop.
        name: see ``sizes``.

    Raises:
        SettingsError: there is no such device here, or it does not have that precision.
    """
    place, chosen = resolve_device(device), engine or EngineSettings()
    precision = resolve_precision(chosen.precision, place)
    machine = describe_machine()

    def measure() -> LanesBenchmark:
        matmul = prepare_cpu(chosen.matmul)
        use_threads(threads)
        with own_stream(place), PrecisionClaim(precision, place):
            rounds, measured = _measure(sizes, lanes, place, threads, chosen, seconds)
        return LanesBenchmark(
            sizes_name=name,
            sizes=sizes,
            device=str(place),
            device_name=torch.cuda.get_device_name(place) if place.type == "cuda" else machine.processor,
            threads=threads,
            precision=precision,
            clock="cpu" if threads == 1 and place.type == "cpu" else "wall",
            rounds=rounds,
            measured=measured,
            stacking=measure_stacking(sizes, max(lanes), min(seconds, BESIDE_SECONDS)),
            stepping=measure_stepping(max(lanes), min(seconds, BESIDE_SECONDS)),
            matmul=matmul,
            torch_version=torch.__version__,
            machine=machine,
        )

    # In a thread, like a session: what it sets for itself ends with it.
    with ThreadPoolExecutor(1, thread_name_prefix="bench lanes") as pool:
        return pool.submit(measure).result()


def _measure(
    sizes: Sizes, lanes: Sequence[int], place: torch.device, threads: int, engine: EngineSettings, seconds: float
) -> tuple[int, tuple[LanesMeasured, ...]]:
    """The rounds that were made, and each number of lanes."""
    precision, repeat = resolve_precision(engine.precision, place), GPU_UPDATES if place.type == "cuda" else 1
    updates = {count: LockstepUpdate(count, sizes, place, engine) for count in lanes}
    works: dict[str, Timed] = {}
    for count, update in updates.items():
        update()  # compiles or captures
        one = list(products(sizes))
        stacked = [replace(product, members=product.members * count) for product in one]
        works[f"update {count}"] = timed(update, place, repeat)
        works[f"floor {count}"] = timed(Floor(one * count, place, precision).ready(), place, repeat)
        works[f"stacked {count}"] = timed(Floor(stacked, place, precision).ready(), place, repeat)
    walls, cpus = in_turns(works, time.perf_counter() + seconds)
    times = cpus if threads == 1 and place.type == "cpu" else walls
    timings = {name: timing_of(times[name], walls[name]) for name in works}
    measured = tuple(
        LanesMeasured(
            lanes=count,
            mode=update.group.mode,
            reason=update.group.reason,
            update=timings[f"update {count}"],
            floor=timings[f"floor {count}"],
            stacked_floor=timings[f"stacked {count}"],
            per_one=ratio_of(times[f"update {count}"], times[f"update {lanes[0]}"]),
            per_floor=ratio_of(times[f"update {count}"], times[f"floor {count}"]),
            launches=count_launches(update, place),
        )
        for count, update in updates.items()
    )
    return len(walls[f"update {lanes[0]}"]), measured


# ---- launches -------------------------------------------------------------------------------------------------------


def count_launches(work: Callable[[], object], device: torch.device) -> int:
    """What the host starts for ``work``: kernels, copies and graphs on a GPU, operators that compute on a CPU."""
    if device.type != "cuda":
        return launches_of(work)
    torch.cuda.synchronize(device)
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profiler:
        work()
        torch.cuda.synchronize(device)
    launched: int = sum(event.count for event in profiler.key_averages() if event.key.startswith(_GPU_LAUNCHES))
    return launched


# ---- command line ---------------------------------------------------------------------------------------------------


def format_table(result: LanesBenchmark) -> str:
    """For people."""
    s, one = result.sizes, result.measured[0]
    launches = "launches" if result.device.startswith("cuda") else "operators"
    lines = [
        f"ALM({s.rollout_length}) in lockstep, {result.sizes_name} sizes: batch {s.batch}, latent {s.latent}, "
        f"widths {s.hidden} and {s.model_hidden}; {'CPU ms' if result.clock == 'cpu' else 'ms'} per lockstep update",
        "",
        f"{'lanes':>5}{'update':>10}{'quartiles':>18}{'per lane':>10}{'x one':>7}{'floor':>9}{'x floor':>9}"
        f"{'stacked':>9}{launches:>11}{'x one':>7}",
    ]
    for each in result.measured:
        low, high = each.update.quartiles
        lines.append(
            f"{each.lanes:5}{_ms(each.update.median):>10}{f'{_ms(low)} - {_ms(high)}':>18}{_ms(each.per_lane):>10}"
            f"{each.per_one:7.2f}{_ms(each.floor.median):>9}{each.per_floor:9.2f}{_ms(each.stacked_floor.median):>9}"
            f"{each.launches:11,}{each.launches / one.launches:7.2f}"
        )
    lines += [
        "",
        "floor: the matrix products of all lanes, one after the other; stacked: each of them batched over the lanes.",
        *(f"{each.lanes} lanes: {each.reason}" for each in result.measured if each.reason),
        f"Updates are computed as: {one.mode}, {result.precision}.",
        "",
        *_stacking_lines(result.stacking),
        "",
        f"Environment steps of {result.stepping[0].lanes} lanes, ms for one each, median and quartiles:",
    ]
    lines += [
        f"  {step.environment:16}one after the other {_spread(step.in_turn)}, in threads {_spread(step.threads)}"
        for step in result.stepping
    ]
    plural = "s" if result.threads > 1 else ""
    lines += [
        "",
        f"{result.rounds} rounds on {result.device} ({result.device_name}), {result.threads} thread{plural}, "
        f"torch {result.torch_version}",
        f"Machine: {result.machine}",
        f"Matrix products on the CPU: {result.matmul}",
    ]
    return "\n".join(lines)


def _stacking_lines(found: Stacking) -> list[str]:
    return [
        f"A gradient step of encoder and model for {found.lanes} lanes on the CPU, ms and operators launched:",
        f"  {'vmapped':16}{_spread(found.stacked)}, {found.stacked_launches:,} operators",
        f"  {'one by one':16}{_spread(found.looped)}, {found.looped_launches:,}, of which one lane "
        f"{found.single_launches:,}",
        f"  Vmapped is {found.gain:.2f} times as fast; parameters differ by {found.largest_difference:.0e} afterwards.",
    ]


def _spread(timing: Timing) -> str:
    low, high = timing.quartiles
    return f"{timing.median:.3f} ({low:.3f} - {high:.3f})"


def _ms(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--sizes", choices=tuple(SIZES), default="paper", help="widths and batch (default: paper)")
    parser.add_argument("--lanes", type=int, nargs="+", default=LANES, metavar="S", help="how many (default: 1 2 5)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="intra-op threads (default: 1)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda:0 (default: auto, a GPU if there is one)")
    own = "default: the device's own"
    parser.add_argument("--precision", choices=("fp32", "tf32", "bf16"), default="auto", help=own)
    parser.add_argument("--mode", choices=("eager", "compile", "graph"), default="auto", help=own)
    parser.add_argument("--seconds", type=float, default=30.0, help="when to stop (default: 30)")


def run(arguments: argparse.Namespace) -> int:
    """Measure and show; the exit code."""
    if min(arguments.lanes) < 1 or arguments.threads < 1:
        sys.stderr.write("error: lanes and threads: expected whole numbers of at least 1\n")
        return 2
    engine = EngineSettings(precision=arguments.precision, acceleration=arguments.mode)
    lanes = sorted({1, *arguments.lanes})
    size = arguments.sizes
    try:
        result = run_lanes_benchmark(
            SIZES[size], lanes, arguments.device, arguments.threads, engine, arguments.seconds, size
        )
    except SettingsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write((json.dumps(result.document(), indent=1) if arguments.json else format_table(result)) + "\n")
    return 0


def main(arguments: list[str]) -> int:
    """Measure as the command line's ``arguments`` say; the exit code."""
    parser = argparse.ArgumentParser(prog="foresight bench lanes", allow_abbrev=False)
    configure(parser)
    return run(parser.parse_args(arguments))
