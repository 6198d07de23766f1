"""Studies are kept in the groups of their variants, and travel with their runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from storage import (
    NewVariant,
    Project,
    RunFilter,
    StateRefused,
    UnknownStudy,
    export_bundle,
    import_bundle,
    open_project,
)

TERMS = [NewVariant(name="No KL", changes={"kl_term": False}), NewVariant(name="Base", base=True)]


def test_a_study_is_found_with_its_base_first_and_its_definition(project: Project) -> None:
    made = project.studies.create("terms", {"seeds": [1, 2]}, TERMS)
    assert made == project.studies.find("terms") == project.studies.list()[0]
    assert [(variant.name, variant.changes, variant.base) for variant in made.variants] == [
        ("Base", {}, True),
        ("No KL", {"kl_term": False}, False),
    ]
    assert made.definition == {"seeds": [1, 2]}
    assert made.base is made.variants[0]
    assert made.variant(made.variants[1].group_id) is made.variants[1]
    assert made.variant(None) is None
    group = project.runs.group(made.variants[1].group_id)
    assert (group.name, group.title) == ("terms: No KL", "No KL")


def test_variants_and_definition_can_be_changed_later(project: Project) -> None:
    project.studies.create("terms", {"seeds": [1]}, TERMS)
    project.studies.define("terms", {"seeds": [1, 2, 3]})
    grown = project.studies.add("terms", [NewVariant(name="K = 1", changes={"rollout_length": 1})])
    assert grown.definition == {"seeds": [1, 2, 3]}
    assert [variant.name for variant in grown.variants] == ["Base", "No KL", "K = 1"]
    assert grown.base is not None
    assert grown.base.changes == {}


def test_groups_that_there_are_can_be_taken_over(project: Project, add_run: Callable[..., int]) -> None:
    base, other = (project.runs.create_group(name, info={"seeds": [1]}) for name in ("plain", "odd"))
    runs = [add_run(project, group_id=group) for group in (base, other)]
    arms = [NewVariant(name="Base", base=True, group_id=base), NewVariant(name="Odd", group_id=other)]
    project.studies.create("late", {}, arms)
    assert [row.id for row in project.runs.page(RunFilter(study="late"), sort=(("id", "asc"),))] == runs
    group = project.runs.group(other)
    assert (group.name, group.title, group.kind, group.info["seeds"]) == ("late: Odd", "Odd", "variant", [1])
    with pytest.raises(StateRefused, match="belongs to the study late already"):
        project.studies.create("again", {}, arms)
    assert [study.name for study in project.studies.list()] == ["late"]  # nothing of it was stored


def test_what_cannot_be_is_refused(project: Project) -> None:
    project.studies.create("terms", {}, TERMS)
    with pytest.raises(StateRefused, match="a study terms already"):
        project.studies.create("terms", {}, TERMS)
    with pytest.raises(StateRefused, match="one base"):
        project.studies.create("two", {}, [*TERMS, TERMS[1]])
    with pytest.raises(StateRefused, match="has its base already"):
        project.studies.add("terms", [TERMS[1]])
    with pytest.raises(StateRefused, match="no group 99"):
        project.studies.create("far", {}, [NewVariant(name="Base", base=True, group_id=99)])
    with pytest.raises(ValueError, match="JSON"):
        project.studies.create("odd", {"seed": float("nan")}, TERMS)
    with pytest.raises(UnknownStudy, match=r"no study term\. There are: terms\."):
        project.studies.find("term")


def test_exported_runs_bring_their_study_along(
    project: Project, add_run: Callable[..., int], tmp_path: Path, folder: Path
) -> None:
    made = project.studies.create("terms", {"seeds": [1]}, TERMS)
    with open_project(tmp_path / "other", write=True) as other:
        for variant in made.variants:
            run = add_run(project, group_id=variant.group_id, study="terms")
            export_bundle(project, run, tmp_path / "run.zip")
            import_bundle(other, tmp_path / "run.zip")
        found = other.studies.find("terms")
        assert found.definition == made.definition
        assert [variant.name for variant in found.variants] == ["Base", "No KL"]
        assert other.runs.count(RunFilter(study="terms")) == 2
