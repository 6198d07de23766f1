"""A search tree: depth downwards, siblings beside each other, the last simulation's way and the most visited one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QToolTip

from ui import format
from ui.guard import guarded
from ui.plots.items import Line
from ui.plots.quiet_plot import QuietPlot, Values, faint
from ui.theme import Theme

#: nodes that are drawn at most: of those in sight the most visited ones, so that coming closer shows the others
MOST = 1200
#: edges above which they are drawn without smoothing
_ROUGH = 300
#: px across the least and the most visited node, and between the mouse and a node that it means
_SMALL, _LARGE, _NEAR = 4.0, 15.0, 14.0
#: how much closer than the whole the view may come, and how many actions a tooltip lists
_CLOSEST, _LISTED = 2000.0, 6

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tree:
    """Nodes [n] with their places, the ``path`` of the last simulation and the ``chosen`` way, both as node numbers."""

    x: Values
    depth: Values
    parent: Indices
    visits: Indices
    value: Values
    reward: Values
    action: Values
    path: Indices
    chosen: Indices


def places(parent: Indices) -> Values:
    """Where each node stands across: leaves one after the other, a node over the middle of its children.

    ``parent`` [n] is -1 for the root, which is the first; parents come before their children.
    """
    above = parent.tolist()
    children: list[list[int]] = [[] for _ in above]
    for node in range(1, len(above)):
        children[above[node]].append(node)
    across, free, waiting = [0.0] * len(above), 0.0, [0]
    while waiting:
        node = waiting.pop()
        if children[node]:
            waiting += reversed(children[node])
        else:
            across[node], free = free, free + 1.0
    for node in range(len(above) - 1, -1, -1):
        if children[node]:
            across[node] = sum(across[child] for child in children[node]) / len(children[node])
    return np.array(across)


def in_sight(tree: Tree, left: float, right: float, top: float, bottom: float, most: int = MOST) -> Indices:
    """The ``most`` visited nodes between ``left`` and ``right`` and between the depths, in their order."""
    inside = np.flatnonzero(
        (tree.x >= left) & (tree.x <= right) & (tree.depth >= top - 1.0) & (tree.depth <= bottom + 1.0)
    )
    if len(inside) > most:
        order = np.lexsort((inside, -tree.visits[inside]))[:most]
        inside = np.sort(inside[order])
    return inside


class TreePlot(QuietPlot):
    """Larger nodes were visited more often; under the mouse a node tells its action, visits, value and reward.

    The wheel zooms, dragging moves, a double click fits all of it in. Until then it fits itself.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Search tree")
        self._tree: Tree | None = None
        self._names: Sequence[str] = ()
        self._drawn: Indices = np.zeros(0, np.int64)
        self._fitted = True
        self._edges, self._path, self._chosen = Line(), Line(strong=True), Line(strong=True)
        self._nodes = pg.ScatterPlotItem(pxMode=True)
        self._pointed = pg.ScatterPlotItem(pxMode=True)
        self.add(self._edges, depth=0)
        self.add(self._path, self._chosen, depth=1)
        self.add(self._nodes, depth=2)
        self.add(self._pointed, depth=3)
        self.left.set_title("Depth")
        self.left.set_whole(22)
        self.view.invertY(True)
        self.getPlotItem().hideAxis("bottom")
        self.getPlotItem().setMouseEnabled(True, True)
        self.viewport().setMouseTracking(True)
        self.setToolTip("Wheel: zoom. Drag: move. Double click: fit.")
        self.view.sigRangeChanged.connect(self._draw)
        self.repaint_colors()

    @property
    def drawn(self) -> Indices:
        """The nodes that are drawn."""
        return self._drawn

    def show_tree(self, arrays: dict[str, NDArray[np.generic]], names: Sequence[str]) -> None:
        """The arrays of a search tree with ``path``, the last simulation's nodes; ``names`` [A] of the actions."""
        parent, visits = np.asarray(arrays["parent"], np.int64), np.asarray(arrays["visits"], np.int64)
        self._names = names
        self._tree = Tree(
            x=places(parent),
            depth=np.asarray(arrays["depth"], np.float64),
            parent=parent,
            visits=visits,
            value=np.asarray(arrays["value"], np.float64),
            reward=np.asarray(arrays["reward"], np.float64),
            action=np.asarray(arrays["action"], np.float64),
            path=np.asarray(arrays["path"], np.int64),
            chosen=np.array(most_visited(parent, visits), np.int64),
        )
        self._pointed.setData([], [])
        wide, deep = max(float(np.ptp(self._tree.x)), 1.0), max(float(self._tree.depth.max()), 1.0)
        self.view.setLimits(
            **{"xMin": -wide, "xMax": 2 * wide, "yMin": -1.0, "yMax": deep + 1.0},
            **{"minXRange": wide / _CLOSEST, "minYRange": min(0.5, deep / 2)},
        )
        if self._fitted:
            self.fit()
        else:
            self._draw()

    def fit(self) -> None:
        """Show all of it, and go on doing so."""
        self._fitted = True
        if self._tree is not None:
            self.view.blockSignals(True)  # drawn once, below
            self.set_ranges(self._tree.x, self._tree.depth)
            self.view.blockSignals(False)
            self.left.linkedViewChanged(self.view)
            self._draw()

    def _draw(self, *_: object) -> None:
        tree = self._tree
        if tree is None:
            return
        (left, right), (top, bottom) = self.view.viewRange()
        self._drawn = kept = in_sight(tree, left, right, top, bottom)
        ends = kept[tree.parent[kept] >= 0]
        self._edges.opts["antialias"] = len(ends) <= _ROUGH
        self._edges.set_points(*_segments(tree, ends))
        self._path.set_points(tree.x[tree.path], tree.depth[tree.path])
        self._chosen.set_points(tree.x[tree.chosen], tree.depth[tree.chosen])
        share = np.sqrt(tree.visits[kept] / max(int(tree.visits.max(initial=1)), 1))
        self._nodes.setData(tree.x[kept], tree.depth[kept], size=_SMALL + (_LARGE - _SMALL) * share)

    def node_at(self, point: QPointF) -> int | None:
        """The drawn node nearest to a place of the widget, if it is near."""
        if self._tree is None or not len(self._drawn):
            return None
        at = self.view.mapSceneToView(self.mapToScene(point.toPoint()))
        wide, tall = self.view.viewPixelSize()
        away = np.hypot((self._tree.x[self._drawn] - at.x()) / wide, (self._tree.depth[self._drawn] - at.y()) / tall)
        nearest = int(away.argmin())
        return int(self._drawn[nearest]) if away[nearest] <= _NEAR else None

    def reading(self, node: int) -> str:
        """What a node tells."""
        tree = self._tree
        assert tree is not None
        lines = [f"{format.plural(int(tree.visits[node]), 'visit')}, value {_figure(tree.value[node])} (mean return)"]
        if tree.parent[node] < 0:
            return "\n".join(["Root: the start state", *lines])
        pairs = list(zip(self._names, tree.action[node], strict=False))
        actions = [f"{name} {_figure(value)}" for name, value in pairs[:_LISTED]]
        more = [f"and {len(pairs) - _LISTED} more"] if len(pairs) > _LISTED else []
        lines.insert(0, f"Depth {int(tree.depth[node])}: " + ", ".join(actions + more))
        return "\n".join([*lines, f"reward {_figure(tree.reward[node])} on the way here"])

    # ---- the mouse --------------------------------------------------------------------------------------------------

    @guarded
    def wheelEvent(self, ev: QWheelEvent) -> None:
        """Qt's."""
        self._fitted = False
        super().wheelEvent(ev)

    @guarded
    def mousePressEvent(self, ev: QMouseEvent) -> None:
        """Qt's; here dragging moves, unlike in other quiet plots."""
        pg.PlotWidget.mousePressEvent(self, ev)

    @guarded
    def mouseReleaseEvent(self, ev: QMouseEvent) -> None:
        """Qt's."""
        pg.PlotWidget.mouseReleaseEvent(self, ev)

    @guarded
    def mouseDoubleClickEvent(self, ev: QMouseEvent) -> None:
        """Qt's."""
        self.fit()
        ev.accept()

    @guarded
    def mouseMoveEvent(self, ev: QMouseEvent) -> None:
        """Qt's; drags, or says what is under the mouse."""
        if ev.buttons() != Qt.MouseButton.NoButton:
            self._fitted = False
            pg.PlotWidget.mouseMoveEvent(self, ev)
            return
        node, tree = self.node_at(ev.position()), self._tree
        if node is None or tree is None:
            self._pointed.setData([], [])
            QToolTip.hideText()
        else:
            self._pointed.setData([tree.x[node]], [tree.depth[node]])
            QToolTip.showText(ev.globalPosition().toPoint(), self.reading(node), self)
        ev.accept()

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
        ring = QPen(theme.color("accent"), 2)
        ring.setCosmetic(True)
        self._pointed.setPen(ring)
        self._pointed.setBrush(None)
        self._pointed.setSize(_LARGE + 3)


def _segments(tree: Tree, ends: Indices) -> tuple[Values, Values]:
    """A line from the parent of each of ``ends`` to it, cut by NaN."""
    begins, cut = tree.parent[ends], np.full(len(ends), np.nan)
    x = np.stack((tree.x[begins], tree.x[ends], cut), 1).ravel()
    return x, np.stack((tree.depth[begins], tree.depth[ends], cut), 1).ravel()


def most_visited(parent: Indices, visits: Indices) -> list[int]:
    """From the root, always to the child that was visited most (the first of equals)."""
    best = np.full(len(parent), -1, np.int64)
    order = np.lexsort((-np.arange(len(parent)), visits))  # the most visited one is written last
    order = order[parent[order] >= 0]
    best[parent[order]] = order
    way = [0] if len(parent) else []
    while way and best[way[-1]] >= 0:
        way.append(int(best[way[-1]]))
    return way


def _figure(value: float) -> str:
    return format.number(float(f"{value:.3g}")) if np.isfinite(value) else format.MISSING
