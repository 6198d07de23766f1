"""Speed and time left, against numbers worked out by hand."""

from pathlib import Path

import pytest

from workbench.engine.monitor import SpeedEstimate, machine_load


def steady(rate: float, seconds: int, *, warm_up: int = 0, total: int = 10_000) -> SpeedEstimate:
    estimate = SpeedEstimate(total, warm_up)
    for second in range(seconds + 1):
        estimate.add(float(second), warm_up + int(rate * second), int(rate * second))
    return estimate


def test_a_steady_run_is_extrapolated() -> None:
    estimate = steady(50, 30)
    remaining = estimate.remaining()
    assert estimate.steps_per_second == pytest.approx(50)
    assert remaining is not None
    assert remaining.seconds == pytest.approx((10_000 - 1_500) / 50)
    assert remaining.low < remaining.seconds < remaining.high < 1.1 * remaining.seconds


def test_an_unsteady_run_has_a_wider_range() -> None:
    estimate = SpeedEstimate(10_000, 0)
    step = 0
    for second in range(40):
        step += 90 if second % 8 < 4 else 10
        estimate.add(float(second), step, step)
    remaining, calm = estimate.remaining(), steady(50, 40).remaining()
    assert remaining is not None and calm is not None
    assert remaining.high - remaining.low > 3 * (calm.high - calm.low)


def test_nothing_is_promised_too_early() -> None:
    assert steady(5, 30).remaining() is None  # 150 of 10,000 steps: 1.5 %
    assert SpeedEstimate(100, 0).remaining() is None


def test_warm_up_does_not_count() -> None:
    estimate = SpeedEstimate(10_000, 1_000)
    estimate.add(0.0, 0, 0)
    estimate.add(0.5, 1_000, 0)
    assert estimate.remaining() is None
    for second in range(1, 21):
        estimate.add(0.5 + second, 1_000 + 40 * second, 40 * second)
    assert estimate.steps_per_second == pytest.approx(40)


def test_only_the_window_counts() -> None:
    estimate = steady(10, 100)
    for second in range(101, 200):
        estimate.add(float(second), 1_000 + 100 * (second - 100), 0)
    assert estimate.steps_per_second == pytest.approx(100, rel=0.02)


def test_the_machine_is_looked_at(tmp_path: Path) -> None:
    load = machine_load(tmp_path)
    assert 0 <= load.cpu <= 1
    assert 0 < load.process_memory < load.memory_total
    assert load.disk_free > 0
