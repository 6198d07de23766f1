"""Curves as files: the numbers in sight, a picture, vectors, and what is said when a file cannot be written."""

from __future__ import annotations

import csv
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ui.context import Context
from ui.plots.choices import CurveChoices
from ui.plots.cursors import Cursors
from ui.plots.curve import Curve
from ui.plots.curve_files import CurveFiles
from ui.plots.curve_plot import CurvePlot, Styled
from ui.plots.line_data import LineData

CHOICES = CurveChoices(metric="loss/critic", weight=0.5)


@pytest.fixture
def plot(empty_context: Context, qtbot: QtBot) -> CurvePlot:
    theme = empty_context.theme
    made = CurvePlot(theme)
    qtbot.addWidget(made)
    made.resize(800, 360)
    made.show()
    x = np.arange(1000.0, 9000.0, 1000.0)
    mean, count = np.sin(x / 2000) * 100, np.array([3] * 6 + [1] * 2)
    low, high = (LineData(x, np.where(count > 1, mean + sign * 20, np.nan)) for sign in (-1, 1))
    group = Curve("g", "Three seeds & more", (1, 2, 3), LineData(x, mean), low, high, count, seeds=3)
    alone = Curve("r", "One run", (7,), LineData(x, mean + 50))
    made.show_axes("number", "Environment steps", "Critic loss")
    made.set_curves([Styled(group, theme.series(0), "Three"), Styled(alone, theme.series(1), "One")])
    QApplication.processEvents()
    return made


@pytest.fixture
def files(empty_context: Context, plot: CurvePlot) -> CurveFiles:
    return CurveFiles(empty_context, plot, lambda: CHOICES)


def test_numbers_in_sight_become_csv(plot: CurvePlot, files: CurveFiles, tmp_path: Path) -> None:
    plot.set_x_range(5500, 7500)
    assert files.save("csv", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["curve"], row["step"], row["seeds"]) for row in rows] == [
        ("Three seeds & more", "6000", "3"),
        ("Three seeds & more", "7000", "1"),
        ("One run", "6000", "1"),
        ("One run", "7000", "1"),
    ]
    assert float(rows[0]["mean"]) == pytest.approx(100 * np.sin(3))
    assert float(rows[0]["high"]) == pytest.approx(100 * np.sin(3) + 20)
    assert rows[1]["high"] == "" and rows[2]["band"] == ""
    assert {row["metric"] for row in rows} == {"loss/critic"}
    assert rows[0]["runs"] == "1 2 3" and rows[0]["band"] == "std" and rows[0]["smoothing"] == "exponential, 0.5"


def test_a_curve_that_is_switched_off_is_not_exported(plot: CurvePlot, files: CurveFiles, tmp_path: Path) -> None:
    plot.set_hidden(frozenset({"g"}))
    files.save("csv", tmp_path / "out.csv")
    assert "Three seeds" not in (tmp_path / "out.csv").read_text(encoding="utf-8")


def test_a_picture_is_twice_as_large_with_strong_lines(
    plot: CurvePlot, files: CurveFiles, tmp_path: Path, empty_context: Context
) -> None:
    assert files.save("png", tmp_path / "out.png")
    picture = QImage(str(tmp_path / "out.png"))
    assert picture.width() >= 1.9 * plot.width()
    line = empty_context.theme.series(0).line.rgb()
    column = [picture.pixel(picture.width() // 3, y) == line for y in range(picture.height())]
    assert sum(column) >= 3


def test_vectors_hold_lines_and_words(plot: CurvePlot, files: CurveFiles, tmp_path: Path) -> None:
    assert files.save("svg", tmp_path / "out.svg")
    document = ElementTree.parse(tmp_path / "out.svg")
    words = " ".join("".join(element.itertext()) for element in document.iter() if element.tag.endswith("text"))
    for expected in ("Three seeds", "One run", "Environment steps", "Critic loss", "standard deviation", "n 3"):
        assert expected in words
    strokes = {element.get("stroke") for element in document.iter()}
    assert {"#6bb2fa", "#e06433"} <= strokes


def test_the_plot_looks_as_before_and_cursors_are_left_out(
    plot: CurvePlot, files: CurveFiles, tmp_path: Path, empty_context: Context
) -> None:
    files.save("png", tmp_path / "without.png")
    cursors = Cursors(plot, empty_context.theme, lambda: CHOICES.x_axis, lambda: CHOICES.spread)
    cursors.set_cursor(4000)
    before = plot.grab().toImage()
    files.save("png", tmp_path / "with.png")
    files.save("svg", tmp_path / "with.svg")
    assert plot.grab().toImage() == before
    assert QImage(str(tmp_path / "with.png")) == QImage(str(tmp_path / "without.png"))


def test_a_file_that_cannot_be_written_is_a_notice(files: CurveFiles, tmp_path: Path, empty_context: Context) -> None:
    for kind in ("png", "svg", "csv"):
        assert not files.save(kind, tmp_path / "missing" / f"out.{kind}")
    notices = empty_context.notices.items
    assert [notice.level for notice in notices] == ["bad"] * 3
    assert all("could not be written" in notice.text and notice.action for notice in notices)
