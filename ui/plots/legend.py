"""The legend: one entry per curve that switches it on and off; what has no room waits behind a button."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QEnterEvent, QFocusEvent, QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QMenu, QSizePolicy, QToolButton, QWidget

from ui.controls.elided_label import ElidedLabel
from ui.controls.line_sample import LENGTH, paint_line_sample
from ui.guard import guarded
from ui.plots.curve_plot import Styled
from ui.theme import Theme

_LONGEST = 180
_GAP = 14
#: entries that are made at all; a row never has room for more
_MOST = 24


class LegendEntry(QAbstractButton):
    """Line sample, name, number of seeds. Down means that the curve is shown."""

    entered = Signal(bool)  # by mouse or keyboard, or left

    def __init__(self, theme: Theme, styled: Styled, note: str, tip: str) -> None:
        super().__init__()
        self._theme, self._styled, self._note = theme, styled, note
        self.only = False
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setText(styled.curve.label)
        self.setAccessibleName(f"Curve {styled.curve.label}, {note}".rstrip(", "))
        self.setToolTip(tip)

    def sizeHint(self) -> QSize:
        """Qt's."""
        name, note = self._widths()
        height = QFontMetrics(self._theme.font(11)).height() + 6
        return QSize(LENGTH + 8 + name + (6 + note if note else 0) + 4, height)

    def _widths(self) -> tuple[int, int]:
        name = QFontMetrics(self._theme.font(11, 500)).horizontalAdvance(self.text()) + 1
        return min(name, _LONGEST), QFontMetrics(self._theme.font(11)).horizontalAdvance(self._note)

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's."""
        theme, shown = self._theme, self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
        if self._styled.style is not None and shown:
            paint_line_sample(painter, QRectF(2, 0, LENGTH, self.height()), self._styled.style)
        else:
            painter.setPen(QPen(theme.color("text3", 0.5), 2))
            painter.drawLine(3, self.height() // 2, LENGTH + 1, self.height() // 2)
        name, _ = self._widths()
        font = theme.font(11, 500)
        font.setStrikeOut(not shown)
        painter.setFont(font)
        painter.setPen(theme.color("text" if shown else "text3"))
        words = QFontMetrics(font).elidedText(self.text(), Qt.TextElideMode.ElideRight, name)
        centred = int(Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(QRectF(LENGTH + 8, 0, name + 1, self.height()), centred, words)
        painter.setFont(theme.font(11))
        painter.setPen(theme.color("text3"))
        painter.drawText(QRectF(LENGTH + 14 + name, 0, self.width(), self.height()), centred, self._note)
        painter.end()

    @guarded
    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Qt's; with Shift the click means "only this one"."""
        self.only = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        super().mousePressEvent(event)

    @guarded
    def enterEvent(self, event: QEnterEvent) -> None:
        """Qt's."""
        self.entered.emit(True)

    @guarded
    def leaveEvent(self, event: QEvent) -> None:
        """Qt's."""
        self.entered.emit(False)

    @guarded
    def focusInEvent(self, event: QFocusEvent) -> None:
        """Qt's."""
        super().focusInEvent(event)
        self.entered.emit(event.reason() is not Qt.FocusReason.MouseFocusReason)

    @guarded
    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Qt's."""
        super().focusOutEvent(event)
        self.entered.emit(False)


class Legend(QWidget):
    """A row of entries, and at the right a word on what the band is."""

    hidden_changed = Signal(object)  # frozenset of keys
    focused = Signal(object)  # key or None

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._labels: dict[str, str] = {}
        self._entries: dict[str, LegendEntry] = {}
        self._shown: tuple[object, ...] = ()
        self.hidden: frozenset[str] = frozenset()
        self.more = QToolButton(self)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._more_menu = QMenu(self.more)
        self._more_menu.aboutToShow.connect(self._fill_more)
        self.more.setMenu(self._more_menu)
        self.note = ElidedLabel("", self)
        self.note.setProperty("role", "hint")
        self.setAccessibleName("Legend")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.repaint_colors()

    def entry(self, key: str) -> LegendEntry:
        """The entry of a curve."""
        return self._entries[key]

    def show_curves(self, styled: Sequence[Styled], note: str, tip: str) -> None:
        """Replace the entries, coloured ones first; curves that were switched off stay so."""
        styled = sorted(styled, key=lambda each: each.style is None)
        self.note.setText(note)
        self.note.setToolTip(tip)
        shown = (tip, *((each.curve.key, each.curve.label, seeds_note(each), each.style) for each in styled))
        if shown != self._shown:
            self._shown = shown
            focus = next((key for key, entry in self._entries.items() if entry.hasFocus()), None)
            for entry in self._entries.values():
                entry.hide()
                entry.deleteLater()
            self._labels = {each.curve.key: each.curve.label for each in styled}
            self._entries = {each.curve.key: self._make(each, tip) for each in styled[:_MOST]}
            if focus in self._entries:
                self._entries[focus].setFocus()
            self.hidden &= frozenset(self._labels)
        self._arrange()

    def _make(self, styled: Styled, tip: str) -> LegendEntry:
        key = styled.curve.key
        click = "Click: switch it on or off. Shift+click: show it alone."
        lines = [styled.curve.label, styled.curve.source or tip, click]
        entry = LegendEntry(self._theme, styled, seeds_note(styled), "\n".join(line for line in lines if line))
        entry.setParent(self)
        entry.setChecked(key not in self.hidden)
        entry.clicked.connect(lambda: self._switch(key, entry.only))
        if styled.style is not None:
            entry.entered.connect(lambda inside: self.focused.emit(key if inside and entry.isChecked() else None))
        return entry

    def _switch(self, key: str, only: bool) -> None:
        if only:
            others = frozenset(self._labels) - {key}
            self.hidden = frozenset() if self.hidden == others else others
        else:
            self.hidden ^= {key}
        for name, entry in self._entries.items():
            entry.setChecked(name not in self.hidden)
            entry.only = False
        self.hidden_changed.emit(self.hidden)
        self._arrange()

    def _arrange(self) -> None:
        """Entries from the left as far as they go, then "+3"; the note only where nothing gives way for it."""
        height = self._height()
        self.setFixedHeight(height)
        widths = [entry.sizeHint().width() for entry in self._entries.values()]
        all_fit = len(widths) == len(self._labels) and sum(widths) + _GAP * len(widths) <= self.width()
        room = self.width() if all_fit else self.width() - 56
        x, shown = 0, 0
        for number, (entry, width) in enumerate(zip(self._entries.values(), widths, strict=True)):
            fits = shown == number and (x + width <= room or x == 0)
            entry.setVisible(fits)
            if fits:
                entry.setGeometry(x, 0, min(width, max(room, 40)), height)
                x += width + _GAP
                shown += 1
        waiting = len(self._labels) - shown
        self.more.setVisible(waiting > 0)
        if waiting:
            self.more.setText(f"+{waiting}")
            self.more.setToolTip(f"{waiting} more curves")
            self.more.setAccessibleName(f"{waiting} more curves")
            self.more.setGeometry(min(x, self.width() - 56), 0, 54, height)
            x = self.width()
        free = self.width() - x
        self.note.setVisible(free >= 60)
        wanted = min(self.note.sizeHint().width(), max(free, 0))
        self.note.setGeometry(self.width() - wanted, 0, wanted, height)

    def _fill_more(self) -> None:
        """The curves whose entries are not in sight."""
        self._more_menu.clear()
        for key, label in self._labels.items():
            if key in self._entries and self._entries[key].isVisible():
                continue
            action = self._more_menu.addAction(label.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(key not in self.hidden)
            action.triggered.connect(lambda _checked=False, key=key: self._switch(key, False))

    def _height(self) -> int:
        return QFontMetrics(self._theme.font(11)).height() + 6

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        self.note.setFont(self._theme.font(11))
        self.more.setFont(self._theme.font(11, 500))
        for entry in self._entries.values():
            entry.update()
        self._arrange()

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self._arrange()


def seeds_note(styled: Styled) -> str:
    """How many seeds, and whether there is more to come: "n 3 · live", "n 2 of 3"."""
    curve = styled.curve
    total = len(curve.runs) or curve.seeds
    counts = f"n {curve.seeds}" if curve.seeds == total else f"n {curve.seeds} of {total}"
    return " · ".join(words for words in ((counts if total > 1 else ""), "live" if curve.live else "") if words)
