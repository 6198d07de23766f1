"""Planning calls of a trained run: stepped, stopped and begun again; held against reality; and the ladder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from storage import open_project
from tests.command_line import TINY, Foresight
from workbench.analysis.steps import exhaust
from workbench.engine import ladder
from workbench.engine.ladder import Ladder, Rung, climb
from workbench.engine.planning_desk import PlanLook, PlanningDesk, PlanWish, RealityDesk, with_settings
from workbench.engine.recorder import Recorder
from workbench.engine.start_state import BodiesAt, HandSet, StartState, look_at_start
from workbench.planners import PLANNERS
from workbench.planners.presets import planner_settings
from workbench.planners.rounds import rounds_of
from workbench.settings import SettingsError, fields_of

SMALL = {"candidates": 20, "elites": 5, "iterations": 4, "horizon": 4}


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    folder: Path = tmp_path_factory.mktemp("planning") / "project"
    answer = Foresight(folder)("train", *TINY, "--steps", 40)
    assert answer.code == 0, answer.err
    with open_project(folder) as project:
        yield Recorder(project)


def wish(planner: str = "cem", state: StartState = "reset:3", model: str = "learned", **values: object) -> PlanWish:
    name, settings = planner_settings(planner, {**SMALL, **values} if planner == "cem" else values)
    return PlanWish(1, "last", state, name, settings, model)  # type: ignore[arg-type]


def looks(desk: PlanningDesk, wanted: PlanWish, known: int, until: int) -> tuple[list[PlanLook], bool]:
    found: list[PlanLook] = []
    ended = exhaust(desk.advance(wanted, known, until), lambda step: found.append(step.partial))  # type: ignore[arg-type]
    return found, ended


def test_iterations_come_one_by_one_and_a_stopped_search_goes_on(recorder: Recorder) -> None:
    desk, wanted = PlanningDesk(recorder), wish()
    whole, ended = looks(desk, wanted, 0, 99)
    assert [look.step.iteration for look in whole] == [1, 2, 3, 4]
    assert ended
    other = PlanningDesk(recorder)
    first, ended = looks(other, wanted, 0, 1)
    assert not ended
    stopped = other.advance(wanted, 1, 99)
    next(stopped)  # the second iteration, which nobody keeps
    stopped.close()
    rest, ended = looks(other, wanted, 1, 99)
    assert ended
    assert [look.step.iteration for look in first + rest] == [1, 2, 3, 4]
    for mine, its in zip(first + rest, whole, strict=True):
        assert np.array_equal(mine.step.actions, its.step.actions)
        assert np.array_equal(mine.path, its.path)
    desk.close()
    other.close()


def test_one_setting_changed_keeps_the_noise(recorder: Recorder) -> None:
    desk = PlanningDesk(recorder)
    (one,), _ = looks(desk, wish(), 0, 1)
    (two,), _ = looks(desk, wish(momentum=0.5), 0, 1)
    (three,), _ = looks(desk, wish(initial_std=0.2), 0, 1)
    assert np.array_equal(one.step.actions, two.step.actions)
    assert not np.array_equal(one.step.actions, three.step.actions)
    assert (one.facts.action_names, one.facts.rounds) == (("Action 1",), 4)
    assert one.path.shape == (5, 2)
    desk.close()


def test_the_true_dynamics_and_other_starts(recorder: Recorder) -> None:
    desk = PlanningDesk(recorder)
    true, _ = looks(desk, wish(model="true"), 0, 99)
    check = exhaust(RealityDesk(recorder).check(true[-1].wish, true[-1].step.plan, true[-1].facts.plane))
    assert check.check.imagined_rewards == pytest.approx(check.check.real_rewards, abs=1e-3)
    assert check.path is None
    name = recorder.project.artifacts.list(1, "episode")[0].name
    (frame,), _ = looks(desk, wish(state=f"episode:{name}:5"), 0, 1)
    (placed,), _ = looks(desk, wish(state=BodiesAt(np.array([0.1]), np.array([0.2]))), 0, 1)
    assert not np.array_equal(frame.step.latents[0], placed.step.latents[0])
    with pytest.raises(SettingsError, match="no episode called nothing"):
        looks(desk, wish(state="episode:nothing:5"), 0, 1)
    desk.close()


def test_a_state_set_by_hand_is_another_one_by_its_numbers(recorder: Recorder) -> None:
    facts = exhaust(look_at_start(recorder, 1, "last", "reset:3"))
    assert [part.name for part in facts.coordinates.positions] == ["angle"]
    same = exhaust(look_at_start(recorder, 1, "last", HandSet("reset:3")))
    assert (same.qpos, same.qvel) == (facts.qpos, facts.qvel)
    turned = HandSet("reset:3", qpos=np.array([2.0]))
    assert exhaust(look_at_start(recorder, 1, "last", turned)).qvel == facts.qvel
    desk = PlanningDesk(recorder)
    (reset,), _ = looks(desk, wish(model="true"), 0, 1)
    (by_hand,), _ = looks(desk, wish(state=turned, model="true"), 0, 1)
    assert by_hand.step.latents[0] == pytest.approx([2.0, facts.qvel[0]], abs=1e-6)
    assert not np.allclose(reset.step.latents[0], by_hand.step.latents[0])
    fast = BodiesAt(np.array([0.0]), np.array([8.5]))  # as no simulator reports it, but none is asked
    assert looks(desk, wish(state=HandSet(fast, qpos=np.array([0.1]))), 0, 1)[0]
    with pytest.raises(SettingsError) as caught:
        looks(desk, wish(state=HandSet("reset:3", np.zeros(2), np.array([9.0]))), 0, 1)
    assert [problem.field for problem in caught.value.problems] == ["qpos", "qvel[0]"]
    assert len(looks(desk, wish(), 0, 1)[0]) == 1, "it goes on with another state"
    desk.close()


@pytest.mark.parametrize("model", ["learned", "true"])
@pytest.mark.parametrize("planner", list(PLANNERS))
def test_every_planner_steps_in_both_dynamics(recorder: Recorder, planner: str, model: str) -> None:
    desk = PlanningDesk(recorder)
    few = {"candidates": 12, "elites": 4, "simulations": 30, "iterations": 3, "horizon": 4}
    known = {field.path for field in fields_of(PLANNERS.find(planner).load_settings())}
    values = {name: value for name, value in few.items() if name in known}
    name, settings = planner_settings(planner, values)
    wanted = PlanWish(1, "last", "reset:3", name, settings, model)  # type: ignore[arg-type]
    found, _ = looks(desk, wanted, 0, 2)
    assert 1 <= len(found) <= 2
    assert np.isfinite(found[-1].path).all()
    assert found[-1].step.plan.shape[1] == 1
    desk.close()


def test_reality_is_encoded_into_the_plane_of_the_plan(recorder: Recorder) -> None:
    desk = PlanningDesk(recorder)
    (look,), _ = looks(desk, wish(), 0, 1)
    real = exhaust(RealityDesk(recorder).check(look.wish, look.step.plan, look.facts.plane))
    assert real.path is not None
    assert real.path[0] == pytest.approx(look.path[0], abs=1e-4), "both begin in the start state"
    assert real.path.shape == (5, 2)
    assert real.check.qpos is not None
    assert real.check.qvel is not None
    assert (real.check.qpos.shape, real.check.qvel.shape) == ((5, 1), (5, 1))
    shown = np.stack((np.cos(real.check.qpos[:, 0]), np.sin(real.check.qpos[:, 0]), real.check.qvel[:, 0]), 1)
    assert real.check.observations == pytest.approx(shown, abs=1e-5), "where the bodies were is what was seen"
    assert real.check.imagined_return == pytest.approx(look.step.plan_return, rel=1e-4)
    desk.close()


def test_every_rung_and_what_cannot_be(recorder: Recorder) -> None:
    grown: list[int] = []
    found = exhaust(
        climb(recorder, wish()),
        lambda step: grown.append(len(step.partial.rungs)) if isinstance(step.partial, Ladder) else None,
    )
    assert grown == list(range(1, 8))
    by_key = {rung.key: rung for rung in found.rungs}
    assert by_key[ladder.TRUE].gap == pytest.approx(0.0, abs=1e-2)
    assert "cannot be turned back" in by_key[ladder.TRUE_REWARD].refusal
    assert by_key[ladder.VALUE].name == "With value"
    assert (by_key[ladder.SHORTER].name, by_key[ladder.LONGER].name) == ("Horizon 2", "Horizon 8")
    assert by_key[ladder.BASE].milliseconds
    assert by_key[ladder.POLICY].gap is None
    assert found.findings()
    valued = exhaust(climb(recorder, with_settings(wish(), terminal_value=True)))
    assert valued.rung(ladder.VALUE).name == "No value"  # type: ignore[union-attr]


def test_a_model_of_observations_is_paid_truly_and_has_no_value(tmp_path: Path) -> None:
    words = ("--preset", "mbrl-1.5", "--seeds", 1, "--steps", 30, "--set", "environment.max_episode_steps=15")
    small = ("candidates=8", "elites=3", "iterations=1", "horizon=3")
    sizes = [word for each in small for word in ("--set", f"planner.{each}")]
    answer = Foresight(tmp_path / "mpc")("train", *words, *sizes, "--set", "warm_up_steps=20", "--device", "cpu")
    assert answer.code == 0, answer.err
    with open_project(tmp_path / "mpc") as project:
        found = exhaust(climb(Recorder(project), wish()))
        paid = found.rung(ladder.TRUE_REWARD)
        assert paid is not None
        assert paid.gap is not None
        assert paid.refusal == ""
        refused = found.rung(ladder.VALUE)
        assert refused is not None
        assert refused.refusal == "this model has no value head; turn Terminal value off"
        desk = PlanningDesk(Recorder(project))
        with pytest.raises(SettingsError) as caught:
            looks(desk, wish(terminal_value=True), 0, 1)
        assert [problem.field for problem in caught.value.problems] == ["terminal_value"]
        assert len(looks(desk, wish(), 0, 2)[0]) == 2, "it goes on with another problem"
        desk.close()


def rungs(**per_step: float) -> Ladder:
    made = [Rung(key, key, 4.0 * value, 4.0 * value, value) for key, value in per_step.items()]
    return Ladder(wish(), tuple(made))


def test_findings_name_who_is_to_blame() -> None:
    blamed = rungs(true=2.0, base=1.0, value=1.01, policy=3.0).findings()
    assert blamed[0].startswith("Planner: even in the true dynamics its plan earns less")
    assert blamed[1] == "Model: it costs 1 of real reward per step here (1 instead of 2)."
    assert blamed[2] == "Critic: its terminal value makes no difference to what the plan earns."
    fine = rungs(true=2.0, base=2.0, policy=1.0).findings()
    assert "earns more than the run's policy" in fine[0]
    assert fine[1].startswith("Model: it costs nothing here")
    base, longer = Rung("base", "", 8.0, 7.6, 1.9), Rung("longer", "", 20.0, 8.0, 1.0)
    (exploited,) = Ladder(wish(), (base, longer)).findings()
    assert exploited.startswith("Horizon: beyond 4 steps the planner exploits the model's errors (1.5 per step")
    assert rungs(true=-5.0, base=-5.0).findings()[0].startswith("Model: it costs nothing")


def test_rounds_of_every_kind() -> None:
    assert rounds_of(planner_settings("cem", {"iterations": 7})[1]) == 7
    assert rounds_of(planner_settings("mcts", {"simulations": 25, "simulations_per_step": 10})[1]) == 3
