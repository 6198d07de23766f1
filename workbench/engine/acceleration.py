"""How the updates of several agents are computed: operator by operator, compiled, or as one captured CUDA graph."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Sequence
from functools import partial
from typing import Literal, cast

import torch

from workbench.agents.base import GradientAgent, Metrics, UpdateInputs
from workbench.engine.captured import CapturedUpdates
from workbench.engine.compiled import CompiledUpdate
from workbench.engine.precision import autocast, resolve_precision
from workbench.spec import EngineSettings

Acceleration = Literal["eager", "compile", "graph"]

#: what torch raises where it cannot capture or compile; without CUDA it asserts
_CANNOT = (RuntimeError, AssertionError)


class GroupUpdate:
    """Makes one update of each of ``agents``, all of one spec on ``device``, at each call.

    ``mode`` is how. ``reason`` is a sentence that says why it is not what ``settings`` ask for; None where it is. The
    first call compiles or captures; where that fails both change, and the updates are made all the same.

    Raises:
        SettingsError: the device does not have the precision that is asked for.
    """

    def __init__(self, agents: Sequence[GradientAgent], settings: EngineSettings, device: torch.device) -> None:
        self.agents = list(agents)
        self.device = device
        self.mode: Acceleration = choose_mode(settings.acceleration, device)
        self.reason: str | None = None
        if settings.acceleration == "graph" and self.mode != "graph":
            self.reason = "There are no CUDA graphs on a CPU: updates are computed operator by operator."
        self._arithmetic = partial(autocast, resolve_precision(settings.precision, device), device)
        self._compiled = [CompiledUpdate(each, self._arithmetic) for each in agents] if self.mode == "compile" else []
        self._captured: dict[tuple[int, ...], CapturedUpdates] = {}  # by the places that take part
        self._last: tuple[int, ...] = ()

    def __call__(self, inputs: Sequence[UpdateInputs | None]) -> list[Metrics | None]:
        """One update of each agent whose place in ``inputs`` is not None; their metrics, valid until the next call."""
        given = {place: each for place, each in enumerate(inputs) if each is not None}
        metrics = self._updates(tuple(given), list(given.values()))
        found = dict(zip(given, metrics, strict=True))
        return [found.get(place) for place in range(len(self.agents))]

    def drop(self, index: int) -> None:
        """Leave the agent at ``index`` out from now on; those behind it move up."""
        del self.agents[index]
        if self._compiled:
            del self._compiled[index]
        self._captured.clear()
        self._last = ()

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _updates(self, places: tuple[int, ...], inputs: Sequence[UpdateInputs]) -> Sequence[Metrics]:
        captured = self._prepare(places, inputs)
        self._last = places
        if captured is not None:
            return captured(inputs)
        if self.mode == "compile":
            return [self._compiled[place](each) for place, each in zip(places, inputs, strict=True)]
        metrics = []
        for place, each in zip(places, inputs, strict=True):
            with self._arithmetic():
                metrics.append(self.agents[place].compute(each))
        return metrics

    def _prepare(self, places: tuple[int, ...], inputs: Sequence[UpdateInputs]) -> CapturedUpdates | None:
        """Capture or compile what is not yet; the graph of these agents. Where that fails everything becomes eager."""
        try:
            if self.mode == "graph":
                return self._graph(places, inputs)
            if self.mode == "compile":
                for place, each in zip(places, inputs, strict=True):
                    self._compiled[place].prepare(each)
        except _CANNOT as error:
            done = "captured as a CUDA graph" if self.mode == "graph" else "compiled"
            self._fall_back(f"The update could not be {done} ({_first_words(error)})")
        return None

    def _graph(self, places: tuple[int, ...], inputs: Sequence[UpdateInputs]) -> CapturedUpdates | None:
        known = self._captured.get(places)
        if known is not None and known.fits(inputs):
            return known
        everyone = tuple(range(len(self.agents)))
        if places not in (everyone, self._last):
            return None  # who is away for a single update is not worth a capture
        # The graph of all is kept for when they are back; any other makes room.
        self._captured = {kept: graph for kept, graph in self._captured.items() if kept == everyone and kept != places}
        agents = [self.agents[place] for place in places]
        self._captured[places] = CapturedUpdates(agents, inputs, self.device, self._arithmetic)
        return self._captured[places]

    def _fall_back(self, reason: str) -> None:
        self.mode, self.reason = "eager", f"{reason}; updates are computed operator by operator."
        self._captured.clear()
        self._compiled.clear()


def choose_mode(choice: str, device: torch.device) -> Acceleration:
    """What the setting ``acceleration`` stands for on ``device``; a graph can only be had on a GPU."""
    on_gpu = device.type == "cuda"
    if choice == "auto":
        return "graph" if on_gpu else "eager"
    return "eager" if choice == "graph" and not on_gpu else cast(Acceleration, choice)


def how_it_computes(settings: EngineSettings, device: torch.device) -> dict[str, str]:
    """For a run's record: its precision, and how updates are computed unless that fails. Raises SettingsError."""
    precision = resolve_precision(settings.precision, device)
    return {"precision": precision, "acceleration": choose_mode(settings.acceleration, device)}


def own_stream(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Inside, this thread's work goes to a stream of its own, so that runs on one GPU do not wait for each other.

    It is of high priority: those have a pool of their own in torch, so that it never is one that a graph is captured
    on, and what a run waits for, its actions, goes before the updates of others.
    """
    if device.type != "cuda":
        return contextlib.nullcontext()
    return torch.cuda.stream(torch.cuda.Stream(device, priority=-1))


def _first_words(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    said = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return textwrap.shorten(said, 200, placeholder=" ...").rstrip(".")
