"""What sliders share that go where they are clicked: telling only what the user does, the mouse, the ring of focus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QSlider

from ui.guard import guarded
from ui.theme import Theme


class SeekSlider(QSlider):
    """``sought`` is emitted with the value to which the user moved it."""

    sought = Signal(int)

    def __init__(self, theme: Theme, name: str, page: int) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._theme = theme
        self._silent = False
        self.setAccessibleName(name)
        self.setRange(0, 0)
        self.setSingleStep(1)
        self.setPageStep(page)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.valueChanged.connect(self._tell)
        theme.changed.connect(self.update)

    def _value_at(self, x: float) -> int:
        """The value that lies at or nearest to ``x`` px from the left."""
        raise NotImplementedError

    @contextmanager
    def _silently(self) -> Iterator[None]:
        """Meanwhile changes are not the user's."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False

    def _tell(self, value: int) -> None:
        if not self._silent:
            self.sought.emit(value)

    @guarded
    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Qt's."""
        if event.button() is Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.setValue(self._value_at(event.position().x()))
            event.accept()

    @guarded
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Qt's."""
        if self.isSliderDown():
            self.setValue(self._value_at(event.position().x()))
            event.accept()

    @guarded
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Qt's."""
        self.setSliderDown(False)
        event.accept()

    def _paint_focus(self, painter: QPainter) -> None:
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.color("accent"), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
