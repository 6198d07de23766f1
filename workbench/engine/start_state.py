"""Environment states that a plan or an analysis of a stored run can begin from."""

from __future__ import annotations

import re
from contextlib import ExitStack, closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.analysis.steps import Analysis, AnalysisStep
from workbench.engine.episodes import DRIVEN
from workbench.engine.recorder import Recorder
from workbench.engine.subject import Subject, open_subject
from workbench.environments.coordinates import Coordinates, coordinates_of
from workbench.environments.rollout import reset_environment
from workbench.environments.simulator_state import get_physics, observe, set_physics
from workbench.environments.wrappers import Environment
from workbench.noise import derive_seed
from workbench.settings import Problem, SettingsError

FORMS = "expected reset, reset:SEED, episode:STEP or episode:NAME:STEP"
_EPISODE = re.compile(r"episode:(?:([^:]+):)?(\d+)")

Numbers = npt.NDArray[np.float64]
Beginning = tuple[Environment, npt.NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class BodiesAt:
    """A moment of a simulation, as it reported it: positions ``qpos`` [nq] and velocities ``qvel`` [nv] of bodies."""

    qpos: Numbers
    qvel: Numbers


@dataclass(frozen=True, eq=False)
class HandSet:
    """The state ``base`` with other positions ``qpos`` [nq], velocities ``qvel`` [nv], or both; None: those it has."""

    base: str | BodiesAt
    qpos: Numbers | None = None
    qvel: Numbers | None = None


StartState = str | BodiesAt | HandSet


@dataclass(frozen=True, eq=False)
class StartFacts:
    """A start state by its numbers ``qpos`` [nq] and ``qvel`` [nv], and what these are."""

    coordinates: Coordinates
    qpos: Numbers
    qvel: Numbers


def begin_at(recorder: Recorder, subject: Subject, state: StartState) -> Beginning:
    """A new environment of the run in ``state``, and what it shows there; close it in the end.

    ``reset`` is an episode's beginning, drawn from the run's seed or from the one given (``reset:7``); ``episode:120``
    is what the run's newest recorded episode was in after 120 steps, by its positions and velocities, and
    ``episode:evaluation-6000:120`` what the episode of that name was in. What is given by its numbers is observed by
    the environment itself.

    Raises:
        SettingsError: the state has another form, the run has no such frame, or the numbers are none of the task's:
            fields ``state``, ``qpos``, ``qvel``, ``qpos[2]``.
        EnvironmentProblem: the environment cannot be made, its bodies cannot be placed, or it cannot observe them.
    """
    if isinstance(state, HandSet):
        return _set_by_hand(recorder, subject, state)
    if isinstance(state, BodiesAt):
        return _placed(subject, state)
    if re.fullmatch(r"reset(:\d+)?", state):
        seed = int(state[6:]) if ":" in state else derive_seed(subject.run.seed, "plan") % 2**31
        with ExitStack() as stack:
            environment = stack.enter_context(closing(subject.make_environment()))
            observation = np.asarray(reset_environment(environment, seed), np.float32)
            stack.pop_all()
        return environment, observation
    found = _EPISODE.fullmatch(state)
    if found is None:
        raise _problem(f"{state!r} is not valid; {FORMS}")
    return _recorded(recorder, subject, found[1], int(found[2]))


def start_facts(recorder: Recorder, subject: Subject, state: StartState) -> StartFacts:
    """``state`` by its numbers, from which another one can be made by hand.

    Raises what :func:`begin_at` raises, and EnvironmentProblem where positions are not known.
    """
    environment, _ = begin_at(recorder, subject, state)
    with closing(environment):
        coordinates = coordinates_of(environment)
        physics = get_physics(environment)
        assert physics is not None  # there are coordinates
        return StartFacts(coordinates, *physics)


def look_at_start(recorder: Recorder, run_id: int, checkpoint: str, state: StartState) -> Analysis[StartFacts]:
    """:func:`start_facts` for a window, of a run by its id. Raises also what :func:`open_subject` raises."""
    yield AnalysisStep(0, 1, "states")
    return start_facts(recorder, open_subject(recorder, run_id, checkpoint), state)


def _placed(subject: Subject, bodies: BodiesAt) -> Beginning:
    with ExitStack() as stack:
        environment = stack.enter_context(closing(subject.make_environment()))
        reset_environment(environment, 0)
        set_physics(environment, bodies.qpos, bodies.qvel)
        observation = np.asarray(observe(environment), np.float32)
        stack.pop_all()
    return environment, observation


def _set_by_hand(recorder: Recorder, subject: Subject, wanted: HandSet) -> Beginning:
    """Judges only what is another number than in the base, where the simulator itself may have left a range."""
    with ExitStack() as stack:
        environment, _ = begin_at(recorder, subject, wanted.base)
        stack.enter_context(closing(environment))
        coordinates, physics = coordinates_of(environment), get_physics(environment)
        assert physics is not None  # there are coordinates
        qpos = physics[0] if wanted.qpos is None else wanted.qpos
        qvel = physics[1] if wanted.qvel is None else wanted.qvel
        problems = coordinates.problems(qpos, qvel, *physics)
        if problems:
            raise SettingsError(problems)
        set_physics(environment, coordinates.normalised(qpos, physics[0]), qvel)
        observation = np.asarray(observe(environment), np.float32)
        stack.pop_all()
    return environment, observation


def _recorded(recorder: Recorder, subject: Subject, name: str | None, step: int) -> Beginning:
    episodes = recorder.project.artifacts.list(subject.run.id, "episode")
    if not episodes:
        raise _problem("the run has no recorded episode; use reset")
    named = [row for row in episodes if row.name == name or (name is None and DRIVEN not in row.info)]
    if not named:
        wanted = "of its agent" if name is None else f"called {name}"
        raise _problem(f"the run has no episode {wanted}; the newest is {episodes[-1].name}")
    arrays, _ = recorder.project.artifacts.load(named[-1])
    length = len(arrays["actions"])
    if "qpos" not in arrays:
        raise _problem("the positions in the run's recorded episode are not known; use reset")
    if step >= length:
        raise _problem(f"the recorded episode {named[-1].name} has {length} steps; expected 0 to {length - 1}")
    with ExitStack() as stack:
        environment = stack.enter_context(closing(subject.make_environment()))
        reset_environment(environment, 0)
        set_physics(environment, arrays["qpos"][step], arrays["qvel"][step])
        stack.pop_all()
    return environment, np.asarray(arrays["observations"][step], np.float32)


def _problem(message: str) -> SettingsError:
    return SettingsError([Problem("state", message)])
