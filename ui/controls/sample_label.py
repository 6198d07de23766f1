"""Words behind a piece of the line that they name."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.controls.line_sample import LENGTH, paint_line_sample
from ui.guard import guarded
from ui.theme import SeriesStyle, Theme

_GAP = 6


class SampleLabel(QWidget):
    """One entry of a legend: the line of series ``number`` (None: what is told apart by no series, grey) and ``words``.

    ``solid`` is for a series that is drawn without its dash.
    """

    def __init__(self, theme: Theme, number: int | None, words: str, *, solid: bool = False) -> None:
        super().__init__()
        self._theme, self._number, self._words, self._solid = theme, number, words, solid
        self.setAccessibleName(words)
        self.setToolTip(words)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.updateGeometry)

    @property
    def words(self) -> str:
        """What stands beside the line."""
        return self._words

    def set_words(self, words: str) -> None:
        """Other words."""
        if words != self._words:
            self._words = words
            self.setAccessibleName(words)
            self.setToolTip(words)
            self.updateGeometry()
            self.update()

    def _style(self) -> SeriesStyle:
        if self._number is None:
            grey = self._theme.color("text3")
            return SeriesStyle(grey, grey, None, "o")
        style = self._theme.series(self._number)
        return replace(style, dash=None) if self._solid else style

    def sizeHint(self) -> QSize:
        """Qt's."""
        metrics = QFontMetrics(self._theme.font(11))
        width = self._theme.px(LENGTH) + _GAP + metrics.horizontalAdvance(self._words)
        return QSize(width + 2, metrics.height() + 2)

    def minimumSizeHint(self) -> QSize:
        """Qt's; the line alone is enough."""
        return QSize(self._theme.px(LENGTH), self.sizeHint().height())

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's."""
        theme, length = self._theme, self._theme.px(LENGTH)
        painter = QPainter(self)
        paint_line_sample(painter, QRectF(0, 0, length, self.height()), self._style())
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("text2"))
        metrics = QFontMetrics(theme.font(11))
        room = self.width() - length - _GAP
        words = metrics.elidedText(self._words, Qt.TextElideMode.ElideRight, room)
        painter.drawText(length + _GAP, (self.height() + metrics.ascent() - metrics.descent()) // 2, words)
        painter.end()
