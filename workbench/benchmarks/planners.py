"""``foresight bench planners``: milliseconds per decision in ALM's latent model beside the floor of its products.

The model has the sizes of the paper and is untrained, which takes as long. The floor is every product that judging
(and, for Grad-MPC, climbing) the candidates needs, at its real shape and nothing else; both are timed in turns.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import torch

from workbench.agents.alm_world_model import AlmWorldModel
from workbench.benchmarks.alm_update import make_agent
from workbench.benchmarks.floor import SIZES, Floor, Pass, Sizes, products_of
from workbench.benchmarks.machine import Machine, describe_machine
from workbench.benchmarks.timing import Timing, in_turns, ratio_of, timed, timing_of
from workbench.engine.devices import resolve_device
from workbench.engine.processor import MatmulRoute, prepare_cpu, use_threads
from workbench.noise import NoiseSource
from workbench.planners import PLANNERS
from workbench.planners.base import Box, Planner, PlanningProblem
from workbench.planners.presets import planner_settings
from workbench.settings import SettingsError

HORIZON = 12


@dataclass(frozen=True)
class Task:
    """One planner as it is timed."""

    planner: str
    candidates: int
    iterations: int
    climbs: bool

    def passes(self) -> list[Pass]:
        """Every call of a network that a decision needs; the last prediction is needed, but nothing climbs by it."""
        rows = self.candidates
        judge = [Pass("model", rows, times=HORIZON), Pass("reward", rows * HORIZON)]
        if not self.climbs:
            return judge * self.iterations
        climb = [
            Pass("model", rows, times=HORIZON - 1, inputs=True),
            Pass("model", rows),
            Pass("reward", rows * HORIZON, inputs=True),
        ]
        return climb * self.iterations + judge  # where the last step led is judged too


TASKS = (
    Task("cem", candidates=500, iterations=5, climbs=False),
    Task("gradient", candidates=100, iterations=10, climbs=True),
)


@dataclass(frozen=True)
class Decision:
    """One planner's times for one decision; ``per_floor`` is a median over rounds."""

    task: Task
    plan: Timing
    floor: Timing
    per_floor: float
    floor_flops: int
    rounds: int


@dataclass(frozen=True)
class PlannersBenchmark:
    """What was measured, and where; ``clock`` is the time that counts: ``cpu`` with one thread on a CPU, else wall."""

    sizes_name: str
    decisions: tuple[Decision, ...]
    device: str
    threads: int
    clock: str
    matmul: MatmulRoute
    machine: Machine

    def document(self) -> dict[str, Any]:
        """As JSON; times in milliseconds."""
        return {
            "planners": [
                {
                    "planner": each.task.planner,
                    "candidates": each.task.candidates,
                    "horizon": HORIZON,
                    "iterations": each.task.iterations,
                    "ms_per_decision": each.plan.median,
                    "floor_ms": each.floor.median,
                    "decision_per_floor": each.per_floor,
                    "quartiles_ms": {"decision": each.plan.quartiles, "floor": each.floor.quartiles},
                    "wall_ms": {"decision": each.plan.wall, "floor": each.floor.wall},
                    "floor_gflop": each.floor_flops / 1e9,
                    "rounds": each.rounds,
                }
                for each in self.decisions
            ],
            "sizes": {"name": self.sizes_name, **asdict(SIZES[self.sizes_name])},
            "device": self.device,
            "threads": self.threads,
            "clock": self.clock,
            "matmul": asdict(self.matmul),
            "machine": asdict(self.machine),
            "torch": torch.__version__,
        }


def run_planners_benchmark(
    sizes: str = "paper", threads: int = 1, device: str = "cpu", seconds: float = 20.0
) -> PlannersBenchmark:
    """Measure each planner for about ``seconds``; a slow machine makes its least number of rounds all the same.

    Raises SettingsError for a device that is not here.
    """
    place, shape, machine = resolve_device(device), SIZES[sizes], describe_machine()
    on_cpu = place.type == "cpu"

    def measure() -> PlannersBenchmark:
        matmul = prepare_cpu()
        use_threads(threads)
        decisions = []
        for task in TASKS:
            work = {
                "plan": timed(_settled(decide(task, shape, place), place)),
                "floor": timed(_settled(Floor(products_of(task.passes(), shape), place).run, place)),
            }
            walls, cpus = in_turns(work, time.perf_counter() + seconds)
            times = cpus if on_cpu and threads == 1 else walls
            decisions.append(
                Decision(
                    task=task,
                    plan=timing_of(times["plan"], walls["plan"]),
                    floor=timing_of(times["floor"], walls["floor"]),
                    per_floor=ratio_of(times["plan"], times["floor"]),
                    floor_flops=sum(product.flops for product in products_of(task.passes(), shape)),
                    rounds=len(times["plan"]),
                )
            )
        clock = "cpu" if on_cpu and threads == 1 else "wall"
        return PlannersBenchmark(sizes, tuple(decisions), str(place), threads, clock, matmul, machine)

    # In a thread, like a session: what it sets for itself ends with it.
    with ThreadPoolExecutor(1, thread_name_prefix="bench planners") as pool:
        return pool.submit(measure).result()


def decide(task: Task, sizes: Sizes, device: torch.device) -> Callable[[], object]:
    """One decision of ``task``'s planner in an untrained agent's model."""
    agent = make_agent(sizes, device)
    values = {"horizon": HORIZON, "candidates": task.candidates, "iterations": task.iterations}
    name, settings = planner_settings(task.planner, values)
    planner: Planner = PLANNERS.find(name).load()(settings)
    model, noise = AlmWorldModel(agent), NoiseSource(0, "benchmark", device)
    start = model.encode(noise.normal((sizes.observation,))).detach()
    bound = torch.ones(sizes.action, device=device)
    problem = PlanningProblem.of(settings, model, start, Box(-bound, bound), noise)
    return lambda: planner.plan(problem)


def _settled(work: Callable[[], object], device: torch.device) -> Callable[[], object]:
    """``work``, waited for on a GPU."""
    if device.type != "cuda":
        return work

    def whole() -> None:
        work()
        torch.cuda.synchronize(device)

    return whole


# ---- command line ---------------------------------------------------------------------------------------------------


def format_lines(result: PlannersBenchmark) -> Iterator[str]:
    """For people."""
    sizes = SIZES[result.sizes_name]
    unit = "CPU ms" if result.clock == "cpu" else "ms"
    widths = f"latent {sizes.latent}, width {sizes.model_hidden}, {sizes.action} actions"
    yield f"Plans of {HORIZON} steps in ALM's model, {result.sizes_name} sizes: {widths}"
    yield ""
    yield f"{'planner':10}{'candidates':>12}{'iterations':>12}{unit:>10}{'floor':>10}{'ratio':>8}{'GFLOP':>9}"
    for each in result.decisions:
        task = each.task
        times = f"{each.plan.median:10.1f}{each.floor.median:10.1f}{each.per_floor:8.2f}{each.floor_flops / 1e9:9.1f}"
        yield f"{task.planner:10}{task.candidates:12}{task.iterations:12}{times}"
    yield ""
    rounds = " and ".join(str(each.rounds) for each in result.decisions)
    yield f"{rounds} rounds on {result.device}, threads {result.threads}; {result.machine}; torch {torch.__version__}"
    yield f"Matrix products: {result.matmul}"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--sizes", choices=tuple(SIZES), default="paper", help="widths of the model (default: paper)")
    parser.add_argument("--threads", type=int, choices=range(1, 257), default=1, metavar="N", help="default: 1")
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda:0 (default: cpu)")


def run(arguments: argparse.Namespace) -> int:
    """Measure and show; the exit code."""
    try:
        result = run_planners_benchmark(arguments.sizes, arguments.threads, arguments.device)
    except SettingsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    text = json.dumps(result.document(), indent=1) if arguments.json else "\n".join(format_lines(result))
    sys.stdout.write(text + "\n")
    return 0
