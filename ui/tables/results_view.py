"""The view of the results: line samples, seeds with their states, and differences drawn on one shared axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView

from ui import format
from ui.controls.line_sample import LENGTH, paint_line_sample
from ui.controls.status_shape import paint_status
from ui.guard import guarded
from ui.plots.ticks import number_ticks
from ui.tables.cell import PADDING, CellDelegate, Index
from ui.tables.result_rows import COLUMNS, DEFAULT, PLACE, ResultRow, ResultsModel, seed_states
from ui.tables.run_header import RunHeader
from ui.tables.run_tree import RunTree
from ui.theme import Theme

_SHAPE, _GAP = 14, 6
#: px at scale 100 % of the dot and of the caps of a whisker
_DOT, _CAP = 4.0, 5.0
#: share of the axis that stays free at either end
_AIR = 0.06
#: px at scale 100 % to which the names can be squeezed
_NARROWEST = 96
_TICKS = 4


class ResultsAxis:
    """The shared axis of the differences, with zero always on it."""

    def __init__(self, model: ResultsModel) -> None:
        found = [end for mean, interval in model.whiskers() for end in _ends(mean, interval)]
        low, high = min([0.0, *found]), max([0.0, *found])
        if not high > low:
            low, high = -1.0, 1.0
        air = (high - low) * _AIR
        self.low, self.high = low - air, high + air

    def x(self, value: float, area: QRectF) -> float:
        """Where a value stands in a cell."""
        return area.left() + (value - self.low) / (self.high - self.low) * area.width()


def _ends(mean: float, interval: object) -> Sequence[float]:
    return (mean,) if interval is None else (interval.low, interval.high)  # type: ignore[attr-defined]


class ResultsView(RunTree):
    """``looked_at`` tells the key of the group that the user chose; a column that has no room is left out."""

    looked_at = Signal(str)

    def __init__(self, theme: Theme, model: ResultsModel) -> None:
        super().__init__(theme)
        self._results = model
        self._wanted = DEFAULT
        self.axis = ResultsAxis(model)
        self.setAccessibleName("Results")
        self.setModel(model)
        self.setHeader(ResultsHeader(theme, self))
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setItemDelegate(ResultCell(theme, self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        model.modelReset.connect(self._renew)
        self.selectionModel().currentRowChanged.connect(self._tell)

    def show_columns(self, wanted: Sequence[str]) -> None:
        """The columns that are shown as far as there is room."""
        self._wanted = tuple(wanted)
        self._fit()

    def mark(self, key: str) -> None:
        """Select the row of a group, without telling."""
        place = next((n for n, row in enumerate(self._results.rows) if row.result.group.key == key), None)
        self.selectionModel().blockSignals(True)
        self.clearSelection() if place is None else self.setCurrentIndex(self._results.index(place, 0))
        self.selectionModel().blockSignals(False)
        self.viewport().update()

    def _renew(self) -> None:
        self.axis = ResultsAxis(self._results)
        self._fit()
        self.header().viewport().update()

    def _tell(self, index: Index, _before: Index) -> None:
        if index.isValid():
            self.looked_at.emit(self._results.rows[index.row()].result.group.key)

    def _rescale(self) -> None:
        self.viewport().update()
        self._fit()

    def _fit(self) -> None:
        """Hide what has no room, the least important first; the first column takes what is left."""
        if not isinstance(self.model(), ResultsModel):
            return
        room, shown = self.viewport().width(), [COLUMNS[PLACE[name]] for name in self._wanted]
        for column in sorted(shown, key=lambda each: -each.rank):
            if column.rank and sum(self.theme.px(each.width) for each in shown) > room:
                shown.remove(column)
        taken = sum(self.theme.px(each.width) for each in shown[1:])
        for place, column in enumerate(COLUMNS):
            self.header().setSectionHidden(place, column not in shown)
            self.header().resizeSection(place, self.theme.px(column.width))
        self.header().resizeSection(0, max(self.theme.px(_NARROWEST), room - taken))

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self._fit()


class ResultsHeader(RunHeader):
    """Over the differences it has the ticks of their axis instead of a title."""

    def __init__(self, theme: Theme, view: ResultsView) -> None:
        super().__init__(theme, view)
        self._view = view
        self.setSectionsMovable(False)
        self.setSectionsClickable(False)

    @guarded
    def paintSection(self, painter: QPainter, area: QRect, section: int) -> None:
        """Qt's."""
        super().paintSection(painter, area, section)
        if COLUMNS[section].id != "whisker":
            return
        theme, axis = self._theme, self._view.axis
        pad = theme.px(PADDING)
        inner = QRectF(area.adjusted(pad, 0, -pad, 0))
        painter.save()
        painter.setFont(theme.font(10))
        metrics = QFontMetrics(theme.font(10))
        drawn: list[QRectF] = []
        ticks = number_ticks(axis.low, axis.high, _TICKS, short=True)
        for value, words in sorted(ticks, key=lambda tick: abs(tick[0])):  # zero first, which always has its place
            half = metrics.horizontalAdvance(words) / 2 + 2
            place = QRectF(axis.x(value, inner) - half, area.top(), 2 * half, area.height())
            if not any(place.intersects(other) for other in drawn):
                painter.setPen(theme.color("text3" if value else "text2"))
                painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), words)
                drawn.append(place)
        painter.restore()


class ResultCell(CellDelegate):
    """Paints the cells; figures are right-aligned, spreads quieter than their means."""

    def __init__(self, theme: Theme, view: ResultsView) -> None:
        super().__init__(theme, view)
        self._view = view
        self._painters: dict[str, Callable[[QPainter, QRect, ResultRow], None]] = {
            "variant": self._variant,
            "seeds": self._seeds,
            "final": self._final,
            "whisker": self._whisker,
            "verdict": self._verdict,
        }

    def draw(self, painter: QPainter, area: QRect, item: ResultRow, index: Index) -> None:  # type: ignore[override]
        """A cell's content."""
        column = COLUMNS[index.column()]
        special = self._painters.get(column.id)
        if special is not None:
            special(painter, area, item)
            return
        words = column.words(item)
        token = "text2" if column.id in ("paired", "interval") else "text"
        self.write(painter, area, words, "text3" if words == format.MISSING else token, right=True)

    def _variant(self, painter: QPainter, area: QRect, row: ResultRow) -> None:
        sample = self.theme.px(LENGTH)
        paint_line_sample(painter, QRectF(area.left(), area.top(), sample, area.height()), row.style)
        rest = area.adjusted(sample + self.theme.px(8), 0, 0, 0)
        self.write(painter, rest, row.result.name, weight=600 if row.is_base else 500)

    def _seeds(self, painter: QPainter, area: QRect, row: ResultRow) -> None:
        """The shape of each state that seeds are in, with how many."""
        side, gap = self.theme.px(_SHAPE), self.theme.px(_GAP)
        left = area.left()
        for state, words in seed_states(row.result):
            if left + side + gap > area.right():
                break
            paint_status(painter, QRectF(left, area.center().y() - side / 2 + 0.5, side, side), state, self.theme)
            left += side + gap
            left += self.write(painter, QRect(left, area.top(), area.right() - left, area.height()), words) + 2 * gap

    def _final(self, painter: QPainter, area: QRect, row: ResultRow) -> None:
        mean, deviation = row.result.mean, row.result.deviation
        if mean is None:
            self.write(painter, area, format.MISSING, "text3", right=True)
            return
        spread = format.spread(deviation)
        room = max(self.width("± 1,888", 11), self.width(spread, 11) + 2)
        left = area.adjusted(0, 0, -room - self.theme.px(_GAP), 0)
        self.write(painter, left, format.number(mean), weight=600, right=True)
        after = QRect(left.right() + self.theme.px(_GAP), area.top(), room, area.height())
        self.write(painter, after, spread, "text3", size=11)

    def _whisker(self, painter: QPainter, area: QRect, row: ResultRow) -> None:
        """Dot and interval on the shared axis: filled where the interval leaves zero out."""
        axis, inner = self._view.axis, QRectF(area)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        zero = axis.x(0.0, inner)
        painter.setPen(QPen(self.theme.color("text3", 0.6), 1))
        painter.drawLine(QPointF(zero, area.top()), QPointF(zero, area.bottom()))
        paired = row.against.paired
        if paired is None:
            return
        middle, at = inner.center().y(), axis.x(paired.mean, inner)
        dot, cap = self.theme.scale * _DOT, self.theme.scale * _CAP
        painter.setPen(QPen(row.style.line, 1.6))
        filled = False
        if paired.interval is not None:
            low, high = axis.x(paired.interval.low, inner), axis.x(paired.interval.high, inner)
            painter.drawLine(QPointF(low, middle), QPointF(high, middle))
            for end in (low, high):
                painter.drawLine(QPointF(end, middle - cap), QPointF(end, middle + cap))
            filled = paired.interval.excludes_zero
        painter.setBrush(row.style.line if filled else self.theme.color("panel"))
        painter.drawEllipse(QPointF(at, middle), dot, dot)

    def _verdict(self, painter: QPainter, area: QRect, row: ResultRow) -> None:
        token, weight = ("text", 500) if row.against.clear else ("text3", 400)
        self.write(painter, area, row.against.verdict, token, weight=weight)
