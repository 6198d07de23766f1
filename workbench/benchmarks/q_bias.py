"""``foresight bench q-bias``: what a measurement of Q-bias costs beside the episodes that it needs."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median

import torch

from workbench.agents.base import Agent
from workbench.analysis.bias_numbers import QBias
from workbench.analysis.steps import exhaust
from workbench.benchmarks.machine import Machine, describe_machine
from workbench.engine.bias import BiasStreams, collecting_of, q_bias_of
from workbench.engine.evaluation import EvaluatingPolicy
from workbench.engine.task import task_environment, task_facts
from workbench.environments.rollout import run_episode
from workbench.environments.wrappers import Environment
from workbench.presets import find_preset
from workbench.registry import registry

#: a measurement may take so many times as long as its episodes
TARGET = 1.3
_SEED, _STEP = 1, 0
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Cost:
    """Medians over ``repeats``, in seconds; ``ratio`` is that of the two, to be at most ``target``."""

    preset: str
    states: int
    episodes: int
    episode_seconds: float
    measurement_seconds: float
    ratio: float
    target: float
    repeats: int
    machine: Machine


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--preset", default="alm-quick", help="whose sizes and task (default alm-quick)")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of each kind, in turn (default 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Measure, and say whether the target is met; exit code 0 either way."""
    cost = measure(arguments.preset, max(1, arguments.repeats))
    if arguments.json:
        sys.stdout.write(json.dumps(asdict(cost), indent=1) + "\n")
        return 0
    verdict = "met" if cost.ratio <= cost.target else "missed"
    sys.stdout.write(
        f"{cost.states:,} states of {cost.episodes} episodes: episodes alone {cost.episode_seconds:.2f} s, measurement "
        f"{cost.measurement_seconds:.2f} s, ratio {cost.ratio:.2f} (target {cost.target}: {verdict}). {cost.machine}\n"
    )
    return 0


def measure(preset: str, repeats: int) -> Cost:
    """Time measurements and bare episodes of the same untrained agent in turn, so that both meet the same load."""
    torch.set_num_threads(1)
    machine, spec = describe_machine(), find_preset(preset).spec()
    environment = task_environment(spec)
    try:
        agent = registry("agent").find(spec.agent).load()(spec.settings, task_facts(environment), _SEED, _CPU)
        collecting = collecting_of(spec.engine)

        def measurement() -> QBias:
            return exhaust(q_bias_of(agent, environment, collecting, seed=_SEED, step=_STEP, device=_CPU))

        measured = measurement()
        count = len(measured.lengths)
        bare, whole = [], []
        for _ in range(repeats):
            bare.append(_seconds(lambda: _episodes(agent, environment, count)))
            whole.append(_seconds(measurement))
    finally:
        environment.close()
    ratio = median(whole) / median(bare)
    return Cost(preset, measured.states, count, median(bare), median(whole), ratio, TARGET, repeats, machine)


def _episodes(agent: Agent, environment: Environment, count: int) -> None:
    streams = BiasStreams(_SEED, _STEP, _CPU)
    policy = EvaluatingPolicy(agent, environment, streams.acting)
    for number in range(count):
        run_episode(environment, policy, seed=streams.episode_seed(number), record=True)


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
