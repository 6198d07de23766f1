"""A simulation panel in a window, scenes that are sketched in no time, and the mouse events that QTest lacks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QMainWindow, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from storage import RunRow
from ui.context import Context
from ui.panels.simulation import SimulationPanel
from ui.render_thread import Picture
from workbench.environments.rendering import choose_gl_backend

# As the engine does before anything imports mujoco.
FINDING = choose_gl_backend()
needs_gl = pytest.mark.skipif(FINDING.backend is None, reason=FINDING.sentence)

LENGTH = 50


class Sketch:
    """Draws the frame's first position as grey, in no time; its camera only remembers what it was told."""

    has_camera = True
    in_software = True
    travels = True
    time_step = 0.02
    description = ""

    def __init__(self) -> None:
        self.camera = self
        self.viewpoint = None
        self.told: list[tuple[Any, ...]] = []
        self.thread = threading.current_thread()

    def render(self, qpos: np.ndarray, qvel: np.ndarray, width: int, height: int, *, fine: bool = False) -> np.ndarray:
        assert threading.current_thread() is self.thread
        return np.full((height, width, 3), int(100 + 500 * qpos[0]) % 256, np.uint8)

    def recolour(self, look: object) -> None:
        self.told.append(("recolour", look))

    def close(self) -> None:
        assert threading.current_thread() is self.thread
        self.told.append(("close",))

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *values: self.told.append((name, *values))


@pytest.fixture
def sketches(monkeypatch: pytest.MonkeyPatch) -> list[Sketch]:
    """Scenes are sketched; the renderers that were made."""
    made: list[Sketch] = []

    def sketch(*_: object) -> Sketch:
        made.append(Sketch())
        return made[-1]

    monkeypatch.setattr("workbench.environments.renderers.open_renderer", sketch)
    return made


@pytest.fixture
def run(context: Context) -> RunRow:
    """A finished run with episodes of 1,000, 2,000 and 12,000 steps."""
    project = context.project
    row = next(row for row in project.runs.page() if row.name.startswith("No KL term seed 1"))
    newest = project.artifacts.latest(row.id, "episode")
    assert newest is not None
    arrays, _ = project.artifacts.load(newest)
    for step in (2000, 1000):
        info = {"return": step / 10, "length": LENGTH, "mean_return": step / 10}
        arrays = arrays | {"rewards": np.full(LENGTH, step / 10 / LENGTH)}
        project.artifacts.save(row.id, "episode", step, f"evaluation-{step}", arrays, info, info)
    return row


@pytest.fixture
def panel(context: Context, window: QMainWindow, qtbot: QtBot) -> Iterator[SimulationPanel]:
    """The panel in sight, in a window with its header and a line edit beside it; nothing is selected."""
    context.engine.state = "ready"
    made = SimulationPanel(context)
    frame = QWidget()
    column = QVBoxLayout(frame)
    for widget in (*made.header_widgets(), QLineEdit(), made):
        column.addWidget(widget)
    window.setCentralWidget(frame)
    window.resize(560, 640)
    window.show()
    qtbot.waitExposed(window)
    yield made
    window.hide()
    made.renderer.close()


def show(panel: SimulationPanel, run: RunRow, qtbot: QtBot) -> Picture:
    """Select the run and wait for the first picture."""
    panel.context.selection.select([run.id])
    qtbot.waitUntil(lambda: panel.view.picture is not None and shows(panel, "t = ")(), timeout=60_000)
    panel.view.setFocus()
    assert panel.view.picture is not None
    return panel.view.picture


def text(panel: SimulationPanel) -> str:
    """What is painted over the picture."""
    picture = panel.view.picture
    assert picture is not None
    return " / ".join([*picture.moment.about.lines, *(" ".join(figure) for figure in picture.moment.about.figures)])


def shows(panel: SimulationPanel, words: str) -> Callable[[], bool]:
    """Whether ``words`` are painted over the picture, to be waited for."""
    return lambda: panel.view.picture is not None and words in text(panel)


def render_threads() -> list[threading.Thread]:
    """Those that draw, or are about to end."""
    return [thread for thread in threading.enumerate() if thread.name == "render"]


def move_mouse(view: QWidget, to: QPoint, button: Qt.MouseButton, modifier: Qt.KeyboardModifier) -> None:
    """A move with a button held, as a drag is made of."""
    spot = QPointF(to)
    event = QMouseEvent(QEvent.Type.MouseMove, spot, view.mapToGlobal(spot), Qt.MouseButton.NoButton, button, modifier)
    QApplication.sendEvent(view, event)


def turn_wheel(view: QWidget, turn: int) -> None:
    """Turn the wheel over the middle; one notch is 120."""
    middle = QPointF(view.rect().center())
    none = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(middle, view.mapToGlobal(middle), QPoint(0, 0), QPoint(0, turn), *none, False)
    QApplication.sendEvent(view, event)
