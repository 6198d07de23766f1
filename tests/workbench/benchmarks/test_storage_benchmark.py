"""The storage's benchmark: its answer has its fields, what gets lost is noticed. Times are never judged here."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from storage import Project, Series, open_project
from tests.command_line import Foresight
from workbench.benchmarks.storage import Extent, log_scalars, make_runs, run_storage_benchmark

TINY = ("--seconds", "0.2", "--runs", "12", "--points", "3000")
LOOKS = {"median_ms": float, "worst_ms": float}
LOGGING = {
    **{"sessions": int, "seconds": float, "scalars": int, "stored": bool, "offered": float, "written": float},
    **{"wait_p99_ms": float, "longest_wait_ms": float, "cpu_share": float},
}
SCHEMA: dict[str, Any] = {
    **dict.fromkeys(("scalars_per_second", "longest_wait_ms", "page_ms", "sort_ms", "filter_ms", "read_ms"), float),
    "steady": LOGGING,
    "flat_out": LOGGING,
    "table": {
        "runs": int,
        "page": {"folded": LOOKS, "unfolded": LOOKS},
        "sort": dict.fromkeys(("name", "best_return", "step", "status"), LOOKS),
        "filter": dict.fromkeys(("text", "expression", "state"), LOOKS),
    },
    "long_metric": {"points": int, "write_seconds": float, "read": LOOKS, "reduce": LOOKS},
    "machine": {"processor": str, "cores": int, "load": float},
}


def shape(document: Any) -> Any:
    """A document with the type of each value in its place; every number is finite and not negative."""
    if isinstance(document, dict):
        return {name: shape(value) for name, value in document.items()}
    if isinstance(document, int | float):
        assert math.isfinite(document)
        assert document >= 0
    return type(document)


def test_the_answer_has_its_fields(tmp_path: Path) -> None:
    answer = Foresight(tmp_path / "project")("bench", "storage", "--json", *TINY)
    assert answer.code == 0, answer.err
    document = answer.document
    assert shape(document) == SCHEMA
    assert document["steady"]["stored"]
    assert document["flat_out"]["stored"]
    assert document["scalars_per_second"] > 0
    assert (document["table"]["runs"], document["long_metric"]["points"]) == (12, 3000)
    assert not (tmp_path / "project").exists()  # it measures in a project of its own


def test_people_read_sentences(tmp_path: Path) -> None:
    answer = Foresight(tmp_path)("bench", "storage", *TINY)
    assert "4 sessions offered" in answer.out
    assert "none lost" in answer.out
    assert "first page, folded" in answer.out


def test_too_few_runs_are_refused(tmp_path: Path) -> None:
    answer = Foresight(tmp_path)("bench", "storage", "--runs", "7")
    assert answer.code == 2
    assert "7 is out of range; expected at least 8" in answer.err


def test_a_scalar_that_is_lost_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append = Series.append

    def lossy(series: Series, run_id: int, metric: str, step: int, *rest: Any) -> None:
        if (metric, step) != ("loss/3", 0):
            append(series, run_id, metric, step, *rest)

    with open_project(tmp_path / "project", write=True) as project:
        runs = make_runs(project, 2)
        assert log_scalars(project, runs[:1], 0.1, 5_000).stored
        monkeypatch.setattr(Series, "append", lossy)
        assert not log_scalars(project, runs[1:], 0.1, 5_000).stored


def test_the_table_holds_finished_runs_in_groups_of_seeds(tmp_path: Path) -> None:
    with open_project(tmp_path / "project", write=True) as project:
        make_runs(project, 10)
        lines = project.runs.lines()
        rows = project.runs.page()
    assert sorted(len(line.runs) for line in lines) == [2, 4, 4]
    assert {(row.status.value, row.step) for row in rows} == {("finished", 12_000)}
    assert len({row.best_return for row in rows}) == 10


def test_its_project_lies_where_it_is_told_to_and_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def note(project: Project, count: int) -> list[int]:
        seen.append(project.folder)
        return make_runs(project, count)

    monkeypatch.setattr("workbench.benchmarks.storage.make_runs", note)
    run_storage_benchmark(Extent(seconds=0.05, runs=8, points=10), tmp_path)
    assert seen[0].parent.parent == tmp_path
    assert list(tmp_path.iterdir()) == []
