"""What is asked of a running session through its channel, and what the driver does by the clock."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from storage import ArtifactDamaged, DiskFull, Project, RunState, StateRefused
from tests.workbench.engine.lab import (
    assert_same,
    at_message,
    drain,
    series,
    small_spec,
    train,
    wait_for,
)
from workbench import events
from workbench.engine import driver as driver_module
from workbench.engine.channel import Channel
from workbench.engine.driver import Convoy, Driver, Patience
from workbench.engine.lanes import Lanes
from workbench.engine.queue import RunQueue
from workbench.engine.recorder import Recorder
from workbench.engine.session import TrainingSession

Look = Callable[[Any], Any]


def start(queue: RunQueue, look: Callable[[Channel, Any], Any], **values: Any) -> tuple[int, Channel]:
    """Submit a run and begin it; ``look`` sees every message in the worker's thread, from the first on."""
    run_id = queue.submit(small_spec(**values))[0]
    queue.pump()
    channel = queue.channel(run_id)
    assert channel is not None
    at_message(channel, lambda message: look(channel, message))
    return run_id, channel


def progress(message: Any, step: int, phase: str) -> bool:
    return isinstance(message, events.Progress) and (message.step, message.phase) == (step, phase)


def states(project: Project, run_id: int) -> list[str]:
    return [row.data["to"] for row in project.log.read(run_id, ("state",))]


# ---- pause, stop, requests ------------------------------------------------------------------------------------------


def test_a_paused_run_holds_with_a_resume_point_and_goes_on(
    project: Project, other: Project, queue: RunQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver_module, "HEARTBEAT_INTERVAL", 0.05)
    seen = threading.Event()

    def pause(channel: Channel, message: Any) -> None:
        if progress(message, 80, "evaluating") and not seen.is_set():
            seen.set()
            channel.pause()

    run_id, channel = start(queue, pause, engine__checkpoint_seconds=1000)
    wait_for(lambda: project.runs.get(run_id).status is RunState.PAUSED)
    before = project.runs.get(run_id)
    assert before.step == 80
    held = channel.latest(events.Progress)
    point = project.artifacts.latest(run_id, "resume")
    assert point is not None
    assert point.step == 80
    time.sleep(0.3)
    assert channel.latest(events.Progress) is held
    after = project.runs.get(run_id)
    assert after.heartbeat is not None
    assert before.heartbeat is not None
    assert after.heartbeat > before.heartbeat  # it is alive
    queue.resume(run_id)  # the same as proceeding
    drain(queue)
    assert states(project, run_id) == ["running", "pausing", "paused", "running", "finished"]
    told = [event.state for event in channel.take_events() if isinstance(event, events.StateChanged)]
    assert told == states(project, run_id)
    assert_same(project, run_id, other, train(other, small_spec(engine__checkpoint_seconds=1000))[0])


@pytest.mark.parametrize("paused", [False, True])
def test_a_stop_ends_running_and_paused_runs_with_a_resume_point(
    project: Project, queue: RunQueue, paused: bool
) -> None:
    def ask(channel: Channel, message: Any) -> None:
        if progress(message, 70, "acting"):
            channel.pause() if paused else channel.stop()

    run_id, channel = start(queue, ask)
    if paused:
        wait_for(lambda: project.runs.get(run_id).status is RunState.PAUSED)
        queue.stop(run_id)
    drain(queue)
    row = project.runs.get(run_id)
    assert (row.status, row.reason, row.step, row.updates) == (RunState.STOPPED, "stopped on request", 70, 30)
    assert states(project, run_id)[-2:] == ["stopping", "stopped"]
    point = project.artifacts.latest(run_id, "resume")
    assert point is not None
    assert point.step == 70
    assert channel.take_events()[-1].state == "stopped"  # type: ignore[attr-defined]


def test_a_checkpoint_and_an_evaluation_can_be_asked_for_and_change_no_other_number(
    project: Project, other: Project, queue: RunQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver_module, "CHORE_INTERVAL", 0.0)

    def ask(channel: Channel, message: Any) -> None:
        if progress(message, 57, "learning"):
            channel.evaluate_now()
        if progress(message, 93, "learning"):
            channel.checkpoint_now()

    run_id, _ = start(queue, ask, engine__checkpoint_seconds=1000)
    drain(queue)
    points = [row.step for row in project.log.read(run_id, ("checkpoint",)) if row.data["kind"] == "resume"]
    assert points == [40, 93, 160]
    evaluated = project.series.read(run_id, "evaluation/return").step.tolist()
    assert evaluated == [40, 57, 80, 120, 160]
    same = train(other, small_spec(engine__checkpoint_seconds=1000))[0]
    one, two = series(project, run_id), series(other, same)
    extra = [point for point in one["evaluation/return"] if point[0] != 57]
    assert extra == two["evaluation/return"]
    assert {name: one[name] for name in one if "evaluation" not in name} == {
        name: two[name] for name in two if "evaluation" not in name
    }


def test_the_view_of_the_simulator_changes_nothing(project: Project, other: Project, queue: RunQueue) -> None:
    spec = small_spec("HalfCheetah-v5")
    run_id = queue.submit(spec)[0]
    queue.pump()
    channel = queue.channel(run_id)
    assert channel is not None
    channel.view_interval = 0.0
    views: list[events.SimulatorView] = []
    at_message(channel, lambda message: isinstance(message, events.SimulatorView) and views.append(message))
    drain(queue)
    assert len(views) > 2
    assert views[0].qpos.shape == (9,)
    assert views[0].qvel.shape == (9,)
    assert len({view.qpos.tobytes() for view in views}) == len({view.step for view in views})
    assert_same(project, run_id, other, train(other, spec)[0])


# ---- by the clock ---------------------------------------------------------------------------------------------------


def test_heartbeats_promise_the_next(project: Project, queue: RunQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_module, "HEARTBEAT_INTERVAL", 0.02)
    monkeypatch.setattr(driver_module, "HEARTBEAT_PROMISE", 7.0)
    seen: list[tuple[float, float, int]] = []

    def look(channel: Channel, message: Any) -> None:
        if progress(message, 120, "acting"):
            project.writer.flush()
            row = project.runs.get(message.run_id)
            assert row.heartbeat is not None
            assert row.next_heartbeat is not None
            seen.append((row.heartbeat, row.next_heartbeat, row.step))

    run_id, _ = start(queue, look)
    drain(queue)
    [(beat, promised, step)] = seen
    assert promised - beat == pytest.approx(7.0, abs=0.01)
    assert 0 < step <= 120
    row = project.runs.get(run_id)
    assert (row.step, row.updates, row.next_heartbeat) == (160, 120, None)
    assert row.active_seconds > 0
    assert row.steps_per_second is not None
    latest = project.series.read(run_id, "evaluation/return").value
    assert (row.latest_return, row.best_return) == (latest[-1], latest.max())


def test_resume_points_come_in_time_and_snapshots_at_their_steps(project: Project, queue: RunQueue) -> None:
    values = {"engine__checkpoint_seconds": 0.01, "engine__snapshot_percent": 30}
    run_id, _ = start(queue, lambda channel, message: None, **values)
    drain(queue)
    written = [(row.data["kind"], row.data["name"]) for row in project.log.read(run_id, ("checkpoint",))]
    points = [name for kind, name in written if kind == "resume"]
    assert "resume-40" in points  # the end of warm-up
    assert len(points) > 4
    assert [row.name for row in project.artifacts.list(run_id, "resume")] == list(dict.fromkeys(points))[-2:]
    assert [name for kind, name in written if kind == "snapshot" and not name.startswith("best")] == [
        "step-48",
        "step-96",
        "step-144",
        "step-160",
    ]
    best = project.series.read(run_id, "evaluation/return")
    assert Recorder(project).snapshot_row(run_id, "best").step == best.step[best.value == best.value.max()][-1]


def test_going_back_to_an_older_point_keeps_the_best_of_that_time(project: Project, queue: RunQueue) -> None:
    run_id, _ = start(queue, lambda channel, message: None, engine__keep_snapshots="false")
    drain(queue)
    oldest = project.artifacts.list(run_id, "resume")[0].step
    project.runs.truncate_after(run_id, oldest)
    evaluations = project.series.read(run_id, "evaluation/return")
    best = evaluations.step[evaluations.value == evaluations.value.max()][-1]
    assert Recorder(project).snapshot_row(run_id, "best").step == best


def test_long_steps_do_not_keep_a_resume_point_waiting(
    project: Project, queue: RunQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One step with many updates: the resume point is taken between two of them."""
    monkeypatch.setattr(driver_module, "CHORE_INTERVAL", 0.0)
    inside: list[int] = []

    def look(channel: Channel, message: Any) -> None:
        if isinstance(message, events.CheckpointWritten) and message.kind == "resume":
            inside.append(message.updates % 90)

    start(queue, look, warm_up_steps=2, total_steps=6, updates_per_step=90, engine__checkpoint_seconds=0.01)
    drain(queue)
    assert any(inside)


def test_driving_costs_little(project: Project) -> None:
    """Items of a warm-up: what the driver adds to each, and how fast the steps are."""
    run_id = Recorder(project).submit(small_spec(warm_up_steps=4000, total_steps=4001))[0]
    project.runs.change_state(run_id, RunState.RUNNING)
    recorder, device = Recorder(project), torch.device("cpu")
    spec, seed = recorder.spec(run_id)
    session = TrainingSession(spec, seed, run_id, device)
    inside = 0.0
    lanes = Lanes([session])
    [lane] = lanes.lanes
    advance = lane.advance

    def timed() -> Any:
        nonlocal inside
        begin = time.thread_time()
        message = advance()
        inside += time.thread_time() - begin
        return None if message is None or message.step == 3900 else message

    lane.advance = timed  # type: ignore[method-assign]
    begin = time.thread_time()
    for _, ending in Convoy(lanes, [Driver(lane, recorder, Channel())]).drive():
        assert ending is RunState.FINISHED
    total = time.thread_time() - begin
    session.close()
    per_item = (total - inside) / 3900
    assert per_item < 100e-6  # 10 to 20 microseconds, with its share of checkpoints, on an idle core
    assert 3900 / inside > 2500  # ten thousand a second on an idle core


# ---- the worker's thread --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("polite_workers")
def test_a_worker_is_named_and_nice_and_leaves_global_generators_alone(project: Project, queue: RunQueue) -> None:
    before = torch.random.get_rng_state(), str(np.random.get_state())
    seen: dict[str, Any] = {}

    def look(channel: Channel, message: Any) -> None:
        if progress(message, 50, "acting"):
            seen["thread"] = threading.current_thread().name
            seen["nice"] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            seen["threads"] = torch.get_num_threads()

    run_id, _ = start(queue, look)
    mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    drain(queue)
    assert seen == {"thread": f"run {run_id}", "nice": min(mine + 10, 19), "threads": 1}
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == mine
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert str(np.random.get_state()) == before[1]
    assert f"run {run_id}" not in {thread.name for thread in threading.enumerate()}


# ---- patience -------------------------------------------------------------------------------------------------------


def refuse(times: int, error: Exception) -> Callable[[], str]:
    left = times

    def write() -> str:
        nonlocal left
        left -= 1
        if left >= 0:
            raise error
        return "written"

    return write


def test_patience_says_what_holds_it_and_forgets_it_when_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_module, "DISK_INTERVAL", 0.001)
    channel = Channel()
    told: list[str] = []
    patience = Patience(channel, 10.0, lambda: told.append(channel.trouble))
    assert patience.store(refuse(3, DiskFull("No room."))) == "written"
    assert told == ["No room. Nothing was changed."] * 3
    assert channel.trouble == ""


def test_patience_ends_by_time_by_a_stop_and_where_waiting_does_not_help() -> None:
    channel = Channel()
    begin = time.monotonic()
    with pytest.raises(DiskFull):
        Patience(channel, 0.05).store(refuse(1000, DiskFull("No room.")))
    assert 0.05 <= time.monotonic() - begin < 5
    patient = Patience(channel, 1000.0)
    with pytest.raises(StateRefused):
        patient.store(refuse(1, StateRefused("No.")))
    channel.stop()
    with pytest.raises(ArtifactDamaged):
        patient.store(refuse(1, ArtifactDamaged("No.")))
    put_away = Channel()
    put_away.put_away()
    with pytest.raises(DiskFull):
        Patience(put_away, 1000.0).store(refuse(1, DiskFull("No room.")))


def test_a_run_can_do_without_warm_up(project: Project) -> None:
    """Without warm-up the untrained agent is evaluated before the first step."""
    run_id = train(project, small_spec(warm_up_steps=0, total_steps=50))[0]
    assert project.series.read(run_id, "evaluation/return").step.tolist() == [0, 40, 50]
    assert project.runs.get(run_id).updates == 50
