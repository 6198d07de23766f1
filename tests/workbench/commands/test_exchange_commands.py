"""`export` and `import`: complete, exact, and careful with what is there."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.command_line import Foresight


def test_csv_has_the_promised_columns_and_every_point(trained: Foresight, tmp_path: Path) -> None:
    answer = trained("export", 1, 2, "--format", "csv", "--out", "-")
    assert answer.code == 0
    rows = list(csv.reader(io.StringIO(answer.out)))
    assert rows[0] == ["run", "seed", "metric", "step", "wall_time", "value"]
    evaluations = [row for row in rows if row[2] == "evaluation/return"]
    assert [(row[0], row[1], row[3]) for row in evaluations] == [
        *(("1", "3", step) for step in ("20", "40", "60")),
        *(("2", "4", step) for step in ("20", "40", "60")),
    ]
    assert float(evaluations[2][5]) == trained.run(1)["latest_return"]
    assert trained("export", 1, 2, "--format", "csv", "--out", tmp_path / "runs.csv").code == 0
    assert (tmp_path / "runs.csv").read_text(encoding="utf-8") == answer.out


def test_json_export_is_the_same_in_a_file_and_on_stdout(trained: Foresight, tmp_path: Path) -> None:
    document = trained("export", 1, "--format", "json", "--out", "-").document
    assert document["runs"][0]["series"]["evaluation/return"]["step"] == [20, 40, 60]
    trained("export", 1, "--format", "json", "--out", tmp_path / "run.json")
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8")) == document


def test_a_bundle_carries_a_run_into_another_project(trained: Foresight, foresight: Foresight, tmp_path: Path) -> None:
    bundle = tmp_path / "run.zip"
    assert trained("export", 2, "--format", "bundle", "--out", bundle).code == 0
    assert foresight("import", bundle, "--json").document == {"run": 1}
    brought, original = foresight.run(1), trained.run(2)
    assert all(brought[key] == original[key] for key in ("uuid", "seed", "step", "status", "best_return"))
    again = foresight("import", bundle)
    assert again.code == 1
    assert "its run is in this project already, as run 1" in again.err
    bundle.write_bytes(bundle.read_bytes()[:1000])
    assert "was refused" in foresight("import", bundle).err


def test_a_file_that_is_there_stays_unless_forced(trained: Foresight, tmp_path: Path) -> None:
    target = tmp_path / "precious.csv"
    target.write_text("precious", encoding="utf-8")
    answer = trained("export", 1, "--format", "csv", "--out", target)
    assert (answer.code, target.read_text(encoding="utf-8")) == (1, "precious")
    assert "replace it with --force" in answer.err
    assert trained("export", 1, "--format", "csv", "--out", target, "--force").code == 0
    assert target.read_text(encoding="utf-8").startswith("run,seed,")


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        ([1, "--format", "bundle", "--out", "-"], 2, "a bundle cannot go to stdout"),
        ([1, 2, "--format", "bundle", "--out", "x.zip"], 2, "a bundle holds one run"),
        ([1, "--format", "csv", "--out", "/nowhere/at/all.csv"], 1, "/nowhere/at/all.csv cannot be written"),
        ([1, "--format", "xlsx", "--out", "x"], 2, "invalid choice: 'xlsx'"),
    ],
)
def test_what_cannot_be_exported_says_why(trained: Foresight, words: list[object], code: int, complaint: str) -> None:
    answer = trained("export", *words)
    assert (answer.code, answer.out) == (code, "")
    assert complaint in answer.err
