"""A stored run opened at a checkpoint: the right networks, read beside a writer, and sentences for what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from storage import ArtifactDamaged, Project, open_project
from tests.workbench.engine.lab import alm_spec, small_spec, train
from workbench.analysis.steps import AnalysisStep, exhaust
from workbench.engine.recorder import Recorder
from workbench.engine.subject import NoWorldModel, checkpoint_row, keep_analysis, open_subject
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.rollout import run_episode
from workbench.settings import SettingsError


@pytest.fixture
def alm_run(project: Project) -> int:
    return train(project, alm_spec("Pendulum-v1", engine__record_evaluations=True))[0]


def weights_of(project: Project, run_id: int, name: str) -> dict[str, np.ndarray]:
    row = next(row for row in project.artifacts.list(run_id) if row.name == name)
    arrays = project.artifacts.load(row)[0]
    return {key.removeprefix("agent/network/"): value for key, value in arrays.items() if "/network/" in key}


def networks_of(subject) -> dict[str, np.ndarray]:
    tensors = subject.agent.state().tensors
    return {key.removeprefix("network/"): value.numpy() for key, value in tensors.items() if "network/" in key}


def test_each_checkpoint_gives_its_own_networks(project: Project, alm_run: int) -> None:
    recorder = Recorder(project)
    snapshots = [row for row in project.artifacts.list(alm_run, "snapshot") if row.name.startswith("step-")]
    assert len(snapshots) >= 2
    first = open_subject(recorder, alm_run, str(snapshots[0].step))
    last = open_subject(recorder, alm_run)
    assert (first.step, last.step) == (snapshots[0].step, 150)
    for subject in (first, last):
        expected = weights_of(project, alm_run, subject.checkpoint)
        found = networks_of(subject)
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[key], expected[key]) for key in found)
    assert not np.array_equal(networks_of(first)["model.weights.0"], networks_of(last)["model.weights.0"])
    assert first.updates < last.updates == last.agent.updates


def test_a_subject_can_be_reused_for_another_checkpoint(project: Project, alm_run: int) -> None:
    recorder = Recorder(project)
    snapshots = [row for row in project.artifacts.list(alm_run, "snapshot") if row.name.startswith("step-")]
    first = open_subject(recorder, alm_run, str(snapshots[0].step))
    again = open_subject(recorder, alm_run, "last", reuse=first)
    assert again.agent is first.agent
    expected = weights_of(project, alm_run, again.checkpoint)
    assert all(np.array_equal(value, expected[key]) for key, value in networks_of(again).items())


def test_last_best_resume_and_names(project: Project, alm_run: int) -> None:
    recorder = Recorder(project)
    assert checkpoint_row(recorder, alm_run, "best").name.startswith("best")
    assert checkpoint_row(recorder, alm_run, "resume").kind == "resume"
    assert open_subject(recorder, alm_run, "resume").step == 150
    assert checkpoint_row(recorder, alm_run, "step-75").step == 75
    for row in project.artifacts.list(alm_run, "snapshot"):
        project.artifacts.remove(row)
    assert checkpoint_row(recorder, alm_run, "last").kind == "resume", "a run without snapshots has its resume point"


def test_a_checkpoint_that_is_not_there_is_named_with_those_that_are(project: Project, alm_run: int) -> None:
    with pytest.raises(SettingsError, match=r"no snapshot '77'; expected last, best or one of the steps .*75, 150"):
        open_subject(Recorder(project), alm_run, "77")


def test_damaged_and_missing_files_are_sentences(project: Project, alm_run: int) -> None:
    recorder = Recorder(project)
    row = checkpoint_row(recorder, alm_run, "last")
    path = project.artifacts.file(row.path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ArtifactDamaged, match=r"is damaged.*bytes instead of"):
        open_subject(recorder, alm_run)
    path.unlink()
    with pytest.raises(ArtifactDamaged, match="No such file"):
        open_subject(recorder, alm_run)


def test_networks_of_other_sizes_are_refused(project: Project, alm_run: int) -> None:
    recorder = Recorder(project)
    row = checkpoint_row(recorder, alm_run, "last")
    arrays, document = project.artifacts.load(row)
    arrays["agent/network/model.weights.0"] = np.zeros((1, 3, 3), np.float32)
    project.artifacts.save(alm_run, "snapshot", row.step, row.name, arrays, document)
    with pytest.raises(ArtifactDamaged, match=r"does not fit the run's settings: model\.weights\.0"):
        open_subject(recorder, alm_run)


def test_it_reads_beside_a_writer(project: Project, alm_run: int, folder: Path) -> None:
    with open_project(folder) as reading:
        subject = open_subject(Recorder(reading), alm_run)
    assert subject.step == 150


def test_an_agent_without_a_model_and_an_environment_that_is_not_there(project: Project) -> None:
    run_id = train(project, small_spec())[0]
    subject = open_subject(Recorder(project), run_id)
    with pytest.raises(NoWorldModel, match="agent: this run of small trains no world model"):
        subject.world_model()
    (unknown,) = Recorder(project).submit(small_spec("Nowhere-v7"))
    project.artifacts.save(unknown, "snapshot", 5, "step-5", {}, {"step": 5, "updates": 0})
    with pytest.raises(EnvironmentProblem, match="Nowhere"):
        open_subject(Recorder(project), unknown)


def test_its_policy_acts_in_its_environment(project: Project, alm_run: int) -> None:
    subject = open_subject(Recorder(project), alm_run)
    episodes = []
    for _ in range(2):
        environment = subject.make_environment()
        episodes.append(run_episode(environment, subject.policy(environment, "look"), seed=3, record=True))
        environment.close()
    assert episodes[0].length == 30
    assert np.array_equal(episodes[0].actions, episodes[1].actions), "the stream is the run's and the name's"


def test_an_analysis_is_kept_with_what_it_is_of(project: Project, alm_run: int) -> None:
    recorder = Recorder(project)
    subject = open_subject(recorder, alm_run)
    row = keep_analysis(recorder, subject, "model-error", {"error": np.arange(3.0)}, {"horizon": 3}, {"useful": 2})
    arrays, document = project.artifacts.load(project.artifacts.list(alm_run, "analysis")[0])
    assert (row.name, row.info) == ("model-error-150", {"useful": 2})
    assert arrays["error"].tolist() == [0.0, 1.0, 2.0]
    assert document == {"horizon": 3, "checkpoint": subject.checkpoint, "step": 150}


def test_exhaust_hears_every_step_and_returns_the_result() -> None:
    def counting():
        for number in range(3):
            yield AnalysisStep(number, 3, "states")
        return torch.tensor(7)

    heard: list[AnalysisStep] = []
    assert int(exhaust(counting(), heard.append)) == 7
    assert [step.done for step in heard] == [0, 1, 2]
