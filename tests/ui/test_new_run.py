"""The form of a new run, the presets beside it and the summary: from typing to what would start."""

from __future__ import annotations

import argparse
import shlex
import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from ui.context import Context
from ui.controls.field_edit import ChoiceEdit, SwitchEdit, TextEdit
from ui.draft import Draft, as_text
from ui.panels.new_run import NewRunPanel
from ui.panels.presets import PresetsPanel, open_with
from ui.panels.summary import SummaryPanel
from ui.preferences import Preferences
from workbench import presets
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


def test_the_command_shows_what_was_typed_and_marks_what_is_wrong(
    panels: tuple[NewRunPanel, SummaryPanel], qtbot: QtBot
) -> None:
    form, summary = panels
    box = summary._command
    assert box.toPlainText().startswith("foresight train")
    type_into(qtbot, form, "latent_size", "16")
    steps = summary._values["Environment steps"].text()
    assert steps == "12,000"
    type_into(qtbot, form, "warm_up_steps", "15000")
    assert "--set warm_up_steps=15000" in box.toPlainText()
    assert "--set latent_size=16" in box.toPlainText()
    assert not summary._copy.isEnabled()
    assert summary._values["Environment steps"].text() == "—"  # not the figures of what was valid before
    colours = {}
    block = box.document().begin()
    while block.isValid():
        for piece in block.begin():
            colours[piece.fragment().text().strip(" \\")] = piece.fragment().charFormat().foreground().color()
        block = block.next()
    theme = form.theme
    assert colours["--set warm_up_steps=15000"] == theme.color("bad")
    assert colours["--set latent_size=16"] == theme.color("accent")
    assert colours["foresight train"] == theme.color("text")


def test_a_field_that_another_one_makes_wrong_is_in_the_command(panels: tuple[NewRunPanel, SummaryPanel]) -> None:
    form, summary = panels
    form.draft.set_text("total_steps", "500")
    assert "--set warm_up_steps=1000" in summary._command.toPlainText()
    assert ("--set warm_up_steps=1000", "warm_up_steps") in form.draft.command()


def test_problems_are_told_in_the_order_of_the_form(panels: tuple[NewRunPanel, SummaryPanel]) -> None:
    form, summary = panels
    form.draft.set_text("discount", "abc")
    form.draft.set_text("warm_up_steps", "15000")
    assert list(form.draft.problems) == ["warm_up_steps", "discount"]
    assert summary.obstacle().startswith("Warm up steps: ") and summary.obstacle().endswith(" 1 more.")


def test_what_an_environment_lacks_goes_with_it(panels: tuple[NewRunPanel, SummaryPanel]) -> None:
    form, _ = panels
    form.draft.set_text("environment", "CarRacing-v3")
    form.draft.set_environment_problem("CarRacing-v3", "Box2D is missing.")
    assert form.draft.problems["environment"] == "Box2D is missing."
    form.draft.use_preset("alm-quick")
    assert not form.draft.problems
    form.draft.set_text("environment", "CarRacing-v3")
    assert form.draft.problems["environment"] == "Box2D is missing."


def test_help_stands_below_its_field_where_there_is_little_room(
    panels: tuple[NewRunPanel, SummaryPanel], qtbot: QtBot
) -> None:
    form, _ = panels
    row = form.rows["batch_size"]
    form.show()
    form.resize(900, 600)
    qtbot.waitUntil(lambda: row._words.x() > row.edit.x())
    form.resize(500, 600)
    qtbot.waitUntil(lambda: row._words.y() > row.edit.y())
    assert row._words.x() < row.edit.x()
    assert form._page.minimumSizeHint().width() <= form._scroll.viewport().width()


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


def test_another_agent_and_another_planner_have_their_own_form(
    panels: tuple[NewRunPanel, SummaryPanel], qtbot: QtBot
) -> None:
    form, _ = panels
    draft = form.draft
    draft.set_text("kl_term", "false")
    choose_in(form, "agent", "mpc")
    assert not draft.problems and draft.spec is not None and draft.spec.agent == "mpc"
    assert draft.text("batch_size") == "128"  # the preset's, which both agents know
    assert "kl_term" not in form.rows and "planner.momentum" in form.rows
    choose_in(form, "planner", "mppi")
    assert not draft.problems and draft.spec is not None
    assert draft.spec.flat()["planner"] == "mppi" and draft.base_text("planner") == "cem"
    assert "planner.temperature" in form.rows and "planner.momentum" not in form.rows
    assert ("planner", "cem", "mppi") in draft.differences()
    type_into(qtbot, form, "planner.temperature", "0.25")
    words = shlex.split(as_command(draft.spec))
    assert "planner=mppi" in words and "planner.temperature=0.25" in words
    choose_in(form, "agent", "alm")
    assert draft.text("kl_term") == "false" and not draft.problems  # nothing that was typed is lost


def test_the_keys_of_start_work_in_the_form_and_nowhere_else(
    panels: tuple[NewRunPanel, SummaryPanel], qtbot: QtBot, context: Context, window: QMainWindow
) -> None:
    form, summary = panels
    elsewhere = QLineEdit(window.centralWidget())
    elsewhere.show()
    form.hide()
    form.show()  # as its workspace does, when all panels are there
    started: list[str] = []
    context.actions.qt("form.start").triggered.connect(lambda _on: started.append("again"))
    window.activateWindow()
    for widget, runs in ((elsewhere, 0), (form.rows["seeds"].edit, 1), (summary.start_button, 2)):
        widget.setEnabled(True)
        widget.setFocus()
        qtbot.waitUntil(lambda: QApplication.focusWidget() is not None)
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        assert len(started) == runs, widget


def choose_in(form: NewRunPanel, path: str, text: str) -> None:
    """As the mouse does: the box tells of it while its list closes."""
    edit = form.rows[path].edit
    assert isinstance(edit, ChoiceEdit)
    edit.box.setCurrentText(text)
    edit.box.activated.emit(edit.box.currentIndex())


def test_a_damaged_preset_is_left_out_with_a_notice(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in presets.FOLDER.glob("alm-*.toml"):
        shutil.copy(path, tmp_path)
    (tmp_path / "alm-paper.toml").write_text("title = ", encoding="utf-8")
    for function in (presets.read_presets, presets.load_presets, presets.find_preset):
        monkeypatch.setattr(function, "__defaults__", (tmp_path,))
    draft = Draft.of(context)
    assert list(draft.presets) == ["alm-authors", "alm-quick"] and draft.spec is not None
    assert "alm-paper cannot be used and is left out" in context.notices.items[-1].text
    assert "alm-quick" in as_command(draft.spec)


def test_a_copied_number_is_the_same_number() -> None:
    numbers = (3e-4, 0.1, 12.0, 0.1234567890123)
    assert [as_text(value) for value in numbers] == ["0.0003", "0.1", "12", "0.1234567890123"]


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


def test_updates_are_told_only_where_they_are_known_before(panels: tuple[NewRunPanel, SummaryPanel]) -> None:
    form, summary = panels
    assert summary._values["Updates"].isVisible()
    form.draft.set_text("agent", "mpc")
    assert not summary._values["Updates"].isVisible() and not summary._names["Updates"].isVisible()
    form.draft.set_text("agent", "alm")
    assert summary._values["Updates"].isVisible()
