"""Stacked seeds learn what each learns alone, with few more operators than one of them needs."""

from __future__ import annotations

import pytest
import torch

from workbench.benchmarks import timing
from workbench.benchmarks.floor import Sizes
from workbench.benchmarks.stacked import AllSeedsStacked, SeedByAnother, launches_of, learned, measure_stacking

TINY = Sizes(5, 2, batch=8, rollout_length=3, latent=3, hidden=8, model_hidden=12)


def test_stacked_seeds_learn_what_each_learns_alone() -> None:
    stacked, looped = AllSeedsStacked(TINY, [1, 2, 3]), SeedByAnother(TINY, [1, 2, 3])
    before = {name: value.clone() for name, value in stacked.parameters.items()}
    for _ in range(5):
        stacked()
        looped()
    for lane, parameters in enumerate(looped.parameters):
        for name, value in learned(parameters).items():
            assert torch.allclose(stacked.parameters[name][lane], value, rtol=1e-5, atol=1e-6), name
            assert not torch.equal(stacked.parameters[name], before[name])
    for name in before.keys() - learned(before).keys():
        assert torch.equal(stacked.parameters[name], before[name])


def test_stacked_seeds_do_not_touch_each_other() -> None:
    """One seed's large gradient is clipped by itself."""
    both, alone = AllSeedsStacked(TINY, [1, 2]), AllSeedsStacked(TINY, [2])
    with torch.no_grad():
        both._batch[0][0] *= 1e4
    for _ in range(3):
        both()
        alone()
    for name, value in learned(both.parameters).items():
        assert torch.allclose(value[1], alone.parameters[name][0], rtol=1e-5, atol=1e-6), name


def test_views_are_not_launched() -> None:
    x = torch.ones(4, 4)
    assert launches_of(lambda: x.T.view(4, 4)[1:]) == 0
    assert launches_of(lambda: (x.T + 1.0).mul_(2.0)) == 2


def test_both_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "MOST_ROUNDS", 3)
    found = measure_stacking(TINY, lanes=4, seconds=0.0)
    assert found.looped_launches == 4 * found.single_launches
    assert found.stacked_launches < 2 * found.single_launches
    assert found.largest_difference < 1e-5
    assert found.gain == pytest.approx(found.looped.median / found.stacked.median, rel=2.0)
