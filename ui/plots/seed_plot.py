"""Every seed's final return by variant: a dot each, a bar at the mean, and a line that joins a seed's dots."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ui import format as text
from ui.guard import guarded
from ui.plots.ticks import number_ticks
from ui.theme import SeriesStyle, Theme

#: px at scale 100 %: margins, radius of a dot, how near the mouse has to be, half of a mean's bar
_LEFT, _TOP, _RIGHT, _BOTTOM = 48, 26, 10, 30
_DOT, _NEAR, _BAR = 3.5, 8, 11
_AIR = 0.06
_TICKS = 5


@dataclass(frozen=True)
class SeedColumn:
    """One variant: its final return by seed, and their mean."""

    name: str
    finals: Mapping[int, float]
    mean: float | None
    style: SeriesStyle


class SeedPlot(QWidget):
    """What it shows is also its accessible description; the tooltip of a dot names seed and return."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._columns: tuple[SeedColumn, ...] = ()
        self._low, self._high = 0.0, 1.0
        self.setAccessibleName("Final return, each seed")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_columns(self, columns: Sequence[SeedColumn]) -> None:
        """Show these variants."""
        self._columns = tuple(columns)
        values = [value for column in columns for value in column.finals.values()]
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        air = (high - low) * _AIR or abs(high) * _AIR or 1.0
        self._low, self._high = low - air, high + air
        said = (f"{each.name}: {text.number(each.mean)}, n {len(each.finals)}" for each in columns if each.finals)
        self.setAccessibleDescription("; ".join(said))
        self.update()

    def sizeHint(self) -> QSize:
        """Qt's."""
        return QSize(self._theme.px(300), self._theme.px(240))

    def dots(self) -> dict[tuple[int, int], QPointF]:
        """Where each dot stands, by place of the column and seed."""
        return {
            (place, seed): QPointF(self._x(place), self._y(value))
            for place, column in enumerate(self._columns)
            for seed, value in column.finals.items()
        }

    def _room(self) -> QRectF:
        px = self._theme.px
        return QRectF(self.rect()).adjusted(px(_LEFT), px(_TOP), -px(_RIGHT), -px(_BOTTOM))

    def _x(self, place: int) -> float:
        room = self._room()
        return room.left() + (place + 0.5) * room.width() / max(len(self._columns), 1)

    def _y(self, value: float) -> float:
        room = self._room()
        return room.bottom() - (value - self._low) / (self._high - self._low) * room.height()

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self._theme.color("panel"))
        self._paint_axes(painter)
        self._paint_seeds(painter)
        self._paint_columns(painter)
        painter.end()

    def _paint_axes(self, painter: QPainter) -> None:
        theme, room = self._theme, self._room()
        painter.setFont(theme.font(11, 500))
        painter.setPen(theme.color("text"))
        head = QRectF(0, 0, self.width(), theme.px(20))
        painter.drawText(head, int(Qt.AlignmentFlag.AlignVCenter), "Final return, each seed")
        painter.setFont(theme.font(10))
        painter.setPen(theme.color("text3"))
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if self.width() > theme.px(280):
            painter.drawText(head.adjusted(0, 0, -theme.px(_RIGHT), 0), right, "lines join a seed")
        for value, words in number_ticks(self._low, self._high, _TICKS):
            y = self._y(value)
            painter.setPen(QPen(theme.color("ctl" if value == 0 else "grid"), 1))
            painter.drawLine(QPointF(room.left(), y), QPointF(room.right(), y))
            painter.setPen(theme.color("text3"))
            place = QRectF(0, y - theme.px(8), room.left() - theme.px(6), theme.px(16))
            painter.drawText(place, right, words)
        painter.setPen(QPen(theme.color("line"), 1))
        painter.drawLine(room.topLeft(), room.bottomLeft())
        painter.drawLine(room.bottomLeft(), room.bottomRight())

    def _paint_seeds(self, painter: QPainter) -> None:
        painter.setPen(QPen(self._theme.color("text3", 0.6), 1))
        dots = self.dots()
        for seed in sorted({seed for _, seed in dots}):
            line = [dots[place, seed] for place in range(len(self._columns)) if (place, seed) in dots]
            for one, other in itertools.pairwise(line):
                painter.drawLine(one, other)

    def _paint_columns(self, painter: QPainter) -> None:
        theme, room = self._theme, self._room()
        dots, width = self.dots(), room.width() / max(len(self._columns), 1)
        font = theme.font(10)
        metrics = QFontMetrics(font)
        for place, column in enumerate(self._columns):
            x = self._x(place)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(column.style.line)
            for (where, _), dot in dots.items():
                if where == place:
                    painter.drawEllipse(dot, theme.scale * _DOT, theme.scale * _DOT)
            if column.mean is not None:
                half, y = min(theme.px(_BAR), width / 2 - 2), self._y(column.mean)
                painter.drawRect(QRectF(x - half, y - 1.5, 2 * half, 3))
            painter.setFont(font)
            painter.setPen(theme.color("text2"))
            words = metrics.elidedText(column.name, Qt.TextElideMode.ElideRight, int(width) - 4)
            area = QRectF(x - width / 2, room.bottom() + theme.px(4), width, theme.px(16))
            painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), words)

    def tip_at(self, at: QPointF) -> str:
        """What stands at a point: a dot's variant, seed and return, or a variant's name."""
        near = self._theme.px(_NEAR)
        for (place, seed), dot in self.dots().items():
            if (dot - at).manhattanLength() <= near:
                column = self._columns[place]
                return f"{column.name}, seed {seed}: {text.number(column.finals[seed])}"
        room = self._room()
        place = int((at.x() - room.left()) / room.width() * len(self._columns)) if room.width() > 0 else -1
        inside = at.y() > room.bottom() and 0 <= place < len(self._columns)
        return self._columns[place].name if inside else ""

    def event(self, event: QEvent) -> bool:
        """Qt's; tooltips of the dots."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            words = self.tip_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().event(event)
