"""The table of tasks, and names typed by people."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gymnasium.spaces import Box

from workbench.environments.catalog import TASKS, Task, find_task
from workbench.environments.make import describe_environment, make_environment
from workbench.environments.problem import EnvironmentProblem

every_task = pytest.mark.parametrize("task", TASKS, ids=[task.name for task in TASKS])

ALM = {"HalfCheetah", "Hopper", "Walker2d", "Ant", "Humanoid", "TruncatedAnt", "TruncatedHumanoid"}
MEMB = {"Pendulum", "InvertedPendulum", "HalfCheetah", "Hopper", "Walker2d", "Swimmer", "Reacher"}
MBPO = {"HalfCheetah", "Hopper", "Walker2d", "TruncatedAnt", "TruncatedHumanoid", "InvertedPendulum"}


@pytest.mark.parametrize(("paper", "expected"), [("ALM", ALM), ("MEMB", MEMB), ("MBPO", MBPO)])
def test_the_table_holds_every_task_of_a_paper(paper: str, expected: set[str]) -> None:
    assert {task.name.rpartition("-v")[0] for task in TASKS if paper in task.papers} == expected


def test_both_versions_are_there_where_gymnasium_has_both() -> None:
    names = {task.name for task in TASKS}
    assert len(names) == len(TASKS)
    one_version_only = {"Pendulum-v1", "TruncatedHumanoid-v5"}
    for name in names - one_version_only:
        assert {name[:-1] + "4", name[:-1] + "5"} <= names


@every_task
def test_a_task_is_what_the_table_says(task: Task) -> None:
    facts = describe_environment(task.name)
    assert facts.observation_shape == (task.observation_size,)
    assert facts.observation_dtype == "float32"
    assert facts.action_size == task.action_size == len(facts.action_low) == len(facts.action_high)
    assert facts.time_limit == task.time_limit
    assert facts.is_mujoco == (task.name != "Pendulum-v1")
    assert facts.renders
    assert facts.name == task.name
    assert task.note.endswith(".")


@every_task
def test_a_task_keeps_the_contract(task: Task) -> None:
    environment = make_environment(task.name, seed=0)
    assert isinstance(environment.observation_space, Box)
    assert isinstance(environment.action_space, Box)
    observation, _ = environment.reset()
    for _ in range(3):
        assert observation.dtype == np.float32
        assert observation.shape == (task.observation_size,)
        observation, reward, terminated, truncated, _ = environment.step(environment.action_space.sample())
        assert np.isfinite(float(reward))
        assert terminated in (True, False)
        assert truncated in (True, False)
    environment.close()


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("halfcheetah-V5", "HalfCheetah-v5"),
        (" Ant-v4 ", "Ant-v4"),
        ("hopper", "Hopper-v5"),
        ("Pendulum", "Pendulum-v1"),
        ("truncatedANT", "TruncatedAnt-v5"),
    ],
)
def test_names_are_found_in_any_case_and_without_version(typed: str, name: str) -> None:
    assert find_task(typed).name == name


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("HalfCheeta-v5", "did you mean HalfCheetah-v5"),
        ("Hopper-v3", "mujoco-py.*choose Hopper-v5 or Hopper-v4"),
        ("TruncatedAnt-v2", "mujoco-py.*choose TruncatedAnt-v5 or TruncatedAnt-v4"),
        ("Pendulum-v0", "did you mean Pendulum-v1"),
        ("chess", "no known name comes near"),
    ],
)
def test_an_unknown_name_is_answered_with_what_comes_near(typed: str, expected: str) -> None:
    with pytest.raises(EnvironmentProblem, match=expected) as caught:
        find_task(typed)
    assert repr(typed) in str(caught.value)


def test_the_table_loads_without_gymnasium_mujoco_or_torch() -> None:
    script = (
        "import sys, workbench.environments.catalog; print({'gymnasium', 'mujoco', 'torch', 'numpy'} & {*sys.modules})"
    )
    root = Path(__file__).parents[3]
    result = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_notes_name_only_options_that_exist() -> None:
    for task in TASKS:
        for option in re.findall(r"(\w+)=true", task.note):
            assert make_environment(task.name, options={option: True}).observation_space.shape == (111,)
