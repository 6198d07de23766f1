"""Whole episodes that a planner acted in: drive one, hold it against the policy, go through its decisions."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import QSize
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from storage import ArtifactRow
from ui.actions import Action
from ui.context import Context
from ui.controls.elided_label import ElidedLabel
from ui.controls.empty_state import EmptyState
from ui.controls.labels import Label
from ui.controls.scrubber import Scrubber
from ui.panels import plan_episode_words as words
from ui.panels.base import Panel, run_alone
from ui.panels.plan_episode_form import PlanEpisodeForm
from ui.plan_episode import plan_episodes
from ui.plots.reward_strip import RewardStrip


class PlanEpisodePanel(Panel):
    """A stored decision that is chosen here is shown wherever the iterations of a search are."""

    name: ClassVar[str] = "plan_episode"
    title: ClassVar[str] = "Episode"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.episodes = plan_episodes(context)
        self._drawn: object = None  # whose rewards are in the strip
        self._listed: tuple[ArtifactRow, ...] = ()
        self._build()
        self._connect()
        self._style()

    # ---- building ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        theme = self.theme
        self.drive = QPushButton("Drive an episode")
        self.form = PlanEpisodeForm(theme, self.episodes)
        self.problem = Label(theme, "", 12, token="warn", wrap=True)
        self.progress, self._told = QWidget(), ElidedLabel()
        self._bar, self.cancel = QProgressBar(), QPushButton("Cancel")
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self.drive.setProperty("kind", "primary")
        self.cancel.setProperty("kind", "ghost")
        line = QHBoxLayout(self.progress)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self._told, 1)
        line.addWidget(self._bar)
        line.addWidget(self.cancel)
        self.chooser = QComboBox()
        self.chooser.setAccessibleName("Episode with stored plans")
        self.chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.chooser.setMinimumContentsLength(12)
        self.values = tuple(Label(theme, "", 20, 600) for _ in range(3))
        self._names = tuple(Label(theme, "", 11, token="text2") for _ in range(3))
        self.verdict = Label(theme, "", 12, token="text2", wrap=True)
        self.where = Label(theme, "", 12, 600)
        self.anew = QPushButton("Search anew")
        self.anew.setProperty("kind", "link")
        self.anew.setToolTip("Search from this state with the planner that is chosen in Problem")
        self.scrubber, self.strip = Scrubber(theme, "Decision of the episode"), RewardStrip(theme)
        self.empty = EmptyState(theme)
        self._lay_out()

    def _lay_out(self) -> None:
        figures = QHBoxLayout()
        for value, name in zip(self.values, self._names, strict=True):
            pair = QVBoxLayout()
            pair.setSpacing(0)
            pair.addWidget(value)
            pair.addWidget(name)
            figures.addLayout(pair, 1)
        place = QHBoxLayout()
        place.addWidget(self.where, 1)
        place.addWidget(self.anew)
        self._found = QWidget()
        found = QVBoxLayout(self._found)
        found.setContentsMargins(0, 0, 0, 0)
        found.setSpacing(6)
        found.addLayout(figures)
        found.addWidget(self.verdict)
        found.addLayout(place)
        found.addWidget(self.scrubber)
        found.addStretch(1)
        holder = QWidget()
        self._stack = QStackedLayout(holder)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._found)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        command = QHBoxLayout()  # while a planner acts its progress stands in their place
        command.setSpacing(8)
        command.addWidget(self.chooser, 1)
        command.addWidget(self.drive)
        command.addWidget(self.progress, 1)
        command.addStretch(0)
        column.addWidget(self.form)
        column.addLayout(command)
        column.addWidget(self.problem)
        column.addWidget(holder, 1)
        column.addWidget(self.strip)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def _connect(self) -> None:
        episodes = self.episodes
        self.drive.clicked.connect(episodes.drive)
        self.cancel.clicked.connect(episodes.cancel)
        self.chooser.activated.connect(lambda index: episodes.look_at(episodes.rows[index], 0))
        self.scrubber.sought.connect(lambda decision: episodes.show_decision(decision))
        self.strip.sought.connect(episodes.seek)
        self.anew.clicked.connect(episodes.session.search_anew)
        self.theme.changed.connect(self._style)
        if "plan.drive" not in self.context.actions:
            title, obstacle = "Let the planner drive an episode", lambda: episodes.obstacle
            self.context.actions.add(Action("plan.drive", title, episodes.drive, icon="play", obstacle=obstacle))

    def activate(self) -> None:
        """Follow what is stored, and how far a drive is."""
        for signal, slot in self._followed():
            signal.connect(slot)
        self.episodes.refresh()
        self.show_drive()

    def deactivate(self) -> None:
        """Let go of them; a drive goes on."""
        for signal, slot in self._followed():
            signal.disconnect(slot)

    def _followed(self) -> tuple[tuple[Any, Any], ...]:
        episodes = self.episodes
        return (
            (episodes.changed, self.show_episode),
            (episodes.drive_changed, self.show_drive),
            (self.context.engine.ready, self.show_drive),
        )

    # ---- what is so -------------------------------------------------------------------------------------------------

    def show_drive(self) -> None:
        """What a drive is asked for, and how far one is."""
        episodes, busy = self.episodes, self.episodes.driver.busy
        self.form.show_choice()
        self.drive.setEnabled(not busy and not episodes.obstacle)
        self._paint_button()
        self.drive.setToolTip(episodes.obstacle or "Let the planner act from the start state that is posed in Problem")
        self.problem.setText(episodes.drive_failure)
        self.problem.setVisible(bool(episodes.drive_failure))
        self.drive.setVisible(not busy)
        self.progress.setVisible(busy)
        self.chooser.setVisible(not busy and bool(episodes.rows))
        self._told.setText(words.progress(episodes))
        fraction = 0.0 if episodes.advance is None else episodes.advance.fraction
        self._bar.setValue(round(1000 * fraction))
        if busy and episodes.rewards:
            self._draw(np.array(episodes.rewards, np.float64), len(episodes.rewards))
        self.show_episode()

    def show_episode(self) -> None:
        """The episode that is looked at, or why there is none."""
        episodes = self.episodes
        self._list()
        said, row = words.emptiness(episodes), episodes.wanted
        if said is not None:
            self.empty.say(said.icon, said.title, said.text, said.steps, said.token)
        elif row is not None:
            self._say(row)
        self._stack.setCurrentWidget(self._found if said is None else self.empty)
        self.strip.setVisible(bool(episodes.rewards) or (episodes.episode is not None and said is None))

    def _list(self) -> None:
        rows = self.episodes.rows
        if rows != self._listed:
            self._listed = rows
            self.chooser.clear()
            self.chooser.addItems([words.row_words(row) for row in rows])
            self.chooser.setVisible(bool(rows) and not self.episodes.driver.busy)
        wanted = self.episodes.wanted
        self.chooser.setCurrentIndex(rows.index(wanted) if wanted in rows else -1)
        self.chooser.setToolTip(self.chooser.currentText())
        self.subtitle_changed.emit(f"{len(rows)} stored" if rows else "")

    def _say(self, row: Any) -> None:
        episodes, episode = self.episodes, self.episodes.episode
        found = words.figures(row)
        for at, (value, name) in enumerate(zip(self.values, self._names, strict=True)):
            figure, what = found[at] if at < len(found) else ("", "")
            value.setText(figure)
            name.setText(what)
        self.verdict.setText(words.verdict(row))
        known = episode is not None
        self.scrubber.setEnabled(known)
        self.anew.setVisible(known and episodes.decision is not None)
        if episode is None:
            self.where.setText("Reading the episode")
            return
        length = episode.recording.length
        self.where.setText(words.decision_words(episodes, length))
        self.scrubber.show_position(episodes.decision or 0, len(episode.decisions))
        if not episodes.driver.busy:
            step = 0 if episodes.decision is None else episode.decisions[episodes.decision]
            self._draw(episode.recording.rewards, step, episode)

    def _draw(self, rewards: np.ndarray[Any, np.dtype[np.float64]], step: int, whose: object = None) -> None:
        if whose is None or whose is not self._drawn:
            self.strip.show_episode(rewards, np.concatenate(([0.0], rewards.cumsum())))
            self._drawn = whose
        self.strip.show_step(step)

    def _paint_button(self) -> None:
        self.drive.setIcon(self.theme.icon("play", "on" if self.drive.isEnabled() else "text3", filled=True))

    def _style(self) -> None:
        theme = self.theme
        side = theme.px(14)
        self._paint_button()
        self.drive.setIconSize(QSize(side, side))
        self._bar.setFixedWidth(theme.px(80))
        for label, number in zip(self.values, (1, 0), strict=False):
            palette = label.palette()
            palette.setColor(label.foregroundRole(), theme.series(number).words)
            label.setPalette(palette)


def _alone(context: Context) -> PlanEpisodePanel:
    """In a window of its own the engine is loaded at once."""
    context.engine.start()
    return PlanEpisodePanel(context)


if __name__ == "__main__":
    raise SystemExit(run_alone(_alone))
