"""Reality check: which sequence is executed, where it leads step by step, drawn where there is an OpenGL."""

# ruff: noqa: F811  fixtures are imported by name
from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from tests.ui.plan_lab import lab, runs, session, settle, shown, trained_folder  # noqa: F401
from ui.context import Context
from ui.panels import plan_words
from ui.panels.reality_check import RealityCheckPanel
from ui.plan_draft import TRUE
from ui.plan_reality import BEST, CANDIDATE, MEAN, PLAN, PlanReality, plan_reality
from ui.plan_session import PlanSession
from ui.render_thread import Trouble
from workbench.engine.planning_desk import RealityLook


@pytest.fixture
def panel(lab: Context, window: QMainWindow, qtbot: QtBot) -> Iterator[RealityCheckPanel]:
    made = RealityCheckPanel(lab)
    shown(window, qtbot, made)
    yield made
    made.hide()
    made.view.renderer.close()


def executed(panel: RealityCheckPanel, qtbot: QtBot) -> RealityLook:
    """The answer to what is asked for now."""
    settle(qtbot, panel.session)
    reality = panel.reality
    qtbot.waitUntil(lambda: not reality.thread_.busy and reality.answer is not None, timeout=20_000)
    assert reality.answer is not None
    return reality.answer


def test_any_sequence_is_executed(panel: RealityCheckPanel, session: PlanSession, qtbot: QtBot) -> None:
    session.go(2)
    plan = executed(panel, qtbot)
    look = session.look
    assert look is not None
    assert np.array_equal(plan.actions, look.step.plan)
    panel.which.chosen.emit(MEAN)
    assert look.step.mean is not None
    assert np.array_equal(executed(panel, qtbot).actions, look.step.mean.clip(look.facts.low, look.facts.high))
    panel.which.chosen.emit(BEST)
    assert np.array_equal(executed(panel, qtbot).actions, look.step.best_actions)
    panel.which.chosen.emit(CANDIDATE)
    best = int(np.argmax(look.step.returns))
    assert (session.picked, panel.candidate.value()) == (best, best + 1), "the best one is picked first"
    assert panel.rank.text() == "of 24, rank 1 by its imagined return"
    answer = executed(panel, qtbot)
    assert np.array_equal(answer.actions, look.step.actions[best])
    assert answer.check.imagined_return == pytest.approx(look.step.returns[best], rel=1e-4)
    panel.candidate.setValue(4)
    answer = executed(panel, qtbot)
    assert session.picked == 3
    assert np.array_equal(answer.actions, look.step.actions[3])
    assert answer.check.gap == pytest.approx(answer.check.imagined_return - answer.check.real_return)
    assert panel.gap.text().lstrip("+") == plan_words.figure(answer.check.gap)


def test_a_pick_elsewhere_is_executed_here(
    panel: RealityCheckPanel, session: PlanSession, qtbot: QtBot
) -> None:
    session.go(1)
    executed(panel, qtbot)
    session.pick(7)
    assert panel.which.value == CANDIDATE
    look = session.look
    assert look is not None
    assert np.array_equal(executed(panel, qtbot).actions, look.step.actions[7])
    session.pick(10_000)
    assert (session.picked, panel.which.value) == (None, PLAN), "there is no such candidate"
    assert np.array_equal(executed(panel, qtbot).actions, look.step.plan)


def test_what_a_planner_lacks_gives_way_to_its_plan(
    panel: RealityCheckPanel, session: PlanSession, qtbot: QtBot
) -> None:
    session.go(1)
    executed(panel, qtbot)
    panel.which.chosen.emit(MEAN)
    session.draft.use("random-shooting")
    session.draft.set_text("candidates", "9")
    executed(panel, qtbot)
    look = session.look
    assert look is not None
    assert look.step.mean is None
    assert (panel.which.value, panel.which.button(MEAN).isEnabled()) == (PLAN, False)
    assert "no proposal" in panel.which.button(MEAN).toolTip()
    assert np.array_equal(executed(panel, qtbot).actions, look.step.plan)


def test_the_ghost_goes_along_the_plan(panel: RealityCheckPanel, session: PlanSession, qtbot: QtBot) -> None:
    session.go(2)
    answer = executed(panel, qtbot)
    view = panel.view
    assert answer.check.qpos is not None
    assert answer.check.qpos.shape == (6, 1)
    assert (view.step, view.steps, view.place.text()) == (5, 5, "5 / 5")
    QTest.keyClick(view.view, Qt.Key.Key_Left)
    assert (view.step, view.scrubber.value()) == (4, 4)
    view.scrubber.setValue(2)
    assert view.step == 2
    assert panel.plot._place.value() == 1, "the reward of the step that led there"
    panel.plot.clicked.emit(QPointF(3.2, 0.0))
    assert view.step == 4
    QTest.keyClick(view.view, Qt.Key.Key_Backspace)
    assert view.step == 0
    assert not panel.plot._place.isVisible()
    QTest.keyClick(view.view, Qt.Key.Key_Left)
    assert view.step == 0
    view.go(3)
    panel.which.chosen.emit(BEST)
    executed(panel, qtbot)
    assert view.step == 3, "another plan of as many steps"
    session.draft.set_text("horizon", "4")
    executed(panel, qtbot)
    assert (view.step, view.steps) == (4, 4)


def test_pendulum_draws_itself_and_its_ghost(panel: RealityCheckPanel, session: PlanSession, qtbot: QtBot) -> None:
    session.go(1)
    answer = executed(panel, qtbot)
    view = panel.view.view
    qtbot.waitUntil(lambda: view.picture is not None, timeout=20_000)
    assert view.picture is not None
    ghost = view.picture.moment.ghost
    assert ghost is not None
    assert (ghost.step, ghost.qpos is answer.check.qpos) == (5, True)
    last = view.picture.pixels
    panel.view.go(0)
    qtbot.waitUntil(lambda: view.picture is not None and view.picture.moment.ghost.step == 0, timeout=20_000)  # type: ignore[union-attr]
    assert view.picture.pixels.shape == last.shape
    lines = view.picture.moment.about.lines
    assert lines == ("In the true simulator", "step 0 of 5 · t = 0.00 s")


def test_the_true_simulator_imagined_it_itself(
    panel: RealityCheckPanel, session: PlanSession, qtbot: QtBot
) -> None:
    session.draft.choose(model=TRUE)
    session.go(1)
    answer = executed(panel, qtbot)
    assert "the true simulator imagined it" in panel.verdict.text()
    assert panel.view._readout(answer).lines[0] == "Imagined by the simulator itself"


def test_without_a_picture_the_numbers_stay(panel: RealityCheckPanel, session: PlanSession, qtbot: QtBot) -> None:
    session.go(1)
    executed(panel, qtbot)
    panel.view.renderer.failed.emit(Trouble("MuJoCo cannot render here.", "Install it."))
    assert panel.view.trouble.text() == "MuJoCo cannot render here. Install it."
    assert not panel.view.view.isVisible()
    assert panel.real.isVisible()
    panel.window().resize(600, 260)
    qtbot.waitUntil(lambda: not panel.view.isVisible())
    assert panel.real.isVisible(), "what has no room is the picture"


def test_out_of_sight_nothing_is_executed_or_drawn(
    panel: RealityCheckPanel, lab: Context, session: PlanSession, qtbot: QtBot
) -> None:
    session.go(1)
    executed(panel, qtbot)
    panel.hide()
    assert not panel.view.renderer.running
    reality: PlanReality = plan_reality(lab)
    kept = reality.answer
    session.go(2)
    settle(qtbot, session)
    assert not reality.thread_.busy
    assert reality.answer is kept
