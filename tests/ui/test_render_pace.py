"""How often a moving scene may be drawn beside runs that train."""

from __future__ import annotations

import pytest

from ui.render_pace import FRAME_INTERVAL, RESERVE, SHARE, Pace, idle_seconds

COST = 0.012  # seconds of a processor that a picture takes


class Machine:
    """Two processors; ``others`` of them are used by something else. Drawing takes from what is idle first."""

    def __init__(self, others: float) -> None:
        self.others, self.now, self.idle = others, 0.0, 0.0
        self.pace = Pace(lambda: self.idle, lambda: self.now, processors=2)

    def draw(self, seconds: float) -> float:
        """Draw for so long; returns the interval between pictures at the end."""
        end, interval = self.now + seconds, FRAME_INTERVAL
        while self.now < end:
            interval = self.pace.note(COST)
            self.now += interval
            self.idle += max(0.0, (2 - self.others) * interval - COST)
        return interval


def test_with_an_idle_processor_it_draws_30_a_second_and_goes_on_so() -> None:
    machine = Machine(others=1.0)
    assert machine.draw(0.5) == FRAME_INTERVAL
    assert all(machine.draw(1.0) == FRAME_INTERVAL for _ in range(10))


def test_of_busy_processors_it_takes_its_share_alone() -> None:
    machine = Machine(others=2.0)
    machine.draw(3.0)
    interval = machine.draw(10.0)
    assert COST / interval == pytest.approx(2 * SHARE)
    assert interval > FRAME_INTERVAL


def test_it_takes_what_is_left_and_notices_when_more_becomes_free() -> None:
    machine = Machine(others=1.6)
    machine.draw(5.0)
    assert COST / machine.draw(5.0) == pytest.approx(0.4 - RESERVE, abs=0.03)
    machine.others = 0.5
    machine.draw(3.0)
    assert machine.draw(1.0) == FRAME_INTERVAL


def test_processors_have_been_idle() -> None:
    first = idle_seconds()
    assert first > 0
    assert idle_seconds() >= first
