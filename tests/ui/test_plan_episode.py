"""The panel Episode of Plan: a planner drives, its decisions are gone through, nothing is left of what is dropped."""

from __future__ import annotations

import gc
import shutil
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from storage import Project, open_project
from tests.ui.trained_runs import ready_context, train_small_runs
from ui.context import Context
from ui.cursor import EpisodeAt
from ui.panels import plan_episode_words as words
from ui.panels.candidates import CandidatesPanel
from ui.panels.plan_episode import PlanEpisodePanel
from ui.panels.plan_iterations import PlanIterationsPanel
from ui.panels.reality_check import RealityCheckPanel
from ui.panels.simulation_words import episode_words
from ui.plan_episode import DEFAULTS, POLICY, PREFERENCE, PlanEpisodes, plan_episodes
from ui.plan_reality import CANDIDATE, plan_reality
from ui.plan_session import PlanSession, plan_session
from workbench.engine.plan_tape import PlanTape
from workbench.environments.rollout import RunningEpisode

SMALL = {"candidates": "90", "elites": "9", "iterations": "3", "horizon": "5"}
LENGTH = 15


@pytest.fixture(scope="module")
def trained_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("driven") / "project"
    train_small_runs(folder)
    return folder


@pytest.fixture
def runs(trained_folder: Path, tmp_path: Path) -> Iterator[Project]:
    with open_project(shutil.copytree(trained_folder, tmp_path / "runs"), write=True) as opened:
        yield opened


@pytest.fixture
def lab(runs: Project, window: QMainWindow, qtbot: QtBot) -> Iterator[Context]:
    context = ready_context(runs, window)
    context.selection.select([1])
    session = plan_session(context)
    for path, text in SMALL.items():
        session.draft.set_text(path, text)
    yield context
    episodes = plan_episodes(context)
    for thread in (episodes.driver, episodes.reader, plan_reality(context).thread_):
        thread.close()
    session.close()


@pytest.fixture
def episodes(lab: Context) -> PlanEpisodes:
    return plan_episodes(lab)


@pytest.fixture
def panel(lab: Context, window: QMainWindow, qtbot: QtBot) -> PlanEpisodePanel:
    made = PlanEpisodePanel(lab)
    shown(window, qtbot, made)
    return made


def shown(window: QMainWindow, qtbot: QtBot, *widgets: QWidget) -> None:
    holder = QWidget()
    row = QHBoxLayout(holder)
    for widget in widgets:
        row.addWidget(widget, 1)
    window.setCentralWidget(holder)
    window.resize(1500, 700)
    window.show()
    qtbot.waitUntil(lambda: all(widget.isVisible() for widget in widgets))


def driven(episodes: PlanEpisodes, qtbot: QtBot, **choice: Any) -> None:
    """Drive an episode and wait until its first decision is shown."""
    episodes.choose(**choice)
    before = len(episodes.rows)
    episodes.drive()
    qtbot.waitUntil(lambda: len(episodes.rows) == before + 1 and episodes.decision == 0, timeout=30_000)


def settle(qtbot: QtBot, session: PlanSession) -> None:
    qtbot.waitUntil(lambda: not session.thread_.busy, timeout=20_000)


# ---- driving ---------------------------------------------------------------------------------------------------------


def test_one_click_drives_and_shows_what_it_was_worth(
    panel: PlanEpisodePanel, episodes: PlanEpisodes, qtbot: QtBot
) -> None:
    assert "No planned episode yet" in panel.empty.words
    episodes.choose(every=4)
    heard: list[str] = []
    episodes.drive_changed.connect(lambda: heard.append(panel._told.text()))
    panel.context.actions.trigger("plan.drive")
    assert panel.progress.isVisible()
    assert not panel.drive.isVisible()
    panel.context.selection.select([2])
    assert words.progress(episodes).startswith("Run 1, "), "another run is chosen by now"
    panel.context.selection.select([1])
    qtbot.waitUntil(lambda: episodes.decision == 0, timeout=30_000)
    assert any(text.startswith("Planner: ") and f"of {LENGTH} steps" in text for text in heard)
    row = episodes.rows[0]
    mine, its, gap = (label.text() for label in panel.values)
    assert (mine, its) == (words.format.number(row.info["return"]), words.format.number(row.info["policy_return"]))
    assert gap.lstrip("+") == words.format.number(row.info["return"] - row.info["policy_return"])
    assert panel.verdict.text().startswith(f"{LENGTH} steps from the reset of seed 0, a plan at every step, ")
    assert panel.where.text() == f"Decision 1 of 4, at step 0 of {LENGTH}"
    assert not panel.progress.isVisible()
    assert panel.drive.isVisible()
    assert panel.drive.isEnabled()
    assert panel.chooser.currentText().startswith("Return ")
    assert panel.chooser.currentText().endswith(" · CEM, checkpoint 60")
    assert panel.strip.isVisible()


def test_what_is_asked_for_is_remembered_and_said(
    lab: Context, panel: PlanEpisodePanel, episodes: PlanEpisodes, qtbot: QtBot
) -> None:
    panel.form.fields["steps"].setValue(6)
    panel.form.fields["replan"].setValue(2)
    panel.form.fields["every"].setValue(1)
    panel.form.proposals.chosen.emit(POLICY)
    assert lab.preferences.get(PREFERENCE) == {"steps": 6, "replan": 2, "proposal": "policy", "every": 1}
    assert panel.form.fields["replan"].maximum() == 5, "a plan has no more steps"
    driven(episodes, qtbot)
    assert panel.verdict.text().startswith("6 steps from the reset of seed 0, a plan every 2 steps, ")
    assert "refining the policy" in panel.chooser.currentText()
    assert panel.where.text() == "Decision 1 of 3, at step 0 of 6"
    lab.preferences.set(PREFERENCE, {"steps": -3, "replan": "x", "proposal": "luck", "every": 0})
    assert PlanEpisodes(lab).choice == DEFAULTS
    lab.preferences.set(PREFERENCE, ["nonsense"])
    assert PlanEpisodes(lab).choice == DEFAULTS


def test_what_cannot_be_is_said(panel: PlanEpisodePanel, episodes: PlanEpisodes, qtbot: QtBot) -> None:
    session = episodes.session
    session.draft.set_text("warm_start", "false")
    episodes.choose(proposal=POLICY)
    episodes.drive()
    qtbot.waitUntil(lambda: bool(episodes.drive_failure), timeout=20_000)
    assert panel.problem.isVisible()
    assert panel.problem.text() == "Must be on, for a search to begin at the policy."
    episodes.choose(proposal="plan")
    assert not panel.problem.isVisible()
    session.draft.set_text("horizon", "0")
    assert not panel.drive.isEnabled()
    assert "settings that fit" in panel.drive.toolTip()


def test_a_project_open_for_reading_drives_nothing(
    trained_folder: Path, window: QMainWindow, qtbot: QtBot
) -> None:
    with open_project(trained_folder) as opened:
        context = ready_context(opened, window)
        context.selection.select([1])
        panel = PlanEpisodePanel(context)
        shown(window, qtbot, panel)
        assert not panel.drive.isEnabled()
        assert panel.drive.toolTip() == "This project is open for reading alone."
        assert "open for reading alone" in panel.empty.words
        plan_session(context).close()


def test_a_cancelled_drive_leaves_no_thread_and_no_memory(
    panel: PlanEpisodePanel, episodes: PlanEpisodes, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[weakref.ref[Any]] = []
    for kind in (PlanTape, RunningEpisode):
        make = kind.__init__

        def noted(self: Any, *arguments: Any, make: Any = make, **named: Any) -> None:
            held.append(weakref.ref(self))
            make(self, *arguments, **named)

        monkeypatch.setattr(kind, "__init__", noted)
    episodes.session.draft.set_text("iterations", "400")
    episodes.drive()
    qtbot.waitUntil(lambda: len(held) >= 2 and episodes.advance is not None, timeout=20_000)
    panel.cancel.click()
    assert not episodes.driver.busy
    assert not panel.progress.isVisible()
    qtbot.waitUntil(lambda: not [each for each in threading.enumerate() if each.name == "analysis: drive"])
    gc.collect()
    assert [each() for each in held if each() is not None] == []
    episodes.refresh()
    assert episodes.rows == (), "nothing of it is kept"


# ---- going through what is stored ------------------------------------------------------------------------------------


def test_decisions_are_shown_where_iterations_are(
    lab: Context, episodes: PlanEpisodes, window: QMainWindow, qtbot: QtBot
) -> None:
    panel, cloud, curves = PlanEpisodePanel(lab), CandidatesPanel(lab), PlanIterationsPanel(lab)
    shown(window, qtbot, panel, cloud, curves)
    driven(episodes, qtbot, every=4)
    session = episodes.session
    assert session.stored == episodes.rows[0]
    assert (session.shown, len(session.looks), session.ended) == (3, 3, True)
    assert session.look is not None
    assert "decision at step 0" in session.look.facts.title
    assert [sample.words for sample in cloud.legend[:2]] == ["57 of 81 candidates", "7 of 9 elites"]
    panel.scrubber.setValue(2)
    assert panel.where.text() == f"Decision 3 of 4, at step 8 of {LENGTH}"
    assert lab.cursor.episode == EpisodeAt(1, episodes.rows[0].name)
    assert lab.cursor.frame == 8, "the simulation shows that state"
    assert session.look.wish.state == f"episode:{episodes.rows[0].name}:8"
    assert not session.thread_.busy, "nothing is searched"
    session.back()
    assert session.shown == 2
    panel.scrubber.setValue(3)
    assert session.shown == 2, "the same iteration of the next decision"
    session.go(99)
    assert (session.shown, session.thread_.busy) == (3, False)
    panel.strip.sought.emit(6)
    assert panel.where.text() == f"Decision 2 of 4, at step 4 of {LENGTH}"
    qtbot.keyClick(panel.scrubber, Qt.Key.Key_Right)
    assert episodes.decision == 2


def test_reality_of_a_stored_plan(lab: Context, episodes: PlanEpisodes, qtbot: QtBot) -> None:
    session, reality = episodes.session, plan_reality(lab)
    session.draft.choose(model="true")
    reality.want("test", True)
    driven(episodes, qtbot, every=5)
    episodes.show_decision(1)
    look = session.look
    qtbot.waitUntil(lambda: reality.answer is not None and reality.answer.wish == look.wish, timeout=20_000)
    assert reality.answer is not None
    assert reality.answer.check.real_rewards == pytest.approx(look.step.rewards, abs=1e-3)
    reality.want("test", False)


def test_a_stored_candidate_is_called_what_the_cloud_calls_it(
    lab: Context, episodes: PlanEpisodes, window: QMainWindow, qtbot: QtBot
) -> None:
    panel, cloud, session = RealityCheckPanel(lab), CandidatesPanel(lab), episodes.session
    shown(window, qtbot, panel, cloud)
    driven(episodes, qtbot, every=5)
    plan_reality(lab).choose(CANDIDATE)
    assert session.look is not None
    step = session.look.step
    assert session.picked is not None
    assert step.returns[step.candidate(session.picked)] == step.returns.max(), "the best one, wherever it stands"
    for row in (0, 7, len(step.actions) - 1):
        session.pick(row)
        assert step.kept is not None
        number = int(step.kept[row])
        rank = int((step.returns > step.returns[number]).sum()) + 1
        assert panel.candidate.text() == f"Stored {row + 1}"
        assert panel.rank.text() == f"candidate {number + 1} of 90, rank {rank} by its imagined return"
        assert cloud.legend[4].words.startswith(f"candidate {number + 1}, return ")
    qtbot.waitUntil(lambda: panel.verdict.text().startswith("The candidate "), timeout=20_000)
    assert "exploiting" not in panel.verdict.text()


def test_the_cursor_takes_the_decision_along(lab: Context, episodes: PlanEpisodes, qtbot: QtBot) -> None:
    driven(episodes, qtbot, every=4)
    lab.cursor.set_frame(10)
    qtbot.waitUntil(lambda: episodes.decision == 2)
    assert lab.cursor.frame == 10, "whoever plays the episode is not pulled back"
    assert not episodes.session.thread_.busy
    assert episodes.session.stored is not None
    lab.cursor.set_frame(11)
    qtbot.wait(120)
    assert episodes.decision == 2


def test_a_changed_setting_searches_from_the_stored_state(lab: Context, episodes: PlanEpisodes, qtbot: QtBot) -> None:
    driven(episodes, qtbot, every=4)
    episodes.show_decision(1)
    session = episodes.session
    stored = list(session.looks)
    session.draft.set_text("candidates", "40")
    settle(qtbot, session)
    assert session.stored is None
    assert episodes.decision is None
    assert (session.shown, session.before) == (3, stored)
    assert session.look is not None
    assert session.look.wish.state == f"episode:{episodes.rows[0].name}:4"
    assert len(session.look.step.actions) == 40
    episodes.show_decision(2)
    session.draft.set_text("elites", "")
    assert session.stored is not None, "what is being typed is no other problem yet"
    session.draft.set_text("elites", "9")
    assert session.stored is not None


def test_searching_anew_from_a_decision(panel: PlanEpisodePanel, episodes: PlanEpisodes, qtbot: QtBot) -> None:
    driven(episodes, qtbot, every=4)
    episodes.show_decision(1)
    assert panel.anew.isVisible()
    panel.anew.click()
    session = episodes.session
    settle(qtbot, session)
    assert (session.stored, session.shown) == (None, 1)
    assert session.look is not None
    assert session.look.step.kept is None
    assert not panel.anew.isVisible()
    assert panel.where.text() == "4 decisions stored, every 4th"


def test_another_run_lets_go(lab: Context, panel: PlanEpisodePanel, episodes: PlanEpisodes, qtbot: QtBot) -> None:
    driven(episodes, qtbot, every=4)
    lab.selection.select([2])
    assert episodes.session.stored is None
    assert episodes.session.looks == []
    assert episodes.rows == ()
    assert "No planned episode yet" in panel.empty.words
    lab.selection.select([1])
    qtbot.waitUntil(lambda: episodes.episode is not None, timeout=20_000)
    assert episodes.decision is None
    assert panel.where.text() == "4 decisions stored, every 4th"
    assert episodes.session.stored is None, "nothing is shown before somebody asks"


def test_a_damaged_episode_is_a_sentence_and_another_can_be_chosen(
    lab: Context, panel: PlanEpisodePanel, episodes: PlanEpisodes, qtbot: QtBot
) -> None:
    driven(episodes, qtbot, every=4)
    driven(episodes, qtbot, every=5)
    first, second = episodes.rows[1], episodes.rows[0]
    path = lab.project.artifacts.file(first.path)
    path.write_bytes(path.read_bytes()[:-50])
    panel.chooser.activated.emit(1)
    qtbot.waitUntil(lambda: bool(episodes.failure), timeout=20_000)
    assert "is damaged" in panel.empty.words
    panel.chooser.activated.emit(0)
    qtbot.waitUntil(lambda: episodes.decision == 0, timeout=20_000)
    assert episodes.wanted == second


def test_others_say_what_it_is(lab: Context, episodes: PlanEpisodes, qtbot: QtBot) -> None:
    driven(episodes, qtbot, steps=5)
    assert episode_words(episodes.rows[0]).startswith("Planned episode (cem) at step 60  ·  return ")
    evaluation = next(row for row in lab.project.artifacts.list(1, "episode") if "driven" not in row.info)
    assert episode_words(evaluation).startswith("Evaluation at step ")
    assert words.state_words("episode:evaluation-60:7") == "step 7 of evaluation-60"
    assert words.state_words("by its numbers") == "a state given by its numbers"


def test_the_figures_need_the_policys_return() -> None:
    from dataclasses import replace

    from storage import ArtifactRow

    row = ArtifactRow(1, 1, "episode", "evaluation-5", 5, "", 0, "", {"return": 3.0, "length": 4}, 0.0)
    assert words.figures(row) == (("3", "return"),)
    assert words.verdict(row) == "4 steps of the run's own evaluation, in which its agent plans."
    ended = {**row.info, "driven": "cem", "policy_return": 1.0, "policy_length": 2, "replanning_interval": 3}
    assert words.figures(replace(row, info=ended)) == (("3", "return"), ("1", "the policy's own"), ("+2", "gap"))
    assert "The policy's episode had 2 steps." in words.verdict(replace(row, info=ended))

