"""The form of a new run: every field of the chosen agent's settings, made from their declarations."""

from __future__ import annotations

import contextlib
from typing import ClassVar

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ui.actions import Action
from ui.context import Context
from ui.controls.field_edit import ChoiceEdit, FieldEdit, TextEdit, edit_for
from ui.controls.field_row import FieldRow
from ui.controls.fold import Fold
from ui.draft import Draft, known_name, label
from ui.guard import guarded
from ui.panels.base import Panel, run_alone
from workbench.environments.catalog import TASKS, find_task
from workbench.registry import registry
from workbench.settings import Field

FIRST = "What to run"
#: px of width below which the form is laid out for little room
NARROW = 720
#: px of width below which it does without the sources, and help stands below its field
TIGHT = 560
#: headings of the engine's fields, which declare no group
ENGINE = "Evaluation and recording"


class NewRunPanel(Panel):
    """Fields in groups, with a list of the groups beside them; errors stand at their field while typing."""

    name: ClassVar[str] = "new_run"
    title: ClassVar[str] = "New run"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.draft = Draft.of(context)
        self.rows: dict[str, FieldRow] = {}
        self.groups: dict[str, Fold] = {}
        self._group_of: dict[str, str] = {}
        self._checker = EnvironmentChecker(self)
        self._checker.found.connect(self.draft.set_environment_problem)
        self._checked = ""  # the environment that was last asked about
        self._built_for: tuple[str, ...] = ()
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 10, 6, 6)
        row.setSpacing(12)
        self._reset = QPushButton("Reset all")
        self._reset.setProperty("kind", "ghost")
        self._reset.clicked.connect(self.draft.reset_all)
        self._side, self._top = QWidget(), QHBoxLayout()
        self._side.setLayout(self._build_side())
        row.addWidget(self._side)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.jump = QComboBox()
        self.jump.setAccessibleName("Go to a group of settings")
        self.jump.activated.connect(lambda number: self._open_group(list(self.groups)[number]))
        column = QVBoxLayout()
        column.setSpacing(8)
        self._top.addWidget(self.jump, 1)
        column.addLayout(self._top)
        column.addWidget(self._scroll, 1)
        row.addLayout(column, 1)
        self._register()
        self._build_form()
        self.draft.changed.connect(self._update)
        self.theme.changed.connect(self._repaint)
        self._repaint()

    def activate(self) -> None:
        """Check the environment as soon as the engine can; what starts the run has its keys here too."""
        if "form.start" in self.context.actions:
            self.addAction(self.context.actions.qt("form.start"))
        self.context.engine.ready.connect(self._check_environment)
        self._check_environment()

    def deactivate(self) -> None:
        """Let go."""
        self.context.engine.ready.disconnect(self._check_environment)

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's: where there is little room, the list of groups becomes a drop-down beside the search."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        narrow = self.width() < self.theme.px(NARROW)
        for widget in (self.search, self.navigation, self.only_changed, self.show_sources):
            widget.setFixedWidth(self.theme.px(160))
        place = self._top if narrow else self._side.layout()
        if place is not None and place.indexOf(self.search) < 0:
            place.insertWidget(0, self.search)  # type: ignore[attr-defined]
        self._side.setVisible(not narrow)
        self.jump.setVisible(narrow)
        self._page.setMaximumWidth(self.theme.px(960))
        for row in self.rows.values():
            row.set_narrow(narrow, tight=self.width() < self.theme.px(TIGHT))
        self._show_chips()

    def _repaint(self) -> None:
        self._glass.setIcon(self.theme.icon("search", "text3"))
        self._reset.setIcon(self.theme.icon("undo"))
        self._arrange()
        self._update()

    def header_widgets(self) -> list[QWidget]:
        """Reset all."""
        return [self._reset]

    # ---- building ---------------------------------------------------------------------------------------------------

    def _register(self) -> None:
        actions = self.context.actions
        known = {action.id for action in actions}
        for action in (
            Action("form.next_error", "Next error in the form", self.show_first_problem, "F8", "", "warn"),
            Action("form.reset_field", "Reset the field to the preset", self._reset_focused, "Ctrl+R", "", "undo"),
        ):
            if action.id not in known:
                actions.add(action)

    def _build_side(self) -> QVBoxLayout:
        side = QVBoxLayout()
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(8)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a setting")
        self.search.setAccessibleName("Find a setting")
        self.search.setClearButtonEnabled(True)
        self._glass = QAction(self)
        self.search.addAction(self._glass, QLineEdit.ActionPosition.LeadingPosition)
        self.search.textChanged.connect(lambda _text: self._filter())
        self.navigation = QListWidget()
        self.navigation.setAccessibleName("Groups of settings")
        self.navigation.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.navigation.itemClicked.connect(self._go_to)
        self.navigation.itemActivated.connect(self._go_to)
        self.only_changed = QCheckBox("Only changed")
        self.show_sources = QCheckBox("Show sources")
        self.show_sources.setChecked(bool(self.context.preferences.get("form.sources", True)))
        self.only_changed.toggled.connect(lambda _on: self._filter())
        self.show_sources.toggled.connect(self._show_sources)
        for widget in (self.search, self.navigation, self.only_changed, self.show_sources):
            side.addWidget(widget)
        return side

    def _build_form(self) -> None:
        self._built_for = self._wanted_form()
        self.rows, self.groups, self._group_of = {}, {}, {}
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 12, 0)
        column.setSpacing(8)
        self._add_first(column)
        for field in self.draft.fields():
            if not field.path.endswith("."):
                self._add_field(column, field)
        column.addStretch(1)
        self._page = page
        if (before := self._scroll.takeWidget()) is not None:
            before.deleteLater()  # not at once: one of its boxes may be what asked for another form
        self._scroll.setWidget(page)
        self.navigation.clear()
        self.jump.clear()
        self.navigation.addItems(list(self.groups))
        self.jump.addItems(list(self.groups))
        self._show_sources(self.show_sources.isChecked())
        self._arrange()

    def _add_first(self, column: QVBoxLayout) -> None:
        theme = self.theme
        agents = registry("agent").entries()
        environments = [task.name for task in TASKS]
        titles = ", ".join(entry.title for entry in agents.values())
        devices = ["auto", "cpu", "cuda:0"]
        several = "One run per seed, in one group. Five or more give an honest interval."
        edits: tuple[tuple[str, FieldEdit, str], ...] = (
            ("Agent", ChoiceEdit(theme, "Agent", list(agents)), titles),
            ("Environment", ChoiceEdit(theme, "Environment", environments, free=True), ""),
            ("Seeds", TextEdit(theme, "Seeds"), several),
            ("Device", ChoiceEdit(theme, "Device", devices, free=True), "auto takes a GPU if there is one."),
        )
        for name, edit, help_text in edits:
            self._add_row(column, FIRST, name.lower(), name, edit, help_text, "", ablation=False)

    def _add_field(self, column: QVBoxLayout, field: Field) -> None:
        group = ENGINE if field.path.startswith("engine.") else field.group or "Other"
        name = label(field.path)
        limits = "" if field.kind == "bool" else f" {field.range_text[:1].upper()}{field.range_text[1:]}."
        edit = edit_for(self.theme, field, name)
        self._add_row(column, group, field.path, name, edit, field.help + limits, field.source, ablation=field.ablation)

    def _add_row(
        self,
        column: QVBoxLayout,
        group: str,
        path: str,
        name: str,
        edit: FieldEdit,
        help_text: str,
        source: str,
        *,
        ablation: bool,
    ) -> None:
        if group not in self.groups:
            self.groups[group] = Fold(self.theme, group)
            column.addWidget(self.groups[group])
        row = FieldRow(self.theme, path, name, edit, help_text, source, ablation, self.draft.text("agent"))
        self.groups[group].content.addWidget(row)
        self.rows[path], self._group_of[path] = row, group
        edit.edited.connect(lambda text, path=path: self._edited(path, text))
        row.reset.connect(lambda path=path: self.draft.reset(path))

    # ---- what happens -----------------------------------------------------------------------------------------------

    def _edited(self, path: str, text: str) -> None:
        self.draft.set_text(path, text)

    def _wanted_form(self) -> tuple[str, ...]:
        """Agent and fields, by which one form differs from another."""
        return (self.draft.text("agent"), *(field.path for field in self.draft.fields()))

    def _rebuild(self) -> None:
        """Another form, at the same place, with the keyboard in the same field."""
        place = self._scroll.verticalScrollBar().value()
        focused = self.focusWidget()
        path = next((path for path, row in self.rows.items() if focused and row.isAncestorOf(focused)), "")
        self._build_form()
        if path in self.rows:
            self.rows[path].edit.setFocus()
        self._page.adjustSize()
        self._scroll.verticalScrollBar().setValue(place)

    def _update(self) -> None:
        if self._wanted_form() != self._built_for and "agent" not in self.draft.problems:
            self._rebuild()
        problems = self.draft.problems
        counts: dict[str, list[int]] = {title: [0, 0] for title in self.groups}
        for path, row in self.rows.items():
            row.edit.show_text(self.draft.text(path))
            problem, differs = problems.get(path, ""), self.draft.differs(path)
            row.show_state(problem, self.draft.base_text(path), differs)
            counts[self._group_of[path]][0] += differs
            counts[self._group_of[path]][1] += bool(problem)
        for number, (title, fold) in enumerate(self.groups.items()):
            fold.set_counts(*counts[title])
            self._mark_group(self.navigation.item(number), title, *counts[title])
        self._say_environment()
        self._filter()
        changed = len(self.draft.differences())
        words = [self.draft.origin or f"from preset {self.draft.preset.name}"]
        words += [f"{changed} changed"] if changed else []
        words += [f"{len(problems)} wrong"] if problems else []
        self.subtitle_changed.emit(" · ".join(words))
        self._reset.setEnabled(bool(self.draft.texts))
        if self.draft.text("environment") != self._checked:
            self._check_environment()

    def _mark_group(self, item: QListWidgetItem, title: str, changed: int, wrong: int) -> None:
        figure = wrong or changed
        item.setText(f"{title}   {figure}" if figure else title)
        self.jump.setItemText(self.navigation.row(item), item.text())
        token = "bad" if wrong else "accent" if changed else "text2"
        item.setForeground(self.theme.color(token))

    def _say_environment(self) -> None:
        try:
            task = find_task(self.draft.text("environment"))
        except ValueError:
            words = "Any registered Gymnasium id with Box observations and actions."
        else:
            limit = f", at most {task.time_limit:,} steps" if task.time_limit else ""
            words = f"{task.observation_size} observations, {task.action_size} actions{limit}. {task.note}".strip()
        self.rows["environment"].set_help(words)

    def _filter(self) -> None:
        words = self.search.text().lower().split()
        shown: dict[str, int] = dict.fromkeys(self.groups, 0)
        for path, row in self.rows.items():
            text = f"{path} {row.name} {row.help_text}".lower()
            visible = all(word in text for word in words)
            visible = visible and (not self.only_changed.isChecked() or self.draft.differs(path))
            row.setVisible(visible)
            shown[self._group_of[path]] += visible
        for title, fold in self.groups.items():
            fold.setVisible(shown[title] > 0)
            if words and shown[title]:
                fold.open()

    def _show_sources(self, shown: bool) -> None:
        self.context.preferences.set("form.sources", shown)
        self._show_chips()

    def _show_chips(self) -> None:
        """The sources, where they leave room for the words."""
        shown = self.show_sources.isChecked() and self.width() >= self.theme.px(TIGHT)
        for row in self.rows.values():
            for chip in row.chips:
                chip.setVisible(shown)

    def _go_to(self, item: QListWidgetItem) -> None:
        self._open_group(list(self.groups)[self.navigation.row(item)])

    def _open_group(self, title: str) -> None:
        fold = self.groups[title]
        fold.open()
        self._scroll.ensureWidgetVisible(fold, 0, 0)
        self._scroll.verticalScrollBar().setValue(fold.y())

    def show_first_problem(self) -> None:
        """Go to the first field that is wrong."""
        for path in self.rows:
            if path in self.draft.problems:
                self.show_field(path)
                return

    def show_field(self, path: str) -> None:
        """Scroll to a field and put the keyboard there."""
        self.search.clear()
        self.only_changed.setChecked(False)
        self.groups[self._group_of[path]].open()
        row = self.rows[path]
        self._scroll.ensureWidgetVisible(row, 0, 80)
        row.edit.setFocus(Qt.FocusReason.OtherFocusReason)

    def _reset_focused(self) -> None:
        for path, row in self.rows.items():
            focused = self.focusWidget()
            if focused is not None and row.isAncestorOf(focused):
                self.draft.reset(path)

    def _check_environment(self) -> None:
        if self.context.engine.state == "ready":
            self._checked = self.draft.text("environment")
            self._checker.check(self.draft.text("environment"))


class EnvironmentChecker(QObject):
    """Makes the typed environment once, in another thread, to learn whether it can be trained on."""

    found = Signal(str, str)  # what was typed, the problem in a sentence or ""
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._known: dict[str, str] = {}
        self._answered.connect(self._remember)

    _answered = Signal(str, str)

    def check(self, name: str) -> None:
        """Answer through ``found``, at once where the answer is known."""
        if name in self._known or not name:
            self.found.emit(name, self._known.get(name, ""))
            return
        QThreadPool.globalInstance().start(_Probe(name, self._answered))

    def _remember(self, name: str, problem: str) -> None:
        self._known[name] = problem
        self.found.emit(name, problem)


class _Probe(QRunnable):
    def __init__(self, name: str, answered: object) -> None:
        super().__init__()
        self._name, self._answered = name, answered

    @guarded
    def run(self) -> None:
        """Qt's; in a thread of the pool."""
        from workbench.environments.make import describe_environment
        from workbench.environments.problem import EnvironmentProblem

        problem = ""
        try:
            describe_environment(known_name(self._name))
        except EnvironmentProblem as error:
            problem = str(error)
        with contextlib.suppress(RuntimeError):  # the panel is gone
            self._answered.emit(self._name, problem)  # type: ignore[attr-defined]


if __name__ == "__main__":
    raise SystemExit(run_alone(NewRunPanel))
