"""`train`, `resume` and `fork`: what they refuse, what they say, and what they leave in the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from storage import open_project
from tests.command_line import TINY, Foresight

BROKEN_MODULE = """
import gymnasium as gym
from gymnasium.envs.classic_control import PendulumEnv

class Breaking(PendulumEnv):
    steps, broken = 0, False

    def step(self, action):
        Breaking.steps += 1
        if Breaking.steps > 30 and not Breaking.broken:
            Breaking.broken = True
            raise RuntimeError("the motor is hot")
        return super().step(action)

gym.register("Breaking-v0", Breaking, max_episode_steps=15)
"""


@pytest.mark.parametrize(
    ("words", "complaints"),
    [
        (["--preset", "alm-quik"], ["preset: there is no preset called 'alm-quik'; did you mean alm-quick"]),
        (["--agent", "amm"], ["agent: there is no agent called 'amm'; did you mean alm?"]),
        (["--env", "HalfCheeta-v5"], ["environment: There is no environment called 'HalfCheeta-v5': did you mean"]),
        (["--env", "CartPole-v1"], ["environment: CartPole-v1 has actions of type Discrete(2)"]),
        (["--env", "nowhere:Thing-v0"], ["environment: nowhere:Thing-v0 needs the Python module 'nowhere'"]),
        (["--set", "environment.foo=2"], ["environment: HalfCheetah-v5 has no option 'foo': its options are c"]),
        (["--set", "hidden_size=0"], ["hidden_size: 0 is out of range; expected a whole number at least 1"]),
        (["--set", "engine.threads=no"], ["engine.threads: 'no' is not valid; expected a whole number"]),
        (["--set", "hiden_size=3"], ["hiden_size: there is no such setting; did you mean hidden_size"]),
        (["--set", "hidden_size"], ["--set: 'hidden_size' is not valid; expected KEY=VALUE"]),
        (["--steps", "1000", "--preset", "alm-quick"], ["warm_up_steps: 1000 leaves nothing to learn; expected less"]),
        (["--steps", "half"], ["--steps: 'half' is not valid; expected a whole number at least 1"]),
        (["--seeds", "1,1"], ["seeds: 1, 1 will not do; expected distinct whole numbers"]),
        (["--seeds", "1,b"], ["seeds: '1,b' is not valid; expected whole numbers"]),
        (["--device", "tpu"], ["device: 'tpu' is not a device; expected auto, cpu or cuda:0"]),
        (["--device", "cuda:99"], ["device: cuda:99 is not there; this machine has"]),
        (["--env", "Nope-v1", "--set", "latent_size=0"], ["latent_size: 0 is out", "environment: There is no"]),
        (["--colour", "red"], ["unrecognized arguments: --colour red"]),
    ],
)
def test_what_cannot_be_trained_names_the_field(foresight: Foresight, words: list[str], complaints: list[str]) -> None:
    answer = foresight("train", *words)
    assert answer.code == 2
    assert answer.out == ""
    for complaint in complaints:
        assert complaint in answer.err
    if "usage:" not in answer.err:
        assert len(answer.err.splitlines()) == len(complaints), "one line per problem"
    assert not foresight.folder.exists(), "nothing was begun"


def test_train_makes_one_run_per_seed_in_one_group(trained: Foresight) -> None:
    runs = trained("list", "--json").document["runs"]
    assert [(run["id"], run["seed"], run["status"], run["step"]) for run in runs] == [
        (1, 3, "finished", 60),
        (2, 4, "finished", 60),
    ]
    assert {run["group_id"] for run in runs} == {1}
    assert {run["agent"] for run in runs} == {"alm"}
    assert {run["environment"] for run in runs} == {"Pendulum-v1"}
    assert {run["preset"] for run in runs} == {"alm-quick"}
    assert all(run["best_return"] >= run["latest_return"] > -200 for run in runs)


def test_train_says_how_it_goes_on_stderr_and_how_it_went_on_stdout(foresight: Foresight) -> None:
    answer = foresight("train", *TINY, "--steps", 40)
    assert answer.code == 0
    lines = answer.err.splitlines()
    assert lines[0] == f"Run 1: alm on Pendulum-v1, 40 steps, in {foresight.folder}"
    assert lines[1].startswith("run 1 (seed 1): step 20 of 40  evaluation return -")
    assert lines[2].startswith("run 1 (seed 1): step 40 of 40  evaluation return -")
    assert "steps/s" in lines[2]
    assert "updates/s" in lines[2]
    ended, hint = answer.out.splitlines()
    assert ended.startswith("run 1  seed 1  finished  step 40 of 40  return -")
    assert hint == f"Train longer: foresight --project {foresight.folder} resume 1 --steps 80"


def test_json_is_one_document_and_nothing_else(foresight: Foresight) -> None:
    answer = foresight("train", *TINY, "--steps", 25, "--json")
    assert [(run["id"], run["status"], run["step"]) for run in answer.document["runs"]] == [(1, "finished", 25)]
    assert "evaluation return" in answer.err


def test_an_environment_is_found_by_a_short_name(foresight: Foresight) -> None:
    words = [word.replace("Pendulum-v1", "pendulum") for word in TINY]
    assert foresight("train", *words, "--steps", 21, "--json").document["runs"][0]["environment"] == "Pendulum-v1"


def test_settings_are_listed_with_range_and_meaning(foresight: Foresight) -> None:
    answer = foresight("train", "--list-settings")
    assert answer.code == 0
    lines = {line.partition(":")[0]: line for line in answer.out.splitlines()}
    assert "(a whole number at least 1 and at most 100; default 3 steps)" in lines["rollout_length"]
    assert {"kl_term", "engine.log_interval", "environment.OPTION"} <= set(lines)


def test_a_finished_run_can_be_extended_and_forked(foresight: Foresight) -> None:
    assert foresight("train", *TINY, "--steps", 40).code == 0
    done = foresight("resume", 1)
    assert done.code == 2
    assert "steps: run 1 has done 40 environment steps; expected --steps beyond that" in done.err

    extended = foresight("resume", 1, "--steps", 60)
    assert extended.code == 0
    assert "run 1 (seed 1): Continued from step 40." in extended.err
    series = foresight("export", 1, "--format", "json", "--out", "-").document["runs"][0]["series"]
    assert series["evaluation/return"]["step"] == [20, 40, 60]
    assert series["loss/critic"]["updates"] == [5, 10, 15, 20, 25, 30, 35, 40]

    shaped = foresight("fork", 1, "--set", "hidden_size=9")
    assert shaped.code == 2
    assert "hidden_size: 9 differs from the snapshot's 8" in shaped.err
    assert "run 1 has no snapshot '33'" in foresight("fork", 1, "--checkpoint", 33).err

    words = ("--checkpoint", "best", "--set", "rollout_length=1", "--steps", 30, "--seeds", "7", "--json")
    child = foresight("fork", 1, *words).document["runs"][0]
    assert (child["id"], child["seed"], child["status"], child["parent_run_id"]) == (2, 7, "finished", 1)
    assert foresight("show", 1, "--json").document["children"] == [2]
    assert foresight("show", 2, "--json").document["ancestors"] == [1]
    assert foresight("show", 2, "--json").document["settings"]["rollout_length"] == 1


def test_a_run_that_fails_says_why_and_the_others_go_on(
    foresight: Foresight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "breaking_task.py").write_text(BROKEN_MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    words = [word.replace("Pendulum-v1", "breaking_task:Breaking-v0") for word in TINY]
    answer = foresight("train", *words, "--steps", 40, "--seeds", "1,2")
    assert answer.code == 1
    assert "the motor is hot" in answer.err
    assert {run["status"] for run in foresight("list", "--json").document["runs"]} == {"failed", "finished"}
    failed = next(run["id"] for run in foresight("list", "--json").document["runs"] if run["status"] == "failed")
    assert f"The traceback of run {failed}: foresight --project {foresight.folder} show {failed}" in answer.err
    shown = foresight("show", failed).out
    assert "RuntimeError: the motor is hot" in shown
    assert 'raise RuntimeError("the motor is hot")' in shown
    assert f"Go on: foresight --project {foresight.folder} resume {failed}" in answer.out
    assert foresight("resume", failed).code == 0, "it had broken only once"


def test_a_second_writer_is_told_who_writes(foresight: Foresight) -> None:
    with open_project(foresight.folder, write=True):
        answer = foresight("train", *TINY, "--steps", 25)
        assert (answer.code, answer.out) == (1, "")
        assert f"is being written by process {os.getpid()} on" in answer.err
        assert foresight("list", "--json").document == {"runs": []}
