"""The cell that says what a run is doing: shape, word, detail, and the one sensible thing to do as a link."""

from __future__ import annotations

import time

from PySide6.QtCore import QAbstractItemModel, QEvent, QObject, QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import QStyleOptionViewItem

from ui.controls.status_shape import paint_status
from ui.guard import guarded_or
from ui.live_runs import LiveRuns
from ui.tables.cell import PADDING, CellDelegate, Index
from ui.tables.run_item import RunItem
from ui.tables.run_status import StatusWords, status_words
from ui.tables.runs_model import ItemRole
from ui.theme import Theme

_SHAPE = 14
_GAP = 7


class StatusDelegate(CellDelegate):
    """``linked`` is emitted with the row's item when its link is clicked."""

    linked = Signal(object)

    def __init__(self, theme: Theme, live: LiveRuns, parent: QObject) -> None:
        super().__init__(theme, parent)
        self._live = live

    def draw(self, painter: QPainter, area: QRect, item: RunItem, index: Index) -> None:
        """Shape, word, detail, link."""
        words = status_words(item, self._live, time.time())
        side = self.theme.px(_SHAPE)
        shape = QRectF(area.left(), area.center().y() - side / 2 + 0.5, side, side)
        paint_status(painter, shape, words.shape, self.theme)
        token = "warn" if words.shape == "silent" else "text2" if item.child else "text"
        left = area.left() + side + self.theme.px(_GAP)
        rest = QRect(left, area.top(), area.right() - left, area.height())
        rest.setLeft(left + self.write(painter, rest, words.word, token, weight=500) + self.theme.px(_GAP))
        if words.link:
            link = self.link_area(area, words)
            self.write(painter, link, words.link, "accent", weight=500)
            rest.setRight(link.left() - self.theme.px(_GAP))
        if words.detail:
            self.write(painter, rest, words.detail, "text3", size=11)

    def link_area(self, area: QRect, words: StatusWords) -> QRect:
        """Where the link stands in a cell's content area; where there is little room, the detail gives way."""
        left = area.left() + self.theme.px(_SHAPE + _GAP) + self.width(words.word, weight=500) + self.theme.px(_GAP)
        if words.detail:
            left += self.width(words.detail, 11) + self.theme.px(_GAP)
        width = min(self.width(words.link, weight=500) + 2, area.width())
        return QRect(min(left, area.right() - width), area.top(), width, area.height())

    def hits_link(self, cell: QRect, point: QPoint, item: RunItem) -> bool:
        """Whether a point of the viewport is on the link of the cell ``cell``."""
        words = status_words(item, self._live, time.time())
        pad = self.theme.px(PADDING)
        return bool(words.link) and self.link_area(cell.adjusted(pad, 0, -pad, 0), words).contains(point)

    @guarded_or(False)
    def editorEvent(
        self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: Index
    ) -> bool:
        """Qt's; a click on the link."""
        if isinstance(event, QMouseEvent) and event.button() is Qt.MouseButton.LeftButton:
            item, cell = index.data(ItemRole), option.rect
            if self.hits_link(cell, event.position().toPoint(), item):
                if event.type() is QEvent.Type.MouseButtonRelease:
                    self.linked.emit(item)
                return True
        return False
