"""The table of differences: settings and measurements as rows, one column per group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QStyleOptionViewItem

from ui.guard import guarded, guarded_or
from ui.tables.cell import CellDelegate
from ui.tables.run_header import RunHeader
from ui.tables.run_tree import RunTree
from ui.tables.runs_model import ItemRole
from ui.theme import Theme

Index = QModelIndex | QPersistentModelIndex
#: px at scale 100 %: rows, the first column at least, the others at least and at most
_HEIGHT, _FIRST, _LEAST, _MOST = 27, 108, 66, 120


@dataclass(frozen=True)
class DifferenceLine:
    """``cells`` begin with the name; ``changed`` marks those that differ from the first value. Without values it is a
    heading."""

    cells: tuple[str, ...]
    changed: tuple[bool, ...] = ()
    tip: str = ""

    @property
    def heading(self) -> bool:
        """Whether it stands over others."""
        return len(self.cells) == 1


class DifferencesModel(QAbstractTableModel):
    """Lines under the names of the columns."""

    def __init__(self) -> None:
        super().__init__()
        self.columns: tuple[str, ...] = ("",)
        self.lines: tuple[DifferenceLine, ...] = ()

    def show(self, columns: Sequence[str], lines: Sequence[DifferenceLine]) -> None:
        """Other lines; the same ones change nothing."""
        if (tuple(columns), tuple(lines)) == (self.columns, self.lines):
            return
        self.beginResetModel()
        self.columns, self.lines = tuple(columns), tuple(lines)
        self.endResetModel()

    @guarded_or(0)
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Qt's."""
        return 0 if parent.isValid() else len(self.lines)

    @guarded_or(0)
    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Qt's."""
        return 0 if parent.isValid() else len(self.columns)

    @guarded
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's."""
        line, column = self.lines[index.row()], index.column()
        words = line.cells[column] if column < len(line.cells) else ""
        if role == Qt.ItemDataRole.DisplayRole:
            return words
        if role == Qt.ItemDataRole.ToolTipRole:
            return line.tip if not column and line.tip else words
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"Changed: {words}" if _changed(line, column) else words
        return line if role == ItemRole else None

    @guarded
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's."""
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self.columns[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None


def _changed(line: DifferenceLine, column: int) -> bool:
    return bool(column) and column <= len(line.changed) and line.changed[column - 1]


class DifferencesView(RunTree):
    """All columns share what room there is; more of them scroll sideways."""

    def __init__(self, theme: Theme, model: DifferencesModel) -> None:
        super().__init__(theme)
        self._differences = model
        self.setAccessibleName("Differences")
        self.setModel(model)
        header = RunHeader(theme, self)
        self.setHeader(header)
        header.setSectionsMovable(False)
        header.setSectionsClickable(False)
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setItemDelegate(_Cell(theme, self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        model.modelReset.connect(self._renew)

    def _renew(self) -> None:
        for place, line in enumerate(self._differences.lines):
            self.setFirstColumnSpanned(place, QModelIndex(), line.heading)
        self._fit()

    def _rescale(self) -> None:
        self.viewport().update()
        self._fit()

    def _fit(self) -> None:
        if not isinstance(self.model(), DifferencesModel):
            return
        px, others = self.theme.px, max(len(self._differences.columns) - 1, 1)
        room = self.viewport().width()
        each = min(max((room - px(_FIRST)) // others, px(_LEAST)), px(_MOST))
        self.header().resizeSection(0, max(px(_FIRST), room - each * others))
        for place in range(1, len(self._differences.columns)):
            self.header().resizeSection(place, each)

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self._fit()


class _Cell(CellDelegate):
    @guarded_or(QSize(0, _HEIGHT))
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Qt's."""
        return QSize(0, self.theme.px(_HEIGHT))

    def draw(self, painter: QPainter, area: QRect, item: DifferenceLine, index: Index) -> None:  # type: ignore[override]
        """A heading, a name, or a value; what differs from the first value is in the accent."""
        column, words = index.column(), str(index.data())
        if item.heading:
            self.write(painter, area, words, "text2", size=11, weight=600)
        elif not column:
            self.write(painter, area, words)
        else:
            token, weight = ("accent", 500) if _changed(item, column) else ("text2", 400)
            self.write(painter, area, words, token, weight=weight, right=True)
