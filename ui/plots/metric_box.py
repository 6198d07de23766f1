"""The choice of a metric: a list under headings, and a search while typing."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox, QCompleter, QLineEdit, QMenu, QSizePolicy

from ui.guard import guarded
from ui.theme import Theme
from workbench import metrics


class MetricBox(QComboBox):
    """Metrics by family. What is typed filters the list; what fits nothing is taken back when the field is left."""

    chosen = Signal(str)  # by the user

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._names: tuple[str, ...] = ()
        self._metric = ""
        self._search = QLineEdit()
        self.setLineEdit(self._search)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setAccessibleName("Metric, type to search")
        self._search.setAccessibleName("Search metrics")
        self._search.setPlaceholderText("Search metrics")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setMaxVisibleItems(18)
        self.setModel(QStandardItemModel(self))
        self._suggestions = QCompleter(self.model(), self)
        self._suggestions.setFilterMode(Qt.MatchFlag.MatchContains)
        self._suggestions.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._suggestions.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.setCompleter(self._suggestions)
        self.activated.connect(self._activated)
        self._search.editingFinished.connect(self._typed)

    @property
    def chosen_metric(self) -> str:
        """The metric that is chosen."""
        return self._metric

    def set_metrics(self, names: Iterable[str], current: str) -> None:
        """Offer these, and ``current`` in any case, without telling."""
        wanted = tuple(sorted({*names, current}))
        if wanted != self._names:
            self._names = wanted
            self._fill()
        self._metric = current
        self._show_current()

    def _fill(self) -> None:
        model = self.model()
        assert isinstance(model, QStandardItemModel)
        self.blockSignals(True)
        model.clear()
        for family, infos in metrics.in_families(list(self._names)).items():
            heading = QStandardItem(family)
            heading.setFlags(Qt.ItemFlag.NoItemFlags)
            heading.setFont(self._theme.font(11, 600))
            model.appendRow(heading)
            for info in infos:
                item = QStandardItem(info.axis_title)
                item.setData(info.name, Qt.ItemDataRole.UserRole)
                item.setToolTip(f"{info.help}\n{info.name}".strip())
                model.appendRow(item)
        self.blockSignals(False)

    def _show_current(self) -> None:
        index = self.findData(self._metric)
        self.blockSignals(True)
        self.setCurrentIndex(index)
        self.blockSignals(False)
        self._search.setText(self.itemText(index))
        self._search.setCursorPosition(0)
        info = metrics.describe(self._metric)
        self.setToolTip(f"{info.help}\n{info.name}".strip())

    def _activated(self, index: int) -> None:
        name = self.itemData(index)
        if name and name != self._metric:
            self._metric = name
            self.chosen.emit(name)
        self._show_current()

    def _typed(self) -> None:
        """Take the metric that was typed, or the only one that fits; else go back."""
        words = self._search.text().strip().lower()
        named = [index for index in range(self.count()) if self.itemData(index)]
        exact = [index for index in named if words in (self.itemText(index).lower(), self.itemData(index))]
        part = [index for index in named if words and words in self.itemText(index).lower()]
        fitting = exact[:1] or (part if len(part) == 1 else [])
        if fitting:
            self._activated(fitting[0])
            return
        popup = self._suggestions.popup()
        if popup is None or not popup.isVisible():
            self._show_current()

    @guarded
    def focusInEvent(self, event: QFocusEvent) -> None:
        """Qt's; typing replaces the name."""
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self._search.selectAll()


def metric_menu(menu: QMenu, names: Iterable[str]) -> None:
    """Fill a menu with metrics under headings; each action's data is the metric's name."""
    menu.clear()
    menu.setToolTipsVisible(True)
    for family, infos in metrics.in_families(list(names)).items():
        part = menu.addMenu(family)
        part.setToolTipsVisible(True)
        for info in infos:
            action = part.addAction(info.axis_title.replace("&", "&&"))
            action.setData(info.name)
            action.setToolTip(info.help)
