"""A search tree for UCT: nodes as lists that grow, read out as flat arrays. It knows no model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor


class SearchTree:
    """Node 0 is the root. Every other node stands for taking ``action[i]`` in its parent.

    ``value_sum[i] / visits[i]`` is the mean return from that action on, discounted from the parent's step. A blocked
    node leads to nothing finite and is never chosen again.
    """

    def __init__(self, root: Tensor, action_size: int) -> None:
        self.parent = [-1]
        self.children: list[list[int]] = [[]]
        self.action: list[Tensor | None] = [None]
        self.latent = [root]
        self.reward = [0.0]
        self.continuation = [1.0]
        self.depth = [0]
        self.visits = [0]
        self.value_sum = [0.0]
        self.blocked = [False]
        #: the best sequence met that goes through each node: its return, and all its actions [H, A]
        self.best: list[tuple[float, Tensor | None]] = [(-math.inf, None)]
        self._action_size = action_size
        self._low, self._high = math.inf, -math.inf

    def __len__(self) -> int:
        return len(self.parent)

    def add(self, parent: int, action: Tensor, latent: Tensor, reward: float, continuation: float) -> int:
        """A new node; its number."""
        self.parent.append(parent)
        self.children.append([])
        self.action.append(action)
        self.latent.append(latent)
        self.reward.append(reward)
        self.continuation.append(continuation)
        self.depth.append(self.depth[parent] + 1)
        self.visits.append(0)
        self.value_sum.append(0.0)
        self.blocked.append(False)
        self.best.append((-math.inf, None))
        self.children[parent].append(len(self) - 1)
        return len(self) - 1

    def open_children(self, node: int) -> list[int]:
        """Those that are not blocked."""
        return [child for child in self.children[node] if not self.blocked[child]]

    def select(self, node: int, exploration: float, normalise: bool) -> int:
        """The child with the highest Q + 2 C sqrt(2 ln N / n), of those that are not blocked; the first of equals."""
        logarithm = 2.0 * math.log(max(self.visits[node], 1))
        spread = self._high - self._low

        def score(child: int) -> float:
            q = self.value_sum[child] / self.visits[child]
            if normalise:
                q = (q - self._low) / spread if spread > 0.0 else 0.5
            return q + 2.0 * exploration * math.sqrt(logarithm / self.visits[child])

        return max(self.open_children(node), key=score)

    def back_up(self, node: int, value: float, discount: float) -> None:
        """Count a visit with the return ``value`` from ``node`` on, all the way up."""
        while node > 0:
            value = self.reward[node] + discount * self.continuation[node] * value
            self.visits[node] += 1
            self.value_sum[node] += value
            mean = self.value_sum[node] / self.visits[node]
            self._low, self._high = min(self._low, mean), max(self._high, mean)
            node = self.parent[node]
        self.visits[0] += 1
        self.value_sum[0] += value

    def block(self, node: int) -> None:
        """Never choose ``node`` again."""
        self.blocked[node] = True

    def path(self, node: int) -> list[int]:
        """The nodes from the root, itself included, to ``node``."""
        nodes = [node]
        while node > 0:
            node = self.parent[node]
            nodes.append(node)
        return nodes[::-1]

    def remember(self, node: int, sequence: Tensor, total: float) -> None:
        """``sequence`` [H, A] went through ``node`` and had the return ``total``."""
        for each in self.path(node):
            if self.best[each][1] is None or total > self.best[each][0]:
                self.best[each] = (total, sequence)

    def most_visited(self) -> list[int]:
        """From the root down, always the child visited most (the first of equals), as far as there is one."""
        nodes = [0]
        while True:
            children = [child for child in self.open_children(nodes[-1]) if self.visits[child] > 0]
            if not children:
                return nodes
            nodes.append(max(children, key=self.visits.__getitem__))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """``parent`` (-1: root), ``visits``, ``depth`` [n], ``value``, ``reward`` [n], ``action`` [n, A].

        The value is the mean return from the action on (the root's: from the start), not a number without visits.
        """
        visits = np.array(self.visits, np.int64)
        sums = np.array(self.value_sum, np.float64)
        value = np.divide(sums, visits, out=np.full(len(self), np.nan), where=visits > 0)
        actions = np.full((len(self), self._action_size), np.nan, np.float32)
        for node, action in enumerate(self.action):
            if action is not None:
                actions[node] = action.cpu().numpy()
        return {
            "parent": np.array(self.parent, np.int64),
            "visits": visits,
            "depth": np.array(self.depth, np.int64),
            "value": value,
            "reward": np.array(self.reward, np.float64),
            "action": actions,
        }
