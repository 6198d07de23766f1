"""A search tree: depth downwards, siblings beside each other, the last simulation's way and the most visited one."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtGui import QPen

from ui import format
from ui.plots.items import Line
from ui.plots.quiet_plot import QuietPlot, Values, faint
from ui.theme import Theme

#: nodes that are drawn at most, the most visited ones
MOST = 600
#: px across the least and the most visited node
_SMALL, _LARGE = 4.0, 15.0

Indices = NDArray[np.int64]


def kept_nodes(parent: Indices, visits: Indices, most: int = MOST) -> Indices:
    """The most visited nodes in their order; a node's parent is visited at least as often, and comes before it."""
    order = np.lexsort((np.arange(len(parent)), -visits))[:most]
    kept = set(order.tolist())
    return np.array([node for node in sorted(kept) if node == 0 or int(parent[node]) in kept], np.int64)


def places(parent: Indices) -> Values:
    """Where each node stands across: leaves one after the other, a node over the middle of its children.

    ``parent`` [n] is -1 for the root, which is the first; parents come before their children.
    """
    children: list[list[int]] = [[] for _ in parent]
    for node in range(1, len(parent)):
        children[parent[node]].append(node)
    across, free, waiting = np.zeros(len(parent)), 0.0, [0]
    while waiting:
        node = waiting.pop()
        if not children[node]:
            across[node], free = free, free + 1.0
        waiting += reversed(children[node])
    for node in range(len(parent) - 1, -1, -1):
        if children[node]:
            across[node] = across[children[node]].mean()
    return across


class TreePlot(QuietPlot):
    """Larger nodes were visited more often; under the mouse a node tells its visits, value and reward."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Search tree")
        self._edges, self._path, self._chosen = Line(), Line(strong=True), Line(strong=True)
        self._nodes = pg.ScatterPlotItem(pxMode=True, hoverable=True, tip=_tip)
        self.add(self._edges, depth=0)
        self.add(self._path, self._chosen, depth=1)
        self.add(self._nodes, depth=2)
        self.left.set_title("Depth")
        self.left.set_whole()
        self.view.invertY(True)
        self.getPlotItem().hideAxis("bottom")
        self.repaint_colors()

    def show_tree(self, tree: dict[str, NDArray[np.generic]]) -> None:
        """``parent``, ``visits``, ``depth``, ``value``, ``reward`` [n] and ``path``, the last simulation's nodes."""
        parent, visits = np.asarray(tree["parent"], np.int64), np.asarray(tree["visits"], np.int64)
        kept = kept_nodes(parent, visits)
        number = np.full(len(parent), -1, np.int64)
        number[kept] = np.arange(len(kept))
        own = np.where(parent[kept] >= 0, number[parent[kept]], -1)
        x, y = places(own), np.asarray(tree["depth"], np.float64)[kept]
        ends = np.arange(1, len(kept))
        self._edges.set_points(*_segments(x, y, own[ends], ends))
        path = number[np.asarray(tree["path"], np.int64)]
        path = path[path >= 0]
        self._path.set_points(x[path], y[path])
        chosen = np.array(_most_visited(own, visits[kept]), np.int64)
        self._chosen.set_points(x[chosen], y[chosen])
        share = np.sqrt(visits[kept] / max(int(visits.max(initial=1)), 1))
        told = np.stack((visits[kept], np.asarray(tree["value"])[kept], np.asarray(tree["reward"])[kept]), 1)
        self._nodes.setData(x, y, size=_SMALL + (_LARGE - _SMALL) * share, data=told.tolist())
        self.set_ranges(x, y)

    def repaint_colors(self) -> None:
        """Take colours and fonts from the theme again."""
        super().repaint_colors()
        theme = self.theme
        edges = QPen(theme.color("ctl"), 1)
        edges.setCosmetic(True)
        self._edges.set_pen(edges)
        self._path.set_pen(theme.series(1).pen())
        self._chosen.set_pen(theme.series(2).pen())
        self._nodes.setPen(None)
        self._nodes.setBrush(faint(theme.color("text2"), 0.8))


def _segments(x: Values, y: Values, begins: Indices, ends: Indices) -> tuple[Values, Values]:
    """A line from each beginning to its end, cut by NaN."""
    cut = np.full(len(ends), np.nan)
    return np.stack((x[begins], x[ends], cut), 1).ravel(), np.stack((y[begins], y[ends], cut), 1).ravel()


def _most_visited(parent: Indices, visits: Indices) -> list[int]:
    """From the root, always to the child that was visited most."""
    way = [0] if len(parent) else []
    while way:
        children = np.flatnonzero(parent == way[-1])
        if not len(children):
            break
        way.append(int(children[visits[children].argmax()]))
    return way


def _tip(x: float, y: float, data: list[float]) -> str:
    visits, value, reward = data
    worth = format.number(float(f"{value:.3g}")) if np.isfinite(value) else format.MISSING
    return f"{format.plural(int(visits), 'visit')}, value {worth}, reward {format.number(float(f'{reward:.3g}'))}"
