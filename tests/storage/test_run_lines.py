"""The folded table: which lines there are, in which order, and how they page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage import ExpressionError, Project, RunFilter, RunState, StorageError, UnknownRun, open_project

AddRun = Callable[..., int]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, add_run: AddRun) -> Iterator[Project]:
    """Runs 1 to 3 are the seeds 3, 1, 2 of a group, 4 stands alone, 5 and 6 are another group."""
    with open_project(tmp_path_factory.mktemp("lines"), write=True) as project:
        first = project.runs.create_group("beta")
        for seed, state in ((3, RunState.FINISHED), (1, RunState.FAILED), (2, RunState.FINISHED)):
            add_run(project, state, name=f"beta seed {seed}", seed=seed, group_id=first)
        add_run(project, RunState.RUNNING, name="Alone", environment="Ant-v5")
        second = project.runs.create_group("alpha")
        for seed in (1, 2):
            add_run(project, name=f"alpha seed {seed}", seed=seed, group_id=second)
        returns = {1: 100.0, 2: 500.0, 3: 300.0, 4: 350.0}
        for run_id, value in returns.items():
            project.runs.heartbeat(run_id, 10 * run_id, 0, 1.0, value, value, 15.0 if run_id == 4 else 12.0, 10.0, 30)
        project.writer.flush()
        yield project


def ids(project: Project, *arguments: object, **keywords: object) -> list[list[int]]:
    return [[row.id for row in line.runs] for line in project.runs.lines(*arguments, **keywords)]  # type: ignore[arg-type]


def test_a_groups_runs_fold_into_one_line_by_seed(table: Project) -> None:
    assert ids(table) == [[5, 6], [4], [2, 3, 1]]
    names = [None if line.group is None else line.group.name for line in table.runs.lines()]
    assert names == ["alpha", None, "beta"]


def test_without_folding_every_run_is_a_line_and_knows_its_group(table: Project) -> None:
    lines = table.runs.lines(sort=[("id", "asc")], folded=False)
    assert [line.runs[0].id for line in lines] == [1, 2, 3, 4, 5, 6]
    assert lines[0].group is not None
    assert lines[0].group.name == "beta"


@pytest.mark.parametrize(
    ("field", "direction", "order"),
    [
        ("latest_return", "desc", [[4], [2, 3, 1], [5, 6]]),  # 350, the mean 300, unknown last
        ("latest_return", "asc", [[2, 3, 1], [4], [5, 6]]),
        ("best_return", "desc", [[2, 3, 1], [4], [5, 6]]),  # the best 500 of three
        ("steps_per_second", "desc", [[4], [2, 3, 1], [5, 6]]),  # 15; 12 each, which are not added; unknown
        ("seeds", "desc", [[2, 3, 1], [5, 6], [4]]),
        ("name", "asc", [[4], [5, 6], [2, 3, 1]]),  # without regard to case, by the group's name
        ("status", "asc", [[4], [2, 3, 1], [5, 6]]),  # running, failed among finished ones, queued
        ("group", "asc", [[5, 6], [2, 3, 1], [4]]),
        ("started", "desc", [[5, 6], [4], [2, 3, 1]]),  # those that wait count from when they were made
    ],
)
def test_lines_are_ordered_by_what_they_show(table: Project, field: str, direction: str, order: object) -> None:
    assert ids(table, sort=[(field, direction)]) == order


def test_lines_page_without_gaps_or_repetitions(table: Project) -> None:
    pages = [ids(table, None, [("status", "asc")], limit=2, offset=offset) for offset in (0, 2, 4)]
    assert pages == [[[4], [2, 3, 1]], [[5, 6]], []]


def test_a_filter_leaves_only_the_runs_that_fit_in_a_line(table: Project) -> None:
    assert ids(table, RunFilter(expression="return > 200")) == [[4], [2, 3]]
    assert ids(table, RunFilter(text="ant")) == [[4]]
    with pytest.raises(ExpressionError, match="cannot be sorted by colour"):
        table.runs.lines(sort=[("colour", "asc")])


def test_states_are_counted(table: Project) -> None:
    expected = {RunState.FINISHED: 2, RunState.FAILED: 1, RunState.RUNNING: 1, RunState.QUEUED: 2}
    assert table.runs.count_by_status() == expected
    assert table.runs.count_by_status(RunFilter(text="beta")) == {RunState.FINISHED: 2, RunState.FAILED: 1}


def test_a_group_can_be_renamed(tmp_path: Path, add_run: AddRun) -> None:
    with open_project(tmp_path, write=True) as project:
        group = project.runs.create_group("old")
        add_run(project, name="old seed 1", group_id=group)
        project.runs.rename_group(group, "  new ")
        assert project.runs.group(group).name == "new"
        assert project.runs.get(1).name == "old seed 1"
        with pytest.raises(StorageError, match="cannot be empty"):
            project.runs.rename_group(group, " ")
        with pytest.raises(UnknownRun):
            project.runs.rename_group(99, "x")
