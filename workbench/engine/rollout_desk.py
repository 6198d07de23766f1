"""Latent rollouts on demand: keeps what was opened and encoded, so that only what changed is computed again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from workbench.analysis.encoded import EncodedEpisode, encode_episode
from workbench.analysis.latent_health import LatentHealth, latent_health
from workbench.analysis.latent_rollout import ErrorByHorizon, Rollout, error_by_horizon, roll_out
from workbench.analysis.steps import Analysis, AnalysisStep, told_as
from workbench.engine.episodes import Recording, read_recording, recorded_episodes
from workbench.engine.recorder import ArtifactDamaged, Recorder
from workbench.engine.subject import Subject, open_subject

#: encoded episodes and errors by horizon that are kept
KEPT = 24

T = TypeVar("T")


@dataclass(frozen=True)
class RolloutWish:
    """What is to be rolled out: the networks of ``checkpoint`` (as :func:`open_subject` takes it) of run ``run_id``.

    The episode is the one called ``episode`` of run ``episode_run``, which may be another run of the same task.
    """

    run_id: int
    checkpoint: str
    episode_run: int
    episode: str
    start: int
    horizon: int


@dataclass(frozen=True, eq=False)
class RolloutAnswer:
    """What is known of a wish. ``errors`` follow the rollout; ``start`` is the wished one, held inside the episode.

    Limits for pictures: ``scale`` is the size that 99 % of the episode's latent coordinates stay below,
    ``error_scale`` twice the root mean square of their standard deviations, at most ``scale``.
    """

    wish: RolloutWish
    checkpoint_step: int
    episode_length: int
    start: int
    scale: float
    error_scale: float
    rollout: Rollout
    health: LatentHealth
    errors: ErrorByHorizon | None


@dataclass(frozen=True, eq=False)
class _Judged:
    """An encoded episode with what is said of all of it."""

    encoded: EncodedEpisode
    health: LatentHealth
    scale: float
    error_scale: float


class RolloutDesk:
    """Answers wishes one after the other, in one thread."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._subject: tuple[tuple[int, str], Subject] | None = None
        self._recordings: OrderedDict[Hashable, Recording] = OrderedDict()
        self._encoded: OrderedDict[Hashable, _Judged] = OrderedDict()
        self._errors: OrderedDict[Hashable, ErrorByHorizon] = OrderedDict()

    def answer(self, wish: RolloutWish) -> Analysis[RolloutAnswer]:
        """The rollout, yielded as it grows, then the errors by horizon; the result has both.

        Raises what :func:`open_subject` raises, NoWorldModel, and storage.ArtifactDamaged for the episode.
        """
        subject = self._open(wish)
        model = subject.world_model()
        recording = self._recording(wish)
        shapes = recording.observations.shape[1:], recording.actions.shape[1:]
        if shapes != (subject.facts.observation_shape, (subject.facts.action_size,)):
            what = f"The episode {wish.episode} belongs to another task than {subject.run.environment}."
            raise ArtifactDamaged(what, remedy="Choose an episode of the same task.")
        of = (wish.run_id, subject.checkpoint, subject.step, wish.episode_run, wish.episode)
        judged = _kept(self._encoded, of, lambda: _judge(subject, recording))
        encoded = judged.encoded
        start = min(max(wish.start, 0), encoded.length - 1)
        errors = self._errors.get((*of, wish.horizon))

        def known(rollout: Rollout) -> RolloutAnswer:
            return RolloutAnswer(
                wish=wish,
                checkpoint_step=subject.step,
                episode_length=encoded.length,
                start=start,
                scale=judged.scale,
                error_scale=judged.error_scale,
                rollout=rollout,
                health=judged.health,
                errors=errors,
            )

        def shown(step: AnalysisStep) -> AnalysisStep:
            assert isinstance(step.partial, Rollout)
            return AnalysisStep(step.done, step.total, step.unit, known(step.partial))

        rollout = yield from told_as(roll_out(model, encoded, start, wish.horizon), shown)
        if errors is None:
            yield AnalysisStep(rollout.steps, rollout.steps, "steps", known(rollout))
            errors = yield from error_by_horizon(model, encoded, wish.horizon)
            _keep(self._errors, (*of, wish.horizon), errors)
        return known(rollout)

    def _open(self, wish: RolloutWish) -> Subject:
        wanted = (wish.run_id, wish.checkpoint)
        if self._subject is None or self._subject[0] != wanted:
            before = None if self._subject is None else self._subject[1]
            self._subject = None  # whose agent takes the other networks, or is dropped
            self._subject = (wanted, open_subject(self._recorder, *wanted, reuse=before))
        return self._subject[1]

    def _recording(self, wish: RolloutWish) -> Recording:
        def read() -> Recording:
            for row in recorded_episodes(self._recorder, wish.episode_run):
                if row.name == wish.episode:
                    return read_recording(self._recorder, row)
            raise ArtifactDamaged(f"Run {wish.episode_run} has no episode {wish.episode} any more.")

        return _kept(self._recordings, (wish.episode_run, wish.episode), read)


def _judge(subject: Subject, recording: Recording) -> _Judged:
    model = subject.world_model()
    encoded = encode_episode(model, recording.observations, recording.actions, recording.rewards)
    health = latent_health(encoded, recording.observations)
    scale = float(np.percentile(np.abs(encoded.latents), 99))
    return _Judged(encoded, health, scale, min(scale, 2 * float(np.sqrt(health.variance.mean()))))


def _kept(shelf: OrderedDict[Hashable, T], key: Hashable, make: Callable[[], T]) -> T:
    """What is kept under ``key``, made if it is not there."""
    if key not in shelf:
        _keep(shelf, key, make())
    shelf.move_to_end(key)
    return shelf[key]


def _keep(shelf: OrderedDict[Hashable, T], key: Hashable, value: T) -> None:
    shelf[key] = value
    while len(shelf) > KEPT:
        shelf.popitem(last=False)
