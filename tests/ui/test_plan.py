"""The workspace Plan over a small trained run: the problem, the stepper, its pictures, reality and the ladder."""

# ruff: noqa: F811  fixtures are imported by name
from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from tests.ui.plan_lab import (  # noqa: F401
    TrainingHere,
    lab,
    runs,
    session,
    settle,
    shown,
    trained_folder,
    view,
)
from ui.context import Context
from ui.cursor import EpisodeAt
from ui.panels import plan_words
from ui.panels.candidates import CandidatesPanel
from ui.panels.ladder import LadderPanel
from ui.panels.plan_iterations import PlanIterationsPanel
from ui.panels.problem import ProblemPanel
from ui.panels.reality_check import RealityCheckPanel
from ui.plan_draft import EPISODE, TRUE, PlanDraft
from ui.plan_reality import BEST, plan_reality
from ui.plan_session import PlanSession, plan_session
from ui.plan_strip import PlanStrip
from workbench.engine.ladder import Rung

# ---- the stepper -----------------------------------------------------------------------------------------------------


def test_steps_go_on_back_and_on_again_without_computing_twice(session: PlanSession, qtbot: QtBot) -> None:
    session.step()
    session.step()  # while the first is under way: one more
    settle(qtbot, session)
    assert (session.shown, len(session.looks), session.ended) == (2, 2, False)
    kept = list(session.looks)
    session.back()
    assert session.shown == 1
    session.restart()
    assert (session.shown, session.look, len(session.looks)) == (0, None, 2)
    session.step(2)
    assert not session.thread_.busy, "both are known"
    assert session.looks == kept
    session.to_the_end()
    settle(qtbot, session)
    assert (session.shown, session.ended) == (4, True)
    assert session.looks[:2] == kept
    session.step()
    settle(qtbot, session)
    assert session.shown == 4


def test_one_setting_changed_searches_again_as_far_with_the_same_noise(session: PlanSession, qtbot: QtBot) -> None:
    session.go(3)
    settle(qtbot, session)
    before = list(session.looks)
    session.draft.set_text("momentum", "0.5")
    settle(qtbot, session)
    assert (session.shown, session.before) == (3, before)
    first, again = before[0].step, session.looks[0].step
    assert np.array_equal(first.actions, again.actions), "the same noise"
    assert not np.array_equal(before[2].step.actions, session.looks[2].step.actions)
    session.draft.choose(seed=9)
    settle(qtbot, session)
    assert not np.array_equal(first.actions, session.looks[0].step.actions)


def test_another_planner_is_compared_on_the_same_state(session: PlanSession, qtbot: QtBot) -> None:
    session.go(3)
    settle(qtbot, session)
    kept = list(session.looks)
    session.put_beside()
    assert plan_words.comparison(session) == "", "nothing is compared with itself"
    session.draft.use("random-shooting")
    session.draft.set_text("candidates", "9")
    settle(qtbot, session)
    assert session.beside == kept
    said = plan_words.comparison(session)
    assert "than CEM beside it" in said
    assert "in 3 iterations" in said
    session.draft.choose(reset_seed=8)
    assert not session.beside, "another state"


def test_what_is_wrong_stands_at_the_field_and_nothing_runs(session: PlanSession, lab: Context, qtbot: QtBot) -> None:
    session.step()
    settle(qtbot, session)
    look = session.look
    session.draft.set_text("elites", "25")
    assert "candidates" in session.draft.problems["elites"]
    assert (session.ready, session.look) == (False, look), "what is shown stays while something is typed"
    session.step()
    assert not session.thread_.busy
    session.draft.set_text("elites", "6")
    assert session.ready
    session.draft.use("mcts")
    session.draft.set_text("leaf", "value")
    session.draft.set_text("simulations", "20")
    session.draft.choose(model=TRUE)
    settle(qtbot, session)
    assert not session.failure
    assert session.shown


def test_an_obstacle_that_only_the_attempt_shows(session: PlanSession, qtbot: QtBot) -> None:
    session.draft.use("policy-gradient")
    session.draft.set_text("horizon", "3")
    session.draft.refuse({"terminal_value": "this model has no value head; turn Terminal value off"})
    assert session.draft.problems["terminal_value"] == "This model has no value head; turn Terminal value off."
    assert plan_words.emptiness(session).title == "A setting does not fit"
    session.draft.set_text("horizon", "4")
    assert not session.draft.problems


def test_cancelling_keeps_what_is_known(session: PlanSession, qtbot: QtBot) -> None:
    session.draft.set_text("iterations", "900")
    session.to_the_end()
    qtbot.waitUntil(lambda: session.shown >= 2, timeout=20_000)
    session.cancel()
    known = session.shown
    assert not session.thread_.busy
    session.step()
    settle(qtbot, session)
    assert session.shown == known + 1
    assert [look.step.iteration for look in session.looks] == list(range(1, known + 2))


def test_the_draft_is_remembered_and_hostile_memories_are_not(lab: Context) -> None:
    draft = plan_session(lab).draft
    draft.use("planet")
    draft.set_text("horizon", "7")
    again = PlanDraft(lab)
    assert (again.preset, again.planner) == ("planet", "cem")
    assert (again.text("horizon"), again.text("candidates")) == ("7", "1000")
    lab.preferences.set("plan", {"preset": "gone", "texts": {"x": 1}, "model": 3, "seed": -4, "start": "live"})
    fresh = PlanDraft(lab)
    assert (fresh.preset, fresh.texts, fresh.model, fresh.seed, fresh.start) == ("cem", {}, "learned", 0, "reset")
    lab.preferences.set("plan", ["nonsense"])
    assert PlanDraft(lab).preset == "cem"


def test_the_live_run_is_planned_from_where_it_is(lab: Context, session: PlanSession, qtbot: QtBot) -> None:
    assert not session.start.trains_here
    queue = TrainingHere()
    lab.engine.queue = queue  # type: ignore[assignment]
    queue.only.publish(view(step=40, angle=0.5))
    session.start.take_live()
    queue.only.publish(view(step=41, angle=0.6))
    qtbot.waitUntil(lambda: session.start.live_step == 41)
    assert queue.only.view_interval is None, "it is asked for no more states than needed"
    session.step()
    settle(qtbot, session)
    assert session.look is not None
    assert session.wish is not None
    assert session.wish.state is session.start.live
    lab.selection.select([2])
    assert (session.draft.start, session.start.live) == ("reset", None)
    lab.engine.queue = None


# ---- panels ----------------------------------------------------------------------------------------------------------


def test_the_problem_panel_says_and_sets(lab: Context, session: PlanSession, window: QMainWindow, qtbot: QtBot) -> None:
    panel = ProblemPanel(lab)
    shown(window, qtbot, panel)
    assert panel.runs.currentText().startswith("1 ·")
    assert panel.checkpoints.currentText() == "Checkpoint 60"
    panel.rows["elites"].edit.edited.emit("99")
    assert "candidates" in panel.rows["elites"].problem
    panel.rows["elites"].edit.edited.emit("5")
    assert panel.rows["elites"].problem == ""
    at = panel.planners.findData("grad-mpc")
    panel.planners.activated.emit(at)
    assert "learning_rate_list" in panel.rows
    assert (session.draft.planner, session.draft.text("candidates")) == ("gradient", "1000")
    episode = session.start.episodes()[0]
    lab.cursor.set_episode(EpisodeAt(1, episode.name))
    lab.cursor.set_frame(4)
    panel.start.chosen.emit(EPISODE)
    assert session.wish is not None
    assert session.wish.state == f"episode:{episode.name}:4"
    panel.start.step.setValue(6)
    assert lab.cursor.frame == 6
    assert session.wish.state == f"episode:{episode.name}:6"
    assert not panel.start.kinds.button("live").isEnabled(), "nothing trains"
    lab.selection.select([2])
    assert panel.runs.currentText().startswith("2 ·")
    assert session.wish.run_id == 2


def drawn(qtbot: QtBot, panel: PlanIterationsPanel) -> None:
    qtbot.waitUntil(lambda: not panel.soon.isActive())


def test_candidates_and_iterations_show_the_step(
    lab: Context, session: PlanSession, window: QMainWindow, qtbot: QtBot
) -> None:
    cloud, curves = CandidatesPanel(lab), PlanIterationsPanel(lab)
    shown(window, qtbot, cloud, curves)
    assert "Ready to plan" in cloud.empty.words
    session.go(3)
    settle(qtbot, session)
    assert [sample.words for sample in cloud.legend[:2]] == ["18 of 18 candidates", "6 of 6 elites"]
    assert len(cloud.plots) == 1
    assert "in 3 iterations" in cloud.answer.text()
    qtbot.waitUntil(lambda: plan_reality(lab).answer is not None, timeout=20_000)
    assert plan_reality(lab).answer.path is not None  # type: ignore[union-attr]
    drawn(qtbot, curves)
    assert curves.first.width_.isVisible()
    assert not curves.first.gradient.isVisible()
    session.draft.use("gradient")
    session.draft.set_text("candidates", "5")
    settle(qtbot, session)
    drawn(qtbot, curves)
    assert curves.first.gradient.isVisible()
    assert not curves.first.width_.isVisible()
    assert not cloud.legend[1].isVisible(), "nobody is an elite"
    session.draft.use("ilqr")
    settle(qtbot, session)
    drawn(qtbot, curves)
    assert curves.first.descent.isVisible()
    session.draft.use("mcts")
    session.draft.set_text("simulations", "40")
    settle(qtbot, session)
    drawn(qtbot, curves)
    assert curves.first.tree.isVisible()
    window.resize(500, 600)
    session.restart()
    assert "Ready to plan" in cloud.empty.words


def test_reality_is_what_the_simulator_pays(
    lab: Context, session: PlanSession, window: QMainWindow, qtbot: QtBot
) -> None:
    panel, reality = RealityCheckPanel(lab), plan_reality(lab)
    shown(window, qtbot, panel)
    session.go(2)
    settle(qtbot, session)
    qtbot.waitUntil(lambda: reality.answer is not None, timeout=20_000)
    assert reality.answer is not None
    check = reality.answer.check
    assert panel.real.text() == plan_words.figure(check.real_return)
    assert panel.gap.text().lstrip("+") == plan_words.figure(check.gap)
    assert panel.verdict.text() == plan_words.verdict(reality.answer)
    panel.which.chosen.emit(BEST)
    assert session.look is not None
    best = session.look.step.best_actions
    qtbot.waitUntil(lambda: not reality.thread_.busy, timeout=20_000)
    assert reality.answer is not None
    assert np.array_equal(reality.answer.actions, best)
    session.draft.choose(model=TRUE)
    settle(qtbot, session)
    qtbot.waitUntil(lambda: not reality.thread_.busy, timeout=20_000)
    assert "worth what was imagined" in panel.verdict.text()


def test_the_ladder_in_one_click(lab: Context, session: PlanSession, window: QMainWindow, qtbot: QtBot) -> None:
    panel = LadderPanel(lab)
    shown(window, qtbot, panel)
    panel.climb()
    qtbot.waitUntil(lambda: not panel.thread_.busy, timeout=30_000)
    names = [row.cells[0] for row in panel.table.plain.rows]
    assert names[:4] == ["True dynamics", "True reward", "Learned all", "With value"]
    assert panel.table.plain.rows[1].cells[1:] == ("—",) * 5
    assert "Model:" in panel.findings.text()
    session.draft.set_text("horizon", "6")
    assert panel.findings.text().startswith("This was another problem")
    panel.climb()
    panel._stop()
    assert not panel.thread_.busy
    panel.thread_.close()


def test_the_ladder_draws_signs() -> None:
    from ui.panels.ladder import _row

    row = _row(Rung("base", "Learned all", 5.0, 3.0, 0.25, 12.0))
    assert row.cells == ("Learned all", "5", "3", "+2", "0.25", "12")
    assert row.changed


def test_the_strip_steps_and_says_where_it_is(
    lab: Context, session: PlanSession, window: QMainWindow, qtbot: QtBot
) -> None:
    strip = PlanStrip(lab)
    shown(window, qtbot, strip)
    strip.add_keys(window)
    lab.actions.trigger("plan.step")
    settle(qtbot, session)
    assert strip.value.text() == "1 of 4"
    assert strip.cost.text().endswith(" ms so far")
    lab.actions.trigger("plan.several")
    settle(qtbot, session)
    assert (strip.value.text(), strip.step.isEnabled()) == ("4 of 4", False)
    strip.stops.setValue(2)
    assert session.shown == 2
    lab.actions.trigger("plan.back")
    assert strip.value.text() == "1 of 4"
    lab.actions.trigger("plan.restart")
    assert (session.shown, strip.back.isEnabled()) == (0, False)
    window.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_Space)
    settle(qtbot, session)
    assert session.shown == 1, "the key works"
    strip.seed.edited.emit("-3")
    assert session.draft.seed == 0
    strip.seed.edited.emit("5")
    assert session.draft.seed == 5
    session.draft.set_text("horizon", "0")
    assert not strip.step.isEnabled()
    refused: list[str] = []
    lab.actions.refused.connect(lambda _id, why: refused.append(why))
    lab.actions.trigger("plan.step")
    assert refused
