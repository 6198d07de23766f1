"""Recorded evaluation episodes: what a file holds, read in a thread of its own."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QThreadPool, Signal

from storage import ArtifactRow, Project, StorageError

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class RecordedEpisode:
    """An evaluation's first episode of T steps.

    qpos `[T + 1, nq]`, qvel `[T + 1, nv]`, rewards `[T]`, and returns `[T + 1]`: the sum of the rewards so far.
    """

    row: ArtifactRow
    qpos: NDArray[np.float64]
    qvel: NDArray[np.float64]
    rewards: NDArray[np.float64]
    returns: NDArray[np.float64]

    @property
    def length(self) -> int:
        """Environment steps, T."""
        return len(self.rewards)


class NoStates(Exception):
    """The episode was recorded without positions, so there is nothing to draw."""


def read_episode(project: Project, row: ArtifactRow) -> RecordedEpisode:
    """The episode of ``row``. Raises storage.ArtifactDamaged and :class:`NoStates`."""
    arrays, _ = project.artifacts.load(row)
    if "qpos" not in arrays or "qvel" not in arrays:
        raise NoStates(
            f"The evaluation at step {row.step:,} was recorded without positions, so it cannot be drawn. "
            "Its return and its rewards are kept."
        )
    rewards = np.asarray(arrays["rewards"], np.float64)
    returns = np.concatenate(([0.0], np.cumsum(rewards)))
    return RecordedEpisode(row, arrays["qpos"], arrays["qvel"], rewards, returns)


class EpisodeLoader(QObject):
    """Reads one episode after the other; only what was asked for last is told."""

    loaded = Signal(object)  # RecordedEpisode
    failed = Signal(object, str)  # ArtifactRow, a sentence

    _done = Signal(int, object, object, str)  # from the thread: number, row, episode or None, sentence

    def __init__(self, project: Project) -> None:
        super().__init__()
        self._project = project
        self._number = 0
        self._done.connect(self._finish)

    def request(self, row: ArtifactRow) -> None:
        """Read this episode; whatever was asked for before is no longer wanted."""
        self._number += 1
        number = self._number
        QThreadPool.globalInstance().start(lambda: self._read(number, row))

    def cancel(self) -> None:
        """Nothing is wanted any longer."""
        self._number += 1

    def _read(self, number: int, row: ArtifactRow) -> None:
        episode, problem = None, ""
        try:
            episode = read_episode(self._project, row)
        except (StorageError, NoStates) as error:
            problem = str(error)
        except Exception as error:
            _logger.exception("an episode could not be read")
            problem = f"The evaluation at step {row.step:,} could not be read: {type(error).__name__}: {error}"
        with contextlib.suppress(RuntimeError):  # the panel is gone
            self._done.emit(number, row, episode, problem)

    def _finish(self, number: int, row: ArtifactRow, episode: RecordedEpisode | None, problem: str) -> None:
        if number != self._number:
            return
        if episode is None:
            self.failed.emit(row, problem)
        else:
            self.loaded.emit(episode)
