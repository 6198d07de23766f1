"""A dialog for each fault of a project: what happened, what is safe, what to do, and a button that does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from storage import (
    ArtifactDamaged,
    DiskFull,
    Project,
    ProjectDamaged,
    ProjectLocked,
    ProjectMissing,
    ProjectReadOnly,
    ProjectTooNew,
    ProjectTooOld,
    StorageError,
    open_project,
)
from ui.controls.labels import Label
from ui.theme import Theme


class Choice(Enum):
    """What a user can do about a fault; the value is the button's text."""

    AGAIN = "Try again"
    READ = "Open read-only"
    OTHER = "Choose another project"
    FOLDER = "Show the folder"
    QUIT = "Quit"
    CLOSE = "Close"


@dataclass(frozen=True)
class FaultText:
    """What the dialog says; the first choice is the default button."""

    title: str
    what: str
    safe: str
    remedy: str
    choices: tuple[Choice, ...]


def describe(error: StorageError, *, opening: bool = True) -> FaultText:
    """The words and buttons for a fault; ``opening``: no project is open yet, so that closing means quitting."""
    end = Choice.QUIT if opening else Choice.CLOSE
    title, choices = _kind(error, opening)
    remedy = _remedies.get(type(error), error.remedy)
    if not opening and isinstance(error, (ProjectLocked, ProjectReadOnly, ProjectTooNew)):
        remedy = error.remedy
    return FaultText(title, error.what, error.safe, remedy, (*choices, end))


#: what the buttons do, in words, where the storage's own remedy speaks of the command line
_remedies: dict[type[StorageError], str] = {
    ProjectLocked: "Close the other program and try again, look at the runs without changing them, or choose another "
    "project.",
    ProjectReadOnly: "Look at the runs without changing them, give yourself the right to write there and try again, or "
    "choose another project.",
    ProjectTooNew: "Install that version of Foresight, or choose another project.",
    ProjectMissing: "Choose another project.",
}


def _kind(error: StorageError, opening: bool) -> tuple[str, tuple[Choice, ...]]:
    other = (Choice.OTHER,) if opening else ()
    if isinstance(error, ProjectLocked):
        return "This project is in use", (Choice.AGAIN, Choice.READ, *other)
    if isinstance(error, ProjectReadOnly):
        return "This project cannot be changed", (Choice.READ, Choice.AGAIN, *other) if opening else ()
    if isinstance(error, ProjectTooNew):
        return "This project needs a newer Foresight", other
    if isinstance(error, ProjectTooOld):
        return "This project needs to be brought up to date", (Choice.AGAIN, *other)
    if isinstance(error, ProjectDamaged):
        return "The project's database is damaged", (Choice.FOLDER, *other)
    if isinstance(error, DiskFull):
        return "The disk is full", (Choice.AGAIN, Choice.FOLDER, *other)
    if isinstance(error, ArtifactDamaged):
        return "A file of this run cannot be read", ()
    if isinstance(error, ProjectMissing):
        return "There is no project", other
    return "This does not work", (Choice.AGAIN, *other) if opening else ()


class FaultDialog(QDialog):
    """Shows a fault; :attr:`choice` is what was pressed."""

    def __init__(self, text: FaultText, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"{text.title} · Foresight")
        self.choice = text.choices[-1]
        self.buttons: dict[Choice, QPushButton] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(20, 20, 20, 16)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(8)
        sign = QLabel()
        sign.setPixmap(theme.icon("warn", "bad", 28).pixmap(28, 28))
        grid.addWidget(sign, 0, 0, 2, 1, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(Label(theme, text.title, 14, 600), 0, 1)
        column = QVBoxLayout()
        column.setSpacing(6)
        for words, token in ((text.what, "text"), (text.safe, "text2"), (text.remedy, "text")):
            if words:
                label = Label(theme, words, 12, 400, token, wrap=True)
                label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                column.addWidget(label)
        grid.addLayout(column, 1, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowMinimumHeight(2, 46)
        box = QDialogButtonBox()
        for choice in text.choices:
            role = QDialogButtonBox.ButtonRole.AcceptRole if choice is text.choices[0] else (
                QDialogButtonBox.ButtonRole.ActionRole
            )
            self.buttons[choice] = self._button(box.addButton(choice.value, role), choice)
        first = self.buttons[text.choices[0]]
        first.setProperty("kind", "primary")
        first.setDefault(True)
        grid.addWidget(box, 2, 0, 1, 2, Qt.AlignmentFlag.AlignBottom)
        self.setMinimumWidth(theme.px(540))
        self.setAccessibleDescription(" ".join((text.what, text.safe, text.remedy)))

    def _button(self, button: QPushButton, choice: Choice) -> QPushButton:
        def press() -> None:
            self.choice = choice
            self.accept()

        button.clicked.connect(press)
        return button


def show_fault(error: StorageError, theme: Theme, parent: QWidget | None = None) -> FaultDialog:
    """Tell of a fault while a project is open; does not wait for the answer."""
    dialog = FaultDialog(describe(error, opening=False), theme, parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    return dialog


def ask(text: FaultText, theme: Theme) -> Choice:
    """Show a fault and wait for what is pressed."""
    dialog = FaultDialog(text, theme)
    dialog.exec()
    return dialog.choice


def _choose_folder(folder: Path) -> Path | None:
    chosen = QFileDialog.getExistingDirectory(None, "Choose a project's folder, or an empty one", str(folder.parent))
    return Path(chosen) if chosen else None


def open_with_dialogs(
    folder: Path,
    theme: Theme,
    ask: Callable[[FaultText, Theme], Choice] = ask,
    choose: Callable[[Path], Path | None] = _choose_folder,
) -> Project | None:
    """Open a project for writing; what stands in the way is asked about until one is open. None: the user quits."""
    write = True
    while True:
        try:
            return open_project(folder, write=write)
        except StorageError as error:
            fault = error
        choice = ask(describe(fault), theme)
        if choice is Choice.QUIT:
            return None
        if choice is Choice.FOLDER:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
        elif choice is Choice.OTHER:
            folder = choose(folder) or folder
        write = choice is not Choice.READ
