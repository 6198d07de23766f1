"""Which variants a study is made of, what they are called, and how long they take."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from workbench.engine.duration import PastRun
from workbench.engine.study_plan import (
    BASE,
    StudyPlan,
    Variant,
    ablation_fields,
    all_pairs,
    all_together,
    duration_of,
    each_alone,
    fitting,
    parse_toggle,
    progress,
    tries,
)
from workbench.engine.study_presets import find_study_preset, load_study_presets, read_study_preset
from workbench.presets import PresetError, find_preset
from workbench.registry import UnknownName
from workbench.settings import SettingsError

QUICK = find_preset("alm-quick").spec(seeds=(1, 2))
TOGGLES = {"kl_term": (False,), "rollout_length": (1, 5)}


def test_planning_needs_no_torch() -> None:
    script = (
        "import sys, workbench.engine.study_presets as s; s.load_study_presets(); "
        "print(sorted({'torch', 'gymnasium', 'sqlalchemy'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_ablation_has_something_to_try_that_can_be_run() -> None:
    for each in ablation_fields(QUICK):
        values = tries(each, QUICK)
        assert values, each.path
        variants, left_out = fitting(QUICK, each_alone(QUICK, {each.path: values}))
        assert not left_out, each.path
        assert len({QUICK.changed(variant.changes).content_hash() for variant in variants}) == len(values)


def test_each_alone_and_all_pairs() -> None:
    alone = each_alone(QUICK, TOGGLES)
    assert [variant.name for variant in alone] == ["No KL term", "Rollout length 1", "Rollout length 5"]
    pairs = all_pairs(QUICK, TOGGLES)
    assert pairs[:3] == alone
    assert [variant.changes for variant in pairs[3:]] == [
        {"kl_term": False, "rollout_length": 1},
        {"kl_term": False, "rollout_length": 5},
    ]
    assert [variant.changes for variant in all_together(QUICK, TOGGLES)] == [dict(v.changes) for v in pairs[3:]]
    assert all_together(QUICK, {}) == []


def test_what_does_not_go_together_is_left_out_with_the_reason() -> None:
    variants, left_out = fitting(QUICK, all_pairs(QUICK, {"entropy_bonus": (True,), "actor_loss": ("td3",)}))
    assert [variant.name for variant in variants] == ["Entropy bonus", "Actor loss td3"]
    assert "expected actor_loss model" in left_out[0].reason


def test_toggles_as_typed() -> None:
    assert parse_toggle("kl_term", QUICK) == ("kl_term", (False,))
    assert parse_toggle("rollout_length=1,3, 5,5", QUICK) == ("rollout_length", (1, 5))  # 3 is the base's
    assert parse_toggle("log_reward = naive", QUICK) == ("log_reward", ("naive",))
    with pytest.raises(SettingsError, match=r"no ablation of alm; there are .*kl_term"):
        parse_toggle("learning_rate", QUICK)
    with pytest.raises(SettingsError, match="rollout_length"):
        parse_toggle("rollout_length=long", QUICK)


def test_a_plan_counts_its_runs_and_survives_json() -> None:
    plan = StudyPlan("terms", QUICK, tuple(each_alone(QUICK, TOGGLES)))
    plan.check()
    assert plan.runs == 8
    assert plan.spec(plan.variants[1], (7,)).seeds == (7,)
    assert plan.spec(plan.variants[1]).settings.rollout_length == 1  # type: ignore[attr-defined]
    assert StudyPlan.read("terms", plan.definition(), plan.variants) == plan
    with pytest.raises(SettingsError, match="newer Foresight"):
        StudyPlan.read("terms", {"version": 2}, ())


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (StudyPlan("", QUICK), "needs a name"),
        (StudyPlan("x", QUICK, (Variant("a", {"kl_term": False}), Variant("a", {}))), "a is there twice"),
        (StudyPlan("x", QUICK, (Variant("a", {"kl_turm": False}),)), "a: there is no such setting"),
    ],
)
def test_a_plan_that_will_not_do_says_why(plan: StudyPlan, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        plan.check()


@dataclass
class Run:
    """A stored run, as far as progress looks at it."""

    id: int
    seed: int
    group_id: int
    status: str = "finished"
    step: int = 100
    total_steps: int = 100


@dataclass
class Arm:
    """A stored variant."""

    group_id: int
    name: str
    changes: dict[str, Any] = field(default_factory=dict)


def test_progress_takes_the_newest_run_of_each_seed() -> None:
    runs = [Run(1, 1, 10, "failed"), Run(3, 1, 10), Run(2, 2, 10, "interrupted", 50), Run(4, 1, 99)]
    base, other = progress([Arm(10, BASE), Arm(11, "No KL")], runs, (1, 2))
    assert [run.id for run in base.runs] == [3, 2]
    assert base.states == {"finished": 1, "interrupted": 1}
    assert [run.id for run in base.left] == [2]
    assert (base.missing, other.missing, other.runs) == ((), (1, 2), ())


def test_how_long_a_study_takes_is_what_its_missing_runs_take() -> None:
    """Runs like the base took 10 ms for each of 11,000 learning steps."""
    past = [PastRun(QUICK.flat(), "here", 12_000, 110.0)]
    plan = StudyPlan("terms", QUICK, (Variant("No KL", {"kl_term": False}),))
    whole = duration_of(plan, "here", past, at_once=1)
    assert whole is not None
    assert whole.seconds == pytest.approx(4 * 110.0)
    assert duration_of(plan, "here", past, at_once=2).seconds == pytest.approx(220.0)  # type: ignore[union-attr]
    runs = [Run(1, 1, 10), Run(2, 2, 10, "running", 25), Run(3, 1, 11)]
    found = progress([Arm(10, BASE), Arm(11, "No KL")], runs, (1, 2))
    left = duration_of(plan, "here", past, 1, found)
    assert left is not None
    assert left.seconds == pytest.approx(1.75 * 110.0)
    assert duration_of(plan, "elsewhere", past, 1) is None


# ---- the paper's studies --------------------------------------------------------------------------------------------


def test_the_papers_studies_are_there_and_fit_any_alm_preset() -> None:
    found = load_study_presets()
    expected = "fig-3-9 fig-5a fig-5b fig-5c fig-11-20 fig-12 fig-13 fig-14 fig-15 fig-16 fig-17 fig-18-19 table-5"
    assert list(found) == expected.split()
    for preset in found.values():
        plan = preset.plan()
        assert plan.base.environment == preset.environment
        for base in ("alm-quick", "alm-paper"):
            assert [arm.name for arm in preset.plan(base=base).arms] == [arm.name for arm in plan.arms]
        hashes = [plan.spec(arm).content_hash() for arm in plan.arms]
        assert len(set(hashes)) == len(hashes)


def test_a_study_on_another_base_keeps_that_bases_task_and_budget() -> None:
    plan = find_study_preset("fig-5b").plan(base="alm-quick", values={"rollout_length": 5}, seeds=(4,))
    assert (plan.base.environment, plan.base.total_steps, plan.base.seeds) == ("HalfCheetah-v5", 12_000, (4,))
    assert [variant.name for variant in plan.variants] == ["K = 1", "K = 2"]  # 5 is the base
    with pytest.raises(SettingsError, match=r"^base: pets is a preset of mpc, .* such as alm-authors$"):
        find_study_preset("fig-5b").plan(base="pets")
    with pytest.raises(UnknownName, match="did you mean fig-5"):
        find_study_preset("fig-5")


def test_a_broken_study_file_names_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    for text, words in (("title = 3 4", "TOML"), ('title = "x"', "is missing"), ("tittle = 1", "tittle")):
        path.write_text(text)
        with pytest.raises(PresetError, match=f"mine.toml: .*{words}"):
            read_study_preset(path)
