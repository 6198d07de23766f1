"""The demo in ``assets/demo``: small, whole, without traces of a machine; its numbers come from this code."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from storage import ArtifactRow, Project, RunRow, RunState, open_project
from storage.migrations import head
from storage.project import check_schema
from tests.workbench.engine.faulty import FAULTY
from workbench.demo import DEMO, FOLDER, HOST, WORKSHOP, Demo, Ladder, Other, first_seeds, main, make_demo, size_of
from workbench.engine.checkpoint import to_tensors
from workbench.engine.episodes import nearest_episode
from workbench.engine.evaluation import EvaluatingPolicy, Evaluation
from workbench.engine.processor import prepare_cpu, use_threads
from workbench.engine.recorder import Recorder
from workbench.engine.session import TrainingSession
from workbench.engine.study import how_far
from workbench.noise import NoiseSource

CPU = torch.device("cpu")
#: what a repeated evaluation of Pendulum may differ by, relative to its return. With the matrix kernels that trained
#: it, it is exact. Others change the actions in their last bits; 200 steps without contacts do not amplify that beyond
#: this, where another policy is off by a hundred times as much. HalfCheetah's contacts do amplify it, so there the
#: actions are compared, one by one.
TOLERANCE = 1e-4
TINY: dict[str, Any] = {
    **{"total_steps": 60, "warm_up_steps": 20, "batch_size": 4, "replay_capacity": 1000},
    **{"hidden_size": 8, "model_hidden_size": 8, "latent_size": 4, "exploration_std": "linear(1.0, 0.1, 30)"},
    **{"engine.evaluation_interval": 20, "engine.log_interval": 5, "environment.max_episode_steps": 15},
    **{"engine.bias_states": 10, "engine.bias_first_steps": 10},
}


@pytest.fixture(autouse=True)
def usual_arithmetic() -> Iterator[None]:
    """Making the demo and its sessions let numbers below 1e-38 be zero in this thread; other tests need them."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A copy of the demo, open for writing as users open it."""
    folder = tmp_path / "demo"
    shutil.copytree(FOLDER, folder)
    with open_project(folder, write=True) as opened:
        yield opened


def base_run(project: Project) -> RunRow:
    """The first seed of the study's base."""
    return first_seeds(project, DEMO)[0][0]


def opened_session(project: Project, run: RunRow, snapshot: ArtifactRow | None) -> TrainingSession:
    """A session of the run's spec with the networks of a snapshot, or with untrained ones."""
    prepare_cpu()
    use_threads(1)
    spec, seed = Recorder(project).spec(run.id)
    networks = None if snapshot is None else to_tensors("agent/", project.artifacts.load(snapshot)[0])
    return TrainingSession(spec, seed, run.id, CPU, networks=networks)


def repeated_returns(session: TrainingSession, step: int) -> list[float]:
    """The returns of the evaluation at ``step``, made again from its own streams."""
    evaluation = Evaluation(
        session.agent,
        session.evaluation_environment,
        episodes=session.spec.engine.evaluation_episodes,
        seed=session.seed,
        step=step,
        record=False,
        device=CPU,
    )
    session.agent.step = step
    for _ in evaluation.run():
        pass
    session.close()
    return [episode.episode_return for episode in evaluation.finished]


# ---- what is shipped ------------------------------------------------------------------------------------------------


def test_its_copy_opens_with_the_present_schema(project: Project) -> None:
    assert check_schema(project.folder / "project.db") == head()
    rows = project.runs.page(sort=[("id", "asc")])
    assert {row.status for row in rows} == {RunState.FINISHED}
    assert [row.step for row in rows] == [row.total_steps for row in rows]
    for plan in DEMO.plans:
        study = project.studies.find(plan.name)
        stored = {variant.name: dict(variant.changes) for variant in study.variants if not variant.base}
        assert stored == {variant.name: dict(variant.changes) for variant in plan.variants}
        assert all(not arm.left and not arm.missing for arm in how_far(project, study))
    assert {row.name for row in rows if row.study is None} == {other.name for other in DEMO.others}


def test_everything_in_it_is_whole_and_nothing_is_there_for_continuing(project: Project) -> None:
    for row in project.runs.page():
        for file in project.artifacts.list(row.id):
            project.artifacts.verify(file)
            assert file.kind in {"snapshot", "episode", "analysis"}
        evaluations = project.series.read(row.id, "evaluation/return")
        assert len(evaluations) >= (4 if row.agent == "alm" else 3)
        assert row.latest_return == evaluations.value[-1]
    base = base_run(project)
    assert len(project.artifacts.list(base.id, "snapshot")) == DEMO.snapshots
    assert len(project.artifacts.list(base.id, "episode")) == DEMO.episodes + 1  # a planner drove the last one
    for first, *others in first_seeds(project, DEMO):
        kinds = [file.kind for file in project.artifacts.list(first.id)]
        assert {"snapshot", "episode", "analysis"} == set(kinds)
        assert all(project.artifacts.list(run.id) == () for run in others)
    assert not (project.folder / "quarantine").exists()


def test_it_is_small_and_tells_nothing_of_the_machine_that_made_it(project: Project) -> None:
    assert size_of(FOLDER) < 27_000_000
    assert {path.name for path in FOLDER.iterdir()} == {"project.db", "files"}
    paths = re.compile(rb"/(?:home|root|tmp|work|opt|usr|mnt|var|Users)/")
    for path in FOLDER.rglob("*"):
        if path.is_file():
            assert not paths.search(path.read_bytes()), path
    for row in project.runs.page():
        assert (row.host["name"], row.host.keys()) == ("demo", HOST.keys())
        assert (row.owner_host, row.owner_pid) == (None, None)


# ---- its numbers ----------------------------------------------------------------------------------------------------


def test_a_checkpoint_reproduces_its_stored_evaluation(project: Project) -> None:
    (run,) = [row for row in project.runs.page() if row.name == DEMO.others[0].name]
    snapshot = Recorder(project).snapshot_row(run.id, "last")
    (stored,) = [entry.data for entry in project.log.read(run.id, ["evaluation"]) if entry.step == snapshot.step]
    repeated = repeated_returns(opened_session(project, run, snapshot), snapshot.step)
    assert repeated == pytest.approx(stored["returns"], rel=TOLERANCE)
    untrained = repeated_returns(opened_session(project, run, None), snapshot.step)
    assert untrained != pytest.approx(stored["returns"], rel=100 * TOLERANCE)


def test_a_recorded_episode_is_what_its_checkpoint_does(project: Project) -> None:
    run = base_run(project)
    snapshot = Recorder(project).snapshot_row(run.id, "last")
    episode = nearest_episode(Recorder(project), run.id, snapshot.step)
    assert episode is not None
    assert episode.step == snapshot.step
    arrays, _ = project.artifacts.load(episode)
    assert arrays["rewards"].sum() == pytest.approx(episode.info["return"], rel=1e-12)
    session = opened_session(project, run, snapshot)
    noise = NoiseSource(session.seed, f"evaluation/{snapshot.step}", CPU)
    policy = EvaluatingPolicy(session.agent, session.evaluation_environment, noise)
    memory = policy.begin_episode()
    actions = []
    for observation in arrays["observations"][:-1]:
        action, memory = policy.act(observation, memory)
        actions.append(action)
    session.close()
    np.testing.assert_allclose(actions, arrays["actions"], atol=1e-4)


# ---- making it ------------------------------------------------------------------------------------------------------


#: of an MPC agent
TINY_PLANS: dict[str, Any] = {
    **{"total_steps": 60, "warm_up_steps": 30, "batch_size": 8, "environment.max_episode_steps": 15},
    **{"engine.evaluation_interval": 30, "engine.log_interval": 5, "engine.evaluation_episodes": 1},
    **{"model.hidden_size": 8, "model.most_epochs": 2, "refit_interval": 30, "planner.horizon": 2},
    **{"planner.candidates": 8, "planner.elites": 2, "planner.iterations": 1, "replanning_interval": 2},
}


def _tiny(environment: str = "Pendulum-v1", **changes: Any) -> Demo:
    return Demo(
        study="Tiny",
        environment=environment,
        seeds=(1, 2),
        base=TINY | changes,
        toggles={"kl_term": (False,)},
        ladders=(Ladder("Loops", ("mbrl-1.5",), TINY_PLANS),),
        others=(Other("Beside", "Pendulum-v1", TINY),),
        snapshots=2,
        episodes=2,
        measured=2,
        longest=2,
        driven=2,
        posed=2,
    )


def test_it_is_made_again_in_place_of_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "assets" / "demo"
    folder.mkdir(parents=True)
    (folder / "old.txt").touch()
    demo = _tiny()
    make_demo(folder, demo)
    assert {path.name for path in folder.iterdir()} == {"project.db", "files"}
    assert [path.name for path in folder.parent.iterdir()] == ["demo"]
    with open_project(folder) as made:
        arms = first_seeds(made, demo)
        kinds = [[[file.kind for file in made.artifacts.list(run.id)] for run in arm] for arm in arms]
        assert [[row.seed for row in arm] for arm in arms] == [[1, 2], [1, 2], [1, 2, 3], [1]]
        assert {row.status for row in made.runs.page()} == {RunState.FINISHED}
    assert sorted(kinds[0][0]) == ["analysis"] * 3 + ["episode"] * 3 + ["snapshot"] * 2
    assert all(sorted(arm[0]) == ["analysis", "episode", "snapshot"] for arm in kinds[1:])
    assert kinds[0][1] == kinds[1][1] == []


def test_a_run_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "old.txt").touch()
    base = {name: value for name, value in TINY.items() if not name.startswith("environment.")}
    base |= {"environment.fault": "step", "environment.at": 30}
    with pytest.raises(RuntimeError, match=r"is failed: .*the motor is stuck"):
        make_demo(
            folder,
            Demo(environment=FAULTY, seeds=(1,), base=base, toggles={"kl_term": (False,)}, ladders=(), others=()),
        )
    assert {path.name for path in tmp_path.iterdir()} == {"demo", WORKSHOP}
    assert [path.name for path in folder.iterdir()] == ["old.txt"]


def test_the_command_says_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("workbench.demo.make_demo", lambda folder: (folder / "x").write_bytes(bytes(1_500_000)))
    assert main([str(tmp_path)]) == 0
    assert f"{tmp_path}: 1.5 MB, made in 0 s" in capsys.readouterr().err
