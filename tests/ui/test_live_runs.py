"""Which run the panels for one run show."""

from __future__ import annotations

import pytest

from storage import Project
from ui.context import Context
from ui.feed import Feed
from ui.live_runs import watched_run


@pytest.fixture
def group(project: Project) -> list[int]:
    """The three seeds of one group."""
    return sorted(row.id for row in project.runs.page() if row.name.startswith("ALM quick"))


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Runs put in here train in this process."""
    running: set[int] = set()
    monkeypatch.setattr(Feed, "running", property(lambda feed: frozenset(running)))
    return running


def _shown(context: Context) -> int | None:
    row = watched_run(context)
    return None if row is None else row.id


def test_without_a_selection_the_newest_run_that_trains(context: Context, training: set[int], group: list[int]) -> None:
    assert _shown(context) is None
    training.update(group[:2])
    assert _shown(context) == group[1]


def test_the_run_that_was_selected_last(context: Context, training: set[int], group: list[int]) -> None:
    training.add(group[0])
    alone = next(row.id for row in context.project.runs.page() if row.name == "Shorter rollout")
    context.selection.select([*group, alone])
    assert _shown(context) == alone


def test_of_a_group_the_seed_that_trains(context: Context, training: set[int], group: list[int]) -> None:
    context.selection.select(group)
    assert _shown(context) == group[2]
    training.add(group[0])
    assert _shown(context) == group[0]
    training.clear()
    training.add(group[1])
    assert _shown(context) == group[1]


def test_a_run_that_was_deleted_is_not_shown(context: Context, training: set[int]) -> None:
    context.selection.select([99])
    assert _shown(context) is None
