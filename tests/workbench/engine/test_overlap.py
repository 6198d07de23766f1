"""With overlap, updates come between an action's choice and its step; off, the order is the authors'."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch

from storage import Project, RunState
from tests.tiny_runs import (
    EPISODE,
    WARM_UP,
    check_interruptions,
    everything,
    messages_of,
    new_session,
    telling_places,
    tiny_spec,
    told,
)
from tests.tiny_runs import run as run_session
from tests.workbench.engine.lab import assert_same, drain, small_spec, stop_at, train
from workbench import events
from workbench.engine.devices import takes_up
from workbench.engine.queue import RunQueue
from workbench.engine.recorder import Recorder
from workbench.environments.problem import EnvironmentProblem

ON = {"overlap": "on"}
AGENTS = pytest.mark.parametrize("agent", ["alm", "mpc", "small", "counter"])


@AGENTS
def test_a_run_with_overlap_is_interrupted_anywhere_and_goes_on_bit_for_bit(agent: str) -> None:
    """Before and after each update, with the action chosen whose step is still to come."""

    def places(messages: list[events.Message]) -> list[int]:
        learning = [n for n, each in enumerate(messages) if isinstance(each, events.Progress)]
        inside = [n for n in learning if messages[n].phase == "learning"]  # type: ignore[attr-defined]
        return [*telling_places(messages).values(), *inside[:4]]

    check_interruptions(tiny_spec(agent, engine=ON, updates_per_step=2), places)


@pytest.mark.parametrize(("choice", "ahead"), [("off", 0), ("on", 1)])
def test_an_update_samples_before_or_after_the_step_that_it_belongs_to(choice: str, ahead: int) -> None:
    session = new_session(tiny_spec("small", engine={"overlap": choice}))
    held: list[int] = []
    schedules: list[int] = []
    gather = session.agent.gather  # type: ignore[attr-defined]

    def watched(replay: Any, step: int) -> Any:
        held.append(len(replay))
        schedules.append(step)
        return gather(replay, step)

    session.agent.gather = watched  # type: ignore[attr-defined]
    messages, _ = run_session(session)
    last = session.spec.total_steps
    assert schedules == [*range(WARM_UP + 1, last + 1)]  # in either order the schedule is that of the step
    assert held == [step - ahead for step in schedules]
    evaluated = [each.step for each in messages if isinstance(each, events.EvaluationFinished)]
    assert evaluated == [WARM_UP, WARM_UP + 20, last]
    ended = [each.step for each in messages if isinstance(each, events.EpisodeFinished)]
    assert ended == [WARM_UP + EPISODE, WARM_UP + 2 * EPISODE]  # warm-up's unfinished one is dropped
    session.close()


def test_overlap_changes_the_numbers_and_is_the_same_each_time() -> None:
    def result(choice: str) -> Any:
        session = new_session(tiny_spec("alm", engine={"overlap": choice}))
        found = told(messages_of(session)), everything(session)
        session.close()
        return found

    assert result("on") == result("on")
    assert result("auto") == result("off")  # on a CPU
    assert result("on") != result("off")


def test_auto_is_on_for_cuda_alone() -> None:
    cuda, cpu = torch.device("cuda", 0), torch.device("cpu")
    assert [takes_up(choice, cuda) for choice in ("auto", "on", "off")] == [True, True, False]
    assert [takes_up(choice, cpu) for choice in ("auto", "on", "off")] == [False, True, False]


def test_runs_with_overlap_are_not_taken_for_those_without() -> None:
    hashes = {choice: tiny_spec("small", engine={"overlap": choice}).content_hash() for choice in ("auto", "on", "off")}
    assert hashes["auto"] == hashes["off"] != hashes["on"]


def test_a_step_that_fails_after_its_updates_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    session = new_session(tiny_spec("small", engine=ON))
    step, calls = session.environment.step, 0

    def failing(action: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == WARM_UP + 3:
            raise RuntimeError("the motor is stuck")
        return step(action)

    monkeypatch.setattr(session.environment, "step", failing)
    with pytest.raises(EnvironmentProblem, match=f"at step {WARM_UP + 3}"):
        list(messages_of(session))
    assert (session.step, session.agent.updates) == (WARM_UP + 2, 3)


def learning_at(step: int, message: events.Message) -> bool:
    return isinstance(message, events.Progress) and (message.step, message.phase) == (step, "learning")


def test_lanes_with_overlap_stopped_and_resumed_are_what_they_are_alone(project: Project, other: Project) -> None:
    spec = small_spec(
        seeds=(1, 2), engine__lockstep="on", engine__overlap="on", engine__checkpoint_seconds=1000, updates_per_step=2
    )
    queue = RunQueue(Recorder(project), only=[])
    runs = queue.submit(spec)
    queue.close()
    for run_id in runs:
        for moment in (61, 90):
            stop_at(project, run_id, functools.partial(learning_at, moment))
            if moment == 61:
                project.runs.change_state(run_id, RunState.QUEUED)
    again = RunQueue(Recorder(project))
    with again.held():
        for run_id in runs:
            again.resume(run_id)
    drain(again)
    for run_id, same in zip(runs, train(other, spec.changed({"engine.lockstep": "off"})), strict=True):
        assert_same(project, run_id, other, same)
