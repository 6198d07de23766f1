"""The form of a new run, the presets beside it and the summary: from typing to what would start."""

from __future__ import annotations

import argparse
import shlex

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from ui.context import Context
from ui.controls.field_edit import SwitchEdit, TextEdit
from ui.draft import Draft
from ui.panels.new_run import NewRunPanel
from ui.panels.presets import PresetsPanel, open_with
from ui.panels.summary import SummaryPanel
from ui.preferences import Preferences
from workbench.presets import as_command, find_preset
from workbench.settings import fields_of
from workbench.spec import EngineSettings, agent_settings


@pytest.fixture
def panels(context: Context, window: QMainWindow, qtbot: QtBot) -> tuple[NewRunPanel, SummaryPanel]:
    form, summary = NewRunPanel(context), SummaryPanel(context)
    both = QWidget()
    window.setCentralWidget(both)
    for panel in (form, summary):
        panel.setParent(both)
        panel.header_widgets()
    window.resize(1200, 800)
    form.resize(760, 780)
    summary.resize(380, 780)
    summary.move(780, 0)
    window.show()
    form.show()
    summary.show()
    qtbot.waitExposed(window)
    return form, summary


def type_into(qtbot: QtBot, form: NewRunPanel, path: str, text: str) -> None:
    edit = form.rows[path].edit
    assert isinstance(edit, TextEdit)
    edit.line.selectAll()
    qtbot.keyClicks(edit.line, text)
    with qtbot.waitSignal(form.draft.changed, timeout=60_000):
        pass


def test_every_setting_has_a_row_with_help(panels: tuple[NewRunPanel, SummaryPanel]) -> None:
    form, _ = panels
    wanted = {field.path for field in fields_of(agent_settings("alm"))}
    wanted |= {field.path for field in fields_of(EngineSettings, prefix="engine.")}
    assert wanted | {"agent", "environment", "seeds", "device"} == set(form.rows)
    assert all(row.help_text for row in form.rows.values())


def test_an_error_stands_at_its_field_while_typing(panels: tuple[NewRunPanel, SummaryPanel], qtbot: QtBot) -> None:
    form, summary = panels
    type_into(qtbot, form, "warm_up_steps", "15000")
    assert "less than total_steps (12000)" in form.draft.problems["warm_up_steps"]
    assert form.rows["warm_up_steps"]._wrong.isVisibleTo(form)
    assert not summary.start_button.isEnabled()
    assert "Warm up steps" in summary.obstacle()
    type_into(qtbot, form, "warm_up_steps", "2000")
    assert "warm_up_steps" not in form.draft.problems
    assert form.draft.differences() == [("warm_up_steps", "1000", "2000")]


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("latent_size", "many", "whole number"),
        ("learning_rate", "0", "above 0"),
        ("exploration_std", "linear(1, 2", "linear(start, end, steps)"),
        ("seeds", "1, 1", "distinct"),
        ("seeds", "one", "Whole numbers"),
    ],
)
def test_nonsense_is_named(
    panels: tuple[NewRunPanel, SummaryPanel], qtbot: QtBot, path: str, text: str, expected: str
) -> None:
    form, _ = panels
    type_into(qtbot, form, path, text)
    assert expected in form.draft.problems[path]
    assert form.draft.spec is None


def test_a_switch_marks_the_difference_and_resets(panels: tuple[NewRunPanel, SummaryPanel], qtbot: QtBot) -> None:
    form, summary = panels
    edit = form.rows["kl_term"].edit
    assert isinstance(edit, SwitchEdit)
    edit.box.click()
    assert form.draft.spec is not None and form.draft.spec.flat()["kl_term"] is False
    assert form.rows["kl_term"]._changed.isVisibleTo(form)
    assert "Kl term" in summary._changes.text() or "KL term" in summary._changes.text()
    form.rows["kl_term"].reset.emit()
    assert not form.draft.texts and edit.box.isChecked()


def test_the_form_is_searched(panels: tuple[NewRunPanel, SummaryPanel]) -> None:
    form, _ = panels
    form.search.setText("learning rate")
    shown = {path for path, row in form.rows.items() if row.isVisibleTo(form)}
    assert "learning_rate" in shown and "kl_term" not in shown
    form.search.clear()
    form.draft.set_text("kl_term", "false")
    form.only_changed.setChecked(True)
    assert {path for path, row in form.rows.items() if row.isVisibleTo(form)} == {"kl_term"}


def test_what_was_typed_survives(context: Context) -> None:
    Draft.of(context).set_text("latent_size", "16")
    again = Preferences(context.preferences.path)
    assert again.get("draft")["texts"] == {"latent_size": "16"}
    context.parts.clear()
    context.preferences = again
    assert Draft.of(context).text("latent_size") == "16"


def test_a_run_opens_with_its_settings(context: Context) -> None:
    row = next(row for row in context.project.runs.page() if row.name.startswith("No KL term"))
    open_with(context, row)
    draft = Draft.of(context)
    assert draft.text("kl_term") == "false" and draft.text("seeds") == str(row.seed)
    assert draft.origin == f"Copied from run {row.id}"
    assert draft.spec is not None and draft.spec.content_hash() == row.content_hash


def test_presets_fill_the_form(context: Context, window: QMainWindow, qtbot: QtBot) -> None:
    panel = PresetsPanel(context)
    window.setCentralWidget(panel)
    window.show()
    draft = Draft.of(context)
    draft.set_text("latent_size", "16")
    item = next(panel.list.item(n) for n in range(panel.list.count()) if "alm-authors" in panel.list.item(n).text())
    qtbot.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=panel.list.visualItemRect(item).center())
    assert draft.preset.name == "alm-authors" and not draft.texts
    assert panel.recent.count() > 0


def test_the_command_starts_the_same() -> None:
    spec = find_preset("alm-quick").spec(
        {"latent_size": 16, "kl_term": False, "exploration_std": "linear(1.0, 0.2, 500)", "engine.log_interval": 50},
        seeds=(1, 2),
    )
    words = shlex.split(as_command(spec))
    assert words[:2] == ["foresight", "train"]
    parser = argparse.ArgumentParser()
    for flag in ("--preset", "--seeds", "--device"):
        parser.add_argument(flag)
    parser.add_argument("--set", action="append")
    given = parser.parse_args(words[2:])
    values = dict(item.split("=", 1) for item in given.set)
    again = find_preset(given.preset).spec(values, seeds=tuple(map(int, given.seeds.split(","))), device=given.device)
    assert again == spec
