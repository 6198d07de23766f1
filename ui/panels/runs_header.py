"""The controls in the title bar of the run table: filter, grouping, columns, new run."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from ui.controls.filter_field import FilterField
from ui.tables.run_columns import COLUMNS, NARROW_WIDTH
from ui.tables.runs_view import RunsView
from ui.theme import Theme

#: px at scale 100 % from which on the buttons have words
_ROOMY = 700


class RunsHeader(QObject):
    """``new_run`` asks for the form, ``folded`` for one line per group (True) or per run (False)."""

    new_run = Signal()
    folded = Signal(bool)

    def __init__(self, theme: Theme, view: RunsView, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._view = theme, view
        self.filter = FilterField(theme, "", "Filter by state")
        self.group = self._button("Grouping", "layers", "How runs are folded")
        self.columns = self._button("Columns", "cols", "Which columns are shown")
        self.new = self._button("New run", "plus", "New run  Ctrl+N")
        self.columns.setText("Columns")
        for button, fill in ((self.group, self._fill_groups), (self.columns, self._fill_columns)):
            menu = QMenu(button)
            menu.aboutToShow.connect(fill)
            button.setMenu(menu)
            button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.new.clicked.connect(lambda _checked=False: self.new_run.emit())

    def widgets(self) -> list[QWidget]:
        """From left to right."""
        return [self.filter, self.group, self.columns, self.new]

    def fit(self, width: int, folded: bool) -> None:
        """Colours, sizes and words for a panel of ``width`` px: a narrow one has a short filter and icons alone."""
        narrow, roomy = width < self._theme.px(NARROW_WIDTH), width >= self._theme.px(_ROOMY)
        self.filter.setFixedHeight(self._theme.px(26))
        self.filter.setMinimumWidth(self._theme.px(210 if roomy else 90))
        self.filter.setMaximumWidth(self._theme.px(150 if narrow else 220))
        self.filter.setPlaceholderText("Filter" if narrow else "Filter, such as return > 500")
        self.group.setText("Group: all but seed" if folded else "Group: none")
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if roomy else Qt.ToolButtonStyle.ToolButtonIconOnly
        for button in (self.group, self.columns):
            button.setToolButtonStyle(style)
        for button in (self.group, self.columns, self.new):
            button.setIcon(self._theme.icon(button.property("icon_name")))
            button.setFont(self._theme.font(12))

    def show_columns(self, point: QPoint) -> None:
        """The menu of columns at a point of the screen."""
        self.columns.menu().popup(point)

    def _button(self, name: str, icon: str, help: str) -> QToolButton:
        button = QToolButton()
        button.setToolTip(help)
        button.setAccessibleName(name)
        button.setProperty("icon_name", icon)
        return button

    def _fill_columns(self) -> None:
        menu = self.columns.menu()
        menu.clear()
        for column in COLUMNS[1:]:
            entry = menu.addAction(column.title)
            entry.setToolTip(column.help)
            entry.setCheckable(True)
            entry.setChecked(column.id in self._view.columns)
            entry.toggled.connect(lambda on, name=column.id: self._view.show_column(name, on))
        menu.setToolTipsVisible(True)
        menu.addSeparator()
        pin = menu.addAction("Keep Run in sight")
        pin.setCheckable(True)
        pin.setChecked(self._view.pinned.pinned)
        pin.toggled.connect(self._view.pin)
        menu.addAction("Reset columns", self._view.reset_columns)

    def _fill_groups(self) -> None:
        menu = self.group.menu()
        menu.clear()
        for words, folded in (("All but seed", True), ("Every run alone", False)):
            entry = menu.addAction(words)
            entry.setCheckable(True)
            entry.setChecked(self._view.folded is folded)
            entry.triggered.connect(lambda _checked=False, folded=folded: self.folded.emit(folded))
        menu.addSeparator()
        menu.addAction("Unfold all", self._view.expandAll)
        menu.addAction("Fold all", self._view.collapseAll)
