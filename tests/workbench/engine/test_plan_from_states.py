"""Plans from many states of a trained run: each is the plan of that state alone, and is stored with the run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from storage import open_project
from tests.command_line import TINY, Foresight
from workbench.analysis.exploitation_numbers import (
    DISAGREEMENT,
    DISTANCE,
    EPISODES,
    IMAGINED,
    RESETS,
    PlanGaps,
)
from workbench.analysis.steps import AnalysisStep, exhaust
from workbench.engine.exploitation import ExploitationWish, measure_and_keep, plan_from_states
from workbench.engine.planning_desk import PlanLook, PlanningDesk, PlanWish, RealityDesk
from workbench.engine.recorder import Recorder
from workbench.engine.subject import open_subject
from workbench.planners.presets import planner_settings
from workbench.settings import SettingsError

SMALL = {"candidates": 20, "elites": 5, "iterations": 3, "horizon": 4}
ENSEMBLE = (
    *("--preset", "mbrl-1.5", "--seeds", 1, "--steps", 60, "--set", "warm_up_steps=40", "--set", "model.members=2"),
    *("--set", "model.hidden_size=8", "--set", "model.layers=1", "--set", "model.most_epochs=2"),
    *("--set", "planner.candidates=8", "--set", "planner.elites=3", "--set", "planner.iterations=2"),
    *("--set", "planner.horizon=4", "--set", "engine.evaluation_interval=60", "--set", "engine.evaluation_episodes=1"),
)


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """Run 1: ALM, which has no ensemble. Run 2: an ensemble."""
    folder: Path = tmp_path_factory.mktemp("exploitation") / "project"
    for arguments in ((*TINY, "--steps", 40), ENSEMBLE):
        answer = Foresight(folder)("train", *arguments)
        assert answer.code == 0, answer.err
    with open_project(folder, write=True) as project:
        yield Recorder(project)


def wish(run: int = 1, source: str = EPISODES, states: int = 5, model: str = "learned") -> ExploitationWish:
    name, settings = planner_settings("cem", SMALL)
    return ExploitationWish(PlanWish(run, "last", "reset", name, settings, model, 3), source, states)  # type: ignore[arg-type]


def measured(recorder: Recorder, wanted: ExploitationWish) -> PlanGaps:
    return exhaust(plan_from_states(recorder, wanted))


@pytest.mark.parametrize("source", [EPISODES, RESETS])
@pytest.mark.parametrize("run", [1, 2])
def test_each_state_has_the_plan_of_a_single_call_there(recorder: Recorder, run: int, source: str) -> None:
    found = measured(recorder, wish(run, source))
    for index in (0, found.states - 1):
        alone = replace(wish(run).plan, state=found.state(index))
        desk, looks = PlanningDesk(recorder), []
        exhaust(desk.advance(alone, 0, 99), lambda step, looks=looks: looks.append(step.partial))  # type: ignore[misc]
        last = looks[-1]
        assert isinstance(last, PlanLook)
        check = exhaust(RealityDesk(recorder).check(alone, last.step.plan, last.facts.plane)).check
        assert found.imagined[index] == pytest.approx(check.imagined_return, rel=1e-6)
        assert found.real[index] == pytest.approx(check.real_return, rel=1e-6)
        desk.close()


def test_states_are_drawn_from_every_part_of_the_episodes(recorder: Recorder) -> None:
    found = measured(recorder, wish(states=9))
    rows = recorder.project.artifacts.list(1, "episode")
    assert found.episodes == tuple(row.name for row in rows)
    assert sorted(set(found.episode.tolist())) == list(range(len(rows)))
    assert found.states == 9
    lengths = [int(row.info["length"]) for row in rows]
    assert all(place < lengths[episode] for episode, place in zip(found.episode, found.place, strict=True))
    resets = measured(recorder, wish(source=RESETS))
    assert [resets.state(index) for index in range(5)] == [f"reset:{seed}" for seed in range(5)]


def test_what_the_gap_is_held_against_depends_on_the_model(recorder: Recorder) -> None:
    kinds = [measured(recorder, each) for each in (wish(1), wish(2), wish(1, model="true"))]
    assert [each.measure for each in kinds] == [DISTANCE, DISAGREEMENT, IMAGINED]
    assert all((each.foretelling > 0).all() for each in kinds[:2])
    true = kinds[2]
    assert np.array_equal(true.foretelling, true.imagined)
    assert true.gap == pytest.approx(0.0, abs=1e-3), "the simulator keeps its own promises"


def test_disagreement_is_the_mean_along_the_plan(recorder: Recorder) -> None:
    found = measured(recorder, wish(2))
    desk, looks = PlanningDesk(recorder), []
    exhaust(desk.advance(replace(wish(2).plan, state=found.state(1)), 0, 99), lambda step: looks.append(step.partial))
    last = looks[-1]
    assert isinstance(last, PlanLook)
    subject = open_subject(recorder, 2)
    dynamics = subject.world_model().dynamics  # type: ignore[attr-defined]
    states, actions = torch.from_numpy(last.step.latents[:-1, :-1]), torch.from_numpy(last.step.plan)
    means = dynamics(states, actions).mean.detach().numpy() / dynamics.output_std.numpy()
    spread = np.sqrt(means.var(0))
    assert found.foretelling[1] == pytest.approx(np.sqrt((spread**2).mean(-1)).mean(), rel=1e-4)
    desk.close()


def test_it_grows_and_can_be_left(recorder: Recorder) -> None:
    steps: list[AnalysisStep] = []
    exhaust(plan_from_states(recorder, wish()), steps.append)
    assert [(step.done, step.total, step.unit) for step in steps] == [(done, 5, "states") for done in range(6)]
    grown = [step.partial.states for step in steps if isinstance(step.partial, PlanGaps)]
    assert grown == [1, 2, 3, 4, 5]
    left = plan_from_states(recorder, wish())
    next(left)
    next(left)
    left.close()


def test_kept_with_the_run(recorder: Recorder) -> None:
    found, problem = exhaust(measure_and_keep(recorder, wish(2)))
    assert problem == ""
    (row,) = recorder.project.artifacts.list(2, "analysis")
    assert (row.name, row.step, row.info["analysis"]) == ("exploitation-60", 60, "exploitation")
    again = PlanGaps.read(*recorder.project.artifacts.load(row))
    assert again.info() == found.info() == row.info
    assert again.problem["settings"]["horizon"] == 4


def test_where_nothing_can_be_stored_the_figures_are_not_lost(recorder: Recorder) -> None:
    with open_project(recorder.project.folder) as reading:
        found, problem = exhaust(measure_and_keep(Recorder(reading), wish()))
    assert found.states == 5
    assert "read" in problem


def test_what_cannot_be_is_refused(recorder: Recorder) -> None:
    name, settings = planner_settings("cem", {**SMALL, "terminal_value": True})
    valued = replace(wish(2).plan, planner=name, settings=settings)
    with pytest.raises(SettingsError, match="no value head"):
        measured(recorder, ExploitationWish(valued))


def test_a_run_without_recorded_episodes_plans_from_resets(recorder: Recorder, tmp_path: Path) -> None:
    answer = Foresight(tmp_path / "bare")("train", *TINY, "--steps", 30, "--set", "engine.record_evaluations=false")
    assert answer.code == 0, answer.err
    with open_project(tmp_path / "bare") as project:
        bare = Recorder(project)
        with pytest.raises(SettingsError, match="no recorded episode to plan from; plan from resets"):
            measured(bare, wish())
        assert measured(bare, wish(source=RESETS)).measure == IMAGINED
