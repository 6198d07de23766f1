"""What an analysis yields: a generator of steps that ends with its result, driven by a thread, a command or a test."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")
Part = TypeVar("Part")


@dataclass(frozen=True)
class AnalysisStep:
    """How far an analysis is: ``done`` of ``total`` in ``unit`` ("states", "steps"), and what it knows so far.

    ``partial`` is a result that is whole in itself, for a picture that grows; None where there is none.
    """

    done: int
    total: int
    unit: str
    partial: object = None


#: ``result = yield from analysis`` inside another one; whoever drives it may stop between two steps
Analysis = Generator[AnalysisStep, None, Result]


def told_as(parts: Generator[Part, None, Result], step_of: Callable[[Part], AnalysisStep | None]) -> Analysis[Result]:
    """What is done in ``parts`` as an analysis that tells of each what ``step_of`` makes of it; nothing where None."""
    try:
        while True:
            step = step_of(next(parts))
            if step is not None:
                yield step
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        parts.close()


def exhaust(analysis: Analysis[Result], tell: Callable[[AnalysisStep], object] = lambda step: None) -> Result:
    """Drive an analysis to its end and return its result; ``tell`` hears every step."""
    while True:
        try:
            tell(next(analysis))
        except StopIteration as end:
            result: Result = end.value
            return result
