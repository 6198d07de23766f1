"""What every planner shares: the problem, what one iteration yields, and judging action sequences in a model.

A planner is a generator (:meth:`Planner.iterate`): a stepper calls ``next`` once, an agent that acts exhausts it. The
same problem with the same noise gives the same steps. Action sequences are [candidates N, horizon H, action A].
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from workbench.models.world_model import RollingModel, WorldModel
from workbench.noise import Noise
from workbench.planners.settings import PlannerSettings

Array = npt.NDArray[np.float32]


class PlanningError(ValueError):
    """A problem that a planner cannot take; ``field`` names what is wrong, the message what would be right."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


@dataclass(frozen=True)
class Box:
    """Continuous actions between ``low`` and ``high``, each [action]."""

    low: Tensor
    high: Tensor

    def clamp(self, actions: Tensor) -> Tensor:
        """The nearest actions [..., action] inside the bounds."""
        return torch.maximum(torch.minimum(actions, self.high), self.low)

    @property
    def half_width(self) -> Tensor:
        """Half the distance between the bounds [action]; planners give spreads and step sizes in this unit."""
        return 0.5 * (self.high - self.low)

    def from_unit(self, unit: Tensor) -> Tensor:
        """Actions [..., action] of coordinates in which the bounds are -1 and 1."""
        return torch.addcmul(0.5 * (self.high + self.low), unit, self.half_width)

    def to_unit(self, actions: Tensor) -> Tensor:
        """The inverse of :meth:`from_unit`."""
        return (actions - 0.5 * (self.high + self.low)) / self.half_width


@dataclass(frozen=True)
class Finite:
    """A choice among the rows of ``table`` [n, action]."""

    table: Tensor


@dataclass(frozen=True)
class PlanningProblem:
    """From ``start`` [latent], find ``horizon`` actions that make the imagined return as large as possible.

    ``warm_start`` [horizon, action] is where the search begins, usually the last plan shifted by a step, and ``kept``
    [n, horizon, action] are sequences that planners which keep elites try again; :func:`following` makes both.
    ``discount``, ``terminal_value`` and ``sampled_model`` are explained in
    :class:`~workbench.planners.settings.PlannerSettings`. ``lambda_`` below 1 averages the returns of all lengths up to
    the horizon, each ended by the value, with weights that fall by ``lambda_`` from one length to the next. With
    ``stepwise`` sequences are rolled out by ``predict``, also in a model that rolls whole ones out at once.
    """

    model: WorldModel
    start: Tensor
    actions: Box | Finite
    noise: Noise
    horizon: int
    discount: float = 0.99
    terminal_value: bool = False
    sampled_model: bool = False
    warm_start: Tensor | None = None
    kept: Tensor | None = None
    lambda_: float = 1.0
    stepwise: bool = False

    @classmethod
    def of(
        cls,
        settings: PlannerSettings,
        model: WorldModel,
        start: Tensor,
        actions: Box | Finite,
        noise: Noise,
        warm_start: Tensor | None = None,
    ) -> PlanningProblem:
        """The problem that ``settings`` pose, checked. Raises PlanningError."""
        problem = cls(
            model=model,
            start=start,
            actions=actions,
            noise=noise,
            horizon=settings.horizon,
            discount=settings.discount,
            terminal_value=settings.terminal_value,
            sampled_model=settings.sampled_model,
            warm_start=warm_start,
        )
        problem.check()
        return problem

    def check(self) -> None:
        """Raises PlanningError for a problem that nothing could solve, naming the field."""
        if self.horizon < 1:
            raise PlanningError("horizon", f"{self.horizon} steps leave nothing to plan; it must be at least 1")
        if self.terminal_value and "value" not in self.model.offers:
            raise PlanningError("terminal_value", "this model has no value head; turn Terminal value off")
        if self.start.shape != (self.model.latent_size,):
            found, expected = list(self.start.shape), self.model.latent_size
            raise PlanningError("start", f"a state of shape {found} belongs to another model; expected [{expected}]")
        sizes = self.actions.table.shape[-1] if isinstance(self.actions, Finite) else len(self.actions.low)
        if sizes != self.model.action_size:
            raise PlanningError("actions", f"{sizes} action dimensions do not fit the model's {self.model.action_size}")
        shape = (self.horizon, self.model.action_size)
        if self.warm_start is not None and self.warm_start.shape != shape:
            raise PlanningError("warm_start", f"shape {list(self.warm_start.shape)}; expected {list(shape)}")
        if self.kept is not None and self.kept.shape[1:] != shape:
            raise PlanningError("kept", f"shape {list(self.kept.shape)}; expected [n, {shape[0]}, {shape[1]}]")

    def box(self) -> Box:
        """The continuous actions. Raises PlanningError for a choice among few, and without finite bounds."""
        if isinstance(self.actions, Finite):
            raise PlanningError("actions", "this planner searches continuous actions; choose MCTS for a finite choice")
        widths = self.actions.half_width
        if not bool((torch.isfinite(widths) & (widths > 0.0)).all()):
            raise PlanningError("actions", "their bounds must be finite, the lower below the upper, to be searched")
        return self.actions

    def needs(self, what: str, why: str) -> None:
        """Raise PlanningError unless the model offers ``what``; ``why`` says what to do about it."""
        if what not in self.model.offers:
            raise PlanningError("model", f"{type(self.model).__name__} offers no {what}; {why}")

    def with_noise(self, noise: Noise) -> PlanningProblem:
        """The same problem, drawn for anew."""
        return replace(self, noise=noise)


@dataclass(frozen=True)
class Imagination:
    """Candidates rolled out in the model: latents [N, H + 1, latent], rewards [N, H], returns [N]."""

    latents: Tensor
    rewards: Tensor
    returns: Tensor


def model_noise(problem: PlanningProblem) -> Tensor | None:
    """One draw for a whole plan [H, noise], shared by candidates and iterations; None where predictions are means."""
    if not problem.sampled_model:
        return None
    return problem.noise.normal((problem.horizon, problem.model.noise_size), "plan_model")


def imagine(problem: PlanningProblem, actions: Tensor, noise: Tensor | None = None) -> Imagination:
    """Roll candidates [N, H', A] out from the start and sum their rewards.

    return = sum_t g^t c_t r_t + g^H' c_H' V(z_H'), where c_t is the probability that the episode lasts until t (1 for
    a model that does not offer ``continuation``) and V counts only with ``terminal_value``; with ``lambda_`` below 1 it
    is the average over lengths that :class:`PlanningProblem` tells of. Gradients flow into the actions where they are
    asked for. ``noise`` [H', noise] is :func:`model_noise`'s.
    """
    model = problem.model
    candidates, horizon = actions.shape[:2]
    whole = isinstance(model, RollingModel) and not problem.stepwise
    if whole and (not actions.requires_grad or "gradient" in model.offers):
        latents, rewards, lasts = cast(RollingModel, model).rollout(problem.start, actions)
    else:
        latents, rewards, lasts = _roll(model, problem.start.expand(candidates, -1), actions, noise)
    weights = problem.discount ** torch.arange(horizon + 1, device=rewards.device, dtype=rewards.dtype)
    gains = rewards * weights[:-1] * lasts[:, :-1]
    if not problem.terminal_value:
        return Imagination(latents, rewards, gains.sum(1))
    if problem.lambda_ == 1.0:
        ending = weights[-1] * lasts[:, -1] * model_value(model, latents[:, -1])
        return Imagination(latents, rewards, gains.sum(1) + ending)
    lengths = gains.cumsum(1) + weights[1:] * lasts[:, 1:] * model_value(model, latents[:, 1:])
    shares = problem.lambda_ ** torch.arange(horizon, device=rewards.device, dtype=rewards.dtype)
    shares = torch.cat(((1.0 - problem.lambda_) * shares[:-1], shares[-1:]))
    return Imagination(latents, rewards, lengths @ shares)


def judge(problem: PlanningProblem, actions: Tensor, noise: Tensor | None = None) -> Tensor:
    """The returns [N] of candidates [N, H, A], without gradient."""
    with torch.no_grad():
        return imagine(problem, actions, noise).returns


def _roll(model: WorldModel, latent: Tensor, actions: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Latents [N, H + 1, latent], rewards [N, H], and the probability of lasting until each step [N, H + 1]."""
    steps = [latent]
    for t in range(actions.shape[1]):
        step_noise = None if noise is None else noise[t].expand(len(latent), -1)
        steps.append(model.predict(steps[-1], actions[:, t], step_noise))
    # Apart, so that a reward which does not look at the next latent sends no gradient through the last prediction.
    before, after = torch.stack(steps[:-1], 1), torch.stack(steps[1:], 1)
    rewards = model.reward(before, actions, after)
    latents = torch.cat((before, after[:, -1:]), 1)
    lasts = torch.ones_like(latents[:, :, 0])
    if "continuation" in model.offers:
        lasts = torch.cat((lasts[:, :1], cast(Any, model).continuation(after).cumprod(1)), 1)
    return latents, rewards, lasts


def model_value(model: WorldModel, latent: Tensor) -> Tensor:
    """V(z) [...] of a model that offers it."""
    return cast(Tensor, cast(Any, model).value(latent))


def finite_returns(returns: Tensor) -> Tensor:
    """``returns`` with minus infinity in place of what is not finite, so that a diverged rollout never wins."""
    return torch.where(torch.isfinite(returns), returns, torch.full_like(returns, -torch.inf))


@dataclass(frozen=True)
class PlanStep:
    """One iteration, as plain arrays (no tensors: it may be stored, sent and drawn). What a planner lacks is None.

    ``plan`` [H, A] is what would be executed if the search ended here; ``best_actions`` [H, A] with ``best_return`` is
    the best sequence met so far. ``latents`` [H + 1, latent] and ``rewards`` [H] are imagined for ``plan``,
    ``plan_return`` its return. ``returns`` [N] are minus infinity where they were not finite, ``nonfinite`` of them.
    ``mean`` and ``std`` [H, A] are the proposal from which ``actions`` [N, H, A] were drawn, ``elites`` their indices.
    ``milliseconds`` is what this iteration took. ``extras`` holds a planner's own arrays. ``center`` [H, A] is where a
    later search would begin, if that is not ``plan``. A step that was stored holds ``actions`` [k, H, A] of the
    candidates ``kept`` [k] alone, while ``returns`` are those of all; None: ``actions`` are all of them.
    """

    iteration: int
    actions: Array
    returns: npt.NDArray[np.float64]
    plan: Array
    plan_return: float
    latents: Array
    rewards: Array
    best_actions: Array
    best_return: float
    elites: npt.NDArray[np.int64] | None = None
    mean: Array | None = None
    std: Array | None = None
    nonfinite: int = 0
    milliseconds: float = 0.0
    extras: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    center: Array | None = None
    kept: npt.NDArray[np.int64] | None = None

    def candidate(self, row: int) -> int:
        """Which candidate, as ``returns`` counts them, stands in this row of ``actions``."""
        return row if self.kept is None else int(self.kept[row])

    def rows(self, candidates: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where in ``actions`` these candidates stand, in their order; without those that were not kept."""
        if self.kept is None:
            return candidates
        place = {int(candidate): row for row, candidate in enumerate(self.kept)}
        return np.array([place[int(each)] for each in candidates if int(each) in place], np.int64)


class Planner(ABC):
    """A search for actions. Its settings say how; it keeps nothing between two calls."""

    settings: PlannerSettings

    def __init__(self, settings: PlannerSettings) -> None:
        self.settings = settings

    @abstractmethod
    def iterate(self, problem: PlanningProblem) -> Iterator[PlanStep]:
        """One :class:`PlanStep` per iteration. Raises PlanningError before the first one if it cannot begin."""

    def plan(self, problem: PlanningProblem) -> PlanStep:
        """The last iteration's step. Raises PlanningError where there is none."""
        return self._some(deque(self.iterate(problem), maxlen=1))[-1]

    def steps(self, problem: PlanningProblem) -> tuple[PlanStep, ...]:
        """Every iteration's step. Raises PlanningError where there is none."""
        return tuple(self._some(list(self.iterate(problem))))

    def _some(self, steps: Sequence[PlanStep]) -> Sequence[PlanStep]:
        if not steps:
            raise PlanningError("planner", f"{self.settings.name} ended without a plan; choose another planner")
        return steps


class Report:
    """Builds the :class:`PlanStep` of each iteration and remembers the best sequence met and the time taken."""

    def __init__(self, problem: PlanningProblem) -> None:
        self.problem = problem
        self.best_actions: Tensor | None = None
        self.best_return = -np.inf
        self._count = 0
        self._begin = time.perf_counter()

    def begin(self) -> None:
        """Start the clock of an iteration: whoever steps may have waited since the last one."""
        self._begin = time.perf_counter()

    def meet(self, actions: Tensor, returns: Tensor) -> Tensor:
        """The best sequence [H, A] met so far, candidates [N, H, A] with ``returns`` [N] now among them."""
        finite = finite_returns(returns.detach())
        top = int(finite.argmax())
        if self.best_actions is None or float(finite[top]) > self.best_return:
            self.best_actions, self.best_return = actions[top].detach().clone(), float(finite[top])
        return self.best_actions

    def step(
        self,
        actions: Tensor,
        returns: Tensor,
        plan: Tensor,
        noise: Tensor | None = None,
        *,
        elites: Tensor | None = None,
        mean: Tensor | None = None,
        std: Tensor | None = None,
        center: Tensor | None = None,
        extras: dict[str, npt.NDArray[Any]] | None = None,
    ) -> PlanStep:
        """The step after candidates [N, H, A] got ``returns`` [N] and ``plan`` [H, A] would be executed.

        An average of good sequences may lead where nothing is finite; then the best sequence met is the plan instead.
        """
        finite = finite_returns(returns.detach())
        best_actions = self.meet(actions, finite)
        with torch.no_grad():
            imagined = imagine(self.problem, plan.detach()[None], noise)
            if not bool(imagined.returns.isfinite()) and np.isfinite(self.best_return):
                plan = best_actions
                imagined = imagine(self.problem, plan[None], noise)
        self._count += 1
        now = time.perf_counter()
        milliseconds, self._begin = 1000 * (now - self._begin), now
        return PlanStep(
            iteration=self._count,
            actions=_array(actions),
            returns=finite.cpu().double().numpy(),
            plan=_array(plan),
            plan_return=float(imagined.returns[0]),
            latents=_array(imagined.latents[0]),
            rewards=_array(imagined.rewards[0]),
            best_actions=_array(best_actions),
            best_return=self.best_return,
            elites=None if elites is None else elites.cpu().numpy(),
            mean=None if mean is None else _array(mean),
            std=None if std is None else _array(std),
            nonfinite=int((~torch.isfinite(returns)).sum()),
            milliseconds=milliseconds,
            extras=extras or {},
            center=None if center is None else _array(center),
        )


def _array(tensor: Tensor) -> Array:
    with np.errstate(over="ignore"):  # what single precision cannot hold is infinite
        return np.array(tensor.detach().cpu().numpy(), np.float32)


def shifted(plans: Tensor, steps: int = 1) -> Tensor:
    """Plans [..., H, A] so many steps later: their first actions gone, the last one repeated."""
    horizon = plans.shape[-2]
    later = (torch.arange(horizon, device=plans.device) + steps).clamp(max=horizon - 1)
    return plans.index_select(-2, later)


def following(problem: PlanningProblem, step: PlanStep, start: Tensor, steps: int = 1) -> PlanningProblem:
    """The problem ``steps`` environment steps later, at ``start`` [latent]: what ``step`` found is shifted and tried
    again."""
    like = problem.start
    center = torch.as_tensor(step.plan if step.center is None else step.center, device=like.device)
    kept = None
    if step.elites is not None and len(step.elites):
        kept = shifted(torch.as_tensor(step.actions[step.elites], device=like.device), steps)
    return replace(problem, start=start, warm_start=shifted(center, steps), kept=kept)
