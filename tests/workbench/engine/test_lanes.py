"""Seeds in lockstep are each what they are alone; one that fails, rests or stops leaves the others as they are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from storage import Project, RunState, open_project
from tests.workbench.engine.lab import (
    SMALL,
    alm_spec,
    assert_same,
    at_message,
    drain,
    notes,
    resume,
    small_spec,
    train,
    wait_for,
)
from tests.workbench.engine.small_agent import SmallAgent
from workbench import events
from workbench.engine import driver as driver_module
from workbench.engine.lanes import Lanes
from workbench.engine.queue import RunQueue
from workbench.engine.recorder import Recorder
from workbench.engine.session import TrainingSession
from workbench.spec import RunSpec, new_spec

CPU = torch.device("cpu")
#: resume points at the end of warm-up and where a run stops, nowhere else
RARELY = {"engine__checkpoint_seconds": 1000}
Look = Callable[[Any], Any]


def lockstep_spec(seeds: tuple[int, ...] = (1, 2, 3), **values: Any) -> RunSpec:
    return small_spec(seeds=seeds, engine__lockstep="on", **{**RARELY, **values})


def alone(project: Project, spec: RunSpec) -> list[int]:
    """Each seed of ``spec`` in a thread of its own."""
    return train(project, spec.changed({"engine.lockstep": "off"}))


def start(queue: RunQueue, spec: RunSpec, looks: dict[int, Look] | None = None) -> list[int]:
    """Submit and begin the seeds; ``looks`` (by place) see every message of theirs, in the thread, from the first."""
    runs = queue.submit(spec)
    begin(queue, runs, looks)
    return runs


def begin(queue: RunQueue, runs: list[int], looks: dict[int, Look] | None = None) -> None:
    queue.pump()
    for place, look in (looks or {}).items():
        channel = queue.channel(runs[place])
        assert channel is not None
        at_message(channel, look)


def ask(queue: RunQueue, run: Callable[[], int], request: str, step: int, phase: str = "acting") -> Look:
    """Ask for something at the first progress at ``step``."""

    def look(message: Any) -> None:
        if isinstance(message, events.Progress) and (message.step, message.phase) == (step, phase):
            channel = queue.channel(message.run_id)
            assert channel is not None
            getattr(channel, request)()

    return look


def states(project: Project, run_id: int) -> list[str]:
    return [row.data["to"] for row in project.log.read(run_id, ("state",))]


def crews(queue: RunQueue) -> list[list[int]]:
    """The runs of each thread, in order."""
    found = {worker.crew: None for worker in queue.workers()}
    return [[worker.run_id for worker in crew.workers] for crew in found]


# ---- each is what it is alone ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: lockstep_spec(updates_per_step=2),
        lambda: alm_spec("HalfCheetah-v5", seeds=(1, 2), engine__lockstep="on", **RARELY),
        lambda: new_spec("counter", "Pendulum-v1", {**SMALL, "engine.lockstep": "on"}, seeds=(1, 2), device="cpu"),
    ],
    ids=["small", "alm", "without updates"],
)
def test_a_lane_is_what_its_seed_is_alone(project: Project, other: Project, make: Callable[[], RunSpec]) -> None:
    spec = make()
    queue = RunQueue(Recorder(project))
    runs = start(queue, spec)
    assert crews(queue) == [runs]
    names = {thread.name for thread in threading.enumerate()}
    assert f"run {', '.join(map(str, runs))}" in names
    drain(queue)
    for run_id, same in zip(runs, alone(other, spec), strict=True):
        assert states(project, run_id) == ["running", "finished"]
        assert project.runs.get(run_id).group_id is not None
        assert_same(project, run_id, other, same)


def test_updates_are_made_together_and_lanes_wait_for_each_other() -> None:
    sessions = [TrainingSession(lockstep_spec(engine__log_interval=1000), seed, seed, CPU) for seed in (1, 2, 3)]
    steps: dict[int, int] = {}
    behind = 0
    for lane, message in Lanes(sessions).run():
        assert lane.fault is None
        if message is not None:
            steps[message.run_id] = message.step
            if len(steps) == 3 and min(steps.values()) > 40:
                behind = max(behind, max(steps.values()) - min(steps.values()))
    assert behind == 1
    assert [session.agent.updates for session in sessions] == [120] * 3
    shares = sessions[0].shares.state()
    assert shares["waiting"] > 0.0
    assert shares["update"] > 0.0


def test_a_lane_at_another_step_keeps_pace_and_ends_alone(project: Project, other: Project) -> None:
    """Of three seeds one was stopped early, one late; resumed together they go in lockstep, each at its own step."""
    spec = lockstep_spec()
    queue = RunQueue(Recorder(project))
    stops = {0: 50, 1: 120, 2: 20}
    runs = start(queue, spec, {place: ask(queue, int, "stop", step) for place, step in stops.items()})
    drain(queue)
    assert [project.runs.get(run_id).step for run_id in runs] == [50, 120, 20]
    again = RunQueue(Recorder(project))
    with again.held():
        for run_id in runs:
            again.resume(run_id)
    again.pump()
    assert crews(again) == [runs]
    drain(again)
    for run_id, same in zip(runs, alone(other, spec), strict=True):
        assert notes(project, run_id) == [f"Continued from step {stops[runs.index(run_id)]}."]
        assert_same(project, run_id, other, same)


# ---- one leaves -----------------------------------------------------------------------------------------------------


def test_a_lane_that_fails_leaves_the_others_as_they_are(
    project: Project, other: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = lockstep_spec()
    healthy = alone(other, spec)
    monkeypatch.setattr(SmallAgent, "poison", {2: 30})
    queue = RunQueue(Recorder(project))
    runs = start(queue, spec)
    drain(queue)
    assert [project.runs.get(run_id).status.value for run_id in runs] == ["finished", "failed", "finished"]
    assert "loss/imitation was not finite at update 30" in project.runs.get(runs[1]).reason
    for place in (0, 2):
        assert_same(project, runs[place], other, healthy[place])


@pytest.mark.parametrize("at", [0, 25])
def test_an_update_that_raises_ends_its_lane_alone(
    project: Project, other: Project, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    spec = lockstep_spec()
    healthy = alone(other, spec)
    update = SmallAgent.update

    def failing(agent: SmallAgent, *inputs: Any) -> Any:
        if agent.seed == 1 and agent.updates == at:
            raise RuntimeError("the matrix is singular")
        return update(agent, *inputs)

    monkeypatch.setattr(SmallAgent, "update", failing)
    queue = RunQueue(Recorder(project))
    runs = start(queue, spec)
    drain(queue)
    row = project.runs.get(runs[0])
    assert row.status is RunState.FAILED
    assert row.reason == f"RuntimeError: the matrix is singular (after environment step {41 + at})"
    assert "failing" in (row.fault or "")
    for place in (1, 2):
        assert_same(project, runs[place], other, healthy[place])


def test_why_updates_are_not_made_as_asked_is_said_once_and_a_stop_there_loses_nothing(
    project: Project, other: Project
) -> None:
    """There are no CUDA graphs on a CPU."""
    spec = lockstep_spec(engine__acceleration="graph")
    queue = RunQueue(Recorder(project))

    def stop(message: Any) -> None:
        if isinstance(message, events.Note) and (channel := queue.channel(message.run_id)) is not None:
            channel.stop()

    runs = start(queue, spec, {1: stop})
    drain(queue)
    assert [project.runs.get(run_id).status.value for run_id in runs] == ["finished", "stopped", "finished"]
    for run_id in runs:
        told = [row.data["text"] for row in project.log.read(run_id, ("note",))]
        assert told == ["There are no CUDA graphs on a CPU: updates are computed operator by operator."]
    resume(project, runs[1])
    for run_id, same in zip(runs, alone(other, spec.changed({"engine.acceleration": "eager"})), strict=True):
        assert_same(project, run_id, other, same)


def test_a_precision_that_the_device_lacks_ends_every_lane_in_a_sentence(project: Project) -> None:
    queue = RunQueue(Recorder(project))
    runs = start(queue, lockstep_spec(engine__precision="tf32"))
    drain(queue)
    for run_id in runs:
        row = project.runs.get(run_id)
        assert (row.status, row.reason.partition(":")[0]) == (RunState.FAILED, "engine.precision")


def test_a_lane_that_cannot_be_opened_leaves_the_others_as_they_are(project: Project, other: Project) -> None:
    spec = lockstep_spec()
    queue = RunQueue(Recorder(project))
    runs = queue.submit(spec)
    open_session = queue.recorder.spec

    def unreadable(run_id: int) -> Any:
        if run_id == runs[0]:
            raise RuntimeError("no memory is left")
        return open_session(run_id)

    queue.recorder.spec = unreadable  # type: ignore[method-assign]
    drain(queue)
    assert project.runs.get(runs[0]).reason == "RuntimeError: no memory is left"
    for run_id, same in zip(runs[1:], alone(other, spec)[1:], strict=True):
        assert_same(project, run_id, other, same)


def test_a_lane_that_cannot_be_continued_gives_back_what_it_held(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a run in another precision would be refused on a GPU for as long as the process lives."""
    spec = lockstep_spec()
    queue = RunQueue(Recorder(project))
    runs = start(queue, spec, {place: ask(queue, int, "stop", 60) for place in range(3)})
    drain(queue)
    closed: list[int] = []
    restore, close = TrainingSession.restore, TrainingSession.close

    def refused(session: TrainingSession, *parts: Any) -> Any:
        if session.run_id == runs[1]:
            raise RuntimeError("no memory is left")
        return restore(session, *parts)

    def closing(session: TrainingSession) -> None:
        closed.append(session.run_id)
        close(session)

    monkeypatch.setattr(TrainingSession, "restore", refused)
    monkeypatch.setattr(TrainingSession, "close", closing)
    for run_id in runs:
        queue.resume(run_id)
    drain(queue)
    assert project.runs.get(runs[1]).reason == "RuntimeError: no memory is left"
    assert sorted(closed) == runs


def test_a_stopped_lane_is_resumed_alone_while_the_others_go_on(project: Project, other: Project) -> None:
    spec = lockstep_spec(total_steps=400)
    queue = RunQueue(Recorder(project), limits={"cpu": 2})
    reached = threading.Event()
    hold = threading.Event()

    def wait(message: Any) -> None:
        if message.step >= 90:
            reached.set()
            assert hold.wait(60)

    runs = start(queue, spec, {0: wait, 1: ask(queue, int, "stop", 70)})
    wait_for(lambda: reached.is_set() and project.runs.get(runs[1]).status is RunState.STOPPED)
    queue.resume(runs[1])
    queue.pump()
    assert crews(queue) == [runs, [runs[1]]]
    wait_for(lambda: queue.outcome(runs[1]) is not None or queue.pump())
    assert project.runs.get(runs[1]).status is RunState.FINISHED
    assert project.runs.get(runs[0]).status is RunState.RUNNING
    hold.set()
    drain(queue)
    for run_id, same in zip(runs, alone(other, spec), strict=True):
        assert_same(project, run_id, other, same)


def test_a_paused_lane_rests_while_the_others_finish_and_then_goes_on(
    project: Project, other: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver_module, "HEARTBEAT_INTERVAL", 0.05)
    spec = lockstep_spec()
    queue = RunQueue(Recorder(project))
    runs = start(queue, spec, {1: ask(queue, int, "pause", 70)})
    wait_for(lambda: [project.runs.get(runs[place]).status.value for place in (0, 2)] == ["finished"] * 2)
    row = project.runs.get(runs[1])
    assert (row.status, row.step) == (RunState.PAUSED, 70)
    assert [worker.run_id for worker in queue.workers() if worker.alive] == [runs[1]]
    wait_for(lambda: (project.runs.get(runs[1]).heartbeat or 0.0) > (row.heartbeat or 0.0))  # it is alive
    queue.resume(runs[1])
    drain(queue)
    assert states(project, runs[1]) == ["running", "pausing", "paused", "running", "finished"]
    for run_id, same in zip(runs, alone(other, spec), strict=True):
        assert_same(project, run_id, other, same)


def test_a_lane_that_waits_for_another_obeys_at_once(project: Project, other: Project) -> None:
    """The second lane waits for its update while the first one evaluates, because that was asked for, and is held."""
    spec = lockstep_spec(seeds=(1, 2), engine__evaluation_episodes=5)
    queue = RunQueue(Recorder(project))
    stopped = threading.Event()

    def evaluate(message: Any) -> None:
        channel = queue.channel(message.run_id)
        assert channel is not None
        if isinstance(message, events.Progress) and message.step == 80 and message.phase == "evaluating":
            second = queue.channel(message.run_id + 1)
            if second is not None and not stopped.is_set():
                second.stop()
                stopped.set()

    runs = start(queue, spec, {0: evaluate})
    drain(queue)
    assert project.runs.get(runs[1]).status is RunState.STOPPED
    assert project.runs.get(runs[1]).step in (79, 80)
    resume(project, runs[1])
    for run_id, same in zip(runs, alone(other, spec), strict=True):
        assert_same(project, run_id, other, same)


def test_an_evaluation_of_one_lane_holds_up_nobody_for_good(
    project: Project, other: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver_module, "CHORE_INTERVAL", 0.0)
    spec = lockstep_spec()
    queue = RunQueue(Recorder(project))
    runs = start(queue, spec, {1: ask(queue, int, "evaluate_now", 57, "learning")})
    drain(queue)
    assert project.series.read(runs[1], "evaluation/return").step.tolist() == [40, 57, 80, 120, 160]
    same = alone(other, spec)
    for place in (0, 2):
        assert_same(project, runs[place], other, same[place])


# ---- all leave ------------------------------------------------------------------------------------------------------


def test_all_stopped_half_way_and_resumed_are_what_they_would_have_been(project: Project, other: Project) -> None:
    spec = lockstep_spec()
    queue = RunQueue(Recorder(project))
    runs = start(queue, spec, {0: lambda message: message.step == 90 and [queue.stop(each) for each in (1, 2, 3)]})
    assert runs == [1, 2, 3]
    drain(queue)
    assert [project.runs.get(run_id).status.value for run_id in runs] == ["stopped"] * 3
    assert all(project.runs.get(run_id).step in (89, 90) for run_id in runs)
    for run_id in runs:
        queue.resume(run_id)
    drain(queue)
    for run_id, same in zip(runs, alone(other, spec), strict=True):
        assert_same(project, run_id, other, same)


def test_all_put_away_paused_go_on_in_the_next_process(folder: Path, other: Project) -> None:
    spec = lockstep_spec(total_steps=600)
    with open_project(folder, write=True) as project:
        queue = RunQueue(Recorder(project))
        runs = start(queue, spec)
        wait_for(lambda: (found := queue.channel(runs[0])) and (at := found.latest(events.Progress)) and at.step > 50)
        assert queue.close(30, pause=True)
        assert queue.workers() == []
    with open_project(folder, write=True) as project:
        assert [project.runs.get(run_id).status.value for run_id in runs] == ["paused"] * 3
        queue = RunQueue(Recorder(project))
        with queue.held():
            for run_id in runs:
                queue.resume(run_id)
        drain(queue)
        for run_id, same in zip(runs, alone(other, spec), strict=True):
            assert_same(project, run_id, other, same)


def test_killed_in_lockstep_each_goes_on_as_if_nothing_had_happened(
    folder: Path, other: Project, programs: Callable[..., Any]
) -> None:
    spec = lockstep_spec(engine__checkpoint_seconds=0.05)
    with open_project(folder, write=True) as project:
        RunQueue(Recorder(project)).submit(spec)
    for run, step in ((2, 30), (1, 77), (3, 121)):
        programs("train", folder=str(folder), killed=True, at={"run": run, "step": step})
    programs("train", folder=str(folder))
    with open_project(folder, write=True) as project:
        for run_id, same in zip((1, 2, 3), alone(other, spec), strict=True):
            assert_same(project, run_id, other, same)


# ---- who goes with whom ---------------------------------------------------------------------------------------------


def test_seeds_go_together_where_that_is_asked_for(project: Project) -> None:
    queue = RunQueue(Recorder(project), limits={"cpu": 9})
    together = queue.submit(lockstep_spec((1, 2)))
    others = queue.submit(lockstep_spec((1, 2), learning_rate=0.02))
    longer = queue.submit(lockstep_spec((3,)), group=project.runs.get(together[0]).group_id)
    queue.recorder.extend(longer[0], 200)
    by_default = queue.submit(small_spec(seeds=(1, 2)))  # on a CPU runs in threads of their own are faster
    queue.pump()
    assert crews(queue) == [together, others, longer, *([run] for run in by_default)]
    drain(queue)


def test_lanes_take_one_place_of_their_device(project: Project) -> None:
    queue = RunQueue(Recorder(project), limits={"cpu": 1})
    first = queue.submit(lockstep_spec((1, 2), total_steps=60))
    second = queue.submit(lockstep_spec((3, 4), total_steps=60))
    queue.pump()
    assert crews(queue) == [first]
    drain(queue)
    assert {project.runs.get(run_id).status for run_id in [*first, *second]} == {RunState.FINISHED}
