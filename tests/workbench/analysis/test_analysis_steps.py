"""An analysis inside another one: told in the outer one's words, and closed with it."""

from __future__ import annotations

from collections.abc import Generator

from workbench.analysis.steps import AnalysisStep, exhaust, told_as


def count_to_three(closed: list[str]) -> Generator[int, None, str]:
    try:
        yield from (1, 2, 3)
    finally:
        closed.append("closed")
    return "result"


def even_left_out(number: int) -> AnalysisStep | None:
    return AnalysisStep(number, 3, "numbers") if number % 2 else None


def test_parts_are_told_in_other_words_and_their_result_is_kept() -> None:
    told: list[AnalysisStep] = []
    assert exhaust(told_as(count_to_three([]), even_left_out), told.append) == "result"
    assert told == [AnalysisStep(1, 3, "numbers"), AnalysisStep(3, 3, "numbers")]


def test_whoever_stops_in_between_closes_the_parts() -> None:
    closed: list[str] = []
    parts = count_to_three(closed)  # held, so that nothing but a close can end it
    analysis = told_as(parts, even_left_out)
    next(analysis)
    assert closed == []
    analysis.close()
    assert closed == ["closed"]
