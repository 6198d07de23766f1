"""A planner drives episodes of a small trained run: kept thinned, found again, held against the policy, cancelled."""

from __future__ import annotations

import gc
import shutil
import threading
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import open_project
from tests.command_line import TINY, Foresight
from workbench.analysis.steps import AnalysisStep, exhaust
from workbench.engine import planned_episode
from workbench.engine.episodes import nearest_episode
from workbench.engine.plan_tape import Planned, PlansDamaged, PlanTape, Thinning, read_plans, thinned
from workbench.engine.planned_episode import (
    Driven,
    DriveStep,
    DriveWish,
    PlannedEpisode,
    drive,
    drive_and_keep,
    keep_driven,
    read_planned,
)
from workbench.engine.planning_desk import PlanningDesk, PlanWish, RealityDesk, open_case
from workbench.engine.recorder import ArtifactDamaged, Recorder
from workbench.planners import PLANNERS
from workbench.planners.base import PlanStep
from workbench.planners.presets import planner_settings
from workbench.settings import SettingsError, fields_of

SMALL = {"candidates": 20, "elites": 5, "iterations": 3, "horizon": 4}
LENGTH = 15  # steps of an episode of the run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place: Path = tmp_path_factory.mktemp("driving") / "project"
    answer = Foresight(place)("train", *TINY, "--steps", 40)
    assert answer.code == 0, answer.err
    return place


@pytest.fixture
def recorder(folder: Path, tmp_path: Path) -> Iterator[Recorder]:
    with open_project(shutil.copytree(folder, tmp_path / "project"), write=True) as project:
        yield Recorder(project)


def wish(planner: str = "cem", model: str = "learned", state: str = "reset:3", **values: Any) -> DriveWish:
    """A drive; what is no setting of the drive is one of the planner."""
    drives = ("steps", "replanning_interval", "proposal", "thinning")
    own = {name: values.pop(name) for name in drives if name in values}
    known = {field.path for field in fields_of(PLANNERS.find(planner).load_settings())}
    few = {name: value for name, value in SMALL.items() if name in known}
    if planner == "mcts":
        few |= {"simulations": 20}
    name, settings = planner_settings(planner, {**few, **values})
    plan = PlanWish(1, "last", state, name, settings, model)  # type: ignore[arg-type]
    return DriveWish(plan, **{"thinning": Thinning(1, 8), **own})


def driven(recorder: Recorder, wanted: DriveWish) -> Driven:
    return exhaust(drive(recorder, wanted))


# ---- driving ---------------------------------------------------------------------------------------------------------


def test_the_first_decision_is_the_steppers_search_and_the_actions_are_the_plans(recorder: Recorder) -> None:
    episode, row = exhaust(drive_and_keep(recorder, wish()))
    stored = read_planned(recorder, row)
    desk, looks = PlanningDesk(recorder), []
    exhaust(desk.advance(wish().plan, 0, 99), lambda step: looks.append(step.partial))
    desk.close()
    first = stored.looks(0)
    assert [look.step.iteration for look in first] == [1, 2, 3]
    for mine, its in zip(first, looks, strict=True):
        assert isinstance(mine.step.kept, np.ndarray)
        assert np.allclose(mine.step.actions, its.step.actions[mine.step.kept], atol=1e-3)
        assert np.array_equal(mine.step.plan, its.step.plan)
        assert np.allclose(mine.step.returns, its.step.returns)
        assert np.array_equal(mine.step.elites, its.step.elites)
        assert mine.step.plan_return == its.step.plan_return
    assert (episode.decisions, stored.decisions) == (LENGTH, tuple(range(LENGTH)))
    for at in range(LENGTH):
        assert np.array_equal(stored.looks(at)[-1].step.plan[0], episode.episode.actions[at])
    assert stored.recording.rewards.sum() == pytest.approx(episode.episode.episode_return)


def test_true_dynamics_promise_what_the_episode_pays(recorder: Recorder) -> None:
    _, row = exhaust(drive_and_keep(recorder, wish(model="true", replanning_interval=4)))
    stored = read_planned(recorder, row)
    assert stored.decisions == (0, 4, 8, 12)
    for at, step in enumerate(stored.decisions):
        promised = stored.looks(at)[-1].step.rewards
        paid = stored.recording.rewards[step : step + 4]
        assert promised[: len(paid)] == pytest.approx(paid, abs=1e-3)


def test_a_good_planner_in_the_true_dynamics_is_better_than_an_untrained_policy(recorder: Recorder) -> None:
    wanted = wish(model="true", horizon=12, candidates=60, iterations=4, elites=8)
    found = driven(recorder, wanted)
    assert found.gap == found.episode.episode_return - found.policy_return
    assert found.gap > 0.0


@pytest.mark.parametrize("planner", list(PLANNERS))
def test_every_planner_drives_and_is_read_back(recorder: Recorder, planner: str) -> None:
    _, row = exhaust(drive_and_keep(recorder, wish(planner, steps=2)))
    found = read_planned(recorder, row).looks(1)
    assert found[0].step.plan.shape[1] == 1
    assert np.isfinite(found[-1].path).all()
    if planner == "gradient":
        assert found[0].step.extras["gradient_norm"].shape == (8, 4)
        assert found[0].step.extras["return_before"].shape == (20,)
    if planner == "ilqr":
        assert found[0].step.extras["expected_improvement"].ndim == 0
    if planner == "mcts":
        assert len(found[0].step.extras["parent"]) < len(found[-1].step.extras["parent"])


def test_searches_begin_at_the_last_plan_or_at_the_policy(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    cem = PLANNERS.find("cem").load()
    search = cem.iterate

    def noted(self: Any, problem: Any) -> Iterator[PlanStep]:
        begun.append(problem)
        return search(self, problem)  # type: ignore[no-any-return]

    monkeypatch.setattr(cem, "iterate", noted)
    _, row = exhaust(drive_and_keep(recorder, wish(steps=6, replanning_interval=2)))
    first = read_planned(recorder, row).looks(0)[-1].step
    assert begun[0].warm_start is None
    center = begun[1].warm_start.numpy()[:, 0]
    assert center[1] == center[2] == center[3], "two steps later, the last one repeated"
    assert np.abs(center[:2] - first.plan[2:, 0]).max() < 1.0
    begun.clear()
    exhaust(drive(recorder, wish(steps=2, proposal="policy")))
    with open_case(recorder, wish().plan).resources:
        case = open_case(recorder, wish().plan)
    model: Any = case.learned
    acted = model.policy(begun[1].start)
    assert begun[1].warm_start[0].numpy() == pytest.approx(acted.detach().numpy(), abs=1e-6)
    assert np.array_equal(begun[1].kept[0], begun[1].warm_start)


def test_the_policy_is_held_against_it_from_the_same_state(recorder: Recorder) -> None:
    one, two = driven(recorder, wish()), driven(recorder, wish("random-shooting", candidates=1))
    assert one.policy_return == two.policy_return
    assert one.episode.episode_return != two.episode.episode_return
    assert one.policy_length == LENGTH
    assert driven(recorder, wish(steps=5)).policy_length == 5
    assert driven(recorder, wish(state="reset:4")).policy_return != one.policy_return


def test_the_same_wish_gives_the_same_episode(recorder: Recorder) -> None:
    one, two = driven(recorder, wish()), driven(recorder, wish())
    assert np.array_equal(one.episode.actions, two.episode.actions)
    other = wish()
    other = replace(other, plan=replace(other.plan, seed=1))
    assert not np.array_equal(one.episode.actions, driven(recorder, other).episode.actions)


def test_what_is_told_meanwhile(recorder: Recorder) -> None:
    told: list[AnalysisStep] = []
    found = exhaust(drive(recorder, wish()), told.append)
    partials = [step.partial for step in told if isinstance(step.partial, DriveStep)]
    mine, its = ([each for each in partials if each.by_policy is who] for who in (False, True))
    assert [len(each.rewards) for each in mine] == list(range(1, LENGTH + 1))
    assert mine[-1].rewards == tuple(found.episode.rewards)
    assert sum(its[-1].rewards) == pytest.approx(found.policy_return)
    assert {(step.total, step.unit) for step in told} == {(LENGTH, "steps")}
    assert sum(step.partial is None for step in told) == 3 * LENGTH, "after every iteration it may be left"


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"steps": -1}, "steps", "-1 is below 0"),
        ({"replanning_interval": 5}, "replanning_interval", "expected 1 to 4, the steps of a plan"),
        ({"replanning_interval": 0}, "replanning_interval", "0 is out of range"),
        ({"proposal": "policy", "warm_start": False}, "warm_start", "must be on, for a search to begin at the policy"),
    ],
)
def test_what_cannot_be_is_said_by_field(
    recorder: Recorder, changes: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        driven(recorder, wish(**changes))
    assert caught.value.problems[0].field == field
    assert message in caught.value.problems[0].message


def test_a_model_without_a_policy_refines_none(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.agents.alm_world_model import AlmWorldModel

    whole = AlmWorldModel.__init__

    def bare(self: AlmWorldModel, agent: Any) -> None:
        whole(self, agent)
        self.offers = frozenset()

    monkeypatch.setattr(AlmWorldModel, "__init__", bare)
    with pytest.raises(SettingsError, match="offers no policy; let the planner begin at its own plans"):
        driven(recorder, wish(proposal="policy"))


# ---- kept and found again --------------------------------------------------------------------------------------------


def test_it_is_found_after_a_restart_and_is_not_the_agents(folder: Path, tmp_path: Path) -> None:
    place = shutil.copytree(folder, tmp_path / "project")
    with open_project(place, write=True) as project:
        found, row = exhaust(drive_and_keep(Recorder(project), wish(thinning=Thinning(4, 5))))
        assert keep_driven(Recorder(project), found).name == "driven-40-1"
    with open_project(place) as project:
        recorder = Recorder(project)
        rows = [each for each in project.artifacts.list(1, "episode") if "driven" in each.info]
        assert [each.name for each in rows] == ["driven-40-0", "driven-40-1"]
        stored = read_planned(recorder, rows[0])
        nearest = nearest_episode(recorder, 1, 40)
        assert nearest is not None
        assert nearest.name.startswith("evaluation")
        assert stored.decisions == (0, 4, 8, 12)
        assert row.info["plans"] == 4
        assert (row.info["decisions"], row.info["driven"], row.info["state"]) == (LENGTH, "cem", "reset:3")
        assert row.info["return"] - row.info["policy_return"] == pytest.approx(found.gap)
        look = stored.looks(2)[1]
        assert look.step.actions.shape == (5, 4, 1)
        assert look.step.returns.shape == (20,)
        assert look.facts.action_names == ("Action 1",)
        assert look.facts.rounds == 3
        assert look.wish.settings == wish().plan.settings
        check = exhaust(RealityDesk(recorder).check(look.wish, look.step.plan, look.facts.plane))
        assert check.check.imagined_return == pytest.approx(look.step.plan_return, abs=1e-3)
        assert check.path is not None
        assert check.path[0] == pytest.approx(look.path[0], abs=1e-3), "both begin in the state of step 8"
        assert rows[0].size < 60_000


def test_a_step_thinned_keeps_best_worst_and_all_returns() -> None:
    rng = np.random.default_rng(0)
    returns = rng.normal(size=50)
    returns[7] = -np.inf
    step = made(returns, elites=np.argsort(-returns)[:6])
    few = thinned(step, 5)
    assert few.kept is not None
    assert len(few.actions) == 5
    assert few.kept[0] == returns.argmax()
    assert few.kept[-1] == 7
    assert np.array_equal(few.actions[0], step.actions[returns.argmax()])
    assert few.returns is step.returns
    assert few.rows(np.array([7, int(returns.argmax())])).tolist() == [4, 0]
    assert few.rows(np.array([int(np.setdiff1d(np.arange(50), few.kept)[0])])).tolist() == []
    assert step.rows(np.array([3, 4])).tolist() == [3, 4]
    assert len(thinned(step, 0).actions) == 1
    assert few.actions.base is None, "nothing of the whole is held"


def made(returns: Any, elites: Any = None, **changes: Any) -> PlanStep:
    rng = np.random.default_rng(1)
    count = len(returns)
    plan = rng.normal(size=(3, 2)).astype(np.float32)
    step = PlanStep(
        iteration=1,
        actions=rng.normal(size=(count, 3, 2)).astype(np.float32),
        returns=np.asarray(returns, np.float64),
        plan=plan,
        plan_return=1.0,
        latents=rng.normal(size=(4, 5)).astype(np.float32),
        rewards=rng.normal(size=3).astype(np.float32),
        best_actions=plan,
        best_return=2.0,
        elites=elites,
    )
    return replace(step, **changes)


def tape(*steps: PlanStep) -> tuple[dict[str, Any], dict[str, Any]]:
    held = PlanTape(Thinning(1, 4))
    for at, step in enumerate(steps):
        held.take(at, [step])
    _, settings = planner_settings("cem", SMALL)
    low = np.array([-1.0, -2.0], np.float32)
    return held.pack(Planned("cem", settings, "learned", "x", 0, ("a", "b"), low, -low))


def test_what_one_iteration_lacks_and_another_has_is_kept_apart() -> None:
    extras = {"gains": np.arange(6.0).reshape(3, 2), "cost": np.array(0.5)}
    arrays, document = tape(made([1.0, 2.0]), made([1.0, 2.0, -np.inf], np.array([1]), extras=extras, nonfinite=1))
    stored = read_plans(arrays, document)
    assert stored is not None
    ((first, _),), ((second, path),) = stored.steps
    assert first.elites is None
    assert first.extras == {}
    assert second.elites is not None
    assert second.elites.tolist() == [1]
    assert np.array_equal(second.extras["gains"], extras["gains"])
    assert float(second.extras["cost"]) == 0.5
    assert second.returns[2] == -np.inf
    assert second.nonfinite == 1
    assert path.shape == (4, 2)
    assert stored.by.action_names == ("a", "b")


def test_nothing_kept_stores_nothing() -> None:
    held = PlanTape(Thinning(0))
    held.take(0, [made([1.0])])
    assert (held.made, held.kept) == (1, 0)
    assert tape() == ({}, {})
    assert read_plans({}, {}) is None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda arrays, document: arrays.pop("plans/plan"), "its plans cannot be read"),
        (lambda arrays, document: arrays.pop("plans/plan.rows"), "its plans cannot be read"),
        (lambda arrays, document: arrays.update({"plans/returns": np.zeros(1)}), "the rows of returns do not fit"),
        (lambda arrays, document: arrays.update({"plans/rounds": np.array([9])}), "rounds and iterations do not fit"),
        (lambda arrays, document: document["plans"].update(version=99), "stored by a newer Foresight"),
        (lambda arrays, document: document.update(plans=[1]), "do not say how they are stored"),
        (lambda arrays, document: document["plans"].update(planner="gone"), "cannot be read"),
        (lambda arrays, document: document["plans"]["settings"]["values"].update(horizon=0), "settings of its planner"),
    ],
)
def test_a_damaged_tape_says_what_is_wrong(damage: Any, message: str) -> None:
    arrays, document = tape(made([1.0, 2.0]))
    damage(arrays, document)
    with pytest.raises(PlansDamaged, match=message):
        read_plans(arrays, document)


def test_a_damaged_file_is_a_sentence(recorder: Recorder) -> None:
    _, row = exhaust(drive_and_keep(recorder, wish(steps=3)))
    evaluation = next(each for each in recorder.project.artifacts.list(1, "episode") if "driven" not in each.info)
    with pytest.raises(ArtifactDamaged, match=r"cannot be shown: no plans were kept with it\. The episode itself"):
        read_planned(recorder, evaluation)
    arrays, document = recorder.project.artifacts.load(row)
    arrays["plans/decision"] = arrays["plans/decision"] + 50
    moved = recorder.project.artifacts.save(1, "episode", 40, "driven-40-7", arrays, document, row.info)
    with pytest.raises(ArtifactDamaged, match="its plans are of steps that it does not have"):
        read_planned(recorder, moved)
    path = recorder.project.artifacts.file(row.path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ArtifactDamaged, match="driven-40-0 of run 1 is damaged"):
        read_planned(recorder, row)


# ---- left half way ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 5, 9])
def test_a_drive_left_half_way_leaves_nothing_behind(
    recorder: Recorder, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[weakref.ref[Any]] = []
    take = PlanTape.take
    opened = planned_episode.open_case

    def noted(*arguments: Any) -> Any:
        case = opened(*arguments)
        held.extend(weakref.ref(each) for each in (case, case.environment, case.problem.model, case.subject.agent))
        return case

    def taken(self: PlanTape, step: int, iterations: list[PlanStep]) -> None:
        held.extend(weakref.ref(each) for each in (self, *iterations))
        take(self, step, iterations)

    monkeypatch.setattr(planned_episode, "open_case", noted)
    monkeypatch.setattr(PlanTape, "take", taken)
    threads = set(threading.enumerate())
    going = drive(recorder, wish(model="true"))
    for _ in range(steps):
        next(going)
    assert any(each() is not None for each in held)
    going.close()
    del going
    gc.collect()
    assert [each() for each in held if each() is not None] == []
    assert set(threading.enumerate()) == threads
    assert not any("driven" in row.info for row in recorder.project.artifacts.list(1, "episode"))


def test_reading_is_one_object_for_all_decisions(recorder: Recorder) -> None:
    _, row = exhaust(drive_and_keep(recorder, wish(steps=4)))
    stored = read_planned(recorder, row)
    assert isinstance(stored, PlannedEpisode)
    assert stored.looks(0)[0].wish == stored.looks(0)[1].wish != stored.looks(1)[0].wish
    assert stored.looks(3)[0].wish.state == "episode:driven-40-0:3"


# ---- evaluations of an agent that plans ------------------------------------------------------------------------------


def test_evaluations_of_an_agent_that_plans_keep_some_plans(tmp_path: Path) -> None:
    words = ("train", "--agent", "mpc", "--env", "Pendulum-v1", "--device", "cpu", "--steps", 60)
    small = ("planner.candidates=12", "planner.elites=4", "planner.iterations=2", "planner.horizon=5")
    fit = ("model.hidden_size=8", "model.layers=1", "model.members=2", "model.most_epochs=2", "batch_size=4")
    often = ("engine.evaluation_interval=20", "engine.evaluation_episodes=2", "engine.record_plans=5")
    others = ("warm_up_steps=20", "refit_interval=20", "environment.max_episode_steps=15", "engine.snapshot_percent=50")
    values = [word for value in (*small, *fit, *often, *others) for word in ("--set", value)]
    answer = Foresight(tmp_path / "project")(*words, *values)
    assert answer.code == 0, answer.err
    with open_project(tmp_path / "project") as project:
        recorder = Recorder(project)
        first, *rows = project.artifacts.list(1, "episode")
        assert "plans" not in first.info, "before the first fit it acts at random"
        assert [row.info["plans"] for row in rows] == [3] * len(rows)
        stored = read_planned(recorder, rows[-1])
        assert stored.decisions == (0, 5, 10)
        looks = stored.looks(1)
        assert [look.step.iteration for look in looks] == [1, 2]
        acted = project.artifacts.load(rows[-1])[0]["actions"]
        assert np.array_equal(looks[-1].step.plan[0], acted[5])
        assert (looks[0].wish.planner, looks[0].wish.checkpoint, looks[0].wish.model) == ("cem", "60", "learned")
        assert looks[0].wish.settings.horizon == 5
        check = exhaust(RealityDesk(recorder).check(looks[1].wish, looks[1].step.plan, looks[1].facts.plane))
        assert check.path is not None
        assert len(check.path) == 6


def test_an_agent_that_plans_is_driven_too(tmp_path: Path) -> None:
    words = ("train", "--agent", "mpc", "--env", "Pendulum-v1", "--device", "cpu", "--steps", 12)
    small = ("model=true", "warm_up_steps=5", "environment.max_episode_steps=15", "engine.record_plans=0")
    search = ("planner.candidates=12", "planner.elites=4", "planner.iterations=2", "planner.horizon=5")
    values = [word for value in (*small, *search) for word in ("--set", value)]
    answer = Foresight(tmp_path / "project")(*words, *values)
    assert answer.code == 0, answer.err
    with open_project(tmp_path / "project", write=True) as project:
        assert all("plans" not in row.info for row in project.artifacts.list(1, "episode"))
        found, row = exhaust(drive_and_keep(Recorder(project), wish(horizon=8, candidates=50)))
        assert found.policy_length == LENGTH
        assert read_planned(Recorder(project), row).decisions == tuple(range(LENGTH))
