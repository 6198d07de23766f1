"""What a decision of a planner will cost on this machine, and the floor of it: its matrix products and nothing else.

The first iterations tell: the first one may do more than the others, which are like each other. They are run once to
see which products these are, once to be timed; then the products are computed alone, at their shapes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from statistics import mean
from typing import Any, Literal

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from workbench.analysis.steps import Analysis, AnalysisStep
from workbench.benchmarks.floor import Floor, Product
from workbench.engine.planning_desk import PlanWish, open_case
from workbench.engine.recorder import Recorder
from workbench.engine.subject import Subject
from workbench.planners.rounds import rounds_of

#: iterations that are looked at, and how often products are timed: the fastest counts
_LOOKED_AT, _TIMES = 3, 3

_aten = torch.ops.aten
#: product -> where its two factors stand among its arguments
_FACTORS = {_aten.mm: 0, _aten.bmm: 0, _aten.addmm: 1, _aten.baddbmm: 1}


@dataclass(frozen=True)
class DecisionCost:
    """Milliseconds and operations of the first iterations, one entry each; a decision has up to ``rounds`` of them.

    ``floor`` holds milliseconds of the products alone, ``flops`` their operations; both are 0 in dynamics without
    products. ``interval`` is how long a step of the environment lasts, in milliseconds; None where there is no clock.
    With ``clock`` "processor" both are processor time of one thread, which others on the machine cannot change;
    dynamics without products use several threads, and "wall" time counts.
    """

    milliseconds: tuple[float, ...]
    floor: tuple[float, ...]
    flops: tuple[int, ...]
    rounds: int
    interval: float | None
    clock: Literal["processor", "wall"] = "processor"

    @property
    def predicted_ms(self) -> float:
        """A whole decision: the first iterations, and all others like the mean of those after the first."""
        return _whole(self.milliseconds, self.rounds)

    @property
    def floor_ms(self) -> float | None:
        """The products of a whole decision alone; None where there are none."""
        return _whole(self.floor, self.rounds) if any(self.flops) else None

    @property
    def decision_flops(self) -> int:
        """Floating-point operations of these products; a multiply-add counts 2."""
        return round(_whole(self.flops, self.rounds))


class Products(TorchDispatchMode):
    """Notes the shape of every matrix product that is computed inside ``with``, by whatever layer or gradient."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[Product] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Torch's: called instead of every operation."""
        at = _FACTORS.get(func.overloadpacket)
        if at is not None:
            left, right = args[at].shape, args[at + 1].shape
            self.found.append(Product("output", left[0] if len(left) == 3 else 1, left[-2], left[-1], right[-1]))
        return func(*args, **(kwargs or {}))


def foresee(recorder: Recorder, wish: PlanWish, reuse: Subject | None = None) -> Analysis[DecisionCost]:
    """Measure what the planning call of ``wish`` will cost, in a thread that gave torch one intra-op thread.

    Raises what :func:`open_case` raises, and PlanningError.
    """
    total = 2 * _LOOKED_AT + 1
    yield AnalysisStep(0, total, "iterations")
    with closing(open_case(recorder, wish, reuse)) as case:
        products: list[list[Product]] = []
        search = case.planner.iterate(case.beginning())
        for _ in range(_LOOKED_AT):
            with Products() as noted:
                step = next(search, None)
            if step is None:
                break
            products.append(noted.found)
            yield AnalysisStep(len(products), total, "iterations")
        clock = time.thread_time if any(products) else time.perf_counter
        times: list[float] = []
        search = case.planner.iterate(case.beginning())
        for _ in products:
            times.append(_timed(clock, lambda: next(search, None)))
            yield AnalysisStep(len(products) + len(times), total, "iterations")
        interval = getattr(case.environment.unwrapped, "dt", None)
    return DecisionCost(
        milliseconds=tuple(times),
        floor=tuple(_alone(found) for found in products),
        clock="processor" if any(products) else "wall",
        flops=tuple(sum(product.flops for product in found) for found in products),
        rounds=rounds_of(wish.settings),
        interval=None if interval is None else 1000.0 * float(interval),
    )


def _timed(clock: Callable[[], float], work: Callable[[], object]) -> float:
    """Milliseconds of ``work`` by a clock of seconds."""
    begin = clock()
    work()
    return 1000.0 * (clock() - begin)


def _alone(found: Sequence[Product]) -> float:
    """Milliseconds of a processor for these products and nothing else."""
    if not found:
        return 0.0
    floor = Floor(found, torch.device("cpu"))
    return min(_timed(time.thread_time, floor.run) for _ in range(_TIMES))


def _whole(each: Sequence[float], rounds: int) -> float:
    """The sum over ``rounds`` iterations of which the first ones are known."""
    known = list(each[:rounds])
    return float(sum(known) + max(rounds - len(known), 0) * mean(known[1:] or known)) if known else 0.0
