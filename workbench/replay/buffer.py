"""A ring of observations on one device, from which transitions and windows are drawn without host synchronisation.

A slot holds one observation and, unless an episode ended there, the action taken in it with its reward and termination.
So every observation is stored once: the successor of slot i is slot i + 1, and an episode's last observation has a slot
of its own, without an action. Slots are numbered from the first ever written; slot i lies at row i modulo the ring's
size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from workbench.noise import Noise
from workbench.replay.draws import Batch, Draw
from workbench.replay.starts import WindowStarts

Rows = dict[str, npt.NDArray[Any]]

_HAS_ACTION, _FIRST, _TERMINATED = 1, 2, 4


class NotEnoughData(RuntimeError):
    """A draw was asked of a replay that holds no admissible window yet."""


class ReplayBuffer:
    """The most recent ``capacity`` transitions, in their own dtypes.

    Args:
        capacity: transitions kept. Episode ends take room of their own beside it, up to a sixteenth of the capacity;
            with more (episodes shorter than sixteen steps throughout) a little fewer transitions are kept.
        observation_shape, observation_dtype: of one observation; uint8 pixels stay uint8.
        action_size: length of an action vector.
        draws: the kinds of sample that will be asked for.
        device: where it lies.
    """

    def __init__(
        self,
        capacity: int,
        observation_shape: tuple[int, ...],
        observation_dtype: npt.DTypeLike,
        action_size: int,
        draws: Iterable[Draw],
        device: torch.device | str = "cpu",
    ) -> None:
        self.capacity = capacity
        self.device = torch.device(device)
        self.size = capacity + max(64, capacity // 16)
        dtype = torch.from_numpy(np.empty(0, dtype=observation_dtype)).dtype
        self._tensors = {
            "observation": torch.zeros(self.size, *observation_shape, dtype=dtype, device=self.device),
            "action": torch.zeros(self.size, action_size, device=self.device),
            "reward": torch.zeros(self.size, device=self.device),
            "flags": torch.zeros(self.size, dtype=torch.uint8, device=self.device),
        }
        # On a CPU rows are written through numpy views, many times faster than indexing a tensor.
        self._views: Rows | None = (
            {name: tensor.numpy() for name, tensor in self._tensors.items()} if self.device.type == "cpu" else None
        )
        self._starts = {
            kind: WindowStarts(self.size, self.device) for kind in {(draw.length, draw.across_resets) for draw in draws}
        }
        self._flags = np.zeros(self.size, dtype=np.uint8)  # host copy: eviction looks at it
        self.head = 0  # slots written ever
        self.oldest = 0  # first slot still held
        self.transitions = 0  # held now
        self._episode_start = 0  # slot of the running episode's first observation

    def __len__(self) -> int:
        return self.transitions

    def begin_episode(self, observation: npt.NDArray[Any]) -> None:
        """A reset returned ``observation``. A running episode that was not ended is cut here: no window crosses."""
        self._episode_start = self.head
        self._new_slot(observation, _FIRST)

    def append(
        self, action: npt.NDArray[Any], reward: float, terminated: bool, next_observation: npt.NDArray[Any]
    ) -> None:
        """One environment step from the newest observation. A truncation needs no flag: it bootstraps like any step."""
        slot = self.head - 1
        row = slot % self.size
        flags = int(self._flags[row]) | _HAS_ACTION | (_TERMINATED if terminated else 0)
        self._write(row, {"action": action, "reward": reward, "flags": flags})
        self._flags[row] = flags
        self.transitions += 1
        self._new_slot(next_observation, 0)
        for (length, across), starts in self._starts.items():
            if not across and slot - length + 1 >= self._episode_start:
                starts.push(slot - length + 1)

    def sample(self, draw: Draw, noise: Noise, name: str = "") -> Batch:
        """Draw windows; see :class:`Draw` and :class:`Batch`.

        Raises:
            NotEnoughData: no admissible window of that length is held.
        """
        starts = self._starts[(draw.length, draw.across_resets)]
        if len(starts) == 0:
            raise NotEnoughData(f"the replay holds {self.transitions} transitions and no window of {draw.length} yet")
        shape = (draw.batch,) if draw.repeat is None else (draw.repeat, draw.batch)
        return self.windows(starts.draw(shape, noise, name), draw.length)

    def windows(self, starts: Tensor, length: int) -> Batch:
        """The windows that begin at slots ``starts`` [(repeat,) batch]."""
        offsets = torch.arange(length + 1, device=self.device)
        rows = (starts.unsqueeze(-2) + offsets.unsqueeze(-1)) % self.size  # [(repeat,) length + 1, batch]
        inner = rows[..., :length, :]
        flags, first = self._tensors["flags"][inner], self._tensors["flags"][rows]
        return Batch(
            observations=self._tensors["observation"][rows],
            actions=self._tensors["action"][inner],
            rewards=self._tensors["reward"][inner],
            terminated=(flags & _TERMINATED).ne(0).to(torch.float32),
            valid=(flags & _HAS_ACTION).ne(0),
            first=(first & _FIRST).ne(0),
        )

    def admissible(self, length: int, across_resets: bool = False) -> int:
        """How many windows of that kind could be drawn now."""
        return len(self._starts[(length, across_resets)])

    # ---- continuing later -------------------------------------------------------------------------------------------

    @property
    def closed(self) -> int:
        """Slots before this one never change again; the newest may still get its action."""
        return max(self.head - 1, 0)

    def rows(self, begin: int, end: int) -> Rows:
        """Copies of the slots ``begin`` to ``end`` - 1 as numpy arrays."""
        index = torch.arange(begin, end, device=self.device) % self.size
        return {name: tensor[index].cpu().numpy() for name, tensor in self._tensors.items()}

    def state(self) -> dict[str, int]:
        """The counters that :meth:`load` needs beside the rows ``oldest`` to ``head`` - 1."""
        return {
            "head": self.head,
            "oldest": self.oldest,
            "transitions": self.transitions,
            "episode_start": self._episode_start,
        }

    def load(self, state: Mapping[str, int], parts: Iterable[tuple[int, Rows]]) -> None:
        """Continue from :meth:`state` with ``parts``, pairs of a first slot and its rows, that cover what is held."""
        for begin, rows in parts:
            # Older slots share their row with newer ones.
            skip = min(max(state["oldest"] - begin, 0), len(rows["flags"]))
            index = np.arange(begin + skip, begin + len(rows["flags"])) % self.size
            where = torch.from_numpy(index).to(self.device)
            for name, values in rows.items():
                self._tensors[name][where] = torch.from_numpy(np.array(values[skip:])).to(self.device)
            self._flags[index] = rows["flags"][skip:]
        self.head, self.oldest = state["head"], state["oldest"]
        self.transitions, self._episode_start = state["transitions"], state["episode_start"]
        for (length, across), starts in self._starts.items():
            starts.refill(self._find_starts(length, across))

    def _find_starts(self, length: int, across: bool) -> npt.NDArray[np.int64]:
        slots = np.arange(self.oldest, max(self.head - length, self.oldest))
        if across:
            return slots
        flags = self._flags[(slots[:, None] + np.arange(length)) % self.size]
        within: npt.NDArray[np.bool_] = (flags & _HAS_ACTION).all(axis=1) & ~(flags[:, 1:] & _FIRST).any(axis=1)
        return slots[within]

    # ---- slots ------------------------------------------------------------------------------------------------------

    def _new_slot(self, observation: npt.NDArray[Any], flags: int) -> None:
        while self.head - self.oldest >= self.size or self.transitions > self.capacity:
            self.transitions -= int(self._flags[self.oldest % self.size]) & _HAS_ACTION
            self.oldest += 1
        row = self.head % self.size
        # What an older slot left in the row goes: windows across resets show a slot without an action too.
        self._write(row, {"observation": observation, "action": 0.0, "reward": 0.0, "flags": flags})
        self._flags[row] = flags
        self.head += 1
        for (length, across), starts in self._starts.items():
            starts.drop_before(self.oldest)
            if across and self.head - 1 - length >= self.oldest:
                starts.push(self.head - 1 - length)

    def _write(self, row: int, values: Mapping[str, Any]) -> None:
        if self._views is not None:
            for name, value in values.items():
                self._views[name][row] = value
            return
        for name, value in values.items():
            tensor = self._tensors[name]
            # From ordinary memory: it is read before this returns, and the host does not wait for the device.
            tensor[row].copy_(torch.tensor(value, dtype=tensor.dtype), non_blocking=True)
