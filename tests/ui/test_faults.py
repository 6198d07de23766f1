"""Every fault of a project has a dialog that says what happened, what is safe, and has a button for what to do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from storage import (
    ArtifactDamaged,
    DiskFull,
    Project,
    ProjectDamaged,
    ProjectLocked,
    ProjectReadOnly,
    ProjectTooNew,
    StorageError,
    open_project,
)
from ui.dialogs.faults import Choice, FaultDialog, FaultText, describe, open_with_dialogs, show_fault
from ui.theme import Theme


@pytest.fixture
def theme(qapp: object) -> Theme:
    """The dark one."""
    return Theme("dark")


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Project]:
    """A project that this process writes."""
    with open_project(tmp_path / "held", write=True) as opened:
        yield opened


def _fault(folder: Path) -> StorageError:
    with pytest.raises(StorageError) as caught:
        open_project(folder, write=True)
    return caught.value


class Answers:
    """Gives prepared answers, and keeps what was asked."""

    def __init__(self, *choices: Choice) -> None:
        self.choices = list(choices)
        self.asked: list[FaultText] = []

    def __call__(self, text: FaultText, theme: Theme) -> Choice:
        self.asked.append(text)
        choice = self.choices.pop(0)
        assert choice in text.choices
        return choice


def test_a_file_is_not_taken_for_a_folder_without_rights(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    for place in (tmp_path / "thesis.txt", tmp_path / "thesis.txt" / "below"):
        text = describe(_fault(place))
        assert text.title == "There is no project"
        assert "is a file" in text.what
        assert text.choices == (Choice.OTHER, Choice.QUIT)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_locked_project_names_the_holder_and_opens_read_only(held: Project, theme: Theme) -> None:
    ask = Answers(Choice.AGAIN, Choice.READ)
    opened = open_with_dialogs(held.folder, theme, ask)
    assert opened is not None
    assert not opened.writable
    opened.close()
    text = ask.asked[0]
    assert text.title == "This project is in use"
    assert f"process {os.getpid()} on " in text.what
    assert " since " in text.what
    assert text.choices == (Choice.AGAIN, Choice.READ, Choice.OTHER, Choice.QUIT)
    assert "--project" not in text.remedy


def test_trying_again_opens_what_has_become_free(held: Project, theme: Theme) -> None:
    def close_and_try(text: FaultText, _theme: Theme) -> Choice:
        held.close()
        return Choice.AGAIN

    opened = open_with_dialogs(held.folder, theme, close_and_try)
    assert opened is not None
    assert opened.writable
    opened.close()


def test_another_project_can_be_chosen(held: Project, theme: Theme, tmp_path: Path) -> None:
    opened = open_with_dialogs(held.folder, theme, Answers(Choice.OTHER), lambda _folder: tmp_path / "other")
    assert opened is not None
    assert opened.folder == tmp_path / "other"
    assert opened.writable
    opened.close()


def test_a_cancelled_choice_asks_again(held: Project, theme: Theme) -> None:
    ask = Answers(Choice.OTHER, Choice.QUIT)
    assert open_with_dialogs(held.folder, theme, ask, lambda _folder: None) is None
    assert len(ask.asked) == 2


def test_a_newer_database_offers_another_project_and_names_the_version(tmp_path: Path) -> None:
    folder = tmp_path / "newer"
    open_project(folder, write=True).close()
    with sqlite3.connect(folder / "project.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '999'")
        connection.execute("UPDATE about SET value = '9.9.0' WHERE key = 'written_by'")
    connection.close()
    fault = _fault(folder)
    assert isinstance(fault, ProjectTooNew)
    text = describe(fault)
    assert "9.9.0" in text.what
    assert text.choices == (Choice.OTHER, Choice.QUIT)


def test_a_damaged_database_says_what_is_safe(tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    folder.mkdir()
    (folder / "project.db").write_bytes(b"no database at all" * 500)
    fault = _fault(folder)
    assert isinstance(fault, ProjectDamaged)
    text = describe(fault)
    assert text.title == "The project's database is damaged"
    assert text.safe
    assert text.remedy
    assert text.choices == (Choice.FOLDER, Choice.OTHER, Choice.QUIT)


@pytest.mark.parametrize(
    ("error", "first"),
    [
        (ProjectReadOnly("Nothing can be written there.", "Nothing was changed.", "x"), Choice.READ),
        (DiskFull("The disk is full.", "Nothing was changed.", "Free 200 MB."), Choice.AGAIN),
        (StorageError("Odd.", "Nothing was changed.", "Try."), Choice.AGAIN),
    ],
)
def test_every_fault_while_opening_has_a_way_on_and_a_way_out(error: StorageError, first: Choice) -> None:
    text = describe(error)
    assert text.choices[0] is first
    assert text.choices[-1] is Choice.QUIT
    assert text.what
    assert text.safe
    assert text.remedy


def test_the_dialog_says_it_all_and_gives_the_pressed_button(theme: Theme, qtbot: QtBot) -> None:
    error = ProjectLocked("It is being written by process 12.", "Nothing was changed.", "Close it.")
    dialog = FaultDialog(describe(error), theme)
    qtbot.addWidget(dialog)
    dialog.show()
    words = " ".join(label.text() for label in dialog.findChildren(QLabel))
    for part in ("This project is in use", "written by process 12", "Nothing was changed."):
        assert part in words
    assert dialog.buttons[Choice.AGAIN].isDefault()
    dialog.buttons[Choice.READ].click()
    assert dialog.choice is Choice.READ
    assert dialog.isHidden()


def test_leaving_the_dialog_by_escape_quits(theme: Theme, qtbot: QtBot, held: Project) -> None:
    dialog = FaultDialog(describe(_fault(held.folder)), theme)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.reject()
    assert dialog.choice is Choice.QUIT


def test_a_damaged_file_is_told_of_while_the_project_is_open(theme: Theme, qtbot: QtBot) -> None:
    error = ArtifactDamaged("Checkpoint 8,000 cannot be read.", "The run itself is fine.", "Use checkpoint 7,000.")
    dialog = show_fault(error, theme)
    qtbot.addWidget(dialog)
    assert list(dialog.buttons) == [Choice.CLOSE]
    assert dialog.isVisible()
    assert "Use checkpoint 7,000." in dialog.accessibleDescription()
    dialog.buttons[Choice.CLOSE].click()
