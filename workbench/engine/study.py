"""Queues the runs of a study, goes on with one that is half finished, and takes in runs that were trained before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from workbench.engine.queue import RunQueue
from workbench.engine.recorder import NewVariant, Project, RunFilter, StudyRow
from workbench.engine.study_plan import BASE, StudyPlan, Variant, VariantProgress, progress
from workbench.settings import Problem, SettingsError
from workbench.spec import RunSpec, check_seeds

#: settings in which runs may differ and still be arms of one study
_UNCOMPARED = ("agent", "device")


def begin(queue: RunQueue, plan: StudyPlan) -> list[int]:
    """Store the study and queue every run of it, seed by seed so that all arms advance together.

    Raises:
        SettingsError: a variant or a seed will not do.
        storage.StateRefused: there is a study of that name.
        storage.DiskFull: there is no room; nothing was stored.
    """
    plan.check()
    queue.recorder.require_space(plan.base)
    variants = [NewVariant(name=arm.name, changes=arm.changes, base=arm.name == BASE) for arm in plan.arms]
    queue.recorder.project.studies.create(plan.name, plan.definition(), variants)
    return go_on(queue, plan.name)


def go_on(queue: RunQueue, name: str) -> list[int]:
    """Queue what a study still lacks: seeds without a run, and runs that stopped, failed or were interrupted.

    Returns the runs that it queued. Raises storage.UnknownStudy, SettingsError, storage.DiskFull.
    """
    project = queue.recorder.project
    study = project.studies.find(name)
    plan = read_plan(study)
    arms = {arm.name: arm for arm in plan.arms}
    queued = []
    found = how_far(project, study)
    with queue.held():
        for variant in found:
            for run in variant.left:
                queue.resume(run.id)
                queued.append(run.id)
        for seed in plan.base.seeds:
            for variant in found:
                if seed in variant.missing:
                    queued += queue.submit(plan.spec(arms[variant.name], (seed,)), group=variant.group_id)
    return queued


def add_seeds(queue: RunQueue, name: str, seeds: tuple[int, ...]) -> list[int]:
    """Run every arm of a study with further seeds too; returns the runs queued. Raises as :func:`go_on` does."""
    project = queue.recorder.project
    plan = read_plan(project.studies.find(name))
    every = tuple(dict.fromkeys((*plan.base.seeds, *seeds)))
    found = list(check_seeds(every))
    if found:
        raise SettingsError(found)
    project.studies.define(name, replace(plan, base=replace(plan.base, seeds=every)).definition())
    return go_on(queue, name)


def read_plan(study: StudyRow) -> StudyPlan:
    """The plan of a stored study. Raises SettingsError when its definition cannot be used here."""
    others = (Variant(row.name, row.changes) for row in study.variants if not row.base)
    return StudyPlan.read(study.name, study.definition, others)


def how_far(project: Project, study: StudyRow) -> tuple[VariantProgress, ...]:
    """How far each variant of a study is. Archived runs count, those in the bin do not."""
    runs = project.runs.page(RunFilter(study=study.name, archived=None), sort=(("id", "asc"),))
    seeds = tuple(study.definition.get("base", {}).get("seeds", ()))
    return progress(study.variants, runs, seeds)


def adopt(project: Project, name: str, base_group: int, variants: Mapping[str, int]) -> StudyRow:
    """Make a study of groups that were trained before; ``variants`` are group numbers by the name to give them.

    What each variant changes is read from its runs' settings; those are written as a new run's would be, and so are
    their names.

    Raises:
        SettingsError: a group has no runs, differs in its task, or is no other than the base.
        storage.StateRefused: there is a study of that name, or a group belongs to another one.
    """
    base, seeds = _group_spec(project, base_group)
    usual = base.flat()
    found: list[Problem] = []
    arms = [NewVariant(name=BASE, base=True, group_id=base_group)]
    for variant, group in variants.items():
        spec, own = _group_spec(project, group)
        seeds = tuple(dict.fromkeys((*seeds, *own)))
        flat = spec.flat()
        changes = {path: value for path, value in flat.items() if usual.get(path) != value and path not in _UNCOMPARED}
        if spec.environment != base.environment or spec.agent != base.agent or set(flat) != set(usual):
            found.append(Problem(variant, f"group {group} runs {spec.agent} on {spec.environment}, unlike the base"))
        elif not changes:
            found.append(Problem(variant, f"group {group} has the settings of the base"))
        arms.append(NewVariant(name=variant, changes=changes, group_id=group))
    if found:
        raise SettingsError(found)
    plan = StudyPlan(name, replace(base, seeds=seeds), tuple(Variant(arm.name, arm.changes) for arm in arms[1:]))
    plan.check()
    study = project.studies.create(name, plan.definition(), arms)
    names = {arm.group_id: arm.name for arm in arms}
    for row in project.runs.page(RunFilter(study=name, archived=None, deleted=None)):
        # Fields that came after they were trained are written down, so that further seeds count as the same.
        spec = RunSpec.from_json(row.spec)
        project.runs.set_spec(row.id, spec.to_json(), spec.content_hash())
        project.runs.rename(row.id, f"{names[row.group_id]} seed {row.seed}")
    return study


def _group_spec(project: Project, group: int) -> tuple[RunSpec, tuple[int, ...]]:
    """What the runs of a group have in common, and their seeds. Raises SettingsError."""
    rows = project.runs.page(RunFilter(group=group, archived=None), sort=(("id", "asc"),))
    if not rows:
        raise SettingsError([Problem("group", f"group {group} has no runs")])
    return RunSpec.from_json(rows[0].spec), tuple(dict.fromkeys(row.seed for row in rows))
