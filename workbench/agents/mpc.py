"""Model predictive control: a planner in an ensemble of dynamics networks, or in the task's true dynamics.

The lecture notes' loops, and PETS (Chua et al. 2018), by settings:

- MBRL 0.5: collect at random, fit once, execute whole plans (``refit_interval`` 0, ``replanning_interval`` the horizon)
- MBRL 1.0: execute whole plans, append what was visited, fit again
- MBRL 1.5, and PETS: plan at every step, execute the first action, append, fit again every so often

Until the first fit the agent acts at random.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from workbench.agents.base import AgentState, Learning, Memory, Mode, NetworkAgent, TaskFacts
from workbench.agents.ensemble_fit import EnsembleFit
from workbench.agents.mpc_settings import EnsembleSettings, MpcSettings
from workbench.environments.problem import EnvironmentProblem
from workbench.models.ensemble import EnsembleDynamics, EnsembleModel, ParticleModel, Reward
from workbench.models.world_model import WorldModel
from workbench.noise import Noise, NoiseSource
from workbench.planners import PLANNERS
from workbench.planners.base import Box, Planner, PlanningProblem, PlanStep, shifted
from workbench.planners.settings import PlannerSettings
from workbench.replay import ReplayBuffer


class ModelPredictiveControl(NetworkAgent):
    """One seed of it. Raises EnvironmentProblem where the settings ask for true dynamics or rewards that are unknown.

    ``extras`` of :meth:`act`, whenever a plan was made: ``plan``, the planner's last PlanStep, and ``iterations``, all.
    """

    settings: MpcSettings

    def __init__(self, settings: MpcSettings, facts: TaskFacts, seed: int, device: torch.device) -> None:
        self.settings, self.facts, self.device = settings, facts, device
        self.noise = NoiseSource(seed, "learning", device)
        low, high = (torch.as_tensor(bound, device=device) for bound in (facts.action_low, facts.action_high))
        self.box = Box(low, high)
        self.planner: Planner = PLANNERS.find(settings.planner.name).load()(settings.planner)
        self.networks = {}
        self.fit: EnsembleFit | None = None
        if isinstance(settings.model, EnsembleSettings):
            self.dynamics = self._dynamics(settings.model, seed)
            self.networks = {"dynamics": self.dynamics}
            self.fit = EnsembleFit(self.dynamics, settings.model, settings.batch_size, device)
            self.reward = self._known_reward() if settings.model.reward == "known" else None
        else:
            self._true_model()
        self.fitted_step = -1
        self.fitted = torch.zeros((), dtype=torch.bool)

    def _dynamics(self, s: EnsembleSettings, seed: int) -> EnsembleDynamics:
        observations, hidden = int(np.prod(self.facts.observation_shape)), [s.hidden_size] * s.layers
        noise = NoiseSource(seed, "initialisation", self.device)
        return EnsembleDynamics(observations, self.facts.action_size, hidden, s.members, noise)

    def _true_model(self) -> WorldModel:
        if self.facts.true_model is None:
            raise EnvironmentProblem(
                "The true dynamics and reward are known to this agent for Pendulum-v1 alone, because the observations "
                "of other tasks leave out a part of their state. Choose model=ensemble with model.reward=learned."
            )
        return self.facts.true_model

    def _known_reward(self) -> Reward:
        true = self._true_model()

        def reward(observation: Tensor, action: Tensor, after: Tensor) -> Tensor:
            return true.reward(true.encode(observation), action, true.encode(after))

        return reward

    # ---- learning ---------------------------------------------------------------------------------------------------

    def learn(self, replay: ReplayBuffer, step: int) -> Learning:
        """An epoch of a fit per item, where one is due."""
        fit = self.fit
        if fit is None or step <= self.settings.warm_up_steps:
            return
        if not fit.running and self._due(step):
            if not fit.begin(replay, self.noise):
                return  # too little data yet
            self.fitted_step = step
        while fit.running:
            updates, metrics = fit.epoch(replay, self.noise)
            self.updates += updates
            self.fitted.fill_(not fit.running or bool(self.fitted))
            yield metrics

    def _due(self, step: int) -> bool:
        if self.fitted_step < 0:
            return True
        interval = self.settings.refit_interval
        return interval > 0 and step - self.fitted_step >= interval

    # ---- acting -----------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def act(
        self, observation: npt.NDArray[Any], memory: Memory, mode: Mode
    ) -> tuple[npt.NDArray[np.float32], Memory, dict[str, Any]]:
        """The next action of the running plan, or the first one of a new plan."""
        extras: dict[str, Any] = {}
        if self.fit is not None and not bool(self.fitted):
            unit = 2.0 * memory.noise.uniform((self.facts.action_size,), "act_random") - 1.0
            return _numpy(self.box.from_unit(unit)), memory, extras
        taken = int(memory.numbers.get("taken", -1))
        tensors = memory.tensors
        if taken < 0 or taken >= self.settings.replanning_interval:
            steps = self._plan(torch.as_tensor(observation, device=self.device), memory, taken)
            tensors, taken, extras = self._remembered(steps[-1]), 0, {"plan": steps[-1], "iterations": steps}
        action = tensors["plan"][taken]
        if mode == "explore" and self.settings.exploration_std > 0.0:
            drawn = memory.noise.normal(action.shape, "act_explore")
            action = action + self.settings.exploration_std * self.box.half_width * drawn
        after = Memory(memory.noise, tensors, {"taken": taken + 1})
        return _numpy(self.box.clamp(action)), after, extras

    def _plan(self, observation: Tensor, memory: Memory, taken: int) -> tuple[PlanStep, ...]:
        """A search from ``observation``; it begins at what the last one, of which ``taken`` steps, found."""
        model = self.planning_model(memory.noise)
        problem = PlanningProblem.of(
            self.settings.planner, model, model.encode(observation).to(self.box.low.dtype), self.box, memory.noise
        )
        if taken > 0:
            kept = memory.tensors.get("kept")
            problem = replace(
                problem,
                warm_start=shifted(memory.tensors["center"], taken),
                kept=None if kept is None else shifted(kept, taken),
            )
        return self.planner.steps(problem)

    def planner_settings(self) -> PlannerSettings:
        """Those of the run's planner."""
        return self.settings.planner

    def _remembered(self, step: PlanStep) -> dict[str, Tensor]:
        """What acting needs of a plan: its actions, and where the next search begins (unshifted)."""
        plan = torch.as_tensor(step.plan, device=self.device)
        center = plan if step.center is None else torch.as_tensor(step.center, device=self.device)
        tensors = {"plan": plan, "center": center}
        if step.elites is not None and len(step.elites):
            tensors["kept"] = torch.as_tensor(step.actions[step.elites], device=self.device)
        return tensors

    def planning_model(self, noise: Noise) -> WorldModel:
        """What a decision plans in: the ensemble's particles, drawn from ``noise``, or the true dynamics."""
        s = self.settings.model
        if not isinstance(s, EnsembleSettings):
            return self._true_model()
        return ParticleModel(
            self.dynamics,
            self.facts.observation_shape,
            self.reward,
            particles=s.members * s.particles_per_member,
            propagation=s.propagation,
            noise=noise,
        )

    def world_model(self) -> WorldModel:
        """The mean of all members, without particles; or the true dynamics."""
        if self.fit is None:
            return self._true_model()
        return EnsembleModel(self.dynamics, self.facts.observation_shape, self.reward)

    # ---- continuing later -------------------------------------------------------------------------------------------

    def state(self) -> AgentState:
        """Networks, the fit under way with what it learns from, noise, counters."""
        tensors = {**self.network_tensors(), "network/fitted": self.fitted, "noise/learning": self.noise.state()}
        document: dict[str, Any] = {"updates": self.updates, "fitted_step": self.fitted_step}
        if self.fit is not None:
            own, document["fit"] = self.fit.state()
            tensors |= own
        return AgentState(tensors, document)

    def load(self, state: AgentState) -> None:
        """Continue from :meth:`state`."""
        self.load_networks(state.tensors)
        self.noise.load(state.tensors["noise/learning"])
        self.updates, self.fitted_step = state.document["updates"], state.document["fitted_step"]
        if self.fit is not None:
            self.fit.load(state.tensors, state.document["fit"])

    def load_networks(self, tensors: Any) -> None:
        """The networks of a snapshot, and whether they were ever fitted."""
        super().load_networks(tensors)
        self.fitted.copy_(tensors["network/fitted"])

    def first_nonfinite(self) -> tuple[str, int] | None:
        """Name and update of the first loss or gradient norm that was not finite; synchronises with the device."""
        return None if self.fit is None else self.fit.watch.first()


def _numpy(action: Tensor) -> npt.NDArray[np.float32]:
    return cast(npt.NDArray[np.float32], action.cpu().numpy().astype(np.float32))
