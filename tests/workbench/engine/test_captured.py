"""Captured updates on a GPU: the same numbers as eager ones, side by side in one graph, from several threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from tests.workbench.engine.group_updates import Group, largest_difference, learned
from workbench.agents.base import AgentState
from workbench.engine.acceleration import own_stream
from workbench.engine.precision import PrecisionClaim

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
GPU = torch.device("cuda:0")
#: relative, after ten updates with the same noise: what the order of a sum does in fp32
LARGEST_DIFFERENCE = 1e-5


@pytest.fixture(autouse=True)
def exact_products() -> Iterator[None]:
    with PrecisionClaim("fp32", GPU):
        yield


def both(**options: Any) -> tuple[Group, Group]:
    """The same agents, captured and eager."""
    graph = Group(GPU, acceleration="graph", precision="fp32", **options)
    return graph, Group(GPU, acceleration="eager", precision="fp32", **options)


@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)])
@pytest.mark.parametrize("replay_device", ["cuda:0", "cpu"])
def test_captured_updates_agree_with_eager_ones(seeds: tuple[int, ...], replay_device: str) -> None:
    """Noise and batches are drawn alike, so that the generators stand at the same place too."""
    graph, eager = both(seeds=seeds, replay_device=replay_device)
    metrics = [each.run(10) for each in (graph, eager)]
    assert (graph.update.mode, graph.update.reason) == ("graph", None)
    for mine, theirs in zip(graph.agents, eager.agents, strict=True):
        assert largest_difference(mine, theirs) < LARGEST_DIFFERENCE
        assert torch.equal(mine.noise.state(), theirs.noise.state())  # type: ignore[attr-defined]
    for one, two in zip(*metrics, strict=True):
        assert one == pytest.approx(two, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("changes", [{"one_batch": True}, {"classifier_pairs": "both"}, {"precision": "bf16"}])
def test_variants_are_captured_too(changes: dict[str, Any]) -> None:
    precision = changes.pop("precision", "fp32")
    graph = Group(GPU, acceleration="graph", precision=precision, **changes)
    eager = Group(GPU, acceleration="eager", precision=precision, **changes)
    for each in (graph, eager):
        each.run(10)
    assert graph.update.mode == "graph"
    assert largest_difference(graph.agents[0], eager.agents[0]) < (LARGEST_DIFFERENCE if precision == "fp32" else 0.05)


def test_what_is_appended_and_scheduled_later_reaches_the_graph() -> None:
    graph, eager = both()
    for each in (graph, eager):
        each.run(3)
        each.replays[0].begin_episode(100.0 * torch.ones(5).double().numpy())
        for _ in range(100):
            action = torch.zeros(2).numpy()
            each.replays[0].append(action, 5.0, False, 100.0 * torch.ones(5).double().numpy())
        each.run(10)
    assert largest_difference(graph.agents[0], eager.agents[0]) < LARGEST_DIFFERENCE


def test_a_captured_agent_goes_on_from_a_state() -> None:
    """Loading copies into place, so that the graph goes on with what was loaded."""
    graph, eager = both()
    for each in (graph, eager):
        each.run(5)
        tensors = learned(each.agents[0])
        document = dict(each.agents[0].state().document)
        each.run(3)
        each.agents[0].load(AgentState(tensors, document))
        each.run(5)
    assert graph.update.mode == "graph"
    assert largest_difference(graph.agents[0], eager.agents[0]) < LARGEST_DIFFERENCE


def test_a_group_goes_on_without_a_dropped_agent() -> None:
    graph, eager = both(seeds=(1, 2, 3))
    for each in (graph, eager):
        each.run(3)
        each.update.drop(1)
        del each.agents[1], each.replays[1]
        each.run(5)
    for mine, theirs in zip(graph.agents, eager.agents, strict=True):
        assert largest_difference(mine, theirs) < LARGEST_DIFFERENCE


def test_others_may_allocate_while_a_thread_captures() -> None:
    over = threading.Event()
    failures: list[Exception] = []

    def allocate() -> None:
        try:
            with own_stream(GPU):
                while not over.is_set():
                    torch.empty(64 << 20, device=GPU).fill_(1.0).sum().item()
                    torch.cuda.empty_cache()
        except Exception as error:  # noqa: BLE001  it is looked at below
            failures.append(error)

    other = threading.Thread(target=allocate)
    other.start()
    try:
        graph, eager = both(seeds=(1, 2))
        for each in (graph, eager):
            each.run(10)
    finally:
        over.set()
        other.join()
    assert not failures
    assert graph.update.reason is None
    for mine, theirs in zip(graph.agents, eager.agents, strict=True):
        assert largest_difference(mine, theirs) < LARGEST_DIFFERENCE


def test_two_captured_runs_at_once_make_more_updates_per_second_than_one_after_the_other() -> None:
    def make_updates(group: Group, updates: int, start: threading.Barrier | None = None) -> None:
        with own_stream(GPU):
            group.run(5)
            torch.cuda.synchronize()
            if start is not None:
                start.wait()
            group.run(updates)
            torch.cuda.current_stream().synchronize()

    def seconds_of(together: bool) -> float:
        groups = [Group(GPU, [seed], acceleration="graph", precision="fp32") for seed in (1, 2)]
        if not together:
            seconds = 0.0
            for group in groups:
                make_updates(group, 1)
                begin = time.perf_counter()
                make_updates(group, 500)
                seconds += time.perf_counter() - begin
            return seconds
        start = threading.Barrier(3)
        threads = [threading.Thread(target=make_updates, args=(group, 500, start)) for group in groups]
        for thread in threads:
            thread.start()
        start.wait()
        begin = time.perf_counter()
        for thread in threads:
            thread.join()
        return time.perf_counter() - begin

    assert min(seconds_of(True) for _ in range(3)) < min(seconds_of(False) for _ in range(3))
