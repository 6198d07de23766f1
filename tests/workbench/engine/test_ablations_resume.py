"""Runs with the ablations that carry a state of their own go on bit for bit wherever they are interrupted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tiny_runs import check_interruptions, new_session, run, telling_places, tiny_spec, told
from workbench import events

ABLATIONS: dict[str, dict[str, Any]] = {
    "observation noise": {"observation_noise": 0.1},
    "dynamics noise": {"dynamics_noise": 0.01},
    "entropy": {"entropy_bonus": True},
    "reconstruction": {"reconstruction": True},
    "value prediction": {"value_prediction": "encoder_and_model"},
    "identity encoder": {"encoder": "identity"},
    "TD3 on states": {"encoder": "states", "actor_loss": "td3"},
}


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablated_run_goes_on_bit_for_bit(name: str) -> None:
    spec = tiny_spec("alm", **ABLATIONS[name])
    wanted = ["in warm-up", "middle acting", "middle learning", "middle evaluating"]
    check_interruptions(spec, lambda messages: [telling_places(messages)[place] for place in wanted])


@pytest.mark.parametrize("noise", ["observation_noise", "dynamics_noise"])
def test_noise_is_in_training_and_in_evaluation(noise: str) -> None:
    plain, noisy = (run(new_session(tiny_spec("alm", **changes)))[0] for changes in ({}, {noise: 0.2}))
    for kind in (events.EpisodeFinished, events.EvaluationFinished):
        usual, other = (next(each for each in found if isinstance(each, kind)) for found in (plain, noisy))
        assert told([usual]) != told([other]), kind
