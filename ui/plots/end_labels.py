"""Names at the ends of curves, pushed apart where they would overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from ui.guard import guarded

#: px between the end of a curve and its name; the longest name is cut to this
GAP = 7
LONGEST = 130


@dataclass(frozen=True, slots=True)
class EndLabel:
    """A name in its curve's colour, at the data position (x, y) of the curve's end."""

    x: float
    y: float
    text: str
    color: QColor


def pushed_apart(wanted: Sequence[float], room: float, low: float, high: float) -> list[float]:
    """Positions at least ``room`` apart and as near to the wanted ones as a cluster allows, inside [low, high].

    Neighbours that are too close form a cluster around the mean of what they want; clusters that meet are merged. Where
    there is not room for all, the distance shrinks evenly.
    """
    count = len(wanted)
    if not count:
        return []
    room = min(room, (high - low) / max(count - 1, 1))
    order = sorted(range(count), key=lambda index: wanted[index])
    clusters: list[tuple[float, list[int]]] = []
    for index in order:
        members = [index]
        while True:
            half = room * (len(members) - 1) / 2
            middle = sum(wanted[member] for member in members) / len(members)
            middle = min(max(middle, low + half), high - half)
            if not clusters:
                break
            before, others = clusters[-1]
            if middle - half - (before + room * (len(others) - 1) / 2) >= room:
                break
            clusters.pop()
            members = others + members
        clusters.append((middle, members))
    placed = [0.0] * count
    for middle, members in clusters:
        for place, member in enumerate(members):
            placed[member] = middle + room * (place - (len(members) - 1) / 2)
    return placed


def overlapping(lefts: Sequence[float], widths: Sequence[float]) -> list[list[int]]:
    """The numbers of names that stand over the same part of x, together; chains of overlaps are one group."""
    groups: list[list[int]] = []
    right = float("-inf")
    for number in sorted(range(len(lefts)), key=lambda n: lefts[n]):
        if lefts[number] < right and groups:
            groups[-1].append(number)
        else:
            groups.append([number])
        right = max(right, lefts[number] + widths[number])
    return groups


class EndLabels(pg.GraphicsObject):
    """All the names of one plot; a child of the view, drawn in its pixels."""

    def __init__(self, view: pg.ViewBox) -> None:
        super().__init__(view)
        self._view = view
        self._labels: Sequence[EndLabel] = ()
        self._font = QFont()
        self._ground = QColor()
        self.setZValue(40)

    def set_labels(self, labels: Sequence[EndLabel], font: QFont, ground: QColor) -> None:
        """Replace the names; ``ground`` is painted under them, where they stand over other curves."""
        self._labels, self._font, self._ground = labels, font, ground
        self.update()

    def width(self) -> float:
        """Room in px that the longest name needs beyond its curve's end."""
        metrics = QFontMetricsF(self._font)
        widths = [metrics.horizontalAdvance(label.text) for label in self._labels]
        return min(max(widths), LONGEST) + GAP + 4 if widths else 0.0

    def boundingRect(self) -> QRectF:
        """Qt's."""
        return QRectF(self._view.boundingRect())

    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Qt's; names whose curve ends out of sight, or too near to the right edge, are left out."""
        room = self._view.boundingRect()
        metrics = QFontMetricsF(self._font)
        shown: list[tuple[QPointF, str, QColor]] = []
        for label in self._labels:
            at = self._view.mapFromView(QPointF(label.x, label.y))
            text = metrics.elidedText(label.text, Qt.TextElideMode.ElideRight, LONGEST)
            fits = at.x() + GAP + metrics.horizontalAdvance(text) <= room.right() + 1
            if fits and at.x() >= room.left() and room.top() <= at.y() <= room.bottom():
                shown.append((at, text, label.color))
        painter.setFont(self._font)
        widths = [metrics.horizontalAdvance(text) + GAP for _, text, _ in shown]
        for beside in overlapping([at.x() for at, _, _ in shown], widths):
            self._paint(painter, [shown[number] for number in beside], metrics, room)

    def _paint(
        self, painter: QPainter, shown: list[tuple[QPointF, str, QColor]], metrics: QFontMetricsF, room: QRectF
    ) -> None:
        half = metrics.height() / 2
        heights = [at.y() for at, _, _ in shown]
        places = pushed_apart(heights, metrics.height(), room.top() + half, room.bottom() - half)
        for (at, text, color), y in zip(shown, places, strict=True):
            width = metrics.horizontalAdvance(text)
            painter.fillRect(QRectF(at.x() + GAP - 2, y - half, width + 4, metrics.height()), self._ground)
            painter.setPen(color)
            painter.drawText(QPointF(at.x() + GAP, y + metrics.ascent() - half), text)
