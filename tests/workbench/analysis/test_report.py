"""Reports and their pictures: complete, self-contained, safe against what names may hold."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.workbench.analysis.stored_runs import study
from workbench.analysis.comparison import compare_runs
from workbench.analysis.report import CSV_COLUMNS, Report, report_csv, report_html
from workbench.analysis.report_pictures import Line, Whisker, curves_svg, round_ticks, whiskers_svg
from workbench.figures import number

SVG = "{http://www.w3.org/2000/svg}"
NASTY = "<b>K & 'K'</b>\x07"


@pytest.fixture(scope="module")
def report() -> Report:
    """The study, with names that HTML would choke on."""
    runs, numbers = study()
    runs = [replace(run, name=NASTY) if run.group_id == 1 else run for run in runs]
    return Report(compare_runs(runs, numbers, {1: NASTY, 2: "no KL", 3: "K = 1", 4: "TD3"}), numbers, "today", "p<q")


def test_the_page_is_whole_and_escapes_names(report: Report) -> None:
    page = report_html(report)
    assert NASTY not in page and "&lt;b&gt;K &amp; &#x27;K&#x27;&lt;/b&gt;" in page and "p&lt;q" in page
    assert "\x07" not in page
    verdicts = ("clearly worse", "no clear difference", "waits for 2 seeds", "Seed 3 failed at step 3,410")
    for expected in (*verdicts, "Add seeds 4 and 5", "mujoco 3.17.0, torch 2.13.0", "KL term", "MuJoCo 1.50"):
        assert expected in page
    areas = page.partition("<h2>Area under")[2].partition("</table>")[0]
    area = report.comparison.against[report.comparison.results[1].group.key].area
    assert area is not None and f">{number(area.mean)}<" in areas
    for tag in ("table", "tr", "td", "ul", "svg", "p"):
        assert len(re.findall(f"<{tag}[ >]", page)) == page.count(f"</{tag}>")


def test_pictures_are_svg_and_can_be_put_elsewhere(report: Report) -> None:
    taken: dict[str, str] = {}
    page = report_html(report, lambda name, svg: taken.setdefault(name, svg) and f"<img alt='{name}'>")
    assert "<svg" not in page and "<img alt='curves'>" in page and set(taken) == {"curves", "differences"}
    for svg in taken.values():
        ElementTree.fromstring(svg)


def test_csv_has_every_figure_of_the_comparison(report: Report) -> None:
    rows = list(csv.DictReader(report_csv(report).splitlines()))
    assert tuple(rows[0]) == CSV_COLUMNS and [row["verdict"] for row in rows] == [
        "base", "clearly worse", "no clear difference", "waits for 2 seeds"
    ]  # fmt: skip
    worse, against = report.comparison.results[1], report.comparison.against[report.comparison.results[1].group.key]
    assert against.paired is not None and against.paired.interval is not None and worse.interval is not None
    assert float(rows[1]["difference_ci_low"]) == against.paired.interval.low
    assert float(rows[1]["final_ci_high"]) == worse.interval.high and float(rows[1]["area"]) == worse.area
    assert against.area is not None and against.area.interval is not None
    assert float(rows[1]["area_difference"]) == against.area.mean
    assert float(rows[1]["area_difference_ci_high"]) == against.area.interval.high
    assert rows[0]["area_difference"] == rows[0]["area_difference_ci_low"] == ""
    assert rows[3]["final_mean"] == "" and rows[3]["states"] == "failed:1 queued:1 running:1"


def test_curves_stand_where_their_numbers_say() -> None:
    x = np.array([0.0, 50.0, 100.0])
    mean = np.array([0.0, 10.0, 20.0])
    line = Line("a", x, mean, mean - 1, mean + 1, 0)
    published = Line("p", np.array([0.0, 1000.0]), np.array([0.0, 5.0]), None, None, None)
    root = ElementTree.fromstring(curves_svg([line, published], "steps", "return"))
    lines = [element.get("points", "").split() for element in root.iter(f"{SVG}polyline")]
    points = np.array([point.split(",") for point in lines[0]], dtype=float)
    assert points[:, 0].tolist() == [64.0, 454.0, 844.0]  # the published curve does not stretch the axis
    assert points[0, 1] - points[1, 1] == pytest.approx(points[1, 1] - points[2, 1], abs=0.2)
    assert [point.split(",")[0] for point in lines[1]] == ["64.0", "844.0"]  # up to the edge, by interpolation
    assert len(list(root.iter(f"{SVG}polygon"))) == 1
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert {"steps", "return", "a", "p", "0", "100", "20"} <= set(words)


def test_whiskers_are_filled_where_they_are_clear() -> None:
    whiskers = [Whisker("a", -5, -6, -4, True, 1), Whisker("b", 1, -2, 4, False, 2)]
    root = ElementTree.fromstring(whiskers_svg(whiskers))
    circles = list(root.iter(f"{SVG}circle"))
    assert [circle.get("fill") for circle in circles] == ["#D9691A", "#FFFFFF"]
    assert float(circles[0].get("cx", 0)) < float(circles[1].get("cx", 0))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 100, [0, 20, 40, 60, 80, 100]), (-1.3, 0.4, [-1, -0.5, 0]), (0, 12_000, [0, 5000, 10_000])],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert round_ticks(low, high) == pytest.approx(expected)
