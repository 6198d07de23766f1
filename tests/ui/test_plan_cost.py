"""The strip's cost: foreseen while nothing searches, once for a problem, and told beside what was measured."""

# ruff: noqa: F811  fixtures are imported by name
from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from tests.ui.plan_lab import lab, runs, session, settle, shown, trained_folder  # noqa: F401
from ui.context import Context
from ui.panels import plan_words
from ui.plan_cost import PlanCost, plan_cost
from ui.plan_session import PlanSession
from ui.plan_strip import PlanStrip
from workbench.benchmarks.decision import DecisionCost


@pytest.fixture
def costs(lab: Context) -> Iterator[PlanCost]:
    made = plan_cost(lab)
    yield made
    made.close()


def test_it_is_foreseen_before_the_first_step(
    costs: PlanCost, lab: Context, session: PlanSession, window: QMainWindow, qtbot: QtBot
) -> None:
    strip = PlanStrip(lab)
    assert not costs.thread_.busy, "nobody looks"
    shown(window, qtbot, strip)
    qtbot.waitUntil(lambda: costs.cost is not None, timeout=20_000)
    cost = costs.cost
    assert cost is not None
    assert cost.rounds == 4
    assert strip._foreseen.text().startswith(f"{plan_words.figure(cost.predicted_ms)} ms predicted · ")
    assert not strip.cost.isVisible(), "nothing was measured"
    session.to_the_end()
    settle(qtbot, session)
    assert strip.cost.text().endswith(" ms per decision")
    assert costs.cost is cost, "the same problem is not measured twice"
    session.draft.choose(seed=3)
    assert costs.cost is cost, "nor for other noise"
    session.draft.set_text("candidates", "30")
    assert costs.cost is None
    settle(qtbot, session)
    qtbot.waitUntil(lambda: costs.cost is not None, timeout=20_000)
    strip.hide()
    session.draft.set_text("candidates", "31")
    settle(qtbot, session)
    qtbot.wait(50)
    assert not costs._timer.isActive()


def test_it_says_how_it_was_found(session: PlanSession) -> None:
    foreseen = DecisionCost((10.0, 4.0, 6.0), (2.0, 1.0, 1.0), (2 * 10**9, 10**9, 10**9), rounds=10, interval=50.0)
    measured, words, tip = plan_words.cost(session, foreseen)
    assert (measured, words) == ("", "55 ms predicted · 5.0x the matmul floor")
    assert "took 10, 4, 6 ms of a processor" in tip
    assert "11 GFLOP" in tip
    assert "take 11 ms" in tip
    assert "lasts 50 ms" in tip
    plain = DecisionCost((10.0,), (0.0,), (0,), rounds=1, interval=None)
    assert plan_words.cost(session, plain)[1] == "10 ms predicted"
    assert plan_words.cost(session, None) == ("", "", "")
