"""Runs give way to the window unless a queue is told that they need not."""

from __future__ import annotations

import pytest

from storage import Project
from tests.workbench.engine.lab import small_spec
from workbench.engine import worker
from workbench.engine.queue import RunQueue
from workbench.engine.recorder import Recorder


@pytest.mark.parametrize("gives_way", [True, False])
def test_a_queue_decides_the_priority_of_the_runs_that_it_starts(
    project: Project, monkeypatch: pytest.MonkeyPatch, gives_way: bool
) -> None:
    lowered: list[bool] = []
    monkeypatch.setattr(worker, "lower_priority", lambda: lowered.append(True))
    queue = RunQueue(Recorder(project))
    assert queue.gives_way
    queue.gives_way = gives_way
    (run,) = queue.submit(small_spec(total_steps=60, engine__record_evaluations=False))
    queue.pump()
    (started,) = queue.workers()
    assert started.join(60)
    queue.pump()
    assert queue.outcome(run) is not None
    assert lowered == [True] * gives_way
