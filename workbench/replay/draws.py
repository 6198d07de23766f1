"""What an agent asks of a replay, and what it gets."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Draw:
    """One kind of sample: ``batch`` windows of ``length`` transitions, uniformly among all that ``buffer`` holds.

    Args:
        length: transitions per window; 1 is an ordinary transition.
        batch: windows per draw.
        buffer: which replay; ``environment`` is the session's, others are the agent's own.
        repeat: independent draws stacked on a leading axis, for agents that take several steps per update; None: no
            such axis.
        across_resets: windows may run over the end of an episode; ``Batch.first`` then marks where one begins.
            Otherwise a window lies within one episode (its last transition may be terminal).
    """

    length: int
    batch: int
    buffer: str = "environment"
    repeat: int | None = None
    across_resets: bool = False

    def __post_init__(self) -> None:
        if self.length < 1 or self.batch < 1 or (self.repeat is not None and self.repeat < 1):
            raise ValueError(f"a draw needs length, batch and repeat of at least 1, not {self}")


@dataclass(frozen=True)
class Batch:
    """Windows, time first (behind ``repeat``'s axis where there is one).

    ``observations`` [length + 1, batch, ...]; ``actions`` [length, batch, action]; ``rewards``, ``terminated`` (float 0
    or 1, true terminations only, never a time limit) and ``valid`` [length, batch]; ``first`` [length + 1, batch], true
    where an episode begins. ``valid`` is false only in windows across resets, at a step from an episode's last
    observation, which has no action: action, reward and termination are 0 there.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    valid: Tensor
    first: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on ``device``: itself where it lies there already."""
        if self.rewards.device == device:
            return self
        return Batch(**{each.name: getattr(self, each.name).to(device) for each in fields(self)})
