"""Iterations: what each planner has to show, two searches at the same scales, and zero on a logarithmic axis."""

# ruff: noqa: F811  fixtures are imported by name
from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from tests.ui.plan_lab import lab, runs, session, settle, shown, trained_folder  # noqa: F401
from ui.context import Context
from ui.panels.plan_iterations import PlanIterationsPanel
from ui.panels.plan_side import _levels
from ui.plan_session import PlanSession
from ui.plots.search_plots import IterationPlot, ReturnsPlot
from ui.plots.ticks import whole_ticks


@pytest.fixture
def panel(lab: Context, window: QMainWindow, qtbot: QtBot) -> PlanIterationsPanel:
    made = PlanIterationsPanel(lab)
    shown(window, qtbot, made)
    return made


def wait_drawn(qtbot: QtBot, panel: PlanIterationsPanel) -> None:
    qtbot.waitUntil(lambda: not panel.soon.isActive())


def test_ilqr_shows_its_line_search_and_gains(
    panel: PlanIterationsPanel, session: PlanSession, qtbot: QtBot
) -> None:
    session.draft.use("ilqr")
    session.draft.set_text("horizon", "5")
    session.go(3)
    settle(qtbot, session)
    wait_drawn(qtbot, panel)
    assert session.look is not None
    side, extras = panel.first, session.look.step.extras
    for plot in (side.cost, side.descent, side.line_search, side.regularisation, side.gains):
        assert plot.isVisible()
    assert not side.convergence.isVisible(), "the cost is the return, turned over"
    count = len(session.looks)
    drawn = side.descent._lines[1].getData()[1]
    assert drawn[: count] == pytest.approx([float(look.step.extras["actual_improvement"]) for look in session.looks])
    plan = side.cost._lines[1].getData()[1]
    assert plan == pytest.approx([-look.step.plan_return for look in session.looks])
    norm = float(np.linalg.norm(extras["feedback"][2, 0]))
    area = side.gains._area()
    at = QPointF(area.left() + area.width() * 2.5 / 5, area.center().y())
    name = session.look.facts.action_names[0]
    assert side.gains.reading(at).startswith(f"{name}, step 2: ")
    assert float(side.gains.reading(at).split(": ")[1]) == pytest.approx(norm, rel=0.01)


def test_two_searches_share_their_scales(panel: PlanIterationsPanel, session: PlanSession, qtbot: QtBot) -> None:
    session.go(3)
    settle(qtbot, session)
    session.put_beside()
    session.draft.use("gradient")
    session.draft.set_text("candidates", "7")
    session.draft.set_text("horizon", "5")
    settle(qtbot, session)
    qtbot.waitUntil(lambda: not session.second.thread_.busy, timeout=20_000)
    qtbot.waitUntil(lambda: panel.first.gradient.isVisible(), timeout=20_000)  # the new search's first iteration
    settle(qtbot, session)
    wait_drawn(qtbot, panel)
    assert panel.second.isVisible()
    assert panel.second.width_.isVisible()
    assert not panel.first.width_.isVisible()
    for name in ("returns", "convergence", "latents"):
        own, other = (getattr(side, name).view.viewRange() for side in (panel.first, panel.second))
        assert np.allclose(own[1], other[1]), name
    assert np.allclose(*(side.returns.view.viewRange()[0] for side in (panel.first, panel.second)))
    assert panel.first.returns.left.labelText == "Candidates (%)"
    assert panel.first.gradient.left.scale_kind == "log"
    session.put_beside()
    wait_drawn(qtbot, panel)
    assert not panel.second.isVisible()
    assert panel.first.returns.left.labelText == "Candidates"


def test_shares_of_candidates_are_compared_not_counts(lab: Context) -> None:
    few, many = ReturnsPlot(lab.theme), ReturnsPlot(lab.theme)
    one, two = np.linspace(0.0, 1.0, 10), np.linspace(0.0, 1.0, 1000)
    few.show_returns(one, np.empty(0), 1.0, 0, (two, 1.0))
    many.show_returns(two, np.empty(0), 1.0, 0, (one, 1.0))
    heights = [np.asarray(plot._all.opts["height"]) for plot in (few, many)]
    assert [float(each.sum()) for each in heights] == pytest.approx([100.0, 100.0])
    assert few.view.viewRange() == many.view.viewRange()


def test_no_regularisation_stands_a_decade_below_the_smallest() -> None:
    levels, zeros = _levels(np.array([1e-3, 0.0, 1e-6]))
    assert zeros
    assert levels == pytest.approx([-3.0, -7.0, -6.0])
    assert _levels(np.array([0.0]))[1]
    assert not _levels(np.array([2.0, np.nan]))[1]


def test_names_at_the_ends_have_room(lab: Context, qtbot: QtBot) -> None:
    plot = IterationPlot(lab.theme, "one", "Return")
    qtbot.addWidget(plot)
    plot.resize(260, 160)
    plot.show()
    pen, colour = lab.theme.series(0).pen(), lab.theme.color("text")
    plot.show_curves([("a rather long name", np.arange(9.0), pen, colour)], np.arange(1.0, 10.0), 4)
    left, right = plot.view.viewRange()[0]
    end = plot.view.mapFromView(QPointF(9.0, 4.0)).x()
    assert plot.view.width() - end >= plot._names.width() - 1.0
    assert left < 1
    plot.show_curves([("", np.arange(9.0), pen, colour)], np.arange(1.0, 10.0), 4)
    assert plot.view.viewRange()[0][1] < right
    assert len(plot._lines) == 1, "made once, used again"


def test_iterations_that_are_not_stored_leave_gaps(lab: Context) -> None:
    plot = IterationPlot(lab.theme, "one", "Return")
    pen, colour = lab.theme.series(0).pen(), lab.theme.color("text")
    short, long = np.zeros(3), np.zeros(5)
    plot.show_curves([("", short, pen, colour), ("", long, pen, colour)], np.array([1.0, 5.0, 9.0]), 5)
    assert plot._lines[0].getData()[0].tolist() == [1.0, 5.0, 9.0]
    assert plot._lines[1].getData()[0].tolist() == [1.0, 5.0, 9.0, 10.0, 11.0]
    assert plot._cursor.value() == 5


def test_whole_ticks_are_whole() -> None:
    assert [value for value, _ in whole_ticks(1, 8.4, 3)] == [3, 6]
    assert [value for value, _ in whole_ticks(0, 3, 6)] == [0, 1, 2, 3]
    assert [words for _, words in whole_ticks(0, 4000, 4)] == ["0", "1,000", "2,000", "3,000", "4,000"]
    assert whole_ticks(3, 3, 4) == []
