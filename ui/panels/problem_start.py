"""The choice of a start state: a reset, a step of an episode, where the run that trains here is, or numbers by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSpinBox, QVBoxLayout, QWidget

from storage import ArtifactRow
from ui.controls.labels import Label
from ui.controls.segmented import Segmented
from ui.panels import plan_words
from ui.panels.latent_rollout_words import episode_words
from ui.panels.problem_state import StateEditor
from ui.plan_draft import EPISODE, HAND, LIVE, RESET
from ui.theme import Theme

if TYPE_CHECKING:
    from ui.plan_session import PlanSession

_KINDS = (
    (RESET, "Reset", "The beginning of an episode, drawn from a seed"),
    (EPISODE, "Episode", "A step of a recorded episode; it follows the shared cursor"),
    (LIVE, "Live", "Where the run that trains here is now"),
    (HAND, "By hand", "The present start state with other positions and velocities"),
)
_LARGEST_SEED = 2**31 - 1


class StartState(QWidget):
    """Four kinds; below them what the chosen one needs, and the state in words."""

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
        self.editor = StateEditor(theme)
        self.told = Label(theme, "", 11, token="text2", wrap=True)
        self.failure = Label(theme, "", 11, 500, "bad", wrap=True)
        self._titles = [Label(theme, words, 12, token="text2") for words in ("Seed", "Step")]
        self._lay_out()
        self.kinds.chosen.connect(self.chosen)
        self.seed.valueChanged.connect(self.seeded)
        self.step.valueChanged.connect(lambda _step: self._seek())
        self.episodes.activated.connect(lambda _index: self._seek())
        self.again.clicked.connect(self.live_wanted)
        theme.changed.connect(self._style)
        self._style()

    def _lay_out(self) -> None:
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
        for widget in (self.told, self.failure, self.again, self.editor):
            column.addWidget(widget)

    def show_start(self, session: PlanSession) -> None:
        """As the session has it, without telling."""
        draft, start = session.draft, session.start
        kind, rows = draft.start, start.episodes()
        for field in (self.seed, self.step):
            field.blockSignals(True)
        if rows != self._rows:
            self._rows = rows
            self.episodes.clear()
            self.episodes.addItems([episode_words(row) for row in rows])
        self.episodes.setCurrentIndex(rows.index(start.episode) if start.episode in rows else -1)
        length = 1 if start.episode is None else int(start.episode.info.get("length", 1))
        self.step.setRange(0, max(length - 1, 0))
        self.step.setValue(start.frame)
        self.seed.setValue(draft.reset_seed)
        for field in (self.seed, self.step):
            field.blockSignals(False)
        self.kinds.set_value(kind)
        for name, obstacle in plan_words.start_obstacles(session).items():
            button = self.kinds.button(name)
            button.setEnabled(not obstacle)
            button.setToolTip(obstacle or next(tip for value, _, tip in _KINDS if value == name))
        shown = (kind == RESET, kind == EPISODE)
        for title, field, visible in zip(self._titles, (self.seed, self.step), shown, strict=True):
            title.setVisible(visible)
            field.setVisible(visible)
        self.episodes.setVisible(kind == EPISODE)
        self.again.setVisible(kind == LIVE)
        self.again.setEnabled(start.trains_here)
        self.editor.setVisible(kind == HAND)
        if kind == HAND:
            self.editor.show_state(start.hand)
        told = plan_words.start_words(start)
        waiting = f" Live run: {start.waiting}" if start.waiting else ""
        self.told.setText(f"{told[:1].upper()}{told[1:]}.{waiting}")
        self.failure.setText(start.hand.failure)
        self.failure.setVisible(bool(start.hand.failure))

    def _seek(self) -> None:
        if 0 <= self.episodes.currentIndex() < len(self._rows):
            row = self._rows[self.episodes.currentIndex()]
            self.sought.emit(row, min(self.step.value(), max(int(row.info.get("length", 1)) - 1, 0)))

    def _style(self) -> None:
        for field in (self.seed, self.step):
            field.setFixedWidth(self._theme.px(104))
