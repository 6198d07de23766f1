"""The first page: shown once, its two buttons do what they promise, and the demo is a copy."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from storage import default_project_folder
from ui import format
from ui.actions import ActionRegistry
from ui.context import Context
from ui.dialogs import welcome
from ui.dialogs.welcome import SEEN, Welcome, copy_demo, wanted
from ui.durations import expected
from ui.main_window import MainWindow
from workbench.engine.duration import PastRun
from workbench.presets import find_preset
from workbench.spec import RunSpec


class Queue:
    """Takes what is submitted and nothing more."""

    def __init__(self) -> None:
        self.submitted: list[RunSpec] = []

    def submit(self, spec: RunSpec) -> list[int]:
        """Note it."""
        self.submitted.append(spec)
        return [7]

    def workers(self) -> list[object]:
        """None."""
        return []

    def close(self, timeout: float | None, *, pause: bool) -> bool:
        """There is nothing to wait for."""
        return True


@pytest.fixture
def demo(tmp_path: Path, sample_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A demo where the installed one would be."""
    folder = tmp_path / "assets" / "demo"
    shutil.copytree(sample_folder, folder)
    (folder / "project.lock").touch()
    monkeypatch.setattr(welcome, "DEMO", folder)
    return folder


@pytest.fixture
def first(qtbot: QtBot, empty_context: Context) -> Iterator[MainWindow]:
    """The window at its first launch."""
    made = MainWindow()
    empty_context.actions = ActionRegistry(made, empty_context.theme)
    made.fill(empty_context)
    made.show()
    QApplication.processEvents()
    yield made
    close(made, qtbot)


def close(window: MainWindow, qtbot: QtBot) -> None:
    """Close a window in order, unless the test did."""
    if window.isVisible():
        with qtbot.waitSignal(window.closed):
            window.leave()
    window.deleteLater()


def _page(window: MainWindow) -> Welcome:
    assert isinstance(window.welcome, Welcome)
    return window.welcome


def test_the_first_launch_shows_it_and_the_second_does_not(first: MainWindow, empty_context: Context) -> None:
    assert first.stack.currentWidget() is first.welcome
    assert not any(tab.isChecked() for tab in first.top_bar.tabs.values())
    first.show_workspace("watch")
    assert first.workspace is first.workspaces["watch"]
    assert empty_context.preferences.get(SEEN) is True
    assert not wanted(empty_context)


def test_a_project_with_runs_needs_no_welcome(context: Context) -> None:
    assert not wanted(context)


def test_help_brings_it_back(first: MainWindow, empty_context: Context) -> None:
    first.show_workspace("watch")
    empty_context.actions.trigger("help.welcome")
    assert first.stack.currentWidget() is first.welcome


def test_the_quick_run_is_queued_once_the_engine_is_there(first: MainWindow, empty_context: Context) -> None:
    _page(first).quick_button.click()
    assert first.workspace is first.workspaces["watch"]
    assert "starts as soon as the engine is prepared" in empty_context.notices.items[0].text
    queue = Queue()
    empty_context.engine.queue = queue  # type: ignore[assignment]
    empty_context.engine.state = "ready"
    empty_context.engine.ready.emit()
    empty_context.engine.ready.emit()
    assert [spec.preset for spec in queue.submitted] == ["alm-quick"]
    assert empty_context.selection.runs == (7,)


def test_it_promises_what_the_form_estimates(first: MainWindow, context: Context) -> None:
    assert "Minutes on a CPU" in _page(first).quick_words.text()  # no run to judge by
    spec = find_preset("alm-quick").spec()
    rows = [row for row in context.project.runs.page() if row.status == "finished"]
    past = [PastRun(spec.flat(), socket.gethostname(), row.step, 330.0) for row in rows]
    found = expected(spec, past)
    assert found is not None
    first.context = context
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(welcome, "earlier_runs", lambda _project: past)
        assert f"About {format.duration(found.seconds)} on this machine" in Welcome(first).quick_words.text()


def test_without_an_engine_it_says_why(first: MainWindow, empty_context: Context) -> None:
    empty_context.engine.state, empty_context.engine.problem = "failed", "ImportError: no torch"
    empty_context.engine.failed.emit("ImportError: no torch")
    assert not _page(first).quick_button.isEnabled()
    assert "no torch" in _page(first).quick_words.text()


def test_without_a_demo_there_is_no_button(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty_context: Context, qtbot: QtBot
) -> None:
    monkeypatch.setattr(welcome, "DEMO", tmp_path / "absent")
    window = MainWindow()
    empty_context.actions = ActionRegistry(window, empty_context.theme)
    window.fill(empty_context)
    window.show()
    assert not _page(window).demo_button.isVisible()
    assert _page(window).quick_button.isVisible()
    close(window, qtbot)


def test_the_demo_is_opened_as_a_copy(demo: Path, first: MainWindow, qtbot: QtBot) -> None:
    page = Welcome(first)
    qtbot.addWidget(page)
    with qtbot.waitSignal(first.closed):
        page.demo_button.click()
    assert first.next_folder == default_project_folder().parent / "demo"
    assert first.next_folder is not None
    assert (first.next_folder / "project.db").read_bytes() == (demo / "project.db").read_bytes()
    assert not (first.next_folder / "project.lock").exists()


def test_a_copy_that_exists_is_not_overwritten(demo: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    assert copy_demo(demo, target) == target
    (target / "mine.txt").write_text("kept", encoding="utf-8")
    copy_demo(demo, target)
    assert (target / "mine.txt").read_text(encoding="utf-8") == "kept"
    assert [path.name for path in tmp_path.glob(".demo-*")] == []
