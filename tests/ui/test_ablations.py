"""The ablations panel: what is ticked becomes a study, the equations show what is left out, and a study fills live."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from storage import RunFilter, RunState
from ui.context import Context
from ui.controls.equation import EquationView
from ui.panels.ablations import AblationsPanel
from workbench.engine.queue import RunQueue
from workbench.engine.recorder import Recorder
from workbench.engine.study import adopt


@pytest.fixture
def panel(context: Context, qtbot: QtBot) -> Iterator[AblationsPanel]:
    made = AblationsPanel(context)
    qtbot.addWidget(made)
    made.resize(356, 900)
    made.show()
    yield made
    made.hide()


@pytest.fixture
def queue(context: Context) -> Iterator[RunQueue]:
    """A queue that starts nothing by itself, in the place of the engine's."""
    made = RunQueue(Recorder(context.project))
    context.engine.queue, context.engine.state = made, "ready"
    yield made
    context.engine.queue = None


def shown_terms(panel: AblationsPanel, title: str) -> dict[str, list[str]]:
    """The texts of an equation by how they are shown."""
    box = next(box for box in panel._boxes if box.equation.title == title)
    found: dict[str, list[str]] = {}
    for text, how in box.view._shown:
        found.setdefault(how, []).append(text.strip())
    return found


def names(panel: AblationsPanel) -> list[str]:
    return [variant.name for variant in panel.variants]


def test_the_toggles_are_the_agents_ablations(panel: AblationsPanel) -> None:
    from workbench.agents.alm_settings import AlmSettings
    from workbench.settings import fields_of

    expected = {field.path for field in fields_of(AlmSettings) if field.ablation}
    assert set(panel.form.rows) == expected
    row = panel.form.rows["kl_term"]
    assert row.box.text() == "KL term"
    assert row.box.toolTip().startswith("KL(model || encoder)")
    assert panel.form._count.text() == f"3 of {len(expected)}"


def test_ticking_makes_variants_and_says_how_many_runs(panel: AblationsPanel, qtbot: QtBot) -> None:
    assert names(panel) == ["No KL term", "No value term", "No classifier term"]
    qtbot.mouseClick(panel.form.rows["value_term"].box, Qt.MouseButton.LeftButton)
    panel.form.rows["rollout_length"].box.click()
    assert names(panel)[:3] == ["Rollout length 1", "Rollout length 2", "Rollout length 5"]
    panel.draft.set_values("rollout_length", "1, 3, 5")
    assert names(panel) == ["Rollout length 1", "Rollout length 5", "No KL term", "No classifier term"]
    assert panel.form.runs.text() == "5 variants × 3 seeds = 15 runs"
    panel.draft.set_text("seeds", "1 2")
    assert panel.form.runs.text() == "5 variants × 2 seeds = 10 runs"
    panel.form.way.button("pairs").click()
    assert len(names(panel)) == 4 + 5


def test_a_term_that_a_variant_leaves_out_is_struck_and_what_it_puts_in_stands_out(panel: AblationsPanel) -> None:
    assert panel.shown.text() == "Shown: No KL term, 1 of 3"
    assert shown_terms(panel, "Encoder and model")["gone"] == ['− "KL"(m_t ∥ ē_{t+1})']
    assert "gone" not in shown_terms(panel, "Policy")
    view = next(box for box in panel._boxes if box.equation.title == "Encoder and model").view
    assert "left out: − KL(mt ∥ ēt+1)" in view.accessibleName()
    panel.form.rows["entropy_bonus"].box.click()
    assert panel.shown.text() == "Shown: Entropy bonus, 4 of 4"
    assert shown_terms(panel, "Policy")["new"] == ['− α "log" π(a_t)']
    panel._turn(1)
    assert panel.shown.text().startswith("Shown: No KL term")
    quiet = next(box for box in panel._boxes if box.equation.title == "Classifier")
    assert not quiet.isVisible()
    panel.form.rows["linear_classifier"].box.click()
    assert quiet.isVisible()


def test_numbers_of_a_variant_stand_beside_the_equation(panel: AblationsPanel) -> None:
    panel.draft.set_values("rollout_length", "5")
    panel.form.rows["rollout_length"].box.click()
    box = panel._boxes[0]
    assert "K = 5" in box._numbers.text()


def test_an_equation_takes_the_lines_that_it_needs(context: Context, qtbot: QtBot) -> None:
    view = EquationView(context.theme)
    qtbot.addWidget(view)
    terms: list[Any] = [("L = ", "kept"), ("∑_t r(z_t, a_t)", "kept"), (" − k_{t+1}", "gone"), (" + Q(z_K)", "new")]
    view.resize(400, 30)
    view.show_terms(terms)
    view.show()
    one = view.height()
    view.resize(120, one)
    assert view.height() >= 2 * one * 14 / 16 - 2
    assert not view.grab().isNull()


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("seeds", "1, x", "Whole numbers"),
        ("steps", "10", "Warm up steps"),
        ("name", "", "needs a name"),
        ("environment", "HalfCheetah-v5", ""),
    ],
)
def test_what_is_wrong_is_said_and_nothing_can_start(
    panel: AblationsPanel, queue: RunQueue, field: str, text: str, words: str
) -> None:
    panel.draft.set_text(field, text)
    assert words.lower() in panel.form.trouble.text().lower()
    assert panel.start_button.isEnabled() == (not words)
    assert bool(panel.start()) == (not words)


def test_values_that_cannot_be_read_mark_their_row(panel: AblationsPanel) -> None:
    panel.form.rows["rollout_length"].box.click()
    panel.draft.set_values("rollout_length", "long")
    assert panel.form.rows["rollout_length"].values.property("state") == "error"
    assert "'long' is not valid" in panel.form.trouble.text()


def test_too_many_variants_are_refused_before_they_are_tried(panel: AblationsPanel) -> None:
    for path in panel.form.rows:
        panel.draft.ticked[path] = True
    panel.draft.set_way("pairs")
    assert "variants are too many for one study" in panel.form.trouble.text()
    assert not panel.start_button.isEnabled()


def test_custom_combinations_are_added_and_removed(panel: AblationsPanel) -> None:
    panel.form.way.button("custom").click()
    assert "Add a combination" in panel.form.trouble.text()
    panel.draft.tick("classifier_term", False)
    panel.form.add.click()
    assert names(panel) == ["No KL term, No value term"]
    panel.form.add.click()
    assert len(names(panel)) == 1  # the same again is not another one
    panel.draft.remove_combination("No KL term, No value term")
    assert names(panel) == []


def test_one_of_the_papers_studies_fills_the_form(panel: AblationsPanel) -> None:
    place = panel.chooser.findText("Fig. 5c", Qt.MatchFlag.MatchStartsWith)
    panel.chooser.setCurrentIndex(place)
    panel.chooser.activated.emit(place)
    assert names(panel) == ["TD3 actor on latents", "TD3 on states"]
    assert "TD3" in panel.hint.text()
    assert panel.draft.base.environment == "HalfCheetah-v5"
    panel.sizes.click()
    assert (panel.draft.base.environment, panel.draft.base.seeds) == ("Ant-v5", (1, 2, 3, 4, 5))
    assert panel.draft.base.total_steps == 205_000


def test_what_was_put_together_survives_a_restart(panel: AblationsPanel, context: Context, qtbot: QtBot) -> None:
    panel.form.rows["reconstruction"].box.click()
    panel.draft.set_text("seeds", "7")
    again = AblationsPanel(context)
    qtbot.addWidget(again)
    assert again.draft.ticked["reconstruction"]
    assert again.draft.base.seeds == (7,)
    assert [v.name for v in again.draft.variants] == names(panel)


def test_start_queues_a_study_and_shows_how_far_it_is(
    panel: AblationsPanel, queue: RunQueue, context: Context
) -> None:
    panel._update()
    runs = panel.start()
    assert len(runs) == 12
    assert panel.study == "terms"
    assert context.project.runs.count(RunFilter(study="terms")) == 12
    assert set(context.selection.runs) == set(runs)
    assert panel.view.runs.text() == "4 variants × 3 seeds = 12 runs"
    assert panel.view.words.text().startswith("12 queued.")
    assert not panel.start_button.isEnabled()
    first = runs[0]
    context.project.runs.change_state(first, RunState.RUNNING)
    context.project.runs.change_state(first, RunState.FAILED, "the loss critic was not finite")
    context.feed.runs_changed.emit()
    assert panel.view.fault.text().startswith("Base, seed 1 failed at step 0: the loss critic was not finite")
    assert panel.view.banner.isVisible()
    assert panel.start_button.text() == "Retry the failed run"
    panel.stop()
    assert panel.view.words.text().startswith("11 stopped, 1 failed.")
    assert len(panel.go_on()) == 12
    assert len(panel.add_seeds("4")) == 4
    assert panel.add_seeds("four") == []
    assert panel.view.runs.text() == "4 variants × 4 seeds = 16 runs"


def test_a_stored_study_is_shown_with_its_variants(panel: AblationsPanel, context: Context) -> None:
    groups = {line.group.name: line.group.id for line in context.project.runs.lines() if line.group is not None}
    adopt(context.project, "old", groups["ALM quick, K = 3"], {"No KL": groups["No KL term"]})
    context.feed.runs_changed.emit()
    panel.show_study("old")
    assert panel.view.isVisible()
    assert not panel.form.isVisible()
    assert names(panel) == ["No KL"]
    assert "3 finished, 3 running" in panel.view.words.text()
    assert "Base: alm-quick on HalfCheetah-v5" in panel.view.about.text()
    assert len(context.selection.runs) == 6
    panel._choose("new", "")
    assert panel.form.isVisible()
