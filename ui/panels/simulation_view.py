"""The picture of a simulation: what is read off it painted over it, the mouse for the camera, the keys of MuJoCo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.guard import guarded
from ui.render_thread import Picture, RenderThread
from ui.theme import Theme

if TYPE_CHECKING:
    from workbench.environments.scene import Overlay, SceneRenderer

_RADIUS = 5
_MARGIN = 9
#: px that the figures take at least, so that their ground does not flicker with their digits
_FIGURES = 148
#: milliseconds without a picture until the view says that it is at it
_PATIENCE = 300
#: part of the distance that one notch of the wheel comes closer
_NOTCH = 0.05
_OVERLAYS: dict[int, Overlay] = {
    Qt.Key.Key_C: "contacts",
    Qt.Key.Key_F: "forces",
    Qt.Key.Key_J: "joints",
    Qt.Key.Key_T: "transparent",
}
_GROUPS = 6
_HELP = (
    "Drag turns, Shift+drag shifts, the wheel zooms, double-click looks at a point, Ctrl+double-click follows a body. "
    "Space runs or pauses, Left and Right go frame by frame, Backspace goes to the beginning."
)


@dataclass(frozen=True)
class Readout:
    """What is painted over a picture: lines at its upper left, names with values at its upper right."""

    lines: tuple[str, ...]
    figures: tuple[tuple[str, str], ...] = ()


class SimulationView(QWidget):
    """Shows the pictures of a :class:`RenderThread`; every moment's ``about`` is a :class:`Readout`."""

    toggled = Signal()  # run or pause
    restarted = Signal()
    stepped = Signal(int)  # frames
    speed_changed = Signal(int)  # -1 slower, 1 faster

    def __init__(self, theme: Theme, renderer: RenderThread) -> None:
        super().__init__()
        self._theme, self._renderer = theme, renderer
        self._picture: Picture | None = None
        self._image = QImage()
        self._has_camera = False
        self._pressed: QPointF | None = None
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE)
        self._patience.timeout.connect(self.update)
        self._patience.start()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Simulation")
        self.setAccessibleDescription(_HELP)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 80)
        renderer.rendered.connect(self.update)
        theme.changed.connect(self.update)

    # ---- what is shown ----------------------------------------------------------------------------------------------

    @property
    def picture(self) -> Picture | None:
        """What is on the screen."""
        return self._picture

    def set_has_camera(self, has_camera: bool) -> None:
        """Whether mouse and keys move a camera."""
        self._has_camera = has_camera

    def clear(self) -> None:
        """Show no picture until the next one."""
        self._picture, self._image = None, QImage()
        self._patience.start()
        self.update()

    def sizeHint(self) -> QSize:
        """Qt's."""
        return QSize(520, 360)

    # ---- painting ---------------------------------------------------------------------------------------------------

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's; takes the newest picture, whereupon the next one is made, with the pixels that the screen has here."""
        ratio = self.devicePixelRatioF()
        self._renderer.resize(round(self.width() * ratio), round(self.height() * ratio))
        taken = self._renderer.take()
        if taken is not None:
            self._picture, self._image = taken, to_image(taken)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        outline = QPainterPath()
        outline.addRoundedRect(QRectF(self.rect()), _RADIUS, _RADIUS)
        painter.setClipPath(outline)
        painter.fillRect(self.rect(), self._theme.color("raised"))
        if self._picture is not None:
            painter.drawImage(self._place(), self._image)
            self._paint_readout(painter, self._picture)
        elif not self._patience.isActive():
            painter.setPen(self._theme.color("text3"))
            painter.setFont(self._theme.font(12))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "Setting the scene")
        painter.setClipping(False)
        if self.hasFocus():
            painter.setPen(QPen(self._theme.color("accent"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), _RADIUS - 1, _RADIUS - 1)
        painter.end()

    def _place(self) -> QRectF:
        """Where the picture is: it fills the widget, or lies in its middle where its shape is its own."""
        size = self._image.size()
        if self._has_camera or size.isEmpty():
            return QRectF(self.rect())
        scale = min(self.width() / size.width(), self.height() / size.height())
        width, height = size.width() * scale, size.height() * scale
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)

    def _paint_readout(self, painter: QPainter, picture: Picture) -> None:
        readout = picture.moment.about
        if not isinstance(readout, Readout):
            return
        room: float = self.width() - 3 * _MARGIN
        if readout.figures:
            lines = [f"{name}  {value}" for name, value in readout.figures]
            right = _Block(self._theme, lines, least=self._theme.px(_FIGURES))
            if right.width < room * 0.5 and right.height < self.height() / 2:
                right.paint(painter, self.width() - _MARGIN - right.width, _MARGIN)
                room -= right.width
        left = _Block(self._theme, readout.lines, room)
        left.paint(painter, _MARGIN, _MARGIN)
        if picture.view:
            view = _Block(self._theme, [picture.view], self.width() - 2 * _MARGIN)
            view.paint(painter, _MARGIN, self.height() - _MARGIN - view.height)

    # ---- mouse ------------------------------------------------------------------------------------------------------

    @guarded
    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Qt's."""
        self._pressed = event.position()
        if self._has_camera:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    @guarded
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Qt's."""
        self._pressed = None
        self.unsetCursor()

    @guarded
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Qt's; turns the camera, or shifts it with Shift or the right button."""
        if self._pressed is None or not self._has_camera:
            return
        by = event.position() - self._pressed
        self._pressed = event.position()
        right, down = by.x() / max(self.height(), 1), by.y() / max(self.height(), 1)
        shifts = event.modifiers() & Qt.KeyboardModifier.ShiftModifier or event.buttons() & Qt.MouseButton.RightButton
        if shifts:
            self._renderer.command(lambda scene: scene.camera.pan(right, down))
        else:
            self._renderer.command(lambda scene: scene.camera.orbit(right, down))

    @guarded
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Qt's; looks at what is under the mouse, or follows it with Ctrl."""
        if not self._has_camera or not self.width() or not self.height():
            return
        x, y = event.position().x() / self.width(), 1 - event.position().y() / self.height()
        aspect = self.width() / self.height()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._renderer.command(lambda scene: scene.follow_at(x, y, aspect))
        else:
            self._renderer.command(lambda scene: scene.focus_at(x, y, aspect))

    @guarded
    def wheelEvent(self, event: QWheelEvent) -> None:
        """Qt's; zooms."""
        if self._has_camera:
            closer = _NOTCH * event.angleDelta().y() / 120
            self._renderer.command(lambda scene: scene.camera.zoom(closer))
            event.accept()

    # ---- keys -------------------------------------------------------------------------------------------------------

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's."""
        if not self.take_key(event):
            super().keyPressEvent(event)

    def take_key(self, event: QKeyEvent) -> bool:
        """Do what a key means in MuJoCo's viewers; returns whether it means anything."""
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        act = self._keys().get(event.key()) if modifiers == Qt.KeyboardModifier.NoModifier else None
        if act is None:
            return False
        act()
        event.accept()
        return True

    def _keys(self) -> dict[int, Callable[[], object]]:
        keys: dict[int, Callable[[], object]] = {
            Qt.Key.Key_Space: self.toggled.emit,
            Qt.Key.Key_Backspace: self.restarted.emit,
            Qt.Key.Key_Left: partial(self.stepped.emit, -1),
            Qt.Key.Key_Right: partial(self.stepped.emit, 1),
            Qt.Key.Key_Minus: partial(self.speed_changed.emit, -1),
            Qt.Key.Key_Equal: partial(self.speed_changed.emit, 1),
        }
        if not self._has_camera:
            return keys
        acts: dict[int, Callable[[SceneRenderer], object]] = {
            Qt.Key.Key_BracketLeft: lambda scene: scene.camera.step(-1),
            Qt.Key.Key_BracketRight: lambda scene: scene.camera.step(1),
            Qt.Key.Key_Escape: lambda scene: scene.camera.free(),
        }
        for key, overlay in _OVERLAYS.items():
            acts[key] = partial(_toggle, overlay)
        for group in range(_GROUPS):
            acts[Qt.Key.Key_0 + group] = partial(_toggle_group, group)
        return keys | {key: partial(self._renderer.command, act) for key, act in acts.items()}


def _toggle(overlay: Overlay, scene: SceneRenderer) -> None:
    scene.toggle(overlay)


def _toggle_group(group: int, scene: SceneRenderer) -> None:
    scene.toggle_group(group)


def to_image(picture: Picture) -> QImage:
    """The picture for Qt, without what is painted over it."""
    height, width, _ = picture.pixels.shape
    pixels = np.ascontiguousarray(picture.pixels)
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


class _Block:
    """Lines of text on a translucent ground."""

    def __init__(self, theme: Theme, lines: Sequence[str], room: float = 10_000, least: float = 0) -> None:
        self._theme = theme
        self._font = theme.font(11, 500)
        metrics = QFontMetrics(self._font)
        self._padding, self._line = theme.px(7), metrics.height() + theme.px(1)
        inner = max(0, int(room) - 2 * self._padding)
        self._lines = [metrics.elidedText(line, Qt.TextElideMode.ElideRight, inner) for line in lines]
        self._ascent = metrics.ascent()
        widest = max((metrics.horizontalAdvance(line) for line in self._lines), default=0)
        self.width = max(widest + 2 * self._padding, least)
        self.height = len(self._lines) * self._line + 2 * self._padding - theme.px(3)

    def paint(self, painter: QPainter, left: float, top: float) -> None:
        """Draw it with its corner there."""
        ground = QColor(self._theme.color("canvas" if self._theme.dark else "panel"))
        ground.setAlphaF(0.82)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(QRectF(left, top, self.width, self.height), 4, 4)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(self._theme.color("text"))
        painter.setFont(self._font)
        y = top + self._padding - self._theme.px(1) + self._ascent
        for line in self._lines:
            painter.drawText(QPointF(left + self._padding, y), line)
            y += self._line
