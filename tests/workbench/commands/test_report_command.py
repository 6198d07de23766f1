"""`report`: one page or table of runs held against each other, written without a window."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import Foresight


def test_csv_holds_the_group_with_its_seeds(trained: Foresight) -> None:
    answer = trained("report", 1, 2, "--out", "-", "--last", 1)
    assert answer.code == 0
    (row,) = csv.DictReader(io.StringIO(answer.out))
    returns = [trained.run(number)["latest_return"] for number in (1, 2)]
    assert (row["runs"], row["seeds_counted"], row["verdict"]) == ("1 2", "2", "base")
    assert float(row["final_mean"]) == pytest.approx(sum(returns) / 2)
    assert row["final_by_seed"] == f"3:{returns[0]!r} 4:{returns[1]!r}"


def test_the_page_is_one_file_that_needs_nothing_else(trained: Foresight, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    answer = trained("report", 1, 2, "--by", "run", "--base", 2, "--out", target)
    assert answer.code == 0 and "Written" in answer.err and answer.out == ""
    page = target.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and "<svg" in page and "no seed in common" in page
    assert not any(word in page for word in ("<script", "<link", "src=", "url(", "@import"))
    again = trained("report", 1, "--out", target)
    assert again.code == 1 and "--force" in again.err
    assert trained("report", 1, "--out", target, "--force").code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--out", "x.html"), "RUN: there is nothing to compare"),
        ((1, "--out", "x.pdf"), "a PDF is saved from the window"),
        ((1, "--out", "x.doc"), "expected .html or .csv"),
        ((1, "--out", "x.csv", "--last", 0), "--last: 0 is out of range"),
        ((1, "--out", "x.csv", "--by", "colour"), "there is no setting colour"),
        ((1, "--out", "x.csv", "--base", 2), "run 2 is not among"),
        (("--study", "none", "--out", "x.csv"), "there is no run of a study called none"),
    ],
)
def test_what_cannot_be_done_is_wrong_usage(trained: Foresight, words: tuple[object, ...], sentence: str) -> None:
    answer = trained("report", *words)
    assert answer.code == 2 and sentence in answer.err


def test_a_folder_that_is_not_there_is_said(trained: Foresight, tmp_path: Path) -> None:
    answer = trained("report", 1, "--out", tmp_path / "missing" / "x.csv")
    assert answer.code == 1 and "Choose another path" in answer.err


def test_it_imports_neither_torch_nor_qt(trained: Foresight) -> None:
    code = "import sys, workbench.commands.report; print(sorted({'torch', 'PySide6', 'gymnasium'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
