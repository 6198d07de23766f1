"""Programs for processes of their own: they train what a project holds, and die or run out of room on cue.

``python -m tests.workbench.engine.programs`` takes orders as JSON lines and forks a process for each, so that torch is
imported once for all of them.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from storage import open_project
from tests.workbench.engine.lab import alm_spec, drain, wait_for
from tests.workbench.engine.small_agent import ENTRIES
from workbench import events
from workbench.agents import AGENTS
from workbench.engine import driver, worker
from workbench.engine.channel import Channel
from workbench.engine.processor import prepare_cpu
from workbench.engine.queue import RunQueue
from workbench.engine.recorder import Recorder, RunState
from workbench.engine.worker import open_session
from workbench.environments.make import make_environment


def at_progress(run: int, step: int, phase: str | None, act: Callable[[], None]) -> None:
    """Do ``act``, in the worker's thread, at the first progress of ``run`` that is far enough."""
    publish = Channel.publish

    def watched(channel: Channel, message: Any) -> None:
        publish(channel, message)
        reached = isinstance(message, events.Progress) and message.run_id == run and message.step >= step
        if reached and phase in (None, message.phase):
            act()

    Channel.publish = watched  # type: ignore[method-assign]


def die(after: float = 0.0) -> None:
    """kill -9, after so many seconds in which what was said can be committed."""
    time.sleep(after)
    os.kill(os.getpid(), signal.SIGKILL)


def die_writing(folder: str, count: int) -> None:
    """kill -9 while the ``count``-th file of ``folder`` from now on is half written."""
    left = count
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        nonlocal left
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.name.startswith(".tmp-") and path.parent.name == folder:
            left -= 1
            if left == 0:
                os.ftruncate(descriptor, path.stat().st_size // 2)
                die()
        fsync(descriptor)

    os.fsync = watched


def train(folder: str, at: dict[str, Any] | None = None, writing: dict[str, Any] | None = None) -> None:
    """Train all that is queued or interrupted in the project, and die where ``at`` or ``writing`` says."""
    if at is not None:
        at_progress(at["run"], at["step"], at.get("phase"), lambda: die(at.get("after", 0.0)))
    if writing is not None:
        die_writing(**writing)
    with open_project(folder, write=True) as project:
        queue = RunQueue(Recorder(project), limits={"cpu": 2})
        for run_id in project.interrupted:
            queue.resume(run_id)
        drain(queue)


def train_without_room(folder: str, run: int, step: int, patience: float) -> dict[str, Any]:
    """Train until ``step``, from where on no file may grow; make room again once training holds, if it has patience."""
    driver.DISK_INTERVAL = driver.HEARTBEAT_INTERVAL = 0.05
    unlimited = resource.RLIM_INFINITY
    limited = False

    def limit() -> None:
        nonlocal limited
        if not limited:
            limited = True
            resource.setrlimit(resource.RLIMIT_FSIZE, (10, unlimited))

    at_progress(run, step, None, limit)
    said: dict[str, Any] = {}
    project = open_project(folder, write=True)
    queue = RunQueue(Recorder(project), disk_patience=patience)
    queue.pump()
    channel = queue.channel(run)
    assert channel is not None
    said["trouble"] = wait_for(lambda: channel.trouble)
    if patience > 10:
        held = channel.latest(events.Progress)
        time.sleep(0.3)
        said["moved"] = channel.latest(events.Progress) is not held
        said["alive"] = queue.workers()[0].alive
        resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
        drain(queue)
        said["trouble after"] = channel.trouble
        project.close()
    else:
        drain(queue)
        outcome = queue.outcome(run)
        assert outcome is not None
        said |= {"state": outcome.state, "message": outcome.message, "stored": project.runs.get(run).status}
        resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
        wait_for(lambda: queue.pump() or project.runs.get(run).status == "failed")
        project.close()
    return said


PROGRAMS = {"train": train, "train_without_room": train_without_room}


def obey(order: dict[str, Any]) -> None:
    """Run one program in this process, which ends with it."""
    try:
        answer = {"result": PROGRAMS[order["program"]](**order["arguments"])}
    except BaseException:  # noqa: BLE001  the process ends here; whoever gave the order is told
        answer = {"fault": traceback.format_exc()}
    Path(order["answer"]).write_text(json.dumps(answer), encoding="utf-8")
    os._exit(0)


def prepare() -> None:
    """Do once, for all processes, what takes long when it is done for the first time. No thread outlives it."""
    prepare_cpu("torch")
    make_environment("HalfCheetah-v5").close()
    parameter = torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.zeros(1)
    torch.optim.Adam([parameter], fused=True).step()
    with TemporaryDirectory() as folder, open_project(folder, write=True) as project:
        recorder = Recorder(project)
        run_id = recorder.submit(alm_spec("Pendulum-v1"))[0]
        recorder.change_state(run_id, RunState.RUNNING)
        session, _ = open_session(recorder, run_id, torch.device("cpu"), Channel(), True)
        for _, message in zip(range(3), session.run(), strict=False):
            assert message.run_id == run_id
        recorder.save_resume_point(session, 0.0)
        recorder.load_resume_point(run_id)
        recorder.change_state(run_id, RunState.STOPPED)
        recorder.change_state(run_id, RunState.QUEUED)


def main() -> None:
    """Take orders until standard input ends; tell how each process ended."""
    AGENTS._table.update(ENTRIES)
    worker.lower_priority = lambda: None  # a busy machine would let workers wait
    prepare()
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            obey(order)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
