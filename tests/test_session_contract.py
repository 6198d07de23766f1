"""A run of every registered agent can be interrupted anywhere, and depends on nothing but its description and seed.

So does a run of an agent of another kind, which is installed as a plugin for these tests.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tiny_runs import (
    EPISODE,
    check_interruptions,
    everything,
    new_session,
    odd_agent_installed,
    resumed_session,
    run,
    telling_places,
    tiny_spec,
    told,
)
from workbench import events
from workbench.agents import AGENTS
from workbench.engine import checkpoint as checkpoint_module

agents = pytest.mark.parametrize("agent", [*AGENTS, "odd"])


@pytest.fixture(autouse=True)
def odd_agent() -> Iterator[None]:
    with odd_agent_installed():
        yield


@agents
def test_a_run_interrupted_anywhere_goes_on_bit_for_bit(agent: str) -> None:
    spec = tiny_spec(agent, updates_per_step=2)
    check_interruptions(spec, lambda messages: list(telling_places(messages).values()))


@agents
def test_a_run_interrupted_where_warm_up_and_an_episode_end_together(agent: str) -> None:
    spec = tiny_spec(agent, warm_up_steps=EPISODE, total_steps=EPISODE + 5)
    check_interruptions(spec, lambda messages: [n for n, each in enumerate(messages) if each.step == EPISODE][:4])


@agents
def test_a_run_goes_on_from_a_replay_that_was_overwritten(agent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed segments and the open tail of a ring that has come round."""
    monkeypatch.setattr(checkpoint_module, "SEGMENT", 16)
    spec = tiny_spec(agent, engine={"evaluation_interval": 1000}, warm_up_steps=165, total_steps=190)
    plain = new_session(spec)
    place = next(n for n, each in enumerate(run(plain)[0]) if each.step == 180)
    session = new_session(spec)
    _, points = run(session, [place])
    assert session.replay.head > session.replay.size
    assert len(points[place].rows.segments) > 3
    resumed = resumed_session(spec, points[place])
    run(resumed)
    assert everything(resumed) == everything(plain)


@agents
def test_a_run_without_warm_up_learns_as_soon_as_it_can(agent: str) -> None:
    """From the first step, or from the first window that is long enough."""
    spec = tiny_spec(agent, warm_up_steps=0, total_steps=12)
    messages, _ = run(new_session(spec))
    learned = [each.step for each in messages if isinstance(each, events.Progress) and each.phase == "learning"]
    assert learned
    assert learned[0] <= 5
    assert [each.step for each in messages if isinstance(each, events.EvaluationFinished)] == [0, 12]


@agents
def test_how_often_a_run_is_evaluated_changes_nothing_else(agent: str) -> None:
    runs = []
    for engine in (
        {"evaluation_interval": 20},
        {"evaluation_interval": 7, "evaluation_episodes": 2, "record_evaluations": False},
    ):
        session = new_session(tiny_spec(agent, engine=engine))
        messages = [each for each in run(session)[0] if not isinstance(each, events.EvaluationFinished)]
        runs.append((told(messages), everything(session)))
    assert runs[0] == runs[1]


@agents
def test_a_runs_seed_decides_it(agent: str) -> None:
    runs = [told(run(new_session(tiny_spec(agent, total_steps=40), seed))[0]) for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@agents
def test_measuring_q_bias_changes_nothing_of_a_run_and_goes_on_bit_for_bit(agent: str) -> None:
    """In an environment and streams of its own. An agent without a critic has nothing to measure."""
    bias = {"bias_interval": 10, "bias_states": 20, "bias_first_steps": 8}
    spec = tiny_spec(agent, engine={"evaluation_interval": 20, **bias})
    measured, plain = new_session(spec), new_session(tiny_spec(agent, engine={"evaluation_interval": 20}))
    messages, _ = run(measured)
    steps = [each.step for each in messages if isinstance(each, events.AnalysisFinished)]
    assert steps == ([12, 22, 32, 42, 46] if measured.agent.estimator() is not None else [])
    others = [each for each in messages if not isinstance(each, events.AnalysisFinished)]
    assert told(others) == told(run(plain)[0])
    assert everything(measured) == everything(plain)

    def places(found: list[events.Message]) -> list[int]:
        snapshots = [(n, each) for n, each in enumerate(found) if isinstance(each, events.Progress)]
        measuring = [n for n, each in snapshots if each.phase == "measuring"]
        finished = [n for n, each in enumerate(found) if isinstance(each, events.AnalysisFinished)]
        return [*measuring[1:70:33], *finished[1:3]]

    check_interruptions(spec, places)
