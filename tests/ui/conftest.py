"""A small project with runs in many states, and a context over it, for tests of panels without a window."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QMainWindow
from pytestqt.qtbot import QtBot

from storage import NewRun, Project, RunState, open_project
from ui.context import Context
from ui.theme import load_fonts
from workbench.presets import find_preset

TRACEBACK = """Traceback (most recent call last):
  File "workbench/engine/session.py", line 210, in run
    raise NonFiniteValue("the loss critic was not finite at update 1,160 (environment step 2,160)")
workbench.engine.measures.NonFiniteValue: the loss critic was not finite at update 1,160 (environment step 2,160)
"""


@dataclass(frozen=True)
class Sample:
    """Runs of one spec as the fixtures make them; ``ends`` is the last step, ``slope`` the return per step."""

    name: str
    seeds: Sequence[int]
    state: RunState
    ends: int
    slope: float
    environment: str = "HalfCheetah-v5"
    changes: tuple[tuple[str, object], ...] = ()
    tags: tuple[str, ...] = ()
    reason: str = ""
    fault: str | None = None


SAMPLES = (
    Sample("ALM quick, K = 3", (1, 2, 3), RunState.RUNNING, 8000, 0.16, tags=("baseline",)),
    Sample("No KL term", (1, 2, 3), RunState.FINISHED, 12000, 0.03, changes=(("kl_term", False),), tags=("terms",)),
    Sample("No classifier term", (1, 2), RunState.FINISHED, 12000, 0.13, changes=(("classifier_term", False),)),
    Sample("Paper sizes, K = 3", (1,), RunState.INTERRUPTED, 6000, 0.7, reason="The process that ran it is gone."),
    Sample(
        *("ReLU, lr 3e-3", (2,), RunState.FAILED, 2000, 0.1, "Walker2d-v5", (("activation", "relu"),), ()),
        "the loss critic was not finite at update 1,160 (environment step 2,160)",
        TRACEBACK,
    ),
    Sample("TD3 actor on the latent", (1, 2), RunState.QUEUED, 0, 0.0, changes=(("actor_loss", "td3"),)),
    Sample("Shorter rollout", (4,), RunState.STOPPED, 3000, 0.08, changes=(("rollout_length", 1),)),
    Sample("Kept aside", (5,), RunState.PAUSED, 4000, 0.09),
)


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed project with the runs of ``SAMPLES``, made once; runs that are to be running are still queued."""
    folder = tmp_path_factory.mktemp("sample") / "project"
    with open_project(folder, write=True) as project:
        for sample in SAMPLES:
            add_sample(project, sample)
    return folder


def add_sample(project: Project, sample: Sample) -> list[int]:
    """The runs of a sample with series, log and artifacts; one that is to be running or paused is left queued."""
    seeds = tuple(sample.seeds)
    spec = find_preset("alm-quick").spec(dict(sample.changes), environment=sample.environment, seeds=seeds)
    group = project.runs.create_group(sample.name, info={"seeds": list(seeds)}) if len(seeds) > 1 else None
    runs = []
    for seed in seeds:
        new = NewRun(
            name=f"{sample.name} seed {seed}" if group else sample.name,
            agent=spec.agent,
            environment=spec.environment,
            seed=seed,
            device="cpu",
            precision="fp32",
            spec=spec.to_json() | {"seeds": [seed]},
            content_hash=spec.content_hash(),
            total_steps=spec.total_steps,
            group_id=group,
            preset="alm-quick",
            versions={"foresight": "0.1.0", "torch": "2.13.0", "mujoco": "3.17.0", "gymnasium": "1.4.0"},
            host={"name": "here", "system": "Linux", "processor": "A processor"},
        )
        run_id = project.runs.create(new)
        runs.append(run_id)
        if sample.tags:
            project.runs.set_tags(run_id, sample.tags)
        if sample.state is not RunState.QUEUED:
            _live(project, run_id, sample, seed)
    return runs


def _live(project: Project, run_id: int, sample: Sample, seed: int) -> None:
    """What a run leaves behind: numbers, events, an episode, a snapshot, a resume point."""
    generator = np.random.default_rng([run_id, seed])
    project.runs.change_state(run_id, RunState.RUNNING)
    began = time.time() - sample.ends / 60
    evaluations = [-230.0]
    for step in range(100, sample.ends + 1, 100):
        updates, active = max(0, step - 1000), step / 60
        mark = (step, updates, active, began + active)
        value = {"loss/critic": 20 / (1 + step / 2000) + generator.normal(0, 0.5)}
        value |= {"loss/kl": 4 + 8 * np.exp(-step / 3000) + generator.normal(0, 0.2), "speed/steps": 62.0}
        value |= {"time/update": 0.58, "time/environment": 0.17, "time/acting": 0.11, "time/evaluation": 0.10}
        if step % 1000 == 0:
            evaluations.append(-230 + sample.slope * step + generator.normal(0, 60))
            value |= {"episode/return": evaluations[-1] - 40, "episode/length": 1000.0}
            value |= {"evaluation/return": evaluations[-1], "evaluation/length": 1000.0}
            data = {"returns": [evaluations[-1]], "lengths": [1000], "seconds": 1.2}
            project.log.append(run_id, "evaluation", step, updates, began + active, data)
        project.series.append_many(run_id, [(name, *mark, float(number)) for name, number in value.items()])
    _files(project, run_id, sample.ends, evaluations[-1])
    where = (sample.ends, max(0, sample.ends - 1000), sample.ends / 60)
    project.runs.heartbeat(run_id, *where, evaluations[-1], max(evaluations), 62.1, 62.0, 15.0)
    if sample.state in (RunState.RUNNING, RunState.PAUSED):
        project.runs.change_state(run_id, RunState.STOPPED)
        project.runs.change_state(run_id, RunState.QUEUED, "resume")
        return
    project.runs.change_state(run_id, sample.state, sample.reason, sample.fault)
    if sample.fault is not None:
        data = {"message": sample.reason, "traceback": sample.fault}
        project.log.append(run_id, "fault", sample.ends, sample.ends - 1000, time.time(), data)


def _files(project: Project, run_id: int, step: int, value: float) -> None:
    """One recorded evaluation episode of 50 steps with positions, one snapshot, one resume point."""
    time_axis = np.linspace(0, 6, 51)[:, None]
    recording = {
        "observations": np.sin(time_axis + np.arange(17)).astype(np.float32),
        "actions": np.cos(time_axis[:-1] + np.arange(6)).astype(np.float32),
        "rewards": np.full(50, value / 50),
        "qpos": 0.1 * np.sin(time_axis + np.arange(9)),
        "qvel": 0.1 * np.cos(time_axis + np.arange(9)),
    }
    info = {"return": value, "length": 50, "mean_return": value}
    project.artifacts.save(run_id, "episode", step, f"evaluation-{step}", recording, info, info)
    weights = {"agent/encoder.weight": np.zeros((4, 4), np.float32)}
    for kind, name in (("snapshot", f"step-{step}"), ("resume", f"resume-{step}")):
        project.artifacts.save(run_id, kind, step, name, weights, {"step": step})
        data = {"kind": kind, "name": name, "size": 64}
        project.log.append(run_id, "checkpoint", step, max(0, step - 1000), time.time(), data)


@pytest.fixture
def project(sample_folder: Path, tmp_path: Path) -> Iterator[Project]:
    """The sample project, open for writing: running and paused runs are owned by this process, without workers."""
    folder = tmp_path / "project"
    shutil.copytree(sample_folder, folder)
    with open_project(folder, write=True) as opened:
        for row in opened.runs.page():
            sample = next(each for each in SAMPLES if row.name.startswith(each.name))
            if sample.state in (RunState.RUNNING, RunState.PAUSED):
                opened.runs.change_state(row.id, RunState.RUNNING)
                where = (row.step, row.updates, row.active_seconds)
                opened.runs.heartbeat(row.id, *where, row.latest_return, row.best_return, 62.1, 62.0, 15.0)
            if sample.state is RunState.PAUSED:
                opened.runs.change_state(row.id, RunState.PAUSED)
        opened.writer.flush()
        yield opened


@pytest.fixture
def empty_project(tmp_path: Path) -> Iterator[Project]:
    """A project without runs."""
    with open_project(tmp_path / "empty", write=True) as opened:
        yield opened


@pytest.fixture
def window(qtbot: QtBot) -> QMainWindow:
    """A window that owns the actions; put a panel into it with ``setCentralWidget``."""
    made = QMainWindow()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def context(qapp: QApplication, project: Project, window: QMainWindow) -> Context:
    """A context over ``project``; the engine is not started and the feed not polling."""
    return _context(project, window)


@pytest.fixture
def empty_context(qapp: QApplication, empty_project: Project, window: QMainWindow) -> Context:
    """A context over ``empty_project``."""
    return _context(empty_project, window)


def _context(project: Project, window: QMainWindow) -> Context:
    from ui.actions import ActionRegistry
    from ui.cursor import TimeCursor
    from ui.engine import Engine
    from ui.feed import Feed
    from ui.notices import Notices
    from ui.preferences import Preferences
    from ui.selection import Selection
    from ui.theme import Theme

    load_fonts()
    theme = Theme("dark")
    theme.apply()
    engine = Engine(project)
    preferences = Preferences(project.folder / "window.json")
    actions = ActionRegistry(window, theme)
    return Context(project, engine, Feed(engine), Selection(), TimeCursor(), theme, preferences, Notices(), actions)
