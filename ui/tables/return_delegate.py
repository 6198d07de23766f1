"""The cell of a return: the mean, and after it the spread over the seeds, quietly."""

from __future__ import annotations

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from ui import format
from ui.tables.cell import CellDelegate, Index
from ui.tables.run_item import RunItem

#: the widest spread that the column keeps room for, so that means stand under each other
_WIDEST = "± 1,888"


class ReturnDelegate(CellDelegate):
    """Means are aligned at their last figure, whether there is a spread or not."""

    def draw(self, painter: QPainter, area: QRect, item: RunItem, index: Index) -> None:
        """Mean and spread."""
        gap = self.theme.px(6)
        spread = format.spread(item.spread)
        room = max(self.width(_WIDEST, 11), self.width(spread, 11) + 2)
        mean = item.mean(lambda row: row.latest_return)
        if mean is None:
            self.write(painter, area, format.MISSING, "text3", right=True)
            return
        token, weight = ("text2", 400) if item.child else ("text", 600)
        left = area.adjusted(0, 0, -room - gap, 0)
        self.write(painter, left, format.number(mean), token, weight=weight, right=True)
        self.write(painter, QRect(left.right() + gap, area.top(), room, area.height()), spread, "text3", size=11)
