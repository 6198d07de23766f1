"""Under a simulation: to the beginning, run or pause, to the end, the scrubber, where it is, how fast it goes."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QWidget

from ui import format
from ui.controls.labels import Label
from ui.controls.scrubber import Scrubber
from ui.controls.segmented import Segmented
from ui.guard import guarded
from ui.theme import Theme

SPEEDS = (0.5, 1.0, 2.0)
_WORDS = ("½×", "1×", "2×")
#: px below which the speeds are left to the keys
_NARROW = 400
#: live views after which the scrubber learns how many there are
_COARSE = 30


class Transport(QWidget):
    """It only tells; :meth:`show_state` says how things stand."""

    toggled = Signal()
    rewound = Signal()
    wound = Signal()
    sought = Signal(int)
    speed_chosen = Signal(float)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._playing, self._live = False, False
        self._begin, self._end = QToolButton(), QToolButton()
        self.play = QPushButton()
        self.scrubber = Scrubber(theme, "Frame")
        self._place = Label(theme, size=12, weight=500, token="text2")
        options = [
            (str(speed), words, f"{words} real time")
            for speed, words in zip(SPEEDS, _WORDS, strict=True)
        ]
        self.speeds = Segmented(theme, "Speed", options)
        self.speeds.set_value("1.0")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for widget in (self._begin, self.play, self._end, self.scrubber, self._place, self.speeds):
            row.addWidget(widget, 1 if widget is self.scrubber else 0)
        self._begin.clicked.connect(self.rewound)
        self._end.clicked.connect(self.wound)
        self.play.clicked.connect(self.toggled)
        self.scrubber.sought.connect(self.sought)
        self.speeds.chosen.connect(lambda value: self.speed_chosen.emit(float(value)))
        theme.changed.connect(self._paint)
        self._paint()

    def show_state(self, position: int, count: int, *, playing: bool, live: bool) -> None:
        """Where it is, and what the buttons do now."""
        changed = (playing, live) != (self._playing, self._live)
        if live and playing and not changed and self.scrubber.maximum() < count <= self.scrubber.maximum() + _COARSE:
            return  # It stands at the end; painting that at every view would cost more than the view.
        self.scrubber.show_position(position, count)
        held = "Live" if playing else "Held"
        self._place.setText(held if live else f"{format.count(position)} / {format.count(max(count - 1, 0))}")
        if changed:
            self._playing, self._live = playing, live
            self._paint()
            self._arrange()

    def change_speed(self, by: int) -> None:
        """Go to the next faster (1) or slower (-1) speed, where there is one; the live view has none."""
        place = SPEEDS.index(float(self.speeds.value)) + by
        if not self._live and 0 <= place < len(SPEEDS):
            self.speeds.set_value(str(SPEEDS[place]))
            self.speed_chosen.emit(SPEEDS[place])

    def _arrange(self) -> None:
        self.speeds.setVisible(not self._live and self.width() >= self._theme.px(_NARROW))
        self._begin.setVisible(not self._live)

    def _paint(self) -> None:
        theme, side = self._theme, self._theme.px(16)
        play = "Hold the view; training goes on" if self._live else "Pause"
        go = "Follow the training again" if self._live else "Play"
        self._dress(self._begin, "back", "To the beginning  Backspace")
        self._dress(self._end, "fwd", "To the newest state  Backspace" if self._live else "To the end")
        words = play if self._playing else go
        self.play.setIcon(theme.icon("pause" if self._playing else "play", "text", filled=not self._playing))
        self.play.setIconSize(QSize(side, side))
        self.play.setFixedSize(theme.px(30), theme.px(30))
        self.play.setStyleSheet("padding: 0;")
        self.play.setToolTip(f"{words}  Space")
        self.play.setAccessibleName(words)

    def _dress(self, button: QToolButton, icon: str, tip: str) -> None:
        side = self._theme.px(16)
        button.setIcon(self._theme.icon(icon))
        button.setIconSize(QSize(side, side))
        button.setToolTip(tip)
        button.setAccessibleName(tip.partition("  ")[0])

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self._arrange()
