"""What the session carries beyond gradient updates: a belief, fits by the item, a replay of an agent's own.

That it goes on bit for bit from any of its items is tested with every other agent, in
``tests/test_session_contract.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import torch

from tests.tiny_runs import (
    EPISODE,
    WARM_UP,
    Saved,
    new_session,
    odd_agent_installed,
    resumed_session,
    run,
    save,
    tiny_spec,
)
from tests.workbench.agents.odd_agent import RIDGES, OddAgent, OddSettings
from workbench import events
from workbench.engine.session import TrainingSession
from workbench.spec import RunSpec


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    with odd_agent_installed():
        yield


def agent_of(session: TrainingSession) -> OddAgent:
    assert isinstance(session.agent, OddAgent)
    return session.agent


def test_a_plugins_run_is_described_like_any_other() -> None:
    spec = tiny_spec("odd", refit_interval=3)
    assert isinstance(spec.settings, OddSettings)
    again = RunSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert again.settings.refit_interval == 3  # type: ignore[attr-defined]


def test_a_fit_is_several_items_and_there_is_one_every_few_steps() -> None:
    spec = tiny_spec("odd", refit_interval=4)
    session = new_session(spec)
    messages, _ = run(session)
    learning = [m.step for m in messages if isinstance(m, events.Progress) and m.phase == "learning"]
    fitted = [step for step in range(WARM_UP + 1, spec.total_steps + 1) if step % 4 == 0]
    assert learning == [step for step in fitted for _ in RIDGES]
    assert {message.updates for message in messages} == {0}  # no gradient was ever followed


def test_what_is_learned_without_gradients_is_logged_too() -> None:
    messages, _ = run(new_session(tiny_spec("odd", {"log_interval": 10})))
    logged = [message for message in messages if isinstance(message, events.ScalarsLogged)]
    assert len(logged) >= 3
    assert all("refit/error" in message.values for message in logged)
    steps = [message.step for message in logged]
    assert steps == sorted(set(steps))


def test_its_own_replay_grows_and_survives() -> None:
    spec = tiny_spec("odd")
    session = new_session(spec)
    run(session)
    own = agent_of(session).imagined
    assert own.transitions == own.capacity  # filled and overwritten
    assert own.oldest > 0
    resumed = agent_of(resumed_session(spec, save(session))).imagined
    assert resumed.state() == own.state()
    mine, theirs = own.rows(own.oldest, own.head), resumed.rows(own.oldest, own.head)
    assert all((mine[name] == theirs[name]).all() for name in mine)


def belief_of(saved: Saved) -> torch.Tensor:
    return torch.from_numpy(saved.arrays["memory/belief"])


def test_the_belief_is_carried_through_an_episode_and_into_resume_points() -> None:
    spec = tiny_spec("odd")
    numbers: dict[int, int] = {}
    for number, message in enumerate(run(new_session(spec))[0]):
        if isinstance(message, events.Progress) and message.phase == "acting":
            numbers[message.step] = number
    first = WARM_UP + 1
    _, points = run(new_session(spec), [numbers[step] for step in (first, first + 1, first + EPISODE)])
    one, two, next_episode = points.values()
    assert not torch.equal(belief_of(one), belief_of(two))
    times = [json.loads(each.text)["episode"]["numbers"]["time"] for each in (one, two, next_episode)]
    assert times == [1, 2, 1]  # it begins anew with each episode


def test_a_resume_point_in_the_midst_of_a_fit_holds_what_was_fitted() -> None:
    spec = tiny_spec("odd")
    messages, _ = run(new_session(spec))
    learning = [n for n, m in enumerate(messages) if isinstance(m, events.Progress) and m.phase == "learning"]
    session = new_session(spec)
    _, points = run(session, [learning[1]])
    resumed = agent_of(resumed_session(spec, points[learning[1]]))
    assert resumed.fits_done == 2
    assert resumed.candidates[1].any()
    assert not resumed.candidates[2].any()


def test_evaluations_have_beliefs_of_their_own() -> None:
    """An evaluation amid an episode leaves that episode's belief alone."""
    spec = tiny_spec("odd", {"evaluation_interval": 5})
    session = new_session(spec)
    for message in session.run():
        if isinstance(message, events.EvaluationFinished) and message.step == WARM_UP + 5:
            break
    seldom = new_session(tiny_spec("odd", {"evaluation_interval": 1000}))
    for message in seldom.run():
        if message.step == WARM_UP + 5 and seldom.settled:
            break
    assert torch.equal(belief_of(save(session)), belief_of(save(seldom)))


def test_a_snapshot_holds_its_networks() -> None:
    session = new_session(tiny_spec("odd"))
    run(session)
    names = set(session.snapshot().arrays)
    assert names == {"agent/network/recurrence", "agent/network/head", "agent/network/model"}
