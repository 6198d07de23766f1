"""Agents of any kind made tiny, runs of a few dozen steps with them, and what two such runs have in common."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from typing import Any
from unittest import mock

import numpy as np
import torch

from workbench import events
from workbench.agents.base import Agent, AgentState, TaskFacts
from workbench.engine.checkpoint import Checkpoint, ReplayRows, closed_segments, read_segment, read_tail
from workbench.engine.lanes import Lanes
from workbench.engine.session import TrainingSession
from workbench.noise import NoiseSource
from workbench.registry import GROUP, registry
from workbench.replay import ReplayBuffer
from workbench.settings import build, fields_of
from workbench.spec import AgentSettings, RunSpec, agent_settings, new_spec

CPU = torch.device("cpu")
WARM_UP = 12
#: steps of an episode in the runs; Pendulum alone never ends
EPISODE = 15


#: what a search or a fit of many rounds is cut down to
FEW = {"horizon": 3, "candidates": 8, "elites": 3, "iterations": 2, "most_epochs": 3}


@contextmanager
def odd_agent_installed() -> Iterator[None]:
    """The odd agent as a plugin called ``odd``."""
    module = "tests.workbench.agents.odd_agent"
    points = [
        EntryPoint("agents.odd", f"{module}:OddAgent", GROUP),
        EntryPoint("agents.odd.settings", f"{module}:OddSettings", GROUP),
    ]
    with mock.patch("workbench.registry.entry_points", lambda group: points if group == GROUP else []):
        yield


def tiny_settings(agent: str, **changes: Any) -> AgentSettings:
    """Settings of ``agent`` with every network as narrow as it may be, up to 8, and ``changes``."""
    kind = agent_settings(agent)
    values: dict[str, Any] = {}
    for field in fields_of(kind):
        if field.kind == "int" and field.path.endswith("_size"):
            values[field.path] = max(8, int(field.low or 0))
        elif field.path.rpartition(".")[2] in FEW:
            values[field.path] = FEW[field.path.rpartition(".")[2]]
        elif field.kind == "ints":
            values[field.path] = [8] * len(field.default)
    values |= {"batch_size": 4, "warm_up_steps": WARM_UP, "total_steps": 46, "replay_capacity": 100}
    return build(kind, {**values, **changes})


def box_facts(observation_shape: tuple[int, ...] = (3,), dtype: str = "float32") -> TaskFacts:
    """A task with two actions whose bounds differ."""
    low, high = np.array([-2.0, -0.5], np.float32), np.array([2.0, 1.5], np.float32)
    return TaskFacts(observation_shape, dtype, low, high)


def make_agent(name: str, settings: AgentSettings, facts: TaskFacts, seed: int = 1) -> Agent:
    """A new agent of the registry."""
    agent: Agent = registry("agent").find(name).load()(settings, facts, seed, CPU)
    return agent


def random_observation(generator: np.random.Generator, facts: TaskFacts) -> np.ndarray:
    """An observation of the task's shape and dtype."""
    if facts.observation_dtype == "uint8":
        return generator.integers(0, 256, facts.observation_shape).astype(np.uint8)
    return generator.standard_normal(facts.observation_shape).astype(facts.observation_dtype)


def random_replay(agent: Agent, facts: TaskFacts, steps: int = 40) -> ReplayBuffer:
    """A replay with ``steps`` random transitions in episodes of ten, every other one of which terminates."""
    draws = [draw for draw in agent.draws.values() if draw.buffer == "environment"]
    replay = ReplayBuffer(100, facts.observation_shape, facts.observation_dtype, facts.action_size, draws)
    generator = np.random.default_rng(0)
    for step in range(steps):
        if step % 10 == 0:
            replay.begin_episode(random_observation(generator, facts))
        action = generator.uniform(facts.action_low, facts.action_high).astype(np.float32)
        reward = float(generator.standard_normal())
        replay.append(action, reward, step % 20 == 19, random_observation(generator, facts))
    return replay


def stored(state: AgentState) -> AgentState:
    """The state after a way through arrays and JSON, as a resume point takes it."""
    tensors = {name: torch.from_numpy(tensor.numpy().copy()) for name, tensor in state.tensors.items()}
    return AgentState(tensors, json.loads(json.dumps(state.document)))


def same_tensors(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    """The same names with the same bits."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def actions_of(agent: Agent, facts: TaskFacts, mode: Any, seed: int = 5, count: int = 3) -> list[np.ndarray]:
    """The first actions of an episode of random observations, from a noise stream of its own."""
    generator = np.random.default_rng(seed)
    _, memory = agent.begin_episode(NoiseSource(seed, "acting"))
    actions = []
    for _ in range(count):
        action, memory, _ = agent.act(random_observation(generator, facts), memory, mode)
        actions.append(action)
    return actions


# ---- sessions -------------------------------------------------------------------------------------------------------


def tiny_spec(agent: str, engine: Mapping[str, Any] | None = None, **changes: Any) -> RunSpec:
    """A run of Pendulum in episodes of 15 steps, evaluated every 20 steps, logged every 5 updates."""
    values = {"evaluation_interval": 20, "evaluation_episodes": 1, "log_interval": 5, **(engine or {})}
    spec = new_spec(agent, "Pendulum-v1", {f"engine.{name}": value for name, value in values.items()})
    settings = tiny_settings(agent, **changes)
    return replace(spec, settings=settings, environment_options={"max_episode_steps": EPISODE})


def new_session(spec: RunSpec, seed: int = 1) -> TrainingSession:
    """A session at its beginning."""
    return TrainingSession(spec, seed, run_id=7, device=CPU)


@dataclass(frozen=True)
class Saved:
    """What a resume point stores: arrays, JSON text, and the replay's rows."""

    arrays: dict[str, np.ndarray]
    text: str
    rows: ReplayRows


def save(session: TrainingSession) -> Saved:
    """A resume point of ``session`` where it stands."""
    checkpoint = session.checkpoint()
    segments = {begin: read_segment(session.replay, begin, end) for begin, end in closed_segments(session.replay)}
    return Saved(checkpoint.arrays, json.dumps(checkpoint.document), ReplayRows(segments, read_tail(session.replay)))


def resumed_session(spec: RunSpec, saved: Saved, seed: int = 1) -> TrainingSession:
    """A new session that goes on from ``saved``."""
    session = new_session(spec, seed)
    assert session.restore(Checkpoint(saved.arrays, json.loads(saved.text)), saved.rows) is None
    return session


def messages_of(session: TrainingSession) -> Iterator[events.Message]:
    """What a session says, driven alone; raises what ends it early."""
    for lane, message in Lanes([session]).run():
        if lane.fault is not None:
            raise lane.fault
        if message is not None:
            yield message


def run(session: TrainingSession, save_at: Iterable[int] = ()) -> tuple[list[events.Message], dict[int, Saved]]:
    """Run to the end; returns every message, and a resume point for each message's number in ``save_at``."""
    wanted, messages, points = set(save_at), [], {}
    for number, message in enumerate(messages_of(session)):
        messages.append(message)
        if number in wanted:
            points[number] = save(session)
    return messages, points


def numbers_of(message: events.Message) -> dict[str, Any]:
    """What a message says that does not depend on the clock."""
    said = {field.name: getattr(message, field.name) for field in dataclasses.fields(message)}
    said = {name: value for name, value in said.items() if name not in ("wall_time", "seconds")}
    if isinstance(message, events.ScalarsLogged):
        said["values"] = {k: v for k, v in message.values.items() if not k.startswith(("speed/", "time/"))}
    if isinstance(message, events.EvaluationFinished):
        numbers = {name: each for name, each in message.recording.items() if name != "plans/milliseconds"}
        said["recording"] = {k: (v.dtype, v.shape, v.tobytes()) for k, v in numbers.items()}
    if isinstance(message, events.AnalysisFinished):
        said["arrays"] = {k: (v.dtype, v.shape, v.tobytes()) for k, v in message.arrays.items()}
    return {"kind": type(message).__name__, **said}


def told(messages: Iterable[events.Message]) -> list[dict[str, Any]]:
    """Every event's numbers, in order. Snapshots are left out: an evaluation that is begun anew repeats them."""
    return [numbers_of(message) for message in messages if isinstance(message, events.Event)]


def everything(session: TrainingSession) -> dict[str, Any]:
    """All that a session is made of, in a form that compares bit for bit."""
    saved = save(session)
    document = json.loads(saved.text)
    del document["shares"], document["evaluated_at"]  # times, and how often it was looked at
    if document["simulator"] is not None:
        del document["simulator"]["action_generator"]  # seeded anew in each process; nothing draws from it
    rows = session.replay.rows(session.replay.oldest, session.replay.head)
    arrays = {**saved.arrays, **{f"replay/{name}": values for name, values in rows.items()}}
    return {"document": document, **{name: (v.dtype, v.shape, v.tobytes()) for name, v in arrays.items()}}


def telling_places(messages: list[events.Message]) -> dict[str, int]:
    """Numbers of the messages after which a run is worth interrupting."""
    numbers: dict[str, list[int]] = {}
    for number, message in enumerate(messages):
        what = message.phase if isinstance(message, events.Progress) else type(message).__name__
        numbers.setdefault(what, []).append(number)
    places = {"in warm-up": numbers["acting"][WARM_UP // 2], "last message": len(messages) - 1}
    for what, found in numbers.items():
        places |= {f"first {what}": found[0], f"middle {what}": found[len(found) // 2]}
    if "learning" in numbers:
        places["item after the middle"] = numbers["learning"][len(numbers["learning"]) // 2 + 1]
    return places


def check_interruptions(spec: RunSpec, places: Callable[[list[events.Message]], list[int]]) -> None:
    """Interrupted after the messages that ``places`` picks and resumed, ``spec`` tells and becomes the same."""
    plain = new_session(spec)
    messages, _ = run(plain)
    picked = places(messages)
    observed = new_session(spec)
    others, points = run(observed, picked)
    assert [type(each) for each in others] == [type(each) for each in messages]
    assert told(others) == told(messages), "taking resume points changed the run"
    final = everything(plain)
    assert everything(observed) == final
    for number in picked:
        session = resumed_session(spec, points[number])
        rest, _ = run(session)
        # The end of warm-up is told again, since its step had more to do.
        following = number if isinstance(messages[number], events.WarmUpFinished) else number + 1
        assert told(rest) == told(messages[following:]), messages[number]
        assert everything(session) == final, messages[number]
        session.close()
