"""The cell that says how far a run is: environment steps, and the part of the budget as a bar."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRect, QRectF, Qt
from PySide6.QtGui import QPainter

from storage import RunState
from ui import format
from ui.live_runs import LiveRuns
from ui.tables.cell import CellDelegate, Index
from ui.tables.run_item import RunItem
from ui.theme import Theme

_BAR = 56
_THICKNESS = 4
_GAP = 9
_TOKENS = {
    RunState.FINISHED: "ok",
    RunState.FAILED: "bad",
    RunState.INTERRUPTED: "warn",
    RunState.STOPPED: "text3",
    RunState.PAUSED: "text2",
    RunState.QUEUED: "text3",
}


class ProgressDelegate(CellDelegate):
    """In a narrow column the number stands alone."""

    def __init__(self, theme: Theme, live: LiveRuns, parent: QObject) -> None:
        super().__init__(theme, parent)
        self._live = live

    def draw(self, painter: QPainter, area: QRect, item: RunItem, index: Index) -> None:
        """Number, bar."""
        px = self.theme.px
        token = "text2" if item.child else "text"
        if area.width() >= px(_BAR + _GAP + 44):
            top = area.center().y() - px(_THICKNESS) / 2 + 1
            self._draw_bar(painter, QRectF(area.right() - px(_BAR) + 1, top, px(_BAR), px(_THICKNESS)), item)
            area = area.adjusted(0, 0, -px(_BAR + _GAP), 0)
        self.write(painter, area, format.count(item.step(self._live)), token, right=True)

    def _draw_bar(self, painter: QPainter, bar: QRectF, item: RunItem) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("hover"))
        painter.drawRoundedRect(bar, bar.height() / 2, bar.height() / 2)
        # Even nothing is a point, so that the bar can be told from an empty cell.
        done = max(item.fraction(self._live) * bar.width(), bar.height())
        painter.setBrush(self.theme.color(_TOKENS.get(item.state, "accent")))
        painter.drawRoundedRect(QRectF(bar.left(), bar.top(), done, bar.height()), bar.height() / 2, bar.height() / 2)
