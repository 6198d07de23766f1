"""Two recorded episodes side by side: which ones, in step, and what is said where there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from storage import Project
from tests.ui.simulation_lab import Sketch, needs_gl, render_threads, sketches  # noqa: F401
from ui.context import Context
from ui.panels.episodes import EpisodesPanel

Show = Callable[..., EpisodesPanel]
LENGTH = 50


def ids(project: Project, *names: str) -> list[int]:
    return sorted(row.id for row in project.runs.page() if row.name.startswith(names))


@pytest.fixture
def show(qtbot: QtBot, context: Context, window: QMainWindow) -> Iterator[Show]:
    """A panel in a window over a selection."""
    made: list[EpisodesPanel] = []

    def make(*names: str, ready: bool = True) -> EpisodesPanel:
        context.engine.state = "ready" if ready else "preparing"
        panel = EpisodesPanel(context)
        made.append(panel)
        window.setCentralWidget(panel)
        window.resize(420, 300)
        window.show()
        context.selection.select(ids(context.project, *names) if names else ())
        qtbot.waitUntil(lambda: settled(panel), timeout=30_000)
        return panel

    yield make
    window.hide()
    for panel in made:
        for side in panel.sides:
            side.renderer.close()


def settled(panel: EpisodesPanel) -> bool:
    compared = panel.compared.compared
    return compared is not None and compared.question.runs == tuple(sorted(panel.context.selection.runs))


def said(panel: EpisodesPanel) -> list[tuple[str, ...]]:
    """What is painted over both pictures."""
    return [side.view.picture.moment.about.lines if side.view.picture is not None else () for side in panel.sides]


def frames(panel: EpisodesPanel) -> list[float]:
    """The first position that each picture shows."""
    return [float(side.view.picture.moment.qpos[0]) for side in panel.sides if side.view.picture is not None]


@pytest.mark.parametrize(
    ("names", "ready", "words"),
    [
        ((), True, "No two episodes to compare"),
        (("No KL",), True, "No two episodes to compare"),
        (("No KL", "TD3"), True, "No evaluation of TD3 actor on the latent was recorded yet"),
        (("No KL", "No classifier"), False, "Preparing the engine"),
    ],
)
def test_without_a_pair_it_says_why(show: Show, names: tuple[str, ...], ready: bool, words: str) -> None:
    panel = show(*names, ready=ready)
    assert words in panel.empty.words and not panel.seed.isVisible()
    assert not any(side.renderer.running for side in panel.sides)


def test_both_are_drawn_at_the_same_step(show: Show, qtbot: QtBot, sketches: list[Sketch]) -> None:  # noqa: F811
    panel = show("No KL", "No classifier")
    qtbot.waitUntil(lambda: all(said(panel)), timeout=30_000)
    assert [lines[0] for lines in said(panel)] == ["No KL term", "No classifier term"]
    panel.reel.seek(30)
    expected = [float(side.episode.qpos[30, 0]) for side in panel.sides]
    qtbot.waitUntil(lambda: np.allclose(frames(panel), expected), timeout=30_000)
    so_far = panel.sides[1].episode.returns
    assert said(panel)[1][1] == f"{so_far[30]:,.0f} of {so_far[-1]:,.0f}"
    assert panel.seed.currentText() == "seed 1" and panel.seed.count() == 2


def test_a_shorter_episode_stays_at_its_end(
    show: Show, qtbot: QtBot, context: Context, sketches: list[Sketch]  # noqa: F811
) -> None:
    (run,) = ids(context.project, "No classifier term seed 1")
    row = context.project.artifacts.latest(run, "episode")
    assert row is not None
    arrays, document = context.project.artifacts.load(row)
    states = ("qpos", "qvel", "observations")
    cut = {name: values[: 21 if name in states else 20] for name, values in arrays.items()}
    context.project.artifacts.save(run, "episode", row.step, row.name, cut, document, row.info)
    panel = show("No KL", "No classifier")
    qtbot.waitUntil(lambda: all(said(panel)), timeout=30_000)
    assert panel.reel.count == LENGTH + 1
    panel.reel.seek(45)
    qtbot.waitUntil(lambda: said(panel)[1][1].endswith("· ended"), timeout=30_000)
    assert not said(panel)[0][1].endswith("ended")


def test_playing_moves_both_and_the_keys_work(show: Show, qtbot: QtBot, sketches: list[Sketch]) -> None:  # noqa: F811
    panel = show("No KL", "No classifier")
    qtbot.waitUntil(lambda: all(said(panel)), timeout=30_000)
    panel.setFocus()
    qtbot.keyClick(panel.sides[0].view, Qt.Key.Key_Right)
    assert panel.reel.position == 1
    qtbot.keyClick(panel.sides[1].view, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not panel.reel.playing and panel.reel.position == LENGTH, timeout=30_000)
    ends = [float(side.episode.qpos[-1, 0]) for side in panel.sides]
    qtbot.waitUntil(lambda: np.allclose(frames(panel), ends), timeout=30_000)


def test_row_seed_and_cursor_decide_what_is_shown(
    show: Show, qtbot: QtBot, context: Context, sketches: list[Sketch]  # noqa: F811
) -> None:
    project = context.project
    (run,) = ids(project, "No KL term seed 2")
    row = project.artifacts.latest(run, "episode")
    assert row is not None
    project.artifacts.save(run, "episode", 4000, "evaluation-4000", *project.artifacts.load(row), row.info)
    project.artifacts.save(run, "episode", 4100, "q", *project.artifacts.load(row), {"q_bias_episode": 0})
    panel = show("No KL", "No classifier", "Shorter")
    qtbot.waitUntil(lambda: all(said(panel)), timeout=30_000)
    panel.seed.setCurrentIndex(1)
    panel.seed.activated.emit(1)
    context.cursor.set_step(4200)
    shown = lambda: [side.episode.row.step if side.episode else 0 for side in panel.sides]  # noqa: E731
    qtbot.waitUntil(lambda: shown() == [4000, 12_000], timeout=30_000)
    assert panel.sides[0].row.seed == 2
    compared = panel.compared.compared
    assert compared is not None
    panel.compared.look_at(compared.groups[2].key)  # which has no seed in common with the base
    qtbot.waitUntil(lambda: all(said(panel)) and said(panel)[1][0] == "Shorter rollout", timeout=30_000)
    assert not panel.seed.isVisible() and (panel.sides[0].row.seed, panel.sides[1].row.seed) == (1, 4)


def test_a_damaged_episode_is_said(show: Show, qtbot: QtBot, context: Context) -> None:
    (run,) = ids(context.project, "No KL term seed 1")
    row = context.project.artifacts.latest(run, "episode")
    assert row is not None
    context.project.artifacts.file(row.path).write_bytes(b"cut")
    panel = show("No KL", "No classifier")
    qtbot.waitUntil(lambda: "damaged" in panel.empty.words, timeout=30_000)


def test_out_of_sight_nothing_is_drawn(show: Show, qtbot: QtBot, sketches: list[Sketch]) -> None:  # noqa: F811
    panel = show("No KL", "No classifier")
    qtbot.waitUntil(lambda: all(said(panel)), timeout=30_000)
    panel.hide()
    qtbot.waitUntil(lambda: not render_threads(), timeout=30_000)
    panel.show()
    qtbot.waitUntil(lambda: len(render_threads()) == 2, timeout=30_000)


def test_in_a_tall_panel_the_pictures_stand_one_over_the_other(show: Show, window: QMainWindow, qtbot: QtBot) -> None:
    panel = show("No KL", "No classifier")
    first, second = panel.sides
    qtbot.waitUntil(lambda: first.isVisible() and second.x() > first.x())
    window.resize(380, 620)
    qtbot.waitUntil(lambda: second.y() > first.y() and second.x() == first.x())
