"""The run table's model: lines read in pages, sorted and filtered by the storage, with running rows kept live."""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from storage import ExpressionError, RunFilter, RunRow, RunState
from storage.run_states import LIVE_STATES
from ui.context import Context
from ui.guard import guarded, guarded_or
from ui.live_runs import LiveRuns
from ui.tables.run_columns import COLUMNS, FIGURES, PLACE
from ui.tables.run_item import RunItem
from workbench.events import Progress

Index = QModelIndex | QPersistentModelIndex
#: lines read at once
PAGE = 100
#: gives the RunItem of a row
ItemRole = int(Qt.ItemDataRole.UserRole)
#: cells that change with every message of a running run
_MOVING = (PLACE["status"], PLACE["step"])
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class RunsModel(QAbstractItemModel):
    """Two levels: lines, and inside a folded line its runs. An index carries the place of its parent plus one.

    ``renamed`` asks for a run or group to be called otherwise: (item, name). ``replaced`` follows a change of rows.
    """

    renamed = Signal(object, str)
    replaced = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._runs = context.project.runs
        self.live = LiveRuns(context)
        self.filter = RunFilter()
        self.sort_by = ("started", "desc")
        self.folded = True
        self._items: list[RunItem] = []
        self._children: list[list[RunItem]] = []
        self._complete = False
        context.feed.progressed.connect(self._move)

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def show(
        self,
        filter: RunFilter | None = None,
        sort_by: tuple[str, str] | None = None,
        folded: bool | None = None,
    ) -> None:
        """Read the first page of other runs, another order or folding; None keeps it as it is.

        Raises ExpressionError for a filter that cannot be understood; then everything stays as it was.
        """
        wanted = filter or self.filter, sort_by or self.sort_by, self.folded if folded is None else folded
        lines = self._runs.lines(wanted[0], [wanted[1]], PAGE, folded=wanted[2])
        self.filter, self.sort_by, self.folded = wanted
        self._read_places()
        self._replace([RunItem.of_line(line) for line in lines], len(lines) < PAGE)

    def refresh(self) -> None:
        """Read again what was read so far; where the same rows are in the same order, only their cells change."""
        limit = max(PAGE, len(self._items))
        try:
            lines = self._runs.lines(self.filter, [self.sort_by], limit, folded=self.folded)
        except ExpressionError:
            return  # the filter was checked when it was set
        self._read_places()
        items = [RunItem.of_line(line) for line in lines]
        if [(item.key, item.runs) for item in items] == [(item.key, item.runs) for item in self._items]:
            for place, item in enumerate(items):
                self._put(place, item)
        else:
            self._replace(items, len(items) < limit)

    def refresh_live(self) -> None:
        """Read the rows of runs that are alive again; when one of them no longer is, everything."""
        shown = {row.id: row for item in self._items for row in item.rows if row.status in LIVE_STATES}
        if not shown:
            return
        fresh = {row.id: row for row in self._runs.page(RunFilter(statuses=tuple(LIVE_STATES), archived=None))}
        if any(run_id not in fresh for run_id in shown):
            self.refresh()
            return
        for place, item in enumerate(self._items):
            if any(row.id in shown and row != fresh[row.id] for row in item.rows):
                self._put(place, RunItem(tuple(fresh.get(row.id, row) for row in item.rows), item.group))

    def tick(self) -> None:
        """Let the words that tell how long ago something was be written again."""
        for place, item in enumerate(self._items):
            if any(row.status in LIVE_STATES for row in item.rows):
                self._announce(place, *_MOVING[:1])

    @property
    def items(self) -> list[RunItem]:
        """The lines read so far."""
        return self._items

    @property
    def complete(self) -> bool:
        """Whether there are no more lines."""
        return self._complete

    def item(self, index: Index) -> RunItem:
        """The row at a valid index."""
        parent = index.internalId()
        return self._children[parent - 1][index.row()] if parent else self._items[index.row()]

    def index_of(self, key: tuple[int, ...], column: int = 0) -> QModelIndex:
        """The index of the row with a key; invalid where it is not among the lines read so far."""
        for place, item in enumerate(self._items):
            if item.key == key:
                return self.index(place, column)
            for inner, child in enumerate(self._children[place]):
                if child.key == key:
                    return self.index(inner, column, self.index(place, 0))
        return QModelIndex()

    def read_more(self) -> None:
        """Read the next page, if there is one.

        Qt's own protocol for this is left alone, because a tree view asks for a page more with every new layout.
        """
        if self._complete:
            return
        lines = self._runs.lines(self.filter, [self.sort_by], PAGE, len(self._items), folded=self.folded)
        # A run that came in between shifts the pages, so what is known is left out.
        known = {item.key for item in self._items}
        items = [item for item in map(RunItem.of_line, lines) if item.key not in known]
        self._complete = len(lines) < PAGE
        if items:
            self.beginInsertRows(QModelIndex(), len(self._items), len(self._items) + len(items) - 1)
            self._items.extend(items)
            self._children.extend(item.children() for item in items)
            self.endInsertRows()

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _replace(self, items: list[RunItem], complete: bool) -> None:
        self.beginResetModel()
        self._items = items
        self._children = [item.children() for item in items]
        self._complete = complete
        self.endResetModel()
        self.replaced.emit()

    def _put(self, place: int, item: RunItem) -> None:
        if item.rows == self._items[place].rows and item.group == self._items[place].group:
            return
        self._items[place], self._children[place] = item, item.children()
        self._announce(place, 0, len(COLUMNS) - 1)

    def _announce(self, place: int, first: int, last: int | None = None) -> None:
        last = first if last is None else last
        self.dataChanged.emit(self.index(place, first), self.index(place, last))
        count = len(self._children[place])
        if count:
            parent = self.index(place, 0)
            self.dataChanged.emit(self.index(0, first, parent), self.index(count - 1, last, parent))

    def _move(self, run_id: int, progress: Progress) -> None:
        for place, item in enumerate(self._items):
            if run_id in item.runs:
                for column in _MOVING:
                    self._announce(place, column)
                return

    def _read_places(self) -> None:
        queued = RunFilter(statuses=(RunState.QUEUED,), archived=None)
        waiting = self._runs.page(queued, (("queue_position", "asc"), ("id", "asc")))
        self.live.places = {row.id: place for place, row in enumerate(waiting)}

    # ---- Qt's -------------------------------------------------------------------------------------------------------

    @guarded_or(QModelIndex())
    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        """Qt's."""
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else 0)

    @guarded_or(QModelIndex())
    def parent(self, index: Index = QModelIndex()) -> QModelIndex:  # type: ignore[override]  # noqa: B008
        """Qt's."""
        above = index.internalId() if index.isValid() else 0
        return self.createIndex(above - 1, 0, 0) if above else QModelIndex()

    @guarded_or(0)
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Qt's."""
        if not parent.isValid():
            return len(self._items)
        return 0 if parent.internalId() or parent.column() else len(self._children[parent.row()])

    @guarded_or(0)
    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Qt's."""
        return len(COLUMNS)

    @guarded
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's; the words are the same for the eye and for a screen reader."""
        item, column = self.item(index), COLUMNS[index.column()]
        match role:
            case Qt.ItemDataRole.UserRole:
                return item
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.AccessibleTextRole:
                return column.text(item, self.live, time.time())
            case Qt.ItemDataRole.EditRole:
                return item.row.name if item.child else item.name
            case Qt.ItemDataRole.ToolTipRole:
                return _tip(item, column.id, column.text(item, self.live, time.time()))
            case Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT if column.id in FIGURES else _LEFT
        return None

    @guarded
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's."""
        column = COLUMNS[section]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return column.title
            case Qt.ItemDataRole.ToolTipRole:
                return column.help
            case Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT if column.id in FIGURES else _LEFT
            case Qt.ItemDataRole.InitialSortOrderRole:
                return Qt.SortOrder.DescendingOrder if column.id in FIGURES else Qt.SortOrder.AscendingOrder
        return None

    @guarded_or(Qt.ItemFlag.NoItemFlags)
    def flags(self, index: Index) -> Qt.ItemFlag:
        """Qt's; names can be edited."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == PLACE["run"] else flags

    @guarded_or(False)
    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Qt's; asks for another name."""
        name = str(value).strip()
        if role == Qt.ItemDataRole.EditRole and name and name != self.data(index, Qt.ItemDataRole.EditRole):
            self.renamed.emit(self.item(index), name)
            return True
        return False

    @guarded
    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Qt's; the storage sorts."""
        direction = "asc" if order is Qt.SortOrder.AscendingOrder else "desc"
        if 0 <= column < len(COLUMNS) and (COLUMNS[column].sort, direction) != self.sort_by:
            self.show(sort_by=(COLUMNS[column].sort, direction))


def _tip(item: RunItem, column: str, text: str) -> str:
    row: RunRow = item.row
    if column == "status" and row.reason:
        return f"{text}\n{row.reason}"
    if column == "run":
        tags = f"\nTags: {', '.join(item.tags)}" if item.tags else ""
        note = f"\n{row.note}" if row.note else ""
        noun = "Runs" if item.folded else "Run"
        return f"{item.name}\n{noun} {', '.join(map(str, item.runs))}{tags}{note}"
    return text
