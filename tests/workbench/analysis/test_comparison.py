"""Groups of runs held against each other, and what is said of them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tests.workbench.analysis.stored_runs import Stored, evaluations, study
from workbench.analysis.comparison import GROUPINGS, Comparison, Group, compare, group_names, group_result, group_runs
from workbench.analysis.configuration import (
    configuration,
    difference_table,
    reference_configuration,
    value_words,
    variant_name,
)
from workbench.analysis.findings import about, few_seeds_warning, findings, missing_seeds, seeds_words


def compared(runs, numbers, by: str = "configuration", base: int = 0, last: int = 3) -> Comparison:
    groups = group_runs(runs, by)
    names = group_names(groups, groups[base], by, {})
    return compare([group_result(group, names[group.key], numbers, last) for group in groups], groups[base].key, last)


def test_all_but_the_seed_is_one_group_whatever_it_was_queued_with() -> None:
    runs = [Stored(1, 1, group_id=1), Stored(2, 2, group_id=1), Stored(3, 3), Stored(4, 1, changes={"kl_term": False})]
    groups = group_runs(runs)
    assert [[run.id for run in group.runs] for group in groups] == [[1, 2, 3], [4]]
    assert [len(group.runs) for group in group_runs(runs, "group")] == [2, 1, 1]
    assert [len(group.runs) for group in group_runs(runs, "run")] == [1, 1, 1, 1]


@pytest.mark.parametrize("by", [*GROUPINGS, "rollout_length"])
def test_tasks_and_budgets_are_never_averaged(by: str) -> None:
    runs = [Stored(1, 1), Stored(2, 2, environment="Hopper-v5"), Stored(3, 3, changes={"total_steps": 4000})]
    assert len(group_runs(runs, by)) == 3


def test_grouped_by_a_setting_everything_else_is_pooled_in_strata() -> None:
    runs = [
        Stored(number, seed, changes={"rollout_length": length, "kl_term": kl})
        for number, (length, kl, seed) in enumerate(itertools.product((1, 3), (True, False), (1, 2)))
    ]
    groups = group_runs(runs, "rollout_length")
    names = group_names(groups, groups[0], "rollout_length")
    assert list(names.values()) == ["Rollout length 1", "Rollout length 3"]
    returns = {run.id: evaluations(100.0 if run.changes["kl_term"] else 0.0) for run in runs}
    result = group_result(groups[0], "one", returns)
    assert result.finals == {1: 50.0, 2: 50.0}  # a seed's figure is the mean over its runs
    assert result.interval is not None and result.interval.high == result.interval.low  # chance is inside strata alone


def test_a_seed_that_was_run_twice_makes_nothing_surer() -> None:
    once = [Stored(seed, seed) for seed in (1, 2, 3)]
    twice = [*once, *(replace(run, id=run.id + 10) for run in once)]
    returns = {run.id: evaluations(100.0 * run.seed) for run in twice}
    (single,), (double,) = group_runs(once), group_runs(twice)
    one, two = group_result(single, "one", returns), group_result(double, "two", returns)
    assert (two.finals, two.interval, two.error) == (one.finals, one.interval, one.error)


def test_names_tell_groups_apart() -> None:
    runs, _ = study()
    groups = group_runs(runs)
    names = list(group_names(groups, groups[0], given={1: "same", 2: "same", 3: "same", 4: "same"}).values())
    assert names == ["same", "No KL term", "Rollout length 1", "Actor loss td3"]
    given = {1: "base", 2: "no KL", 3: "K = 1", 4: "TD3"}
    assert list(group_names(groups, groups[0], given=given).values()) == list(given.values())
    single = group_runs(runs[:2], "run")
    assert list(group_names(single, single[0], "run").values()) == ["alm-quick #11", "alm-quick #12"]


def test_figures_are_those_of_the_finished_seeds() -> None:
    runs, numbers = study()
    comparison = compared(runs, numbers)
    base = comparison.base
    finals = [np.mean([1000 + 10 * seed, 1100 + 10 * seed, 1200 + 10 * seed]) for seed in (1, 2, 3)]
    assert base.mean == pytest.approx(np.mean(finals)) and base.deviation == pytest.approx(np.std(finals, ddof=1))
    own = 20.0  # the middle seed
    assert base.area == pytest.approx((0 + 2 * (500 + 1000 + 1100 + 3 * own) + 1200 + own) / 2 / 4)
    waiting = comparison.results[3]
    assert (waiting.mean, waiting.area, waiting.count, waiting.total) == (None, None, 0, 3)
    assert seeds_words(waiting) == "0 of 3, 1 failed, 1 queued, 1 running"
    assert compared(runs, numbers, last=1).base.mean == pytest.approx(1220)


def test_verdicts_follow_the_paired_interval() -> None:
    runs, numbers = study()
    comparison = compared(runs, numbers)
    verdicts = [comparison.against[result.group.key].verdict for result in comparison.results]
    assert verdicts == ["base", "clearly worse", "no clear difference", "waits for 2 seeds"]
    against = comparison.against[comparison.results[1].group.key]
    assert against.paired is not None and against.paired.mean == pytest.approx(-1000 + 20)
    assert (against.improvement, against.clear) == (0.0, -1)
    # Four trapezoids, of which the first and the last have one end each that moved by -1,000 + 10 a seed.
    shifts = [-1000 + 10 * seed for seed in (1, 2, 3)]
    assert against.area is not None and against.area.pairs == 3
    assert against.area.mean == pytest.approx(np.mean(shifts) * 3.5 / 4)
    other = compared(runs, numbers, base=1)
    assert other.base.name == comparison.results[1].name or other.base.group == comparison.results[1].group
    assert other.against[comparison.base.group.key].verdict == "clearly better"


def test_a_groups_figures_do_not_depend_on_what_is_beside_it() -> None:
    runs, numbers = study()
    alone = compared(runs[:3], numbers).base
    beside = compared(runs, numbers).base
    assert (alone.mean, alone.deviation, alone.middle, alone.interval, alone.area) == (
        beside.mean, beside.deviation, beside.middle, beside.interval, beside.area
    )  # fmt: skip


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (Stored(9, 1, environment="Hopper-v5"), "another task"),
        (Stored(9, 1, changes={"total_steps": 4000}), "another budget"),
        (Stored(9, 7, changes={"kl_term": False}), "no seed in common"),
        (Stored(9, 1, changes={"kl_term": False}), "one pair tells nothing"),
        (Stored(9, 1, changes={"kl_term": False}, status="failed"), "no seed finished"),
    ],
)
def test_what_cannot_be_compared_says_why(other: Stored, words: str) -> None:
    runs = [Stored(1, 1), Stored(2, 2), other]
    comparison = compared(runs, {run.id: evaluations(1.0, 2.0 + run.id) for run in runs})
    against = comparison.against[comparison.others[0].group.key]
    assert against.verdict == words and not against.clear
    assert against.paired is None or against.paired.interval is None


def test_a_base_without_a_finished_seed_is_said() -> None:
    runs, numbers = study()
    comparison = compared(runs, numbers, base=3)
    assert {comparison.against[each.group.key].verdict for each in comparison.others} == {"base not finished"}
    with pytest.raises(ValueError, match="nothing to compare"):
        compare([], "")


def test_the_findings_name_what_is_clear_what_is_not_and_what_is_missing() -> None:
    runs, numbers = study()
    texts = [finding.text for finding in findings(compared(runs, numbers))]
    assert texts[0].startswith("No KL term is clearly worse than alm-quick: by about 980 (95 % interval")
    assert texts[1] == "Rollout length 1 cannot be told from alm-quick with 3 seeds."
    assert "0 of 3 seeds counted (1 failed, 1 queued, 1 running). Seed 3 failed at step 3,410" in texts[2]
    assert "at step 10,000; alm-quick here: 1,120 ± 10 at step 12,000" in texts[3] and "ICLR 2023" in texts[3]


def test_few_seeds_earn_a_warning_that_says_what_would_help() -> None:
    runs, numbers = study()
    comparison = compared(runs, numbers)
    assert missing_seeds(comparison) == (4, 5)
    # Half widths: the differences of K = 1 vary by 160 a seed, Student's t for two degrees of freedom is 4.303.
    wide, narrow = 4.3027 * 170 / np.sqrt(3), 4.3027 * 10 / np.sqrt(3)
    expected = about(float(np.median([wide, narrow])))
    warning = few_seeds_warning(comparison)
    assert warning == (
        "Three seeds: intervals are wide and the bootstrap is coarse. "
        f"Add seeds 4 and 5 to trust differences below about {expected}."
    )
    five = [replace(runs[0], id=number, seed=number) for number in range(1, 6)]
    assert few_seeds_warning(compared(five, {run.id: evaluations(1.0) for run in five})) == ""
    one = compared(five[:1], {1: evaluations(1.0)})
    assert few_seeds_warning(one).startswith("One seed says nothing about chance. Add seeds 2, 3, 4 and 5")


def test_a_difference_table_separates_what_differs_what_is_equal_and_what_is_not_asked_for() -> None:
    base, other = configuration(Stored(1, 1)), configuration(Stored(2, 1, changes={"kl_term": False}, device="cuda:0"))
    table = difference_table([base, other, base])
    assert [(row.path, row.values, row.changed) for row in table.rows] == [
        ("kl_term", (True, False, True), (False, True, False))
    ]
    assert "device" in [row.path for row in table.ignored] and len(table.equal) > 30
    engine = difference_table([base, other], ignore=("engine.", "device"))
    assert not any(row.path.startswith("engine.") for row in (*engine.rows, *engine.equal))
    assert value_words(None) == "—" and value_words(12_000) == "12,000" and value_words([256, 256]) == "256, 256"
    assert variant_name(other, base) == "No KL term" and variant_name(base, base) == ""


def test_presets_and_defaults_are_what_they_were_made_from() -> None:
    run = Stored(1, 1, changes={"kl_term": False})
    preset = reference_configuration(run, "preset")
    assert [row.path for row in difference_table([preset, configuration(run)]).rows] == ["kl_term"]
    assert len(difference_table([reference_configuration(run, "default"), configuration(run)]).rows) > 5
    assert reference_configuration(replace(run, agent="none such"), "default") == {}
    with pytest.raises(ValueError, match="own configuration"):
        reference_configuration(run, "base")


def test_a_group_is_as_old_as_its_first_run() -> None:
    group = Group("k", (Stored(5, 1), Stored(2, 2)))
    assert group.first.id == 2
