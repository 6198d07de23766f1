"""The model error of a subject by kind of episode: recorded ones that no gradient saw, and its own fresh ones."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from workbench.analysis.encoded import encode_episode
from workbench.analysis.model_error import STARTS, JudgedEpisode, ModelError, model_error
from workbench.analysis.steps import Analysis, AnalysisStep, told_as
from workbench.engine.episodes import Recording, read_recording, record_episode, recorded_episodes
from workbench.engine.recorder import Recorder
from workbench.engine.subject import Subject
from workbench.environments.rollout import Episode

#: recorded episodes at most, spread over training, and fresh ones
HELD_OUT, VISITED = 8, 4


def held_out_and_visited(
    recorder: Recorder, subject: Subject, horizon: int, fresh: int = VISITED, starts: int = STARTS
) -> Analysis[dict[str, ModelError]]:
    """``held_out``: up to eight recorded evaluation episodes, spread over training; left out where there are none.
    ``visited``: ``fresh`` new episodes of the subject's policy.

    Raises NoWorldModel, storage.ArtifactDamaged, EnvironmentProblem and NonFiniteValue.
    """
    model = subject.world_model()
    rows = [row for row in recorded_episodes(recorder, subject.run.id) if row.name.startswith("evaluation")]
    picked = sorted(set(np.linspace(0, len(rows) - 1, min(HELD_OUT, len(rows))).round().astype(int).tolist()))
    recordings = [read_recording(recorder, rows[place]) for place in picked]
    episodes: list[Episode] = []

    def counted(step: AnalysisStep) -> AnalysisStep:
        return AnalysisStep(len(episodes) * step.total + step.done, fresh * step.total, "steps of fresh episodes")

    for number in range(fresh):
        episodes.append((yield from told_as(record_episode(subject, number), counted)))
    found = {}
    if recordings:
        found["held_out"] = yield from model_error(model, _judged(subject, recordings), horizon, starts)
    found["visited"] = yield from model_error(model, _judged(subject, episodes), horizon, starts)
    return found


def _judged(subject: Subject, episodes: Iterable[Recording | Episode]) -> list[JudgedEpisode]:
    model = subject.world_model()
    return [
        JudgedEpisode(
            encode_episode(model, each.observations, each.actions, each.rewards),
            np.asarray(each.observations, np.float64),
        )
        for each in episodes
    ]
