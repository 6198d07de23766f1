"""What a session yields: events, which are ordered and never dropped, and snapshots, of which the latest wins.

All are frozen, picklable and free of torch tensors, so that a worker may be a thread, a process or another machine
behind the same channel. ``step`` always counts environment steps including warm-up; ``wall_time`` is seconds since the
epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Message:
    """Where in which run this was said."""

    run_id: int
    step: int
    updates: int
    wall_time: float


@dataclass(frozen=True, slots=True)
class Event(Message):
    """Stored by the recorder, in order, every one."""


@dataclass(frozen=True, slots=True)
class Snapshot(Message):
    """Droppable; only the latest of its kind matters."""


@dataclass(frozen=True, slots=True)
class ScalarsLogged(Event):
    """Metric name -> value at this step."""

    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class EpisodeFinished(Event):
    """A training episode ended. ``episode_return`` is the undiscounted sum of rewards."""

    episode_return: float
    length: int
    terminated: bool
    truncated: bool


@dataclass(frozen=True, slots=True)
class WarmUpFinished(Event):
    """The last random environment step was taken; the driver writes the first resume point here."""


@dataclass(frozen=True, slots=True)
class EvaluationFinished(Event):
    """Undiscounted returns and lengths of the evaluation episodes; ``recording`` holds the first one's arrays.

    ``document`` is JSON to be stored with them.
    """

    returns: tuple[float, ...]
    lengths: tuple[int, ...]
    seconds: float
    recording: dict[str, npt.NDArray[Any]]
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def mean_return(self) -> float:
        """Mean over the episodes."""
        return float(np.mean(self.returns))

    @property
    def info(self) -> dict[str, Any]:
        """What can be listed of the recording; ``plans`` are the decisions whose plans it holds, where it has some."""
        found = {"return": self.returns[0], "length": self.lengths[0], "mean_return": self.mean_return}
        plans = self.recording.get("plans/decision")
        return found if plans is None else {**found, "plans": len(plans)}


@dataclass(frozen=True, slots=True)
class AnalysisFinished(Event):
    """A measurement of the agent as it is: metrics, and ``arrays``, ``document`` and ``info`` to be stored with it."""

    analysis: str
    values: dict[str, float]
    arrays: dict[str, npt.NDArray[Any]]
    document: dict[str, Any]
    info: dict[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class CheckpointWritten(Event):
    """A resume point or snapshot is on disk."""

    kind: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    """The run's state, as stored, and why."""

    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Fault(Event):
    """What failed, in a sentence, and the traceback."""

    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Note(Event):
    """Something that a reader of the run should know (an episode restarted on resume, a fall-back taken)."""

    text: str


@dataclass(frozen=True, slots=True)
class Progress(Snapshot):
    """One item further. ``phase``: acting, learning, evaluating or measuring; ``total_steps`` is the budget."""

    phase: str
    total_steps: int


@dataclass(frozen=True, slots=True)
class SimulatorView(Snapshot):
    """The training environment's own positions and velocities at ``step``, for the live view."""

    qpos: npt.NDArray[np.float64]
    qvel: npt.NDArray[np.float64]
    episode_step: int
    episode_return: float
