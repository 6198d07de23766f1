"""The table's model over a real project: lines, paging, order, filters, and rows that move while runs train."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt
from pytestqt.modeltest import ModelTester
from sqlalchemy import insert

from storage import ExpressionError, Project, RunFilter, RunState, open_project
from storage.tables import Run, RunGroup
from ui.context import Context
from ui.live_runs import LiveRuns
from ui.tables.run_columns import COLUMNS, PLACE
from ui.tables.run_item import RunItem
from ui.tables.run_status import status_words
from ui.tables.runs_model import PAGE, RunsModel
from ui.tables.runs_query import split_filter
from workbench.events import Progress


@pytest.fixture
def model(context: Context) -> RunsModel:
    made = RunsModel(context)
    made.show()
    return made


def names(model: RunsModel) -> list[str]:
    return [item.name for item in model.items]


def cell(model: RunsModel, row: int, column: str, parent: QModelIndex | None = None) -> str:
    return str(model.index(row, PLACE[column], parent or QModelIndex()).data())


def test_groups_fold_and_unfold(model: RunsModel, qtmodeltester: ModelTester) -> None:
    qtmodeltester.check(model)
    assert len(model.items) == 8
    group = model.index_of((1, 0))
    assert group.data() == "ALM quick, K = 3"
    assert model.rowCount(group) == 3
    assert [model.index(seed, 0, group).data() for seed in range(3)] == ["seed 1", "seed 2", "seed 3"]
    assert model.parent(model.index(2, 0, group)) == group
    model.show(folded=False)
    assert len(model.items) == 14
    assert model.rowCount(model.index(0, 0)) == 0


def test_a_line_combines_its_seeds(model: RunsModel, project: Project) -> None:
    rows = [project.runs.get(run_id) for run_id in (1, 2, 3)]
    returns = [row.latest_return or 0.0 for row in rows]
    place = model.index_of((1, 0)).row()
    mean = sum(returns) / 3
    spread = (sum((value - mean) ** 2 for value in returns) / 2) ** 0.5
    assert cell(model, place, "return") == f"{mean:,.0f} ± {spread:.3g}"
    assert cell(model, place, "best") == f"{max(row.best_return or 0.0 for row in rows):,.0f}"
    assert cell(model, place, "seeds") == "3"
    assert cell(model, place, "speed") == "186"  # three run at once
    assert cell(model, model.index_of((2, 0)).row(), "speed") == "62.1"  # three have finished, each by itself
    assert cell(model, place, "step") == "8,000"
    assert cell(model, model.index_of((4, 0)).row(), "started") == "—"  # what is queued has not started


def test_the_storage_sorts(model: RunsModel) -> None:
    model.sort(PLACE["return"], Qt.SortOrder.DescendingOrder)
    shown = [item.mean(lambda row: row.latest_return) for item in model.items]
    known = [value for value in shown if value is not None]
    assert known == sorted(known, reverse=True)
    assert len(known) == 7
    assert shown[-1] is None
    model.sort(PLACE["run"], Qt.SortOrder.AscendingOrder)
    assert names(model) == sorted(names(model), key=str.lower)


def test_a_filter_that_cannot_be_understood_changes_nothing(model: RunsModel) -> None:
    before = names(model)
    with pytest.raises(ExpressionError, match="did you mean return"):
        model.show(RunFilter(expression="retrun > 5"))
    assert names(model) == before
    assert model.filter.expression == ""
    model.show(RunFilter(expression="return > 900 and environment ~ cheetah"))
    assert set(names(model)) == {"ALM quick, K = 3", "No classifier term", "Paper sizes, K = 3"}


@pytest.mark.parametrize(
    ("typed", "words", "expression"),
    [
        ("quick cheetah", "quick cheetah", ""),
        ("return > 500", "", "return > 500"),
        ('name = "x"', "", 'name = "x"'),
        ('"K = 3"', "K = 3", ""),
        ('"a" = "b"', "", '"a" = "b"'),
        ("  ", "", ""),
    ],
)
def test_what_is_typed_is_words_or_an_expression(typed: str, words: str, expression: str) -> None:
    assert split_filter(typed) == (words, expression)


def test_progress_moves_a_row_without_reading_the_table(model: RunsModel, context: Context) -> None:
    place = model.index_of((1, 0)).row()
    touched: list[int] = []
    model.dataChanged.connect(lambda first, last: touched.append(first.column()))
    context.feed._running = frozenset({1, 2, 3})
    for run_id, step in ((1, 8300), (2, 8600), (3, 8900)):
        progress = Progress(run_id, step, step - 1000, time.time(), "learning", 12_000)
        context.feed._latest[run_id] = progress
        context.feed.progressed.emit(run_id, progress)
    assert cell(model, place, "step") == "8,600"
    assert cell(model, 0, "step", model.index(place, 0)) == "8,300"
    assert set(touched) == {PLACE["status"], PLACE["step"]}


def test_heartbeats_reach_living_rows_and_an_end_reads_all(model: RunsModel, project: Project) -> None:
    place = model.index_of((1, 0)).row()
    project.runs.heartbeat(1, 9000, 8000, 150.0, 2000.0, 2000.0, 70.0, 70.0, 15.0)
    project.writer.flush()
    resets: list[int] = []
    model.modelReset.connect(lambda: resets.append(1))
    model.refresh_live()
    assert cell(model, place, "best") == "2,000"
    project.runs.change_state(1, RunState.FINISHED)
    project.runs.rename(9, "Renamed")
    model.refresh_live()
    assert "Renamed" in names(model)
    assert not resets  # the same rows in the same order keep selection and scrolling


def test_states_in_words(model: RunsModel, project: Project) -> None:
    def words(key: tuple[int, int], now: float | None = None) -> str:
        return str(status_words(model.item(model.index_of(key)), model.live, time.time() if now is None else now))

    assert words((1, 0)).startswith("Running 0.")
    assert words((2, 0)) == "Finished 3:20"
    assert words((0, 9)) == "Interrupted Resume"
    assert words((0, 10)).startswith("Failed the loss critic was not finite")
    assert words((4, 0)) == "Queued next"
    assert words((0, 12)) == "Queued number 2"
    assert words((0, 14)) == "Paused Resume"
    assert words((1, 0), time.time() + 40).startswith("Silent for 4")
    project.runs.change_state(1, RunState.FAILED, "NaN in critic.")
    model.refresh()
    assert words((1, 0)) == "Running 2 of 3"


def test_the_best_state_to_show_is_the_one_that_asks_for_attention(project: Project) -> None:
    failed, finished = project.runs.get(10), project.runs.get(4)
    assert RunItem((finished, failed)).state is RunState.FAILED


def test_asked_for_pauses_show_before_they_are_stored(context: Context, project: Project) -> None:
    from workbench.engine.channel import Channel

    class Queue:
        def channel(self, run_id: int) -> Channel:
            return channel

    channel = Channel()
    context.engine.queue = Queue()  # type: ignore[assignment]
    live, row = LiveRuns(context), project.runs.get(1)
    assert live.state(row, time.time()) == "running"
    channel.pause()
    assert live.state(row, time.time()) == "pausing"
    channel.stop()
    assert live.state(row, time.time()) == "stopping"


def test_every_column_shows_something_for_every_row(model: RunsModel) -> None:
    for row in range(model.rowCount()):
        for column in range(model.columnCount()):
            index = model.index(row, column)
            assert isinstance(index.data(), str)
            assert index.data(Qt.ItemDataRole.ToolTipRole) is not None
    assert len({column.sort for column in COLUMNS}) == len(COLUMNS)
    for place in range(len(COLUMNS)):
        model.sort(place)  # each names a field that the storage can sort by


# ---- two thousand runs ----------------------------------------------------------------------------------------------


@pytest.fixture
def large_project(tmp_path: Path) -> Iterator[Project]:
    """2,000 runs: 300 groups of five seeds, and 500 that stand alone."""
    with open_project(tmp_path / "large", write=True) as project:
        now = time.time()
        known = {"device": "cpu", "precision": "fp32", "spec": {"settings": {"rollout_length": 3}}, "versions": {}}
        known |= {"host": {}, "status": "finished", "total_steps": 12_000, "content_hash": "x"}
        groups = [
            {"uuid": str(uuid.uuid4()), "name": f"group {number}", "kind": "seeds", "info": {}, "created": now}
            for number in range(300)
        ]
        runs = [
            known
            | {"uuid": str(uuid.uuid4()), "name": f"run {number}", "agent": "alm", "environment": "Ant-v5"}
            | {"seed": number % 5, "group_id": number // 5 + 1 if number < 1500 else None, "created": now + number}
            | {"latest_return": float(number), "started": now + number}
            for number in range(2000)
        ]
        project.writer.call(lambda connection: connection.execute(insert(RunGroup), groups).rowcount)
        project.writer.call(lambda connection: connection.execute(insert(Run), runs).rowcount)
        yield project


def test_two_thousand_runs_come_in_pages(large_project: Project, context: Context) -> None:
    context.project = large_project
    model = RunsModel(context)
    model.show()
    assert len(model.items) == PAGE
    assert names(model)[0] == "run 1999"
    while not model.complete:
        model.read_more()
    assert len(model.items) == 800
    assert len({item.key for item in model.items}) == 800
    assert names(model)[-1] == "group 0"


def test_two_thousand_runs_are_shown_sorted_and_filtered_in_time(large_project: Project, context: Context) -> None:
    context.project = large_project
    model = RunsModel(context)
    model.show()  # what SQLAlchemy compiles once per statement is not measured
    tries = {
        "first page": lambda: model.show(RunFilter()),
        "sort": lambda: model.show(sort_by=("latest_return", "desc")),
        "filter": lambda: model.show(RunFilter(expression="return > 500 and agent = alm")),
    }
    for name, act in tries.items():
        taken = []
        for _ in range(3):
            begin = time.thread_time()  # what else the machine does is not counted
            act()
            taken.append(time.thread_time() - begin)
        assert min(taken) < 0.2, f"{name}: {min(taken):.3f} s"
    assert len(model.items) == PAGE
