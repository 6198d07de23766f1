"""One time cursor through every panel: a training step, and a moment inside a recorded episode."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal


@dataclass(frozen=True)
class EpisodeAt:
    """A recorded episode: the run it belongs to and the artifact's name."""

    run_id: int
    name: str


class TimeCursor(QObject):
    """Whoever moves it tells everyone; setting what it already is tells no one."""

    step_changed = Signal(object)  # environment step of training, or None
    episode_changed = Signal(object)  # EpisodeAt or None
    frame_changed = Signal(int)  # environment step within the episode

    def __init__(self) -> None:
        super().__init__()
        self.step: int | None = None
        self.episode: EpisodeAt | None = None
        self.frame = 0

    def set_step(self, step: int | None) -> None:
        """Move to a training step."""
        if step != self.step:
            self.step = step
            self.step_changed.emit(step)

    def set_episode(self, episode: EpisodeAt | None) -> None:
        """Choose a recorded episode; the frame goes back to 0."""
        if episode != self.episode:
            self.episode, self.frame = episode, 0
            self.episode_changed.emit(episode)
            self.frame_changed.emit(0)

    def set_frame(self, frame: int) -> None:
        """Move within the episode."""
        if frame != self.frame:
            self.frame = frame
            self.frame_changed.emit(frame)
