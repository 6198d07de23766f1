"""Model, planner or critic? The same state and the same planner with one part after the other put right or left out.

Each rung is a plan with what it promised and what it paid in the true simulator. Rewards per executed step can be
compared between rungs; returns cannot, where horizons or terminal values differ.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch

from workbench.analysis.steps import Analysis, AnalysisStep
from workbench.engine.planning_desk import PlanWish, open_case, with_settings
from workbench.engine.recorder import Recorder
from workbench.engine.subject import Subject
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.rollout import step_environment
from workbench.figures import number
from workbench.models.true_model import true_model
from workbench.models.true_reward import TrueReward
from workbench.models.world_model import NotOffered, WorldModel
from workbench.planners.base import PlanningError
from workbench.planners.reality import check_in_reality
from workbench.settings import SettingsError

#: the keys of the rungs, from the true dynamics down; ``base`` is the wish as it is, in the learned model
TRUE, TRUE_REWARD, BASE, VALUE, SHORTER, LONGER, POLICY = (
    *("true", "true_reward", "base", "value", "shorter", "longer"),
    "policy",
)
#: differences of the reward per step smaller than this share of the larger one count as none
TELLING = 0.05


@dataclass(frozen=True)
class Rung:
    """One plan. ``promised`` and ``paid`` are returns, ``per_step`` the mean reward of the executed steps.

    ``milliseconds`` is what the search took. Where there could be no plan all are None, and ``refusal`` says why;
    of the policy's rung only what it was paid is known.
    """

    key: str
    name: str
    promised: float | None = None
    paid: float | None = None
    per_step: float | None = None
    milliseconds: float | None = None
    refusal: str = ""

    @property
    def gap(self) -> float | None:
        """Promised minus paid return: above 0 the plan was promised too much."""
        return None if self.promised is None or self.paid is None else self.promised - self.paid


@dataclass(frozen=True)
class Ladder:
    """The rungs climbed so far, of the start state of ``wish``."""

    wish: PlanWish
    rungs: tuple[Rung, ...]

    def rung(self, key: str) -> Rung | None:
        """The rung of that key; None where it was not climbed."""
        return next((rung for rung in self.rungs if rung.key == key), None)

    def findings(self) -> tuple[str, ...]:
        """What the rungs say of planner, model, critic and horizon, a sentence each; of one state alone."""
        found = (_of_planner(self), _of_model(self), _of_critic(self), _of_horizon(self))
        return tuple(sentence for sentence in found if sentence)


def climb(recorder: Recorder, wish: PlanWish) -> Analysis[Ladder]:
    """Plan on every rung and execute each plan; the partial results are ladders that grow.

    ``true_reward`` are the learned dynamics with the reward that the environment pays; only a model that can decode its
    latents has it. A rung that cannot be (a gradient planner in a simulator, a value that the model lacks) is kept
    with its refusal. Raises what :func:`open_case` raises for the run, its checkpoint and its start state.
    """
    base = replace(wish, model="learned")
    rungs: list[Rung] = []
    subject: Subject | None = None
    plans = _plans(recorder, base)
    yield AnalysisStep(0, len(plans), "plans")
    for done, (key, name, plan) in enumerate(plans, 1):
        try:
            rung, subject = plan(key, name, subject)
        except (PlanningError, SettingsError, NotOffered, EnvironmentProblem) as error:
            if key == BASE and not isinstance(error, PlanningError):
                raise
            rung = Rung(key, name, refusal=_why(error))
        rungs.append(rung)
        yield AnalysisStep(done, len(plans), "plans", Ladder(wish, tuple(rungs)))
    return Ladder(wish, tuple(rungs))


_Plan = Callable[[str, str, Subject | None], tuple[Rung, Subject]]


def _plans(recorder: Recorder, base: PlanWish) -> list[tuple[str, str, _Plan]]:
    """Key, name and making of each rung."""

    def planned(change: Callable[[], PlanWish], true_reward: bool = False) -> _Plan:
        return lambda key, name, subject: _planned(recorder, change(), key, name, subject, true_reward)

    horizon, value = base.settings.horizon, base.settings.terminal_value
    short = max(1, horizon // 2)
    plans = [
        (TRUE, "True dynamics", planned(lambda: replace(base, model="true"))),
        (TRUE_REWARD, "True reward", planned(lambda: base, True)),
        (BASE, "Learned all", planned(lambda: base)),
        (
            VALUE,
            "No value" if value else "With value",
            planned(lambda: with_settings(base, terminal_value=not value)),
        ),
        (SHORTER, f"Horizon {short}", planned(lambda: with_settings(base, horizon=short))),
        (LONGER, f"Horizon {2 * horizon}", planned(lambda: with_settings(base, horizon=2 * horizon))),
        (POLICY, "The run's policy", lambda key, name, subject: _policy(recorder, base, key, name, subject)),
    ]
    return [plan for plan in plans if plan[0] != SHORTER or short < horizon]


def _planned(
    recorder: Recorder, wish: PlanWish, key: str, name: str, subject: Subject | None, true_reward: bool
) -> tuple[Rung, Subject]:
    case = open_case(recorder, wish, subject)
    with ExitStack() as stack:
        stack.enter_context(closing(case))
        problem = case.beginning()
        if true_reward:
            true = stack.enter_context(closing(true_model(case.subject.make_environment)))
            problem = replace(problem, model=cast(WorldModel, TrueReward(case.learned, true)))
            with torch.no_grad():  # asks once, so that what cannot be paid is refused before a search
                action = problem.box().from_unit(torch.zeros(problem.model.action_size))
                problem.model.reward(problem.start, action, problem.start)
        milliseconds, last = 0.0, None
        for last in case.planner.iterate(problem):
            milliseconds += last.milliseconds
        if last is None:
            raise PlanningError("planner", "the search ended before its first iteration")
        again = problem.with_noise(case.beginning().noise)
        check = check_in_reality(again, last.plan, case.environment, case.observation, case.learned)
    paid = float(check.real_rewards.mean())
    return Rung(key, name, check.imagined_return, check.real_return, paid, milliseconds), case.subject


def _policy(
    recorder: Recorder, wish: PlanWish, key: str, name: str, subject: Subject | None
) -> tuple[Rung, Subject]:
    """What the run's own policy earns in as many steps."""
    case = open_case(recorder, wish, subject)
    with closing(case):
        policy = case.subject.policy(case.environment, "ladder")
        memory, observation, rewards = policy.begin_episode(), case.observation, []
        for index in range(1, wish.settings.horizon + 1):
            action, memory = policy.act(observation, memory)
            observation, reward, terminated, _ = step_environment(case.environment, action, index)
            rewards.append(reward)
            if terminated:
                break
    paid = np.array(rewards)
    total = float((wish.settings.discount ** np.arange(len(paid)) * paid).sum())
    return Rung(key, name, None, total, float(paid.mean())), case.subject


def _why(error: Exception) -> str:
    if isinstance(error, PlanningError):
        return error.message
    if isinstance(error, SettingsError):
        return "; ".join(problem.message for problem in error.problems)
    return str(error)


# ---- what the rungs say ----------------------------------------------------------------------------------------------


def _compared(ladder: Ladder, one: str, other: str) -> tuple[float, float, int] | None:
    """Rewards per step of two rungs, and whether the first is larger (1), smaller (-1) or about the same (0)."""
    first, second = ladder.rung(one), ladder.rung(other)
    if first is None or second is None or first.per_step is None or second.per_step is None:
        return None
    difference = first.per_step - second.per_step
    telling = abs(difference) > TELLING * max(abs(first.per_step), abs(second.per_step))
    return first.per_step, second.per_step, int(np.sign(difference)) if telling else 0


def _of_planner(ladder: Ladder) -> str:
    found = _compared(ladder, TRUE, POLICY)
    if found is None:
        return ""
    planned, acted, sign = found
    figures = f"({_said(planned)} against {_said(acted)} per step)"
    if sign < 0:
        return f"Planner: even in the true dynamics its plan earns less than the run's policy {figures}."
    more = "more than" if sign > 0 else "about as much as"
    return f"Planner: in the true dynamics its plan earns {more} the run's policy {figures}."


def _of_model(ladder: Ladder) -> str:
    found = _compared(ladder, TRUE, BASE)
    if found is None:
        return ""
    true, learned, sign = found
    if sign <= 0:
        return "Model: it costs nothing here; a plan made in the true dynamics earns no more."
    figures = f"{_said(learned)} instead of {_said(true)}"
    return f"Model: it costs {_said(true - learned)} of real reward per step here ({figures})."


def _of_critic(ladder: Ladder) -> str:
    found, value = _compared(ladder, BASE, VALUE), ladder.rung(VALUE)
    if found is None or value is None:
        return ""
    base, other, sign = found
    valued = base - other if value.name.startswith("No") else other - base
    if sign == 0:
        return "Critic: its terminal value makes no difference to what the plan earns."
    return f"Critic: its terminal value {'helps' if valued > 0 else 'harms'}, by {_said(abs(valued))} per step."


def _of_horizon(ladder: Ladder) -> str:
    base, longer = ladder.rung(BASE), ladder.rung(LONGER)
    if base is None or longer is None or base.gap is None or longer.gap is None:
        return ""
    steps = ladder.wish.settings.horizon
    gaps = base.gap / steps, longer.gap / (2 * steps)
    figures = f"({_said(gaps[1])} per step too much at {2 * steps} steps, {_said(gaps[0])} at {steps})"
    if gaps[1] > 0 and gaps[1] > (1 + TELLING) * abs(gaps[0]):
        return f"Horizon: beyond {steps} steps the planner exploits the model's errors {figures}."
    return ""


def _said(value: float) -> str:
    return number(float(f"{value:.3g}"))
