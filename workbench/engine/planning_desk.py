"""Planning calls of stored runs, one iteration at a time, and what became of their plans in the true simulator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import torch

from workbench.analysis.steps import Analysis, AnalysisStep
from workbench.engine.recorder import Recorder
from workbench.engine.start_state import StartState, begin_at
from workbench.engine.subject import Subject, open_subject
from workbench.environments.action_names import action_names
from workbench.environments.wrappers import Environment
from workbench.models.true_model import true_model
from workbench.models.world_model import WorldModel
from workbench.noise import NoiseSource
from workbench.planners import PLANNERS
from workbench.planners.base import Box, Planner, PlanningError, PlanningProblem, PlanStep, imagine
from workbench.planners.projection import Projection, principal_plane
from workbench.planners.reality import RealityCheck, check_in_reality
from workbench.planners.rounds import rounds_of
from workbench.planners.settings import PlannerSettings
from workbench.settings import Problem, SettingsError

#: random sequences whose imagined latents span the plane that plans are drawn in
SPANNING = 64

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PlanWish:
    """From ``state`` (as :func:`begin_at` takes it), plan in the learned or the true model of a run's checkpoint.

    ``planner`` is a name of the registry, ``seed`` that of its own draws.
    """

    run_id: int
    checkpoint: str
    state: StartState
    planner: str
    settings: PlannerSettings
    model: Literal["learned", "true"] = "learned"
    seed: int = 0


@dataclass(frozen=True)
class PlanningCase:
    """A wish made ready: the environment stands in the start state and shows ``observation``. Close it in the end."""

    wish: PlanWish
    subject: Subject
    environment: Environment
    observation: npt.NDArray[np.float32]
    learned: WorldModel
    problem: PlanningProblem
    planner: Planner
    resources: ExitStack

    def close(self) -> None:
        """Close the environment and the true model."""
        self.resources.close()

    def beginning(self) -> PlanningProblem:
        """The problem with its noise from the beginning, so that the same search follows."""
        return self.problem.with_noise(NoiseSource(self.wish.seed, "plan"))


def open_case(recorder: Recorder, wish: PlanWish, reuse: Subject | None = None) -> PlanningCase:
    """Read the checkpoint, place the environment, pose the problem.

    Raises what :func:`open_subject` and :func:`begin_at` raise, NoWorldModel, and PlanningError for a problem that
    nothing could solve.
    """
    subject = open_subject(recorder, wish.run_id, wish.checkpoint, reuse)
    learned = subject.world_model()
    with ExitStack() as stack:
        environment, observation = begin_at(recorder, subject, wish.state)
        stack.enter_context(closing(environment))
        if wish.model == "true":
            true = stack.enter_context(closing(true_model(subject.make_environment, learned)))
            model, start = cast(WorldModel, true), true.start(environment)
        else:
            with torch.no_grad():
                model, start = learned, learned.encode(torch.from_numpy(observation))
        box = Box(torch.from_numpy(subject.facts.action_low), torch.from_numpy(subject.facts.action_high))
        problem = PlanningProblem.of(wish.settings, model, start, box, NoiseSource(wish.seed, "plan"))
        planner = PLANNERS.find(wish.planner).load()(wish.settings)
        kept = stack.pop_all()
    return PlanningCase(wish, subject, environment, observation, learned, problem, planner, kept)


@dataclass(frozen=True, eq=False)
class PlanningFacts:
    """What stays the same through a planning call: names and bounds [A] of the actions, and a plane for latents.

    ``cloud`` [n, 2] are latents that random action sequences lead to; the plane is theirs.
    """

    title: str
    planner: str
    action_names: tuple[str, ...]
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]
    plane: Projection
    cloud: Numbers
    rounds: int


@dataclass(frozen=True, eq=False)
class PlanLook:
    """One iteration, the imagined ``path`` of its plan in the plane [H + 1, 2], and the facts of its call."""

    wish: PlanWish
    facts: PlanningFacts
    step: PlanStep
    path: Numbers


class PlanningDesk:
    """Steps through one planning call at a time. Whoever stops between two iterations goes on where it stopped."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._case: PlanningCase | None = None
        self._facts: PlanningFacts | None = None
        self._search: Iterator[PlanStep] = iter(())
        self._looks: list[PlanLook] = []
        self._ended = False

    def advance(self, wish: PlanWish, known: int, until: int) -> Analysis[bool]:
        """Yield a :class:`PlanLook` for every iteration after the first ``known`` and up to ``until``.

        The result says whether the search has ended. Another wish than the last one begins a new search. Raises what
        :func:`open_case` raises, with PlanningError as SettingsError.
        """
        try:
            if self._case is None or self._case.wish != wish:
                self._begin(wish)
            assert self._facts is not None
            while known < until:
                if known == len(self._looks) and not self._one_more():
                    break
                yield AnalysisStep(known + 1, self._facts.rounds, "iterations", self._looks[known])
                known += 1
            return self._ended and known == len(self._looks)
        except PlanningError as error:
            raise SettingsError([Problem(error.field, error.message)]) from error

    def close(self) -> None:
        """Let go of the search and of everything that it holds open."""
        if self._case is not None:
            self._case.close()
        self._case, self._facts, self._search, self._looks = None, None, iter(()), []

    def _begin(self, wish: PlanWish) -> None:
        subject = None if self._case is None else self._case.subject
        self.close()
        self._case = case = open_case(self._recorder, wish, subject)
        self._facts = _facts(case)
        self._search, self._ended = case.planner.iterate(case.beginning()), False

    def _one_more(self) -> bool:
        """Compute the next iteration; False where there is none."""
        assert self._case is not None
        assert self._facts is not None
        step = next(self._search, None)
        if step is None:
            self._ended = True
            return False
        self._looks.append(PlanLook(self._case.wish, self._facts, step, self._facts.plane(step.latents)))
        self._ended = step.iteration >= self._facts.rounds
        return True


def _facts(case: PlanningCase) -> PlanningFacts:
    problem, box = case.problem, case.problem.box()
    shape = (SPANNING, problem.horizon, problem.model.action_size)
    drawn = NoiseSource(case.wish.seed, "plane").uniform(shape).to(box.low)
    with torch.no_grad():
        latents = imagine(problem, box.from_unit(2.0 * drawn - 1.0)).latents.double().numpy()
    latents = latents.reshape(-1, latents.shape[-1])
    plane = principal_plane(latents)
    return PlanningFacts(
        title=case.subject.title,
        planner=PLANNERS.entries()[case.wish.planner].title,
        action_names=action_names(case.environment, problem.model.action_size),
        low=case.subject.facts.action_low,
        high=case.subject.facts.action_high,
        plane=plane,
        cloud=plane(latents),
        rounds=rounds_of(case.wish.settings),
    )


@dataclass(frozen=True, eq=False)
class RealityLook:
    """A plan held against reality; ``path`` [T + 1, 2] are the encoder's latents of what really followed.

    It is None where the model has no encoder: the true dynamics are the reality.
    """

    wish: PlanWish
    actions: npt.NDArray[np.float32]
    check: RealityCheck
    path: Numbers | None


class RealityDesk:
    """Executes plans in the true simulator from their own start state, one after the other, in one thread."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._subject: Subject | None = None

    def check(self, wish: PlanWish, actions: npt.NDArray[np.float32], plane: Projection) -> Analysis[RealityLook]:
        """Execute ``actions`` [H, A]; ``plane`` is that of the plan's call. Raises what :func:`open_case` raises."""
        yield AnalysisStep(0, len(actions), "steps")
        case = open_case(self._recorder, wish, self._subject)
        self._subject = case.subject
        with closing(case):
            found = check_in_reality(case.problem, actions, case.environment, case.observation, case.learned)
            path = None
            if wish.model == "learned":
                with torch.no_grad():
                    seen = torch.from_numpy(found.observations)
                    path = plane(cast(Any, case.learned).encode(seen).double().numpy())
        return RealityLook(wish, actions, found, path)


def with_settings(wish: PlanWish, **changes: Any) -> PlanWish:
    """The wish with other values of its planner's settings. Raises SettingsError."""
    return replace(wish, settings=wish.settings.replace(**changes))
