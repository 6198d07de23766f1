"""The estimated duration of a run."""

import pytest

from workbench.engine.duration import PastRun, estimate

VALUES = {
    "agent": "alm",
    "total_steps": 12_000,
    "warm_up_steps": 1_000,
    "batch_size": 128,
    "hidden_size": 128,
    "model_hidden_size": 256,
    "latent_size": 32,
    "rollout_length": 3,
    "updates_per_step": 1,
}


def test_a_run_alike_is_the_measure() -> None:
    past = [PastRun(VALUES, "here", 6_000, 100.0), PastRun(VALUES, "here", 6_000, 120.0)]
    found = estimate({**VALUES, "total_steps": 23_000}, "here", past)
    assert found is not None and found.alike and found.runs == 2
    assert found.seconds == pytest.approx(22_000 * (100 / 5_000 + 120 / 5_000) / 2)
    assert found.low < 22_000 * 100 / 5_000 < 22_000 * 120 / 5_000 < found.high


def test_other_sizes_are_scaled_with_a_wide_range() -> None:
    past = [PastRun(VALUES, "here", 6_000, 100.0)]
    wider = estimate({**VALUES, "hidden_size": 512, "model_hidden_size": 1024, "batch_size": 512}, "here", past)
    assert wider is not None and not wider.alike
    assert wider.seconds > 10 * 11_000 * 100 / 5_000
    assert wider.high / wider.low == pytest.approx(4)


def test_other_machines_agents_and_short_runs_say_nothing() -> None:
    past = [
        PastRun(VALUES, "elsewhere", 6_000, 100.0),
        PastRun({**VALUES, "agent": "other"}, "here", 6_000, 100.0),
        PastRun(VALUES, "here", 1_100, 1.0),
    ]
    assert estimate(VALUES, "here", past) is None
