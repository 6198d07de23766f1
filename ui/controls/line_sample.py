"""A short piece of a curve, in its colour and dash: what says in a table or legend which line is meant."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter

from ui.theme import SeriesStyle

#: px at scale 100 %
LENGTH = 22


def paint_line_sample(painter: QPainter, area: QRectF, style: SeriesStyle, *, faint: bool = False) -> None:
    """Draw the line through the middle of ``area``; ``faint`` is how single seeds look beside their mean."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(style.pen(alpha=0.65 if faint else 1.0, width=1.5 if faint else 2.0))
    middle = area.center().y()
    painter.drawLine(QPointF(area.left() + 1, middle), QPointF(area.right() - 1, middle))
    painter.restore()
