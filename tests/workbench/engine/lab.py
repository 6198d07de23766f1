"""Small runs driven through the queue, and what two runs must have in common to count as the same."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from storage import Project, RunState
from workbench.engine.channel import Channel
from workbench.engine.queue import RunQueue
from workbench.engine.recorder import Recorder
from workbench.spec import RunSpec, new_spec

#: so small that a run takes a second; the second and third differ from what a run has by default on purpose
SMALL = {
    "warm_up_steps": 40,
    "total_steps": 160,
    "batch_size": 4,
    "rescale_actions": True,
    "environment.max_episode_steps": 30,
    "engine.evaluation_interval": 40,
    "engine.evaluation_episodes": 1,
    "engine.log_interval": 20,
    "engine.snapshot_percent": 50,
    "engine.matmul": "torch",
}
ALM = {
    "warm_up_steps": 60,
    "total_steps": 150,
    "hidden_size": 8,
    "model_hidden_size": 8,
    "latent_size": 4,
    "rollout_length": 2,
    "engine.evaluation_interval": 30,
    "engine.log_interval": 10,
}


def small_spec(environment: str = "Pendulum-v1", seeds: tuple[int, ...] = (1,), **values: Any) -> RunSpec:
    """A run of the small agent; ``values`` with ``__`` for the dots."""
    changes = {name.replace("__", "."): value for name, value in values.items()}
    return new_spec("small", environment, {**SMALL, **changes}, seeds=seeds, device="cpu")


def alm_spec(environment: str, seeds: tuple[int, ...] = (1,), **values: Any) -> RunSpec:
    """A run of ALM with the narrowest networks."""
    changes = {name.replace("__", "."): value for name, value in values.items()}
    return new_spec("alm", environment, {**SMALL, **ALM, **changes}, seeds=seeds, device="cpu")


def wait_for(condition: Callable[[], Any], seconds: float = 100.0) -> Any:
    """What ``condition`` returns once that is true."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return result


def drain(queue: RunQueue, watch: Callable[[RunQueue], Any] = lambda queue: None) -> None:
    """Pump until nothing runs and nothing waits; ``watch`` looks on."""

    def ended() -> bool:
        queue.pump()
        watch(queue)
        return queue.idle

    wait_for(ended)
    queue.pump()


def train(project: Project, spec: RunSpec, **options: Any) -> list[int]:
    """Run ``spec`` to its end, undisturbed."""
    queue = RunQueue(Recorder(project), **options)
    runs = queue.submit(spec)
    drain(queue)
    for run_id in runs:
        row = project.runs.get(run_id)
        assert row.status is RunState.FINISHED, row.reason
    return runs


def resume(
    project: Project, run_id: int, total_steps: int | None = None, recorder: Recorder | None = None
) -> None:
    """Resume one run and drive it to its end; with ``recorder`` as in the process that stopped it."""
    queue = RunQueue(recorder or Recorder(project))
    queue.resume(run_id, total_steps)
    drain(queue)
    row = project.runs.get(run_id)
    assert row.status is RunState.FINISHED, row.fault


def stop_at(project: Project, run_id: int, hit: Callable[[Any], bool], recorder: Recorder | None = None) -> None:
    """Start one queued run and stop it in order, in its worker's thread, at the first message that ``hit`` accepts."""
    queue = RunQueue(recorder or Recorder(project), only=[run_id])
    queue.pump()
    channel = queue.channel(run_id)
    assert channel is not None
    at_message(channel, lambda message: hit(message) and channel.stop())
    drain(queue)
    assert project.runs.get(run_id).status is RunState.STOPPED, project.runs.get(run_id).fault


def at_message(channel: Channel, look: Callable[[Any], Any]) -> None:
    """Call ``look`` with every message from now on, in the thread of the worker that publishes it."""
    publish = channel.publish

    def published(message: Any) -> None:
        publish(message)
        look(message)

    channel.publish = published  # type: ignore[method-assign]


# ---- what a run amounts to ------------------------------------------------------------------------------------------


def series(project: Project, run_id: int) -> dict[str, list[tuple[int, int, float]]]:
    """Step, updates and value of every point that does not depend on the clock; steps must increase."""
    found = {}
    for metric in project.series.metrics(run_id):
        data = project.series.read(run_id, metric)
        assert (np.diff(data.step) > 0).all(), metric
        if not metric.startswith(("speed/", "time/")):
            found[metric] = list(zip(data.step.tolist(), data.updates.tolist(), data.value.tolist(), strict=True))
    return found


def log(project: Project, run_id: int) -> list[tuple[str, int, dict[str, Any]]]:
    """The run's own events, in order, without times."""
    rows = project.log.read(run_id, ("episode", "evaluation", "warmupfinished"))
    return [(row.kind, row.step, {k: v for k, v in row.data.items() if k != "seconds"}) for row in rows]


def final_state(project: Project, run_id: int) -> dict[str, Any]:
    """Everything of the newest resume point, with its replay, in a form that compares bit for bit."""
    row = project.artifacts.latest(run_id, "resume")
    assert row is not None
    arrays, document = project.artifacts.load(row)
    segments = {each.name: each for each in project.artifacts.list(run_id, "replay")}
    parts = [project.artifacts.load(segments[name])[0] for name in document["replay_segments"]]
    held = document["replay"]["head"] - document["replay"]["oldest"]
    for name in ("observation", "action", "reward", "flags"):
        rows = np.concatenate([*(part[name] for part in parts), arrays.pop(f"tail/{name}")])
        arrays[f"replay/{name}"] = rows[len(rows) - held :]
    for changing in ("active_seconds", "shares", "replay_segments", "tail_begin"):
        del document[changing]
    if document["simulator"] is not None:
        del document["simulator"]["action_generator"]  # seeded anew in each process; nothing draws from it
    return {"document": json.dumps(document, sort_keys=True)} | exact(arrays)


def snapshots(project: Project, run_id: int) -> dict[str, Any]:
    """The networks of every snapshot, bit for bit, by name and step."""
    rows = project.artifacts.list(run_id, "snapshot")
    return {f"{row.name} {row.step}": exact(project.artifacts.load(row)[0]) for row in rows}


def recordings(project: Project, run_id: int) -> dict[str, Any]:
    """The recorded evaluation episodes."""
    rows = project.artifacts.list(run_id, "episode")
    return {f"{row.name} {row.step}": exact(project.artifacts.load(row)[0]) for row in rows}


def exact(arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Arrays in a form that compares bit for bit."""
    return {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()}


def amount(project: Project, run_id: int) -> dict[str, Any]:
    """All that a run amounts to."""
    assert project.log.read(run_id, ("refused",)) == []
    row = project.runs.get(run_id)
    return {
        "series": series(project, run_id),
        "log": log(project, run_id),
        "state": final_state(project, run_id),
        "snapshots": snapshots(project, run_id),
        "recordings": recordings(project, run_id),
        "row": (row.step, row.updates, row.latest_return, row.best_return),
    }


def assert_same(project: Project, run_id: int, other: Project, other_id: int) -> None:
    """Both runs amount to the same, bit for bit."""
    one, two = amount(project, run_id), amount(other, other_id)
    for part in one:
        mine, its = one[part], two[part]
        if isinstance(mine, dict):
            differing = [name for name in mine.keys() | its.keys() if mine.get(name) != its.get(name)]
            assert not differing, f"{part}: {sorted(differing)}"
        assert mine == its, part


def notes(project: Project, run_id: int) -> list[str]:
    """What the log says about resuming, in order."""
    return [row.data["text"] for row in project.log.read(run_id, ("resume",))]
