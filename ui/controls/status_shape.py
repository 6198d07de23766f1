"""The painted shape of a run's state: every state has its own outline, so that nothing is said by colour alone."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from ui.guard import guarded
from ui.theme import Theme

#: state -> token; "silent" is a running one that missed its promised heartbeat, shown but never stored
STATE_TOKENS = {
    "queued": "text3",
    "running": "accent",
    "pausing": "accent",
    "stopping": "accent",
    "silent": "warn",
    "paused": "text2",
    "stopped": "text2",
    "finished": "ok",
    "failed": "bad",
    "interrupted": "warn",
}

#: the shapes are drawn on a square of this many units
_GRID = 14.0


def paint_status(painter: QPainter, area: QRectF, state: str, theme: Theme) -> None:
    """Draw the shape of ``state`` into the square ``area``."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(area.topLeft())
    painter.scale(area.width() / _GRID, area.height() / _GRID)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    colour, ground = theme.color(STATE_TOKENS[state]), theme.color("panel")
    match state:
        case "queued":
            _queued(painter, colour)
        case "paused":
            _paused(painter, colour)
        case "stopped":
            _filled(painter, colour)
            painter.drawRoundedRect(QRectF(2.5, 2.5, 9, 9), 1.5, 1.5)
        case "finished":
            _finished(painter, colour, ground)
        case "failed":
            _failed(painter, colour, ground)
        case "interrupted":
            _interrupted(painter, colour)
        case _:
            _running(painter, colour)
    painter.restore()


def _stroke(colour: QColor, width: float) -> QPen:
    return QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)


def _filled(painter: QPainter, colour: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)


def _points(*pairs: tuple[float, float]) -> QPolygonF:
    return QPolygonF([QPointF(x, y) for x, y in pairs])


def _queued(painter: QPainter, colour: QColor) -> None:
    pen = QPen(colour, 1.5)
    pen.setDashPattern([1.6, 1.6])
    painter.setPen(pen)
    painter.drawEllipse(QRectF(1.5, 1.5, 11, 11))


def _running(painter: QPainter, colour: QColor) -> None:
    faint = QColor(colour)
    faint.setAlphaF(0.3)
    painter.setPen(QPen(faint, 1.8))
    painter.drawEllipse(QRectF(1, 1, 12, 12))
    painter.setPen(_stroke(colour, 1.8))
    painter.drawArc(QRectF(1, 1, 12, 12), 90 * 16, -250 * 16)
    _filled(painter, colour)
    painter.drawPolygon(_points((5.4, 4.3), (10, 7), (5.4, 9.7)))


def _paused(painter: QPainter, colour: QColor) -> None:
    painter.setPen(_stroke(colour, 2.4))
    painter.drawLine(QPointF(4.6, 3), QPointF(4.6, 11))
    painter.drawLine(QPointF(9.4, 3), QPointF(9.4, 11))


def _finished(painter: QPainter, colour: QColor, ground: QColor) -> None:
    _filled(painter, colour)
    painter.drawEllipse(QRectF(1, 1, 12, 12))
    painter.setPen(_stroke(ground, 1.7))
    painter.drawPolyline(_points((4.1, 7.2), (6.3, 9.3), (10, 5)))


def _failed(painter: QPainter, colour: QColor, ground: QColor) -> None:
    _filled(painter, colour)
    angles = [math.pi / 8 + corner * math.pi / 4 for corner in range(8)]
    painter.drawPolygon(_points(*((7 + 6.6 * math.cos(angle), 7 + 6.6 * math.sin(angle)) for angle in angles)))
    painter.setPen(_stroke(ground, 1.7))
    painter.drawLine(QPointF(4.9, 4.9), QPointF(9.1, 9.1))
    painter.drawLine(QPointF(9.1, 4.9), QPointF(4.9, 9.1))


def _interrupted(painter: QPainter, colour: QColor) -> None:
    painter.setPen(_stroke(colour, 1.6))
    painter.drawPolygon(_points((7, 1.4), (13, 12.3), (1, 12.3)))
    painter.drawLine(QPointF(7, 5.6), QPointF(7, 8.4))
    painter.drawPoint(QPointF(7, 10.4))


class StatusShape(QWidget):
    """The shape alone; what it means is its accessible name."""

    def __init__(self, theme: Theme, state: str = "queued", size: int = 14) -> None:
        super().__init__()
        self._theme, self._size = theme, size
        self.state = ""
        self.set_state(state)
        theme.changed.connect(self._rescale)
        self._rescale()

    def set_state(self, state: str) -> None:
        """One of the names of ``STATE_TOKENS``."""
        if state != self.state:
            self.state = state
            self.setAccessibleName(state.capitalize())
            self.update()

    def sizeHint(self) -> QSize:
        """Qt's."""
        side = self._theme.px(self._size)
        return QSize(side, side)

    def _rescale(self) -> None:
        self.setFixedSize(self.sizeHint())
        self.update()

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's."""
        painter = QPainter(self)
        paint_status(painter, QRectF(self.rect()), self.state, self._theme)
        painter.end()
