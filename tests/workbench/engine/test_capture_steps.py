"""The steps of a capture, on a CPU: streams and graphs are stand-ins, agents and their updates are not.

The stand-in of a graph learns nothing while it is captured, as a real one, and a replay computes into the same metrics.
What only a GPU can show stands in ``test_captured.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from tests.workbench.engine.group_updates import Group, largest_difference
from workbench.engine import captured
from workbench.engine.acceleration import GroupUpdate
from workbench.engine.captured import CapturedUpdates
from workbench.engine.undo import undone
from workbench.spec import EngineSettings

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")


class Streams:
    """What happened on which stream; stands in for the parts of ``torch.cuda`` that a capture uses."""

    def __init__(self) -> None:
        self.current: Any = "the thread's"
        self.made = 0
        self.waits: list[tuple[Any, Any]] = []
        self.registered: list[torch.Generator] = []
        self.modes: list[str] = []
        self.launches = 0
        self.fail = False

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        streams = self

        class Stream:
            def __init__(self, device: torch.device) -> None:
                streams.made += 1
                self.number = streams.made

            def wait_stream(self, other: Any) -> None:
                streams.waits.append((self, other))

        class ThreadsOwn(Stream):
            pass

        class Graph:
            def register_generator_state(self, generator: torch.Generator) -> None:
                streams.registered.append(generator)

            def replay(self) -> None:
                streams.launches += 1

        self.current = self.own = ThreadsOwn(GPU)
        monkeypatch.setattr(torch.cuda, "Stream", Stream)
        monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
        monkeypatch.setattr(torch.cuda, "stream", self._stream)
        monkeypatch.setattr(torch.cuda, "graph", self._graph)
        monkeypatch.setattr(torch.cuda, "device", lambda device: undone([]))
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: self.current)
        monkeypatch.setattr(torch.cuda, "set_stream", lambda stream: setattr(self, "current", stream))
        monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)

    @contextmanager
    def _stream(self, stream: Any) -> Iterator[None]:
        before, self.current = self.current, stream
        yield
        self.current = before

    @contextmanager
    def _graph(self, graph: Any, stream: Any, capture_error_mode: str) -> Iterator[None]:
        assert captured.CAPTURING.locked()
        self.modes.append(capture_error_mode)
        self.current = stream  # a capture that fails does not restore it
        if self.fail:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        with undone(self.agents):
            yield
        self.current = self.own

    agents: list[Any]


class OnCpu(CapturedUpdates):
    """A replay computes; what comes out lies where the capture left it."""

    def __init__(self, agents: Any, inputs: Any, device: torch.device, arithmetic: Any) -> None:
        super().__init__(agents, inputs, CPU, arithmetic)

    def __call__(self, inputs: Any) -> Any:
        metrics = super().__call__(inputs)
        for kept, new in zip(metrics, self._compute(), strict=True):
            for name, value in new.items():
                kept[name].copy_(value)
        return metrics


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Streams:
    streams = Streams()
    streams.install(monkeypatch)
    monkeypatch.setattr("workbench.engine.acceleration.CapturedUpdates", OnCpu)
    monkeypatch.setattr(captured, "_idle_streams", {})
    return streams


def captured_group(streams: Streams, seeds: tuple[int, ...], elsewhere: bool = False) -> Group:
    group = Group(CPU, seeds)
    streams.agents = group.agents
    if elsewhere:
        for agent in group.agents:
            agent.device = torch.device("cpu:0")  # not the replay's, as far as anyone can tell
    group.update = GroupUpdate(group.agents, EngineSettings(acceleration="graph", precision="fp32"), GPU)
    return group


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)])
def test_updates_are_the_eager_ones_from_the_first(streams: Streams, seeds: tuple[int, ...], elsewhere: bool) -> None:
    """Warm-up and capture leave no trace; schedule and batches reach every replay."""
    group, eager = captured_group(streams, seeds, elsewhere), Group(CPU, seeds)
    metrics = [each.run(10) for each in (group, eager)]
    assert (group.update.mode, group.update.reason) == ("graph", None)
    assert streams.launches == 10
    assert metrics[0] == metrics[1]
    for mine, theirs in zip(group.agents, eager.agents, strict=True):
        assert largest_difference(mine, theirs) == 0.0


def test_each_agent_has_a_branch_that_begins_and_ends_in_the_capture(streams: Streams) -> None:
    group = captured_group(streams, (1, 2, 3))
    group.run(1)
    assert streams.modes == ["thread_local"]
    assert streams.registered == [agent.noise.generator for agent in group.agents]  # type: ignore[attr-defined]
    graph = group.update._captured[0, 1, 2]
    trunk, branches = graph._stream, graph._branches
    begun = [(branch, trunk) for branch in branches]
    ended = [(trunk, branch) for branch in branches]
    computed = captured.WARM_UP_UPDATES + 1  # and once more as the stand-in is replayed, in the thread's own stream
    assert [wait for wait in streams.waits if wait[0] in branches][: 3 * computed] == begun * computed
    assert [wait for wait in streams.waits if wait[1] in branches][: 3 * computed] == ended * computed
    assert (trunk, streams.own) in streams.waits
    assert (streams.own, trunk) in streams.waits
    assert streams.current is streams.own


def test_graphs_in_use_share_no_stream_and_one_that_is_gone_leaves_its_own(streams: Streams) -> None:
    """Torch has 32 of them, which a few captures use up."""
    groups = [captured_group(streams, (1, 2)), captured_group(streams, (3, 4))]
    for group in groups:
        streams.agents = group.agents
        group.run(1)
    graphs = [group.update._captured[0, 1] for group in groups]
    taken = [{id(stream) for stream in (graph._stream, *graph._branches)} for graph in graphs]
    assert not taken[0] & taken[1]
    made = streams.made
    del graphs
    groups[0].update.drop(1)
    del groups[0].agents[1], groups[0].replays[1]
    streams.agents = groups[0].agents
    groups[0].run(1)
    graph = groups[0].update._captured[0,]
    assert streams.made == made
    assert {id(stream) for stream in (graph._stream, *graph._branches)} < taken[0]


def test_a_capture_that_fails_gives_the_thread_its_stream_back(streams: Streams) -> None:
    group, eager = captured_group(streams, (1, 2)), Group(CPU, (1, 2))
    streams.fail = True
    for each in (group, eager):
        each.run(3)
    assert streams.current is streams.own
    spoilt = {id(generator) for generator in streams.registered}
    assert len(spoilt) == 2
    assert not spoilt & {id(agent.noise.generator) for agent in group.agents}  # type: ignore[attr-defined]
    assert not captured.CAPTURING.locked()
    assert group.update.mode == "eager"
    assert "operation not permitted when stream is capturing" in str(group.update.reason)
    for mine, theirs in zip(group.agents, eager.agents, strict=True):
        assert largest_difference(mine, theirs) == 0.0
