"""Numbers as people read them."""

from __future__ import annotations

import math
import time

import pytest

from ui import format


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (0, "0"),
        (-0.0, "0"),
        (1051.4, "1,051"),
        (-30.2, "−30.2"),
        (-230, "−230"),
        (99.97, "100"),
        (62.06, "62.1"),
        (62.0, "62"),
        (0.6149, "0.615"),
        (0.0123, "0.0123"),
        (0.00003, "3e−5"),
        (2.5e12, "2.5e12"),
        (math.nan, "NaN"),
        (-math.inf, "−∞"),
    ],
)
def test_number(value: float | None, text: str) -> None:
    assert format.number(value) == text


def test_count_spread_percent_and_rate() -> None:
    assert format.count(12_000) == "12,000"
    assert format.count(-1200) == "−1,200"
    assert format.count(None) == "—"
    assert format.with_spread(1051, 156.2) == "1,051 ± 156"
    assert format.with_spread(871, None) == "871"
    assert format.with_spread(None, None) == "—"
    assert format.percent(0.58) == "58 %"
    assert format.percent(0.004) == "0.4 %"
    assert format.percent(None) == "—"
    assert format.rate(62.1, "steps/s") == "62.1 steps/s"
    assert format.rate(None, "steps/s") == "—"
    assert format.plural(1, "run") == "1 run"
    assert format.plural(1200, "run") == "1,200 runs"


@pytest.mark.parametrize(
    ("seconds", "words", "clock"),
    [
        (None, "—", "—"),
        (0.31, "0.3 s", "0:00"),
        (9.98, "10 s", "0:10"),
        (44, "44 s", "0:44"),
        (59.7, "1 min", "1:00"),
        (200, "3 min 20 s", "3:20"),
        (3599.8, "1 h 00 min", "1:00:00"),
        (7500, "2 h 05 min", "2:05:00"),
        (3 * 86_400 + 4 * 3600, "3 d 4 h", "76:00:00"),
        (-1, "0 s", "0:00"),
    ],
)
def test_durations(seconds: float | None, words: str, clock: str) -> None:
    assert format.duration(seconds) == words
    assert format.clock(seconds) == clock


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.3, "0.3 s ago"), (40, "40 s ago"), (199, "3 min ago"), (7300, "2 h ago"), (200_000, "2 d ago"), (None, "—")],
)
def test_ago(seconds: float | None, text: str) -> None:
    assert format.ago(seconds) == text


def test_moments_count_midnights() -> None:
    now = time.mktime((2026, 3, 1, 0, 5, 0, 0, 0, -1))
    assert format.moment(now - 60, now) == "00:04"
    assert format.moment(now - 600, now) == "yesterday"
    assert format.moment(now - 2 * 86_400, now) == "27 Feb"
    assert format.moment(time.mktime((2025, 11, 18, 9, 0, 0, 0, 0, -1)), now) == "18 Nov 2025"
    assert format.moment(None) == "—"
    assert format.date_time(now) == "1 Mar 2026, 00:05:00"


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "—"), (0, "0 B"), (640, "640 B"), (5_400_000, "5.4 MB"), (999_600, "1 MB"), (212_000_000_000, "212 GB")],
)
def test_size(count: int | None, text: str) -> None:
    assert format.size(count) == text
