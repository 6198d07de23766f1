"""A planner drives a whole episode of a stored run's task, in the true environment; kept, and found again.

The planner acts in place of the run's policy, or refines it: with ``proposal`` "policy" every search begins at what the
policy would do in the model. Beside it stands what the policy itself earns from the same state.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor

from workbench.analysis.steps import Analysis, AnalysisStep
from workbench.engine.episodes import DRIVEN, LONGEST, Recording, recording_of
from workbench.engine.plan_tape import Planned, PlansDamaged, PlanTape, StoredPlans, Thinning, read_plans
from workbench.engine.planning_desk import PlanLook, PlanningCase, PlanningFacts, PlanWish, open_case
from workbench.engine.recorder import ArtifactDamaged, ArtifactRow, Recorder
from workbench.engine.start_state import begin_at
from workbench.engine.subject import Subject
from workbench.environments.action_names import action_names
from workbench.environments.rollout import Episode, RunningEpisode
from workbench.environments.wrappers import Environment
from workbench.models.true_dynamics import TrueDynamics
from workbench.planners import PLANNERS
from workbench.planners.base import PlanningError, PlanningProblem, PlanStep, following, model_noise
from workbench.planners.proposals import policy_sequences
from workbench.planners.rounds import rounds_of
from workbench.settings import Problem, SettingsError

#: points of the plane that show where the plans of an episode lead
_CLOUD = 800


@dataclass(frozen=True)
class DriveWish:
    """From ``plan.state``, act for ``steps`` environment steps at most (0: until the task ends the episode).

    ``replanning_interval`` actions of a plan are executed before the next is made. Each search begins at the last plan,
    shifted, or, with ``proposal`` "policy", at what the policy would do in the model.
    """

    plan: PlanWish
    steps: int = 0
    replanning_interval: int = 1
    proposal: Literal["plan", "policy"] = "plan"
    thinning: Thinning = field(default_factory=Thinning)

    def check(self) -> None:
        """Raise SettingsError for what cannot be, by field."""
        found, horizon = [], self.plan.settings.horizon
        if self.steps < 0:
            found.append(Problem("steps", f"{self.steps} is below 0; expected 1 or more, or 0 for the whole episode"))
        if not 1 <= self.replanning_interval <= horizon:
            message = f"{self.replanning_interval} is out of range; expected 1 to {horizon}, the steps of a plan"
            found.append(Problem("replanning_interval", message))
        begins = self.plan.planner == "policy-gradient" or getattr(self.plan.settings, "warm_start", False)
        if self.proposal == "policy" and not begins:
            found.append(Problem("warm_start", "must be on, for a search to begin at the policy"))
        if found:
            raise SettingsError(found)


@dataclass(frozen=True)
class DriveStep:
    """One environment step of the planner, or of the policy from the same state: the ``rewards`` so far."""

    rewards: tuple[float, ...]
    by_policy: bool


@dataclass(frozen=True, eq=False)
class Driven:
    """An episode of a planner, its kept plans as ``arrays`` and ``document``, and the policy's from the same state.

    ``milliseconds`` is the mean of a decision. Returns are undiscounted sums of rewards.
    """

    wish: DriveWish
    subject: Subject
    episode: Episode
    arrays: dict[str, Any]
    document: dict[str, Any]
    decisions: int
    milliseconds: float
    policy_return: float
    policy_length: int

    @property
    def gap(self) -> float:
        """The planner's return minus the policy's."""
        return self.episode.episode_return - self.policy_return

    def info(self) -> dict[str, Any]:
        """What can be listed without opening the file."""
        plan = self.wish.plan
        return {
            DRIVEN: plan.planner,
            "return": self.episode.episode_return,
            "length": self.episode.length,
            "policy_return": self.policy_return,
            "policy_length": self.policy_length,
            "plans": len(self.arrays.get("plans/decision", ())),
            "decisions": self.decisions,
            "milliseconds": self.milliseconds,
            "model": plan.model,
            "proposal": self.wish.proposal,
            "replanning_interval": self.wish.replanning_interval,
            "state": plan.state if isinstance(plan.state, str) else "by its numbers",
            "checkpoint": self.subject.checkpoint,
        }


def drive(recorder: Recorder, wish: DriveWish, reuse: Subject | None = None) -> Analysis[Driven]:
    """Let the planner act, then the policy from the same state; ``partial`` of each step is a :class:`DriveStep`.

    It may be left after every iteration of a search; what it holds open is closed then. Raises SettingsError for what
    cannot be, by field (PlanningError too is told so), and what :func:`open_case` raises.
    """
    wish.check()
    try:
        with closing(open_case(recorder, wish.plan, reuse)) as case:
            if wish.proposal == "policy":
                case.problem.needs("policy", "let the planner begin at its own plans")
            longest = _longest(wish, case.environment)
            running = RunningEpisode(case.environment, case.observation, max_steps=longest, record=True)
            tape = PlanTape(wish.thinning)
            spent = yield from _planner_acts(case, wish, running, tape, longest)
            arrays, document = tape.pack(_planned(case))
    except PlanningError as error:
        raise SettingsError([Problem(error.field, error.message)]) from error
    policy = yield from _policy_acts(recorder, wish, case.subject)
    return Driven(
        wish=wish,
        subject=case.subject,
        episode=running.episode(),
        arrays=arrays,
        document=document,
        decisions=tape.made,
        milliseconds=spent / tape.made,
        policy_return=sum(policy),
        policy_length=len(policy),
    )


def _longest(wish: DriveWish, environment: Environment) -> int:
    limit = environment.spec.max_episode_steps if environment.spec is not None else None
    return min(wish.steps or LONGEST, limit) if limit else wish.steps or LONGEST


def _planner_acts(
    case: PlanningCase, wish: DriveWish, running: RunningEpisode, tape: PlanTape, longest: int
) -> Analysis[float]:
    """Act to the end of the episode; milliseconds that the searches took."""
    problem, last, taken, spent = case.beginning(), None, 0, 0.0
    while not running.ended:
        if last is None or taken == wish.replanning_interval:
            start = _start(case, running) if last is not None else problem.start
            if last is not None:
                problem = following(problem, last, start, taken)
            if wish.proposal == "policy":
                problem = _proposed(problem)
            iterations = yield from _searched(case, problem, running, longest)
            tape.take(len(running.rewards), iterations)
            last, taken = iterations[-1], 0
            spent += sum(each.milliseconds for each in iterations)
        running.step(last.plan[taken])
        taken += 1
        done = len(running.rewards)
        yield AnalysisStep(done, longest, "steps", DriveStep(tuple(running.rewards), by_policy=False))
    return spent


def _searched(
    case: PlanningCase, problem: PlanningProblem, running: RunningEpisode, longest: int
) -> Analysis[list[PlanStep]]:
    iterations = []
    for step in case.planner.iterate(problem):
        iterations.append(step)
        yield AnalysisStep(len(running.rewards), longest, "steps")
    if not iterations:
        raise PlanningError("planner", "the search ended before its first iteration")
    return iterations


def _start(case: PlanningCase, running: RunningEpisode) -> Tensor:
    """The latent of the state in which the environment is now."""
    if case.wish.model == "true":
        return cast(TrueDynamics, case.problem.model).start(case.environment)
    with torch.no_grad():
        return case.learned.encode(torch.from_numpy(np.asarray(running.observation, np.float32)))


def _proposed(problem: PlanningProblem) -> PlanningProblem:
    """The problem whose search begins at the policy's own sequence in the model, which is tried as it is too."""
    sequence = policy_sequences(problem, 1, 0.0, model_noise(problem), problem.box()).to(problem.box().low.dtype)
    return replace(problem, warm_start=sequence[0], kept=sequence)


def _policy_acts(recorder: Recorder, wish: DriveWish, subject: Subject) -> Analysis[list[float]]:
    """The rewards of the run's own policy from the same state, under the same limit."""
    environment, observation = begin_at(recorder, subject, wish.plan.state)
    with closing(environment):
        longest = _longest(wish, environment)
        running = RunningEpisode(environment, observation, max_steps=longest)
        policy = subject.policy(environment, "drive")
        memory = policy.begin_episode()
        while not running.ended:
            action, memory = policy.act(running.observation, memory)
            running.step(action)
            done = len(running.rewards)
            yield AnalysisStep(done, longest, "steps", DriveStep(tuple(running.rewards), by_policy=True))
    return running.rewards


def _planned(case: PlanningCase) -> Planned:
    wish, facts = case.wish, case.subject.facts
    return Planned(
        planner=wish.planner,
        settings=wish.settings,
        model=wish.model,
        checkpoint=case.subject.checkpoint,
        seed=wish.seed,
        action_names=action_names(case.environment, facts.action_size),
        low=facts.action_low,
        high=facts.action_high,
    )


# ---- kept and found again --------------------------------------------------------------------------------------------


def keep_driven(recorder: Recorder, driven: Driven) -> ArtifactRow:
    """Store the episode with its plans. Raises storage.DiskFull and storage.ProjectReadOnly."""
    subject, episode = driven.subject, driven.episode
    arrays = {"observations": episode.observations, "actions": episode.actions, "rewards": episode.rewards}
    if episode.qpos is not None and episode.qvel is not None:
        arrays |= {"qpos": episode.qpos, "qvel": episode.qvel}
    prefix = f"{DRIVEN}-{subject.step}-"
    rows = recorder.project.artifacts.list(subject.run.id, "episode")
    taken = [int(row.name.removeprefix(prefix)) for row in rows if row.name.startswith(prefix)]
    name, info = f"{prefix}{max(taken, default=-1) + 1}", driven.info()
    document = {**info, **driven.document}
    arrays |= driven.arrays
    return recorder.project.artifacts.save(subject.run.id, "episode", subject.step, name, arrays, document, info)


def drive_and_keep(recorder: Recorder, wish: DriveWish) -> Analysis[tuple[Driven, ArtifactRow]]:
    """:func:`drive`, then :func:`keep_driven`; raises as they do."""
    driven = yield from drive(recorder, wish)
    return driven, keep_driven(recorder, driven)


@dataclass(frozen=True, eq=False)
class PlannedEpisode:
    """A stored episode of T steps with the plans that were kept of it."""

    row: ArtifactRow
    title: str
    recording: Recording
    plans: StoredPlans

    @property
    def decisions(self) -> tuple[int, ...]:
        """The environment steps of the kept decisions, ascending."""
        return tuple(int(step) for step in self.plans.decisions)

    def looks(self, decision: int) -> list[PlanLook]:
        """The iterations of the ``decision``-th kept one, as stepping through a search shows them."""
        by, step = self.plans.by, int(self.plans.decisions[decision])
        model: Any = by.model
        state = f"episode:{self.row.name}:{step}"
        wish = PlanWish(self.row.run_id, by.checkpoint, state, by.planner, by.settings, model, by.seed)
        facts = PlanningFacts(
            title=f"{self.title}, decision at step {step:,}",
            planner=PLANNERS.find(by.planner).title,
            action_names=by.action_names,
            low=by.low,
            high=by.high,
            plane=self.plans.plane,
            cloud=self._cloud(),
            rounds=rounds_of(by.settings),
        )
        return [PlanLook(wish, facts, each, path) for each, path in self.plans.steps[decision]]

    def _cloud(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Where the executed plans of the episode lead, in the plane [n, 2]."""
        points = np.concatenate([iterations[-1][1] for iterations in self.plans.steps])
        return points[np.unique(np.linspace(0, len(points) - 1, _CLOUD).astype(np.int64))]


def read_planned(recorder: Recorder, row: ArtifactRow) -> PlannedEpisode:
    """The episode of ``row`` with its plans. Raises storage.ArtifactDamaged, also where it has none."""
    arrays, document = recorder.project.artifacts.load(row)
    try:
        plans = read_plans(arrays, document)
        if plans is None:
            raise PlansDamaged("no plans were kept with it")
        recording = recording_of(row, arrays)
        if len(plans.decisions) and not 0 <= int(plans.decisions[-1]) < recording.length:
            raise PlansDamaged("its plans are of steps that it does not have")
    except PlansDamaged as error:
        what = f"The plans of the episode {row.name} of run {row.run_id} cannot be shown: {error}."
        raise ArtifactDamaged(what, "The episode itself is not affected.", "Drive another one.") from error
    return PlannedEpisode(row, recorder.run(row.run_id).name, recording, plans)
