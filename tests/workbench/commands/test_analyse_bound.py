"""``foresight analyse bound``: one document whose parts add up, and a table for people."""

from __future__ import annotations

import pytest

from tests.command_line import Foresight


def test_the_bound_prints_one_document_whose_parts_add_up(trained: Foresight) -> None:
    answer = trained("analyse", "bound", 1, "--longest", 4, "--json")
    assert answer.code == 0, answer.err
    document = answer.document
    assert (document["analysis"], document["run"], document["rollout_length"]) == ("bound", 1, 3)
    assert [row["steps"] for row in document["by_k"]] == [0, 1, 2, 3, 4]
    for row in document["by_k"]:
        assert row["estimate"] == pytest.approx(row["rewards"] + row["intrinsic"] + row["terminal"])
        assert row["gap"] == pytest.approx(row["estimate"] - document["mean_return"])
    assert sum(document["discount_over_horizons"]["given"]) == pytest.approx(1.0)
    assert len(document["above"]["share"]) == 10


def test_for_people_there_is_a_row_for_every_k(trained: Foresight) -> None:
    answer = trained("analyse", "bound", 1, "--longest", 2)
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["0", "1", "2"]
    assert lines[5].startswith("Weights of the horizons 0 to 2: given 0.010, 0.010, 0.980")
    assert "It is closest at K = " in lines[-1]


def test_a_k_below_one_is_refused(trained: Foresight) -> None:
    answer = trained("analyse", "bound", 1, "--longest", 0)
    assert (answer.code, answer.out) == (2, "")
    assert "--longest: 0 is below 1" in answer.err
