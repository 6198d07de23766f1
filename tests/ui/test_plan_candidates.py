"""Candidates: clouds and quantiles, chosen dimensions, a picked candidate, and a second search at the same scales."""

# ruff: noqa: F811  fixtures are imported by name
from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from tests.ui.plan_lab import lab, runs, session, settle, shown, trained_folder  # noqa: F401
from ui.context import Context
from ui.controls.choice_menu import ChoiceMenu
from ui.panels import plan_words
from ui.panels.candidates import QUANTILES, CandidatesPanel
from ui.plan_session import PlanSession
from ui.plots.plan_plots import Cloud, CloudPlot, Frame, picked


@pytest.fixture
def panel(lab: Context, window: QMainWindow, qtbot: QtBot) -> CandidatesPanel:
    made = CandidatesPanel(lab)
    shown(window, qtbot, made)
    return made


def both_settle(qtbot: QtBot, session: PlanSession) -> None:
    settle(qtbot, session)
    qtbot.waitUntil(lambda: not session.second.thread_.busy, timeout=20_000)


def test_bands_hold_the_share_that_they_say(lab: Context) -> None:
    plot = CloudPlot(lab.theme, "one")
    rows = np.repeat(np.linspace(-1.0, 1.0, 101)[:, None], 4, axis=1)
    flat = np.zeros(4)
    cloud = Cloud(rows, rows[90:], None, None, flat, flat)
    plot.show_cloud(cloud, Frame(4, -1.0, 1.0, True, True, quantiles=True))
    drawn = [band.boundingRect() for band in plot._shares]
    expected = ((-0.9, 0.9), (-0.5, 0.5), (0.85, 0.95))
    for rect, (low, high) in zip(drawn, expected, strict=True):
        assert (rect.top(), rect.bottom()) == pytest.approx((low, high), abs=0.011)
    assert not plot._candidates.isVisible()
    plot.show_cloud(cloud, Frame(4, -1.0, 1.0, True, True))
    assert plot._candidates.isVisible()
    assert not plot._shares[0].isVisible()
    x, _ = plot._candidates.getData()
    assert np.isnan(plot._candidates.getData()[1]).sum() == len(picked(101, 70)) == 70
    assert np.nanmax(x) == 3


def test_quantiles_are_remembered(
    panel: CandidatesPanel, lab: Context, session: PlanSession, qtbot: QtBot
) -> None:
    session.go(2)
    settle(qtbot, session)
    panel.kinds.chosen.emit(QUANTILES)
    assert panel.legend[0].words == "90 % and 50 % of 18 candidates"
    assert CandidatesPanel(lab).kinds.value == QUANTILES
    lab.preferences.set("plan candidates", {"nonsense": 1})
    assert CandidatesPanel(lab).kinds.value == "cloud"


def test_a_click_picks_the_nearest_candidate_and_lets_go_of_it(
    panel: CandidatesPanel, session: PlanSession, qtbot: QtBot
) -> None:
    session.go(1)
    settle(qtbot, session)
    assert session.look is not None
    actions = session.look.step.actions
    wanted = 7
    at = QPointF(2.2, float(actions[wanted, 2, 0]) + 1e-4)
    panel.plots[0].clicked.emit(at)
    assert session.picked == wanted
    assert all(sample.isVisible() for sample in panel.legend)
    assert panel.legend[4].words.startswith("candidate 8, return ")
    assert np.allclose(panel.plots[0]._picked.getData()[1], actions[wanted, :, 0])
    panel.plots[0].clicked.emit(at)
    assert session.picked is None
    assert [sample.isVisible() for sample in panel.legend] == [True, True, True, True, False]


def test_a_second_search_has_its_own_plots_and_keeps_up(
    panel: CandidatesPanel, session: PlanSession, qtbot: QtBot
) -> None:
    session.go(1)
    settle(qtbot, session)
    first = session.looks[0]
    assert not panel.second.isVisible()
    session.put_beside()
    session.draft.use("mppi")
    session.draft.set_text("candidates", "12")
    session.draft.set_text("horizon", "7")
    both_settle(qtbot, session)
    session.go(3)
    both_settle(qtbot, session)
    assert [look.step.iteration for look in session.beside] == [1, 2, 3], "it goes on as far as the other one"
    assert session.beside[0] is first
    assert session.look_beside is session.beside[2]
    assert panel.second.isVisible()
    assert panel.second.heading.text().startswith("CEM, beside · iteration 3 · ")
    own, other = (grid.plots[0].view.viewRange() for grid in (panel.first, panel.second))
    assert own == other, "the same scales, though the plans differ in length"
    session.back()
    assert session.look_beside is session.beside[1]
    session.put_beside()
    assert not panel.second.isVisible()


def test_the_search_beside_is_the_one_that_would_have_followed(session: PlanSession, qtbot: QtBot) -> None:
    session.go(3)
    settle(qtbot, session)
    whole = list(session.looks)
    session.back()
    session.back()
    session.put_beside()
    session.draft.set_text("momentum", "0.6")
    both_settle(qtbot, session)
    session.go(3)
    both_settle(qtbot, session)
    for kept, again in zip(whole, session.beside, strict=True):
        assert np.array_equal(kept.step.actions, again.step.actions)


def test_what_one_setting_changed_is_said(session: PlanSession, qtbot: QtBot) -> None:
    session.go(3)
    settle(qtbot, session)
    assert plan_words.change(session) == "", "there is nothing to compare with"
    before = session.looks[2].step.best_return
    session.draft.set_text("momentum", "0.5")
    settle(qtbot, session)
    said = plan_words.change(session)
    assert said.startswith("With Momentum 0.5 instead of 0.1 and the same noise, the best return after 3 iterations")
    assert said.endswith(f"instead of {plan_words.figure(before)}.")
    session.draft.choose(seed=4)
    settle(qtbot, session)
    assert plan_words.change(session) == "", "only the noise is another one"
    session.draft.use("random-shooting")
    settle(qtbot, session)
    assert plan_words.change(session).startswith("With Random shooting instead of CEM, the best return after 1 iter")


def test_another_run_is_said_and_another_task_is_not_compared(
    lab: Context, session: PlanSession, qtbot: QtBot
) -> None:
    session.go(2)
    settle(qtbot, session)
    lab.selection.select([2])
    settle(qtbot, session)
    assert len(session.looks) == 2
    assert plan_words.change(session).startswith("With another run and the same noise, the best return after 2 iter")
    session._task = ("Ant-v5", {})  # as if the run before had learned something else
    lab.selection.select([1])
    assert session.looks == [], "what is drawn is of no other task"
    settle(qtbot, session)
    assert len(session.looks) == 2, "it goes as far as was shown"
    assert plan_words.change(session) == ""


def test_dimensions_are_chosen_and_one_stays(lab: Context, qtbot: QtBot) -> None:
    menu = ChoiceMenu(lab.theme, "Dimensions", "dimensions")
    qtbot.addWidget(menu)
    heard: list[list[int]] = []
    menu.changed.connect(lambda: heard.append(list(menu.chosen)))
    menu.show_choice([f"a{n}" for n in range(17)], range(6))
    assert (menu.text(), heard) == ("6 of 17 dimensions", [])
    menu._boxes[9].setChecked(True)
    assert heard == [[0, 1, 2, 3, 4, 5, 9]]
    for box in menu._boxes:
        box.setChecked(False)
    assert menu.chosen == [9], "nothing at all cannot be shown"
    menu.menu().actions()[0].trigger()
    assert menu.text() == "17 of 17 dimensions"


def test_many_dimensions_are_drawn_in_even_rows(panel: CandidatesPanel) -> None:
    grid = panel.first
    assert grid.columns_for(6, 740) == 3
    assert grid.columns_for(6, 360) == 2
    assert grid.columns_for(1, 2000) == 1
    assert grid.columns_for(17, 2000) == 5
