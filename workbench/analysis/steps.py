"""What an analysis yields: a generator of steps that ends with its result, driven by a thread, a command or a test."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")


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


def exhaust(analysis: Analysis[Result], tell: Callable[[AnalysisStep], object] = lambda step: None) -> Result:
    """Drive an analysis to its end and return its result; ``tell`` hears every step."""
    while True:
        try:
            tell(next(analysis))
        except StopIteration as end:
            result: Result = end.value
            return result
