"""The Uncertainty panel: an ensemble's two kinds along the plan, and sentences where there is no ensemble."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from storage import Project, open_project
from tests.command_line import TINY, Foresight
from tests.ui.trained_runs import ready_context
from ui.context import Context
from ui.panels.plan_uncertainty import PlanUncertaintyPanel
from ui.plan_draft import TRUE
from ui.plan_session import PlanSession, plan_session
from workbench.engine.recorder import Recorder
from workbench.engine.subject import open_subject

SMALL = {"candidates": "16", "elites": "4", "iterations": "3", "horizon": "5"}
ENSEMBLE = (
    *("--preset", "mbrl-1.5", "--seeds", 1, "--steps", 60, "--set", "warm_up_steps=40"),
    *("--set", "model.hidden_size=8", "--set", "model.layers=1", "--set", "model.members=3"),
    *("--set", "model.most_epochs=2", "--set", "planner.candidates=8", "--set", "planner.elites=3"),
    *("--set", "planner.iterations=2", "--set", "planner.horizon=4", "--set", "engine.evaluation_episodes=1"),
    *("--set", "engine.evaluation_interval=60"),
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Run 1: an ensemble. Run 2: ALM."""
    folder: Path = tmp_path_factory.mktemp("uncertain") / "project"
    for arguments in (ENSEMBLE, (*TINY, "--steps", 30)):
        answer = Foresight(folder)("train", *arguments)
        assert answer.code == 0, answer.err
    with open_project(folder, write=True) as opened:
        yield opened


@pytest.fixture
def lab(runs: Project, window: QMainWindow) -> Iterator[Context]:
    context = ready_context(runs, window)
    context.selection.select([1])
    session = plan_session(context)
    for path, text in SMALL.items():
        session.draft.set_text(path, text)
    yield context
    session.close()


@pytest.fixture
def panel(lab: Context, window: QMainWindow, qtbot: QtBot) -> Iterator[PlanUncertaintyPanel]:
    made = PlanUncertaintyPanel(lab)
    window.setCentralWidget(made)
    window.resize(460, 480)
    window.show()
    qtbot.waitUntil(made.isVisible)
    yield made
    made.thread_.close()


def planned(session: PlanSession, panel: PlanUncertaintyPanel, qtbot: QtBot) -> None:
    session.to_the_end()
    qtbot.waitUntil(lambda: not session.thread_.busy, timeout=20_000)
    qtbot.waitUntil(lambda: not panel.thread_.busy, timeout=20_000)


def test_both_kinds_of_every_step_and_coordinate(panel: PlanUncertaintyPanel, lab: Context, qtbot: QtBot) -> None:
    assert panel.empty.isVisible()
    session = plan_session(lab)
    planned(session, panel, qtbot)
    assert panel.answer is not None
    assert session.look is not None
    found, step = panel.answer.found, session.look.step
    assert found.names == ("o1", "o2", "o3", "reward")
    assert found.epistemic.shape == (5, 4)
    dynamics = open_subject(Recorder(lab.project), 1).world_model().dynamics  # type: ignore[attr-defined]
    import torch

    with torch.no_grad():
        each = dynamics(torch.from_numpy(step.latents[:-1, :-1]), torch.from_numpy(step.plan))
    unit = dynamics.output_std.numpy()
    assert found.epistemic == pytest.approx(each.mean.numpy().std(0) / unit, rel=1e-3, abs=1e-6)
    assert found.aleatoric == pytest.approx(np.sqrt((each.std.numpy() ** 2).mean(0)) / unit, rel=1e-3)
    drawn = panel.plot.epistemic.getData()[1]
    assert drawn == pytest.approx(np.sqrt((found.epistemic**2).mean(1)))
    assert "law of total variance" in panel.definition.text()
    assert "Lakshminarayanan" in panel.definition.toolTip()
    assert panel.plot.toolTip() == panel.definition.toolTip()
    assert "of the variance" in panel.verdict.text()
    assert f"disagree most on {found.least_known()[1].replace('reward', 'the reward')}" in panel.verdict.text()


def test_a_step_is_read_off(panel: PlanUncertaintyPanel, lab: Context, qtbot: QtBot) -> None:
    planned(plan_session(lab), panel, qtbot)
    panel.maps["aleatoric"].sought.emit(3)
    assert panel.reading.text().startswith("Step 3: aleatoric ")


def test_it_follows_plan_or_best(panel: PlanUncertaintyPanel, lab: Context, qtbot: QtBot) -> None:
    session = plan_session(lab)
    planned(session, panel, qtbot)
    before = panel.answer
    panel.which.button("best").click()
    qtbot.waitUntil(lambda: panel.answer is not before)
    assert panel.answer is not None
    assert session.look is not None
    assert np.array_equal(panel.answer.actions, session.look.step.best_actions)
    session.back()
    qtbot.waitUntil(lambda: panel.answer is not None and panel.answer.actions is session.look.step.best_actions)


def test_without_an_ensemble_it_says_so(panel: PlanUncertaintyPanel, lab: Context, qtbot: QtBot) -> None:
    session = plan_session(lab)
    lab.selection.select([2])
    planned(session, panel, qtbot)
    qtbot.waitUntil(lambda: bool(panel.failure))
    assert "one network, which cannot tell lack of data from noise" in panel.failure
    assert panel.empty.isVisible()
    lab.selection.select([1])
    session.draft.choose(model=TRUE)
    planned(session, panel, qtbot)
    qtbot.waitUntil(lambda: "true dynamics are certain" in panel.failure)
    session.draft.choose(model="learned")
    planned(session, panel, qtbot)
    qtbot.waitUntil(lambda: panel.answer is not None)
