"""Whether environments of several lanes step faster in threads than one after the other.

MuJoCo releases Python's lock while it computes a step, so threads can gain where a step is long and cores are free;
handing a step to a thread and back costs some twenty microseconds.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass

from workbench.benchmarks.timing import Timing, in_turns, timed, timing_of
from workbench.environments.make import make_environment
from workbench.environments.rollout import reset_environment, step_environment
from workbench.noise import NoiseSource

#: a short step and a long one
TASKS = ("HalfCheetah-v5", "Humanoid-v5")
#: rounds of one step per lane that are timed as one
STEPS = 20


@dataclass(frozen=True)
class Stepping:
    """Milliseconds of wall time for one environment step of each of ``lanes`` environments."""

    environment: str
    lanes: int
    in_turn: Timing
    threads: Timing


def measure_stepping(lanes: int, seconds: float) -> tuple[Stepping, ...]:
    """Each of :data:`TASKS`, for about ``seconds``."""
    return tuple(_measure(name, lanes, time.perf_counter() + seconds) for name in TASKS)


def _measure(name: str, lanes: int, end: float) -> Stepping:
    noise = NoiseSource(0, "benchmark")
    with ExitStack() as stack, ThreadPoolExecutor(lanes, thread_name_prefix="bench lanes step") as pool:
        environments = [stack.enter_context(closing(make_environment(name))) for _ in range(lanes)]
        for number, environment in enumerate(environments):
            reset_environment(environment, number)
        (size,) = environments[0].action_space.shape or (1,)
        actions = [0.4 * noise.uniform((size,)).numpy() - 0.2 for _ in environments]

        def step(lane: int) -> None:
            _, _, terminated, truncated = step_environment(environments[lane], actions[lane], 1)
            if terminated or truncated:
                reset_environment(environments[lane])

        def one_after_the_other() -> None:
            for lane in range(lanes):
                step(lane)

        def in_threads() -> None:
            list(pool.map(step, range(lanes)))

        works = {"in_turn": timed(one_after_the_other, repeat=STEPS), "threads": timed(in_threads, repeat=STEPS)}
        walls, _ = in_turns(works, end)
    in_turn, threads = (timing_of(walls[each], walls[each]) for each in works)
    return Stepping(name, lanes, in_turn, threads)

