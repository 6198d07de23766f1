"""A run's description: paths, JSON, hash, and the sentences for what cannot be run."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from workbench.registry import UnknownName
from workbench.settings import SettingsError
from workbench.spec import EngineSettings, RunSpec, agent_settings, new_spec

ROOT = Path(__file__).parents[2]


def make(values: dict[str, Any] | None = None, **others: Any) -> RunSpec:
    return new_spec("alm", "Pendulum-v1", values, **others)


def test_paths_reach_agent_engine_and_environment() -> None:
    spec = make(
        {
            "rollout_length": "5",
            "engine.log_interval": "7",
            "environment.max_episode_steps": "100",
            "environment.healthy": "True",
            "environment.range": "[0.2, 1.0]",
            "environment.file": "ant.xml",
            "environment.weight": 0.5,
        }
    )
    assert spec.settings.rollout_length == 5  # type: ignore[attr-defined]
    assert spec.engine.log_interval == 7
    assert spec.environment_options == {
        "max_episode_steps": 100,
        "healthy": True,
        "range": [0.2, 1.0],
        "file": "ant.xml",
        "weight": 0.5,
    }
    assert spec.total_steps == spec.settings.total_steps


def test_changes_go_over_what_is_there() -> None:
    spec = make({"rollout_length": 5, "environment.a": 1}).changed({"batch_size": 64, "environment.b": 2})
    assert (spec.settings.rollout_length, spec.settings.batch_size) == (5, 64)  # type: ignore[attr-defined]
    assert spec.environment_options == {"a": 1, "b": 2}


def test_every_bad_field_is_named_with_its_whole_path() -> None:
    with pytest.raises(SettingsError) as caught:
        make({"rollout_length": 0, "engine.threads": 0, "engine.lag_interval": 3})
    named = [problem.field for problem in caught.value.problems]
    assert named == ["rollout_length", "engine.lag_interval", "engine.threads"]
    assert "did you mean engine.log_interval" in str(caught.value)
    with pytest.raises(SettingsError, match=r"engine\.threads: 0 is out of range; expected a whole number at least 1"):
        make({"engine.threads": 0})
    with pytest.raises(SettingsError, match=r"rollout_lenght: there is no such setting; did you mean rollout_length"):
        make({"rollout_lenght": 3})


def test_a_warm_up_as_long_as_the_budget_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"warm_up_steps: 100 leaves nothing to learn; expected less than total_st"):
        make({"total_steps": 100, "warm_up_steps": 100})


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"batch_size": 7}, "batch_size"),
        ({"rollout_length": 100, "replay_capacity": 99}, "replay_capacity"),
    ],
)
def test_batches_and_replay_must_fit_together(values: dict[str, Any], field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        make(values)
    assert field in {problem.field for problem in caught.value.problems}
    assert make({"batch_size": 7, "classifier_pairs": "both"}).settings.batch_size == 7


@pytest.mark.parametrize("seeds", [(), (1, 1), (-1,), (2**63,)])
def test_seeds_are_distinct_whole_numbers(seeds: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match=r"seeds: .* will not do; expected distinct whole numbers from 0 on"):
        make(seeds=seeds)


def test_large_seeds_are_kept_exactly() -> None:
    spec = make(seeds=(2**63 - 1, 0))
    assert RunSpec.from_json(json.loads(json.dumps(spec.to_json()))).seeds == (2**63 - 1, 0)


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cpu:0", ""])
def test_a_device_that_is_none(device: str) -> None:
    with pytest.raises(SettingsError, match=r"device: .* is not a device; expected auto, cpu or cuda:0"):
        make(device=device)


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1"])
def test_devices_are_named_before_they_are_looked_for(device: str) -> None:
    assert make(device=device).device == device


def test_an_unknown_agent_gets_its_nearest_name() -> None:
    with pytest.raises(UnknownName, match=r"agent: there is no agent called 'alm2'; did you mean alm\?"):
        new_spec("alm2", "Pendulum-v1")


# ---- JSON and hash --------------------------------------------------------------------------------------------------


def test_json_is_exact() -> None:
    spec = make({"rollout_length": 5, "exploration_std": "0.2", "environment.a": [1, 2]}, seeds=(3, 4), device="cpu")
    again = RunSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert again.content_hash() == spec.content_hash()


def test_flat_names_everything_once() -> None:
    flat = make({"environment.a": 1}).flat()
    assert flat["agent"] == "alm"
    assert flat["environment"] == "Pendulum-v1"
    assert flat["environment.a"] == 1
    assert flat["engine.threads"] == 1
    assert flat["rollout_length"] == 3


def test_a_newer_description_is_refused() -> None:
    document = make().to_json()
    with pytest.raises(SettingsError, match="this run's description has version 99; this Foresight reads up to 1"):
        RunSpec.from_json({**document, "version": 99})
    with pytest.raises(SettingsError, match="these settings have version 99"):
        RunSpec.from_json({**document, "settings_version": 99})
    with pytest.raises(SettingsError, match="these settings have version 99"):
        RunSpec.from_json({**document, "engine_version": 99})


@pytest.mark.parametrize("damage", [{"version": "x"}, {"settings": None}, {"engine": 5}, {"seeds": 3}])
def test_a_description_that_is_not_foresights_own_is_refused(damage: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        RunSpec.from_json({**make().to_json(), **damage})
    with pytest.raises(SettingsError, match="cannot be read"):
        RunSpec.from_json({})


def test_the_description_of_an_agent_that_is_not_installed() -> None:
    with pytest.raises(UnknownName, match="there is no agent called 'gone'"):
        RunSpec.from_json({**make().to_json(), "agent": "gone"})


def test_seeds_device_budget_and_recording_do_not_enter_the_hash() -> None:
    one = make(seeds=(1,), device="cpu", preset=None)
    changes = {"total_steps": 9999, "engine.log_interval": 7}
    other = make(changes, seeds=(2, 3), device="cuda:0", preset="alm-authors")
    assert one.content_hash() == other.content_hash()


@pytest.mark.parametrize(
    "values",
    [{"discount": 0.98}, {"environment.a": 1}, {"exploration_std": "linear(1.0, 0.1, 99999)"}, {"kl_term": False}],
)
def test_what_decides_the_numbers_enters_the_hash(values: dict[str, Any]) -> None:
    assert make(values).content_hash() != make().content_hash()
    assert replace(make(), environment="HalfCheetah-v5").content_hash() != make().content_hash()


def test_the_hash_does_not_depend_on_how_or_where_it_was_written() -> None:
    spec = make({"environment.a": 1, "environment.b": 2, "discount": "9.9e-1"})
    assert make({"environment.b": 2, "environment.a": 1, "discount": 0.99}).content_hash() == spec.content_hash()
    script = (
        "from workbench.spec import new_spec; "
        "print(new_spec('alm', 'Pendulum-v1', {'environment.a': 1, 'environment.b': 2}).content_hash())"
    )
    command, elsewhere = [sys.executable, "-c", script], {"PYTHONHASHSEED": "7"}
    done = subprocess.run(command, cwd=ROOT, env=elsewhere, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == spec.content_hash()


def test_the_engines_settings_are_valid_as_declared() -> None:
    assert make().engine == EngineSettings()
    assert agent_settings("alm")().total_steps == 500_000
