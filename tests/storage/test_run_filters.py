"""Filters and the expression language, against what a loop over the rows would choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage import ExpressionError, Project, RunFilter, RunState, open_project

AddRun = Callable[..., int]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, add_run: AddRun) -> Iterator[Project]:
    """Five runs that differ in what can be asked for."""
    with open_project(tmp_path_factory.mktemp("table"), write=True) as project:
        fill(project, add_run)
        yield project


def fill(project: Project, add_run: AddRun) -> None:
    group = project.runs.create_group("Sweep 7")
    settings = {"rollout_length": 3, "planner": {"name": "cem", "horizon": 12}, "learned": True, "rate": 1e-4}
    add_run(project, name="one", agent="alm", spec={"settings": settings})
    add_run(project, name="two", agent="alm", seed=2, group_id=group, spec={"settings": {"rollout_length": 5}})
    add_run(project, RunState.RUNNING, name="three", agent="memb", environment="Ant-v5")
    add_run(project, RunState.FAILED, name="100% four_a", agent="memb", study="k")
    add_run(project, RunState.FINISHED, name="five", preset="alm-quick")
    project.runs.heartbeat(3, 20_000, 10, 1.0, 5.0, 600.0, None, None, 30)
    project.runs.heartbeat(4, 500, 10, 1.0, 5.0, 20.0, None, None, 30)
    project.runs.set_tags(1, ["good", "broken later"])
    project.runs.set_tags(2, ["good"])
    project.runs.set_note(5, "Looks odd: see (page 7)")
    project.runs.star(2)
    project.writer.flush()


def chosen(project: Project, **fields: object) -> list[int]:
    narrow = RunFilter(**fields)  # type: ignore[arg-type]
    ids = [row.id for row in project.runs.page(narrow, [("id", "asc")])]
    assert project.runs.count(narrow) == len(ids)
    return ids


def test_fields_narrow_the_choice(table: Project) -> None:
    assert chosen(table) == [1, 2, 3, 4, 5]
    assert chosen(table, agent="memb") == [3, 4]
    assert chosen(table, ids=[4, 2, 99]) == [2, 4]
    assert chosen(table, ids=[]) == []
    assert chosen(table, environment="Ant-v5") == [3]
    assert chosen(table, study="k") == [4]
    assert chosen(table, group=1) == [2]
    assert chosen(table, statuses=[RunState.RUNNING, "failed"]) == [3, 4]
    assert chosen(table, tags=["good"]) == [1, 2]
    assert chosen(table, tags=["good", "broken later"]) == [1]
    assert chosen(table, starred=True) == [2]
    assert chosen(table, starred=False, agent="alm") == [1, 5]


def test_text_is_looked_for_everywhere_and_taken_literally(table: Project) -> None:
    assert chosen(table, text="ant") == [3]
    assert chosen(table, text="BROKEN") == [1]
    assert chosen(table, text="sweep") == [2]
    assert chosen(table, text="odd page") == [5]
    assert chosen(table, text="100%") == [4]
    assert chosen(table, text="r_a") == [4]
    assert chosen(table, text="%") == [4]
    assert chosen(table, text="'; DROP TABLE runs; --") == []


def test_archived_runs_are_hidden_unless_asked_for(project: Project, add_run: AddRun) -> None:
    runs = [add_run(project) for _ in range(3)]
    project.runs.archive(runs[0])
    assert chosen(project) == [2, 3]
    assert chosen(project, archived=True) == [1]
    assert chosen(project, archived=None) == [1, 2, 3]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('agent = "alm"', [1, 2, 5]),
        ("agent == alm", [1, 2, 5]),
        ("agent != 'alm'", [3, 4]),
        ("step > 10000 and best_return >= 500", [3]),
        ("step>=500 and step<=500", [4]),
        ("best_return < 1e2 or seed = 2", [2, 4]),
        ("name = one or name = two and agent = memb", [1]),
        ("(name = one or name = two) and agent = memb", []),
        ("not agent = alm and not (step < 1000)", [3]),
        ("NOT agent = alm AND step > 1000 OR name = five", [3, 5]),
        ("name ~ OU", [4]),
        ('name ~ "0% f"', [4]),
        ("environment ~ cheetah and seed = 2", [2]),
        ("status = running", [3]),
        ("status != queued", [3, 4, 5]),
        ("tag = good", [1, 2]),
        ("tag != good", [3, 4, 5]),
        ("tag ~ broken", [1]),
        ("tag = none", [3, 4, 5]),
        ("tag != none", [1, 2]),
        ("group = 'Sweep 7'", [2]),
        ("group = none", [1, 3, 4, 5]),
        ("starred = true", [2]),
        ("best_return = none", [1, 2, 5]),
        ("best_return != none", [3, 4]),
        ("study != k", [1, 2, 3, 5]),
        ("preset = alm-quick", [5]),
        ("note ~ '(page'", [5]),
        ("created > 2020-01-01 and created < 2999-12-31T12:00", [1, 2, 3, 4, 5]),
        ("ended = none", [1, 2, 3]),
        ("settings.rollout_length = 3", [1, 3, 4, 5]),
        ("settings.rollout_length > 3", [2]),
        ("settings.rollout_length != none and settings.rollout_length != 3", [2]),
        ("settings.planner.name = cem and settings.planner.horizon >= 12", [1]),
        ("settings.planner.horizon = none", [2, 3, 4, 5]),
        ("settings.learned = true", [1]),
        ("settings.rate = 1e-4", [1]),
        ("settings.rate <= 0.0001", [1]),
        ("settings.no_such_thing = 1", []),
        ("  ", [1, 2, 3, 4, 5]),
    ],
)
def test_expressions(table: Project, expression: str, expected: list[int]) -> None:
    assert chosen(table, expression=expression) == expected


@pytest.mark.parametrize(
    ("expression", "position", "problem"),
    [
        ("stepp > 3", 1, "there is no field stepp; did you mean step?"),
        ("xyz > 3", 1, "there is no field xyz; known are name, agent"),
        ("step >", 7, "expected a value after >, not the end"),
        ("step 3", 6, "expected a comparison"),
        ("agent = alm and", 16, "expected a field, not the end"),
        ("agent = alm seed = 2", 13, "expected 'and', 'or' or the end, not seed"),
        ("(step > 3", 10, "expected ')', not the end"),
        ("step > 3)", 9, "expected 'and', 'or' or the end"),
        ("step > many", 8, "step is a number"),
        ("starred = 3", 11, "starred is true or false"),
        ("created > soon", 11, "is not a date"),
        ("agent = 'alm", 9, "cannot be understood"),
        ("step > 3; drop table runs", 9, "cannot be understood"),
        ("__class__ = 1", 1, "there is no field __class__"),
        ("settings. = 1", 1, "there is no field"),
        ("settings.a..b = 1", 1, "there is no field"),
        ("= 3", 1, "expected a field"),
        ("(" * 60 + "step > 3" + ")" * 60, 51, "more than 50"),
        ("not " * 60 + "step > 3", 201, "more than 50"),
    ],
)
def test_errors_name_the_position(table: Project, expression: str, position: int, problem: str) -> None:
    with pytest.raises(ExpressionError) as error:
        table.runs.count(RunFilter(expression=expression))
    assert f"at position {position}: " in error.value.what
    assert problem in error.value.what


def test_a_hostile_value_is_only_a_value(table: Project) -> None:
    assert chosen(table, expression='name = "x\' OR 1=1 --"') == []
    assert chosen(table, expression='settings.rollout_length"; = 3'.replace('";', "")) == [1, 3, 4, 5]
    assert table.runs.count() == 5


def test_sorting(table: Project) -> None:
    def ids(*sort: tuple[str, str]) -> list[int]:
        return [row.id for row in table.runs.page(sort=sort)]

    assert ids(("name", "asc")) == [4, 5, 1, 3, 2]
    assert ids(("best_return", "desc")) == [3, 4, 5, 2, 1]
    assert ids(("best_return", "asc")) == [4, 3, 5, 2, 1]
    assert ids(("agent", "desc"), ("id", "asc")) == [3, 4, 1, 2, 5]
    assert ids() == [5, 4, 3, 2, 1]
    pages = [table.runs.page(sort=[("id", "asc")], limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [[row.id for row in page] for page in pages] == [[1, 2], [3, 4], [5]]
    with pytest.raises(ExpressionError, match="cannot be sorted by spec asc"):
        ids(("spec", "asc"))
    with pytest.raises(ExpressionError, match="sideways"):
        ids(("step", "sideways"))


def test_tags_come_with_large_pages_too(folder: Path, add_run: AddRun) -> None:
    with open_project(folder, write=True) as project:
        run_id = add_run(project)
        project.runs.set_tags(run_id, ["b", "a"])
        copies = "INSERT INTO runs SELECT {} FROM runs, (WITH RECURSIVE c(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM c"
        with project.database.reading() as connection:
            names = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(runs)")]
        columns = ", ".join({"id": "n", "uuid": "hex(randomblob(16))"}.get(name, name) for name in names)
        sql = copies.format(columns) + " WHERE n < 1200) SELECT n FROM c)"
        project.writer.call(lambda connection: connection.exec_driver_sql(sql).rowcount)
        page = project.runs.page(sort=[("id", "asc")])
    assert len(page) == 1200
    assert [row.tags for row in page[:2]] == [("a", "b"), ()]
