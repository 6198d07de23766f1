"""One row of a form: mark, name, control, help with its range or the error, source."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from ui.controls.field_edit import FieldEdit
from ui.controls.labels import Label
from ui.controls.source_chip import SourceChip
from ui.theme import Theme
from workbench.sources import sources_of

NAME_WIDTH = 168
NARROW_NAME_WIDTH = 104


class FieldRow(QWidget):
    """``reset`` is emitted when the user wants the preset's value back. ``agent`` is whose setting it is."""

    reset = Signal()

    def __init__(
        self,
        theme: Theme,
        path: str,
        name: str,
        edit: FieldEdit,
        help_text: str,
        source: str,
        ablation: bool = False,
        agent: str = "",
    ) -> None:
        super().__init__()
        self.path, self.name, self.edit, self.help_text = path, name, edit, help_text
        self._theme = theme
        self._mark = QFrame()
        self._mark.setFixedWidth(3)
        self._help = Label(theme, help_text, 11, token="text2", wrap=True)
        self._wrong = Label(theme, "", 11, 500, "bad", wrap=True)
        self._changed = self._build_changed()
        self._words = QWidget()
        words = QVBoxLayout(self._words)
        words.setContentsMargins(0, 0, 0, 0)
        words.setSpacing(1)
        words.addWidget(self._help)
        words.addWidget(self._wrong)
        words.addWidget(self._changed)
        self._title = title = Label(theme, name, weight=500, wrap=True)
        self._narrow, self._tight, self._problem, self._differs = False, False, "", False
        title.setBuddy(edit)
        self._grid = row = QGridLayout(self)
        row.setContentsMargins(0, 2, 0, 2)
        row.setHorizontalSpacing(12)
        row.setVerticalSpacing(2)
        row.setColumnStretch(3, 1)
        row.addWidget(self._mark, 0, 0, 2, 1)
        row.addWidget(title, 0, 1, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(edit, 0, 2, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._words, 0, 3)
        self._ablation = QLabel("ablation")
        self._ablation.setProperty("role", "chip")
        self._ablation.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
        self.chips: list[QWidget] = [self._ablation] if ablation else []
        if source:
            self.chips.append(SourceChip(theme, source, sources_of(source, agent)))
        chips = QVBoxLayout()  # one above the other, so that they leave the help its room
        chips.setSpacing(3)
        for chip in self.chips:
            chips.addWidget(chip, 0, Qt.AlignmentFlag.AlignRight)
        row.addLayout(chips, 0, 4, Qt.AlignmentFlag.AlignVCenter)
        theme.changed.connect(self._rescale)
        self._rescale()
        self.show_state("", "", False)

    def _build_changed(self) -> QWidget:
        widget = QWidget()
        line = QHBoxLayout(widget)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        self._preset = Label(self._theme, "", 11, token="accent")
        button = self._reset = QPushButton("Reset")
        button.setProperty("kind", "link")
        button.setProperty("small", True)
        button.setAccessibleName(f"Reset {self.name} to the preset's value")
        button.clicked.connect(self.reset)
        line.addWidget(self._preset)
        line.addWidget(button)
        line.addStretch(1)
        return widget

    def set_narrow(self, narrow: bool, *, tight: bool = False) -> None:
        """Less room for the name; with very little room the words stand below."""
        self._narrow = narrow
        if tight != self._tight:
            self._tight = tight
            self._grid.removeWidget(self._words)
            self._grid.addWidget(self._words, *((1, 1, 1, 3) if tight else (0, 3)))
        self._title.setFixedWidth(self._theme.px(NARROW_NAME_WIDTH if narrow else NAME_WIDTH))

    def set_help(self, text: str) -> None:
        """Another sentence of help."""
        self.help_text = text
        self._help.setText(text)

    def show_state(self, problem: str, preset: str, differs: bool) -> None:
        """The error, or that it differs from the preset, or neither."""
        self._problem, self._differs = problem, differs
        self._wrong.setText(problem)
        self._wrong.setVisible(bool(problem))
        self._preset.setText(f"Preset: {preset or 'empty'}")
        self._changed.setVisible(differs)
        self.edit.set_wrong(bool(problem))
        described = ". ".join(part.rstrip(".") for part in (self.help_text, problem) if part)
        self.edit.setAccessibleDescription(described)
        self._paint()

    def _rescale(self) -> None:
        self.set_narrow(self._narrow, tight=self._tight)
        self._reset.setFont(self._theme.font(11))
        self._ablation.setFont(self._theme.font(10))
        self._paint()

    def _paint(self) -> None:
        token = "bad" if self._problem else "accent" if self._differs else ""
        self._mark.setStyleSheet(f"background: {self._theme.hex(token)};" if token else "background: transparent;")
