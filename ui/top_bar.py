"""The bar at the top: mark, menus, workspaces, search, what is running, theme and help."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtSvgWidgets import QSvgWidget
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QMenuBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from storage import RunFilter, RunState, StorageError
from ui.actions import ActionRegistry
from ui.context import Context
from ui.guard import guarded
from ui.theme import ASSETS, Theme
from ui.workspaces import WorkspaceKind

HEIGHT = 44
MENUS = ("File", "Edit", "Run", "View", "Help")
#: px at text scale 100 % below which the tabs lose their icons and the search field its words
NARROW = 1380
#: px at text scale 100 % below which the tabs are icons alone, and what runs is a number
TIGHT = 960


class SearchField(QPushButton):
    """Looks like a field and opens the command palette."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("search")
        self.setAccessibleName("Search runs, panels, commands")
        self.setToolTip("Search runs, panels, commands  Ctrl+K")
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self._theme = theme
        self._glass = QLabel()
        self._words = QLabel("Search runs, panels, commands")
        self._keys = QLabel("Ctrl K")
        self._words.setProperty("role", "hint")
        self._keys.setObjectName("keycap")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 6, 0)
        row.setSpacing(8)
        for widget in (self._glass, self._words, self._keys):
            widget.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            row.addWidget(widget)
        row.insertStretch(2, 1)
        self.set_narrow(False)

    def set_narrow(self, narrow: bool) -> None:
        """Only the glass, or all of it."""
        px = self._theme.px
        self._words.setVisible(not narrow)
        self._keys.setVisible(not narrow)
        self._glass.setPixmap(self._theme.icon("search", "text2" if narrow else "text3").pixmap(px(15), px(15)))
        self._words.setFont(self._theme.font(12))
        self._keys.setFont(self._theme.font(10, 500))
        self._keys.setFixedHeight(px(16))
        self.setFixedSize(px(30) if narrow else px(268), px(28))
        self.setProperty("narrow", narrow)
        self.setCursor(Qt.CursorShape.ArrowCursor if narrow else Qt.CursorShape.IBeamCursor)
        self.style().unpolish(self)
        self.style().polish(self)


class TopBar(QFrame):
    """One for the whole window. ``chosen`` names the workspace whose tab was taken."""

    chosen = Signal(str)

    def __init__(self, context: Context, kinds: Sequence[WorkspaceKind]) -> None:
        super().__init__()
        self.setObjectName("topbar")
        self._context = context
        self._kinds = tuple(kinds)
        self._narrow, self._tight, self._fitted = False, False, False
        self._mark = QSvgWidget(str(ASSETS / "mark.svg"))
        self._mark.setAccessibleName("Foresight")
        self.menus = QMenuBar()
        self.menus.setNativeMenuBar(False)
        self.menus.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        for title in MENUS:
            self._add_menu(title)
        self.tabs = {kind.name: self._tab(number, kind) for number, kind in enumerate(self._kinds, start=1)}
        self.search = SearchField(context.theme)
        self.running = QToolButton()
        self.running.setObjectName("running")
        self.running.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.theme_button, self.help_button = QToolButton(), QToolButton()
        self.theme_button.setAccessibleName("Dark or light theme")
        self.help_button.setAccessibleName("Help")
        self._lay_out()
        self._repaint()
        context.theme.changed.connect(self._repaint)
        context.feed.runs_changed.connect(self.refresh)

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 10, 0)
        row.setSpacing(4)
        row.addWidget(self._mark)
        row.addSpacing(2)
        row.addWidget(self.menus)
        line = QFrame()
        line.setObjectName("hairline")
        line.setFixedSize(1, 20)
        row.addWidget(line)
        row.addSpacing(4)
        for tab in self.tabs.values():
            row.addWidget(tab)
        row.addStretch(1)
        for widget in (self.search, self.running, self.theme_button, self.help_button):
            row.addWidget(widget)

    def _tab(self, number: int, kind: WorkspaceKind) -> QToolButton:
        tab = QToolButton()
        tab.setObjectName("workspacetab")
        tab.setText(f" {kind.title}")
        tab.setAccessibleName(kind.title)
        tab.setCheckable(True)
        tab.setAutoExclusive(True)
        tab.setToolTip(f"{kind.title}: {kind.purpose[:1].lower()}{kind.purpose[1:]}  Ctrl+{number}")
        tab.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        tab.clicked.connect(lambda: self.chosen.emit(kind.name))
        tab.toggled.connect(self._repaint_tabs)
        return tab

    def _add_menu(self, title: str) -> None:
        menu = self.menus.addMenu(title)
        menu.aboutToShow.connect(lambda: fill_menu(menu, title, self._context.actions))

    # ---- following --------------------------------------------------------------------------------------------------

    def show_current(self, name: str) -> None:
        """Mark the tab of the workspace in sight; an unknown name (the welcome) marks none."""
        for key, tab in self.tabs.items():
            tab.setAutoExclusive(False)
            tab.setChecked(key == name)
            tab.setAutoExclusive(True)

    def refresh(self) -> None:
        """Count again what runs and waits."""
        active = (RunState.RUNNING, RunState.PAUSING, RunState.STOPPING)
        try:
            running = self._context.project.runs.count(RunFilter(statuses=active))
            queued = self._context.project.runs.count(RunFilter(statuses=(RunState.QUEUED,)))
        except StorageError:
            return
        words = [f"{running} running"] * bool(running) + [f"{queued} queued"] * bool(queued)
        told = " · ".join(words)
        self.running.setText(str(running + queued) if self._tight else told)
        self.running.setAccessibleName(told)
        self.running.setToolTip(f"{told}; shows them")
        self.running.setVisible(bool(words))
        self.running.setIcon(self._context.theme.icon("play" if running else "queue", "accent" if running else "text3"))

    def _repaint(self) -> None:
        theme = self._context.theme
        self.setFixedHeight(theme.px(HEIGHT))
        self._mark.setFixedSize(theme.px(22), theme.px(22))
        self.menus.setFont(theme.font(12))
        self.running.setFont(theme.font(11, 500))
        shows_dark = theme.dark
        self.theme_button.setIcon(theme.icon("moon" if shows_dark else "sun"))
        self.theme_button.setToolTip("Use the light theme" if shows_dark else "Use the dark theme")
        self.help_button.setIcon(theme.icon("help"))
        self.help_button.setToolTip("Keys and help  F1")
        for button in (self.theme_button, self.help_button, self.running):
            button.setIconSize(QSize(theme.px(16), theme.px(16)))
        self._fitted = False
        self._fit()

    def _repaint_tabs(self) -> None:
        theme = self._context.theme
        for kind in self._kinds:
            tab = self.tabs[kind.name]
            tab.setFont(theme.font(12 if self._narrow else 13, 600 if tab.isChecked() else 400))
            tab.setIcon(theme.icon(kind.icon, "accent" if tab.isChecked() else "text3"))
            tab.setIconSize(QSize(theme.px(16), theme.px(16)))
            style = Qt.ToolButtonStyle
            wide = style.ToolButtonTextOnly if self._narrow else style.ToolButtonTextBesideIcon
            tab.setToolButtonStyle(style.ToolButtonIconOnly if self._tight else wide)

    def _fit(self) -> None:
        px = self._context.theme.px
        narrow, tight = self.width() < px(NARROW), self.width() < px(TIGHT)
        if not self._fitted or (narrow, tight) != (self._narrow, self._tight):
            self._narrow, self._tight, self._fitted = narrow, tight, True
            self.search.set_narrow(narrow)
            self._repaint_tabs()
            self.refresh()

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's; a narrow window shows less of the tabs and the search field."""
        super().resizeEvent(event)
        self._fit()


def fill_menu(menu: QMenu, title: str, actions: ActionRegistry) -> None:
    """Fill a menu from the registry: ``Title`` is the menu itself, ``Title/Part`` a submenu of it."""
    actions.refresh()
    menu.clear()
    menu.setToolTipsVisible(True)
    parts: dict[str, QMenu] = {}
    group = ""
    for action in actions:
        top, _, part = action.menu.partition("/")
        if top != title:
            continue
        target: QWidget = menu
        if part:
            if part not in parts:
                parts[part] = menu.addMenu(part)
            target = parts[part]
        elif group and action.id.partition(".")[0] != group:
            menu.addSeparator()
        if not part:
            group = action.id.partition(".")[0]
        target.addAction(actions.qt(action.id))
    if menu.isEmpty():
        menu.addAction("Nothing here yet").setEnabled(False)
