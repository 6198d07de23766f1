"""kill -9 at random moments of writing: what was acknowledged is there, whole, in order, once."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from storage import Project, RunState, open_project

WRITING = """
import sys
import numpy as np
from storage import RunState, open_project

run_id, first = int(sys.argv[2]), int(sys.argv[3])
project = open_project(sys.argv[1], write=True)
project.runs.change_state(run_id, RunState.RUNNING)
print("started", flush=True)
for step in range(first, 10**9):
    project.series.append_many(run_id, [(f"m{m}", step, 2 * step, 0.5 * step, 0.0, float(step)) for m in range(3)])
    project.log.append(run_id, "episode", step, 2 * step, 0.0, {"step": step})
    if step % 400 == 0:
        name = f"segment-{step}"
        project.artifacts.save(run_id, "replay", step, name, {"obs": np.full((200, 50), step)}, {})
        document = {"step": step, "replay_segments": [name]}
        project.artifacts.save(run_id, "resume", step, f"resume-{step}", {"w": np.full(1000, step)}, document)
        project.artifacts.prune_resume_points(run_id)
    if step % 50 == 0:
        project.writer.flush()
        print(step, flush=True)
"""
METRICS = ("m0", "m1", "m2")


def killed_after(process: subprocess.Popen[str], seconds: float) -> int:
    """Kills a writing process some time after its start; the last step that it acknowledged."""
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    time.sleep(seconds)
    process.kill()
    output, errors = process.communicate()
    assert errors == ""
    acknowledged = [int(line) for line in output.splitlines(keepends=True) if line.endswith("\n")]
    return acknowledged[-1] if acknowledged else -1


def test_killed_at_any_moment_nothing_acknowledged_is_lost(
    folder: Path, add_run: Callable[..., int], start: Callable[..., subprocess.Popen[str]]
) -> None:
    with open_project(folder, write=True) as project:
        run_id = add_run(project)
    moments = random.Random(5)
    first = 0
    for _ in range(5):
        acknowledged = killed_after(start(WRITING, folder, run_id, first), moments.uniform(0.02, 0.5))
        with open_project(folder) as reader:
            assert reader.runs.get(run_id).status is RunState.INTERRUPTED
        with open_project(folder, write=True) as project:  # checks every page of the database
            assert project.interrupted == (run_id,)
            steps = [project.series.read(run_id, metric).step for metric in METRICS]
            last = int(steps[0][-1]) if len(steps[0]) else -1
            assert last >= max(acknowledged, first - 1)
            for series in steps:  # the points of one step were handed in together, and are there together
                np.testing.assert_array_equal(series, np.arange(last + 1))
            events = [row.step for row in project.log.read(run_id, ["episode"])]
            assert events == list(range(len(events)))
            assert abs(len(events) - (last + 1)) <= 1
            first = resumed(folder, project, run_id)


def resumed(folder: Path, project: Project, run_id: int) -> int:
    """Goes back to the last resume point, as the engine does; the next step to be made."""
    for row in project.artifacts.list(run_id):
        arrays, _ = project.artifacts.load(row)
        assert all(np.all(array == row.step) for array in arrays.values())
    recorded = {row.path for row in project.artifacts.list(run_id)}
    files = folder / "files"
    assert {path.relative_to(files).as_posix() for path in files.rglob("*") if path.is_file()} == recorded
    point = project.artifacts.latest(run_id, "resume")
    step = -1 if point is None else point.step
    if point is not None:
        names = {row.name for row in project.artifacts.list(run_id, "replay")}
        assert names >= set(project.artifacts.load(point)[1]["replay_segments"])
    project.runs.truncate_after(run_id, step)
    return step + 1
