"""How the mouse moves a curve plot: wheel and box zoom, drag to pan."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal

from ui.guard import guarded

#: px below which one side of a box counts as a slip of the hand, and only the other is zoomed
_SLIP = 8


class CurveView(pg.ViewBox):
    """Wheel: x (with Ctrl: y) around the mouse. Drag: box. Shift or middle button and drag: pan. Click: cursor.

    What the user changes is told by ``moved`` ("x", "y" or "xy"); everything else sets the range in silence.
    """

    moved = Signal(str)
    clicked = Signal(float)

    def __init__(self) -> None:
        super().__init__(enableMenu=False, defaultPadding=0.0)
        self.disableAutoRange()

    @guarded
    def wheelEvent(self, ev: Any, axis: int | None = None) -> None:
        """Qt's; over an axis only that one is zoomed."""
        if axis is None:
            axis = 1 if ev.modifiers() & Qt.KeyboardModifier.ControlModifier else 0
        factor = 1.02 ** (ev.delta() * self.state["wheelScaleFactor"])
        self.scaleBy([factor, None] if axis == 0 else [None, factor], pg.Point(self.mapToView(ev.pos())))
        ev.accept()
        self.moved.emit("xy"[axis])

    @guarded
    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        """pyqtgraph's."""
        ev.accept()
        pans = bool(ev.modifiers() & Qt.KeyboardModifier.ShiftModifier) or axis is not None
        if ev.button() is Qt.MouseButton.LeftButton and not pans:
            self._drag_box(ev)
            return
        by = self.mapToView(ev.lastPos()) - self.mapToView(ev.pos())
        x = by.x() if axis in (None, 0) else None
        y = by.y() if axis == 1 or (axis is None and ev.button() is not Qt.MouseButton.LeftButton) else None
        self.translateBy(x=x, y=y)
        self.moved.emit(("x" if x is not None else "") + ("y" if y is not None else ""))

    def _drag_box(self, ev: Any) -> None:
        begin, now = QPointF(ev.buttonDownPos()), QPointF(ev.pos())
        wide, tall = abs(now.x() - begin.x()) >= _SLIP, abs(now.y() - begin.y()) >= _SLIP
        room = self.boundingRect()
        if wide and not tall:
            begin.setY(room.top())
            now.setY(room.bottom())
        elif tall and not wide:
            begin.setX(room.left())
            now.setX(room.right())
        if not ev.isFinish():
            self.rbScaleBox.setVisible(wide or tall)
            self.updateScaleBox(begin, now)
            return
        self.rbScaleBox.hide()
        if not (wide or tall):
            return
        box = QRectF(self.mapToView(begin), self.mapToView(now)).normalized()
        if wide:
            self.setXRange(box.left(), box.right(), padding=0)
        if tall:
            self.setYRange(box.top(), box.bottom(), padding=0)
        self.moved.emit(("x" if wide else "") + ("y" if tall else ""))

    @guarded
    def mouseClickEvent(self, ev: Any) -> None:
        """pyqtgraph's."""
        if ev.button() is Qt.MouseButton.LeftButton:
            ev.accept()
            self.clicked.emit(self.mapToView(ev.pos()).x())
