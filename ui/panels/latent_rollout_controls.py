"""Over the rollout: which episode, from which step, how far, in which order; a slider that moves the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSpinBox, QVBoxLayout, QWidget

from storage import ArtifactRow
from ui.controls.labels import Label
from ui.controls.window_slider import WindowSlider
from ui.guard import guarded
from ui.panels.latent_rollout_words import episode_words
from ui.theme import Theme

if TYPE_CHECKING:
    from workbench.analysis.latent_rollout import Order

ORDERS = (("error", "Largest error first"), ("variance", "Largest variance first"), ("number", "By number"))
#: steps that a rollout may have
LONGEST = 1000
USUAL = 50
#: px below which words of buttons, then labels of fields are left out
_NARROW, _TIGHT = 860, 620


class RolloutControls(QWidget):
    """It only tells; the panel says how things stand."""

    episode_picked = Signal(object)  # ArtifactRow
    start_sought = Signal(int)
    horizon_set = Signal(int)
    order_set = Signal()
    record_wanted = Signal()
    compare_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.rows: tuple[ArtifactRow, ...] = ()
        self.episodes, self.order = QComboBox(), QComboBox()
        self.start, self.horizon = QSpinBox(), QSpinBox()
        self.record, self.compare = QPushButton("Record one now"), QPushButton("Add second run")
        self.slider = WindowSlider(theme, "Start of the rollout")
        self._labels: list[Label] = []
        self._dress()
        row = QHBoxLayout()
        row.setSpacing(8)
        named = (("Episode", self.episodes), ("Start step", self.start), ("Horizon", self.horizon))
        for words, field in (*named, ("Order", self.order)):
            label = Label(theme, words, 12, token="text2")
            label.setBuddy(field)
            self._labels.append(label)
            row.addWidget(label)
            row.addWidget(field)
        row.addStretch(1)
        row.addWidget(self.record)
        row.addWidget(self.compare)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.slider)
        self._connect()
        theme.changed.connect(self._style)
        self._style()

    def _dress(self) -> None:
        self.episodes.setAccessibleName("Episode")
        self.episodes.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.episodes.setMinimumContentsLength(14)
        self.start.setAccessibleName("Start step")
        self.start.setToolTip("The step of the episode that the rollout begins at")
        self.horizon.setAccessibleName("Horizon")
        self.horizon.setToolTip(f"Steps that the model is left alone, 1 to {LONGEST:,}")
        self.horizon.setRange(1, LONGEST)
        self.horizon.setValue(USUAL)
        for field in (self.start, self.horizon):
            field.setKeyboardTracking(False)
        self.order.setAccessibleName("Order of the coordinates")
        self.order.addItems([words for _, words in ORDERS])
        self.slider.setToolTip("Drag to move the start; the rollout follows")
        self.record.setToolTip("Run one episode of this checkpoint's policy and keep it")

    def _connect(self) -> None:
        self.episodes.activated.connect(lambda index: self.episode_picked.emit(self.rows[index]))
        self.start.valueChanged.connect(self.start_sought)
        self.slider.sought.connect(self.start_sought)
        self.horizon.valueChanged.connect(self.horizon_set)
        self.order.activated.connect(lambda _index: self.order_set.emit())
        self.record.clicked.connect(self.record_wanted)
        self.compare.clicked.connect(self.compare_wanted)

    @property
    def by(self) -> Order:
        """The order that is chosen."""
        return cast("Order", ORDERS[self.order.currentIndex()][0])

    def list_episodes(self, rows: Sequence[ArtifactRow], chosen: ArtifactRow | None) -> None:
        """Offer these episodes, and stand at the chosen one."""
        if tuple(rows) != self.rows:
            self.rows = tuple(rows)
            self.episodes.clear()
            self.episodes.addItems([episode_words(row) for row in self.rows])
        self.episodes.setCurrentIndex(self.rows.index(chosen) if chosen in self.rows else -1)

    def show_start(self, start: int, length: int) -> None:
        """The start within an episode of ``length`` steps, without telling."""
        self.start.blockSignals(True)
        self.start.setRange(0, max(length - 1, 0))
        self.start.setValue(start)
        self.start.blockSignals(False)
        self.slider.show_window(start, length, min(self.horizon.value(), length - start))

    def _style(self) -> None:
        theme, side = self._theme, self._theme.px(14)
        for button, icon in ((self.record, "camera"), (self.compare, "compare")):
            button.setIcon(theme.icon(icon))
            button.setIconSize(QSize(side, side))
            button.setAccessibleName("Record one now" if button is self.record else "Compare with a second run")
        self._arrange()

    def _arrange(self) -> None:
        wide, fair = self.width() >= self._theme.px(_NARROW), self.width() >= self._theme.px(_TIGHT)
        self.record.setText("Record one now" if wide else "")
        self.compare.setText("Add second run" if wide else "")
        for label in self._labels:
            label.setVisible(fair)
        for field, words, room in ((self.start, "from ", 78), (self.horizon, "for ", 70)):
            field.setPrefix("" if fair else words)  # a field that has lost its label says what it is
            field.setFixedWidth(self._theme.px(room + (0 if fair else 32)))
        self.order.setVisible(fair)
        self._labels[-1].setVisible(wide)

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self._arrange()
