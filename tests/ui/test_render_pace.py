"""How often a moving scene may be drawn beside runs that train."""

from __future__ import annotations

import pytest

from ui.render_pace import FRAME_INTERVAL, SHARE, Pace


def test_it_takes_its_share_of_the_processors() -> None:
    pace = Pace(processors=2)
    intervals = [pace.note(0.012) for _ in range(50)]
    assert 0.012 / intervals[-1] == pytest.approx(2 * SHARE)
    assert intervals[-1] > FRAME_INTERVAL


def test_quick_pictures_are_drawn_30_a_second() -> None:
    assert Pace(processors=2).note(0.001) == FRAME_INTERVAL
    assert Pace(processors=64).note(0.012) == FRAME_INTERVAL


def test_one_slow_picture_does_not_slow_the_next_ones() -> None:
    pace = Pace(processors=2)
    assert pace.note(0.1) == pytest.approx(0.1 / (2 * SHARE))
    usual = pace.note(0.012)
    assert usual == pytest.approx(0.012 / (2 * SHARE))
    assert pace.note(0.1) == usual


def test_pictures_that_stay_slow_are_drawn_less_often() -> None:
    pace = Pace(processors=2)
    quick = pace.note(0.012)
    assert [pace.note(0.024) for _ in range(10)][-1] == pytest.approx(2 * quick)
