"""Environment states that a plan or an analysis of a stored run can begin from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from workbench.engine.recorder import Recorder
from workbench.engine.subject import Subject
from workbench.environments.rollout import reset_environment
from workbench.environments.simulator_state import set_physics
from workbench.environments.wrappers import Environment
from workbench.noise import derive_seed
from workbench.settings import Problem, SettingsError

FORMS = "expected reset, reset:SEED, episode:STEP or episode:NAME:STEP"
_EPISODE = re.compile(r"episode:(?:([^:]+):)?(\d+)")


@dataclass(frozen=True, eq=False)
class BodiesAt:
    """A moment of a simulation by the positions ``qpos`` [nq] and velocities ``qvel`` [nv] of its bodies."""

    qpos: npt.NDArray[np.float64]
    qvel: npt.NDArray[np.float64]


def begin_at(
    recorder: Recorder, subject: Subject, state: str | BodiesAt
) -> tuple[Environment, npt.NDArray[np.float32]]:
    """A new environment of the run in ``state``, and what it shows there; close it in the end.

    ``reset`` is an episode's beginning, drawn from the run's seed or from the one given (``reset:7``); ``episode:120``
    is what the run's newest recorded episode was in after 120 steps, by its positions and velocities, and
    ``episode:evaluation-6000:120`` what the episode of that name was in.

    Raises:
        SettingsError: the state has another form, or the run has no such frame.
        EnvironmentProblem: the environment cannot be made, or its bodies cannot be placed.
    """
    if isinstance(state, BodiesAt):
        return _placed(subject, state)
    if re.fullmatch(r"reset(:\d+)?", state):
        seed = int(state[6:]) if ":" in state else derive_seed(subject.run.seed, "plan") % 2**31
        environment = subject.make_environment()
        return environment, reset_environment(environment, seed)
    found = _EPISODE.fullmatch(state)
    if found is None:
        raise _problem(f"{state!r} is not valid; {FORMS}")
    return _recorded(recorder, subject, found[1], int(found[2]))


def _placed(subject: Subject, bodies: BodiesAt) -> tuple[Environment, npt.NDArray[np.float32]]:
    environment = subject.make_environment()
    reset_environment(environment, 0)
    try:
        set_physics(environment, bodies.qpos, bodies.qvel)
    except Exception:
        environment.close()
        raise
    return environment, np.asarray(cast(Any, environment.unwrapped)._get_obs(), np.float32)


def _recorded(
    recorder: Recorder, subject: Subject, name: str | None, step: int
) -> tuple[Environment, npt.NDArray[np.float32]]:
    episodes = recorder.project.artifacts.list(subject.run.id, "episode")
    if not episodes:
        raise _problem("the run has no recorded episode; use reset")
    named = [row for row in episodes if name in (None, row.name)]
    if not named:
        raise _problem(f"the run has no episode called {name}; the newest is {episodes[-1].name}")
    arrays, _ = recorder.project.artifacts.load(named[-1])
    length = len(arrays["actions"])
    if "qpos" not in arrays:
        raise _problem("the positions in the run's recorded episode are not known; use reset")
    if step >= length:
        raise _problem(f"the recorded episode {named[-1].name} has {length} steps; expected 0 to {length - 1}")
    environment = subject.make_environment()
    reset_environment(environment, 0)
    set_physics(environment, arrays["qpos"][step], arrays["qvel"][step])
    return environment, np.asarray(arrays["observations"][step], np.float32)


def _problem(message: str) -> SettingsError:
    return SettingsError([Problem("state", message)])
