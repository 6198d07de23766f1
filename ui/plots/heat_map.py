"""A heat map of latent coordinates over the steps of a rollout, with its limits beside its title and a time cursor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ui import format
from ui.guard import guarded, guarded_or
from ui.plots import ticks
from ui.plots.heat_colors import color_table
from ui.theme import Theme

Values = NDArray[np.float32]

_TITLE, _LEFT, _BOTTOM = 20, 30, 32
_BAR, _BAR_HEIGHT = 54, 8


class HeatMap(QWidget):
    """Rows are coordinates in the order given, columns are steps. Clicks, drags and arrow keys ask for a step.

    Where ``title`` has no room, what stands before its colon is enough. ``across`` says what the columns are.
    """

    sought = Signal(int)  # steps from the start

    def __init__(
        self, theme: Theme, title: str, *, signed: bool, rows_named: bool, across: str = "Steps from the start"
    ) -> None:
        super().__init__()
        self._across = across
        self._names: Sequence[str] = ()
        self._theme, self._title, self._signed, self._rows_named = theme, title, signed, rows_named
        self._values: Values = np.zeros((0, 0), np.float32)
        self._order: NDArray[np.int64] = np.zeros(0, np.int64)
        self._limit, self._cursor = 1.0, -1
        self._pixels: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
        self._image = QImage()
        self._bar = QImage()
        self.setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self._repaint)
        self._repaint()

    def show_values(self, values: Values, order: NDArray[np.int64], limit: float, steps: int) -> None:
        """``values`` [n, L] over the first n of ``steps`` + 1 steps; ``order`` [L] lists the coordinates from the top.

        Colours end at ``limit``, and with a sign at its negative.
        """
        self._values, self._order, self._limit = values, order, max(limit, 1e-12)
        scaled = values[:, order].T / self._limit
        levels = (scaled + 1.0) * 127.5 if self._signed else scaled * 255.0
        self._pixels = np.zeros((len(order), steps + 1), np.uint8)
        self._pixels[:] = 127 if self._signed else 0
        self._pixels[:, : values.shape[0]] = np.clip(np.nan_to_num(levels), 0, 255).astype(np.uint8)
        self._draw()

    def name_rows(self, names: Sequence[str]) -> None:
        """Names of the coordinates, where they have better ones than z1, z2, ..."""
        self._names = names
        self.update()

    def _row_name(self, coordinate: int) -> str:
        return self._names[coordinate] if coordinate < len(self._names) else f"z{coordinate + 1}"

    def show_cursor(self, step: int | None) -> None:
        """Put the cursor on a step from the start; None: it is elsewhere."""
        at = -1 if step is None else step
        if at != self._cursor:
            self._cursor = at
            self.update()

    def _draw(self) -> None:
        height, width = self._pixels.shape
        pixels = np.ascontiguousarray(self._pixels)
        self._image = QImage(pixels.tobytes(), width, height, width, QImage.Format.Format_Indexed8).copy()
        self._image.setColorTable(self._colors)
        self.update()

    def _repaint(self) -> None:
        self._colors = color_table(self._theme, signed=self._signed)
        ramp = QImage(bytes(range(256)), 256, 1, 256, QImage.Format.Format_Indexed8).copy()
        ramp.setColorTable(self._colors)
        self._bar = ramp
        if self._pixels.size:
            self._draw()

    # ---- geometry ---------------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Qt's."""
        return QSize(260, self._theme.px(220))

    def minimumSizeHint(self) -> QSize:
        """Qt's."""
        return QSize(90, self._theme.px(110))

    def _area(self) -> QRectF:
        px = self._theme.px
        left: float = px(_LEFT) if self._rows_named else 2
        if self._names:
            metrics = QFontMetricsF(self._theme.font(10))
            left = max(metrics.horizontalAdvance(name) for name in self._names) + 7
        return QRectF(left, px(_TITLE), max(self.width() - left - 4, 1), max(self.height() - px(_TITLE + _BOTTOM), 1))

    @property
    def _columns(self) -> int:
        return int(self._pixels.shape[1]) if self._pixels.ndim == 2 else 0

    def _step_at(self, x: float) -> int:
        area = self._area()
        column = int((x - area.left()) / area.width() * self._columns)
        return min(max(column, 0), max(self._columns - 1, 0))

    # ---- painting ---------------------------------------------------------------------------------------------------

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's."""
        painter = QPainter(self)
        self._paint_title(painter)
        area = self._area()
        if self._columns:
            painter.drawImage(area, self._image)
            self._paint_ticks(painter, area)
            self._paint_cursor(painter, area)
        if self.hasFocus():
            painter.setPen(QPen(self._theme.color("accent"), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.end()

    def _paint_title(self, painter: QPainter) -> None:
        theme, px = self._theme, self._theme.px
        painter.setFont(theme.font(10))
        metrics = QFontMetricsF(theme.font(10))
        high = format.number(self._limit)
        low = f"{format.MINUS}{high}" if self._signed else "0"
        y = px(13)
        right = self.width() - 4 - metrics.horizontalAdvance(high)
        bar = QRectF(right - 4 - px(_BAR), y - px(_BAR_HEIGHT), px(_BAR), px(_BAR_HEIGHT))
        left = bar.left() - 4 - metrics.horizontalAdvance(low)
        title_font = theme.font(11, 600)
        begin = 2.0
        room = left - begin - 8
        if room > px(40):
            painter.setPen(theme.color("text2"))
            painter.drawText(QPointF(right, y), high)
            painter.drawText(QPointF(left, y), low)
            painter.drawImage(bar, self._bar)
        else:
            room = self.width() - begin
        painter.setFont(title_font)
        painter.setPen(theme.color("text"))
        bold = QFontMetricsF(title_font)
        whole = bold.horizontalAdvance(self._title) <= room
        title = self._title if whole else self._title.partition(":")[0]
        words = bold.elidedText(title, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QPointF(begin, y), words)

    def _paint_ticks(self, painter: QPainter, area: QRectF) -> None:
        theme, px = self._theme, self._theme.px
        font = theme.font(10)
        metrics = QFontMetricsF(font)
        painter.setFont(font)
        painter.setPen(theme.color("text2"))
        last = self._columns - 1
        most = max(2, int(area.width() // px(48)))
        for value, words in ticks.number_ticks(0, last, min(most, 6)) if last else [(0.0, "0")]:
            x = area.left() + (value + 0.5) / self._columns * area.width()
            width = metrics.horizontalAdvance(words)
            left = min(max(x - width / 2, 0), self.width() - width)
            painter.drawText(QPointF(left, area.bottom() + px(12)), words)
        painter.setPen(theme.color("text3"))
        title = self._across
        if metrics.horizontalAdvance(title) < area.width():
            painter.drawText(
                QPointF(area.center().x() - metrics.horizontalAdvance(title) / 2, area.bottom() + px(26)), title
            )
        if not self._rows_named:
            return
        painter.setPen(theme.color("text2"))
        rows = len(self._order)
        every = max(1, int(np.ceil(rows * metrics.height() / max(area.height(), 1))))
        for row in range(0, rows, every if every == 1 else max(every, rows // 6)):
            y = area.top() + (row + 0.5) / rows * area.height() + metrics.ascent() / 2 - 1
            words = self._row_name(int(self._order[row]))
            painter.drawText(QPointF(area.left() - metrics.horizontalAdvance(words) - 5, y), words)

    def _paint_cursor(self, painter: QPainter, area: QRectF) -> None:
        if not 0 <= self._cursor < self._columns:
            return
        x = round(area.left() + (self._cursor + 0.5) / self._columns * area.width())
        ends = QPointF(x + 0.5, area.top()), QPointF(x + 0.5, area.bottom())
        for token, width in (("panel", 3), ("text", 1)):
            painter.setPen(QPen(self._theme.color(token), width))
            painter.drawLine(*ends)

    # ---- the mouse --------------------------------------------------------------------------------------------------

    @guarded
    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Qt's."""
        self._seek(event)

    @guarded
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Qt's."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._seek(event)

    def _seek(self, event: QMouseEvent) -> None:
        if self._columns and event.buttons() & Qt.MouseButton.LeftButton:
            self.sought.emit(self._step_at(event.position().x()))
        event.accept()

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's; Left and Right move the time cursor, with Shift by ten."""
        way = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if way is None or not self._columns:
            super().keyPressEvent(event)
            return
        by = way * (10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
        self.sought.emit(min(max(max(self._cursor, 0) + by, 0), self._columns - 1))

    @guarded_or(False)
    def event(self, event: QEvent) -> bool:
        """Qt's; a tooltip says which coordinate and value the mouse is on."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._columns:
            QToolTip.showText(event.globalPos(), self.reading(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def reading(self, at: QPointF) -> str:
        """The value at a place of the widget in words; empty beside the map and where nothing is known yet."""
        area = self._area()
        step = self._step_at(at.x())
        if not area.contains(at) or step >= len(self._values):
            return ""
        coordinate = int(self._order[int((at.y() - area.top()) / area.height() * len(self._order))])
        return f"{self._row_name(coordinate)}, step {step}: {format.number(float(self._values[step, coordinate]))}"
