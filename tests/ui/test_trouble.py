"""What goes wrong reaches the user: interrupted runs, a full disk, exceptions, and how runs end."""

from __future__ import annotations

import logging
import shutil
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from storage import DiskFull, RunState
from ui.context import Context
from ui.desktop import DesktopNotices
from ui.dialogs.settings import NOTIFY
from ui.recovery import RecoveryBanner
from ui.reporting import Reporter
from ui.run_reports import RunReports, ending
from ui.trouble import TroubleBanner
from workbench.events import StateChanged


def test_interrupted_runs_are_offered_until_they_are_answered(context: Context, qtbot: QtBot) -> None:
    banner = RecoveryBanner(context)
    qtbot.addWidget(banner)
    assert banner.text.startswith("“Paper sizes, K = 3” was interrupted ")
    assert banner.text.endswith("at step 6,000. Nothing before step 6,000 is lost.")
    assert not banner.resume_button.isEnabled()
    banner.leave_button.click()
    assert banner.isHidden()
    again = RecoveryBanner(context)
    qtbot.addWidget(again)
    assert again.isHidden()


def test_several_interrupted_runs_are_named_together(context: Context, qtbot: QtBot) -> None:
    for row in context.project.runs.page():
        if row.status is RunState.RUNNING:
            context.project.runs.change_state(row.id, RunState.INTERRUPTED, "killed")
    banner = RecoveryBanner(context)
    qtbot.addWidget(banner)
    assert banner.text.startswith("4 runs were interrupted: ")
    assert " and 1 more." in banner.text
    assert banner.resume_button.text() == "Resume all"


def test_a_full_disk_is_shown_for_as_long_as_it_lasts(
    context: Context, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    banner = TroubleBanner(context)
    qtbot.addWidget(banner)
    banner.look()
    assert banner.isHidden()
    fault = DiskFull("The disk is full.", "Nothing is lost.", "Free 200 MB.")
    monkeypatch.setattr(context.project.writer, "_fault", fault)
    banner.look()
    assert banner.text.startswith("The disk is full. Nothing is lost. Free 200 MB. Training waits")
    monkeypatch.setattr(context.project.writer, "_fault", None)
    banner.look()
    assert banner.isHidden()


def test_exceptions_of_slots_and_threads_become_notices_once_each(
    context: Context, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    reporter = Reporter(context.notices)
    try:
        for _ in range(3):
            try:
                raise ValueError("a slot broke")
            except ValueError:
                sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        thread = threading.Thread(target=lambda: 1 / 0, name="a worker")
        thread.start()
        thread.join()
        qtbot.waitUntil(lambda: len(context.notices.items) == 2)
    finally:
        reporter.close()
    slot, worker = context.notices.items
    assert slot.text == "Something failed: ValueError: a slot broke"
    assert slot.count == 3
    assert worker.text == "Something failed: ZeroDivisionError: division by zero (in the thread a worker)"
    assert "Traceback" in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 4


def test_the_end_of_a_run_is_told_in_a_sentence(context: Context) -> None:
    rows = {row.name: row for row in context.project.runs.page()}
    text, bad = ending(rows["No KL term seed 1"])
    assert text.startswith("No KL term seed 1 finished. Return ")
    assert text.endswith(", 3 min 20 s.")
    assert not bad
    text, bad = ending(rows["ReLU, lr 3e-3"])
    assert text.startswith("ReLU, lr 3e-3 failed at step 2,000: the loss critic was not finite")
    assert bad


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``notify-send`` that writes what it is told."""
    told = tmp_path / "told"
    script = tmp_path / "notify-send"
    script.write_text(f'#!/bin/sh\nprintf "%s|" "$@" > {told}\n', encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _name: str(script))
    return told


def test_the_desktop_is_told_while_the_window_is_in_the_background(
    context: Context, window: QMainWindow, tool: Path, qtbot: QtBot
) -> None:
    desktop = DesktopNotices(context, window)
    assert desktop.tell("A run finished", "ALM quick finished.")
    qtbot.waitUntil(lambda: tool.exists() and tool.read_text(encoding="utf-8").endswith("finished.|"))
    assert tool.read_text(encoding="utf-8") == "--app-name=Foresight|A run finished|ALM quick finished.|"


def test_the_desktop_is_not_told_what_the_user_sees_or_does_not_want(
    context: Context, window: QMainWindow, tool: Path, qtbot: QtBot
) -> None:
    desktop = DesktopNotices(context, window)
    context.preferences.set(NOTIFY, False)
    assert not desktop.tell("A run finished", "x")
    context.preferences.set(NOTIFY, True)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    assert not desktop.tell("A run finished", "x")


def test_a_run_that_ends_is_told_once_with_a_way_to_it(context: Context, window: QMainWindow, tool: Path) -> None:
    shown: list[str] = []
    window.show_panel = shown.append  # type: ignore[attr-defined]
    row = next(row for row in context.project.runs.page() if row.status is RunState.FAILED)
    RunReports(context, window, DesktopNotices(context, window))  # type: ignore[arg-type]
    where = (row.id, row.step, row.updates, 0.0)
    context.feed.events.emit(row.id, [StateChanged(*where, "running", ""), StateChanged(*where, "failed", "NaN")])
    (notice,) = context.notices.items
    assert notice.level == "bad"
    assert notice.action == "Open log"
    assert notice.run is not None
    notice.run()
    assert shown == ["log"]
    assert context.selection.primary == row.id
