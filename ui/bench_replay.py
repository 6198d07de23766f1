"""A stored run told again, quicker than it happened: its events go through the recorder and a channel, as a session's.

It begins again from its own end as often as it takes, with steps that go on counting.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage import ArtifactRow, Project, RunState
from workbench.engine.channel import Channel
from workbench.engine.queue import RunQueue
from workbench.engine.recorder import Recorder
from workbench.events import (
    AnalysisFinished,
    EpisodeFinished,
    EvaluationFinished,
    Event,
    Progress,
    ScalarsLogged,
    SimulatorView,
    StateChanged,
)

#: seconds between two looks at the clock, and between two heartbeats; each promises the next for PROMISE seconds
LOOK, HEARTBEAT, PROMISE = 0.02, 2.0, 15.0
#: metrics of these groups belong to events of their own
EPISODE, EVALUATION = "episode/", "evaluation/"


@dataclass(frozen=True, eq=False)
class Recording:
    """What a run told: ``events`` with the seconds that it was active before each, in order; how far it came; and
    ``qpos`` and ``qvel`` of an episode that it recorded, [states, size], empty where it is not MuJoCo's."""

    events: tuple[tuple[float, Event], ...]
    step: int
    updates: int
    seconds: float
    qpos: NDArray[np.float64]
    qvel: NDArray[np.float64]


def read_recording(project: Project, run_id: int) -> Recording:
    """What a finished run told. Raises storage.UnknownRun, storage.ArtifactDamaged; ValueError if it told nothing."""
    row = project.runs.get(run_id)
    found = sorted(_events(project, run_id), key=lambda each: (each[0], each[1].step))
    if not found:
        raise ValueError(f"Run {run_id} has told nothing that could be told again; name one that has trained.")
    recorded = [event.recording for _, event in found if isinstance(event, EvaluationFinished)]
    pictured = next((each for each in recorded if "qpos" in each), {"qpos": np.zeros((0, 0)), "qvel": np.zeros((0, 0))})
    qpos, qvel = pictured["qpos"], pictured["qvel"]
    return Recording(tuple(found), row.step, row.updates, max(row.active_seconds, found[-1][0]), qpos, qvel)


def _events(project: Project, run_id: int) -> Iterator[tuple[float, Event]]:
    """Its numbers, episodes, evaluations and analyses, with the active seconds at which each was told."""
    points: dict[tuple[int, float], dict[str, float]] = defaultdict(dict)
    updates: dict[int, int] = {}
    for metric in project.series.metrics(run_id):
        series = project.series.read(run_id, metric)
        columns = (series.step, series.updates, series.active_seconds, series.value)
        for step, done, active, value in zip(*columns, strict=True):
            points[int(step), float(active)][metric] = float(value)
            updates[int(step)] = int(done)
    told = {row.step: row.data for row in project.log.read(run_id, kinds=["evaluation"])}
    files = {(row.kind, row.step): row for row in project.artifacts.list(run_id)}
    for (step, active), values in points.items():
        where = (run_id, step, updates[step], 0.0)
        episode = {name: values.pop(name) for name in [*values] if name.startswith(EPISODE)}
        evaluation = {name: values.pop(name) for name in [*values] if name.startswith(EVALUATION)}
        if episode:
            length = int(episode.get("episode/length", 0))
            yield active, EpisodeFinished(*where, episode.get("episode/return", 0.0), length, False, True)
        if evaluation and step in told:
            data = told[step]
            recording = _arrays(project, files.get(("episode", step)))
            lengths = tuple(map(int, data["lengths"]))
            yield active, EvaluationFinished(*where, tuple(data["returns"]), lengths, data["seconds"], recording)
        if values:
            yield active, ScalarsLogged(*where, values)
    last = max(points, default=(0, 0.0))
    for (kind, step), row in files.items():
        if kind == "analysis":
            active = next((seconds for at, seconds in sorted(points) if at >= step), last[1])
            arrays, document = project.artifacts.load(row)
            name = row.name.rpartition("-")[0]
            place = (run_id, step, updates.get(step, 0), 0.0)
            yield active, AnalysisFinished(*place, name, {}, arrays, document, row.info, 0.0)


def _arrays(project: Project, row: ArtifactRow | None) -> dict[str, NDArray[Any]]:
    return {} if row is None else project.artifacts.load(row)[0]


class Player:
    """The thread that tells a recording as run ``run_id``, ``speed`` times as fast as it happened."""

    def __init__(self, recorder: Recorder, run_id: int, recording: Recording, speed: float) -> None:
        self.run_id, self.channel = run_id, Channel()
        self._recorder, self._recording, self._speed = recorder, recording, speed
        #: seconds told, counted from the first telling's begin; events told
        self.told, self.events = 0.0, 0
        self._viewed_at = self._heartbeat_at = 0.0
        self._thread = threading.Thread(target=self._work, name=f"run {run_id}", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._recorder.change_state(self.run_id, RunState.RUNNING)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still tells."""
        return self._thread.is_alive()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for its end, which a stop of the channel brings; returns whether it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        begin = time.perf_counter()
        upcoming = self._endlessly()
        due, event = next(upcoming)
        self.channel.publish(StateChanged(self.run_id, 0, 0, time.time(), RunState.RUNNING.value, ""))
        while not (self.channel.stopping or self.channel.leaving):
            self.told = self._speed * (time.perf_counter() - begin)
            while due <= self.told:
                self._recorder.record(event, due)
                self.channel.publish(event)
                self.events += 1
                due, event = next(upcoming)
            self._tell_snapshots()
            self.channel.wait_for_stop(LOOK)
        self._heartbeat()
        self._recorder.change_state(self.run_id, RunState.STOPPED)

    def _endlessly(self) -> Iterator[tuple[float, Event]]:
        """Events with the active seconds at which each is due, telling after telling."""
        told = self._recording
        telling = 0
        while True:
            for seconds, event in told.events:
                step, updates = event.step + telling * told.step, event.updates + telling * told.updates
                moved = replace(event, run_id=self.run_id, step=step, updates=updates, wall_time=time.time())
                yield telling * told.seconds + seconds, moved
            telling += 1

    def _tell_snapshots(self) -> None:
        now, (step, updates), wanted = time.perf_counter(), self._place(), self.channel.view_interval
        where = (self.run_id, step, updates, time.time())
        self.channel.publish(Progress(*where, "learning", 10 * self._recording.step))
        states = len(self._recording.qpos)
        if wanted is not None and states and now - self._viewed_at >= wanted:
            self._viewed_at = now
            at = step % states
            self.channel.publish(SimulatorView(*where, self._recording.qpos[at], self._recording.qvel[at], at, 0.0))
        if now - self._heartbeat_at >= HEARTBEAT:
            self._heartbeat_at = now
            self._heartbeat()

    def _heartbeat(self) -> None:
        speeds = (self._speed * self._recording.step / self._recording.seconds, None)
        latest, best = self._recorder.evaluations(self.run_id)
        self._recorder.project.runs.heartbeat(self.run_id, *self._place(), self.told, latest, best, *speeds, PROMISE)

    def _place(self) -> tuple[int, int]:
        """Environment steps and updates until now."""
        part = self.told / self._recording.seconds
        return int(part * self._recording.step), int(part * self._recording.updates)


class ReplayQueue(RunQueue):
    """A queue that starts no run; instead a player tells one."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder, only=())
        self._player: Player | None = None

    def play(self, run_id: int, recording: Recording, speed: float) -> Player:
        """Begin to tell a recording as the queued run ``run_id``; closing the queue ends it."""
        self._player = Player(self.recorder, run_id, recording, speed)
        self._player.start()
        return self._player

    def workers(self) -> list[Player]:  # type: ignore[override]  # what watchers use of a worker, a player has too
        """The player, while it plays."""
        return [self._player] if self._player is not None and self._player.alive else []

    def channel(self, run_id: int) -> Channel | None:
        """The player's, for its run."""
        return next((player.channel for player in self.workers() if player.run_id == run_id), None)
