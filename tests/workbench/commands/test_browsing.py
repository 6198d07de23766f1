"""`list`, `show` and `presets`, for people and for scripts."""

from __future__ import annotations

import json

import pytest

from tests.command_line import Foresight
from workbench.cli import main


def test_a_missing_project_is_said_only_where_one_was_named(
    foresight: Foresight, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = foresight("list", "--json")
    assert (answer.code, answer.out) == (1, "")
    assert "There is no project in" in answer.err
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"runs": []}


def test_the_project_may_be_named_after_the_command(
    trained: Foresight, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", "--json", "--project", str(trained.folder)]) == 0
    assert len(json.loads(capsys.readouterr().out)["runs"]) == 2


def test_list_is_a_table_that_can_be_filtered(trained: Foresight) -> None:
    heading, first, second = trained("list").out.splitlines()
    assert heading.split()[:3] == ["run", "status", "preset"]
    assert first.split()[:6] == ["1", "finished", "alm-quick", "alm", "Pendulum-v1", "3"]
    assert "60/60" in second
    only = trained("list", "--json", "--filter", "seed = 4 and settings.hidden_size = 8").document["runs"]
    assert [run["id"] for run in only] == [2]
    assert trained("list", "--filter", "seed = 5").out == ""
    wrong = trained("list", "--filter", "colour = red")
    assert (wrong.code, wrong.out) == (2, "")
    assert "there is no field colour; known are name, agent" in wrong.err


def test_show_tells_what_differs_from_the_preset(trained: Foresight) -> None:
    document = trained("show", 1, "--json").document
    assert (document["id"], document["status"], document["seed"]) == (1, "finished", 3)
    assert document["differences"] == {
        "total_steps": [60, 12_000],
        "warm_up_steps": [20, 1000],
        "batch_size": [4, 128],
        "latent_size": [4, 32],
        "hidden_size": [8, 128],
        "model_hidden_size": [8, 256],
        "engine.evaluation_interval": [20, 1000],
        "engine.evaluation_episodes": [1, 2],
        "engine.log_interval": [5, 100],
        "engine.snapshot_percent": [50.0, 5.0],
        "environment.max_episode_steps": [15, None],
    }
    assert document["settings"]["rollout_length"] == 3
    assert document["metrics"]["evaluation/return"]["step"] == 60
    assert {"python", "torch", "mujoco", "gymnasium", "numpy"} <= set(document["versions"])
    assert [event["data"]["to"] for event in document["history"]] == ["running", "finished"]
    assert document["faults"] == []
    assert {"resume", "snapshot", "episode"} == {file["kind"] for file in document["files"]}


def test_show_is_readable(trained: Foresight) -> None:
    text = trained("show", "alm-quick Pendulum-v1 seed 4").out
    assert text.startswith("Run 2: alm-quick Pendulum-v1 seed 4\n  finished\n")
    assert "  hidden_size = 8   (preset alm-quick: 128)" in text
    assert "rollout_length" not in text
    assert "\n  evaluation/return " in text
    assert "\n  snapshot  " in text
    assert "rollout_length = 3" in trained("-v", "show", 2).out
    assert "rollout_length = 3" in trained("show", 2, "-v").out


@pytest.mark.parametrize(
    "words", [["show", 99], ["resume", 99], ["fork", 99], ["export", 99, "--format", "json", "--out", "-"]]
)
def test_an_unknown_run_fails_with_those_there_are(trained: Foresight, words: list[object]) -> None:
    answer = trained(*words)
    assert (answer.code, answer.out) == (1, "")
    assert "There is no run 99. Near to it: 1 (alm-quick Pendulum-v1 seed 3)" in answer.err


def test_presets_are_listed_with_the_default_first(foresight: Foresight) -> None:
    listed = foresight("presets", "--json").document["presets"]
    names = [preset["name"] for preset in listed]
    assert names == sorted(names)
    assert {"alm-authors", "alm-quick", "mbrl-1.5", "pets"} <= set(names)
    assert [preset["name"] for preset in listed if preset["default"]] == names[:1] == ["alm-authors"]
    assert all(preset["title"] and preset["description"] for preset in listed)
    assert "alm-authors (default): " in foresight("presets").out
