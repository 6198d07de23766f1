"""Replay: what was experienced, stored once, and drawn as transitions or windows."""

from workbench.replay.buffer import ReplayBuffer
from workbench.replay.draws import Batch, Draw

__all__ = ["Batch", "Draw", "ReplayBuffer"]
