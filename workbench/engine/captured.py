"""One CUDA graph that makes one update of each of several agents: one launch, whatever the number of operators.

The agents stand on parallel branches of the graph, so that the GPU computes them side by side. Batches and noise are
drawn inside, by generators that the graph knows, so that a replay draws what an eager update would have drawn. Where an
agent's replay lies elsewhere than the agent, its batches are drawn before and copied to where the graph reads them.

tensordict's CudaGraphModule captures a module too, but runs its warm-up for good, knows no generators other than the
global one, captures in the mode that fails when any other thread allocates, and puts nothing on parallel branches;
torch's make_graphed_callables captures forward and backward passes, but no optimiser. Hence torch's graph itself.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields

import torch
from torch import Tensor

from workbench.agents.base import GradientAgent, Metrics, UpdateInputs
from workbench.engine.undo import undone
from workbench.noise import NoiseSource
from workbench.replay import Batch, ReplayBuffer

#: updates that are made and undone before a capture: libraries choose kernels and take their memory in the first ones
WARM_UP_UPDATES = 3

#: one capture at a time in the process: warm-up and capture stop the device for a moment
CAPTURING = threading.Lock()

#: streams of graphs that are gone, by device. Torch hands out 32 in turns, so that a new one might be that of a graph
#: in use: both would compute in the same scratch memory.
_idle_streams: dict[torch.device, list[torch.cuda.Stream]] = {}


class StaticInputs:
    """Where one agent's captured update finds its inputs: always the same tensors, filled anew before each replay.

    Args:
        agent: whose update it is.
        inputs: such as will come; what lies on the agent's device is drawn from when the update is computed.
        values: room for the schedule's values, in the order of ``inputs.schedule``.
    """

    def __init__(self, agent: GradientAgent, inputs: UpdateInputs, values: Tensor) -> None:
        self.agent = agent
        self._names = tuple(inputs.schedule)
        self._values = values
        self._replays = {draw.buffer: inputs.replays[draw.buffer] for draw in agent.draws.values()}
        inside = all(replay.device == agent.device for replay in self._replays.values())
        self._batches = None if inside else {name: _clone(each) for name, each in agent.sample(self._replays).items()}

    def numbers(self, inputs: UpdateInputs) -> list[float]:
        """The schedule's values as ``values`` is to hold them."""
        return [inputs.schedule[name] for name in self._names]

    def fits(self, replays: Mapping[str, ReplayBuffer]) -> bool:
        """Whether these are the replays that are drawn from."""
        return all(replays[name] is replay for name, replay in self._replays.items())

    def fill(self) -> None:
        """Draw the batches that are not drawn inside."""
        if self._batches is not None:
            for name, batch in self.agent.sample(self._replays).items():
                _copy(batch, self._batches[name])

    def compute(self) -> Metrics:
        """The update, from these tensors."""
        batches = self.agent.sample(self._replays) if self._batches is None else self._batches
        return self.agent.update(batches, dict(zip(self._names, self._values.unbind(), strict=True)))


class CapturedUpdates:
    """The graph, captured at once; calling it replays it on the calling thread's stream.

    Args:
        agents: of one device.
        inputs: of each agent's next update; none of it is used up.
        device: a CUDA device.
        arithmetic: makes the context that updates are computed in.

    Raises:
        RuntimeError, AssertionError: torch cannot capture it. The agents are as they were.
    """

    def __init__(
        self,
        agents: Sequence[GradientAgent],
        inputs: Sequence[UpdateInputs],
        device: torch.device,
        arithmetic: Callable[[], AbstractContextManager[object]],
    ) -> None:
        self._device, self._arithmetic = device, arithmetic
        self._numbers: list[float] = []
        with CAPTURING, torch.cuda.device(device):
            self._stream, *self._branches = self._take_streams(1 + len(agents))
            self._graph = torch.cuda.CUDAGraph()
            with undone(agents):
                counts = [len(each.schedule) for each in inputs]
                self._values = torch.zeros(sum(counts), device=device)
                parts = self._values.split(counts)
                self._inputs = [StaticInputs(*each) for each in zip(agents, inputs, parts, strict=True)]
                self._set_schedule(inputs)
                self._warm_up()
            self._metrics = self._capture(agents)

    def __call__(self, inputs: Sequence[UpdateInputs]) -> list[Metrics]:
        """One update of each agent; their metrics, which the next call overwrites."""
        self._set_schedule(inputs)
        for each in self._inputs:
            each.fill()
        self._graph.replay()
        return self._metrics

    def fits(self, inputs: Sequence[UpdateInputs]) -> bool:
        """Whether ``inputs`` draw from the replays that were captured."""
        return all(own.fits(each.replays) for own, each in zip(self._inputs, inputs, strict=True))

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _take_streams(self, count: int) -> list[torch.cuda.Stream]:
        """So many that no other graph has; they are given back when this object is gone."""
        idle = _idle_streams.setdefault(self._device, [])
        taken = [idle.pop() if idle else torch.cuda.Stream(self._device) for _ in range(count)]
        weakref.finalize(self, idle.extend, taken)
        torch.cuda.synchronize(self._device)  # their last graph may still be at work
        return taken

    def _set_schedule(self, inputs: Sequence[UpdateInputs]) -> None:
        numbers = [number for own, each in zip(self._inputs, inputs, strict=True) for number in own.numbers(each)]
        if numbers != self._numbers:
            # From ordinary memory: it is read before this returns, and the host does not wait for the device.
            self._values.copy_(torch.tensor(numbers, dtype=torch.float32), non_blocking=True)
            self._numbers = numbers

    def _warm_up(self) -> None:
        """A few updates on the streams of the capture; whoever calls undoes them."""
        here = torch.cuda.current_stream(self._device)
        for _ in range(WARM_UP_UPDATES):
            for each in self._inputs:
                each.fill()
            self._stream.wait_stream(here)
            with torch.cuda.stream(self._stream):
                self._compute()
            here.wait_stream(self._stream)
        torch.cuda.synchronize(self._device)

    def _capture(self, agents: Sequence[GradientAgent]) -> list[Metrics]:
        sources = [agent.noise for agent in agents if isinstance(agent.noise, NoiseSource)]
        # A torch that finds the generators by itself need not be told of them.
        register = getattr(self._graph, "register_generator_state", lambda generator: None)
        for source in sources:
            register(source.generator)
        here = torch.cuda.current_stream(self._device)
        try:
            # Thread-local: other threads may allocate meanwhile.
            with torch.cuda.graph(self._graph, stream=self._stream, capture_error_mode="thread_local"):
                return self._compute()
        except Exception:
            # What a capture that fails leaves behind: its stream, and generators that refuse to draw outside of one.
            torch.cuda.set_stream(here)
            for source in sources:
                source.renew()
            raise

    def _compute(self) -> list[Metrics]:
        """Every agent's update, each on a branch of its own that begins and ends in the current stream."""
        trunk = torch.cuda.current_stream(self._device)
        metrics = []
        for each, branch in zip(self._inputs, self._branches, strict=True):
            branch.wait_stream(trunk)
            with torch.cuda.stream(branch), self._arithmetic():
                metrics.append(each.compute())
        for branch in self._branches:
            trunk.wait_stream(branch)
        return metrics


def _clone(batch: Batch) -> Batch:
    return Batch(**{each.name: getattr(batch, each.name).clone() for each in fields(batch)})


def _copy(source: Batch, target: Batch) -> None:
    for each in fields(source):
        getattr(target, each.name).copy_(getattr(source, each.name))
