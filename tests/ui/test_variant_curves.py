"""Curves by variant: grouped, named and coloured as the results, and each seed's end beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from storage import Project
from ui.context import Context
from ui.panels.curves import CurvesPanel
from ui.panels.variant_curves import VariantCurvesPanel

Show = Callable[..., VariantCurvesPanel]


def ids(project: Project, *names: str) -> list[int]:
    return sorted(row.id for row in project.runs.page() if row.name.startswith(names))


def settle(qtbot: QtBot, panel: VariantCurvesPanel) -> None:
    """Until curves and comparison are those of the selection."""

    def settled() -> bool:
        compared, loaded, wanted = panel.compared.compared, panel.loaded, panel.context.selection.runs
        if compared is None or loaded is None or compared.question.runs != tuple(sorted(wanted)):
            return False
        keys = {each.curve.key for each in panel.plot.visible_curves}
        named = keys <= {group.key for group in compared.groups} or not panel.choices.grouped
        return loaded.runs == wanted and bool(keys) and named and not panel._loader.busy

    qtbot.waitUntil(settled, timeout=60_000)


@pytest.fixture
def show(qtbot: QtBot, context: Context, window: QMainWindow) -> Iterator[Show]:
    """A panel in a window, settled on a selection."""

    def make(*names: str, size: tuple[int, int] = (920, 460)) -> VariantCurvesPanel:
        panel = VariantCurvesPanel(context)
        window.setCentralWidget(panel)
        window.resize(*size)
        window.show()
        context.selection.select(ids(context.project, *names)[::-1])  # whatever the order of selecting
        settle(qtbot, panel)
        return panel

    yield make
    window.hide()


def test_runs_of_one_configuration_are_one_curve_wherever_they_were_queued(show: Show) -> None:
    panel = show("ALM quick", "Kept aside", "No KL")
    curves = {each.curve.label: each.curve for each in panel.plot.visible_curves}
    assert {label: len(curve.runs) for label, curve in curves.items()} == {"ALM quick, K = 3": 4, "No KL term": 3}


def test_lines_look_as_in_the_results(show: Show) -> None:
    panel = show("No KL", "No classifier", "Shorter")
    styles = panel.compared.styles()
    assert {each.curve.key: each.style for each in panel.plot.visible_curves} == styles
    panel.compared.look_at(next(iter(styles)))
    assert panel.plot._focus == next(iter(styles))


def test_another_base_renames_the_curves(show: Show, qtbot: QtBot, context: Context) -> None:
    panel = show("No KL", "No classifier")
    panel.compared.choose(by="classifier_term")
    names = lambda: {each.curve.label for each in panel.plot.visible_curves}  # noqa: E731
    qtbot.waitUntil(lambda: names() == {"Classifier term on", "Classifier term off"}, timeout=20_000)


def test_every_run_by_itself_is_still_a_choice(show: Show, qtbot: QtBot) -> None:
    panel = show("No KL")
    panel.choose(panel.choices.changed(grouped=False))
    qtbot.waitUntil(lambda: len(panel.plot.visible_curves) == 3, timeout=20_000)


def test_every_seed_has_a_dot_and_a_tooltip(show: Show, context: Context) -> None:
    panel = show("No KL", "No classifier", "TD3")
    assert panel.seeds.isVisible()
    dots = panel.seeds.dots()
    assert sorted(dots) == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2)]  # a variant without a finished seed has no column
    assert dots[1, 1].y() < dots[0, 1].y()
    assert panel.seeds.tip_at(dots[1, 2] + QPointF(2, 2)).startswith("No classifier term, seed 2: 1,1")
    assert panel.seeds.tip_at(QPointF(dots[0, 1].x(), panel.seeds.height() - 6)) == "No KL term"
    assert panel.seeds.tip_at(QPointF(1, 1)) == ""
    picture = panel.seeds.grab().toImage()
    ratio, at = picture.devicePixelRatio(), dots[1, 1]
    style = panel.compared.styles()[panel.compared.compared.groups[1].key]
    assert picture.pixelColor(int(at.x() * ratio), int(at.y() * ratio)) == style.line
    assert "No KL term: 103, n 3" in panel.seeds.accessibleDescription()


def test_seeds_give_way_without_room_or_other_variants(show: Show, qtbot: QtBot, window: QMainWindow) -> None:
    panel = show("No KL", "No classifier", size=(560, 400))
    assert not panel.seeds.isVisible()
    window.resize(900, 400)
    qtbot.waitUntil(panel.seeds.isVisible)
    panel.context.selection.select(ids(panel.context.project, "No KL"))
    qtbot.waitUntil(lambda: not panel.seeds.isVisible(), timeout=20_000)


def test_choices_are_its_own(show: Show, context: Context, qtbot: QtBot) -> None:
    panel = show("No KL")
    panel.choose(panel.choices.changed(spread="ci"))
    other = CurvesPanel(context)
    qtbot.addWidget(other)
    assert other.choices.spread == "std" and context.preferences.get("variant_curves")["spread"] == "ci"
    ids_ = {action.id for action in context.actions}
    assert {"curves.log", "variant_curves.log"} <= ids_
