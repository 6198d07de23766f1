"""The pieces of a curve plot: reduced lines, ticks, end labels, the range, the mouse, the read-outs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ui.plots import ticks
from ui.plots.axis import PlotAxis
from ui.plots.choices import AXES, CurveChoices
from ui.plots.cursors import Cursors
from ui.plots.curve import Curve
from ui.plots.curve_plot import CurvePlot, Styled
from ui.plots.end_labels import overlapping, pushed_apart
from ui.plots.line_data import LineData
from ui.theme import Theme


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return Theme("dark")


@pytest.fixture
def plot(theme: Theme, qtbot: QtBot) -> CurvePlot:
    made = CurvePlot(theme)
    qtbot.addWidget(made)
    made.resize(800, 400)
    made.show()
    made.show_axes("number", "Environment steps", "Return")
    return made


def curve(key: str, x: list[float], y: list[float], spread: float | None = None) -> Curve:
    xs, ys = np.array(x, dtype=float), np.array(y, dtype=float)
    if spread is None:
        return Curve(key, key, (1,), LineData(xs, ys))
    low, high = LineData(xs, ys - spread), LineData(xs, ys + spread)
    return Curve(key, key, (1, 2, 3), LineData(xs, ys), low, high, np.full(len(xs), 3), seeds=3)


# ---- lines ----------------------------------------------------------------------------------------------------------


def test_a_reduced_line_keeps_its_extremes_at_every_zoom() -> None:
    x = np.arange(300_000.0)
    y = np.sin(x / 5000)
    y[123_456], y[200_001] = 50.0, -70.0
    line = LineData(x, y)
    shown_x, shown_y, whole = line.window(0, 300_000, 800)
    assert not whole and len(shown_x) <= 2 * 800 + 2
    assert shown_y.max() == 50.0 and shown_y.min() == -70.0
    near_x, near_y, _ = line.window(123_000, 124_000, 800)
    assert len(near_x) <= 1003 and near_y.max() == 50.0 and near_x[0] <= 123_000 and near_x[-1] >= 124_000
    assert -70.0 not in near_y


def test_points_per_pixel_stay_bounded_where_the_line_fills_a_part_of_the_window() -> None:
    line = LineData(np.arange(100_000.0), np.random.default_rng(0).normal(size=100_000))
    shown, _, _ = line.window(-100_000, 200_000, 2400)
    assert len(shown) <= 2 * 800 + 2


def test_a_short_line_is_given_whole() -> None:
    line = LineData(np.arange(10.0), np.arange(10.0))
    x, _, whole = line.window(3, 4, 100)
    assert whole and len(x) == 10


def test_the_edge_of_a_band_is_its_extreme_in_each_column() -> None:
    line = LineData(np.arange(1000.0), np.tile([0.0, 5.0], 500))
    _, low = line.edge(0, 999, 100, lowest=True)
    _, high = line.edge(0, 999, 100, lowest=False)
    assert len(low) == 100 and set(low) == {0.0} and set(high) == {5.0}


def test_the_nearest_point_is_read_and_nothing_beyond_the_ends() -> None:
    made = curve("a", [1000, 2000, 3000], [1, 2, 3], spread=0.5)
    reading = made.at(2400)
    assert reading is not None and (reading.x, reading.mean, reading.high, reading.count) == (2000, 2, 2.5, 3)
    assert made.at(3400) is not None and made.at(3600) is None and made.at(400) is None
    assert made.neighbour(2100, 1) == 3000 and made.neighbour(2100, -10) == 1000
    assert made.last() is not None and made.last().x == 3000  # type: ignore[union-attr]


def test_steps_are_found_along_other_axes() -> None:
    clock = (np.array([0.0, 10.0]), np.array([1000.0, 3000.0]))
    made = Curve("a", "a", (1,), LineData(clock[0], clock[1]), clock=clock)
    assert made.step_at(5.0) == 2000 and made.x_at(1500) == 2.5


# ---- ticks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "most", "words"),
    [
        (-230, 1600, 5, ["0", "500", "1,000", "1,500"]),
        (-1.0, 0.2, 5, ["−1.00", "−0.75", "−0.50", "−0.25", "0.00"]),
        (0.4, 1.0, 3, ["0.4", "0.6", "0.8", "1.0"]),
        (0.35, 21.1, 2, ["10", "20"]),
    ],
)
def test_numbers_on_axes_are_round(low: float, high: float, most: int, words: list[str]) -> None:
    assert [label for _, label in ticks.number_ticks(low, high, most)] == words


def test_a_label_that_would_be_cut_off_at_the_end_is_left_out(theme: Theme) -> None:
    axis = PlotAxis("bottom", theme)
    ((_, positions),) = axis.tickValues(0.0, 15_100.0, 460.0)
    assert 10_000.0 in positions and 15_000.0 not in positions
    ((_, positions),) = axis.tickValues(0.0, 16_000.0, 460.0)
    assert 15_000.0 in positions


def test_small_plots_write_thousands_shortly() -> None:
    assert [label for _, label in ticks.number_ticks(0, 12_000, 3, short=True)] == ["0", "5k", "10k"]


def test_logarithmic_ticks_are_decades_or_parts_of_one() -> None:
    assert ticks.log_ticks(-2, 2, 5) == [(-2, "0.01"), (-1, "0.1"), (0, "1"), (1, "10"), (2, "100")]
    assert [label for _, label in ticks.log_ticks(0, 1.05, 5)] == ["1", "2", "5", "10"]
    for exponent, label in ticks.log_ticks(2.1, 2.3, 4):
        assert math.isclose(10**exponent, float(label))


def test_spans_and_dates() -> None:
    assert [label for _, label in ticks.duration_ticks(0, 170, 5)] == ["0", "1 min", "2 min"]
    assert [label for _, label in ticks.duration_ticks(0, 9000, 5)][:3] == ["0", "30 min", "1 h"]
    hours = ticks.date_ticks(1_700_000_000, 1_700_009_000, 5)
    assert all(value % 1800 == 0 for value, _ in hours) and len(hours) == 5
    days = ticks.date_ticks(1_700_000_000, 1_700_900_000, 5)
    assert 2 <= len(days) <= 5 and all(label.endswith("Nov") for _, label in days)
    assert ticks.number_ticks(1, 1, 5) == ticks.log_ticks(1, 1, 5) == ticks.date_ticks(1, 1, 5) == []


# ---- end labels -----------------------------------------------------------------------------------------------------


def test_labels_are_pushed_apart_around_what_they_want() -> None:
    assert pushed_apart([10.0, 100.0], 12, 0, 200) == [10.0, 100.0]
    assert pushed_apart([50.0, 50.0], 12, 0, 200) == [44.0, 56.0]
    placed = pushed_apart([50.0, 52.0, 40.0, 199.0], 12, 0, 200)
    assert sorted(placed) == [placed[2], placed[0], placed[1], placed[3]]
    assert all(later - first >= 12 - 1e-9 for first, later in zip(sorted(placed), sorted(placed)[1:], strict=False))
    crowded = pushed_apart([5.0] * 10, 12, 0, 45)
    assert min(crowded) >= 0 and max(crowded) <= 45 and len(set(crowded)) == 10
    assert pushed_apart([], 12, 0, 10) == []


def test_only_labels_over_the_same_x_push_each_other() -> None:
    assert overlapping([0.0, 200.0, 50.0], [80.0, 60.0, 80.0]) == [[0, 2], [1]]


# ---- the plot -------------------------------------------------------------------------------------------------------


def test_range_follows_the_curves_until_the_user_moves_it(plot: CurvePlot, theme: Theme) -> None:
    first = curve("a", [1000, 12000], [-200, 1400])
    plot.set_curves([Styled(first, theme.series(0), "a")])
    low, high = plot.x_range()
    assert low == 0.0 and 12_000 < high < 14_000
    bottom, top = plot.view.viewRange()[1]
    assert -400 < bottom < -200 and 1400 < top < 1600

    plot.set_curves([Styled(curve("a", [1000, 20000], [-200, 3000]), theme.series(0), "a")])
    assert plot.x_range()[1] > 20_000 and plot.view.viewRange()[1][1] > 3000
    assert plot.at_home

    plot.set_x_range(5000, 6000)
    plot.set_curves([Styled(curve("a", [1000, 30000], [-200, 3000]), theme.series(0), "a")])
    assert plot.x_range() == (5000, 6000)
    plot.reset()
    assert plot.x_range()[1] > 30_000


def test_wheel_zooms_x_around_the_mouse_and_keeps_y_on_the_curves(plot: CurvePlot, theme: Theme) -> None:
    x = np.linspace(0, 10_000, 101)
    plot.set_curves([Styled(curve("a", x.tolist(), (x**2).tolist()), theme.series(0))])
    before = plot.x_range()
    centre = plot.mapFromScene(plot.view.mapViewToScene(QPointF(2000, 1e7)))
    at = QPointF(centre)
    wheel = QWheelEvent(
        at,
        QPointF(plot.mapToGlobal(centre)),
        QPoint(),
        QPoint(0, 480),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(plot.viewport(), wheel)
    after = plot.x_range()
    assert after[1] - after[0] < 0.7 * (before[1] - before[0])
    assert (2000 - after[0]) / (after[1] - after[0]) == pytest.approx(2000 / (before[1] - before[0]), abs=0.02)
    assert plot.view.viewRange()[1][1] < 1.2 * after[1] ** 2 and not plot.at_home


def test_a_dragged_box_becomes_the_view(plot: CurvePlot, theme: Theme, qtbot: QtBot) -> None:
    plot.set_curves([Styled(curve("a", [0, 10_000], [0, 1000]), theme.series(0))])
    corners = [plot.mapFromScene(plot.view.mapViewToScene(QPointF(*at))) for at in ((2000, 800), (6000, 200))]
    qtbot.mousePress(plot.viewport(), Qt.MouseButton.LeftButton, pos=corners[0])
    for share in (0.3, 0.7, 1.0):
        way = (corners[1] - corners[0]) * share
        qtbot.mouseMove(plot.viewport(), corners[0] + way)
    qtbot.mouseRelease(plot.viewport(), Qt.MouseButton.LeftButton, pos=corners[1])
    assert plot.x_range() == pytest.approx((2000, 6000), abs=40)
    assert plot.view.viewRange()[1] == pytest.approx([200, 800], abs=8)


def test_logarithmic_axis_leaves_out_what_is_not_positive(plot: CurvePlot, theme: Theme) -> None:
    plot.show_axes("number", "x", "y", log=True)
    plot.set_curves([Styled(curve("a", [0, 1, 2, 3], [-5, 10, 100, 1000], spread=50), theme.series(0))])
    bottom, top = plot.view.viewRange()[1]
    assert 0.5 < bottom < 1.0 and 3.0 < top < 3.3
    plot.viewport().grab()  # a band that reaches below 0 is painted without complaint


def test_outliers_may_lie_outside(plot: CurvePlot, theme: Theme) -> None:
    y = np.sin(np.arange(1000) / 50)
    y[500] = 1e6
    line = curve("a", list(range(1000)), y.tolist())
    plot.set_curves([Styled(line, theme.series(0))])
    assert plot.view.viewRange()[1][1] > 1e6
    plot.show_axes("number", "Environment steps", "Return", clip=1.0)
    assert plot.view.viewRange()[1][1] < 2.0


def test_a_hidden_curve_changes_nothing_about_the_others(plot: CurvePlot, theme: Theme) -> None:
    first, second = curve("a", [0, 1], [0, 1], 0.1), curve("b", [0, 1], [50, 99])
    curves = [Styled(first, theme.series(0)), Styled(second, theme.series(1))]
    plot.set_curves(curves)
    plot.set_hidden(frozenset({"b"}))
    assert [each.curve.key for each in plot.visible_curves] == ["a"]
    assert plot.visible_curves[0].curve is curves[0].curve
    assert plot.view.viewRange()[1][1] < 2


def test_items_are_used_again(plot: CurvePlot, theme: Theme) -> None:
    count = len(plot.view.childGroup.childItems())
    for number in range(5):
        curves = [Styled(curve("a", [0, 1], [0, number]), theme.series(0)), Styled(curve("b", [0, 1], [1, 2]), None)]
        plot.set_curves(curves)
        assert len(plot.view.childGroup.childItems()) == count + 3
    plot.set_curves([])
    assert len(plot.view.childGroup.childItems()) == count


def test_colours_follow_the_theme(plot: CurvePlot, theme: Theme) -> None:
    plot.set_curves([Styled(curve("a", [0, 1], [0, 1]), theme.series(0), "a")])
    dark = plot.grab().toImage().pixelColor(400, 2)
    theme.set_mode("light")
    plot.repaint_colors()
    light = plot.grab().toImage().pixelColor(400, 2)
    assert dark.name().lower() == "#15181d" and light.name().lower() == "#ffffff"


# ---- cursors --------------------------------------------------------------------------------------------------------


def test_pins_show_the_difference_between_two_moments(plot: CurvePlot, theme: Theme) -> None:
    choices = CurveChoices()
    cursors = Cursors(plot, theme, lambda: AXES[choices.axis], lambda: choices.spread)
    first = curve("first", [1000, 2000, 3000], [100, 250, 400], spread=20)
    second = curve("second", [1000, 2000], [500, 450])
    plot.set_curves([Styled(first, theme.series(0), "first"), Styled(second, theme.series(1), "second")])
    cursors.set_cursor(2000)
    assert cursors.readout.isVisible()
    assert cursors.readout.text() == "Step 2,000; second 450; first 250 ± 20  n 3"
    cursors.pin()
    assert not cursors.difference.isVisible()
    cursors.set_cursor(1000)
    cursors.pin()
    said = "Step 2,000 to step 1,000, 1,000 apart; second +50 450 to 500; first −150 250 to 100"
    assert cursors.difference.text() == said
    assert plot.accessibleDescription() == cursors.readout.text()
    cursors.pin()
    assert cursors.pins == [] and not cursors.difference.isVisible()


def test_the_cursor_moves_along_the_points(plot: CurvePlot, theme: Theme, qtbot: QtBot) -> None:
    cursors = Cursors(plot, theme, lambda: AXES["steps"], lambda: "std")
    plot.set_curves([Styled(curve("a", [1000, 2000, 3000], [1, 2, 3]), theme.series(0))])
    cursors.chosen.connect(cursors.set_cursor)
    with qtbot.waitSignal(cursors.chosen):
        cursors.step(-1)
    assert cursors.cursor == 3000
    cursors.step(-1)
    assert cursors.cursor == 2000
    cursors.step(10)
    assert cursors.cursor == 3000
