"""The search tree: laid out without crossings, whole at first, closer by the wheel, and read under the mouse."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ui.plots.tree_plot import MOST, Tree, TreePlot, in_sight, most_visited, places
from ui.theme import Theme, load_fonts


def grown(count: int) -> dict[str, NDArray[np.generic]]:
    """A tree of ``count`` nodes as a search reports it."""
    generator = np.random.default_rng(0)
    parent, depth = np.full(count, -1), np.zeros(count, np.int64)
    for node in range(1, count):
        parent[node] = min(generator.integers(0, node, 3))
        depth[node] = depth[parent[node]] + 1
    visits = np.ones(count, np.int64)
    for node in range(count - 1, 0, -1):
        visits[parent[node]] += visits[node]
    value = generator.normal(size=count)
    value[-1] = np.nan
    action = generator.normal(size=(count, 2)).astype(np.float32)
    path = np.array(most_visited(parent, visits)[:2])
    reward = generator.normal(size=count)
    arrays = (parent, depth, visits, value, reward, action, path)
    return dict(zip(("parent", "depth", "visits", "value", "reward", "action", "path"), arrays, strict=True))


@pytest.fixture
def plot(qapp: QApplication, qtbot: QtBot) -> TreePlot:
    load_fonts()
    made = TreePlot(Theme("dark"))
    qtbot.addWidget(made)
    made.resize(500, 260)
    made.show()
    return made


def test_it_is_laid_out_without_crossings() -> None:
    parent = np.array([-1, 0, 0, 1, 1, 2])
    assert places(parent).tolist() == [1.25, 0.5, 2.0, 0.0, 1.0, 2.0]
    assert most_visited(parent, np.array([9, 6, 3, 4, 1, 2])) == [0, 1, 3]
    assert most_visited(parent, np.array([9, 4, 4, 1, 1, 3])) == [0, 1, 3], "the first of equals"


def test_the_most_visited_nodes_in_sight_are_drawn() -> None:
    arrays = grown(5000)
    x = places(arrays["parent"])  # type: ignore[arg-type]
    names = ("depth", "parent", "visits", "value", "reward", "action", "path", "path")
    tree = Tree(x, *(np.asarray(arrays[name]) for name in names))  # type: ignore[arg-type]
    drawn = in_sight(tree, -1.0, x.max() + 1, 0.0, 99.0)
    assert len(drawn) == MOST
    hidden = np.setdiff1d(np.arange(5000), drawn)
    assert tree.visits[drawn].min() >= tree.visits[hidden].max()
    near = in_sight(tree, 100.0, 150.0, 3.0, 5.0)
    assert 0 < len(near) < MOST
    assert x[near].min() >= 100.0
    assert tree.depth[near].min() >= 2.0
    assert tree.depth[near].max() <= 6.0


def test_it_fits_itself_until_somebody_zooms(plot: TreePlot, qtbot: QtBot) -> None:
    plot.show_tree(grown(50), ("torque", "force"))
    assert len(plot.drawn) == 50
    small = plot.view.viewRange()
    plot.show_tree(grown(3000), ("torque", "force"))
    whole = plot.view.viewRange()
    assert whole[0][1] > small[0][1]
    plot._fitted = False
    plot.view.scaleBy((0.02, 0.5))
    assert 0 < len(plot.drawn) < MOST, "closer, every node is drawn"
    closer = plot.view.viewRange()
    plot.show_tree(grown(3000), ("torque", "force"))
    assert plot.view.viewRange() == closer, "a new iteration leaves the view where it is"
    middle = plot.viewport().rect().center()
    qtbot.mouseDClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    assert plot.view.viewRange() == whole


def test_a_node_tells_what_it_is(plot: TreePlot, qtbot: QtBot) -> None:
    arrays = grown(30)
    plot.show_tree(arrays, ("torque", "force"))
    QApplication.processEvents()
    node = int(arrays["path"][1])
    tree = plot._tree
    assert tree is not None
    scene = plot.view.mapViewToScene(QPointF(tree.x[node], tree.depth[node]))
    point = QPointF(plot.mapFromScene(scene))
    assert plot.node_at(point) == node
    said = plot.reading(node)
    assert said.startswith("Depth 1: torque ")
    assert f"{int(arrays['visits'][node])} visits, value " in said  # type: ignore[call-overload]
    assert "reward " in said
    assert plot.reading(0).startswith("Root: the start state\n30 visits")
    assert "value —" in plot.reading(29), "a node that nothing is known of"
    move = QMouseEvent(
        *(QMouseEvent.Type.MouseMove, point, plot.mapToGlobal(point)),
        *(Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier),
    )
    plot.mouseMoveEvent(move)
    assert plot._pointed.data["x"].tolist() == [tree.x[node]]
    assert plot.node_at(QPointF(-500, -500)) is None


def test_the_last_simulation_and_the_chosen_way_are_drawn(plot: TreePlot) -> None:
    arrays = grown(200)
    plot.show_tree(arrays, ("torque", "force"))
    tree = plot._tree
    assert tree is not None
    assert plot._path.getData()[1].tolist() == [0.0, 1.0]
    assert plot._chosen.getData()[0].tolist() == tree.x[tree.chosen].tolist()
