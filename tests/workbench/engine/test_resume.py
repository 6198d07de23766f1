"""Killed, stopped, damaged, extended: a run that goes on amounts to what an undisturbed one does, bit for bit."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import Project, RunState, open_project
from tests.workbench.engine.faulty import FAULTY
from tests.workbench.engine.lab import (
    SMALL,
    alm_spec,
    amount,
    assert_same,
    drain,
    log,
    notes,
    resume,
    series,
    small_spec,
    stop_at,
    train,
)
from workbench import events
from workbench.engine import checkpoint
from workbench.engine.queue import RunQueue
from workbench.engine.recorder import Recorder
from workbench.settings import SettingsError
from workbench.spec import RunSpec, new_spec

# ---- killed ---------------------------------------------------------------------------------------------------------


Kill = dict[str, Any]
MOMENT = random.Random(11)
KILLED: dict[str, tuple[RunSpec, list[Kill]]] = {
    "HalfCheetah-v5": (
        alm_spec("HalfCheetah-v5", engine__checkpoint_seconds=0.15),
        [
            {"at": {"run": 1, "step": MOMENT.randrange(5, 55)}},  # in warm-up, before the first resume point
            {"writing": {"folder": "resume", "count": 1}},  # the first resume point is half written
            {"at": {"run": 1, "step": 60, "phase": "evaluating"}},  # in the first evaluation
            {"at": {"run": 1, "step": 0}},  # right after a resume
            {"at": {"run": 1, "step": MOMENT.randrange(65, 85), "phase": "learning"}},
            {"writing": {"folder": "resume", "count": 1}},  # half a later one
            {"at": {"run": 1, "step": 120, "phase": "evaluating"}},
            {"at": {"run": 1, "step": MOMENT.randrange(121, 149)}},
        ],
    ),
    "Pendulum-v1": (
        alm_spec("Pendulum-v1", updates_per_step=2, engine__checkpoint_seconds=0.1),  # often in the middle of a step
        [
            {"at": {"run": 1, "step": 1, "phase": "acting"}},
            {"writing": {"folder": "snapshot", "count": 2}},
            {"at": {"run": 1, "step": MOMENT.randrange(76, 90), "phase": "learning"}},
            {"writing": {"folder": "episode", "count": 2}},  # an evaluation is about to be stored
        ],
    ),
}


@pytest.mark.parametrize("environment", KILLED)
def test_killed_at_any_moment_a_run_goes_on_as_if_nothing_had_happened(
    folder: Path, other: Project, programs: Callable[..., Any], environment: str
) -> None:
    spec, kills = KILLED[environment]
    with open_project(folder, write=True) as project:
        RunQueue(Recorder(project)).submit(spec)
    for kill in kills:
        programs("train", folder=str(folder), killed=True, **kill)
        with open_project(folder) as reader:
            assert reader.runs.get(1).status is RunState.INTERRUPTED
            series(reader, 1)  # its steps increase
    programs("train", folder=str(folder))
    undisturbed = train(other, spec)[0]
    with open_project(folder, write=True) as project:
        assert project.runs.get(1).status is RunState.FINISHED
        assert_same(project, 1, other, undisturbed)
        told = notes(project, 1)
        assert told[0] == "Started again from step 0: there was no resume point."
        assert told[-1].startswith("Continued from step")


def test_what_was_stored_of_a_step_that_is_done_again_is_not_stored_twice(
    folder: Path, other: Project, programs: Callable[..., Any]
) -> None:
    spec = small_spec(engine__checkpoint_seconds=1000)
    with open_project(folder, write=True) as project:
        run_id = Recorder(project).submit(spec)[0]
        stop_at(project, run_id, in_phase("evaluating", 80))
        project.runs.change_state(run_id, RunState.QUEUED)
    # The evaluation that was broken off is repeated, stored, and then the process dies before the next resume point.
    programs("train", folder=str(folder), killed=True, at={"run": run_id, "step": 80, "phase": "acting", "after": 0.5})
    with open_project(folder, write=True) as project:
        assert 80 in project.series.read(run_id, "evaluation/return").step
        resume(project, run_id)
        assert notes(project, run_id) == ["Continued from step 80."] * 2
        assert_same(project, run_id, other, train(other, spec)[0])


# ---- stopped --------------------------------------------------------------------------------------------------------


def in_phase(phase: str, step: int, count: int = 2) -> Callable[[events.Message], bool]:
    """True at the ``count``-th item of that phase after environment step ``step``."""
    seen = 0

    def hit(message: events.Message) -> bool:
        nonlocal seen
        seen += isinstance(message, events.Progress) and message.step == step and message.phase == phase
        return seen == count

    return hit


def is_event(kind: type[events.Event], step: int) -> Callable[[events.Message], bool]:
    """True at the event of that kind after environment step ``step``."""
    return lambda message: isinstance(message, kind) and message.step == step


def test_stopped_between_any_two_items_a_run_goes_on_as_if_it_had_not(project: Project, other: Project) -> None:
    spec = small_spec(updates_per_step=3, total_steps=130, engine__checkpoint_seconds=1000)
    run_id = Recorder(project).submit(spec)[0]
    moments = [
        is_event(events.EpisodeFinished, 30),
        is_event(events.WarmUpFinished, 40),
        in_phase("evaluating", 40),
        is_event(events.EvaluationFinished, 40),
        in_phase("learning", 47),
        in_phase("acting", 60, count=1),
        is_event(events.ScalarsLogged, 61),
        in_phase("learning", 65),  # where a snapshot is due
        is_event(events.EpisodeFinished, 70),
        in_phase("learning", 80, count=3),
        in_phase("evaluating", 80),
        is_event(events.EvaluationFinished, 130),
    ]
    for moment in moments:
        stop_at(project, run_id, moment)
        project.runs.change_state(run_id, RunState.QUEUED)
    drain(RunQueue(Recorder(project)))
    assert_same(project, run_id, other, train(other, spec)[0])


def test_stopped_before_anything_was_done(project: Project, other: Project) -> None:
    spec = small_spec()
    queue = RunQueue(Recorder(project))
    run_id = queue.submit(spec)[0]
    queue.pump()
    channel = queue.channel(run_id)
    assert channel is not None
    channel.stop()
    drain(queue)
    assert project.runs.get(run_id).status is RunState.STOPPED
    resume(project, run_id)
    assert_same(project, run_id, other, train(other, spec)[0])


def test_agents_without_networks_are_continued_and_logged(project: Project, other: Project) -> None:
    spec = new_spec("counter", "Pendulum-v1", {**SMALL, "engine.checkpoint_seconds": 1000}, device="cpu")
    run_id = Recorder(project).submit(spec)[0]
    for step in (33, 97):
        stop_at(project, run_id, in_phase("acting", step, count=1))
        project.runs.change_state(run_id, RunState.QUEUED)
    drain(RunQueue(Recorder(project)))
    assert_same(project, run_id, other, train(other, spec)[0])
    held = series(project, run_id)["replay/held"]
    assert held[0] == (20, 0, 15.0)  # the mean of what was held at steps 10 and 20


# ---- longer ---------------------------------------------------------------------------------------------------------


def test_a_longer_budget_extends_a_finished_run_to_what_a_longer_run_is(project: Project, other: Project) -> None:
    run_id = train(project, small_spec(total_steps=150))[0]
    queue = RunQueue(Recorder(project))
    with pytest.raises(SettingsError, match="total_steps: 150 is not beyond the 150 environment steps"):
        queue.resume(run_id)
    with pytest.raises(SettingsError, match="total_steps: 140 is not beyond"):
        queue.resume(run_id, 140)
    resume(project, run_id, 210)
    longer = train(other, small_spec(total_steps=210))[0]
    one, two = amount(project, run_id), amount(other, longer)
    for metric in ("evaluation/return", "evaluation/length"):
        extra = [point for point in one["series"][metric] if point not in two["series"][metric]]
        assert [step for step, _, _ in extra] == [150]
        one["series"][metric] = [point for point in one["series"][metric] if point not in extra]
    assert one["series"] == two["series"]
    assert one["state"] == two["state"]
    assert [entry for entry in one["log"] if entry[:2] != ("evaluation", 150)] == two["log"]
    row = project.runs.get(run_id)
    assert (row.step, row.total_steps) == (210, 210)
    assert row.latest_return == project.series.latest(run_id)["evaluation/return"][1]


def test_a_budget_that_leaves_nothing_after_warm_up_is_refused_and_changes_nothing(project: Project) -> None:
    run_id = Recorder(project).submit(small_spec())[0]
    stop_at(project, run_id, in_phase("acting", 20, count=1))
    with pytest.raises(SettingsError, match="warm_up_steps: 40 leaves nothing to learn"):
        RunQueue(Recorder(project)).resume(run_id, 30)
    row = project.runs.get(run_id)
    assert (row.status, row.total_steps) == (RunState.STOPPED, 160)


# ---- damaged --------------------------------------------------------------------------------------------------------


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


@pytest.fixture
def recorder(project: Project) -> Recorder:
    return Recorder(project)


@pytest.fixture
def stopped(project: Project, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> int:
    """A run with resume points at steps 70 and 100 and closed segments of 16 slots."""
    monkeypatch.setattr(checkpoint, "SEGMENT", 16)
    run_id = recorder.submit(small_spec(engine__checkpoint_seconds=1000))[0]
    for step in (70, 100):
        stop_at(project, run_id, in_phase("acting", step, count=1), recorder)
        if step == 70:
            project.runs.change_state(run_id, RunState.QUEUED)
    assert [row.step for row in project.artifacts.list(run_id, "resume")] == [70, 100]
    return run_id


@pytest.mark.parametrize("damage", [flip_a_byte, cut_short, Path.unlink])
@pytest.mark.parametrize("what", ["point", "segment"])
def test_a_damaged_resume_point_is_put_aside_for_the_one_before(
    project: Project, other: Project, recorder: Recorder, stopped: int, damage: Callable[[Path], None], what: str
) -> None:
    points = project.artifacts.list(stopped, "resume")
    added = set(points[1].info["replay_segments"]) - set(points[0].info["replay_segments"])
    segments = [row for row in project.artifacts.list(stopped, "replay") if row.name in added]
    damaged = points[1] if what == "point" else segments[0]
    damage(project.artifacts.file(damaged.path))
    damaged_is_there = project.artifacts.file(damaged.path).exists()
    (project.folder / "quarantine").mkdir()
    resume(project, stopped, recorder=recorder)
    told = notes(project, stopped)
    kind = "resume" if what == "point" else "replay"
    put_aside = f"Put aside, because it is damaged: The {kind} {damaged.name} of run {stopped} is damaged:"
    assert told[-2].startswith(put_aside)
    assert told[-1] == "Continued from step 70."
    assert any(damaged.name in path.name for path in (project.folder / "quarantine").iterdir()) == damaged_is_there
    assert_same(project, stopped, other, train(other, small_spec(engine__checkpoint_seconds=1000))[0])
    point = Recorder(project).load_resume_point(stopped)
    assert point is not None
    assert point.complaints == ()


def test_a_damaged_segment_that_all_points_need_is_written_anew(project: Project, other: Project, stopped: int) -> None:
    shared = project.artifacts.list(stopped, "replay")[0]
    flip_a_byte(project.artifacts.file(shared.path))
    resume(project, stopped)
    told = notes(project, stopped)
    assert [text.startswith("Put aside, because it is damaged: ") for text in told[-3:]] == [True, True, False]
    assert told[-1] == "Started again from step 0: there was no whole resume point."
    assert_same(project, stopped, other, train(other, small_spec(engine__checkpoint_seconds=1000))[0])


# ---- replay ---------------------------------------------------------------------------------------------------------


def test_a_replay_that_overwrites_itself_is_continued_from_shared_segments(
    project: Project, other: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SEGMENT", 16)
    spec = small_spec(total_steps=520, replay_capacity=100, engine__checkpoint_seconds=1000)
    run_id = Recorder(project).submit(spec)[0]
    kept: dict[str, int] = {}
    for step in (90, 200, 215, 460):
        stop_at(project, run_id, in_phase("acting", step, count=1))
        points = project.artifacts.list(run_id, "resume")
        rows = project.artifacts.list(run_id, "replay")
        assert len(points) <= 2
        assert {row.name for row in rows} == {name for point in points for name in point.info["replay_segments"]}
        for row in rows:  # written once, at the first point that needed it
            assert kept.setdefault(row.name, row.id) == row.id
        project.runs.change_state(run_id, RunState.QUEUED)
    drain(RunQueue(Recorder(project)))
    assert_same(project, run_id, other, train(other, spec)[0])


# ---- environments ---------------------------------------------------------------------------------------------------


def test_an_environment_of_unknown_state_begins_a_new_episode_and_says_so(project: Project, other: Project) -> None:
    spec = small_spec(FAULTY, environment__max_episode_steps=25)
    found = []
    for each in (project, other):
        run_id = Recorder(each).submit(spec)[0]
        stop_at(each, run_id, in_phase("acting", 60, count=1))
        resume(each, run_id)
        continued, new_episode = notes(each, run_id)
        assert continued == "Continued from step 60."
        assert new_episode.startswith("A new episode begins, because the simulator's state cannot be restored: ")
        assert "Faulty is not one of gymnasium's MuJoCo or classic-control environments" in new_episode
        found.append(amount(each, run_id))
    assert found[0] == found[1]  # even then a seed decides everything
    episodes = [step for kind, step, _ in log(project, run_id) if kind == "episode"]
    assert episodes == [25, 85, 110, 135, 160]
