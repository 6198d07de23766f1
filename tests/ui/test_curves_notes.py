"""What stands below the curves: which points an axis leaves out."""

from __future__ import annotations

from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from ui.context import Context
from ui.panels.curves import CurvesPanel


def test_a_logarithmic_axis_says_how_many_points_it_leaves_out(
    context: Context, window: QMainWindow, qtbot: QtBot
) -> None:
    panel = CurvesPanel(context)
    window.setCentralWidget(panel)
    window.resize(880, 480)
    window.show()
    panel.choose(panel.choices.changed(metric="evaluation/return", log=True))
    context.selection.select([row.id for row in context.project.runs.page() if row.name.startswith("No KL")])
    qtbot.waitUntil(lambda: panel.source.isVisible(), timeout=60_000)
    below = sum(int((each.curve.mean.y <= 0).sum()) for each in panel.plot.visible_curves)
    assert below > 1
    words = f"The logarithmic axis leaves out {below} points at 0 or below."
    assert panel.source.text() == words
    (key,) = {each.curve.key for each in panel.plot.visible_curves}
    panel.legend.hidden_changed.emit(frozenset({key}))
    assert not panel.source.isVisible()  # nothing is in sight that could be left out
    panel.legend.hidden_changed.emit(frozenset())
    assert panel.source.text() == words
    panel.toggle_log()
    qtbot.waitUntil(lambda: not panel.source.isVisible(), timeout=60_000)
