"""What a simulation shows, frame by frame: the newest states of a run that trains, or an episode that was recorded."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from ui.engine import Engine
from ui.panels.simulation_episodes import RecordedEpisode
from workbench.engine.channel import Channel
from workbench.events import SimulatorView

#: seconds between two looks at the clock or at the channel
INTERVAL = 1 / 30
#: views of the training environment that can be gone back through while the view is paused
KEPT_VIEWS = 900


@dataclass(frozen=True, eq=False)
class Frame:
    """One state. ``step`` counts within the episode, ``run_step`` is the run's; ``reward`` led to this state."""

    qpos: NDArray[np.float64]
    qvel: NDArray[np.float64]
    step: int
    run_step: int
    reward: float | None
    episode_return: float


class Reel(QObject):
    """Frames with a position among them, which moves by itself while it plays."""

    moved = Signal()  # another position, or other frames
    playing_changed = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.position = 0
        self.playing = False
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(round(1000 * INTERVAL))
        self._timer.timeout.connect(self._tick)

    @property
    def count(self) -> int:
        """How many frames there are."""
        raise NotImplementedError

    def frame(self) -> Frame | None:
        """The one at the position; None where there is none."""
        raise NotImplementedError

    def _tick(self) -> None:
        raise NotImplementedError

    def play(self) -> None:
        """Let it move."""
        if not self.playing:
            self.playing = True
            self._timer.start()
            self.playing_changed.emit(True)

    def pause(self) -> None:
        """Hold it."""
        if self.playing:
            self.playing = False
            self._timer.stop()
            self.playing_changed.emit(False)

    def toggle(self) -> None:
        """Play or pause."""
        self.pause() if self.playing else self.play()

    def seek(self, position: int) -> None:
        """Pause, and go there."""
        self.pause()
        self._go(position)

    def step(self, frames: int) -> None:
        """Pause, and go on or back by so many frames."""
        self.seek(self.position + frames)

    def rewind(self) -> None:
        """Pause at the beginning."""
        self.seek(0)

    def wind(self) -> None:
        """Pause at the end."""
        self.seek(self.count - 1)

    def sleep(self) -> None:
        """Out of sight: nothing moves, nothing is asked for."""
        self._timer.stop()

    def wake(self) -> None:
        """In sight again."""
        if self.playing:
            self._timer.start()

    def _go(self, position: int) -> None:
        position = min(max(position, 0), max(self.count - 1, 0))
        if position != self.position:
            self.position = position
            self.moved.emit()


class EpisodeReel(Reel):
    """A recorded episode in simulated time, at ``speed`` times the real one."""

    def __init__(self) -> None:
        super().__init__()
        self.episode: RecordedEpisode | None = None
        self.time_step = INTERVAL
        self.speed = 1.0
        self._anchor = (0.0, 0)  # when playing began, and where

    @property
    def count(self) -> int:
        """Frames: the first state and one after each step."""
        return 0 if self.episode is None else self.episode.length + 1

    def frame(self) -> Frame | None:
        """The state at the position."""
        episode, at = self.episode, self.position
        if episode is None:
            return None
        reward = float(episode.rewards[at - 1]) if at else None
        return Frame(episode.qpos[at], episode.qvel[at], at, episode.row.step, reward, float(episode.returns[at]))

    def load(self, episode: RecordedEpisode | None, position: int = 0) -> None:
        """Show another episode; what plays goes on playing."""
        self.episode = episode
        self.position = min(max(position, 0), max(self.count - 1, 0))
        self._set_anchor()
        self.moved.emit()

    def set_speed(self, speed: float) -> None:
        """Change the speed from here on."""
        self.speed = speed
        self._set_anchor()

    def play(self) -> None:
        """Let it move; from its end it begins anew."""
        if self.count and self.position >= self.count - 1:
            self._go(0)
        self._set_anchor()
        super().play()

    def wake(self) -> None:
        """Go on from where it was."""
        self._set_anchor()
        super().wake()

    def _set_anchor(self) -> None:
        self._anchor = (time.monotonic(), self.position)

    def _tick(self) -> None:
        began, position = self._anchor
        self._go(position + int((time.monotonic() - began) * self.speed / self.time_step))
        if self.position >= self.count - 1:
            self.pause()


class LiveReel(Reel):
    """The training environment's own states, newest last; pausing holds the view, never the training.

    ``run_paused`` says that the training itself is paused, so that no state follows.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._run_id: int | None = None
        self._views: deque[SimulatorView] = deque(maxlen=KEPT_VIEWS)
        self._asked: Channel | None = None
        self._once = False
        self.run_paused = False

    @property
    def count(self) -> int:
        """Views that are kept."""
        return len(self._views)

    @property
    def channel(self) -> Channel | None:
        """The followed run's channel; None while it does not run here."""
        queue = self._engine.queue
        return queue.channel(self._run_id) if queue is not None and self._run_id is not None else None

    def frame(self) -> Frame | None:
        """The state at the position."""
        if not self._views:
            return None
        view = self._views[self.position]
        return Frame(view.qpos, view.qvel, view.episode_step, view.step, None, view.episode_return)

    def follow(self, run_id: int | None) -> None:
        """Show this run from now on."""
        if run_id != self._run_id:
            self._ask(None)
            self._run_id = run_id
            self._views.clear()
            self.position = 0
            self.moved.emit()

    def play(self) -> None:
        """Go on with the newest state."""
        self.position = max(self.count - 1, 0)
        super().play()

    def pause(self) -> None:
        """Hold the view; the session is no longer asked for states."""
        super().pause()
        self._once = False
        self._timer.stop()
        self._ask(None)

    def step(self, frames: int) -> None:
        """Pause and go through the kept states; beyond the newest one waits for the next."""
        ahead = self.position + frames >= self.count and frames > 0
        super().step(frames)
        if ahead:
            self._once = True
            self._timer.start()

    def rewind(self) -> None:
        """There is no beginning to go back to: follow the training again."""
        self.play()

    def wind(self) -> None:
        """Follow the training again."""
        self.play()

    def sleep(self) -> None:
        """Out of sight: the session is asked for nothing."""
        super().sleep()
        self._ask(None)

    def _ask(self, channel: Channel | None) -> None:
        """Have views from this channel alone."""
        if self._asked is not None and self._asked is not channel:
            self._asked.view_interval = None
        if channel is not None:
            channel.view_interval = INTERVAL
        self._asked = channel

    def _tick(self) -> None:
        channel = self.channel
        self._ask(channel)
        paused = channel is not None and channel.pausing
        if paused != self.run_paused:
            self.run_paused = paused
            self.moved.emit()
        view = channel.latest(SimulatorView) if channel is not None else None
        if not isinstance(view, SimulatorView) or (self._views and view is self._views[-1]):
            return
        self._views.append(view)
        self.position = self.count - 1
        if self._once:
            self.pause()
        self.moved.emit()
