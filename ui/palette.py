"""The command palette: every command, panel and run by a few letters of its name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from storage import RunFilter, StorageError
from ui.context import Context
from ui.format import count
from ui.guard import guarded, guarded_or

if TYPE_CHECKING:
    from PySide6.QtCore import QModelIndex, QPersistentModelIndex

WIDTH, ROW, ROWS = 560, 34, 11
_ENTRY = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Entry:
    """One thing to choose. ``obstacle`` says why it cannot be chosen now."""

    title: str
    detail: str
    run: Callable[[], object]
    keys: str = ""
    icon: str = ""
    obstacle: str = ""


def score(query: str, title: str, detail: str = "") -> float | None:
    """How well an entry fits what was typed, higher is better; None when a word of it is nowhere.

    A word counts most at the beginning of the title, then at the beginning of a word, then inside one, then in the
    detail; letters in order with gaps ("nr" for "New run") count least.
    """
    total = 0.0
    name, more = title.lower(), detail.lower()
    for word in query.lower().split():
        if name.startswith(word):
            total += 10
        elif any(part.startswith(word) for part in name.replace("/", " ").split()):
            total += 7
        elif word in name:
            total += 4
        elif word in more:
            total += 2
        elif len(word) > 1 and _in_order(word, "".join(part[0] for part in name.split() if part)):
            total += 1.5
        else:
            return None
    return total - len(title) / 1000


def rank(query: str, entries: Sequence[Entry]) -> list[Entry]:
    """The entries that fit, best first and what cannot be chosen last; for an empty query all, in their order."""
    if not query.strip():
        return list(entries)
    scored = [(score(query, entry.title, entry.detail), number, entry) for number, entry in enumerate(entries)]
    fitting = [(bool(entry.obstacle), -value, number, entry) for value, number, entry in scored if value is not None]
    return [entry for *_, entry in sorted(fitting, key=lambda item: item[:3])]


def _in_order(letters: str, text: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)


class Palette(QFrame):
    """A box over the window; opens with Ctrl K, closes with Esc or when something is chosen."""

    def __init__(self, context: Context, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("palette")
        self._context = context
        self._window = window
        self._before: QWidget | None = None
        self.field = QLineEdit()
        self.field.setPlaceholderText("Search runs, panels, commands")
        self.field.setAccessibleName("Search runs, panels, commands")
        self.list = QListWidget()
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setItemDelegate(_Row(context, self.list))
        self.list.setAccessibleName("Results")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        column.addWidget(self.field)
        column.addWidget(self.list)
        self.field.textChanged.connect(self._fill)
        self.field.installEventFilter(self)
        self.list.itemClicked.connect(lambda _item: self.accept())
        window.installEventFilter(self)
        self.hide()

    # ---- opening and choosing ---------------------------------------------------------------------------------------

    def open(self) -> None:
        """Show it, empty, with the keyboard."""
        self._before = self._window.focusWidget()
        self._context.actions.refresh()
        self.field.clear()
        self._fill()
        self._place()
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def accept(self) -> None:
        """Do what is marked."""
        entry = self.current()
        if entry is None or entry.obstacle:
            return
        self.dismiss()
        entry.run()

    def dismiss(self) -> None:
        """Close it; the keyboard goes back to where it was."""
        if self.isVisible():
            self.hide()
            if self._before is not None:
                self._before.setFocus()

    def current(self) -> Entry | None:
        """The entry that Return would choose."""
        item = self.list.currentItem()
        return item.data(_ENTRY) if item is not None else None

    def entries(self) -> list[Entry]:
        """What is listed now."""
        return [self.list.item(row).data(_ENTRY) for row in range(self.list.count())]

    # ---- what there is ----------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        query = self.field.text()
        found = rank(query, self._commands())
        runs = self._runs(query)
        found = [*runs, *found] if query.strip() and not found else [*found[:40], *runs]
        self.list.clear()
        for entry in found:
            item = QListWidgetItem(entry.title)
            item.setData(_ENTRY, entry)
            item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, f"{entry.detail} {entry.keys} {entry.obstacle}")
            self.list.addItem(item)
        if not found:
            item = QListWidgetItem()
            item.setData(_ENTRY, Entry(f"Nothing is called “{query.strip()}”", "", lambda: None, obstacle=_NOTHING))
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self._place()

    def _commands(self) -> list[Entry]:
        actions = self._context.actions
        entries = []
        for action in actions:
            keys = actions.qt(action.id).shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            place = action.menu.replace("View/Panels", "Panel") or "Command"
            obstacle = actions.obstacle(action.id)
            run = functools.partial(actions.trigger, action.id)
            entries.append(Entry(action.title.rstrip("…"), place, run, keys, action.icon, obstacle))
        return entries

    def _runs(self, query: str) -> list[Entry]:
        try:
            rows = self._context.project.runs.page(RunFilter(text=query.strip()), limit=8 if query.strip() else 4)
        except StorageError:
            return []
        return [
            Entry(
                row.name,
                f"Run {row.id}, {row.status}, step {count(row.step)}",
                functools.partial(self._show_run, row.id),
                icon="diagnose",
            )
            for row in rows
        ]

    def _show_run(self, run_id: int) -> None:
        self._context.selection.select([run_id])
        if "workspace.watch" in {action.id for action in self._context.actions}:
            self._context.actions.trigger("workspace.watch")

    # ---- place and keys ---------------------------------------------------------------------------------------------

    def _place(self) -> None:
        px = self._context.theme.px
        width = min(px(WIDTH), self._window.width() - 40)
        rows = min(max(self.list.count(), 1), ROWS)
        height = rows * px(ROW) + self.field.sizeHint().height() + 26
        height = min(height, self._window.height() - 100)
        self.setGeometry(QRect((self._window.width() - width) // 2, px(56), width, height))
        self.field.setFont(self._context.theme.font(13))

    @guarded_or(False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Qt's; arrows move through the list while the field has the keyboard."""
        if watched is self._window:
            if event.type() == QEvent.Type.Resize and self.isVisible():
                self._place()
            elif event.type() == QEvent.Type.MouseButtonPress and self.isVisible():
                self.dismiss()
            return False
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._key(event)
        if event.type() == QEvent.Type.FocusOut and self.isVisible() and self._window.isActiveWindow():
            self.hide()
        return False

    def _key(self, event: QKeyEvent) -> bool:
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: ROWS, Qt.Key.Key_PageUp: -ROWS}
        key = Qt.Key(event.key())
        if key in steps:
            row = self.list.currentRow() + steps[key]
            last = self.list.count() - 1
            wrapped = row % (last + 1) if abs(steps[key]) == 1 and last >= 0 else min(max(row, 0), last)
            self.list.setCurrentRow(wrapped)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accept()
        elif key == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            return False
        return True


class _Row(QStyledItemDelegate):
    """Icon, title, detail in a fainter colour, and the shortcut at the right."""

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = context.theme

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Qt's."""
        return QSize(100, self._theme.px(ROW))

    @guarded
    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Qt's."""
        entry: Entry = index.data(_ENTRY)
        theme, area = self._theme, option.rect
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, theme.color("select"))
            painter.fillRect(QRect(area.left(), area.top(), 2, area.height()), theme.color("accent"))
        left = area.left() + 12
        size = theme.px(16)
        if entry.icon:
            icon = theme.icon(entry.icon, "text3" if entry.obstacle else "text2")
            icon.paint(painter, QRect(left, area.center().y() - size // 2, size, size))
        left += size + 10
        painter.setFont(theme.font(10, 500))
        keys = painter.fontMetrics().horizontalAdvance(entry.keys) + 12 if entry.keys else 0
        if keys:
            painter.setPen(theme.color("text3"))
            painter.drawText(area.adjusted(0, 0, -10, 0), _RIGHT, entry.keys)
        right = area.right() - keys - 16
        painter.setFont(theme.font(12, 500))
        painter.setPen(theme.color("text3" if entry.obstacle else "text"))
        title = painter.fontMetrics().elidedText(entry.title, Qt.TextElideMode.ElideRight, right - left)
        painter.drawText(QRect(left, area.top(), right - left, area.height()), _LEFT, title)
        left += painter.fontMetrics().horizontalAdvance(title) + 10
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("text3"))
        words = entry.obstacle or entry.detail
        detail = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, max(right - left, 0))
        painter.drawText(QRect(left, area.top(), max(right - left, 0), area.height()), _LEFT, detail)
        painter.restore()


_NOTHING = "Try another word."
_LEFT = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
_RIGHT = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)
