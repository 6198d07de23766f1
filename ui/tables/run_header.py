"""The head of the run table: quiet words, the sorted column in the main colour with an arrow."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QHeaderView, QWidget

from ui.guard import guarded
from ui.tables.cell import PADDING
from ui.theme import Theme

#: px at scale 100 %
HEIGHT = 30


class RunHeader(QHeaderView):
    """Columns can be moved, all but the first."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._theme = theme
        self.setSectionsClickable(True)
        self.setSectionsMovable(True)
        self.setFirstSectionMovable(False)
        self.setHighlightSections(False)
        self.setStretchLastSection(False)
        self.setMinimumSectionSize(40)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        theme.changed.connect(self._rescale)
        self._rescale()

    def _rescale(self) -> None:
        self.setFixedHeight(self._theme.px(HEIGHT))

    @guarded
    def paintSection(self, painter: QPainter, area: QRect, section: int) -> None:
        """Qt's."""
        theme, model = self._theme, self.model()
        sorted_by = self.isSortIndicatorShown() and self.sortIndicatorSection() == section
        font = theme.font(11, 500 if sorted_by else 400)
        pad = theme.px(PADDING)
        alignment = model.headerData(section, Qt.Orientation.Horizontal, Qt.ItemDataRole.TextAlignmentRole)
        words = str(model.headerData(section, Qt.Orientation.Horizontal))
        if sorted_by:
            words += " ↑" if self.sortIndicatorOrder() is Qt.SortOrder.AscendingOrder else " ↓"
        painter.save()
        painter.fillRect(area, theme.color("panel"))
        painter.setPen(theme.color("line"))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setFont(font)
        painter.setPen(theme.color("text" if sorted_by else "text3"))
        inner = area.adjusted(pad, 0, -pad, 0)
        elided = QFontMetrics(font).elidedText(words, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, int(alignment), elided)
        painter.restore()
