"""Every shipped preset can be trained, says what its paper or code says, and a wrong file is named with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench import presets
from workbench.agents.alm_settings import AlmSettings
from workbench.environments.catalog import TASKS
from workbench.presets import PresetError, find_preset, load_presets, read_preset
from workbench.registry import UnknownName
from workbench.settings import Schedule, SettingsError, diff, flatten
from workbench.spec import EngineSettings

NAMES = ("alm-authors", "alm-paper", "alm-quick", "mbrl-0.5", "mbrl-1.0", "mbrl-1.5", "pets")
GOOD = """
title = "A title"
description = "A description"
agent = "alm"
environment = "Pendulum-v1"
"""


def test_the_default_comes_first() -> None:
    names = list(load_presets())
    assert names[0] == "alm-authors"
    assert names[1:] == sorted(names[1:])
    assert set(NAMES) <= set(names)
    assert presets.DEFAULT == "alm-authors"


@pytest.mark.parametrize("name", NAMES)
def test_names_of_environments_are_the_catalogs(name: str) -> None:
    known = {task.name for task in TASKS}
    preset = find_preset(name)
    assert {preset.environment, *preset.environments} <= known


def test_authors_preset_is_the_agents_defaults() -> None:
    spec = find_preset("alm-authors").spec()
    assert spec.settings == AlmSettings()
    assert spec.engine == EngineSettings()
    assert (spec.total_steps, spec.engine.evaluation_interval, spec.engine.evaluation_episodes) == (500_000, 5000, 5)


def test_paper_preset_differs_in_exactly_these_fields() -> None:
    differences = diff(AlmSettings(), find_preset("alm-paper").spec().settings)
    assert {path: new for path, (_, new) in differences.items()} == {
        "updates_per_step": 3,
        "discount_model_loss": True,
        "lambda_over": "first",
        "classifier_pairs": "both",
        "one_batch": True,
        "critics": 1,
        "classifier_layer_norm": False,
        "clip_acting_noise": True,
        "warm_up_steps": 5000,
        "actor_input_gradient": True,
        "q_action_gradient": True,
        "classifier_next_gradient": True,
    }
    engine = diff(EngineSettings(), find_preset("alm-paper").spec().engine)
    assert {path: new for path, (_, new) in engine.items()} == {
        "bias_sign": "estimate-minus-return",
        "bias_normaliser": "mean",
    }


def test_quick_preset_is_the_setting_with_known_returns() -> None:
    spec = find_preset("alm-quick").spec()
    settings = spec.settings
    assert isinstance(settings, AlmSettings)
    assert spec.environment == "HalfCheetah-v5"
    assert (settings.hidden_size, settings.model_hidden_size, settings.latent_size) == (128, 256, 32)
    assert (settings.batch_size, settings.rollout_length, settings.learning_rate) == (128, 3, 3e-4)
    assert (settings.warm_up_steps, settings.total_steps, settings.rescale_actions) == (1000, 12_000, True)
    assert settings.exploration_std == Schedule(1.0, 0.1, 10_000)
    engine = spec.engine
    assert (engine.evaluation_interval, engine.evaluation_episodes, engine.log_interval) == (1000, 2, 100)


def test_an_environment_has_its_own_values_below_those_that_are_asked_for() -> None:
    preset = find_preset("alm-authors")
    assert preset.spec(environment="Humanoid-v5").settings.replay_capacity == 500_000
    assert preset.spec(environment="TruncatedHumanoid-v5").settings.replay_capacity == 100_000
    assert preset.spec({"replay_capacity": 7000}, environment="Humanoid-v5").settings.replay_capacity == 7000
    assert find_preset("alm-paper").spec(environment="Humanoid-v4").settings.replay_capacity == 1_000_000


def test_what_is_asked_for_reaches_the_spec() -> None:
    spec = find_preset("alm-quick").spec(
        {"engine.threads": "2", "hidden_size": 16}, environment="Pendulum-v1", seeds=(4, 5), device="cpu"
    )
    assert (spec.preset, spec.environment, spec.seeds, spec.device) == ("alm-quick", "Pendulum-v1", (4, 5), "cpu")
    assert flatten(spec.settings)["hidden_size"] == 16
    assert spec.engine.threads == 2
    with pytest.raises(SettingsError, match="hidden_size: 0 is out of range"):
        find_preset("alm-quick").spec({"hidden_size": 0})


def test_an_unknown_preset_is_answered_with_near_ones() -> None:
    with pytest.raises(UnknownName, match="preset: there is no preset called 'alm-quik'; did you mean alm-quick"):
        find_preset("alm-quik")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("title = ", "cannot be read as TOML"),
        (GOOD.replace('agent = "alm"', ""), "agent: is missing; expected text"),
        (GOOD + "colour = 3", "colour: there is no such key; there are title, description"),
        (GOOD + "seeds = 3", "seeds: 3 is not valid; expected a list of whole numbers"),
        (GOOD + 'seeds = ["1"]', "seeds: ['1'] is not valid; expected a list of whole numbers"),
        (GOOD + "seeds = [1, 1]", "seeds: 1, 1 will not do"),
        (GOOD + "[settings]\nhiden_size = 3", "hiden_size: there is no such setting; did you mean hidden_size"),
        (GOOD + "[settings]\nengine.threads = 0", "engine.threads: 0 is out of range; expected a whole number"),
        (GOOD + "[environments]\nHopper-v5 = 3", "environments.Hopper-v5: 3 is not valid; expected a table"),
        (GOOD + "[environments.Hopper-v5]\nbatch_size = 0", "for Hopper-v5: batch_size: 0 is out of range"),
        (GOOD.replace("alm", "amm"), "agent: there is no agent called 'amm'; did you mean alm"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PresetError) as caught:
        read_preset(path)
    assert str(path) in str(caught.value)
    assert complaint in str(caught.value)


def test_a_damaged_file_takes_no_other_preset_with_it(tmp_path: Path) -> None:
    (tmp_path / "sound.toml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "torn.toml").write_text("title = ", encoding="utf-8")
    assert list(load_presets(tmp_path)) == ["sound"] and find_preset("sound", tmp_path).name == "sound"
    with pytest.raises(PresetError, match=r"torn.toml: cannot be read as TOML"):
        find_preset("torn", tmp_path)


def test_another_agent_or_planner_takes_what_fits() -> None:
    quick = find_preset("alm-quick").spec(agent="mpc")
    assert quick.flat()["batch_size"] == 128 and quick.flat()["exploration_std"] == 0.0  # ALM's is a schedule
    pets = find_preset("pets").spec({"planner": "mppi"}).flat()
    assert (pets["planner"], pets["planner.horizon"]) == ("mppi", 30)
    assert "planner.temperature" in pets and "planner.stop_std" not in pets
    with pytest.raises(SettingsError, match="momentum"):
        find_preset("pets").spec({"planner": "mppi", "planner.momentum": 0.1})


def test_presets_are_read_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD + "seeds = [3]\n[settings]\nbatch_size = 8", encoding="utf-8")
    assert find_preset("mine", tmp_path).spec().seeds == (3,)
    assert find_preset("mine", tmp_path).spec().settings.batch_size == 8
