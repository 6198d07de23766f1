"""``foresight analyse`` for people and for scripts: exit codes, one document, and reading beside a writer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from storage import open_project
from tests.command_line import TINY, Foresight

SHORT = ("--horizon", 5, "--starts", 4)


def test_latent_rollout_prints_one_document(trained: Foresight) -> None:
    answer = trained("analyse", "latent-rollout", 1, *SHORT, "--json")
    assert answer.code == 0, answer.err
    document = answer.document
    assert (document["analysis"], document["run"], document["step"]) == ("latent-rollout", 1, 60)
    assert document["episode"] == {"name": "evaluation-60", "length": 15}
    assert len(document["starts"]) == 4
    assert set(document["by_horizon"]) == {"l2", "copy_last", "mean_latent", "cosine", "reward", "kl", "value"}
    error = document["by_horizon"]["l2"]
    assert len(error["mean"]) == 6
    assert error["mean"][0] == 0.0
    assert error["low"][3] <= error["mean"][3] <= error["high"][3]
    assert document["by_horizon"]["kl"]["mean"][0] is None
    assert len(document["variance"]) == 4
    assert 0 <= document["summary"]["useful_steps"] <= 5


def test_for_people_it_ends_in_a_sentence(trained: Foresight) -> None:
    answer = trained("analyse", "latent-rollout", 1, *SHORT)
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0] == "Mean over 4 starts of evaluation-60:"
    assert [line.split()[0] for line in lines[2:6]] == ["1", "2", "3", "5"]
    assert lines[-1].startswith(("The model is right for", "The latents have collapsed"))
    assert "Measuring latent-rollout of" in answer.err


def test_checkpoints_and_fresh_episodes(trained: Foresight) -> None:
    early = trained("analyse", "latent-rollout", 1, *SHORT, "--checkpoint", 30, "--episode", "fresh", "--json")
    assert early.code == 0, early.err
    assert (early.document["step"], early.document["episode"]["name"]) == (30, "fresh")
    best = trained("analyse", "latent-rollout", 2, *SHORT, "--checkpoint", "best", "--json")
    assert best.document["checkpoint"].startswith("best")
    again = trained("analyse", "latent-rollout", 2, *SHORT, "--checkpoint", "best", "--json")
    assert again.out == best.out, "the same checkpoint gives the same numbers"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("latent-rollout", 1, "--checkpoint", 17), 2, "run 1 has no snapshot '17'; expected last, best or one of"),
        (("latent-rollout", 1, "--episode", "x"), 2, "has no episode 'x'; there are: evaluation-20"),
        (("latent-rollout", 1, "--horizon", 0), 2, "--horizon: 0 is below 1"),
        (("q-bias", 1, "--first-steps", 0), 2, "--first-steps: 0 is below 1"),
        (("bound", 1, "--longest", -3), 2, "--longest: -3 is below 1"),
        (("latent-rollout", 77), 1, "no run"),
        (("x-ray", 1), 2, "invalid choice"),
    ],
)
def test_what_cannot_be_is_said(trained: Foresight, words: tuple[object, ...], code: int, sentence: str) -> None:
    answer = trained("analyse", *words)
    assert (answer.code, answer.out) == (code, "")
    assert sentence in answer.err


def test_a_damaged_checkpoint_is_said(trained: Foresight, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(trained.folder, folder)
    with open_project(folder) as project:
        row = next(each for each in project.artifacts.list(1, "snapshot") if each.step == 60)
        project.artifacts.file(row.path).write_bytes(b"short")
    answer = Foresight(folder)("analyse", "latent-rollout", 1, "--checkpoint", "60")
    assert answer.code == 1
    assert "is damaged" in answer.err


def test_a_result_is_stored_only_when_asked(trained: Foresight, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(trained.folder, folder)
    with open_project(folder, write=True) as project:  # another program trains meanwhile
        answer = Foresight(folder)("analyse", "latent-rollout", 1, *SHORT, "--json")
        assert answer.code == 0, answer.err
        assert project.artifacts.list(1, "analysis") == ()
        refused = Foresight(folder)("analyse", "latent-rollout", 1, *SHORT, "--keep")
        assert refused.code == 1
    kept = Foresight(folder)("analyse", "latent-rollout", 1, *SHORT, "--keep")
    assert kept.code == 0, kept.err
    with open_project(folder) as project:
        (row,) = project.artifacts.list(1, "analysis")
        arrays, document = project.artifacts.load(row)
    assert row.name == "latent-rollout-60"
    assert row.info == document["summary"]
    assert arrays["l2/mean"].tolist() == document["by_horizon"]["l2"]["mean"]
    assert document["by_horizon"]["kl"]["mean"][0] is None, "what is stored is strict JSON too"


def test_model_error_judges_by_recorded_and_by_fresh_episodes(trained: Foresight) -> None:
    words = ("analyse", "model-error", 1, "--horizon", 4, "--starts", 8, "--episodes", 2)
    answer = trained(*words, "--json")
    assert answer.code == 0, answer.err
    kinds = answer.document["kinds"]
    assert (kinds["held_out"]["episodes"], kinds["visited"]["episodes"]) == (3, 2)
    for kind in kinds.values():
        assert len(kind["latent"]["mean"]) == len(kind["latent"]["baseline"]) == 5
        assert len(kind["reward"]["mean"]) == 4
        assert kind["observation"] is None, "no decoder"
    assert set(answer.document["summary"]) == {"held_out", "visited"}
    told = trained(*words)
    assert told.out.splitlines()[0].startswith("Recorded evaluation episodes: ")
    assert told.out.splitlines()[-1].startswith("The latent is right for ")


def test_model_error_of_a_model_with_a_decoder(foresight: Foresight) -> None:
    trained = foresight("train", *TINY, "--set", "reconstruction=true", "--steps", 40, "--seeds", 1)
    assert trained.code == 0, trained.err
    answer = foresight("analyse", "model-error", 1, "--horizon", 4, "--starts", 8, "--json")
    assert answer.code == 0, answer.err
    observation = answer.document["kinds"]["visited"]["observation"]
    assert len(observation["mean"]) == len(observation["baseline"]) == 5
    assert observation["mean"][0] > 0
