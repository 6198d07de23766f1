"""``foresight bench update``: one gradient update of ALM beside the floor of its matrix products and the authors' code.

All are timed in turns in one run, so that a busy machine slows them alike; ratios are medians over the rounds. With one
thread the CPU's time is what counts, since wall time would also tell what else the machine had to do.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
import torch

from workbench.agents.alm import AlignedLatentModel
from workbench.agents.alm_settings import AlmSettings
from workbench.agents.base import TaskFacts
from workbench.benchmarks.floor import SIZES, Floor, Sizes, products
from workbench.benchmarks.peer import TRANSITIONS, Peer, PeerProblem
from workbench.engine.acceleration import MatmulRoute, prepare_cpu, use_threads
from workbench.engine.provenance import processor
from workbench.noise import NoiseSource
from workbench.replay import ReplayBuffer
from workbench.settings import build

#: rounds that are not counted: memory settles, libraries compile their kernels
WARM_UP_ROUNDS = 2
LEAST_ROUNDS, MOST_ROUNDS = 3, 200

#: one update: wall seconds and CPU seconds
Update = Callable[[], tuple[float, float]]


@dataclass(frozen=True)
class Timing:
    """Milliseconds per update by the clock that counts: median and quartiles; and the median of wall time."""

    median: float
    quartiles: tuple[float, float]
    wall: float


@dataclass(frozen=True)
class UpdateBenchmark:
    """What was measured, and where. ``peer`` and what belongs to it is None without a checkout of the authors' code."""

    sizes_name: str
    sizes: Sizes
    device: str
    threads: int
    precision: str
    #: which time counts: ``cpu`` with one thread, else ``wall``
    clock: str
    rounds: int
    update: Timing
    floor: Timing
    peer: Timing | None
    #: time of an update over the floor's, and of the authors' over ours: medians of rounds
    update_per_floor: float
    peer_per_update: float | None
    floor_flops: int
    peer_flops: int | None
    matmul: MatmulRoute
    torch_version: str
    processor: str

    def document(self) -> dict[str, Any]:
        """As JSON; times in milliseconds by ``clock``."""
        timings = {"update": self.update, "floor": self.floor, "peer": self.peer}
        return {
            "ms_per_update": self.update.median,
            "floor_ms": self.floor.median,
            "peer_ms": self.peer.median if self.peer else None,
            "update_per_floor": self.update_per_floor,
            "peer_per_update": self.peer_per_update,
            "clock": self.clock,
            "quartiles_ms": {name: timing.quartiles if timing else None for name, timing in timings.items()},
            "wall_ms": {name: timing.wall if timing else None for name, timing in timings.items()},
            "rounds": self.rounds,
            "floor_gflop": self.floor_flops / 1e9,
            "peer_gflop": self.peer_flops / 1e9 if self.peer_flops else None,
            "device": self.device,
            "threads": self.threads,
            "precision": self.precision,
            "sizes": {"name": self.sizes_name, **asdict(self.sizes)},
            "matmul": asdict(self.matmul),
            "torch": self.torch_version,
            "processor": self.processor,
        }


def run_update_benchmark(
    sizes: str = "paper", threads: int = 1, peer: Path | None = None, device: str = "cpu", seconds: float = 22.0
) -> UpdateBenchmark:
    """Measure for about ``seconds``, preparation included.

    Args:
        sizes: a key of ``SIZES``.
        threads: intra-op threads of each.
        peer: a checkout of the authors' code, or None.
        device: ``cpu``.
        seconds: when to stop; a slow machine makes its least number of rounds all the same.

    Raises:
        PeerProblem: the authors' code could not be run.
    """
    end = time.perf_counter() + seconds
    shape, place = SIZES[sizes], torch.device(device)

    def measure() -> UpdateBenchmark:
        with ExitStack() as stack:
            theirs = stack.enter_context(Peer(peer, shape, threads, device)) if peer else None
            matmul = prepare_cpu()
            use_threads(threads)
            updates: dict[str, Update] = {"update": timed(make_update(shape, place))}
            updates["floor"] = timed(Floor(products(shape), place).run)
            if theirs is not None:
                peer_flops = theirs.wait()
                updates["peer"] = theirs.update
            walls, cpus = in_turns(updates, end)
        times = cpus if threads == 1 else walls
        timings = {name: timing_of(times[name], walls[name]) for name in updates}
        return UpdateBenchmark(
            sizes_name=sizes,
            sizes=shape,
            device=device,
            threads=threads,
            precision="fp32",
            clock="cpu" if threads == 1 else "wall",
            rounds=len(walls["update"]),
            update=timings["update"],
            floor=timings["floor"],
            peer=timings.get("peer"),
            update_per_floor=ratio_of(times["update"], times["floor"]),
            peer_per_update=ratio_of(times["peer"], times["update"]) if theirs else None,
            floor_flops=sum(product.flops for product in products(shape)),
            peer_flops=peer_flops if theirs else None,
            matmul=matmul,
            torch_version=torch.__version__,
            processor=processor(),
        )

    # In a thread, like a session: what it sets for itself ends with it.
    with ThreadPoolExecutor(1, thread_name_prefix="bench update") as pool:
        return pool.submit(measure).result()


def make_agent(sizes: Sizes, device: torch.device) -> AlignedLatentModel:
    """An untrained agent with the authors' defaults at these sizes."""
    settings = build(
        AlmSettings,
        {
            "batch_size": sizes.batch,
            "rollout_length": sizes.rollout_length,
            "latent_size": sizes.latent,
            "hidden_size": sizes.hidden,
            "model_hidden_size": sizes.model_hidden,
            "warm_up_steps": 0,
        },
    )
    bound = np.ones(sizes.action, dtype=np.float32)
    return AlignedLatentModel(settings, TaskFacts((sizes.observation,), "float64", -bound, bound), 0, device)


def make_update(sizes: Sizes, device: torch.device) -> Callable[[], object]:
    """One draw from a filled replay and one update of an agent with the authors' defaults at these sizes."""
    agent = make_agent(sizes, device)
    replay = ReplayBuffer(
        TRANSITIONS, (sizes.observation,), np.float64, sizes.action, list(agent.draws.values()), device
    )
    noise = NoiseSource(0, "benchmark")
    observations = noise.normal((TRANSITIONS + 1, sizes.observation)).double().numpy()
    actions = 2.0 * noise.uniform((TRANSITIONS, sizes.action)).numpy() - 1.0
    rewards = noise.normal((TRANSITIONS,)).numpy()
    for step in range(TRANSITIONS):
        if step % 1000 == 0:
            replay.begin_episode(observations[step])
        replay.append(actions[step], float(rewards[step]), False, observations[step + 1])
    return lambda: agent.sample_and_update(replay, 1)


def timed(work: Callable[[], object]) -> Update:
    """``work``, timed."""

    def update() -> tuple[float, float]:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        return time.perf_counter() - wall, time.process_time() - cpu

    return update


def in_turns(updates: Mapping[str, Update], end: float) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Rounds of one update each, until the clock shows ``end``: name -> wall times, name -> CPU times."""
    walls: dict[str, list[float]] = {name: [] for name in updates}
    cpus: dict[str, list[float]] = {name: [] for name in updates}
    for _ in range(WARM_UP_ROUNDS):
        for update in updates.values():
            update()
    for number in range(MOST_ROUNDS):
        if number >= LEAST_ROUNDS and time.perf_counter() > end:
            break
        for name, update in updates.items():
            wall, cpu = update()
            walls[name].append(wall)
            cpus[name].append(cpu)
    return walls, cpus


def timing_of(times: list[float], walls: list[float]) -> Timing:
    """Median and quartiles of ``times``, and the median of ``walls``, all in seconds."""
    low, middle, high = quantiles(times, n=4, method="inclusive")
    return Timing(1e3 * middle, (1e3 * low, 1e3 * high), 1e3 * median(walls))


def ratio_of(above: list[float], below: list[float]) -> float:
    """The median over rounds of one time over the other."""
    return median(a / b for a, b in zip(above, below, strict=True))


# ---- command line ---------------------------------------------------------------------------------------------------


def format_table(result: UpdateBenchmark) -> str:
    """For people."""
    s = result.sizes
    rows = {"update": result.update, f"floor, {result.floor_flops / 1e9:.1f} GFLOP": result.floor}
    if result.peer is not None and result.peer_flops is not None:
        rows[f"authors' code, {result.peer_flops / 1e9:.1f} GFLOP"] = result.peer
    lines = [
        f"ALM({s.rollout_length}) update, {result.sizes_name} sizes: batch {s.batch}, latent {s.latent}, "
        f"widths {s.hidden} and {s.model_hidden}, {s.observation} observations, {s.action} actions",
        "",
        f"{'':30}{'CPU ms' if result.clock == 'cpu' else 'ms':>9}{'quartiles':>18}{'wall ms':>9}",
    ]
    for name, timing in rows.items():
        low, high = timing.quartiles
        lines.append(f"{name:30}{timing.median:9.1f}{f'{low:.1f} - {high:.1f}':>18}{timing.wall:9.1f}")
    lines += ["", f"The update takes {result.update_per_floor:.2f} times the floor."]
    if result.peer_per_update is not None:
        lines.append(f"It is {result.peer_per_update:.2f} times as fast as the authors' code.")
    plural = "s" if result.threads > 1 else ""
    lines.append(
        f"{result.rounds} rounds on {result.device} ({result.processor}), {result.threads} thread{plural}, "
        f"{result.precision}, torch {result.torch_version}"
    )
    lines.append(f"Matrix products: {result.matmul}")
    return "\n".join(lines)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--peer", type=_checkout, metavar="DIR", help="a checkout of the authors' code, timed beside")
    parser.add_argument("--sizes", choices=tuple(SIZES), default="paper", help="widths and batch (default: paper)")
    parser.add_argument("--threads", type=_at_least_one, default=1, metavar="N", help="intra-op threads (default: 1)")
    parser.add_argument("--device", choices=("cpu",), default="cpu", help="where to compute (default: cpu)")


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
    try:
        result = run_update_benchmark(arguments.sizes, arguments.threads, arguments.peer, arguments.device)
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
