"""Names of runs, groups and tags stay one line of moderate length, whatever is pasted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from storage import Project, StorageError
from storage.names import checked_name, one_line

AddRun = Callable[..., int]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  two\nlines ", "two lines"),
        ("nul\0inside", "nul inside"),
        ("left \u202eright", "left right"),
        ("runner \U0001f3c3\u200d♀️", "runner \U0001f3c3\u200d♀️"),
        ("\t\r\n", ""),
    ],
)
def test_a_name_is_one_line(typed: str, kept: str) -> None:
    assert one_line(typed) == kept


def test_ten_thousand_characters_are_refused_and_nothing_changes(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project)
    before = project.runs.get(run_id)
    with pytest.raises(StorageError, match=r"at most 200 characters; this one has 10,000\. Nothing was changed"):
        project.runs.rename(run_id, "x" * 10_000)
    with pytest.raises(StorageError, match="at most 60 characters"):
        project.runs.set_tags(run_id, ["good", "t" * 61])
    after = project.runs.get(run_id)
    assert (after.name, after.tags) == (before.name, before.tags)
    assert checked_name("x" * 200, "run") == "x" * 200
