"""``foresight plan --episodes`` on a small trained run: returns beside the policy's, what is kept, what cannot be."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.command_line import Foresight

SMALL = ("--set", "candidates=16", "--set", "iterations=2", "--set", "horizon=4", "--set", "elites=4")


def test_returns_beside_the_policys_on_the_same_resets(trained: Foresight) -> None:
    answer = trained("plan", 1, "--episodes", 3, *SMALL, "--json")
    assert answer.code == 0, answer.err
    found = answer.document
    assert len({each["state"] for each in found["episodes"]}) == 3
    mine, its = ([each[name] for each in found["episodes"]] for name in ("return", "policy_return"))
    summary = found["summary"]
    assert summary["planner"]["mean"] == pytest.approx(np.mean(mine))
    assert summary["planner"]["std"] == pytest.approx(np.std(mine, ddof=1))
    assert summary["policy"]["mean"] == pytest.approx(np.mean(its))
    assert summary["difference"]["mean"] == pytest.approx(np.mean(mine) - np.mean(its))
    assert summary["difference"]["std"] == pytest.approx(np.std(np.subtract(mine, its), ddof=1))
    assert {each["length"] for each in found["episodes"]} == {15}
    assert (found["planner"], found["settings"]["horizon"], found["proposal"]) == ("cem", 4, "plan")
    again = trained("plan", 1, "--planner", "random-shooting", "--set", "horizon=4", "--episodes", 3, "--json")
    assert [each["policy_return"] for each in again.document["episodes"]] == its
    assert answer.err.count("Episode ") == 3


def test_refining_and_replanning_are_other_episodes(trained: Foresight) -> None:
    words = ("plan", 1, "--state", "reset:5", "--episodes", 1, *SMALL, "--json")
    returns = [trained(*words, *more).document for more in ((), ("--proposal", "policy"), ("--replan", 3))]
    assert len({each["episodes"][0]["return"] for each in returns}) == 3
    assert [each["episodes"][0]["decisions"] for each in returns] == [15, 15, 5]
    assert [each["episodes"][0]["state"] for each in returns] == ["reset:5"] * 3
    assert returns[1]["proposal"] == "policy"


def test_a_table_and_what_is_kept(trained: Foresight, tmp_path: Path) -> None:
    own = Foresight(shutil.copytree(trained.folder, tmp_path / "project"))
    answer = own("plan", 1, "--state", "reset:5", "--episodes", 2, *SMALL, "--steps", 6, "--keep", "--every", 2)
    assert answer.code == 0, answer.err
    assert "reset:5" in answer.out
    assert "reset:6" in answer.out
    assert "Mean return: planner -" in answer.out
    assert "(standard deviations)." in answer.out
    name = answer.out.splitlines()[-1].removeprefix("Stored as ").partition(",")[0]
    frame = own("plan", 1, "--state", f"episode:{name}:3", *SMALL, "--json")
    assert frame.code == 0, frame.err
    one = own("plan", 1, "--state", f"episode:{name}:3", "--episodes", 1, *SMALL)
    assert one.code == 0, one.err
    assert "one episode: no spread" in one.out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--episodes", 0), "error: --episodes: 0 is below 1; expected 1 or more"),
        (("--episodes", 1, "--steps", 0), "error: --steps: 0 is below 1"),
        (("--episodes", 1, "--replan", 5), "error: replanning_interval: 5 is out of range; expected 1 to 4"),
        (("--episodes", 2, "--state", "episode:3"), "error: --episodes: 2 would all be the same from episode:3"),
        (("--episodes", 1, "--qpos=1"), "error: --episodes: they begin at resets; leave --qpos and --qvel out"),
        (("--episodes", 1, "--proposal", "policy", "--set", "warm_start=false"), "error: warm_start: must be on"),
        (("--replan", 2), "error: --replan: belongs to whole episodes; expected --episodes N beside it"),
        (("--keep",), "error: --keep: belongs to whole episodes"),
        (("--episodes", 1, "--every", 5), "error: --every: belongs to stored plans; expected --keep beside it"),
    ],
)
def test_what_cannot_be_is_named(trained: Foresight, words: tuple[object, ...], reason: str) -> None:
    answer = trained("plan", 1, *SMALL, *words)
    assert answer.code == 2
    assert reason in answer.err
    assert answer.out == ""
