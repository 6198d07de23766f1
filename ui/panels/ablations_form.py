"""What a new study is made of: what is ticked, how that is combined, seeds and budget, and what this makes."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui import format
from ui.controls.labels import Label, hairline
from ui.controls.segmented import Segmented
from ui.study_draft import StudyDraft
from ui.theme import Theme
from workbench.analysis.configuration import label
from workbench.engine.duration import Duration
from workbench.environments.catalog import TASKS
from workbench.settings import Field

#: ablations in sight before "Show more"
FIRST = 10
_NAMES = {"name": "Name", "environment": "Task", "seeds": "Seeds", "steps": "Steps each"}
_WAYS = (
    ("each", "Each alone", "One variant for each thing that is left out or varied"),
    ("pairs", "All pairs", "Each alone, and every two of them together"),
    ("custom", "Custom", "Combinations of your own, added one by one"),
)


class ToggleRow(QWidget):
    """One ablation: whether it is tried, with which values, and where it comes from."""

    ticked = Signal(bool)
    edited = Signal(str)
    pointed = Signal()  # the mouse or the keyboard came to it

    def __init__(self, theme: Theme, field: Field) -> None:
        super().__init__()
        self.field = field
        self._theme = theme
        name = label(field.path)
        self.box = QCheckBox(name)
        self.box.setToolTip(field.help)
        self.box.setAccessibleDescription(field.help)
        self.box.toggled.connect(self.ticked)
        self.box.clicked.connect(lambda _on: self.pointed.emit())
        self.values = QLineEdit()
        self.values.setAccessibleName(f"Values of {name}")
        self.values.setToolTip(f"Values to try, separated by commas: {field.range_text}")
        self.values.editingFinished.connect(lambda: self.edited.emit(self.values.text()))
        self._chip = QLabel(field.source.split(";")[0].split(",")[0])
        self._chip.setProperty("role", "chip")
        self._chip.setToolTip(field.source)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.box)
        row.addStretch(1)
        row.addWidget(self.values)
        row.addWidget(self._chip, 0, Qt.AlignmentFlag.AlignVCenter)
        theme.changed.connect(self._style)
        self._style()

    def show_state(self, ticked: bool, values: str, problem: str) -> None:
        """What the draft has."""
        self.box.blockSignals(True)
        self.box.setChecked(ticked)
        self.box.blockSignals(False)
        if not self.values.hasFocus():
            self.values.setText(values)
            self.values.setCursorPosition(0)
        self.values.setVisible(ticked and self.field.kind != "bool")
        state = "error" if problem else ""
        if self.values.property("state") != state:
            self.values.setProperty("state", state)
            self.values.style().unpolish(self.values)
            self.values.style().polish(self.values)

    def _style(self) -> None:
        self.box.setFont(self._theme.font(12, 500))
        self._chip.setFont(self._theme.font(10, 500))
        self.values.setFont(self._theme.font(12))
        self.values.setFixedWidth(self._theme.px(116))


class AblationsForm(QWidget):
    """The draft as a form; ``pointed`` names the ablation that the user is at."""

    pointed = Signal(str)

    def __init__(self, theme: Theme, draft: StudyDraft) -> None:
        super().__init__()
        self._theme, self._draft = theme, draft
        self.rows: dict[str, ToggleRow] = {}
        self._built_for: list[str] = []
        self._all = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        head = QHBoxLayout()
        head.addWidget(Label(theme, "Turn off or vary", 13, 600))
        head.addStretch(1)
        self._count = Label(theme, size=11, token="text3")
        head.addWidget(self._count)
        column.addLayout(head)
        self._toggles = QVBoxLayout()
        self._toggles.setSpacing(6)
        column.addLayout(self._toggles)
        self.more = QPushButton()
        self.more.setProperty("kind", "ghost")
        self.more.clicked.connect(self._show_all)
        column.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(hairline())
        self._build_combine(column)
        column.addLayout(self._build_fields())
        self.runs = Label(theme, size=12, weight=600)
        self.words = Label(theme, size=11, token="text2", wrap=True)
        self.trouble = Label(theme, size=11, token="bad", wrap=True)
        for each in (self.runs, self.words, self.trouble):
            column.addWidget(each)

    # ---- building ---------------------------------------------------------------------------------------------------

    def _build_combine(self, column: QVBoxLayout) -> None:
        column.addWidget(Label(self._theme, "Combine", 13, 600))
        self.way = Segmented(self._theme, "Combine", _WAYS)
        self.way.chosen.connect(self._draft.set_way)
        column.addWidget(self.way)
        self._custom = QVBoxLayout()
        self._custom.setSpacing(2)
        column.addLayout(self._custom)
        self.add = QPushButton("Add this combination")
        self.add.setToolTip("One more variant, with everything that is ticked changed at once")
        self.add.clicked.connect(self._draft.add_combination)
        column.addWidget(self.add, 0, Qt.AlignmentFlag.AlignLeft)

    def _build_fields(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        self.edits: dict[str, QLineEdit] = {}
        for row, (key, words) in enumerate(_NAMES.items()):
            grid.addWidget(Label(self._theme, words, token="text2"), row, 0)
            edit = QLineEdit()
            if key == "environment":
                task = QComboBox()
                task.setLineEdit(edit)
                task.addItems([each.name for each in TASKS])
                task.textActivated.connect(lambda text: self._draft.set_text("environment", text))
                grid.addWidget(task, row, 1)
            else:
                grid.addWidget(edit, row, 1)
            edit.setAccessibleName(words)
            edit.editingFinished.connect(lambda key=key: self._draft.set_text(key, self.edits[key].text()))
            self.edits[key] = edit
        return grid

    def _build_rows(self) -> None:
        for row in self.rows.values():
            row.hide()
            row.deleteLater()
        self.rows = {}
        for field in self._draft.fields:
            row = ToggleRow(self._theme, field)
            row.ticked.connect(lambda on, path=field.path: self._draft.tick(path, on))
            row.edited.connect(lambda text, path=field.path: self._draft.set_values(path, text))
            row.pointed.connect(lambda path=field.path: self.pointed.emit(path))
            self._toggles.addWidget(row)
            self.rows[field.path] = row

    # ---- what happens -----------------------------------------------------------------------------------------------

    def update_from_draft(self, duration: Duration | None, at_once: int) -> None:
        """Show what the draft has, and how long its runs take."""
        draft = self._draft
        paths = [field.path for field in draft.fields]
        if paths != self._built_for:
            self._build_rows()
            self._built_for = paths
        for path, row in self.rows.items():
            row.show_state(bool(draft.ticked.get(path)), draft.values_text(row.field), draft.problems.get(path, ""))
        self._show_rows()
        ticked = sum(bool(draft.ticked.get(path)) for path in paths)
        self._count.setText(f"{ticked} of {len(paths)}")
        self.way.set_value(draft.way)
        self._show_custom()
        for key, edit in self.edits.items():
            if not edit.hasFocus():
                edit.setText(draft.text(key))
                edit.setCursorPosition(0)
        self._say(duration, at_once)

    def _show_rows(self) -> None:
        hidden = 0
        for number, (path, row) in enumerate(self.rows.items()):
            shown = self._all or number < FIRST or bool(self._draft.ticked.get(path))
            row.setVisible(shown)
            hidden += not shown
        self.more.setVisible(hidden > 0)
        self.more.setText(f"Show {hidden} more")

    def _show_all(self) -> None:
        self._all = True
        self._show_rows()

    def _show_custom(self) -> None:
        custom = self._draft.way == "custom"
        self.add.setVisible(custom)
        self.add.setEnabled(any(self._draft.ticked.values()))
        while (item := self._custom.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for variant in self._draft.custom if custom else ():
            self._custom.addWidget(self._custom_row(variant.name))

    def _custom_row(self, name: str) -> QWidget:
        widget = QWidget()
        row = QHBoxLayout(widget)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(Label(self._theme, name, token="text2", wrap=True), 1)
        cross = QToolButton()
        cross.setIcon(self._theme.icon("x"))
        cross.setToolTip(f"Remove {name}")
        cross.setAccessibleName(f"Remove {name}")
        cross.clicked.connect(lambda: self._draft.remove_combination(name))
        row.addWidget(cross)
        return widget

    def _say(self, duration: Duration | None, at_once: int) -> None:
        draft = self._draft
        seeds = len(draft.base.seeds)
        arms = len(draft.variants) + 1
        total = format.plural(arms * seeds, "run")
        self.runs.setText(f"{format.plural(arms, 'variant')} × {format.plural(seeds, 'seed')} = {total}")
        if duration is None:
            words = "No earlier run on this machine to judge the time by."
        else:
            together = "one at a time" if at_once == 1 else f"{at_once} at a time"
            span = f"{format.duration(duration.low)} to {format.duration(duration.high)}"
            words = f"About {format.duration(duration.seconds)} ({span}), {together}."
        if draft.left_out:
            first = draft.left_out[0]
            others = f" and {len(draft.left_out) - 1} more" if len(draft.left_out) > 1 else ""
            words += f" Left out, because they do not fit together: {first.name}{others}."
        self.words.setText(words)
        problems = list(draft.problems.values())
        self.trouble.setText(problems[0] if problems else "")
        self.trouble.setVisible(bool(problems))
