"""Studies over real runs of the small agent: queued, left half finished, gone on with, grown, made of old groups."""

from __future__ import annotations

import pytest

from storage import Project, RunFilter, RunState, StateRefused, UnknownStudy
from tests.workbench.engine.lab import drain, small_spec
from workbench.engine.queue import RunQueue
from workbench.engine.recorder import Recorder
from workbench.engine.study import add_seeds, adopt, begin, go_on, how_far, read_plan
from workbench.engine.study_plan import StudyPlan, Variant
from workbench.settings import SettingsError

FAST = (Variant("Fast", {"batch_size": 8}),)


@pytest.fixture
def plan() -> StudyPlan:
    return StudyPlan("rates", small_spec(seeds=(1, 2)), FAST)


def test_a_study_queues_every_arm_seed_by_seed(project: Project, plan: StudyPlan) -> None:
    queue = RunQueue(Recorder(project))
    runs = [project.runs.get(run) for run in begin(queue, plan)]
    assert [(row.name, row.seed, row.study) for row in runs] == [
        ("rates: Base seed 1", 1, "rates"),
        ("rates: Fast seed 1", 1, "rates"),
        ("rates: Base seed 2", 2, "rates"),
        ("rates: Fast seed 2", 2, "rates"),
    ]
    assert [row.spec["settings"]["batch_size"] for row in runs] == [4, 8, 4, 8]
    study = project.studies.find("rates")
    assert [row.group_id for row in runs[:2]] == [variant.group_id for variant in study.variants]
    assert read_plan(study) == plan
    with pytest.raises(StateRefused, match="a study rates already"):
        begin(queue, plan)


def test_a_half_finished_study_goes_on_with_what_is_missing_alone(project: Project, plan: StudyPlan) -> None:
    queue = RunQueue(Recorder(project))
    first, second, third, fourth = begin(queue, plan)
    for run, state in ((second, RunState.FAILED), (third, RunState.STOPPED)):
        project.runs.change_state(run, RunState.RUNNING)
        project.runs.change_state(run, state)
    project.runs.change_state(fourth, RunState.STOPPED)
    project.runs.delete(fourth)
    queued = go_on(queue, "rates")
    assert queued[:2] == [third, second]
    assert [project.runs.get(run).seed for run in queued[2:]] == [2]
    base, fast = how_far(project, project.studies.find("rates"))
    assert [run.id for run in base.runs] == [first, third]
    assert [run.id for run in fast.runs] == [second, queued[2]]
    assert go_on(queue, "rates") == []
    with pytest.raises(UnknownStudy):
        go_on(queue, "rate")


def test_seeds_can_be_added_later_and_the_runs_finish(project: Project) -> None:
    plan = StudyPlan("rates", small_spec(seeds=(1,), total_steps=60), FAST)
    queue = RunQueue(Recorder(project))
    begin(queue, plan)
    drain(queue)
    added = add_seeds(queue, "rates", (1, 5))
    assert [project.runs.get(run).seed for run in added] == [5, 5]
    drain(queue)
    for variant in how_far(project, project.studies.find("rates")):
        assert variant.states == {"finished": 2}
        assert not variant.missing
    with pytest.raises(SettingsError, match="seeds"):
        add_seeds(queue, "rates", (-1,))


def test_groups_trained_before_become_a_study(project: Project) -> None:
    recorder = Recorder(project)
    base = recorder.submit(small_spec(seeds=(1, 2)))
    fast = recorder.submit(small_spec(seeds=(1, 2, 3), batch_size=8, engine__log_interval=10))
    groups = [project.runs.get(runs[0]).group_id for runs in (base, fast)]
    assert groups[0] is not None
    assert groups[1] is not None
    study = adopt(project, "old", groups[0], {"Fast": groups[1]})
    assert [(variant.name, variant.changes) for variant in study.variants] == [
        ("Base", {}),
        ("Fast", {"batch_size": 8, "engine.log_interval": 10}),
    ]
    assert project.runs.count(RunFilter(study="old")) == 5
    names = [row.name for row in project.runs.page(RunFilter(study="old"), sort=(("id", "asc"),))]
    assert names == ["Base seed 1", "Base seed 2", "Fast seed 1", "Fast seed 2", "Fast seed 3"]
    assert read_plan(study).base.seeds == (1, 2, 3)
    assert [variant.missing for variant in how_far(project, study)] == [(3,), ()]


def test_runs_from_before_a_field_was_there_count_as_new_ones(project: Project) -> None:
    recorder = Recorder(project)
    spec = small_spec(seeds=(1, 2))
    runs = recorder.submit(spec)
    document = project.runs.get(runs[0]).spec
    old = {name: value for name, value in document["settings"].items() if name != "observation_noise"}
    for run in runs:
        project.runs.set_spec(run, {**document, "settings": old}, "old")
    group = project.runs.get(runs[0]).group_id
    assert group is not None
    adopt(project, "old", group, {})
    rows = [project.runs.get(run) for run in runs]
    assert {row.content_hash for row in rows} == {spec.content_hash()}
    assert all(row.spec["settings"]["observation_noise"] == 0.0 for row in rows)


def test_groups_that_do_not_belong_together_are_refused(project: Project) -> None:
    recorder = Recorder(project)
    specs = (small_spec(), small_spec("MountainCarContinuous-v0"), small_spec())
    runs = [recorder.submit(spec, group=project.runs.create_group(f"g{n}"))[0] for n, spec in enumerate(specs)]
    groups = [project.runs.get(run).group_id or 0 for run in runs]
    empty = project.runs.create_group("empty")
    for group, words in (
        (groups[1], "MountainCarContinuous-v0, unlike the base"),
        (groups[2], "has the settings of the base"),
        (empty, "has no runs"),
    ):
        with pytest.raises(SettingsError, match=words):
            adopt(project, "old", groups[0], {"Other": group})
    assert project.studies.list() == ()
