"""Every command once: menus, toolbars, shortcuts and the command palette are made from this registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from ui.theme import Theme


@dataclass(frozen=True)
class Action:
    """One command.

    ``menu`` is the menu's title ("Run") or empty for commands that only the palette shows; ``enabled`` is asked when a
    menu or the palette opens, and says why not in words (empty: it can be done). ``scope`` is the widget within which
    the shortcut works, for keys such as S that mean something else elsewhere; without one it works in the whole window.
    """

    id: str
    title: str
    run: Callable[[], object]
    shortcut: str = ""
    menu: str = ""
    icon: str = ""
    help: str = ""
    checkable: bool = False
    obstacle: Callable[[], str] | None = None
    scope: QWidget | None = None


class ActionRegistry(QObject):
    """The commands by id, each with one QAction that belongs to ``owner``, so that its shortcut works in all of it."""

    refused = Signal(str, str)  # id, the obstacle in words

    def __init__(self, owner: QWidget, theme: Theme) -> None:
        super().__init__()
        self._owner, self._theme = owner, theme
        self._actions: dict[str, Action] = {}
        self._qt: dict[str, QAction] = {}
        theme.changed.connect(self._repaint)

    def add(self, action: Action) -> QAction:
        """Register a command; ids are unique."""
        if action.id in self._actions:
            raise ValueError(f"there is already an action {action.id!r}")
        made = QAction(action.title, self._owner)
        made.setObjectName(action.id)
        made.setCheckable(action.checkable)
        if action.shortcut:
            made.setShortcut(QKeySequence(action.shortcut))
        made.triggered.connect(lambda _checked=False: self.trigger(action.id))
        self._actions[action.id], self._qt[action.id] = action, made
        if action.scope is not None:
            made.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        (action.scope or self._owner).addAction(made)
        made.setToolTip(self._tip(action.id))
        self._paint(action.id)
        return made

    def __contains__(self, action_id: str) -> bool:
        return action_id in self._actions

    def __iter__(self) -> Iterator[Action]:
        return iter(self._actions.values())

    def qt(self, action_id: str) -> QAction:
        """The QAction of a command."""
        return self._qt[action_id]

    def obstacle(self, action_id: str) -> str:
        """Why a command cannot be done now; empty when it can."""
        check = self._actions[action_id].obstacle
        return check() if check is not None else ""

    def trigger(self, action_id: str) -> None:
        """Do it; where there is an obstacle, say it through ``refused``."""
        obstacle = self.obstacle(action_id)
        if obstacle:
            self.refused.emit(action_id, obstacle)
        else:
            self._actions[action_id].run()

    def refresh(self) -> None:
        """Enable what can be done now and disable the rest; menus call it before they open."""
        for action_id, made in self._qt.items():
            obstacle = self.obstacle(action_id)
            made.setEnabled(not obstacle)
            made.setStatusTip(obstacle)
            made.setToolTip("\n".join(line for line in (self._tip(action_id), obstacle) if line))

    def _tip(self, action_id: str) -> str:
        """What it does, and its keys."""
        action = self._actions[action_id]
        keys = self._qt[action_id].shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        return (action.help or action.title) + (f"  {keys}" if keys else "")

    def _paint(self, action_id: str) -> None:
        name = self._actions[action_id].icon
        if name:
            self._qt[action_id].setIcon(self._theme.icon(name, filled=name in ("play", "stop")))

    def _repaint(self) -> None:
        for action_id in self._actions:
            self._paint(action_id)
