"""Metrics in words: whatever the engine says has an entry."""

from __future__ import annotations

import subprocess
import sys

import torch

from tests.tiny_runs import messages_of
from workbench import events, metrics
from workbench.engine.session import TrainingSession
from workbench.presets import find_preset

TINY = {
    "total_steps": 60,
    "warm_up_steps": 20,
    "hidden_size": 8,
    "model_hidden_size": 8,
    "latent_size": 4,
    "batch_size": 4,
    "engine.log_interval": 10,
    "engine.evaluation_episodes": 1,
    "engine.evaluation_interval": 20,
}


def test_every_metric_of_a_training_run_is_described() -> None:
    spec = find_preset("alm-quick").spec(TINY, environment="Pendulum-v1")
    session = TrainingSession(spec, 1, 1, torch.device("cpu"))
    found: set[str] = set()
    try:
        for message in messages_of(session):
            if isinstance(message, events.Event):
                found |= metrics.scalars(message).keys()
    finally:
        session.close()
    assert {"evaluation/return", "loss/critic", "alm/kl", "speed/steps", "time/update"} <= found
    assert [name for name in sorted(found) if not metrics.is_described(name)] == []
    for name in found:
        info = metrics.describe(name)
        assert info.help.endswith((".", "cannot.")) and info.title and info.family


def test_titles_carry_units_and_words_of_the_name() -> None:
    assert metrics.describe("alm/kl").axis_title == "KL, model to encoder (nats)"
    assert metrics.describe("gradient_norm/encoder_target").title == "Gradient norm, encoder target"
    assert metrics.describe("evaluation/return").axis_title == "Evaluation return"


def test_an_unknown_metric_is_shown_by_its_own_name() -> None:
    info = metrics.describe("my_plugin/odd_number")
    assert not metrics.is_described(info.name)
    assert (info.title, info.family, info.help) == ("My plugin, odd number", "My plugin", "")
    assert metrics.describe("alone").family == "Other"


def test_families_come_in_a_fixed_order() -> None:
    names = ["time/update", "my/own", "loss/odd", "loss/critic", "evaluation/return", "loss/encoder_model"]
    grouped = metrics.in_families(names)
    assert list(grouped) == ["Evaluation", "Losses", "Time shares", "My"]
    assert [info.name for info in grouped["Losses"]] == ["loss/encoder_model", "loss/critic", "loss/odd"]


def test_numbers_of_events() -> None:
    where = (1, 2000, 1000, 0.0)
    assert metrics.scalars(events.EpisodeFinished(*where, 7.0, 12, True, False)) == {
        "episode/return": 7.0,
        "episode/length": 12.0,
    }
    evaluated = events.EvaluationFinished(*where, (1.0, 3.0), (10, 20), 0.5, {})
    assert metrics.scalars(evaluated) == {"evaluation/return": 2.0, "evaluation/length": 15.0}
    assert metrics.scalars(events.StateChanged(*where, "running", "")) == {}


def test_it_imports_neither_torch_nor_gymnasium() -> None:
    code = "import sys, workbench.metrics; sys.exit(bool({'torch', 'gymnasium', 'mujoco'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
