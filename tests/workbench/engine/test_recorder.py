"""What is stored of a run: submissions, events once each, checkpoints and snapshots."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from storage import Project, RunState
from tests.tiny_runs import messages_of
from tests.workbench.engine.lab import SMALL, small_spec
from workbench import events
from workbench.engine.log_entries import log_entry
from workbench.engine.provenance import machine, versions
from workbench.engine.recorder import Recorder
from workbench.engine.session import TrainingSession
from workbench.metrics import scalars
from workbench.settings import SettingsError
from workbench.spec import new_spec

WHERE = (1, 80, 40, 1000.0)
EVENTS = [
    events.EpisodeFinished(*WHERE, -12.5, 30, False, True),
    events.WarmUpFinished(*WHERE),
    events.ScalarsLogged(*WHERE, {"loss/a": 0.5, "speed/steps": 100.0}),
    events.EvaluationFinished(*WHERE, (-1.0, -2.0), (30, 20), 0.1, {"rewards": np.arange(3.0)}),
    events.CheckpointWritten(*WHERE, "resume", "resume-80", 1234),
    events.Note(*WHERE, "Something to know."),
    events.StateChanged(*WHERE, "paused", "because"),
    events.Fault(*WHERE, "It broke.", "Traceback ..."),
    events.AnalysisFinished(
        *WHERE, "q-bias", {"q_bias/mean": 0.25}, {"returns": np.arange(2.0)}, {"discount": 0.9}, {"states": 2}, 0.5
    ),
]


@pytest.fixture
def recorder(project: Project) -> Recorder:
    return Recorder(project)


@pytest.fixture
def run_id(recorder: Recorder) -> int:
    return recorder.submit(small_spec())[0]


# ---- submissions ----------------------------------------------------------------------------------------------------


def test_several_seeds_are_runs_of_one_group(recorder: Recorder, project: Project) -> None:
    spec = small_spec(seeds=(3, 1, 4))
    runs = recorder.submit(spec)
    rows = [project.runs.get(run_id) for run_id in runs]
    assert [row.seed for row in rows] == [3, 1, 4]
    assert len({row.group_id for row in rows}) == 1
    assert project.runs.group(rows[0].group_id or 0).info == {"seeds": [3, 1, 4]}
    for row in rows:
        read, seed = recorder.spec(row.id)
        assert (read, seed) == (replace(spec, seeds=(row.seed,)), row.seed)
        assert row.versions == versions()
        assert row.host == machine()
        assert row.content_hash == spec.content_hash()
    assert [row.id for row in recorder.queued()] == runs
    alone = recorder.submit(small_spec(seeds=(9,)))[0]
    assert project.runs.get(alone).group_id is None


def test_what_runs_a_run_is_known(recorder: Recorder, run_id: int) -> None:
    assert {"python", "foresight", "torch", "mujoco", "gymnasium", "numpy"} == set(versions())
    assert versions()["torch"].startswith(torch.__version__.split("+")[0])
    assert set(machine()) == {"name", "system", "processor"}
    assert recorder.note_versions(run_id, matmul="torch", overlap="off") == []
    assert recorder.note_versions(run_id, matmul="onednn", overlap="off") == ["matmul torch -> onednn"]


def test_a_new_budget_is_part_of_the_spec(recorder: Recorder, run_id: int) -> None:
    recorder.extend(run_id, 500)
    assert recorder.spec(run_id)[0] == replace(small_spec(), settings=small_spec().settings.replace(total_steps=500))
    with pytest.raises(SettingsError, match="warm_up_steps"):
        recorder.extend(run_id, 30)
    assert recorder.run(run_id).total_steps == 500


# ---- events ---------------------------------------------------------------------------------------------------------


def test_every_event_is_stored_once(recorder: Recorder, project: Project, run_id: int) -> None:
    for event in EVENTS:
        recorder.record(event, 7.0)
    project.writer.flush()
    stored = {name: value for name, (_, value) in project.series.latest(run_id).items()}
    assert stored == {
        "episode/return": -12.5,
        "episode/length": 30.0,
        "evaluation/return": -1.5,
        "evaluation/length": 25.0,
        "loss/a": 0.5,
        "speed/steps": 100.0,
        "q_bias/mean": 0.25,
    }
    point = project.series.read(run_id, "loss/a")
    assert (point.step[0], point.updates[0], point.active_seconds[0], point.wall_time[0]) == (80, 40, 7.0, 1000.0)
    kinds = [(row.kind, row.step, row.updates, row.wall_time) for row in project.log.read(run_id)]
    assert [kind for kind, *_ in kinds] == [
        "episode",
        "warmupfinished",
        "evaluation",
        "checkpoint",
        "note",
        "notice",
        "fault",
        "analysis",
    ]
    assert {tuple(rest) for _, *rest in kinds} == {(80, 40, 1000.0)}
    [recording] = project.artifacts.list(run_id, "episode")
    assert recording.name == "evaluation-80"
    assert recording.info == {"return": -1.0, "length": 30, "mean_return": -1.5}
    assert recorder.evaluations(run_id) == (-1.5, -1.5)
    [analysis] = project.artifacts.list(run_id, "analysis")
    assert (analysis.name, analysis.info) == ("q-bias-80", {"states": 2})
    assert project.artifacts.load(analysis)[1] == {"discount": 0.9, "step": 80}


def test_a_step_that_is_done_again_adds_only_what_was_missing(
    recorder: Recorder, project: Project, run_id: int
) -> None:
    early = [event for event in EVENTS if not isinstance(event, events.EvaluationFinished)]
    for event in early:
        recorder.record(event, 7.0)
    recorder.prepare_resume(run_id, 80)
    repeated = [event for event in EVENTS if isinstance(event, (events.ScalarsLogged, events.EvaluationFinished))]
    for event in [EVENTS[1], *repeated, EVENTS[-1]]:
        recorder.record(event, 8.0)
    recorder.record(replace(EVENTS[2], step=90), 9.0)
    project.writer.flush()
    kinds = [row.kind for row in project.log.read(run_id)]
    assert "refused" not in kinds
    assert [kinds.count(kind) for kind in ("warmupfinished", "evaluation", "analysis")] == [1, 1, 1]
    assert project.series.read(run_id, "q_bias/mean").step.tolist() == [80]
    assert project.series.read(run_id, "loss/a").step.tolist() == [80, 90]
    assert project.series.read(run_id, "loss/a").active_seconds.tolist() == [7.0, 9.0]
    assert project.series.read(run_id, "evaluation/return").step.tolist() == [80]


def test_resuming_forgets_what_came_later(recorder: Recorder, project: Project, run_id: int) -> None:
    for step in (60, 80, 100):
        for event in EVENTS[:4]:
            recorder.record(replace(event, step=step), 0.0)
    recorder.prepare_resume(run_id, 80)
    for metric in project.series.metrics(run_id):
        assert project.series.read(run_id, metric).step.tolist() == [60, 80]
    assert {row.step for row in project.log.read(run_id)} == {60, 80}
    assert [row.name for row in project.artifacts.list(run_id, "episode")] == ["evaluation-60", "evaluation-80"]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_events_are_numbers_and_json(event: events.Event) -> None:
    assert all(isinstance(value, float) for value in scalars(event).values())
    kind, data = log_entry(event)
    assert kind.isalpha()
    assert isinstance(data, dict)


# ---- checkpoints ----------------------------------------------------------------------------------------------------


@pytest.fixture
def session(recorder: Recorder, project: Project, run_id: int) -> Any:
    project.runs.change_state(run_id, RunState.RUNNING)
    spec, seed = recorder.spec(run_id)
    opened = TrainingSession(spec, seed, run_id, torch.device("cpu"))
    yield opened
    opened.close()


def advance(session: TrainingSession, step: int) -> None:
    for message in messages_of(session):
        if message.step >= step and session.settled:
            return


def test_snapshots_hold_networks_and_only_the_last_and_best_where_not_all_are_kept(
    recorder: Recorder, project: Project, session: TrainingSession
) -> None:
    run_id = session.run_id
    order = ((50, "step-50", True), (60, "step-60", True), (70, "best-70", False), (80, "step-80", False))
    for step, name, keep in order:
        advance(session, step)
        written = recorder.save_snapshot(session, name, keep)
        assert (written.kind, written.name, written.step) == ("snapshot", name, step)
        if name == "best-70":
            assert len(project.artifacts.list(run_id, "snapshot")) == 3
    rows = project.artifacts.list(run_id, "snapshot")
    assert [(row.name, row.step) for row in rows] == [("best-70", 70), ("step-80", 80)]
    arrays, document = project.artifacts.load(rows[-1])
    state = session.agent.state().tensors
    assert arrays.keys() == {f"agent/{name}" for name in state if name.startswith("network/")}
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, state[name.removeprefix("agent/")].detach())
    assert document == {"step": 80, "updates": 40}
    assert recorder.snapshot_row(run_id, "last").name == "step-80"
    assert recorder.snapshot_row(run_id, "70").name == "best-70"
    assert recorder.snapshot_row(run_id, "best").name == "best-70"


def test_a_resume_point_is_read_back_as_it_was(recorder: Recorder, session: TrainingSession) -> None:
    advance(session, 90)
    assert recorder.load_resume_point(session.run_id) is None
    written = recorder.save_resume_point(session, 12.5)
    assert (written.kind, written.name) == ("resume", "resume-90")
    point = Recorder(recorder.project).load_resume_point(session.run_id)
    assert point is not None
    assert point.checkpoint is not None
    assert point.complaints == ()
    taken = session.checkpoint()
    assert point.checkpoint.document["active_seconds"] == 12.5
    assert {name: point.checkpoint.document[name] for name in taken.document} == taken.document
    for name, array in taken.arrays.items():
        np.testing.assert_array_equal(point.checkpoint.arrays[name], array)
    [(begin, rows)] = point.replay.parts()
    assert begin == 0
    for name, array in session.replay.rows(0, session.replay.head).items():
        np.testing.assert_array_equal(rows[name], array)


def test_the_guess_of_the_room_that_is_needed_grows_with_networks(recorder: Recorder) -> None:
    asked: list[int] = []

    def note(folder: Any, needed: int, purpose: str) -> None:
        asked.append(needed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workbench.engine.recorder.require_space", note)
        for hidden in (8, 256):
            recorder.require_space(new_spec("small", "Pendulum-v1", {**SMALL, "hidden_size": hidden}))
        recorder.require_space(new_spec("counter", "Pendulum-v1", SMALL))
        recorder.require_space(small_spec(engine__record_evaluations=False))
    assert asked[0] < asked[1] == asked[2]
    assert asked[3] < asked[0] < 2_000_000
