"""The cell that names a run: line sample, name, star, tags; renaming happens in it."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyleOptionViewItem, QWidget

from ui.controls.line_sample import LENGTH, paint_line_sample
from ui.guard import guarded
from ui.series_colors import SeriesColors
from ui.tables.cell import CellDelegate, Index
from ui.tables.run_item import RunItem
from ui.theme import Theme

_GAP = 8
_STAR = 14
_CHIP_HEIGHT = 18
_CHIP_PADDING = 6
#: px that a name keeps before tags give way
_NAME_ROOM = 110


class RunDelegate(CellDelegate):
    """Tags that have no room are left to the tooltip."""

    def __init__(self, theme: Theme, colors: SeriesColors, parent: QObject) -> None:
        super().__init__(theme, parent)
        self._colors = colors

    def draw(self, painter: QPainter, area: QRect, item: RunItem, index: Index) -> None:
        """Line sample, name, star, tags."""
        px = self.theme.px
        sample = QRectF(area.left(), area.top(), px(LENGTH), area.height())
        if any(row.started is not None for row in item.rows):
            paint_line_sample(painter, sample, self._colors.style(item.row), faint=item.child)
        area = area.adjusted(px(LENGTH + _GAP), 0, 0, 0)
        tags = () if item.child else item.tags
        star = item.starred and (not item.child or item.row.starred)
        name, weight, token = item.name, 400 if item.child else 500, "text2" if item.child else "text"
        wanted = self.width(name, weight=weight) + 2
        room = area.width() - (px(_STAR + _GAP) if star else 0)
        chips = self._chips(tags, room - min(wanted, px(_NAME_ROOM)))
        room -= sum(width + px(_GAP) for _, width in chips)
        self.write(painter, QRect(area.left(), area.top(), room, area.height()), name, token, weight=weight)
        left = area.left() + min(wanted, room) + px(_GAP)
        if star:
            icon = self.theme.icon("star", "warn", _STAR, filled=True)
            side = px(_STAR)
            pixmap = icon.pixmap(QSize(side, side))
            painter.drawPixmap(QRect(left, area.center().y() - side // 2 + 1, side, side), pixmap)
            left += side + px(_GAP)
        top = area.center().y() - px(_CHIP_HEIGHT) // 2
        for text, width in chips:
            self._draw_chip(painter, QRect(left, top, width, px(_CHIP_HEIGHT)), text)
            left += width + px(_GAP) // 2

    def _chips(self, tags: tuple[str, ...], room: int) -> list[tuple[str, int]]:
        """The tags that fit, with their widths; the last one tells how many there are beyond."""
        chips: list[tuple[str, int]] = []
        for number, tag in enumerate(tags):
            width = self.width(tag, 10) + 2 * self.theme.px(_CHIP_PADDING)
            room -= width + self.theme.px(_GAP)
            if room < 0:
                more = f"+{len(tags) - number}"
                width = self.width(more, 10) + 2 * self.theme.px(_CHIP_PADDING)
                return [*chips, (more, width)] if chips else []
            chips.append((tag, width))
        return chips

    def _draw_chip(self, painter: QPainter, area: QRect, text: str) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self.theme.color("line"))
        painter.setBrush(self.theme.color("raised"))
        painter.drawRoundedRect(QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.setFont(self.font(10))
        painter.setPen(self.theme.color("text2"))
        painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), text)

    @guarded
    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        """Qt's; the name is edited where it stands."""
        area = option.rect
        editor.setGeometry(area.adjusted(self.theme.px(LENGTH + _GAP), 0, 0, 0))
