"""The memory benchmark: a stored run's events are told again, all and in order; what is read is judged rightly."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from storage import Project, RunState, open_project
from tests.command_line import COMMAND, ROOT
from ui.bench_memory import DEMO, Reading, resident
from ui.bench_replay import ReplayQueue, read_recording
from ui.dialogs.welcome import copy_demo
from workbench import events
from workbench.engine.recorder import Recorder


@pytest.fixture
def demo(tmp_path: Path) -> Project:
    with open_project(copy_demo(DEMO, tmp_path / "demo"), write=True) as project:
        yield project


def first_finished(project: Project) -> int:
    return min(row.id for row in project.runs.page() if row.status is RunState.FINISHED)


def test_a_recording_holds_every_number_evaluation_and_state_of_the_run(demo: Project) -> None:
    run = first_finished(demo)
    found = read_recording(demo, run)
    assert [seconds for seconds, _ in found.events] == sorted(seconds for seconds, _ in found.events)
    told = [event for _, event in found.events]
    losses = [event.values["loss/critic"] for event in told if isinstance(event, events.ScalarsLogged)]
    assert losses == demo.series.read(run, "loss/critic").value.tolist()
    means = [event.mean_return for event in told if isinstance(event, events.EvaluationFinished)]
    np.testing.assert_allclose(means, demo.series.read(run, "evaluation/return").value)
    returns = [event.episode_return for event in told if isinstance(event, events.EpisodeFinished)]
    assert returns == demo.series.read(run, "episode/return").value.tolist()
    assert found.qpos.shape[1] == 9  # HalfCheetah's
    assert found.qvel.shape == found.qpos.shape
    assert found.step == demo.runs.get(run).step


def test_a_run_that_told_nothing_cannot_be_told_again(demo: Project) -> None:
    (run,) = Recorder(demo).submit(Recorder(demo).spec(first_finished(demo))[0])
    with pytest.raises(ValueError, match="has told nothing"):
        read_recording(demo, run)


def test_a_player_tells_a_run_again_and_again_with_steps_that_go_on(demo: Project) -> None:
    recorder = Recorder(demo)
    told = read_recording(demo, first_finished(demo))
    (run,) = recorder.submit(recorder.spec(first_finished(demo))[0])
    queue = ReplayQueue(recorder)
    player = queue.play(run, told, speed=2 * told.seconds)  # twice in a second
    player.channel.view_interval = 0.01
    deadline = time.monotonic() + 60
    while player.events < len(told.events) + 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert queue.workers() == [player]
    assert queue.channel(run) is player.channel
    view = player.channel.latest(events.SimulatorView)
    assert isinstance(view, events.SimulatorView)
    assert view.qpos.tolist() in told.qpos.tolist()
    assert queue.close(timeout=30)
    assert queue.workers() == []
    assert demo.runs.get(run).status is RunState.STOPPED
    demo.writer.flush()
    stored = demo.series.read(run, "loss/critic")
    once = demo.series.read(first_finished(demo), "loss/critic")
    assert stored.value[: len(once)].tolist() == once.value.tolist()
    published = [event for event in player.channel.take_events() if isinstance(event, events.ScalarsLogged)]
    steps = [event.step for event in published]
    assert steps == sorted(set(steps))
    assert steps[-1] > told.step


def test_readings_just_before_a_moment_count() -> None:
    readings = [Reading(float(second), 100.0 + second) for second in range(31)]
    assert resident(readings, 30.0) == 125.0
    assert resident(readings[:1], 30.0) == 100.0


@pytest.mark.slow
def test_the_answer_has_its_fields() -> None:
    command = [*COMMAND, "bench", "memory", "--json", "--seconds", "3", "--warm-up", "1", "--speed", "200"]
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False, env=environment
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["speed"] == 200
    assert found["events"] > 20
    assert found["told"] == pytest.approx(600, rel=0.5)
    assert found["growth"] == pytest.approx(found["last"] / found["first"] - 1)
    assert len(found["readings"]) >= 2
