"""The plain cell of a table, and what painted cells share: fonts, paddings, elided text."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from ui.guard import guarded, guarded_or
from ui.tables.run_item import RunItem
from ui.tables.runs_model import ItemRole
from ui.theme import Theme

Index = QModelIndex | QPersistentModelIndex
#: px at scale 100 %
ROW_HEIGHT = 30
PADDING = 8


class CellDelegate(QStyledItemDelegate):
    """Text of one line, aligned as the model says; the row's ground is the view's business."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self.theme = theme
        self._fonts: dict[tuple[int, int], QFont] = {}
        theme.changed.connect(self._fonts.clear)

    def font(self, size: int = 12, weight: int = 400) -> QFont:
        """The theme's font; kept, because cells are painted often."""
        if (size, weight) not in self._fonts:
            self._fonts[size, weight] = self.theme.font(size, weight)
        return self._fonts[size, weight]

    def write(
        self,
        painter: QPainter,
        area: QRect,
        text: str,
        token: str = "text",
        *,
        size: int = 12,
        weight: int = 400,
        right: bool = False,
    ) -> int:
        """Draw as much of the text as fits; returns the width that it takes, in px."""
        font = self.font(size, weight)
        metrics = QFontMetrics(font)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        painter.setFont(font)
        painter.setPen(self.theme.color(token))
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        painter.drawText(area, int(side | Qt.AlignmentFlag.AlignVCenter), shown)
        return metrics.horizontalAdvance(shown)

    def width(self, text: str, size: int = 12, weight: int = 400) -> int:
        """The px that a text takes."""
        return QFontMetrics(self.font(size, weight)).horizontalAdvance(text)

    @guarded_or(QSize(0, ROW_HEIGHT))
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Qt's."""
        return QSize(0, self.theme.px(ROW_HEIGHT))

    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Qt's."""
        pad = self.theme.px(PADDING)
        painter.save()
        item = index.data(ItemRole)
        self.draw(painter, option.rect.adjusted(pad, 0, -pad, 0), item, index)
        painter.restore()

    def draw(self, painter: QPainter, area: QRect, item: RunItem, index: Index) -> None:
        """Draw the cell's content into ``area``."""
        text = str(index.data())
        right = bool(index.data(Qt.ItemDataRole.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight)
        self.write(painter, area, text, "text2" if item.child else "text", right=right)
