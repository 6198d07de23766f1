"""What the details say of a run: its settings and differences, its course, its fault, its files, its relatives."""

from __future__ import annotations

import shlex
import time
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit, QMainWindow, QPushButton
from pytestqt.qtbot import QtBot

from storage import LogRow, NewRun, Project
from ui.actions import Action
from ui.context import Context
from ui.cursor import EpisodeAt
from ui.panels.run_details import RunDetailsPanel
from ui.run_words import event_words, facts, failure_sentence, setting_rows, value_text
from ui.tables.plain_table import PlainTable
from workbench.cli import build_parser
from workbench.commands.training import asked_spec
from workbench.presets import as_command, find_preset
from workbench.spec import RunSpec, new_spec


@pytest.fixture
def panel(qtbot: QtBot, context: Context, window: QMainWindow) -> RunDetailsPanel:
    made = RunDetailsPanel(context)
    window.setCentralWidget(made)
    window.resize(540, 420)
    window.show()
    qtbot.waitExposed(window)
    return made


def turn(panel: RunDetailsPanel, title: str) -> None:
    titles = [panel.tabs.tabText(place) for place in range(panel.tabs.count())]
    panel.tabs.setCurrentIndex(titles.index(title))


def press(qtbot: QtBot, panel: RunDetailsPanel, words: str) -> None:
    button = next(each for each in panel.findChildren(QPushButton) if each.text() == words and each.isVisible())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_every_column_has_room_in_a_narrow_panel_with_large_text(
    qtbot: QtBot, panel: RunDetailsPanel, context: Context, window: QMainWindow
) -> None:
    context.theme.set_scale(1.5)
    window.resize(420, 420)
    context.selection.select([9])
    for part in panel.parts:
        turn(panel, part.title)
        for table in part.findChildren(PlainTable):
            qtbot.waitUntil(lambda table=table: table.header().length() <= table.viewport().width())
            shown = [place for place in range(table.header().count()) if not table.isColumnHidden(place)]
            assert len(shown) >= 1 and min(table.columnWidth(place) for place in shown) >= 80
            hidden = [place for place in range(table.header().count()) if table.isColumnHidden(place)]
            assert all(table.plain.columns[place].quiet for place in hidden)
            tip = table.plain.index(0, shown[0]).data(Qt.ItemDataRole.ToolTipRole)
            assert all(cell in tip for cell in table.plain.rows[0].cells)


def test_without_a_selection_it_offers_the_newest_run(
    qtbot: QtBot, panel: RunDetailsPanel, context: Context
) -> None:
    assert panel.empty.isVisible()
    assert panel.empty.words.startswith("No run selected")
    press(qtbot, panel, "Select the newest run")
    assert context.selection.runs == (14,)
    assert not panel.empty.isVisible()
    assert panel._name.text() == "Kept aside"


def test_a_setting_that_is_newer_than_the_run_is_no_difference(project: Project) -> None:
    row = project.runs.get(4)
    known = {path for path in row.spec["settings"] if path != "kl_term"}
    missing = sorted(known)[0]
    older = replace(row, spec={**row.spec, "settings": {k: v for k, v in row.spec["settings"].items() if k != missing}})
    assert missing not in [each.subject for each in setting_rows(older)]
    assert [each.subject for each in setting_rows(older) if each.changed] == ["kl_term"]


def test_settings_that_differ_come_first_and_are_marked(panel: RunDetailsPanel, context: Context) -> None:
    context.selection.select([4])
    turn(panel, "Settings")
    settings = panel.parts[0]
    first, second = settings.table.plain.rows[:2]
    assert (first.cells, first.changed) == (("kl_term", "false", "true"), True)
    assert not second.changed
    assert settings._changed.text() == "1 changed from alm-quick"
    field = settings.findChild(QLineEdit)
    field.setText("learning rate")
    field.returnPressed.emit()
    assert [row.cells[0] for row in settings.table.plain.rows] == ["learning_rate"]


def test_settings_of_an_extended_run_show_its_present_budget(project: Project) -> None:
    project.runs.set_total_steps(7, 20_000)
    rows = {row.cells[0]: row for row in setting_rows(project.runs.get(7))}
    assert rows["total_steps"].cells == ("total_steps", "20,000", "12,000")
    assert rows["total_steps"].changed


def test_a_failure_is_told_with_its_traceback(qtbot: QtBot, panel: RunDetailsPanel, context: Context) -> None:
    context.selection.select([10])
    assert panel.failure.isVisible()
    said = panel.failure_text.text()
    assert said.startswith("Stopped at step 2,000: the loss critic was not finite at update 1,160")
    assert said.endswith("The resume point of step 2,000 is kept.")
    press(qtbot, panel, "Copy traceback")
    assert "NonFiniteValue" in QGuiApplication.clipboard().text()
    turn(panel, "Log")
    log = panel.parts[2]
    rows = log.table.plain.rows
    place = next(place for place, row in enumerate(rows) if row.subject.kind == "fault")
    assert rows[place].token == "bad"
    log.table.setCurrentIndex(log.table.model().index(place, 0))
    assert log.whole.isVisible()
    assert "Traceback (most recent call last)" in log.whole.toPlainText()
    context.selection.select([4])
    assert not panel.failure.isVisible()


def test_a_failed_run_without_a_resume_point(project: Project) -> None:
    row = replace(project.runs.get(10), reason="", step=40)
    assert failure_sentence(row, None) == "Stopped at step 40: it did not say why. There is no resume point."


def test_duplicate_with_changes_opens_the_form(qtbot: QtBot, panel: RunDetailsPanel, context: Context) -> None:
    from ui.draft import Draft

    opened: list[str] = []
    context.actions.add(Action("panel.new_run", "New run", lambda: opened.append("new_run")))
    context.selection.select([1, 10])
    press(qtbot, panel, "Duplicate with changes")
    assert opened == ["new_run"]
    assert Draft.of(context).text("environment") == "Walker2d-v5"
    assert context.selection.runs == (1, 10)


def test_the_log_is_narrowed_and_goes_on(qtbot: QtBot, panel: RunDetailsPanel, context: Context) -> None:
    context.selection.select([1])
    turn(panel, "Log")
    log = panel.parts[2]

    def kinds() -> list[str]:
        return [row.subject.kind for row in log.table.plain.rows]

    assert "evaluation" in kinds()
    assert "checkpoint" not in kinds()
    log.chips["Evaluations"].setChecked(False)
    assert set(kinds()) == {"state"}
    before = len(kinds())
    context.project.log.append(1, "note", 8001, 7001, time.time(), {"text": "A new episode begins."})
    context.project.writer.flush()
    context.feed.events.emit(1, [object()])
    qtbot.waitUntil(lambda: len(kinds()) == before + 1, timeout=60_000)
    assert log.table.plain.rows[-1].cells[2] == "A new episode begins."


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("state", {"from": "running", "to": "paused", "reason": ""}, "Paused, was running"),
        ("state", {"from": "running", "to": "failed", "reason": "NaN"}, "Failed, was running: NaN"),
        (
            "evaluation",
            {"returns": [1.0, 3.0], "lengths": [1, 1], "seconds": 1.24},
            "Evaluation: return 2 over 2 episodes, 1.2 s",
        ),
        (
            "episode",
            {"return": -30.26, "length": 1000, "ended": "truncated"},
            "Episode: return −30.3, 1,000 steps, truncated",
        ),
        (
            "checkpoint",
            {"kind": "resume", "name": "resume-60", "size": 5_400_000},
            "Resume point resume-60 written, 5.4 MB",
        ),
        (
            "analysis",
            {"analysis": "q-bias", "seconds": 2.1, "q_bias/mean": 0.25, "q_bias/std": 0.1},
            "Q-bias: Q-bias of the critic, mean 0.25, Q-bias of the critic, std 0.1; 2.1 s",
        ),
        ("resume", {"text": "Continued from step 60."}, "Continued from step 60."),
        ("notice", {"state": "stopping", "reason": ""}, "Stopping"),
        ("unheard of", {"answer": 42, "sure": True}, "answer 42, sure true"),
        ("warmupfinished", {}, "warmupfinished"),
    ],
)
def test_events_in_words(kind: str, data: dict[str, object], words: str) -> None:
    assert event_words(LogRow(1, 1, kind, 10, 5, 0.0, data)) == words


def test_values_as_one_types_them() -> None:
    values = {None: "—", True: "true", 12_000: "12,000", 3e-4: "0.0003", "linear(1.0, 0.1, 5)": "linear(1.0, 0.1, 5)"}
    assert {value: value_text(value) for value in values} == values
    assert value_text([1, 2]) == "1, 2"


def test_where_and_with_what_it_ran(panel: RunDetailsPanel, context: Context) -> None:
    context.selection.select([4])
    turn(panel, "About")
    shown = {name: label.text() for name, label in panel.parts[1].values.items()}
    assert shown["Made with"] == "Foresight 0.1.0, torch 2.13.0, mujoco 3.17.0, gymnasium 1.4.0"
    assert shown["Device"] == "cpu, fp32"
    assert shown["Group"] == "No KL term"
    assert shown["Done"] == "12,000 of 12,000 steps, 11,000 updates"
    assert "Ended" in shown
    assert "Ended" not in dict(facts(context.project.runs.get(1), ""))


def test_relatives_are_links_that_select(panel: RunDetailsPanel, context: Context) -> None:
    row = context.project.runs.get(9)
    new = {name: getattr(row, name) for name in ("agent", "environment", "seed", "device", "precision", "spec")}
    new |= {"content_hash": "x", "total_steps": 100, "parent_run_id": 9, "parent_step": 6000}
    child = context.project.runs.create(NewRun(name="<b>fork</b>", **new))
    context.selection.select([child])
    turn(panel, "About")
    values = panel.parts[1].values
    assert "from step 6,000" in values["Forked from"].text()
    values["Forked from"].linkActivated.emit("9")
    assert context.selection.runs == (9,)
    assert "&lt;b&gt;fork&lt;/b&gt;" in panel.parts[1].values["Forks"].text()


def test_files_and_their_episodes(panel: RunDetailsPanel, context: Context) -> None:
    context.selection.select([9])
    turn(panel, "Files")
    files = panel.parts[3]
    assert {row.cells[0] for row in files.table.plain.rows} == {"Resume point", "Snapshot", "Episode"}
    assert files.total.text().startswith("3 files, ")
    place = next(place for place, row in enumerate(files.table.plain.rows) if row.cells[0] == "Episode")
    files.table.activated.emit(files.table.model().index(place, 0))
    assert context.cursor.episode == EpisodeAt(9, "evaluation-6000")
    context.selection.select([11])
    assert files.total.text().startswith("No files yet")
    assert not files.folder_button.isEnabled()


def test_a_purged_run_leaves_nothing_to_show(panel: RunDetailsPanel, context: Context) -> None:
    context.selection.select([9])
    context.project.runs.delete(9)
    context.project.runs.purge(9)
    context.feed.runs_changed.emit()
    assert panel.empty.isVisible()


def test_the_tab_is_remembered(panel: RunDetailsPanel, context: Context) -> None:
    turn(panel, "Files")
    assert RunDetailsPanel(context).tabs.currentIndex() == 3


QUICK, PAPER = find_preset("alm-quick"), find_preset("alm-paper")


@pytest.mark.parametrize(
    "spec",
    [
        QUICK.spec(),
        QUICK.spec({"kl_term": False, "exploration_std": "0.2", "engine.log_interval": 7}, seeds=(3, 5)),
        PAPER.spec({"total_steps": 9000, "warm_up_steps": 10}, environment="Walker2d-v5", device="cpu"),
        new_spec("alm", "HalfCheetah-v5", {"batch_size": 32, "environment.forward_reward_weight": 2.0}),
    ],
    ids=["preset", "changed", "other task", "no preset"],
)
def test_the_copied_command_starts_the_same_run(spec: RunSpec) -> None:
    words = shlex.split(as_command(spec))
    assert words[0] == "foresight"
    asked = asked_spec(build_parser().parse_args(words[1:]))
    assert replace(asked, preset=spec.preset) == spec
