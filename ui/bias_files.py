"""Stored measurements of Q-bias, read and turned into episodes off the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Signal

from storage import ArtifactRow, Project, StorageError
from ui.analysis_files import AnalysisFiles
from ui.cursor import EpisodeAt
from workbench.analysis.bias_numbers import QBias


class BiasFiles(AnalysisFiles):
    """Reads measurements, and keeps the episode of a state among the recorded ones."""

    kept = Signal(object, int)  # EpisodeAt, and the frame in it that the state is
    not_kept = Signal(str)  # why

    def __init__(self, project: Project) -> None:
        super().__init__(project, QBias.read)

    def keep_episode(self, row: ArtifactRow, measured: QBias, state: int) -> None:
        """Store the episode that a state belongs to as evaluations store theirs, once; then tell where the state is."""
        episode, frame = int(measured.episode[state]), int(measured.step[state])
        at = EpisodeAt(row.run_id, episode_name(row.step, episode))

        def keep() -> Callable[[], object]:
            artifacts = self._project.artifacts
            try:
                if all(each.name != at.name for each in artifacts.list(row.run_id, "episode")):
                    arrays = measured.episode_arrays(episode)
                    total, length = float(arrays["rewards"].sum()), int(measured.lengths[episode])
                    info = {"return": total, "length": length, "mean_return": total, "q_bias_episode": episode + 1}
                    artifacts.save(row.run_id, "episode", row.step, at.name, arrays, info, info)
            except StorageError as error:
                return partial(self.not_kept.emit, str(error))
            return partial(self.kept.emit, at, frame)

        self.request(keep)


def episode_name(step: int, episode: int) -> str:
    """What an episode (from 0) of the measurement at a training step is stored as."""
    return f"q-bias-{step}-episode-{episode + 1}"
