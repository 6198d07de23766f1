"""Where a plan begins: every kind of start state from the window, said in words; numbers by hand with their errors."""

# ruff: noqa: F811  fixtures are imported by name
from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
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
from ui.panels.plan_words import emptiness
from ui.panels.problem import ProblemPanel
from ui.plan_draft import EPISODE, HAND, LIVE, RESET
from ui.plan_session import PlanSession
from workbench.engine.start_state import HandSet


@pytest.fixture
def panel(lab: Context, window: QMainWindow, qtbot: QtBot) -> Iterator[ProblemPanel]:
    made = ProblemPanel(lab)
    shown(window, qtbot, made)
    yield made
    lab.engine.queue = None


def by_hand(panel: ProblemPanel, qtbot: QtBot) -> None:
    qtbot.mouseClick(panel.start.kinds.button(HAND), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.draft.start == HAND, timeout=20_000)


def test_every_kind_is_said_in_words(panel: ProblemPanel, lab: Context, session: PlanSession, qtbot: QtBot) -> None:
    start = panel.start
    start.seed.setValue(7)
    assert start.told.text() == "The beginning of an episode, drawn from seed 7."
    assert start.kinds.button(LIVE).toolTip() == "This run does not train in this window, so it is nowhere now"
    row = session.start.episodes()[0]
    lab.cursor.set_episode(EpisodeAt(1, row.name))
    lab.cursor.set_frame(4)
    start.chosen.emit(EPISODE)
    assert start.told.text().startswith("Step 4 of 15 of Evaluation 60")
    lab.cursor.set_frame(9)
    assert start.told.text().startswith("Step 9 of 15"), "it follows the cursor of the simulation"
    lab.engine.queue = queue = TrainingHere()  # type: ignore[assignment]
    panel.show_problem()
    assert start.kinds.button(LIVE).isEnabled()
    start.chosen.emit(LIVE)
    assert (start.kinds.value, session.draft.start) == (EPISODE, EPISODE), "not before its state came"
    assert start.told.text().endswith("Live run: Waiting for its next state.")
    queue.only.pause()
    panel.show_problem()
    assert start.told.text().endswith("Live run: Its state comes when the paused run goes on.")
    queue.only.publish(view(step=1041, angle=0.6))
    qtbot.waitUntil(lambda: session.draft.start == LIVE)
    assert start.told.text() == "The training's simulator at step 1,041."
    assert start.kinds.value == LIVE


def test_a_live_state_stays_while_its_run_goes_on(panel: ProblemPanel, lab: Context, session: PlanSession) -> None:
    lab.engine.queue = queue = TrainingHere()  # type: ignore[assignment]
    session.start.take_live()
    queue.only.publish(view(step=41, angle=0.6))
    session.start._look_live()
    kept = session.start.live
    assert kept is not None
    older = session.choice.rows[0]
    session.choice.choose(older)
    assert (session.draft.start, session.start.live) == (LIVE, kept), "a checkpoint is no other run"
    lab.selection.select([2])
    assert (session.draft.start, session.start.live) == (RESET, None)


def test_another_choice_meanwhile_is_kept(panel: ProblemPanel, lab: Context, session: PlanSession) -> None:
    lab.engine.queue = queue = TrainingHere()  # type: ignore[assignment]
    session.start.take_live()
    assert queue.only.view_interval is not None
    session.draft.choose(start=EPISODE)
    queue.only.publish(view(step=41, angle=0.6))
    session.start._look_live()
    assert (session.draft.start, session.start.live, session.start.waiting) == (EPISODE, None, "")
    assert queue.only.view_interval is None
    session.start.take_live()
    lab.selection.select([2])
    assert not session.start.waiting
    assert queue.only.view_interval is None, "nobody waits for the state of a run that is no longer chosen"


def test_numbers_by_hand_begin_with_the_present_state(
    panel: ProblemPanel, session: PlanSession, qtbot: QtBot
) -> None:
    session.draft.choose(reset_seed=3)
    session.step()
    settle(qtbot, session)
    first = session.look
    assert first is not None
    by_hand(panel, qtbot)
    settle(qtbot, session)
    hand, editor = session.start.hand, panel.start.editor
    assert list(editor.rows) == ["qpos[0]", "qvel[0]"]
    assert panel.start.told.text() == (
        "0 of 2 numbers by hand, the others as in the beginning of an episode, drawn from seed 3."
    )
    assert session.look is not None
    assert np.allclose(session.look.step.latents[0], first.step.latents[0], atol=1e-6), "the same numbers"
    angle = editor.rows["qpos[0]"]
    assert "0 is upright" in angle.toolTip()
    assert "in rad" in angle.toolTip()
    angle.edit.edited.emit("1.5")
    settle(qtbot, session)
    assert isinstance(session.wish.state, HandSet)  # type: ignore[union-attr]
    assert hand.state is not None
    assert hand.state.qpos == pytest.approx([1.5])
    assert hand.state.qvel == pytest.approx(hand.facts.qvel)  # type: ignore[union-attr]
    assert not np.allclose(session.look.step.latents[0], first.step.latents[0], atol=1e-3), "searched again from there"
    assert panel.start.told.text().startswith("1 of 2 numbers by hand")
    assert angle.resetter.isVisible()
    qtbot.mouseClick(angle.resetter, Qt.MouseButton.LeftButton)
    assert (hand.texts, angle.resetter.isVisible()) == ({}, False)


def test_a_wrong_number_is_said_at_its_field(panel: ProblemPanel, session: PlanSession, qtbot: QtBot) -> None:
    session.step()
    settle(qtbot, session)
    by_hand(panel, qtbot)
    settle(qtbot, session)
    looked = session.look
    rows = panel.start.editor.rows
    wrong = (("fast", "Not a number."), ("8.5", "Must be -8 to 8 rad/s."), ("inf", "Must be a finite number."))
    for text, told in wrong:
        rows["qvel[0]"].edit.edited.emit(text)
        assert rows["qvel[0]"].problem == told
        assert not session.ready
        assert session.look is looked, "what is shown stays while something is typed"
        assert rows["qpos[0]"].problem == ""
    session.step()
    assert not session.thread_.busy, "nothing runs"
    rows["qvel[0]"].edit.edited.emit("7.5")
    assert rows["qvel[0]"].problem == ""
    assert session.ready
    rows["qpos[0]"].edit.edited.emit("")
    assert rows["qpos[0]"].problem == "Not a number."
    qtbot.mouseClick(panel.start.editor.changed, Qt.MouseButton.LeftButton)
    assert not session.start.hand.problems
    assert not session.start.hand.texts


def test_without_a_search_the_panels_say_that_a_number_is_wrong(
    panel: ProblemPanel, session: PlanSession, qtbot: QtBot
) -> None:
    by_hand(panel, qtbot)
    assert emptiness(session).title == "Ready to plan"
    panel.start.editor.rows["qvel[0]"].edit.edited.emit("fast")
    assert emptiness(session).title == "A number of the start state does not fit"


def test_a_state_by_hand_is_another_seeds_too(
    panel: ProblemPanel, lab: Context, session: PlanSession, qtbot: QtBot
) -> None:
    by_hand(panel, qtbot)
    panel.start.editor.rows["qpos[0]"].edit.edited.emit("0.25")
    state = session.start.state
    lab.selection.select([2])
    assert session.start.state is state, "the same task"
    session.step()
    settle(qtbot, session)
    assert session.look is not None
    assert not session.failure
    session.start._run = None  # as if the last run had been of another task
    session.start.change_subject()
    session.choice.run = None
    session.start.change_subject()
    assert session.draft.start == RESET


def test_a_state_that_cannot_be_read_leaves_the_choice(
    panel: ProblemPanel, session: PlanSession, qtbot: QtBot
) -> None:
    start = session.start
    start.hand.take(1, "gone", "reset:1", "nowhere")
    qtbot.waitUntil(lambda: bool(start.hand.failure), timeout=20_000)
    assert session.draft.start == RESET
    assert "gone" in panel.start.failure.text()
    by_hand(panel, qtbot)
    assert not panel.start.failure.isVisible()
