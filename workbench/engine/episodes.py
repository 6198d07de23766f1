"""Episodes to analyse: those that a run's evaluations recorded, and fresh ones of any checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.steps import Analysis, AnalysisStep, told_as
from workbench.engine.recorder import ArtifactDamaged, ArtifactRow, Recorder
from workbench.engine.subject import Subject, open_subject
from workbench.environments.rollout import Episode, iterate_episode
from workbench.noise import derive_seed

#: how the names of episodes begin that were recorded on demand
FRESH = "fresh"
#: how the names of episodes begin that a planner drove in place of the policy; in their ``info``, the planner's name
DRIVEN = "driven"
#: steps after which a fresh episode is cut where its task has no limit of its own
LONGEST = 1000


@dataclass(frozen=True, eq=False)
class Recording:
    """T steps of an episode: observations [T + 1, *shape], actions [T, A], rewards [T]."""

    observations: NDArray[Any]
    actions: NDArray[Any]
    rewards: NDArray[np.float64]

    @property
    def length(self) -> int:
        """Environment steps, T."""
        return len(self.rewards)


def recorded_episodes(recorder: Recorder, run_id: int) -> tuple[ArtifactRow, ...]:
    """The recorded episodes of a run, by step."""
    return recorder.project.artifacts.list(run_id, "episode")


def nearest_episode(recorder: Recorder, run_id: int, step: int) -> ArtifactRow | None:
    """The agent's recorded episode nearest to environment step ``step``, the younger of two; None where none is."""
    rows = [row for row in recorded_episodes(recorder, run_id) if DRIVEN not in row.info]
    return min(reversed(rows), key=lambda row: abs(row.step - step), default=None)


def read_recording(recorder: Recorder, row: ArtifactRow) -> Recording:
    """What ``row`` holds. Raises storage.ArtifactDamaged, also for a file without the arrays of an episode."""
    return recording_of(row, recorder.project.artifacts.load(row)[0])


def recording_of(row: ArtifactRow, arrays: Mapping[str, NDArray[Any]]) -> Recording:
    """What the ``arrays`` of ``row`` hold. Raises storage.ArtifactDamaged where they are not those of an episode."""
    missing = [name for name in ("observations", "actions", "rewards") if name not in arrays]
    if missing or not 0 < len(arrays["rewards"]) == len(arrays["actions"]) == len(arrays["observations"]) - 1:
        what = f"The episode {row.name} of run {row.run_id} does not hold the steps of an episode."
        raise ArtifactDamaged(what, remedy="Use another one, or record a fresh one.")
    return Recording(arrays["observations"], arrays["actions"], np.asarray(arrays["rewards"], np.float64))


def record_episode(subject: Subject, number: int = 0) -> Analysis[Episode]:
    """Run one episode of the subject's policy without exploration, with positions and velocities.

    ``number`` tells apart episodes of the same checkpoint; the same number gives the same episode.

    Raises:
        EnvironmentProblem: the environment cannot be made or fails.
        NonFiniteValue: an action is not finite.
    """
    stream = f"{FRESH}/{subject.step}/{number}"
    environment = subject.make_environment()
    try:
        limit = environment.spec.max_episode_steps if environment.spec is not None else None
        longest = limit or LONGEST
        policy, seed = subject.policy(environment, stream), derive_seed(subject.run.seed, f"{stream}/reset") % 2**31
        steps = iterate_episode(environment, policy, seed=seed, max_steps=longest, record=True)
        return (yield from told_as(steps, lambda step: AnalysisStep(step.index, longest, "steps")))
    finally:
        environment.close()


def keep_episode(recorder: Recorder, subject: Subject, episode: Episode, number: int) -> ArtifactRow:
    """Store a fresh episode beside the run's recorded ones. Raises storage.DiskFull and storage.ProjectReadOnly."""
    arrays = {"observations": episode.observations, "actions": episode.actions, "rewards": episode.rewards}
    if episode.qpos is not None and episode.qvel is not None:
        arrays |= {"qpos": episode.qpos, "qvel": episode.qvel}
    info = {"return": episode.episode_return, "length": episode.length, "checkpoint": subject.checkpoint}
    name = f"{FRESH}-{subject.step}-{number}"
    return recorder.project.artifacts.save(subject.run.id, "episode", subject.step, name, arrays, info, info)


def next_number(recorder: Recorder, subject: Subject) -> int:
    """The number of the next fresh episode of the subject's checkpoint."""
    prefix = f"{FRESH}-{subject.step}-"
    taken = [row.name for row in recorded_episodes(recorder, subject.run.id) if row.name.startswith(prefix)]
    return max((int(name.removeprefix(prefix)) for name in taken), default=-1) + 1


def record_fresh(recorder: Recorder, run_id: int, checkpoint: str) -> Analysis[ArtifactRow]:
    """Record one more episode of a checkpoint's policy, and keep it; raises as the parts do."""
    subject = open_subject(recorder, run_id, checkpoint)
    number = next_number(recorder, subject)
    episode = yield from record_episode(subject, number)
    return keep_episode(recorder, subject, episode, number)
