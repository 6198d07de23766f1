"""A table of words without order or editing: settings, events, files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QKeyEvent, QKeySequence, QPainter, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication, QStyledItemDelegate, QStyleOptionViewItem

from ui.guard import guarded, guarded_or
from ui.tables.run_header import RunHeader
from ui.tables.run_tree import RunTree
from ui.theme import Theme

Index = QModelIndex | QPersistentModelIndex
_HEIGHT = 26
_PADDING = 8
#: px at scale 100 % that the column without a width has before hints give way to it
_LEAST = 120
_MARK = 3


@dataclass(frozen=True)
class PlainColumn:
    """``width`` in px at scale 100 %, 0 for what the others leave; a ``quiet`` column has the colour of hints."""

    title: str
    width: int
    figures: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class PlainRow:
    """``changed`` puts the accent mark before it; ``token`` colours its words; ``subject`` is what it stands for."""

    cells: tuple[str, ...]
    changed: bool = False
    token: str = "text"
    subject: Any = None


class PlainModel(QAbstractTableModel):
    """The rows as they are."""

    def __init__(self, columns: Sequence[PlainColumn]) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self.rows: list[PlainRow] = []

    def show(self, rows: Sequence[PlainRow]) -> None:
        """Other rows; where they only go on, the old ones stay where they are."""
        old = len(self.rows)
        if len(rows) > old and list(rows[:old]) == self.rows:
            self.beginInsertRows(QModelIndex(), old, len(rows) - 1)
            self.rows = list(rows)
            self.endInsertRows()
        elif list(rows) != self.rows:
            self.beginResetModel()
            self.rows = list(rows)
            self.endResetModel()

    @guarded_or(0)
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Qt's."""
        return 0 if parent.isValid() else len(self.rows)

    @guarded_or(0)
    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Qt's."""
        return 0 if parent.isValid() else len(self.columns)

    @guarded
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's."""
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.cells[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            told = zip(self.columns, row.cells, strict=False)
            return "\n".join(f"{column.title}: {cell}" for column, cell in told if cell)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ("Changed: " if row.changed and not index.column() else "") + row.cells[index.column()]
        return row if role == Qt.ItemDataRole.UserRole else None

    @guarded
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's."""
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column.figures else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None


class PlainTable(RunTree):
    """Rows can be selected and copied as text."""

    def __init__(self, theme: Theme, name: str, columns: Sequence[PlainColumn]) -> None:
        super().__init__(theme)
        self.setAccessibleName(name)
        self.plain = PlainModel(columns)
        self.setModel(self.plain)
        header = RunHeader(theme, self)
        header.setSectionsMovable(False)
        self.setHeader(header)
        header.setSectionsClickable(False)
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setItemDelegate(_PlainCell(theme, self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)

    def show_rows(self, rows: Sequence[PlainRow]) -> None:
        """Show these."""
        at_end = self.verticalScrollBar().value() == self.verticalScrollBar().maximum()
        grows = len(rows) > len(self.plain.rows) > 0
        self.plain.show(rows)
        if at_end and grows:
            self.scrollToBottom()

    def _rescale(self) -> None:
        self.viewport().update()
        self._fit()

    def _fit(self) -> None:
        if not isinstance(self.model(), PlainModel):
            return
        columns, width, px = self.plain.columns, self.viewport().width(), self.theme.px
        shown = list(range(len(columns)))
        least = px(_LEAST)
        # Where there is little room the hints go, the last first; a cell's tip tells what is not in sight.
        for place in reversed([place for place in shown if columns[place].quiet]):
            if sum(px(columns[each].width) for each in shown) + least > width:
                shown.remove(place)
        given = sum(px(columns[place].width) for place in shown)
        share = min(1.0, max(width - least, width / 2) / max(given, 1))
        for place, column in enumerate(columns):
            self.setColumnHidden(place, place not in shown)
            fixed = int(share * px(column.width))
            self.header().resizeSection(place, fixed or max(width - int(share * given), 1))

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self._fit()

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's; copies the selected rows."""
        if event.matches(QKeySequence.StandardKey.Copy):
            places = sorted(index.row() for index in self.selectionModel().selectedRows())
            QApplication.clipboard().setText("\n".join("\t".join(self.plain.rows[place].cells) for place in places))
        else:
            super().keyPressEvent(event)


class _PlainCell(QStyledItemDelegate):
    def __init__(self, theme: Theme, parent: PlainTable) -> None:
        super().__init__(parent)
        self._theme, self._columns = theme, parent.plain.columns

    @guarded_or(QSize(0, _HEIGHT))
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Qt's."""
        return QSize(0, self._theme.px(_HEIGHT))

    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Qt's."""
        theme, row, area = self._theme, index.data(Qt.ItemDataRole.UserRole), option.rect
        column = self._columns[index.column()]
        painter.save()
        if row.changed and not index.column():
            painter.fillRect(QRect(area.left(), area.top() + 6, _MARK, area.height() - 12), theme.color("accent"))
        font = theme.font(12, 500 if row.changed and not column.quiet else 400)
        token = "text3" if column.quiet else row.token
        pad = theme.px(_PADDING)
        inner = area.adjusted(pad, 0, -pad, 0)
        words = " ".join(row.cells[index.column()].split("\n"))
        shown = QFontMetrics(font).elidedText(words, Qt.TextElideMode.ElideRight, inner.width())
        painter.setFont(font)
        painter.setPen(theme.color(token))
        side = Qt.AlignmentFlag.AlignRight if column.figures else Qt.AlignmentFlag.AlignLeft
        painter.drawText(inner, int(side | Qt.AlignmentFlag.AlignVCenter), shown)
        painter.restore()
