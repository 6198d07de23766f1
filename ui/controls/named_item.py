"""Items of a list that have a name and a line of words below it."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QIcon, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ui.guard import guarded
from ui.theme import Theme


class NamedItemDelegate(QStyledItemDelegate):
    """Paints ``name\\nwords`` and the item's icon; the chosen one has the accent's edge."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme

    @guarded
    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Qt's."""
        theme, area = self._theme, QRect(option.rect)
        state = option.state
        name, _, words = str(index.data()).partition("\n")
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        if chosen or state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(area, theme.color("select" if chosen else "hover"))
        if chosen:
            painter.fillRect(QRect(area.x(), area.y(), 2, area.height()), theme.color("accent"))
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(theme.color("accent"))
            painter.drawRoundedRect(QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        inner = area.adjusted(theme.px(10), theme.px(7), -theme.px(8), -theme.px(5))
        icon = index.data(Qt.ItemDataRole.DecorationRole)
        if isinstance(icon, QIcon):
            side = theme.px(16)
            icon.paint(painter, QRect(inner.x(), inner.y(), side, side))
        inner.setLeft(inner.left() + theme.px(26))
        self._write(painter, inner, name, words)
        painter.restore()

    def _write(self, painter: QPainter, area: QRect, name: str, words: str) -> None:
        theme, left = self._theme, Qt.AlignmentFlag.AlignLeft
        font = theme.font(12, 600)
        painter.setFont(font)
        painter.setPen(theme.color("text"))
        metrics = QFontMetrics(font)
        painter.drawText(area, left, metrics.elidedText(name, Qt.TextElideMode.ElideRight, area.width()))
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("text2"))
        area.setTop(area.top() + metrics.height() + 1)
        painter.drawText(area, left | Qt.TextFlag.TextWordWrap, words)
