"""``study``: asked for, told beforehand, run, gone on with, and refused in words."""

from __future__ import annotations

import pytest

from tests.command_line import TINY, Foresight

SMALL = (*("--base", "alm-quick"), *TINY[2:], "--steps", 40)


def test_a_study_is_run_repeated_for_more_seeds_and_told(foresight: Foresight) -> None:
    asked = ("study", *SMALL, "--toggle", "kl_term", "rollout_length=1", "--name", "terms")
    first = foresight(*asked, "--seeds", 1, "--json")
    assert first.code == 0, first.err
    assert "3 variants x 1 seed = 3 runs" in first.err
    study = first.document["study"]
    assert study["name"] == "terms"
    assert [(each["name"], each["changes"], each["states"]) for each in study["variants"]] == [
        ("Base", {}, {"finished": 1}),
        ("No KL term", {"kl_term": False}, {"finished": 1}),
        ("Rollout length 1", {"rollout_length": 1}, {"finished": 1}),
    ]
    assert {run["study"] for run in first.document["runs"]} == {"terms"}

    told = foresight("study", "--go-on", "terms", "--seeds", "1,2", "--dry-run", "--json")
    assert told.code == 0, told.err
    assert (told.document["study"]["runs"], told.document["study"]["seeds"]) == (6, [1, 2])
    assert len(foresight("list", "--json").document["runs"]) == 3, "nothing was queued"

    more = foresight("study", "--go-on", "terms", "--seeds", "1,2")
    assert more.code == 0, more.err
    assert "No KL term: 2 finished" in more.out
    assert len(foresight("list", "--json").document["runs"]) == 6
    again = foresight(*asked, "--seeds", "1,2")
    assert again.code == 0, again.err
    assert "goes on" in again.err
    assert "All of them have run." in again.err
    other = foresight(*asked, "--steps", 50)
    assert other.code == 2
    assert "another study called terms" in other.err


def test_a_dry_run_tells_and_starts_nothing(foresight: Foresight) -> None:
    answer = foresight("study", "--preset", "fig-5b", *TINY[2:6], "--base", "alm-quick", "--dry-run", "--json")
    assert answer.code == 0, answer.err
    study = answer.document["study"]
    assert (study["runs"], study["seeds"], study["seconds"]) == (20, [1, 2, 3, 4, 5], None)
    assert [arm["changes"] for arm in study["variants"]] == [{}, *({"rollout_length": k} for k in (1, 2, 5))]
    assert not foresight.folder.exists()
    told = foresight("study", *SMALL, "--toggle", "entropy_bonus", "actor_loss", "--combine", "pairs", "--dry-run")
    assert told.code == 0
    assert "Left out: Actor loss td3, Entropy bonus" in told.err or "Left out: Entropy bonus" in told.err
    assert "= 3 runs" in told.out


def test_the_papers_studies_are_listed(foresight: Foresight) -> None:
    listed = foresight("study", "--list", "--json").document["studies"]
    assert len(listed) == 13
    assert {"name", "title", "source", "variants"} <= set(listed[0])
    assert "fig-5a: Which terms" in foresight("study", "--list").out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "toggle: name the ablations"),
        (("--toggle", "learning_rate"), "'learning_rate' is no ablation of alm"),
        (("--toggle", "kl_term=true"), "nothing differs from the base"),
        (("--toggle", "rollout_length=0"), "Rollout length 0"),
        (("--preset", "fig-99"), "there is no study called 'fig-99'"),
        (("--preset", "fig-5a", "--toggle", "kl_term"), "it says already what --toggle would say"),
        (("--preset", "fig-5a", "--combine", "pairs"), "it says already what --combine would say"),
        (("--go-on", "x", "--combine", "each", "--device", "cpu"), "what --combine, --device would say"),
        (("--go-on", "x", "--preset", "fig-5a"), "it says already what --preset would say"),
        (("--toggle", "kl_term", "--env", "Nowhere-v0"), "environment: "),
        (("--toggle", "kl_term", "--seeds", "1,1"), "seeds: "),
    ],
)
def test_what_cannot_be_is_refused_with_code_2(foresight: Foresight, words: tuple[str, ...], sentence: str) -> None:
    answer = foresight("study", *words)
    assert answer.code == 2, answer.err
    assert sentence in answer.err
    assert not foresight.folder.exists()


def test_a_study_that_is_not_there_fails_with_code_1(foresight: Foresight) -> None:
    answer = foresight("study", "--go-on", "nothing")
    assert answer.code == 1
    assert "There is no study nothing." in answer.err
