"""The workspaces: each is a set of docks with a layout of its own that is remembered the moment it changes."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import itertools
import logging
from collections.abc import Iterable

from PySide6.QtCore import QByteArray, QEvent, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QTabWidget, QVBoxLayout, QWidget

from ui.context import Context
from ui.controls.empty_state import EmptyState
from ui.dock import PanelDock
from ui.dock_menu import dock_menu
from ui.guard import guarded, guarded_or
from ui.panels import PANELS, PanelEntry
from ui.workspace_kinds import KINDS, WorkspaceKind

__all__ = ["KINDS", "Workspace", "WorkspaceKind", "available"]

_logger = logging.getLogger(__name__)

#: milliseconds from a change of the layout to the file
SAVE_DELAY = 300


def available() -> list[PanelEntry]:
    """The panels whose module is installed; the others are named in the log."""
    found = []
    for entry in PANELS:
        module = entry.target.partition(":")[0]
        if importlib.util.find_spec(module) is None:
            _logger.warning("The panel %s is left out: there is no module %s.", entry.title, module)
        else:
            found.append(entry)
    return found


class Workspace(QMainWindow):
    """One workspace's docks. ``load`` makes its panels; until then it costs nothing."""

    panels_changed = Signal()

    def __init__(self, kind: WorkspaceKind, entries: Iterable[PanelEntry], context: Context) -> None:
        super().__init__()
        self.setWindowFlags(Qt.WindowType.Widget)
        self.setObjectName("workspace")
        self.kind = kind
        self.entries = list(entries)
        self.docks: dict[str, PanelDock] = {}
        self._context = context
        self._compact: bool | None = None
        self._before_enlarging: QByteArray | None = None
        self._arranging = False
        self._size = QSize()  # after which the docks were laid out
        self._left = QByteArray()  # the layout after its last change, before the docks went along with the window
        self._chosen: list[str] = []  # panels brought to the front by the user, the last one last
        self.vacancy = EmptyState(context.theme)
        self.vacancy.setParent(self)
        self.vacancy.hide()
        self.setDockNestingEnabled(True)
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self.setAnimated(False)
        self._save_soon = QTimer(self)
        self._save_soon.setSingleShot(True)
        self._save_soon.setInterval(SAVE_DELAY)
        self._save_soon.timeout.connect(self.save)
        self._sync_soon = QTimer(self)
        self._sync_soon.setSingleShot(True)
        self._sync_soon.setInterval(0)
        self._sync_soon.timeout.connect(self._sync)
        context.theme.changed.connect(self._repaint)

    # ---- panels -----------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Make the panels. One that fails is left out, with a notice; the others stand."""
        if self.docks:
            return
        for entry in self.entries:
            try:
                panel = entry.load()(self._context)
            except Exception as error:
                _logger.exception("The panel %s could not be made.", entry.title)
                self._context.notices.add("bad", f"The panel {entry.title} cannot be shown: {error}")
                continue
            self._add(PanelDock(entry.name, panel, self._context.theme))
        if self.kind.strip and self.docks:
            self._add_strip()
        self.lock(bool(self._context.preferences.get("layout.locked", False)))
        self.panels_changed.emit()
        if self.isVisible():
            self._arrange()
        self._tell_vacancy()

    def _add_strip(self) -> None:
        module, _, name = self.kind.strip.partition(":")
        frame = QWidget()
        column = QVBoxLayout(frame)
        column.setContentsMargins(0, 0, 0, 6)
        self.setMenuWidget(frame)
        strip = getattr(importlib.import_module(module), name)(self._context)
        column.addWidget(strip)
        strip.add_keys(self)

    def _add(self, dock: PanelDock) -> None:
        self.docks[dock.objectName()] = dock
        dock.setParent(self)
        dock.bar.chosen.connect(self._raise_from_tab)
        dock.bar.enlarge.clicked.connect(lambda: self.enlarge(dock))
        dock.menu(dock_menu(dock, lambda: self.enlarge(dock), self.reset))
        for signal in (dock.dockLocationChanged, dock.topLevelChanged, dock.visibilityChanged):
            signal.connect(self._note_change)
        dock.installEventFilter(self)

    def show_panel(self, name: str, *, focus: bool = True) -> None:
        """Bring a panel to the front, and give it the keyboard."""
        self.load()
        dock = self.docks.get(name)
        if dock is None:
            return
        self.shrink()
        self._note_choice(name)
        dock.show()
        dock.raise_()
        if focus:
            _focus(dock)

    def focused(self) -> PanelDock | None:
        """The dock that holds the keyboard."""
        widget = QApplication.focusWidget()
        return next((dock for dock in self.docks.values() if widget is not None and dock.isAncestorOf(widget)), None)

    def cycle(self, direction: int) -> None:
        """Give the keyboard to the next (1) or previous (-1) panel in sight."""
        shown = [dock for dock in self.docks.values() if dock.panel.isVisible()]
        if not shown:
            return
        shown.sort(key=lambda dock: (dock.x(), dock.y()))
        present = self.focused()
        place = shown.index(present) + direction if present in shown else 0 if direction > 0 else -1
        _focus(shown[place % len(shown)])

    def mark_focus(self) -> None:
        """Draw the focused panel's title line in the accent."""
        present = self.focused()
        for dock in self.docks.values():
            dock.bar.mark_active(dock is present)

    # ---- layout -----------------------------------------------------------------------------------------------------

    @property
    def enlarged(self) -> bool:
        """Whether one panel fills the workspace."""
        return self._before_enlarging is not None

    def enlarge(self, dock: PanelDock | None = None) -> None:
        """Let one panel (else the focused one) fill the workspace; again brings the others back."""
        if self.enlarged:
            self.shrink()
            return
        chosen = dock or self.focused() or next((d for d in self.docks.values() if d.panel.isVisible()), None)
        if chosen is None or chosen.isFloating():
            return
        self._save_now_if_due()
        self._before_enlarging = self.saveState()
        for other in self.docks.values():
            if other is not chosen and not other.isFloating():
                other.hide()
        _focus(chosen)

    def shrink(self) -> None:
        """Bring back what was hidden when a panel was enlarged."""
        if self._before_enlarging is not None:
            state, self._before_enlarging = self._before_enlarging, None
            self._arranging = True
            self.restoreState(state)
            self._arranging = False
            self._note_change()

    def lock(self, locked: bool) -> None:
        """Keep every dock where it is."""
        for dock in self.docks.values():
            dock.lock(locked)

    def reset(self) -> None:
        """The layout that the workspace began with."""
        self._before_enlarging = None
        self._chosen = []
        self._default_layout()
        self._note_change()

    def save(self) -> None:
        """Remember the layout."""
        if self.docks and self._compact is not None and not self.enlarged:
            self._store(self.saveState())

    def _store(self, state: QByteArray) -> None:
        text = bytes(state.toBase64().data()).decode("ascii")
        self._context.preferences.set(self._key(), {"docks": sorted(self.docks), "state": text})

    def _save_now_if_due(self) -> None:
        if self._save_soon.isActive():
            self._save_soon.stop()
            self._store(self._left)

    def _key(self) -> str:
        return f"layout.{self.kind.name}.{'compact' if self._compact else 'wide'}"

    def _arrange(self) -> None:
        """Restore the layout for the present width, or make the default one."""
        if not self.docks:
            return
        compact = self.width() < self._context.theme.px(self.kind.wide) - 24
        if compact == self._compact:
            return
        self._save_now_if_due()
        self.shrink()
        self._compact = compact
        stored = self._context.preferences.get(self._key())
        self._arranging = True
        known = isinstance(stored, dict) and stored.get("docks") == sorted(self.docks)
        state = QByteArray.fromBase64(str(stored.get("state", "")).encode()) if known else QByteArray()
        if state.isEmpty() or not self.restoreState(state):
            self._default_layout()
        for name in self._chosen:  # what was looked at stays in sight where places are shared otherwise
            if name in self.docks and not self.docks[name].isHidden():
                self.docks[name].raise_()
        self._arranging = False
        self._sync_soon.start()

    def _default_layout(self) -> None:
        self._arranging = True
        areas: dict[str, list[PanelDock]] = {}
        for entry in self.entries:
            if entry.name in self.docks:
                area = self._narrow_area(entry.area) if self._compact else entry.area
                place = areas.setdefault(area, [])
                place.append(self.docks[entry.name])
        for dock in self.docks.values():
            dock.setFloating(False)
            self.removeDockWidget(dock)
        columns = [area for area in ("left", "middle", "right") if area in areas or f"{area}-bottom" in areas]
        previous: PanelDock | None = None
        for column in columns:
            top, bottom = areas.get(column, []), areas.get(f"{column}-bottom", [])
            first = (top or bottom)[0]
            if previous is None:
                self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, first)
            else:
                self.splitDockWidget(previous, first, Qt.Orientation.Horizontal)
            previous = first
        for column in columns:
            top, bottom = areas.get(column, []), areas.get(f"{column}-bottom", [])
            if top and bottom:
                self.splitDockWidget(top[0], bottom[0], Qt.Orientation.Vertical)
        for group in areas.values():
            for earlier, later in itertools.pairwise(group):
                self.tabifyDockWidget(earlier, later)
        for dock in self.docks.values():
            dock.show()
        for group in areas.values():
            front = self.docks.get(self.kind.front) if self._compact else None
            (front if front in group else group[0]).raise_()
        self._default_sizes(columns, areas, self._compact)
        self._arranging = False
        # Once more when Qt has laid out what was moved; until then it reckons with the places from before.
        QTimer.singleShot(0, self, functools.partial(self._default_sizes, columns, areas, self._compact))

    def _narrow_area(self, area: str) -> str:
        return area if area.startswith("middle") else "right"

    def _default_sizes(self, columns: list[str], areas: dict[str, list[PanelDock]], compact: bool | None) -> None:
        if compact != self._compact:
            return  # it is another layout by now
        px, kind = self._context.theme.px, self.kind
        growth = min(1.3, max(1.0, self.width() / px(1588)))
        side = {"left": round(px(kind.left) * growth), "right": round(px(kind.right) * growth)}
        if self._compact:
            side["right"] = max(px(388), round(self.width() * 0.44)) if kind.name == "watch" else px(392)
        rest = self.width() - sum(side[column] + 6 for column in columns if column != "middle")
        widths = [side.get(column, max(rest, 100)) for column in columns]
        firsts = [(areas.get(column) or areas[f"{column}-bottom"])[0] for column in columns]
        self.resizeDocks(firsts, widths, Qt.Orientation.Horizontal)
        for column in columns:
            if column in areas and f"{column}-bottom" in areas:
                own = kind.right_bottom if column == "right" else 0
                bottom = min(px(own or kind.bottom), round(self.height() * (0.66 if own else 0.44)))
                pair = [areas[column][0], areas[f"{column}-bottom"][0]]
                self.resizeDocks(pair, [max(self.height() - bottom - 6, 100), bottom], Qt.Orientation.Vertical)

    # ---- following changes ------------------------------------------------------------------------------------------

    def _note_change(self, *_: object) -> None:
        self._sync_soon.start()
        arranged = self._compact is not None and not self._arranging
        if arranged and not self.enlarged and self.isVisible():
            self._left = self.saveState()
            self._save_soon.start()

    def _sync(self) -> None:
        """Show as tabs in every title bar which docks share its place."""
        order = {entry.name: number for number, entry in enumerate(self.entries)}
        for name, dock in self.docks.items():
            if not dock.updatesEnabled():
                dock.setUpdatesEnabled(True)  # Qt draws nothing while pages change, and forgets what floats meanwhile
            together = [dock] if dock.isFloating() else [dock, *self.tabifiedDockWidgets(dock)]
            shown = [other for other in together if isinstance(other, PanelDock) and not other.isHidden()]
            shown.sort(key=lambda other: order[other.objectName()])
            dock.bar.show_tabs([(other.objectName(), other.panel.title) for other in shown], name)
        self.mark_focus()
        self._tell_vacancy()

    def _tell_vacancy(self) -> None:
        """Where no panel stands, say why, and what brings one back."""
        kind, trigger = self.kind, self._context.actions.trigger
        if not self.entries:
            steps = [("Show Watch", lambda: trigger("workspace.watch"))]
            words = "The curves, the simulation and the settings of runs are in Watch."
            self.vacancy.say(kind.icon, f"{kind.title} has no panels in this version", words, steps)
        elif not self.docks:
            steps = [("Show the log", lambda: trigger("help.log"))]
            self.vacancy.say("warn", f"No panel of {kind.title} can be shown", "The log says why.", steps, "bad")
        else:
            words = "Reset layout brings all of them back; View, Panels shows one."
            steps = [("Reset layout", self.reset)]
            self.vacancy.say(kind.icon, f"Every panel of {kind.title} is closed or floats", words, steps)
        self.vacancy.setVisible(all(dock.isHidden() or dock.isFloating() for dock in self.docks.values()))
        self.vacancy.raise_()

    def _raise_from_tab(self, name: str) -> None:
        by_keyboard = self.focused() is not None
        self._note_choice(name)
        self.docks[name].raise_()
        self._sync()
        if by_keyboard:
            self.docks[name].bar.focus_tabs()

    def _note_choice(self, name: str) -> None:
        self._chosen = [*(other for other in self._chosen if other != name), name]

    def _repaint(self) -> None:
        for dock in self.docks.values():
            dock.bar.repaint_icons()

    @guarded_or(False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Qt's; a dock that changes its size changes the layout, unless it only goes along with the window."""
        if event.type() == QEvent.Type.Resize and self.size() == self._size:
            self._note_change()
        return False

    @guarded
    def showEvent(self, event: QShowEvent) -> None:
        """Qt's; the first time the layout is made for the size at hand."""
        super().showEvent(event)
        self.load()
        self._arrange()

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's; a narrow window has a layout of its own."""
        super().resizeEvent(event)
        self._size = event.size()
        self.vacancy.setGeometry(self.rect())
        if self.isVisible():
            self._arrange()


def _focus(dock: PanelDock) -> None:
    """Give the keyboard to the first thing in a panel that takes it."""
    inside = (child for child in dock.panel.findChildren(QWidget) if child.focusPolicy() & Qt.FocusPolicy.TabFocus)
    ready = [child for child in (dock.panel, *inside) if child.isVisible() and child.isEnabled()]
    taking = [child for child in ready if child.focusPolicy() & Qt.FocusPolicy.TabFocus]
    (taking[0] if taking else dock.panel).setFocus(Qt.FocusReason.ShortcutFocusReason)
