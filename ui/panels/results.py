"""Results: the selected runs as groups, each with its figures over seeds and its difference to a base."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any, ClassVar

from PySide6.QtCore import QKeyCombination, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from storage import RunFilter, StorageError
from ui import format
from ui.actions import Action
from ui.comparison import LASTS, Compared, ComparedRuns
from ui.context import Context
from ui.controls.empty_state import EmptyState, Step
from ui.controls.labels import Label, hairline
from ui.guard import guarded
from ui.panels.base import Panel, run_alone
from ui.report_files import KINDS, ReportFiles
from ui.tables.result_rows import COLUMNS, DEFAULT, PLACE, ResultsModel
from ui.tables.results_view import ResultsView
from workbench.analysis.comparison import GROUPINGS, Comparison
from workbench.analysis.configuration import configuration, difference_table, label
from workbench.analysis.findings import few_seeds_warning, missing_seeds
from workbench.registry import UnknownName
from workbench.settings import SettingsError
from workbench.spec import RunSpec

_COLUMNS = "results.columns"
#: groups and studies that the menu of choices offers at most
_OFFERED = 12
#: the newest runs, among which these are looked for
_LOOKED_AT = 500


class ResultsPanel(Panel):
    """One row per group; the base is chosen by a right click or in the title bar."""

    name: ClassVar[str] = "results"
    title: ClassVar[str] = "Results"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.compared = ComparedRuns.of(context)
        self.model = ResultsModel()
        self.view = ResultsView(self.theme, self.model)
        self.files = ReportFiles(context, self.compared)
        self.empty = EmptyState(self.theme)
        self.warning = Label(self.theme, size=12, wrap=True)
        self._mark, self.add_seeds = Label(self.theme), QPushButton()
        self.show_button = self._button("Show", "Which runs are compared", self._fill_show)
        self.group_button = self._button("Group", "What makes a group, and a final return", self._fill_groups)
        self.export_button = self._button("Report", "Save as a report or as numbers", self._fill_export)
        self._build()
        self.compared.changed.connect(self._show)
        self.compared.focused.connect(lambda: self.view.mark(self.compared.focus))
        self.view.looked_at.connect(self.compared.look_at)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.view.header().customContextMenuRequested.connect(self._show_columns)
        self.add_seeds.clicked.connect(self.add_missing_seeds)
        self.theme.changed.connect(self._repaint)
        stored = context.preferences.get(_COLUMNS, DEFAULT)
        self.columns = [column.id for column in COLUMNS if column.id in stored or not column.rank]
        self.view.show_columns(self.columns)
        self._add_actions()
        self._repaint()

    def _add_actions(self) -> None:
        for kind, (words, _) in KINDS.items():
            if f"results.{kind}" not in self.context.actions:
                act = functools.partial(self.files.ask, kind)
                title = f"Results: save {words[0].lower()}{words[1:]}"
                self.context.actions.add(Action(f"results.{kind}", title, act, obstacle=self._nothing_compared))

    def _nothing_compared(self) -> str:
        return "" if self.files.report() is not None else "Nothing is compared."

    # ---- parts ------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.foot = QWidget()
        row = QHBoxLayout(self.foot)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(8)
        row.addWidget(self._mark)
        row.addWidget(self.warning, 1)
        row.addWidget(self.add_seeds)
        self.add_seeds.setProperty("kind", "ghost")
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part, stretch in ((self.view, 1), (hairline(), 0), (self.foot, 0)):
            column.addWidget(part, stretch)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(shown)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)

    def _button(self, words: str, tip: str, fill) -> QToolButton:
        button = QToolButton()
        button.setText(words)
        button.setToolTip(tip)
        button.setAccessibleName(f"{words}: {tip}")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        menu = QMenu(button)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(functools.partial(fill, menu))
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button

    def header_widgets(self) -> list[QWidget]:
        """Which runs, how they are grouped, and what becomes of them."""
        return [self.show_button, self.group_button, self.export_button]

    # ---- in sight or not --------------------------------------------------------------------------------------------

    def activate(self) -> None:
        """Follow the selection."""
        self.compared.watch()
        self._show()

    def deactivate(self) -> None:
        """Rest."""
        self.compared.unwatch()

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def _show(self) -> None:
        compared = self.compared.compared
        if not self.active or compared is None:
            return
        if compared.comparison is None:
            self._say(compared)
            return
        comparison = compared.comparison
        self._stack.setCurrentIndex(1)
        self.model.show(comparison, self.compared.styles())
        self.view.mark(self.compared.focus)
        self._show_warning(comparison)
        last = "last evaluation" if comparison.last == 1 else f"last {comparison.last} evaluations"
        self.subtitle_changed.emit(f"paired by seed, against {comparison.base.name} · {last}")

    def _show_warning(self, comparison: Comparison) -> None:
        warning, seeds = few_seeds_warning(comparison), missing_seeds(comparison)
        self.foot.setVisible(bool(warning))
        self.warning.setText(warning)
        self.add_seeds.setText(f"Add seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}")
        self.add_seeds.setVisible(bool(seeds))
        obstacle = self._obstacle()
        self.add_seeds.setEnabled(not obstacle)
        variants = format.plural(len(comparison.results), "group")
        self.add_seeds.setToolTip(obstacle or f"Queue {format.plural(len(seeds), 'run')} for each of the {variants}")

    def _say(self, compared: Compared) -> None:
        self.subtitle_changed.emit("")
        self._stack.setCurrentIndex(0)
        if compared.problem:
            again: list[Step] = [("Try again", self.compared.read)]
            self.empty.say("warn", "The runs cannot be compared", compared.problem, again, "bad")
            return
        steps: list[Step] = [(words, functools.partial(self._select, runs)) for words, runs in self._offers()[:2]]
        words = "Select runs of several variants, with the same seeds for each. Their groups are held against a base."
        self.empty.say("compare", "Nothing to compare", words, steps)

    # ---- which runs -------------------------------------------------------------------------------------------------

    def _offers(self) -> list[tuple[str, list[int]]]:
        """(words, runs): studies, then all runs of a task, the newest first."""
        offers: dict[str, list[int]] = {}
        rows = self.context.project.runs.page(RunFilter(), limit=_LOOKED_AT)
        for row in rows:
            if row.study:
                offers.setdefault(f"Study {row.study}", []).append(row.id)
        for row in rows:
            offers.setdefault(f"All runs of {row.environment}", []).append(row.id)
        return list(offers.items())[:_OFFERED]

    def _fill_show(self, menu: QMenu) -> None:
        menu.clear()
        for words, runs in self._offers():
            title = f"{words} ({format.count(len(runs))})".replace("&", "&&")
            menu.addAction(title, functools.partial(self._select, runs))
        if menu.isEmpty():
            menu.addAction("There are no runs yet").setEnabled(False)

    def _select(self, runs: list[int]) -> None:
        self.context.selection.select(sorted(runs))

    # ---- how they are grouped ---------------------------------------------------------------------------------------

    def _fill_groups(self, menu: QMenu) -> None:
        menu.clear()
        for name, words in GROUPINGS.items():
            self._choice(menu, words, by=name)
        settings = menu.addMenu("One setting")
        for path in self._differing():
            self._choice(settings, label(path), by=path)
        settings.setEnabled(not settings.isEmpty())
        menu.addSeparator()
        for last in LASTS:
            words = "the last evaluation" if last == 1 else f"the last {last} evaluations"
            self._choice(menu, f"Final return: {words}", last=last)
        menu.addSeparator()
        bases = menu.addMenu("Base")
        compared = self.compared.compared
        for row in self.model.rows if compared is not None and compared.comparison is not None else ():
            action = bases.addAction(row.result.name.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(row.is_base)
            action.triggered.connect(functools.partial(self.take_base, row.result.group.key))

    def _choice(self, menu: QMenu, words: str, **values: Any) -> None:
        action = menu.addAction(words)
        action.setCheckable(True)
        action.setChecked(all(getattr(self.compared, name) == value for name, value in values.items()))
        action.triggered.connect(lambda _on=False: self.compared.choose(**values))

    def _differing(self) -> list[str]:
        """Settings in which the compared runs differ."""
        compared = self.compared.compared
        rows = list(compared.rows.values()) if compared is not None else []
        table = difference_table([configuration(row) for row in rows], ()) if rows else None
        known = ("agent", "environment", "device", "total_steps")
        return [row.path for row in table.rows if row.path not in known] if table is not None else []

    def take_base(self, key: str, _on: bool = False) -> None:
        """Hold the others against this group."""
        self.compared.choose(base=key)

    def _show_menu(self, point: QPoint) -> None:
        index = self.view.indexAt(point)
        if not index.isValid():
            return
        row = self.model.rows[index.row()]
        menu = QMenu(self)
        menu.addAction("Compare the others with this", lambda: self.take_base(row.result.group.key)).setEnabled(
            not row.is_base
        )
        menu.addAction("Select its runs alone", lambda: self._select([run.id for run in row.result.group.runs]))
        others = [run for run in self.context.selection.runs if run not in {each.id for each in row.result.group.runs}]
        menu.addAction("Take it out of the comparison", lambda: self._select(others)).setEnabled(bool(others))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.view.viewport().mapToGlobal(point))

    # ---- columns ----------------------------------------------------------------------------------------------------

    def _show_columns(self, point: QPoint) -> None:
        menu = QMenu(self)
        for column in COLUMNS:
            if column.rank:
                action = menu.addAction(column.title or "Difference, drawn")
                action.setCheckable(True)
                action.setChecked(column.id in self.columns)
                action.triggered.connect(functools.partial(self.switch_column, column.id))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.view.header().mapToGlobal(point))

    def switch_column(self, name: str, on: bool) -> None:
        """Show a column, or take it away."""
        wanted = {*self.columns, name} if on else {*self.columns} - {name}
        self.columns = sorted(wanted, key=lambda each: PLACE[each])
        self.context.preferences.set(_COLUMNS, self.columns)
        self.view.show_columns(self.columns)

    # ---- what becomes of them ---------------------------------------------------------------------------------------

    def _fill_export(self, menu: QMenu) -> None:
        menu.clear()
        for kind, (words, _) in KINDS.items():
            menu.addAction(words, functools.partial(self.files.ask, kind)).setEnabled(not self._nothing_compared())

    def _obstacle(self) -> str:
        engine = self.context.engine
        if engine.state == "failed":
            return f"The engine could not be loaded: {engine.problem}"
        waiting = "The engine is still being prepared, or the project can only be read."
        return "" if engine.queue is not None else waiting

    def add_missing_seeds(self) -> list[int]:
        """Queue the seeds that every group lacks up to five; returns the runs queued, which are selected too.

        A study is told of its new seeds, and also goes on with what had stopped or failed of it.
        """
        compared, queue = self.compared.compared, self.context.engine.queue
        if compared is None or compared.comparison is None or queue is None:
            return []
        seeds, runs = missing_seeds(compared.comparison), []
        studies = {row.study for row in compared.rows.values()}
        try:
            if len(studies) == 1 and (study := studies.pop()) is not None:
                from workbench.engine.study import add_seeds

                runs = add_seeds(queue, study, seeds)
            else:
                for group in compared.groups:
                    first = compared.rows[group.first.id]
                    spec = RunSpec.from_json(first.spec).changed({"total_steps": first.total_steps})
                    runs += queue.submit(replace(spec, seeds=seeds), group=first.group_id)
        except (SettingsError, StorageError, UnknownName) as error:
            self.context.notices.add("bad", f"Not every seed could be queued. {error}")
        self.context.selection.select([*self.context.selection.runs, *runs])
        self.context.feed.runs_changed.emit()
        return runs

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's; Ctrl+E opens the menu of reports."""
        if event.keyCombination() == QKeyCombination(Qt.KeyboardModifier.ControlModifier, Qt.Key.Key_E):
            self.export_button.showMenu()
        else:
            super().keyPressEvent(event)

    # ---- look -------------------------------------------------------------------------------------------------------

    def _repaint(self) -> None:
        theme, side = self.theme, self.theme.px(16)
        self._mark.setPixmap(theme.icon("warn", "warn").pixmap(side, side))
        self.add_seeds.setIcon(theme.icon("plus"))
        icons = {self.show_button: "filter", self.group_button: "layers", self.export_button: "export"}
        for button, icon in icons.items():
            button.setIcon(theme.icon(icon))
        self._show()


if __name__ == "__main__":
    raise SystemExit(run_alone(ResultsPanel))
