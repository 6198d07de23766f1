"""The panel of results over a real project: groups, base, grouping, warning, what is queued and what is written."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QMainWindow, QMenu
from pytestqt.qtbot import QtBot

from storage import Project, RunState
from ui import report_files
from ui.context import Context
from ui.panels.results import ResultsPanel
from ui.tables.result_rows import COLUMNS, PLACE, seed_states
from workbench.settings import Problem, SettingsError

Show = Callable[..., ResultsPanel]


def ids(project: Project, *names: str) -> list[int]:
    return sorted(row.id for row in project.runs.page() if row.name.startswith(names))


@pytest.fixture
def show(qtbot: QtBot, context: Context, window: QMainWindow) -> Iterator[Show]:
    """A panel in a window, settled on a selection."""

    def make(*names: str, size: tuple[int, int] = (940, 360)) -> ResultsPanel:
        panel = ResultsPanel(context)
        window.setCentralWidget(panel)
        window.resize(*size)
        window.show()
        context.selection.select(ids(context.project, *names) if names else ())
        settle(qtbot, panel)
        return panel

    yield make
    window.hide()


def settle(qtbot: QtBot, panel: ResultsPanel) -> None:
    """Until what is chosen has been read."""

    def settled() -> bool:
        compared, wanted = panel.compared.compared, tuple(sorted(panel.context.selection.runs))
        if compared is None or compared.question.runs != wanted:
            return False
        question = compared.question
        base = str(panel.compared._chosen("base", ""))
        return (question.by, question.last, question.base) == (panel.compared.by, panel.compared.last, base)

    qtbot.waitUntil(settled, timeout=30_000)


def cells(panel: ResultsPanel, column: str) -> list[str]:
    return [str(panel.model.index(row, PLACE[column]).data()) for row in range(panel.model.rowCount())]


def texts(menu: QMenu) -> list[str]:
    menu.aboutToShow.emit()
    return [action.text() for action in menu.actions() if action.text()]


def submenu(menu: QMenu, title: str) -> QMenu:
    return next(each for each in menu.findChildren(QMenu) if each.title() == title)


def test_without_runs_it_says_what_to_do(show: Show, qtbot: QtBot, context: Context) -> None:
    panel = show()
    assert "Nothing to compare" in panel.empty.words
    assert [button.text() for button in panel.empty.buttons] == [
        "All runs of HalfCheetah-v5", "All runs of Walker2d-v5"
    ]  # fmt: skip
    panel.empty.buttons[0].click()
    settle(qtbot, panel)
    assert len(context.selection.runs) == 13 and panel.model.rowCount() == 5


def test_figures_are_those_of_the_stored_evaluations(show: Show, context: Context) -> None:
    panel = show("No classifier", "No KL")
    finals = {}
    for row in context.project.runs.page():
        finals.setdefault(row.name.rpartition(" seed")[0], []).append(
            np.mean(context.project.series.read(row.id, "evaluation/return").value[-3:])
        ) if row.status is RunState.FINISHED else None
    assert cells(panel, "variant") == ["No KL term", "No classifier term"]
    expected = finals["No KL term"]
    assert cells(panel, "final")[0] == f"{np.mean(expected):,.0f} ± {np.std(expected, ddof=1):.3g}"
    assert cells(panel, "seeds") == ["3 of 3", "2 of 2"]
    assert cells(panel, "verdict") == ["base", "clearly better"]  # about 1,000 apart with a noise of 60
    assert cells(panel, "better") == ["—", "1.00"] and cells(panel, "difference")[0] == "—"
    low, high = panel.model.rows[1].against.paired.interval.low, panel.model.rows[1].against.paired.interval.high
    assert panel.view.axis.low < 0 < low < high < panel.view.axis.high


def test_the_whisker_is_filled_where_zero_is_left_out(show: Show, context: Context, qtbot: QtBot) -> None:
    panel = show("No classifier", "No KL")
    index = panel.model.index(1, PLACE["whisker"])
    area = panel.view.visualRect(index)
    picture = panel.view.viewport().grab().toImage()
    pad = context.theme.px(8)
    at = panel.view.axis.x(panel.model.rows[1].against.paired.mean, area.adjusted(pad, 0, -pad, 0).toRectF())
    ratio = picture.devicePixelRatio()
    dot = picture.pixelColor(int(at * ratio), int(area.center().y() * ratio))
    assert dot == panel.model.rows[1].style.line


def test_unfinished_and_failed_seeds_are_shown_as_such(show: Show) -> None:
    panel = show("TD3 actor", "ReLU", "No KL")
    assert cells(panel, "seeds") == ["3 of 3", "0 of 1, 1 failed", "0 of 2, 2 queued"]
    assert cells(panel, "verdict") == ["base", "no seed finished", "waits for 2 seeds"]
    assert [seed_states(row.result) for row in panel.model.rows] == [
        [("finished", "3 of 3")], [("failed", "1")], [("queued", "2")]
    ]  # fmt: skip
    assert cells(panel, "final")[1:] == ["—", "—"] and cells(panel, "area")[1:] == ["—", "—"]


def test_another_base_is_chosen_and_remembered(show: Show, qtbot: QtBot, context: Context) -> None:
    panel = show("No classifier", "No KL")
    menu = panel.group_button.menu()
    texts(menu)
    submenu(menu, "Base").actions()[1].trigger()
    settle(qtbot, panel)
    assert cells(panel, "variant") == ["No classifier term", "No KL term"]
    assert cells(panel, "verdict") == ["base", "clearly worse"]
    again = ResultsPanel(context)
    qtbot.addWidget(again)
    again.show()
    settle(qtbot, again)
    assert cells(again, "variant")[0] == "No classifier term"


def test_a_row_can_be_made_the_base_or_taken_out(show: Show, qtbot: QtBot, context: Context, monkeypatch) -> None:
    panel = show("No classifier", "No KL")
    shown: list[QMenu] = []
    monkeypatch.setattr(QMenu, "popup", lambda menu, _point: shown.append(menu))
    panel._show_menu(panel.view.visualRect(panel.model.index(1, 0)).center())
    assert [action.text() for action in shown[0].actions()] == [
        "Compare the others with this", "Select its runs alone", "Take it out of the comparison"
    ]  # fmt: skip
    shown[0].actions()[2].trigger()
    settle(qtbot, panel)
    assert context.selection.runs == tuple(ids(context.project, "No KL"))
    panel._show_menu(QPoint(10, 5000))
    assert len(shown) == 1


def test_grouping_by_a_setting_or_by_run(show: Show, qtbot: QtBot) -> None:
    panel = show("No classifier", "No KL")
    menu = panel.group_button.menu()
    texts(menu)
    settings = submenu(menu, "One setting")
    assert texts(settings) == ["KL term", "Classifier term"]
    settings.actions()[0].trigger()
    settle(qtbot, panel)
    assert cells(panel, "variant") == ["KL term off", "KL term on"]
    panel.compared.choose(by="run")
    settle(qtbot, panel)
    assert panel.model.rowCount() == 5


def test_the_final_return_can_be_of_the_last_evaluation_alone(show: Show, qtbot: QtBot, context: Context) -> None:
    panel = show("No KL")
    panel.compared.choose(last=1)
    settle(qtbot, panel)
    last = [context.project.series.read(run, "evaluation/return").value[-1] for run in ids(context.project, "No KL")]
    assert cells(panel, "final")[0].startswith(f"{np.mean(last):,.0f} ±")


def test_few_seeds_earn_a_warning_and_can_be_added(show: Show, qtbot: QtBot, context: Context) -> None:
    panel = show("No KL")
    assert panel.warning.text().startswith("Three seeds: intervals are wide")
    assert panel.add_seeds.text() == "Add seeds 4, 5" and not panel.add_seeds.isEnabled()
    submitted = []
    context.engine.queue = SimpleNamespace(submit=lambda spec, group: submitted.append((spec, group)) or [101, 102])
    before = context.selection.runs
    panel.add_missing_seeds()
    ((spec, group),) = submitted
    assert group == panel.model.rows[0].result.group.first.group_id
    assert spec.seeds == (4, 5) and spec.settings.kl_term is False and spec.total_steps == 12_000
    assert context.selection.runs == (*before, 101, 102)


def test_a_refusal_of_the_queue_is_a_notice(show: Show, context: Context) -> None:
    panel = show("No KL")

    def refuse(spec, group):
        raise SettingsError([Problem("device", "there is none")])

    context.engine.queue = SimpleNamespace(submit=refuse)
    panel.add_missing_seeds()
    assert "Not every seed could be queued. device: there is none" in context.notices.items[-1].text


def test_columns_give_way_the_least_important_first(show: Show, qtbot: QtBot, window: QMainWindow) -> None:
    panel = show("No KL", "No classifier", size=(1300, 300))
    shown = lambda: {c.id for n, c in enumerate(COLUMNS) if not panel.view.header().isSectionHidden(n)}  # noqa: E731
    assert "iqm" not in shown() and {"paired", "better", "area", "whisker"} <= shown()
    panel.switch_column("iqm", True)
    assert "iqm" in shown()
    for width in (600, 500):
        window.resize(width, 300)
        qtbot.waitUntil(lambda width=width: panel.view.viewport().width() == width)
        assert {"variant", "seeds", "final", "difference", "verdict"} <= shown() and "iqm" not in shown()
        assert sum(panel.view.header().sectionSize(n) for n in range(len(COLUMNS))) <= width


def test_choosing_a_row_tells_the_others(show: Show, qtbot: QtBot) -> None:
    panel = show("No classifier", "No KL")
    with qtbot.waitSignal(panel.compared.focused):
        at = panel.view.visualRect(panel.model.index(1, 0)).center()
        qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert panel.compared.focus == panel.model.rows[1].result.group.key


def test_a_hidden_panel_rests(show: Show, qtbot: QtBot, context: Context) -> None:
    panel = show("No KL")
    panel.hide()
    before = panel.compared.compared
    context.selection.select(ids(context.project, "No classifier"))
    context.feed.runs_changed.emit()
    qtbot.wait(500)
    assert panel.compared.compared is before
    panel.show()
    settle(qtbot, panel)
    assert cells(panel, "variant") == ["No classifier term"]


def test_what_cannot_be_read_is_said(show: Show, qtbot: QtBot, context: Context, monkeypatch) -> None:
    panel = show("No KL")

    def broken(*_: object):
        raise OSError("the disk is gone")

    monkeypatch.setattr(panel.compared, "_answer", broken)
    panel.compared.read()
    qtbot.waitUntil(lambda: "disk is gone" in panel.empty.words, timeout=10_000)
    assert [button.text() for button in panel.empty.buttons] == ["Try again"]


@pytest.mark.parametrize("kind", ["html", "pdf", "csv"])
def test_reports_are_written_where_the_user_says(
    show: Show, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, context: Context, kind: str
) -> None:
    panel = show("No KL", "No classifier", "TD3")
    written = tmp_path / f"out.{kind}"
    monkeypatch.setattr(report_files, "ask_for_file", lambda *_: written)
    with qtbot.waitSignal(panel.files.written):
        panel.files.ask(kind)
    assert context.notices.items[-1].text == f"Saved out.{kind}."
    if kind == "html":
        page = written.read_text(encoding="utf-8")
        assert page.count("<svg") == 2 and "No classifier term" in page
        assert not {"<script", "<link", "<img", "http-equiv"} & set(page.split()) and "src=" not in page
        assert "torch 2.13.0" in page and "waits for 2 seeds" in page
    elif kind == "csv":
        rows = list(csv.DictReader(written.read_text(encoding="utf-8").splitlines()))
        assert [row["group"] for row in rows] == cells(panel, "variant") and rows[1]["pairs"] == "2"
    else:
        assert written.read_bytes().startswith(b"%PDF-") and written.stat().st_size > 20_000


def test_commands_and_key_save_the_report(
    show: Show, qtbot: QtBot, context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = show()
    assert context.actions.obstacle("results.html") == "Nothing is compared."
    context.selection.select(ids(context.project, "No KL"))
    settle(qtbot, panel)
    monkeypatch.setattr(report_files, "ask_for_file", lambda *_: tmp_path / "out.html")
    with qtbot.waitSignal(panel.files.written):
        context.actions.trigger("results.html")
    assert (tmp_path / "out.html").exists()
    opened: list[object] = []
    monkeypatch.setattr(panel.export_button, "showMenu", lambda: opened.append(True))
    qtbot.keyClick(panel, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    assert opened


def test_a_report_that_cannot_be_written_is_a_notice(
    show: Show, qtbot: QtBot, tmp_path: Path, context: Context
) -> None:
    panel = show("No KL")
    for kind in ("html", "pdf", "csv"):
        with qtbot.waitSignal(panel.files.written):
            panel.files.save(kind, tmp_path / "missing" / f"out.{kind}")
    assert [notice.level for notice in context.notices.items] == ["bad"] * 3


def test_it_is_painted_in_both_themes(show: Show, context: Context, qtbot: QtBot) -> None:
    panel = show("No KL", "No classifier")
    dark: QImage = panel.grab().toImage()
    context.theme.set_mode("light")
    light: QImage = panel.grab().toImage()
    assert dark.pixelColor(5, 5).lightness() < 60 < 200 < light.pixelColor(5, 5).lightness()
