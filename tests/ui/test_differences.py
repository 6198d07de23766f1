"""The panel of differences over a real project: settings that differ, what came out, what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from storage import Project
from ui.context import Context
from ui.panels.differences import DifferencesPanel

Show = Callable[..., DifferencesPanel]


def ids(project: Project, *names: str) -> list[int]:
    return sorted(row.id for row in project.runs.page() if row.name.startswith(names))


@pytest.fixture
def show(qtbot: QtBot, context: Context, window: QMainWindow) -> Iterator[Show]:
    """A panel in a window, settled on a selection."""

    def make(*names: str) -> DifferencesPanel:
        panel = DifferencesPanel(context)
        window.setCentralWidget(panel)
        window.resize(340, 800)
        window.show()
        context.selection.select(ids(context.project, *names) if names else ())
        qtbot.waitUntil(lambda: settled(panel), timeout=30_000)
        return panel

    yield make
    window.hide()


def settled(panel: DifferencesPanel) -> bool:
    compared = panel.compared.compared
    return compared is not None and compared.question.runs == tuple(sorted(panel.context.selection.runs))


def table(panel: DifferencesPanel) -> dict[str, tuple[str, ...]]:
    return {line.cells[0]: line.cells[1:] for line in panel.model.lines}


def test_without_runs_it_says_where_to_choose(show: Show) -> None:
    panel = show()
    assert "Choose runs in Results" in panel.empty.words


def test_only_what_differs_is_shown_and_marked(show: Show) -> None:
    panel = show("No KL", "No classifier", "TD3")
    assert panel.model.columns == ("", "No KL term", "No classifier term", "TD3 actor on the latent")
    shown = table(panel)
    assert shown["KL term"] == ("off", "on", "on") and shown["Classifier term"] == ("on", "off", "on")
    assert shown["Actor loss"] == ("model", "model", "td3")
    line = next(line for line in panel.model.lines if line.cells[0] == "Classifier term")
    assert line.changed == (False, True, False) and line.tip == "classifier_term"
    assert set(shown) - {"Settings", "KL term", "Classifier term", "Actor loss"} == {
        "Measured at the end", "Final return", "Critic loss", "Duration"
    }  # fmt: skip


def test_what_was_measured_is_the_mean_over_finished_seeds(show: Show, context: Context) -> None:
    panel = show("No KL", "TD3")
    project = context.project
    losses = [project.series.read(run, "loss/critic").value[-1] for run in ids(project, "No KL")]
    assert float(table(panel)["Critic loss"][0]) == pytest.approx(np.mean(losses), abs=0.006)
    assert table(panel)["Critic loss"][1] == "—" and table(panel)["Duration"] == ("3:20", "—")


def test_equal_settings_can_be_shown(show: Show, qtbot: QtBot) -> None:
    panel = show("No KL", "No classifier")
    assert panel.hidden.text().endswith("equal settings hidden") and "Batch size" not in table(panel)
    qtbot.mouseClick(panel.show_all, Qt.MouseButton.LeftButton)
    assert table(panel)["Batch size"] == ("128", "128") and "Equal" in table(panel) and "Ignored" in table(panel)
    assert panel.hidden.text().endswith("shown") and panel.show_all.text() == "Hide"


def test_it_can_be_held_against_preset_and_defaults(show: Show, qtbot: QtBot, context: Context) -> None:
    panel = show("No KL", "No classifier")
    qtbot.mouseClick(panel.choice.button("preset"), Qt.MouseButton.LeftButton)
    assert panel.model.columns == ("", "alm-quick", "No KL term", "No classifier term")
    shown = table(panel)
    assert shown["KL term"] == ("on", "off", "on") and shown["Final return"][0] == ""
    panel.hold_against("default")
    assert panel.model.columns[1] == "Defaults" and table(panel)["Batch size"] == ("512", "128", "128")
    again = DifferencesPanel(context)
    qtbot.addWidget(again)
    assert again.against == "default"


def test_the_ignore_list_is_edited_and_remembered(show: Show, qtbot: QtBot, context: Context) -> None:
    panel = show("No KL", "No classifier")
    qtbot.mouseClick(panel.edit, Qt.MouseButton.LeftButton)
    assert panel.field.isVisible() and panel.field.text().startswith("device, engine.threads")
    panel.field.setText(" kl_term , engine.")
    qtbot.keyClick(panel.field, Qt.Key.Key_Return)
    assert not panel.field.isVisible() and "KL term" not in table(panel) and "Classifier term" in table(panel)
    assert panel.ignoring.text() == "Ignored: seed, name, tags, kl term, engine"
    assert context.preferences.get("differences")["ignored"] == ["kl_term", "engine."]


def test_the_group_that_is_looked_at_stands_beside_the_base(show: Show) -> None:
    panel = show("No KL", "No classifier", "TD3")
    compared = panel.compared.compared
    assert compared is not None
    panel.compared.look_at(compared.groups[-1].key)
    assert panel.model.columns == ("", "No KL term", "TD3 actor on the latent", "No classifier term")


def test_it_says_what_was_found_and_can_be_copied(show: Show, qtbot: QtBot) -> None:
    panel = show("No KL", "No classifier", "TD3")
    lines = panel.said.splitlines()
    assert lines[0].startswith("No classifier term is clearly better than No KL term: by about 1,1")
    assert lines[1] == "TD3 actor on the latent: 0 of 2 seeds counted (2 queued)."
    assert "ICLR 2023" in lines[2]
    qtbot.mouseClick(panel.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == panel.said
    assert panel.packages.text() == "Packages: the same. Device: cpu."


def test_without_a_finished_seed_it_says_so(show: Show) -> None:
    panel = show("Shorter")
    alone = "Shorter rollout stands alone: choose runs of a second variant to hold against it."
    assert panel.said == f"{alone}\nShorter rollout: 0 of 1 seed counted (1 stopped)."
    assert "Final return" not in table(panel)


def test_a_theme_change_repaints_the_sentences(show: Show, context: Context) -> None:
    panel = show("No KL", "No classifier")
    before = panel.said
    context.theme.set_mode("light")
    assert panel.said == before and panel.grab().toImage().pixelColor(3, 3).lightness() > 200


def test_a_group_that_stands_alone_is_told_what_is_missing(show: Show) -> None:
    panel = show("No classifier")
    first, published = panel.said.splitlines()
    assert first == "No classifier term stands alone: choose runs of a second variant to hold against it."
    assert published.startswith("Published")
