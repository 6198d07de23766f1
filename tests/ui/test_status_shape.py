"""Every state has a shape of its own: told apart without any colour."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from storage import RunState
from ui.controls.status_shape import STATE_TOKENS, StatusShape, paint_status
from ui.theme import Theme

#: what moves on looks like what runs; words tell them apart
ALIKE = {"pausing", "stopping", "silent"}


def outline(state: str, theme: Theme) -> np.ndarray:
    """Where the shape is, whatever its colour: the difference from the ground, scaled to its largest."""
    image = QImage(56, 56, QImage.Format.Format_Grayscale8)
    image.fill(Qt.GlobalColor.black)
    painter = QPainter(image)
    paint_status(painter, QRectF(0, 0, 56, 56), state, theme)
    painter.end()
    values = np.frombuffer(image.constBits(), np.uint8).reshape(56, -1)[:, :56].astype(float)
    return values / values.max()


def test_every_state_of_a_run_has_a_shape(qapp: QApplication) -> None:
    assert {state.value for state in RunState} | {"silent"} == set(STATE_TOKENS)


@pytest.mark.parametrize("mode", ["dark", "light"])
def test_shapes_differ_without_colour(qapp: QApplication, mode: str) -> None:
    theme = Theme(mode)  # type: ignore[arg-type]
    shapes = {state: outline(state, theme) for state in STATE_TOKENS if state not in ALIKE}
    for (one, first), (other, second) in itertools.combinations(shapes.items(), 2):
        assert np.abs(first - second).mean() > 0.08, (one, other)


def test_the_widget_says_its_state(qtbot: QtBot) -> None:
    shape = StatusShape(Theme("dark"), "failed")
    qtbot.addWidget(shape)
    assert shape.accessibleName() == "Failed"
    before = shape.grab().toImage()
    shape.set_state("finished")
    assert shape.accessibleName() == "Finished"
    assert shape.grab().toImage() != before
