"""The choice of a start state: a reset, a step of a recorded episode, or where the run that trains here is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSpinBox, QVBoxLayout, QWidget

from storage import ArtifactRow
from ui import format
from ui.controls.labels import Label
from ui.controls.segmented import Segmented
from ui.panels.latent_rollout_words import episode_words
from ui.plan_draft import EPISODE, LIVE, RESET
from ui.theme import Theme

if TYPE_CHECKING:
    from ui.plan_session import PlanSession

_KINDS = (
    (RESET, "Reset", "The beginning of an episode, drawn from a seed"),
    (EPISODE, "Episode", "A step of a recorded episode; it follows the shared cursor"),
    (LIVE, "Live run", "Where the run that trains here is now"),
)
_LARGEST_SEED = 2**31 - 1


class StartState(QWidget):
    """Three kinds; below them what the chosen one needs."""

    chosen = Signal(str)
    seeded = Signal(int)
    sought = Signal(object, int)  # ArtifactRow, step
    live_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rows: tuple[ArtifactRow, ...] = ()
        self.kinds = Segmented(theme, "Start state", _KINDS)
        self.seed, self.step = QSpinBox(), QSpinBox()
        self.seed.setRange(0, _LARGEST_SEED)
        self.seed.setAccessibleName("Seed of the reset")
        self.step.setAccessibleName("Step of the episode")
        self.episodes = QComboBox()
        self.episodes.setAccessibleName("Episode")
        self.episodes.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.episodes.setMinimumContentsLength(8)
        self.again = QPushButton("Take it again")
        self.told = Label(theme, "", 11, token="text2", wrap=True)
        self._titles = [Label(theme, words, 12, token="text2") for words in ("Seed", "Step")]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.kinds)
        column.addWidget(self.episodes)
        for title, field in zip(self._titles, (self.seed, self.step), strict=True):
            title.setBuddy(field)
            field.setKeyboardTracking(False)
            line = QHBoxLayout()
            line.addWidget(title, 1)
            line.addWidget(field)
            column.addLayout(line)
        column.addWidget(self.told)
        column.addWidget(self.again)
        self.kinds.chosen.connect(self.chosen)
        self.seed.valueChanged.connect(self.seeded)
        self.step.valueChanged.connect(lambda _step: self._seek())
        self.episodes.activated.connect(lambda _index: self._seek())
        self.again.clicked.connect(self.live_wanted)
        theme.changed.connect(self._style)
        self._style()

    def show_start(self, session: PlanSession) -> None:
        """As the session has it, without telling."""
        draft = session.draft
        kind, rows = draft.start, session.episodes()
        for field in (self.seed, self.step):
            field.blockSignals(True)
        if rows != self._rows:
            self._rows = rows
            self.episodes.clear()
            self.episodes.addItems([episode_words(row) for row in rows])
        self.episodes.setCurrentIndex(rows.index(session.episode) if session.episode in rows else -1)
        length = 1 if session.episode is None else int(session.episode.info.get("length", 1))
        self.step.setRange(0, max(length - 1, 0))
        self.step.setValue(session.frame)
        self.seed.setValue(draft.reset_seed)
        for field in (self.seed, self.step):
            field.blockSignals(False)
        self.kinds.set_value(kind)
        self.kinds.button(EPISODE).setEnabled(bool(rows))
        self.kinds.button(LIVE).setEnabled(session.trains_here)
        shown = (kind == RESET, kind == EPISODE)
        for title, field, visible in zip(self._titles, (self.seed, self.step), shown, strict=True):
            title.setVisible(visible)
            field.setVisible(visible)
        self.episodes.setVisible(kind == EPISODE)
        self.again.setVisible(kind == LIVE)
        self.again.setEnabled(session.trains_here)
        at = session.live_step
        live = "" if at is None else f"The training's simulator at step {format.count(at)}."
        self.told.setText(live)
        self.told.setVisible(kind == LIVE and bool(live))

    def _seek(self) -> None:
        if 0 <= self.episodes.currentIndex() < len(self._rows):
            row = self._rows[self.episodes.currentIndex()]
            self.sought.emit(row, min(self.step.value(), max(int(row.info.get("length", 1)) - 1, 0)))

    def _style(self) -> None:
        for field in (self.seed, self.step):
            field.setFixedWidth(self._theme.px(104))
