"""The run table on the screen: columns as the user arranged them, selection shared with every panel."""

from __future__ import annotations

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, QPoint, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QResizeEvent

from ui.context import Context
from ui.guard import guarded
from ui.series_colors import SeriesColors
from ui.tables.cell import CellDelegate
from ui.tables.pinned_column import PinnedColumn
from ui.tables.progress_delegate import ProgressDelegate
from ui.tables.return_delegate import ReturnDelegate
from ui.tables.run_columns import COLUMNS, DEFAULT_COLUMNS, NARROW_COLUMNS, NARROW_WIDTH, PLACE
from ui.tables.run_delegate import RunDelegate
from ui.tables.run_header import RunHeader
from ui.tables.run_item import RunItem
from ui.tables.run_tree import RunTree
from ui.tables.runs_model import RunsModel
from ui.tables.status_delegate import StatusDelegate
from ui.tables.table_choices import PREFERENCE, stored_choices

#: milliseconds after the last change of a width until it is remembered
_REMEMBER_DELAY = 250


class RunsView(RunTree):
    """``linked`` is emitted with the item whose status link was clicked, ``opened`` with one that was opened."""

    linked = Signal(object)
    opened = Signal(object)

    def __init__(self, context: Context, model: RunsModel, colors: SeriesColors) -> None:
        super().__init__(context.theme)
        self.setAccessibleName("Runs")
        self._context, self._runs, self._colors = context, model, colors
        self._narrow = False
        self._telling = False
        self._expanded: set[tuple[int, ...]] = set()
        self._scrolled = 0
        self.setModel(model)
        self.setHeader(RunHeader(context.theme, self))
        self._set_delegates()
        stored = stored_choices(context.preferences)
        self.columns = list(stored.columns)
        self._widths = dict(stored.widths)
        self.pinned.pinned = stored.pinned
        self._remember_soon = QTimer(self)
        self._remember_soon.setSingleShot(True)
        self._remember_soon.setInterval(_REMEMBER_DELAY)
        self._remember_soon.timeout.connect(self._remember)
        self._arrange()
        self._connect()

    def _set_delegates(self) -> None:
        theme, live = self.theme, self._runs.live
        self.setItemDelegate(CellDelegate(theme, self))
        status = StatusDelegate(theme, live, self)
        status.linked.connect(self.linked)
        self._status = status
        run = RunDelegate(theme, self._colors, self)
        special = {
            "run": run,
            "status": status,
            "step": ProgressDelegate(theme, live, self),
            "return": ReturnDelegate(theme, self),
        }
        for name, delegate in special.items():
            self.setItemDelegateForColumn(PLACE[name], delegate)
        self.pinned = PinnedColumn(self, run)

    def _connect(self) -> None:
        header = self.header()
        field, direction = self._runs.sort_by
        shown = next((place for place, column in enumerate(COLUMNS) if column.sort == field), -1)
        order = Qt.SortOrder.AscendingOrder if direction == "asc" else Qt.SortOrder.DescendingOrder
        header.setSortIndicator(shown, order)
        self.setSortingEnabled(True)
        header.sortIndicatorChanged.connect(lambda *_: self._remember())
        header.sectionMoved.connect(self._take_order)
        header.sectionResized.connect(self._take_width)
        self._runs.modelAboutToBeReset.connect(self._keep_place)
        self._runs.replaced.connect(self._restore_place)
        self._runs.rowsInserted.connect(self._color_new)
        self.verticalScrollBar().valueChanged.connect(self._read_more)
        self.selectionModel().selectionChanged.connect(self._tell_selection)
        self._context.selection.changed.connect(self.show_selection)
        self.theme.changed.connect(self._arrange)
        self.activated.connect(lambda index: self.opened.emit(self._runs.item(index)))

    # ---- columns ----------------------------------------------------------------------------------------------------

    def show_column(self, name: str, shown: bool) -> None:
        """Add a column at the right, or take one away; the first always stays."""
        if shown and name not in self.columns:
            self.columns.append(name)
        elif not shown and name in self.columns and name != "run":
            self.columns.remove(name)
        self._arrange()
        self._remember()

    def reset_columns(self) -> None:
        """The columns, order and widths that it had at first."""
        self.columns, self._widths = list(DEFAULT_COLUMNS), {}
        self._arrange()
        self._remember()

    def pin(self, pinned: bool) -> None:
        """Keep the first column in sight while the others scroll, or let it go with them."""
        self.pinned.pinned = pinned
        self.pinned.place()
        self._remember()

    def _arrange(self) -> None:
        header = self.header()
        wanted = [name for name in self.columns if not self._narrow or name in self._narrow_columns()]
        with QSignalBlocker(header):
            for place, column in enumerate(COLUMNS):
                header.setSectionHidden(place, column.id not in wanted)
                header.resizeSection(place, self.theme.px(self._widths.get(column.id, column.width)))
            for place, name in enumerate(wanted):
                header.moveSection(header.visualIndex(PLACE[name]), place)
        self._fit()

    def _narrow_columns(self) -> list[str]:
        """Those of a narrow table: with large text some of them go, so that the run's name can be read."""
        px, room = self.theme.px, self.viewport().width()
        kept = [name for name in NARROW_COLUMNS if name in self.columns]
        for name in _FIRST_TO_GO:
            if px(_NARROW_NAME) + sum(px(_NARROW_WIDTHS[each]) for each in kept if each != "run") <= room:
                break
            kept = [each for each in kept if each != name]
        return kept

    def _fit(self) -> None:
        """Give the first column what the others leave; in a narrow panel all of them share what there is."""
        header, first = self.header(), PLACE["run"]
        if self._narrow:
            kept = self._narrow_columns()
            with QSignalBlocker(header):
                for name in self.columns:
                    header.setSectionHidden(PLACE[name], name not in kept)
        others = [PLACE[name] for name in self.columns if name != "run" and not header.isSectionHidden(PLACE[name])]
        room = self.viewport().width()
        with QSignalBlocker(header):
            if self._narrow:
                for place in others:
                    header.resizeSection(place, self.theme.px(_NARROW_WIDTHS[COLUMNS[place].id]))
            taken = sum(header.sectionSize(place) for place in others)
            least = self.theme.px(_NARROW_NAME if self._narrow else self._widths.get("run", COLUMNS[first].width))
            header.resizeSection(first, max(least, room - taken))
        self.updateGeometries()
        self.viewport().update()

    def _take_order(self, *_: int) -> None:
        header = self.header()
        visual = sorted(range(len(COLUMNS)), key=header.visualIndex)
        order = [COLUMNS[place].id for place in visual if COLUMNS[place].id in self.columns]
        self.columns = order
        self._remember()

    def _take_width(self, place: int, _before: int, width: int) -> None:
        if not self._narrow and width:
            self._widths[COLUMNS[place].id] = round(width / self.theme.scale)
            self._remember_soon.start()

    def _remember(self) -> None:
        value = {
            "columns": list(self.columns),
            "widths": dict(self._widths),
            "pinned": self.pinned.pinned,
            "sort": list(self._runs.sort_by),
            "folded": self._runs.folded,
        }
        self._context.preferences.set(PREFERENCE, value)

    @property
    def folded(self) -> bool:
        """Whether the seeds of a group are one line."""
        return self._runs.folded

    def set_folded(self, folded: bool) -> None:
        """Fold the seeds of a group into one line, or give every run its own."""
        self._runs.show(folded=folded)
        self._remember()

    # ---- selection --------------------------------------------------------------------------------------------------

    def selected_items(self) -> list[RunItem]:
        """The selected rows."""
        return [self._runs.item(index) for index in self.selectionModel().selectedRows(0)]

    def _tell_selection(self, *_: object) -> None:
        if self._telling:
            return
        chosen = [run_id for item in self.selected_items() for run_id in item.runs]
        before = self._context.selection.runs
        kept = [run_id for run_id in before if run_id in chosen]
        self._telling = True
        self._context.selection.select([*kept, *(run_id for run_id in chosen if run_id not in kept)])
        self._telling = False

    def show_selection(self) -> None:
        """Mark the runs that are selected elsewhere, as far as their lines were read."""
        if self._telling:
            return
        wanted = set(self._context.selection.runs)
        marked = QItemSelection()
        last = QModelIndex()
        for place, item in enumerate(self._runs.items):
            index = self._runs.index(place, 0)
            found = [index] if wanted.issuperset(item.runs) else []
            if not found:
                children = range(self._runs.rowCount(index))
                found = [self._runs.index(row, 0, index) for row in children if item.runs[row] in wanted]
            for each in found:
                marked.select(each, each)
                last = each if self._runs.item(each).runs[-1] == self._context.selection.primary else last
        self._telling = True
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().select(marked, flags)
        if last.isValid():
            self.selectionModel().setCurrentIndex(last, QItemSelectionModel.SelectionFlag.NoUpdate)
        self._telling = False
        self.viewport().update()

    # ---- rows that come and go --------------------------------------------------------------------------------------

    def _keep_place(self) -> None:
        self._telling = True
        for place, item in enumerate(self._runs.items):
            change = self._expanded.add if self.isExpanded(self._runs.index(place, 0)) else self._expanded.discard
            change(item.key)
        self._scrolled = self.verticalScrollBar().value()

    def _restore_place(self) -> None:
        self._telling = False
        self._color_new()
        for place, item in enumerate(self._runs.items):
            if item.key in self._expanded:
                self.expand(self._runs.index(place, 0))
        self.show_selection()
        self.verticalScrollBar().setValue(self._scrolled)

    def _read_more(self, value: int) -> None:
        """The next page, a screen before it is needed."""
        if value >= self.verticalScrollBar().maximum() - self.viewport().height():
            self._runs.read_more()

    def _color_new(self, *_: object) -> None:
        self._colors.indices([item.row for item in self._runs.items])

    # ---- Qt's -------------------------------------------------------------------------------------------------------

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's; a narrow table keeps four columns at most."""
        super().resizeEvent(event)
        narrow = event.size().width() < self.theme.px(NARROW_WIDTH)
        if narrow != self._narrow:
            self._narrow = narrow
            self._arrange()
        else:
            self._fit()

    @guarded
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Qt's; a hand over links."""
        super().mouseMoveEvent(event)
        point: QPoint = event.position().toPoint()
        index = self.indexAt(point)
        over = index.isValid() and index.column() == PLACE["status"]
        if over and self._status.hits_link(self.visualRect(index), point, self._runs.item(index)):
            self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        else:
            self.viewport().unsetCursor()


#: widths of the four columns of a narrow table but the first, px at scale 100 %
_NARROW_WIDTHS = {"status": 150, "step": 72, "return": 106}
#: the least width of the first one, and which of the others goes first where that leaves too little
_NARROW_NAME, _FIRST_TO_GO = 96, ("step", "status")
