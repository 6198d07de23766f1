"""Trying an update out and undoing it: networks, optimisers and noise are afterwards as they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from workbench.agents.base import AgentState, GradientAgent


@contextmanager
def undone(agents: Sequence[GradientAgent]) -> Iterator[None]:
    """What ``agents`` learn inside is taken back, however it ends. Their tensors stay the same ones, in place."""
    for agent in agents:
        for optimiser in agent.optimisers.values():
            optimiser.prepare()
    kept = [_copy(agent.state()) for agent in agents]
    try:
        yield
    finally:
        for agent, state in zip(agents, kept, strict=True):
            agent.load(state)


@torch.no_grad()
def _copy(state: AgentState) -> AgentState:
    return AgentState({name: tensor.detach().clone() for name, tensor in state.tensors.items()}, dict(state.document))
