"""Which run starts when, how runs are stopped, forked and refused, and what the queue tells of them."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from storage import ArtifactDamaged, DiskFull, Project, RunState, StateRefused, open_project
from tests.workbench.engine.lab import (
    SMALL,
    alm_spec,
    assert_same,
    drain,
    notes,
    resume,
    small_spec,
    stop_at,
    train,
    wait_for,
)
from workbench import events
from workbench.agents import AGENTS
from workbench.engine import devices
from workbench.engine import queue as queue_module
from workbench.engine.devices import default_limit, resolve_device
from workbench.engine.queue import RunQueue
from workbench.engine.recorder import Recorder
from workbench.settings import SettingsError
from workbench.spec import new_spec

CPU = torch.device("cpu")


def status(project: Project, *runs: int) -> list[str]:
    return [project.runs.get(run_id).status.value for run_id in runs]


def pause_all(queue: RunQueue) -> None:
    for worker in queue.workers():
        worker.channel.pause()


# ---- order ----------------------------------------------------------------------------------------------------------


def test_no_more_runs_at_once_than_the_device_takes_in_the_order_of_the_queue(project: Project) -> None:
    queue = RunQueue(Recorder(project), limits={"cpu": 2})
    runs = queue.submit(small_spec(seeds=(1, 2, 3, 4, 5), total_steps=60, engine__record_evaluations=False))
    project.runs.reorder(runs[4], 0)
    most, first = 0, []

    def watch(queue: RunQueue) -> None:
        nonlocal most
        alive = [worker.run_id for worker in queue.workers() if worker.alive]
        most = max(most, len(alive))
        first.extend(run_id for run_id in alive if run_id not in first)

    drain(queue, watch)
    assert most == 2
    assert first == [runs[4], *runs[:4]]
    assert status(project, *runs) == ["finished"] * 5
    assert {queue.outcome(run_id).state for run_id in runs} == {RunState.FINISHED}  # type: ignore[union-attr]


def test_pumping_often_starts_a_run_once(project: Project) -> None:
    """A started run is stored as queued until its thread says otherwise."""
    queue = RunQueue(Recorder(project), limits={"cpu": 3})
    runs = queue.submit(small_spec(total_steps=60))
    for _ in range(20):
        queue.pump()
    assert len(queue.workers()) <= 1
    drain(queue)
    assert status(project, *runs) == ["finished"]
    assert [row.data["to"] for row in project.log.read(runs[0], ("state",))] == ["running", "finished"]


def test_only_the_given_runs_are_started(project: Project) -> None:
    left = RunQueue(Recorder(project)).submit(small_spec())[0]
    queue = RunQueue(Recorder(project), only=[])
    assert queue.idle
    mine = queue.submit(small_spec(total_steps=60))[0]
    drain(queue)
    assert status(project, left, mine) == ["queued", "finished"]


def test_a_queued_run_leaves_the_queue(project: Project) -> None:
    queue = RunQueue(Recorder(project), limits={"cpu": 1})
    first, second = queue.submit(small_spec(seeds=(1, 2), total_steps=80))
    queue.pump()
    queue.stop(second)
    assert project.runs.get(second).reason == "taken from the queue"
    drain(queue)
    assert status(project, first, second) == ["finished", "stopped"]
    with pytest.raises(StateRefused, match="finished and cannot become stopped"):
        queue.stop(first)
    resume(project, second)
    assert notes(project, second) == []  # it had never begun


def test_devices_have_limits_and_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert default_limit(CPU) == 7
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert default_limit(CPU) == 1
    assert default_limit(torch.device("cuda", 0)) == devices.RUNS_PER_GPU
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert [str(resolve_device(name)) for name in ("auto", "cpu", "cuda", "cuda:1")] == [
        "cuda:0",
        "cpu",
        "cuda:0",
        "cuda:1",
    ]
    with pytest.raises(SettingsError, match="device: cuda:2 is not there; this machine has cuda:0 to cuda:1"):
        resolve_device("cuda:2")


def test_a_device_that_is_gone_fails_its_run_in_a_sentence(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    queue = RunQueue(Recorder(project))
    spec = new_spec("small", "Pendulum-v1", {"total_steps": 60, "warm_up_steps": 40}, device="cuda:0")
    with pytest.raises(SettingsError, match="no CUDA device at all; use cpu or auto"):
        queue.submit(spec)
    [run_id] = queue.recorder.submit(spec)  # as another machine did
    other = queue.submit(small_spec(total_steps=60))[0]
    drain(queue)
    gone = "device: cuda:0 is not there; this machine has no CUDA device at all; use cpu or auto"
    assert project.runs.get(run_id).reason == gone
    assert status(project, run_id, other) == ["failed", "finished"]
    outcome = queue.outcome(run_id)
    assert outcome is not None
    assert outcome.state is RunState.FAILED


def test_an_agent_that_is_gone_fails_its_run_alone(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = RunQueue(Recorder(project), limits={"cpu": 2})
    gone = queue.submit(new_spec("counter", "Pendulum-v1", {"total_steps": 60, "warm_up_steps": 40}, device="cpu"))[0]
    there = queue.submit(small_spec(total_steps=60))[0]
    monkeypatch.delitem(AGENTS._table, "counter")
    drain(queue)
    row = project.runs.get(gone)
    assert row.status is RunState.FAILED
    assert row.reason.startswith("agent: there is no agent called 'counter'")
    assert status(project, there) == ["finished"]


# ---- the end --------------------------------------------------------------------------------------------------------


def test_closing_stops_all_with_resume_points_and_joins(project: Project, other: Project) -> None:
    queue = RunQueue(Recorder(project), limits={"cpu": 2})
    spec = small_spec(seeds=(1, 2, 3), total_steps=2000)
    runs = queue.submit(spec)
    queue.pump()
    wait_for(lambda: all((p := w.channel.latest(events.Progress)) and p.step > 20 for w in queue.workers()))
    pause_all(queue)
    wait_for(lambda: status(project, *runs[:2]) == ["paused", "paused"])
    queue.resume(runs[0])
    assert queue.close(timeout=30)
    assert queue.workers() == []
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("run ")]
    assert status(project, *runs) == ["stopped", "stopped", "queued"]
    for run_id in runs[:2]:
        point = project.artifacts.latest(run_id, "resume")
        assert point is not None
        assert point.step == project.runs.get(run_id).step
    queue.pump()
    assert queue.workers() == []  # closed is closed


def test_runs_that_are_put_away_stay_paused_for_the_next_process(folder: Path, other: Project) -> None:
    spec = small_spec(seeds=(1, 2), total_steps=300, engine__checkpoint_seconds=1000)
    with open_project(folder, write=True) as project:
        queue = RunQueue(Recorder(project), limits={"cpu": 2})
        runs = queue.submit(spec)
        queue.pump()
        paused = queue.channel(runs[0])
        assert paused is not None
        paused.pause()
        wait_for(lambda: status(project, runs[0]) == ["paused"])
        assert queue.close(timeout=30, pause=True)
        assert queue.workers() == []
    with open_project(folder, write=True) as project:
        assert project.interrupted == ()
        assert status(project, *runs) == ["paused", "paused"]
        for run_id, same in zip(runs, train(other, spec), strict=True):
            resume(project, run_id)
            assert_same(project, run_id, other, same)


def test_runs_that_run_or_wait_cannot_be_resumed(project: Project) -> None:
    queue = RunQueue(Recorder(project), limits={"cpu": 1})
    running, waiting = queue.submit(small_spec(seeds=(1, 2), total_steps=1000))
    queue.pump()
    wait_for(lambda: status(project, running) == ["running"])
    for run_id, state in ((running, "running"), (waiting, "queued")):
        with pytest.raises(StateRefused, match=f"Run {run_id} is {state}, so it cannot be resumed"):
            queue.resume(run_id, 5000)
        assert project.runs.get(run_id).total_steps == 1000
    assert queue.close(30)


# ---- forks ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def forked_from(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a finished run of ALM that has the snapshots step-75, step-150 and best."""
    folder = tmp_path_factory.mktemp("parent") / "project"
    with open_project(folder, write=True) as project:
        train(project, alm_spec("Pendulum-v1", engine__record_evaluations=False))
    return folder


@pytest.fixture
def parents(forked_from: Path, tmp_path: Path) -> Any:
    with open_project(shutil.copytree(forked_from, tmp_path / "forks"), write=True) as project:
        yield project


def networks(project: Project, run_id: int, name: str) -> dict[str, bytes]:
    rows = {row.name: row for row in project.artifacts.list(run_id, "snapshot")}
    arrays, _ = project.artifacts.load(rows[name])
    return {key: value.tobytes() for key, value in arrays.items()}


@pytest.mark.parametrize(("which", "name"), [("last", "step-150"), ("75", "step-75"), ("best", None)])
def test_a_fork_begins_with_the_snapshot_and_keeps_its_lineage(parents: Project, which: str, name: str | None) -> None:
    queue = RunQueue(Recorder(parents))
    name = name or [row.name for row in parents.artifacts.list(1, "snapshot") if row.name.startswith("best-")][-1]
    [child] = queue.fork(1, which, {"learning_rate": 0.001, "total_steps": 90, "replay_capacity": 500})
    row = parents.runs.get(child)
    assert row.parent_run_id == 1
    assert row.parent_step == next(each.step for each in parents.artifacts.list(1) if each.name == name)
    assert row.seed == 1
    assert (row.spec["settings"]["learning_rate"], row.total_steps) == (0.001, 90)
    assert networks(parents, child, "origin") == networks(parents, 1, name)
    # Warm-up acts with what the snapshot learnt, and nothing is learnt before it ends.
    stop_at(parents, child, lambda message: isinstance(message, events.WarmUpFinished))
    point = parents.artifacts.latest(child, "resume")
    assert point is not None
    state = parents.artifacts.load(point)[0]
    saved = {key: value.tobytes() for key, value in state.items() if key.startswith("agent/network/")}
    assert saved == networks(parents, 1, name)
    resume(parents, child)
    assert networks(parents, child, "step-90") != networks(parents, 1, name)


def test_a_fork_of_a_fork_and_of_several_seeds(parents: Project) -> None:
    queue = RunQueue(Recorder(parents))
    [child] = queue.fork(1, "75", {"total_steps": 70})
    drain(queue)
    grandchildren = queue.fork(child, "last", {}, seeds=(5, 6))
    drain(queue)
    assert status(parents, child, *grandchildren) == ["finished"] * 3
    assert [row.id for row in parents.runs.lineage(grandchildren[0]).ancestors] == [1, child]
    assert [parents.runs.get(run_id).seed for run_id in grandchildren] == [5, 6]
    assert networks(parents, grandchildren[0], "origin") == networks(parents, child, "step-70")
    assert networks(parents, grandchildren[0], "step-70") != networks(parents, grandchildren[1], "step-70")
    # A fork that has not begun has one snapshot, its origin.
    [unbegun] = queue.fork(child, "70", {})
    [last] = queue.fork(unbegun, "last", {})
    assert networks(parents, last, "origin") == networks(parents, child, "step-70")


def test_a_fork_killed_and_resumed_is_what_it_would_have_been(parents: Project, other: Project) -> None:
    queue = RunQueue(Recorder(parents), only=[])
    one, two = (queue.fork(1, "last", {"total_steps": 100, "engine.checkpoint_seconds": 1000})[0] for _ in range(2))
    stop_at(parents, one, lambda message: isinstance(message, events.Progress) and message.step == 30)
    origin = next(row for row in parents.artifacts.list(one, "snapshot") if row.name == "origin")
    parents.artifacts.remove(origin)  # not needed once there is a resume point
    resume(parents, one)
    drain(queue)
    assert networks(parents, one, "step-100") == networks(parents, two, "step-100")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"hidden_size": 16}, "hidden_size: 16 differs from the snapshot's 8"),
        ({"latent_size": 5}, "latent_size: 5 differs from the snapshot's 4"),
        ({"activation": "relu"}, "activation: relu differs from the snapshot's elu"),
        ({"hidden_sise": 16}, "hidden_sise"),
        ({"learning_rate": -1}, "learning_rate"),
    ],
)
def test_a_fork_refuses_what_does_not_fit_and_makes_no_run(
    parents: Project, values: dict[str, Any], problem: str
) -> None:
    with pytest.raises(SettingsError, match=problem):
        RunQueue(Recorder(parents)).fork(1, "last", values)
    assert len(parents.runs.page()) == 1


def test_a_fork_names_the_snapshots_that_there_are(parents: Project) -> None:
    queue = RunQueue(Recorder(parents))
    with pytest.raises(SettingsError, match=r"no snapshot '80'; expected last, best or one of the steps .*75, .*150"):
        queue.fork(1, "80", {})
    with pytest.raises(SettingsError, match="seeds: 1, 1 will not do"):
        queue.fork(1, "last", {}, seeds=(1, 1))
    [unbegun] = queue.submit(small_spec())
    with pytest.raises(SettingsError, match="expected last, best or one of the steps none yet"):
        queue.fork(unbegun, "last", {})
    [without_networks] = train(parents, new_spec("counter", "Pendulum-v1", SMALL, device="cpu"))
    with pytest.raises(SettingsError, match="agent: counter keeps no networks"):
        queue.fork(without_networks, "last", {})


def test_a_fork_of_a_damaged_snapshot_is_refused_and_one_without_origin_fails(parents: Project) -> None:
    queue = RunQueue(Recorder(parents))
    [child] = queue.fork(1, "last", {})
    [origin] = parents.artifacts.list(child, "snapshot")
    parents.artifacts.remove(origin)  # as if the process had died between the two
    drain(queue)
    assert parents.runs.get(child).reason.startswith(f"The snapshot that run {child} begins from is missing.")
    for row in parents.artifacts.list(1, "snapshot"):
        parents.artifacts.file(row.path).write_bytes(b"")
    with pytest.raises(ArtifactDamaged, match="The snapshot step-75 of run 1 is damaged"):
        queue.fork(1, "75", {})
    assert len(parents.runs.page()) == 2


# ---- no room --------------------------------------------------------------------------------------------------------


def test_a_run_is_not_queued_where_its_checkpoints_have_no_room(project: Project) -> None:
    values = {"hidden_size": 8192, "model_hidden_size": 8192, "engine.snapshot_percent": 0.001}
    huge = new_spec("alm", "Pendulum-v1", values, device="cpu")
    with pytest.raises(DiskFull, match="are needed to start this run"):
        RunQueue(Recorder(project)).submit(huge)
    assert project.runs.page() == []


def test_a_run_is_not_resumed_where_there_is_no_room(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = RunQueue(Recorder(project))
    (run_id,) = queue.submit(small_spec(total_steps=60))
    queue.stop(run_id)
    with monkeypatch.context() as patch:
        patch.setattr("storage.files.free_bytes", lambda folder: 1000)
        with pytest.raises(DiskFull, match="are needed to start this run"):
            queue.resume(run_id)
    assert status(project, run_id) == ["stopped"]
    queue.resume(run_id)
    drain(queue)
    assert status(project, run_id) == ["finished"]


def test_a_seed_decides_a_run_and_company_does_not(project: Project, other: Project) -> None:
    """Two runs at once are each what they are alone, whatever is evaluated and how often."""
    together = train(project, small_spec(seeds=(1, 2)), limits={"cpu": 2})
    alone = [train(other, small_spec(seeds=(seed,)))[0] for seed in (1, 2)]
    for one, two in zip(together, alone, strict=True):
        assert_same(project, one, other, two)
    often = train(other, small_spec(engine__evaluation_interval=10, engine__evaluation_episodes=2))[0]
    for metric in ("loss/imitation", "gradient_norm/actor", "episode/return"):
        rarely, frequently = (each.series.read(run, metric) for each, run in ((project, together[0]), (other, often)))
        assert rarely.value.tobytes() == frequently.value.tobytes()
    assert networks(project, together[0], "step-160") == networks(other, often, "step-160")


def test_a_run_stopped_while_the_queue_is_read_stays_so(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = RunQueue(Recorder(project))
    (run_id,) = queue.submit(small_spec())
    stopping = threading.Thread(target=queue.stop, args=(run_id,))
    resolve = queue_module.resolve_device

    def stop_meanwhile(name: str) -> torch.device:
        if not stopping.is_alive() and stopping.ident is None:
            stopping.start()
            stopping.join(0.2)  # it waits for the lock
        return resolve(name)

    monkeypatch.setattr(queue_module, "resolve_device", stop_meanwhile)
    queue.pump()
    stopping.join()
    drain(queue)
    queue.close()
    states = [entry.data["to"] for entry in project.log.read(run_id, ["state"])]
    assert states[-1] == "stopped" and "finished" not in states


def test_a_run_in_the_bin_is_not_resumed(project: Project) -> None:
    (run_id,) = train(project, small_spec())
    project.runs.delete(run_id)
    with pytest.raises(StateRefused, match="is in the bin"):
        RunQueue(Recorder(project)).resume(run_id, 10_000)


def test_windows_longer_than_any_episode_fail_in_a_sentence(project: Project) -> None:
    queue = RunQueue(Recorder(project))
    (run_id,) = queue.submit(alm_spec("Pendulum-v1", environment__max_episode_steps=4, rollout_length=5))
    drain(queue)
    row = project.runs.get(run_id)
    assert row.status is RunState.FAILED and "learns from windows of 5 steps" in row.reason
