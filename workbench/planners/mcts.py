"""Monte Carlo tree search: UCT (Kocsis and Szepesvari 2006), on finite and on continuous actions.

A simulation goes down the tree by UCB1, tries what was not tried yet, judges where it leads by rollouts or the model's
value, and passes the return back up. Continuous actions come from a grid, or each node tries more of them the more it
is visited (progressive widening, Couetoux et al. 2011; constants of Moerland et al. 2018), uniform ones or the policy's
(as Hubert et al. 2021 sample them). Several rollouts from a node run side by side (Chaslot et al. 2008), because one is
a poor judge: with 6 action dimensions 200 simulations of one rollout each find less than 64 random sequences in a
quarter of all cases. Predictions are deterministic: means, or one draw kept for the whole plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from workbench.planners.base import (
    Box,
    Finite,
    Planner,
    PlanningError,
    PlanningProblem,
    PlanStep,
    Report,
    judge,
    model_noise,
    model_value,
)
from workbench.planners.mcts_settings import MctsSettings
from workbench.planners.proposals import policy_sequences
from workbench.planners.search_tree import SearchTree

#: a grid of more actions than this would not be tried once each
_GRID_LIMIT = 10_000


@dataclass(frozen=True)
class _Simulation:
    """Where one simulation ended, and the actions [H, A] that it took."""

    node: int
    actions: Tensor


class Mcts(Planner):
    """The candidates of a step are its simulations, each with its own whole sequence of actions.

    The plan is the best of them, or it follows the most visited nodes and then the best sequence through the last one.
    ``PlanStep.extras``: the arrays of :meth:`SearchTree.arrays`, and ``path``, the last simulation's nodes.
    """

    settings: MctsSettings

    def iterate(self, problem: PlanningProblem) -> Iterator[PlanStep]:
        """``simulations_per_step`` simulations per step. Raises PlanningError."""
        problem.check()
        if self.settings.leaf == "value":
            problem.needs("value", "judge new nodes by rollouts instead (leaf)")
        if self.settings.prior == "policy":
            problem.box()
            problem.needs("policy", "draw actions uniformly instead (prior)")
        with torch.no_grad():
            search = _Search(self.settings, problem)
        report = Report(problem)
        done = 0
        while done < self.settings.simulations:
            report.begin()
            count = min(self.settings.simulations_per_step, self.settings.simulations - done)
            with torch.no_grad():
                simulations = [search.simulate() for _ in range(count)]
                actions = torch.stack([each.actions for each in simulations])
                returns = judge(problem, actions, search.noise)
                for each, total in zip(simulations, returns.tolist(), strict=True):
                    search.tree.remember(each.node, each.actions, total if math.isfinite(total) else -math.inf)
                plan = search.plan()
            extras = {**search.tree.arrays(), "path": np.array(search.tree.path(simulations[-1].node), np.int64)}
            done += count
            yield report.step(actions, returns, plan, search.noise, extras=extras)


class _Search:
    """One plan's tree with the model that grows it."""

    def __init__(self, settings: MctsSettings, problem: PlanningProblem) -> None:
        self.settings, self.problem = settings, problem
        self.choices = _choices(settings, problem)
        self.noise = model_noise(problem)
        self.tree = SearchTree(problem.start, problem.model.action_size)
        self.warm: Tensor | None = None
        if settings.warm_start and problem.warm_start is not None and self.choices is None:
            self.warm = problem.box().clamp(problem.warm_start)

    def simulate(self) -> _Simulation:
        """Down, one node more, and back up; the first one along the warm start, where there is one."""
        tree, node = self.tree, 0
        warm, self.warm = self.warm, None
        while tree.depth[node] < self.problem.horizon:
            action = self._untried(node) if warm is None else warm[0]
            if action is not None:
                node = self._expand(node, action)
                break
            if not tree.open_children(node):
                break  # nothing finite lies below
            node = tree.select(node, self.settings.exploration, self.settings.normalise)
        value, tail = self._judge(node, warm)
        if math.isfinite(value) and not tree.blocked[node]:
            tree.back_up(node, value, self.problem.discount)
        else:
            tree.block(node)
            self._block_above(node)
        taken = [cast(Tensor, tree.action[each]) for each in tree.path(node)[1:]]
        return _Simulation(node, torch.cat((*(action[None] for action in taken), tail)))

    def plan(self) -> Tensor:
        """The actions [H, A] that would be executed now."""
        last = self.tree.most_visited()[-1] if self.settings.execute == "visits" else 0
        depth = self.tree.depth[last]
        taken = [cast(Tensor, self.tree.action[each])[None] for each in self.tree.path(last)[1:]]
        rest = self.tree.best[last][1]
        assert rest is not None  # every node was added by a simulation that went through it
        return torch.cat((*taken, rest[depth:]))

    def _untried(self, node: int) -> Tensor | None:
        """The next action to try in ``node``, or None if it may try no more."""
        tried = len(self.tree.children[node])
        if self.choices is not None:
            return self.choices[tried] if tried < len(self.choices) else None
        s = self.settings
        allowed = max(2, math.ceil(s.widening_factor * max(self.tree.visits[node], 1) ** s.widening_exponent))
        if tried >= allowed:
            return None
        # Of the policy's actions in a node only the first has no noise on it.
        count = 1 if tried == 0 or s.prior == "uniform" else 2
        return self._drawn(self.tree.latent[node], self.tree.depth[node], count, 1)[-1, 0]

    def _expand(self, node: int, action: Tensor) -> int:
        model, latent = self.problem.model, self.tree.latent[node]
        noise = None if self.noise is None else self.noise[self.tree.depth[node]][None]
        following = model.predict(latent[None], action[None], noise)
        reward = float(model.reward(latent[None], action[None], following))
        lasts = 1.0
        if "continuation" in model.offers:
            lasts = float(cast(Any, model).continuation(following))
        added = self.tree.add(node, action, following[0], reward, lasts)
        if not (math.isfinite(reward) and bool(following.isfinite().all())):
            self.tree.block(added)
        return added

    def _judge(self, node: int, warm: Tensor | None) -> tuple[float, Tensor]:
        """The return from ``node`` on, and actions [H - depth, A] that end a sequence through it.

        The actions are the best rollout's, or drawn ones where the model's value is the judge; those of ``warm``
        [H, A] are among them.
        """
        depth, latent = self.tree.depth[node], self.tree.latent[node]
        left = self.problem.horizon - depth
        by_value = self.settings.leaf == "value"
        tails = self._drawn(latent, depth, 1 if by_value else self.settings.rollouts, left)
        if warm is not None:
            tails = torch.cat((warm[depth:].to(tails.dtype)[None], tails[1:]))
        if by_value and (left > 0 or self.problem.terminal_value):
            return float(model_value(self.problem.model, latent)), tails[0]
        if left == 0:
            ending = float(model_value(self.problem.model, latent)) if self.problem.terminal_value else 0.0
            return ending, tails[0]
        noise = None if self.noise is None else self.noise[depth:]
        returns = judge(replace(self.problem, start=latent, warm_start=None, kept=None), tails, noise)
        finite = returns[returns.isfinite()]
        best = tails[int(torch.where(returns.isfinite(), returns, -torch.inf).argmax())]
        return (float(finite.mean()) if len(finite) else -math.inf), best

    def _drawn(self, latent: Tensor, depth: int, count: int, length: int) -> Tensor:
        """Actions [count, length, A] from ``latent`` on: uniform, or the policy's, of which the first have no noise."""
        problem, shape = self.problem, (count, length)
        if self.settings.prior == "policy" and length > 0:
            noise = None if self.noise is None else self.noise[depth:]
            ahead = replace(problem, start=latent, horizon=length, warm_start=None, kept=None)
            return policy_sequences(ahead, count, self.settings.policy_std, noise, problem.box())
        if self.choices is not None:
            rows = problem.noise.indices(len(self.choices), shape, "mcts_rollout")
            return self.choices[rows]
        unit = problem.noise.uniform((*shape, problem.model.action_size), "mcts_rollout")
        return problem.box().from_unit(2.0 * unit.to(problem.start.dtype) - 1.0)

    def _block_above(self, node: int) -> None:
        """Block every node above that could try nothing more and has only blocked children."""
        above = self.tree.parent[node]
        while above > 0 and not self.tree.open_children(above) and self._exhausted(above):
            self.tree.block(above)
            above = self.tree.parent[above]

    def _exhausted(self, node: int) -> bool:
        return self.choices is not None and len(self.tree.children[node]) == len(self.choices)


def _choices(settings: MctsSettings, problem: PlanningProblem) -> Tensor | None:
    """The actions [n, A] among which every node chooses; None where they are continuous."""
    if isinstance(problem.actions, Finite):
        return problem.actions.table
    box: Box = problem.box()
    if settings.continuous == "widening":
        return None
    size = problem.model.action_size
    if settings.grid**size > _GRID_LIMIT:
        message = f"{settings.grid} points in each of {size} dimensions are {settings.grid**size:,} actions; "
        raise PlanningError("grid", message + f"at most {_GRID_LIMIT:,} are tried: choose fewer, or widening")
    points = torch.linspace(-1.0, 1.0, settings.grid, dtype=box.low.dtype, device=box.low.device)
    return box.from_unit(torch.cartesian_prod(*[points] * size).reshape(-1, size))
