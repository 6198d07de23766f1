"""Rollouts on demand: the same numbers as without the desk, each thing computed once, and dropped half way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from storage import ArtifactDamaged, Project
from tests.workbench.engine.lab import alm_spec, train
from workbench.analysis import encoded as encoding
from workbench.analysis.encoded import encode_episode
from workbench.analysis.latent_rollout import error_by_horizon, roll_out
from workbench.analysis.steps import exhaust
from workbench.engine import rollout_desk
from workbench.engine.episodes import keep_episode, nearest_episode, next_number, read_recording, record_episode
from workbench.engine.recorder import Recorder
from workbench.engine.rollout_desk import RolloutDesk, RolloutWish
from workbench.engine.subject import open_subject


@pytest.fixture
def run_id(project: Project) -> int:
    return train(project, alm_spec("Pendulum-v1"))[0]


@pytest.fixture
def wish(project: Project, run_id: int) -> RolloutWish:
    row = nearest_episode(Recorder(project), run_id, 150)
    assert row is not None
    assert (row.step, row.name) == (150, "evaluation-150")
    return RolloutWish(run_id, "last", run_id, row.name, start=4, horizon=8)


def test_the_answer_is_what_the_analyses_say(project: Project, wish: RolloutWish) -> None:
    recorder = Recorder(project)
    answer = exhaust(RolloutDesk(recorder).answer(wish))
    subject = open_subject(recorder, wish.run_id)
    row = nearest_episode(recorder, wish.run_id, 150)
    assert row is not None
    recording = read_recording(recorder, row)
    encoded = encode_episode(subject.world_model(), recording.observations, recording.actions, recording.rewards)
    rollout = exhaust(roll_out(subject.world_model(), encoded, 4, 8))
    errors = exhaust(error_by_horizon(subject.world_model(), encoded, 8))
    assert np.array_equal(answer.rollout.latents, rollout.latents)
    assert answer.errors is not None
    assert np.array_equal(answer.errors.error.mean, errors.error.mean)
    assert (answer.checkpoint_step, answer.episode_length, answer.start) == (150, 30, 4)


def test_a_drag_computes_only_the_rollout(
    project: Project, wish: RolloutWish, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, calls = RolloutDesk(Recorder(project)), []
    for name in ("open_subject", "encode_episode", "error_by_horizon", "read_recording"):
        real = getattr(rollout_desk, name)
        monkeypatch.setattr(
            rollout_desk, name, lambda *a, _n=name, _r=real, **k: calls.append(_n) or _r(*a, **k)
        )
    exhaust(desk.answer(wish))
    assert sorted(calls) == ["encode_episode", "error_by_horizon", "open_subject", "read_recording"]
    for start in (5, 6, 29, 400):
        answer = exhaust(desk.answer(replace(wish, start=start)))
        assert answer.start == min(start, 29)
        assert answer.errors is not None
    assert len(calls) == 4
    exhaust(desk.answer(replace(wish, checkpoint="75")))
    assert sorted(calls[4:]) == ["encode_episode", "error_by_horizon", "open_subject"]
    assert encoding.encode_episode is encode_episode


def test_an_answer_dropped_half_way_spoils_nothing(project: Project, wish: RolloutWish) -> None:
    desk = RolloutDesk(Recorder(project))
    steps = desk.answer(wish)
    partial = next(steps).partial
    assert isinstance(partial, rollout_desk.RolloutAnswer)
    assert partial.errors is None
    steps.close()
    again = exhaust(desk.answer(wish))
    assert np.array_equal(again.rollout.latents, partial.rollout.latents)
    assert again.errors is not None


def test_a_checkpoint_that_failed_is_tried_again(project: Project, wish: RolloutWish) -> None:
    recorder = Recorder(project)
    desk = RolloutDesk(recorder)
    exhaust(desk.answer(wish))
    row = next(each for each in project.artifacts.list(wish.run_id, "snapshot") if each.step == 75)
    path = project.artifacts.file(row.path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-4])
    with pytest.raises(ArtifactDamaged):
        exhaust(desk.answer(replace(wish, checkpoint="75")))
    path.write_bytes(whole)
    assert exhaust(desk.answer(replace(wish, checkpoint="75"))).checkpoint_step == 75
    assert exhaust(desk.answer(wish)).checkpoint_step == 150


def test_fresh_episodes_are_recorded_and_kept(project: Project, run_id: int) -> None:
    recorder = Recorder(project)
    subject = open_subject(recorder, run_id, "75")
    heard: list[int] = []
    episode = exhaust(record_episode(subject, 0), lambda step: heard.append(step.done))
    assert heard == list(range(1, 31))
    row = keep_episode(recorder, subject, episode, next_number(recorder, subject))
    assert (row.name, row.step, next_number(recorder, subject)) == ("fresh-75-0", 75, 1)
    again = exhaust(record_episode(subject, 0))
    other = exhaust(record_episode(subject, 1))
    assert np.array_equal(again.observations, episode.observations)
    assert not np.array_equal(other.observations[0], episode.observations[0])
    answer = exhaust(RolloutDesk(recorder).answer(RolloutWish(run_id, "75", run_id, "fresh-75-0", 0, 5)))
    assert answer.rollout.steps == 5


def test_an_episode_of_another_task_or_without_steps_is_refused(project: Project, wish: RolloutWish) -> None:
    recorder = Recorder(project)
    other = train(project, alm_spec("MountainCarContinuous-v0"))[0]
    row = nearest_episode(recorder, other, 150)
    assert row is not None
    with pytest.raises(ArtifactDamaged, match="belongs to another task than Pendulum-v1"):
        exhaust(RolloutDesk(recorder).answer(replace(wish, episode_run=other, episode=row.name)))
    with pytest.raises(ArtifactDamaged, match="has no episode evaluation-7 any more"):
        exhaust(RolloutDesk(recorder).answer(replace(wish, episode="evaluation-7")))
    empty = project.artifacts.save(other, "episode", 1, "evaluation-1", {"rewards": np.zeros(0)}, {})
    with pytest.raises(ArtifactDamaged, match="does not hold the steps of an episode"):
        read_recording(recorder, empty)
