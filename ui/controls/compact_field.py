"""A settings field in little room: mark, name, control, and below it only what is wrong."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QSizePolicy, QToolButton, QWidget

from ui.controls.field_edit import edit_for
from ui.controls.labels import Label
from ui.theme import Theme
from workbench.settings import Field

WIDTH = 104


class CompactField(QWidget):
    """``edit`` shows and gives text. The tooltip has help, range and unit; a changed one has a button to reset it.

    With ``unit`` the unit stands inside the field too.
    """

    reset = Signal()

    def __init__(self, theme: Theme, field: Field, name: str, *, unit: bool = False) -> None:
        super().__init__()
        self._theme, self.path, self.name = theme, field.path, name
        self._token = ""
        self._help = ". ".join(part.rstrip(".") for part in (field.help, _range(field), field.source) if part) + "."
        self.edit = edit_for(theme, field if unit else replace(field, unit=""), name)
        self._mark = QFrame()
        self._mark.setFixedWidth(3)
        self._title = Label(theme, name, 12, wrap=True)
        self._title.setBuddy(self.edit)
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.resetter = QToolButton()
        self.resetter.setAccessibleName(f"Reset {name}")
        self.resetter.clicked.connect(self.reset)
        self._wrong = Label(theme, "", 11, 500, "bad", wrap=True)
        self._wrong.hide()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 1, 0, 1)
        grid.setHorizontalSpacing(7)
        grid.setVerticalSpacing(1)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self._mark, 0, 0, 2, 1)
        grid.addWidget(self._title, 0, 1)
        grid.addWidget(self.resetter, 0, 2)
        grid.addWidget(self.edit, 0, 3, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(self._wrong, 1, 1, 1, 3)
        theme.changed.connect(self._rescale)
        self._rescale()
        self.show_state("", "")

    def show_state(self, problem: str, preset: str) -> None:
        """What is wrong (empty: nothing), and the preset's text where this differs from it."""
        self._wrong.setText(problem)
        self._wrong.setVisible(bool(problem))
        self.edit.set_wrong(bool(problem))
        tip = f"{self._help} Before: {preset}." if preset else self._help
        self.setToolTip(tip)
        self.edit.setAccessibleDescription(" ".join(part for part in (tip, problem) if part))
        self.resetter.setVisible(bool(preset))
        self.resetter.setToolTip(f"Back to {preset}")
        self._token = "bad" if problem else "accent" if preset else ""
        self._paint()

    @property
    def problem(self) -> str:
        """The sentence below it; empty when nothing is wrong."""
        return self._wrong.text()

    def _rescale(self) -> None:
        self.edit.setFixedWidth(self._theme.px(WIDTH))
        side = self._theme.px(13)
        self.resetter.setIcon(self._theme.icon("undo"))
        self.resetter.setIconSize(QSize(side, side))
        self.resetter.setFixedSize(self._theme.px(20), self._theme.px(20))
        self._paint()

    def _paint(self) -> None:
        ground = self._theme.hex(self._token) if self._token else "transparent"
        self._mark.setStyleSheet(f"background: {ground};")


def _range(field: Field) -> str:
    words = "" if field.kind == "bool" else field.range_text
    return f"{words[:1].upper()}{words[1:]}" + (f", in {field.unit}" if field.unit and words else "")
