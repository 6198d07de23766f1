"""The panel of curves over a real project: states, choices, live events, keys, legend, files."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QFileDialog, QMainWindow, QPushButton
from pytestqt.qtbot import QtBot

from storage import Project
from ui.context import Context
from ui.panels.curves import CurvesPanel
from workbench.events import EpisodeFinished, EvaluationFinished, ScalarsLogged

Show = Callable[..., CurvesPanel]


def ids(project: Project, name: str) -> list[int]:
    return sorted(row.id for row in project.runs.page() if row.name.startswith(name))


@pytest.fixture
def show(qtbot: QtBot, context: Context, window: QMainWindow) -> Show:
    """A panel in a window, settled on a selection."""

    def make(*names: str, size: tuple[int, int] = (880, 480)) -> CurvesPanel:
        panel = CurvesPanel(context)
        window.setCentralWidget(panel)
        window.resize(*size)
        window.show()
        context.selection.select([run_id for name in names for run_id in ids(context.project, name)])
        if names:
            settle(qtbot, panel)
        return panel

    return make


def settle(qtbot: QtBot, panel: CurvesPanel) -> None:
    """Until what is chosen is on the screen."""

    def settled() -> bool:
        loaded = panel.loaded
        wanted = (panel.context.selection.runs, panel.choices)
        return loaded is not None and (loaded.runs, loaded.choices) == wanted and not panel._loader.busy

    qtbot.waitUntil(settled, timeout=60_000)


def drawn(panel: CurvesPanel) -> dict[str, int]:
    return {each.curve.label: len(each.curve) for each in panel.plot.visible_curves}


# ---- states ---------------------------------------------------------------------------------------------------------


def test_without_a_selection_it_says_the_next_step(show: Show, qtbot: QtBot, context: Context) -> None:
    panel = show()
    assert panel.empty.isVisible() and panel.empty.words.startswith("No runs selected. Click a run in the table below")
    words = [button.text() for button in panel.empty.buttons]
    assert words == ["Select the newest run"]  # no command for a new run is registered here
    context.project.runs.rename(ids(context.project, "Kept aside")[0], "Newest")
    qtbot.mouseClick(panel.empty.buttons[0], Qt.MouseButton.LeftButton)
    settle(qtbot, panel)
    assert context.selection.runs == (context.project.runs.page(limit=1)[0].id,)
    assert panel.plot.isVisible()


def test_a_run_without_points_offers_what_it_has(show: Show, qtbot: QtBot) -> None:
    panel = show("TD3 actor")
    assert panel.empty.words.startswith("No points of Evaluation return yet. Curves begin with the first episode")
    panel.context.selection.select(ids(panel.context.project, "Paper sizes"))
    settle(qtbot, panel)
    panel.choose(panel.choices.changed(metric="alm/kl"))
    settle(qtbot, panel)
    assert panel.empty.isVisible()
    qtbot.mouseClick(panel.empty.buttons[0], Qt.MouseButton.LeftButton)
    settle(qtbot, panel)
    assert panel.choices.metric == "evaluation/return" and panel.plot.isVisible()


def test_what_cannot_be_read_is_said_and_can_be_tried_again(show: Show, qtbot: QtBot, tmp_path: Path) -> None:
    panel = show("No KL term")
    database = panel.context.project.folder / "project.db"
    database.rename(tmp_path / "aside.db")
    panel.activate()
    qtbot.waitUntil(lambda: panel.empty.isVisible(), timeout=60_000)
    assert panel.empty.words.startswith("The curves cannot be read.")
    (tmp_path / "aside.db").rename(database)
    qtbot.mouseClick(panel.empty.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.plot.isVisible(), timeout=60_000)


def test_groups_are_counted_in_the_subtitle(show: Show, qtbot: QtBot) -> None:
    panel = show("No KL term")
    said: list[str] = []
    panel.subtitle_changed.connect(said.append)
    project = panel.context.project
    panel.context.selection.select([*ids(project, "ALM quick"), *ids(project, "No KL term")])
    settle(qtbot, panel)
    assert said[-1] == "2 groups · 6 runs"
    assert drawn(panel) == {"ALM quick, K = 3": 8, "No KL term": 12}


# ---- choices --------------------------------------------------------------------------------------------------------


def test_choices_are_remembered_at_once(show: Show, qtbot: QtBot, context: Context) -> None:
    panel = show("No KL term")
    panel.tools.axis.setCurrentIndex(panel.tools.axis.findData("active"))
    panel.tools.axis.activated.emit(panel.tools.axis.currentIndex())
    panel.tools.smooth.setValue(0.6)
    qtbot.mouseClick(panel.tools.spread.button("iqm"), Qt.MouseButton.LeftButton)
    settle(qtbot, panel)
    stored = json.loads(context.preferences.path.read_text())["curves"]
    assert (stored["axis"], stored["weight"], stored["spread"]) == ("active", 0.6, "iqm")
    assert CurvesPanel(context).choices == panel.choices
    assert panel.plot.x_axis.labelText == "Time since the start, without pauses"
    assert panel.plot.x_axis.scale_kind == "duration"


def test_a_metric_is_found_by_typing(show: Show, qtbot: QtBot) -> None:
    panel = show("No KL term")
    field = panel.tools.metric_box.lineEdit()
    assert field is not None
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "critic lo")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    settle(qtbot, panel)
    assert panel.choices.metric == "loss/critic" and panel.plot.y_axis.labelText == "Critic loss"
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "no such thing")
    panel.tools.axis.setFocus()
    assert panel.tools.metric_box.currentText() == "Critic loss"


def test_the_band_says_what_it_is_and_how_seeds_are_compared(show: Show) -> None:
    panel = show("No KL term")
    assert panel.legend.note.text() == "mean ± standard deviation over seeds"
    assert "points that they share" in panel.legend.note.toolTip() + panel.legend.entry("group 2").toolTip()


@pytest.mark.parametrize(("spread", "words"), [("ci", "95 % bootstrap interval"), ("iqm", "interquartile mean")])
def test_bands_of_resampled_seeds(show: Show, qtbot: QtBot, spread: str, words: str) -> None:
    panel = show("No KL term")
    qtbot.mouseClick(panel.tools.spread.button(spread), Qt.MouseButton.LeftButton)
    settle(qtbot, panel)
    curve = panel.plot.visible_curves[0].curve
    seeds = [line.y for line in curve.behind]
    assert curve.low is not None and curve.high is not None
    assert (curve.low.y >= np.min(seeds, axis=0) - 1e-9).all() and (curve.high.y <= np.max(seeds, axis=0) + 1e-9).all()
    if spread == "iqm":  # of three seeds the outer two count a quarter each
        assert curve.mean.y == pytest.approx((np.sum(seeds, axis=0) + 3 * np.median(seeds, axis=0)) / 6)
    assert words in panel.legend.note.text()


def test_a_published_curve_is_chosen_where_it_fits(show: Show, qtbot: QtBot, context: Context) -> None:
    panel = show("No KL term", "No classifier term")
    before = panel.plot.x_range()
    panel.tools.options_menu.aboutToShow.emit()
    (offered,) = panel.tools._references.actions()
    assert "ICLR 2023" in offered.toolTip()
    offered.trigger()
    settle(qtbot, panel)
    published = panel.plot.visible_curves[-1]
    assert published.style is not None and published.style.line == context.theme.color("text3") and published.style.dash
    assert published.curve.mean.x[0] == 10_000  # the first evaluation, at train step 5,000, after 5,000 of warm-up
    assert panel.plot.x_range() == pytest.approx(before, rel=0.05)  # it does not stretch the axis to 300,000 steps
    assert "MuJoCo 1.50" in panel.source.text() and "Warm-up added" in panel.source.text()
    assert context.preferences.get("curves")["references"] == ["alm_half_cheetah"]
    context.selection.select([*context.selection.runs, *ids(context.project, "ReLU")])  # a walker beside it
    settle(qtbot, panel)
    assert not any(each.curve.source for each in panel.plot.visible_curves) and not panel.source.isVisible()


def test_small_plots_share_x_and_can_be_swapped(show: Show, qtbot: QtBot) -> None:
    panel = show("No KL term")
    for metric in ("loss/critic", "loss/kl", "speed/steps", "time/update"):
        panel.add_small(metric)
    settle(qtbot, panel)
    assert panel.choices.small == ("loss/kl", "speed/steps", "time/update")
    assert [small.isVisible() for small in panel.small.plots] == [True] * 3
    panel.plot.set_x_range(2000, 3000)
    panel.plot.x_moved.emit(2000, 3000)
    assert all(small.plot.x_range() == (2000, 3000) for small in panel.small.plots)
    qtbot.mouseClick(panel.small.plots[0].enlarge, Qt.MouseButton.LeftButton)
    settle(qtbot, panel)
    assert panel.choices.metric == "loss/kl" and panel.choices.small[0] == "evaluation/return"
    qtbot.mouseClick(panel.small.plots[2].cross, Qt.MouseButton.LeftButton)
    settle(qtbot, panel)
    assert panel.choices.small == ("evaluation/return", "speed/steps")


def test_little_room_leaves_metric_axis_and_plot(show: Show, qtbot: QtBot) -> None:
    panel = show("No KL term", size=(420, 260))
    panel.add_small("loss/critic")
    settle(qtbot, panel)
    assert panel.width() == 420
    tools = panel.tools
    shown = [tools.metric_box, tools.axis, tools.options_button, tools.export_button]
    assert all(widget.isVisible() and widget.geometry().right() <= tools.width() for widget in shown)
    assert not tools.spread.isVisible() and not panel.small.isVisible()
    assert panel.plot.height() > 150


# ---- live -----------------------------------------------------------------------------------------------------------


def evaluation(run_id: int, step: int, value: float) -> EvaluationFinished:
    return EvaluationFinished(run_id, step, step - 1000, time.time(), (value,), (1000,), 1.0, {})


def test_events_draw_on(show: Show, qtbot: QtBot) -> None:
    panel = show("ALM quick")
    runs = ids(panel.context.project, "ALM quick")
    for run_id in runs:
        panel.context.feed.events.emit(run_id, [evaluation(run_id, 9000, 1200.0 + run_id)])
    qtbot.waitUntil(lambda: drawn(panel) == {"ALM quick, K = 3": 9}, timeout=60_000)
    last = panel.plot.visible_curves[0].curve.last()
    assert last is not None and last.mean == pytest.approx(1200 + sum(runs) / 3) and last.count == 3
    assert panel.plot.x_range()[1] > 9000


def test_other_metrics_and_other_runs_do_not_redraw(show: Show, qtbot: QtBot) -> None:
    panel = show("ALM quick")
    (run_id, *_), (other, *_) = (ids(panel.context.project, name) for name in ("ALM quick", "No KL term"))
    panel.context.feed.events.emit(run_id, [ScalarsLogged(run_id, 9000, 8000, time.time(), {"loss/critic": 1.0})])
    panel.context.feed.events.emit(run_id, [EpisodeFinished(run_id, 9000, 8000, time.time(), 1.0, 1000, False, True)])
    panel.context.feed.events.emit(other, [evaluation(other, 13_000, 1.0)])
    assert not panel._redraw_soon.isActive()
    panel.context.feed.events.emit(run_id, [evaluation(run_id, 9000, 1.0)])
    assert panel._redraw_soon.isActive()


def test_a_hidden_panel_rests_and_catches_up(show: Show, qtbot: QtBot) -> None:
    panel = show("ALM quick")
    (run_id, *_) = ids(panel.context.project, "ALM quick")
    panel.hide()
    panel.context.project.series.append(run_id, "evaluation/return", 9000, 8000, 150.0, time.time(), 1.0)
    panel.context.project.writer.flush()
    panel.context.feed.events.emit(run_id, [evaluation(run_id, 9000, 1.0)])
    assert not panel._redraw_soon.isActive() and not panel._loader.busy
    panel.show()
    qtbot.waitUntil(lambda: drawn(panel) == {"ALM quick, K = 3": 9}, timeout=60_000)


# ---- mouse and keys -------------------------------------------------------------------------------------------------


def test_keys_of_the_panel(show: Show, qtbot: QtBot) -> None:
    panel = show("No classifier term")
    panel.plot.setFocus()
    qtbot.keyClick(panel.plot, Qt.Key.Key_L)
    settle(qtbot, panel)
    assert panel.choices.log and panel.plot.log and panel.tools.scale.value == "log"
    qtbot.keyClick(panel.plot, Qt.Key.Key_Left)
    assert panel.context.cursor.step == 12_000
    qtbot.keyClick(panel.plot, Qt.Key.Key_Left)
    assert panel.context.cursor.step == 11_000
    qtbot.keyClick(panel.plot, Qt.Key.Key_P)
    qtbot.keyClick(panel.plot, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert panel.context.cursor.step == 1000 and panel.cursors.pins == [11_000]
    qtbot.keyClick(panel.plot, Qt.Key.Key_Escape)
    assert panel.cursors.pins == []
    panel.plot.set_x_range(1, 2)
    qtbot.keyClick(panel.plot, Qt.Key.Key_Home)
    assert panel.plot.at_home


def test_hover_reads_and_click_moves_the_shared_cursor(show: Show, qtbot: QtBot) -> None:
    panel = show("No KL term", "Paper sizes")
    panel.add_small("loss/critic")
    settle(qtbot, panel)
    at = panel.plot.mapFromScene(panel.plot.view.mapViewToScene(QPointF(5050, 0)))
    qtbot.mouseMove(panel.plot.viewport(), at + QPoint(3, 0))
    qtbot.mouseMove(panel.plot.viewport(), at)
    qtbot.waitUntil(panel.cursors.readout.isVisible)
    words = panel.cursors.readout.text()
    assert words.startswith("Step 5,000; Paper sizes, K = 3 ") and "; No KL term " in words and "n 3" in words
    assert panel.context.cursor.step is None
    qtbot.mouseClick(panel.plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert panel.context.cursor.step == 5000
    newest = panel.small.plots[0].plot.visible_curves[0].curve.last()
    assert newest is not None and panel.small.plots[0].value.text() != f"{newest.mean:.3g}"


def test_the_shared_cursor_is_followed_on_every_axis(show: Show, qtbot: QtBot) -> None:
    panel = show("No KL term")
    panel.choose(panel.choices.changed(axis="updates"))
    settle(qtbot, panel)
    panel.context.cursor.set_step(6000)
    assert panel.cursors.cursor == 5000
    assert panel.cursors.readout.text().startswith("Update 5,000;")


def test_legend_switches_by_mouse_and_keyboard(show: Show, qtbot: QtBot) -> None:
    panel = show("ALM quick", "No KL term", "Paper sizes")
    kl, alm = panel.legend.entry("group 2"), panel.legend.entry("group 1")
    assert kl.accessibleName() == "Curve No KL term, n 3"
    assert alm.accessibleName() == "Curve ALM quick, K = 3, n 3 · live"
    qtbot.mouseClick(kl, Qt.MouseButton.LeftButton)
    assert set(drawn(panel)) == {"ALM quick, K = 3", "Paper sizes, K = 3"}
    alm.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(alm, Qt.Key.Key_Space)
    assert set(drawn(panel)) == {"Paper sizes, K = 3"}
    qtbot.mouseClick(kl, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier)
    assert set(drawn(panel)) == {"No KL term"}
    qtbot.mouseClick(kl, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier)
    assert len(drawn(panel)) == 3


def test_many_curves_are_in_the_legend_coloured_first_and_the_rest_in_its_menu(show: Show, qtbot: QtBot) -> None:
    panel = show("ALM quick", "No KL term", "No classifier term", "Paper sizes", size=(700, 400))
    panel.choose(panel.choices.changed(grouped=False))
    settle(qtbot, panel)
    assert len(drawn(panel)) == 9 and panel.legend.more.isVisible()
    first = ids(panel.context.project, "ALM quick")[0]
    assert not panel.legend.entry(f"run {first}").isVisible()  # grey: the palette has seven colours
    menu = panel.legend.more.menu()
    menu.aboutToShow.emit()
    [entry] = [action for action in menu.actions() if action.text() == "ALM quick, K = 3 seed 1"]
    entry.trigger()
    assert "ALM quick, K = 3 seed 1" not in drawn(panel) and len(drawn(panel)) == 8


def test_every_control_is_reachable_and_named(show: Show) -> None:
    panel = show("No KL term")
    for control in panel.findChildren(QPushButton):
        assert control.accessibleName() or control.text()
    tools = panel.tools
    for named in (tools.metric_box, tools.axis, tools.smooth, tools.home_button, tools.export_button, panel.plot):
        assert named.accessibleName() and named.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_commands_stand_in_the_registry(show: Show, context: Context) -> None:
    panel = show()
    assert context.actions.obstacle("curves.log") == "There are no curves in sight."
    before = panel.choices.log
    context.actions.trigger("curves.log")
    assert panel.choices.log is before
    CurvesPanel(context)  # a second panel finds them there already


def test_theme_repaints_everything(show: Show, context: Context) -> None:
    panel = show("No KL term")
    context.theme.set_mode("light")
    image = panel.plot.grab().toImage()
    assert image.pixelColor(image.width() - 3, 3).name() == "#ffffff"
    style = panel.plot.visible_curves[0].style
    assert style is not None and style.line == context.theme.series(0).line


# ---- files -----------------------------------------------------------------------------------------------------------


def test_export_asks_for_a_file(show: Show, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, context: Context) -> None:
    panel = show("No KL term")
    asked: list[QFileDialog] = []

    def accept(dialog: QFileDialog) -> int:
        asked.append(dialog)
        assert Path(dialog.selectedFiles()[0]).name == "evaluation-return.csv"
        dialog.selectFile(str(tmp_path / "mine"))
        return QFileDialog.DialogCode.Accepted

    monkeypatch.setattr(QFileDialog, "exec", accept)
    [action] = [action for action in panel.tools.export_menu.actions() if "CSV" in action.text()]
    action.trigger()
    assert len(asked) == 1 and (tmp_path / "mine.csv").exists()
    assert context.preferences.get("curves.folder") == str(tmp_path)


def test_it_imports_no_engine() -> None:
    code = "import sys, ui.panels.curves; print({'torch', 'gymnasium', 'mujoco'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
