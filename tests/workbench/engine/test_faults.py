"""Numbers that are none, disks without room, environments that break: that run fails in a sentence, no other does."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import DiskFull, Project, RunState, open_project
from tests.workbench.engine.faulty import FAULTY
from tests.workbench.engine.lab import (
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
from workbench.engine import driver
from workbench.engine.queue import RunQueue
from workbench.engine.recorder import Recorder

#: a loss that is not finite has a gradient that is not
NOT_FINITE = r"(loss/imitation|gradient_norm/actor) was not finite at update "

# ---- not finite -----------------------------------------------------------------------------------------------------


def test_a_loss_that_is_no_number_fails_its_run_alone_and_keeps_the_last_good_point(
    project: Project, other: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small_spec(seeds=(1, 2), total_steps=220, engine__checkpoint_seconds=1000)
    monkeypatch.setattr(SmallAgent, "poison", {1: 90})
    queue = RunQueue(Recorder(project), limits={"cpu": 2})
    poisoned, healthy = queue.submit(spec)
    drain(queue)
    row = project.runs.get(poisoned)
    assert row.status is RunState.FAILED
    assert re.fullmatch(NOT_FINITE + r"90 \(environment step 130\)", row.reason)
    assert row.fault is not None
    assert "NonFiniteValue" in row.fault
    outcome = queue.outcome(poisoned)
    assert outcome is not None
    assert (outcome.state, outcome.message) == (RunState.FAILED, row.reason)
    fault = project.log.read(poisoned, ("fault",))[0]
    assert fault.data["message"] == row.reason
    assert project.runs.get(healthy).status is RunState.FINISHED

    good = project.artifacts.latest(poisoned, "resume")
    assert good is not None
    assert good.step == 40
    for row_of in (good, *project.artifacts.list(poisoned, "snapshot")):
        arrays, _ = project.artifacts.load(row_of)
        assert all(np.isfinite(array).all() for name, array in arrays.items() if name.startswith("agent/network/"))

    monkeypatch.setattr(SmallAgent, "poison", {})
    resume(project, poisoned)
    assert notes(project, poisoned) == ["Continued from step 40."]
    for run_id, same in zip((poisoned, healthy), train(other, spec), strict=True):
        assert_same(project, run_id, other, same)


def test_a_checkpoint_does_not_keep_what_is_not_finite(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SmallAgent, "poison", {1: 10})
    queue = RunQueue(Recorder(project))
    run_id = queue.submit(small_spec(engine__checkpoint_seconds=1000))[0]
    queue.pump()
    channel = queue.channel(run_id)
    assert channel is not None
    at_message(channel, lambda message: message.step == 60 and channel.stop())
    drain(queue)
    row = project.runs.get(run_id)
    assert (row.status, row.step) == (RunState.FAILED, 60)
    assert re.fullmatch(NOT_FINITE + r"10 \(environment step 50\)", row.reason)
    assert [point.step for point in project.artifacts.list(run_id, "resume")] == [40]


@pytest.mark.parametrize("mode", ["explore", "evaluate"])
def test_an_action_that_is_no_number_is_not_blamed_on_the_environment(
    project: Project, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    act = SmallAgent.act

    def spoilt(self: SmallAgent, observation: Any, memory: Any, asked: Any) -> Any:
        action, memory, extras = act(self, observation, memory, asked)
        return (action * np.nan if asked == mode and self.step >= 50 else action), memory, extras

    monkeypatch.setattr(SmallAgent, "act", spoilt)
    queue = RunQueue(Recorder(project))
    run_id = queue.submit(small_spec())[0]
    drain(queue)
    assert project.runs.get(run_id).reason == {
        "explore": "the agent's action was not finite at environment step 51",
        "evaluate": "the agent's action is not finite. This was in the evaluation after environment step 80.",
    }[mode]


def test_an_unforeseen_error_is_told_with_its_kind_and_step(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = SmallAgent.update

    def broken(self: SmallAgent, *arguments: Any) -> Any:
        return update(self, *arguments) if self.updates < 7 else {"loss": 1 // 0}

    monkeypatch.setattr(SmallAgent, "update", broken)
    run_id = RunQueue(Recorder(project)).submit(small_spec())[0]
    drain(RunQueue(Recorder(project)))
    row = project.runs.get(run_id)
    assert row.reason == "ZeroDivisionError: integer division or modulo by zero (after environment step 48)"
    assert row.fault is not None
    assert 'else {"loss": 1 // 0}' in row.fault


# ---- environments ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("step", r"Faulty-v0 failed at step 70 with RuntimeError: the motor is stuck\. .*"),
        (
            "reset",
            r"Faulty-v0 failed at reset with RuntimeError: the motor is stuck\. .* "
            r"This was the reset after environment step 80\.",
        ),
        ("reward", r"Faulty-v0 returned the reward nan at step 70\."),
        ("observation", r"Faulty-v0 returned an observation that is not finite at step 70\."),
        ("shape", r"Faulty-v0 returned an observation of shape \(1,\) instead of \(3,\) at step 70\."),
        ("none", r"Faulty-v0 returned an observation that is not finite at step 70\."),
    ],
)
def test_an_environment_that_breaks_fails_its_run_alone_until_it_is_mended(
    project: Project, tmp_path: Path, fault: str, sentence: str
) -> None:
    options = {"fault": fault, "at": 70, "mended": str(tmp_path / "mended")}
    broken = small_spec(
        FAULTY,
        engine__evaluation_interval=1000,
        engine__checkpoint_seconds=1000,
        environment__max_episode_steps=20,
        **{f"environment__{name}": value for name, value in options.items()},
    )
    queue = RunQueue(Recorder(project), limits={"cpu": 2})
    run_id, healthy = *queue.submit(broken), *queue.submit(small_spec(total_steps=100))
    drain(queue)
    row = project.runs.get(run_id)
    assert row.status is RunState.FAILED
    assert re.fullmatch(sentence, row.reason, re.DOTALL), row.reason
    assert project.runs.get(healthy).status is RunState.FINISHED
    Path(options["mended"]).touch()
    resume(project, run_id)
    assert notes(project, run_id)[0] == "Continued from step 40."


def test_an_environment_that_breaks_in_an_evaluation_names_the_evaluation(project: Project) -> None:
    options = {"fault": "step", "at": 30, "max_episode_steps": 20}
    queue = RunQueue(Recorder(project))
    # The training environment would break too, but by then the second evaluation has.
    spec = small_spec(
        FAULTY,
        warm_up_steps=1,
        engine__evaluation_interval=5,
        **{f"environment__{name}": value for name, value in options.items()},
    )
    run_id = queue.submit(spec)[0]
    drain(queue)
    row = project.runs.get(run_id)
    assert row.reason.startswith("Faulty-v0 failed at step 10 with RuntimeError: the motor is stuck.")
    assert row.reason.endswith("This was in the evaluation after environment step 6.")


# ---- no room --------------------------------------------------------------------------------------------------------


def test_a_disk_without_room_holds_training_until_there_is_room(
    folder: Path, other: Project, programs: Callable[..., Any]
) -> None:
    spec = small_spec(engine__checkpoint_seconds=0.1)
    with open_project(folder, write=True) as project:
        run_id = RunQueue(Recorder(project)).submit(spec)[0]
    said = programs("train_without_room", folder=str(folder), run=run_id, step=90, patience=60.0)
    assert "no room" in said["trouble"] or "did not take the last changes" in said["trouble"]
    assert (said["moved"], said["alive"], said["trouble after"]) == (False, True, "")
    with open_project(folder, write=True) as project:
        assert project.runs.get(run_id).status is RunState.FINISHED
        assert_same(project, run_id, other, train(other, spec)[0])


def test_a_run_that_waited_in_vain_for_room_fails_and_can_be_resumed(
    folder: Path, other: Project, programs: Callable[..., Any]
) -> None:
    spec = small_spec(engine__checkpoint_seconds=0.1)
    with open_project(folder, write=True) as project:
        run_id = RunQueue(Recorder(project)).submit(spec)[0]
    said = programs("train_without_room", folder=str(folder), run=run_id, step=90, patience=0.3)
    assert said["state"] == "failed"
    assert said["stored"] == "running"  # the full disk did not take it; told as soon as there was room
    assert said["message"].count("safe") == 1
    with open_project(folder, write=True) as project:
        row = project.runs.get(run_id)
        assert (row.status, row.reason) == (RunState.FAILED, said["message"])
        point = project.artifacts.latest(run_id, "resume")
        assert point is not None
        assert 40 <= point.step <= 90
        resume(project, run_id)
        assert_same(project, run_id, other, train(other, spec)[0])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes; only root can have one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a file system cannot be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as stream, pytest.raises(OSError, match="No space left"):
        while stream.write(b"\0" * 4096):
            pass


def test_a_full_disk_holds_training_and_loses_nothing(
    small_disk: Path, other: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "DISK_INTERVAL", 0.05)
    monkeypatch.setattr(driver, "HEARTBEAT_INTERVAL", 0.05)
    spec = small_spec(engine__checkpoint_seconds=0.1, engine__record_evaluations=False)
    ballast = small_disk / "ballast"
    with open_project(small_disk / "project", write=True) as project:
        queue = RunQueue(Recorder(project))
        run_id = queue.submit(spec)[0]
        queue.pump()
        channel = queue.channel(run_id)
        assert channel is not None
        at_message(channel, lambda message: message.step == 90 and not ballast.exists() and fill(ballast))
        trouble = wait_for(lambda: channel.trouble)
        assert "are needed to save" in trouble or "did not take the last changes" in trouble
        with pytest.raises(DiskFull, match="are needed to start this run"):
            queue.submit(spec)
        ballast.unlink()
        drain(queue)
        assert channel.trouble == ""
        assert project.runs.get(run_id).status is RunState.FINISHED
        assert_same(project, run_id, other, train(other, spec)[0])
        assert len(project.runs.page()) == 1
