"""A tree view that paints its rows as the tables of this window look: hairlines, quiet hover, an accent edge."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import QAbstractItemView, QStyleOptionViewItem, QTreeView, QWidget

from ui.guard import guarded
from ui.theme import Theme

Index = QModelIndex | QPersistentModelIndex
_INDENT = 18
_CHEVRON = 12


class RunTree(QTreeView):
    """Rows of one height; the selected ones have a 2 px edge in the accent at their left."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self._hovered = QPersistentModelIndex()
        self.setUniformRowHeights(True)
        self.setMouseTracking(True)
        self.setExpandsOnDoubleClick(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setFrameShape(QTreeView.Shape.NoFrame)
        theme.changed.connect(self._rescale)
        self._rescale()

    def _rescale(self) -> None:
        self.setIndentation(self.theme.px(_INDENT))
        self.viewport().update()

    @guarded
    def drawRow(self, painter: QPainter, options: QStyleOptionViewItem, index: Index) -> None:
        """Qt's; ground, cells, hairline, edge."""
        area: QRect = options.rect
        selected = self.selectionModel().isRowSelected(index.row(), index.parent())
        row = QRect(0, area.top(), self.viewport().width(), area.height())
        hovered = self._hovered.isValid() and _same_row(self._hovered, index)
        painter.fillRect(row, self.theme.color("select" if selected else "hover" if hovered else "panel"))
        super().drawRow(painter, options, index)
        painter.setPen(self.theme.color("line"))
        painter.drawLine(row.bottomLeft(), row.bottomRight())
        if selected:
            painter.fillRect(QRect(0, row.top(), 2, row.height()), self.theme.color("accent"))
        if self.hasFocus() and _same_row(self.currentIndex(), index) and not (selected and self._alone):
            painter.setPen(self.theme.color("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(row.adjusted(0, 0, -1, -2))

    @property
    def _alone(self) -> bool:
        """Whether one row is selected, so that the edge alone says where the keyboard is."""
        return len(self.selectionModel().selectedRows()) == 1

    @guarded
    def drawBranches(self, painter: QPainter, area: QRect, index: Index) -> None:
        """Qt's; a chevron for what can be unfolded."""
        if not self.model().hasChildren(index):
            return
        side = self.theme.px(_CHEVRON)
        icon = self.theme.icon("down" if self.isExpanded(index) else "right", "text3", _CHEVRON)
        left = area.right() - (self.theme.px(_INDENT) + side) // 2 + 2
        place = QRect(left, area.center().y() - side // 2 + 1, side, side)
        painter.drawPixmap(place, icon.pixmap(QSize(side, side)))

    @guarded
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Qt's; the row under the mouse is marked."""
        super().mouseMoveEvent(event)
        self._hover(self.indexAt(event.position().toPoint()))

    @guarded
    def leaveEvent(self, event: QEvent) -> None:
        """Qt's."""
        super().leaveEvent(event)
        self._hover(QModelIndex())

    def _hover(self, index: QModelIndex) -> None:
        if self._hovered != index:
            self._hovered = QPersistentModelIndex(index)
            self.viewport().update()


def _same_row(one: Index, other: Index) -> bool:
    return one.row() == other.row() and one.parent() == other.parent()
