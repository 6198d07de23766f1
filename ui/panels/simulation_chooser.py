"""The list of a run's recorded episodes, newest first, with the one that is shown."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox

from storage import ArtifactRow
from ui.cursor import EpisodeAt, TimeCursor
from ui.panels.simulation_words import episode_words


class EpisodeChooser(QComboBox):
    """``wanted`` is the episode that is, or is to be, shown; None while there are none."""

    wanted_changed = Signal(object)  # ArtifactRow
    picked = Signal(object)  # ArtifactRow, by the user

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[ArtifactRow, ...] = ()
        self.wanted: ArtifactRow | None = None
        self.setAccessibleName("Recorded episode")
        self.activated.connect(self._pick)

    def list_episodes(self, rows: tuple[ArtifactRow, ...]) -> None:
        """Offer these, newest first; the wanted one stays if it is among them."""
        if rows != self.rows:
            self.rows = rows
            self.clear()
            self.addItems([episode_words(row) for row in rows])
        if self.wanted in rows:
            self.setCurrentIndex(rows.index(self.wanted))
        else:
            self.wanted = None

    def want(self, row: ArtifactRow) -> None:
        """Choose one of them."""
        if row != self.wanted:
            self.wanted = row
            self.setCurrentIndex(self.rows.index(row))
            self.wanted_changed.emit(row)

    def want_first(self, cursor: TimeCursor) -> None:
        """Choose the episode that the cursor means, else the newest, unless one is chosen already."""
        if self.wanted is not None or not self.rows:
            return
        meant = self.row_of(cursor.episode)
        if meant is None and cursor.step is not None:
            meant = self.nearest(cursor.step)
        self.want(meant or self.rows[0])

    def row_of(self, episode: EpisodeAt | None) -> ArtifactRow | None:
        """The row of an episode."""
        return next((row for row in self.rows if EpisodeAt(row.run_id, row.name) == episode), None)

    def nearest(self, step: int) -> ArtifactRow | None:
        """The episode recorded nearest to a training step; of two as near the earlier one."""
        return min(self.rows, key=lambda row: (abs(row.step - step), row.step), default=None)

    def other(self) -> ArtifactRow | None:
        """The newest one that is not chosen."""
        return next((row for row in self.rows if row != self.wanted), None)

    def _pick(self, index: int) -> None:
        self.want(self.rows[index])
        self.picked.emit(self.rows[index])
