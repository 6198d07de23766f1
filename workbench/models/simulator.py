"""The true MuJoCo dynamics as a world model: planners plan in it, and imagined plans are held against it.

A latent is everything that the next step depends on, as one flat float64 tensor: the physics' integration state, what
the task reads of the simulation between two steps, and whether the episode still goes on. ``predict`` and ``reward``
go through the environment's own ``step``, so they are its numbers bit for bit. ``rollout`` is for many sequences: where
positions, velocities and actions decide the reward (:mod:`workbench.models.simulator_rewards`), MuJoCo rolls them out
in native threads; elsewhere copies of the environment step in threads. A time limit ends no imagined episode.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import numpy as np
import torch
from gymnasium.wrappers import RescaleAction
from numpy.typing import NDArray
from torch import Tensor

from workbench.environments.problem import EnvironmentProblem
from workbench.environments.simulator_state import READ_BETWEEN_STEPS, model_of, obstacle_to_restoring
from workbench.environments.wrappers import Environment, wrappers_of
from workbench.models.simulator_rewards import pay_of
from workbench.models.true_dynamics import TrueDynamics
from workbench.models.world_model import NotOffered, WorldModel

Array = NDArray[Any]


class SimulatorModel(TrueDynamics):
    """The dynamics of the environments that ``make`` makes, on ``threads`` threads; close it in the end.

    Raises EnvironmentProblem where the environment has no MuJoCo model or its state cannot be restored.
    """

    def __init__(
        self, make: Callable[[], Environment], judge: WorldModel | None = None, threads: int | None = None
    ) -> None:
        import mujoco

        super().__init__(frozenset({"decode", "continuation"}), judge)
        self._make, self._threads = make, threads or os.cpu_count() or 1
        self._copies = [make()]
        environment = self._copies[0]
        obstacle = obstacle_to_restoring(environment)
        if obstacle is None and model_of(environment) is None:
            obstacle = "it is not simulated by MuJoCo."
        if obstacle is not None:
            self.close()
            raise EnvironmentProblem(f"The true dynamics cannot be planned in: {obstacle} Plan in the learned model.")
        base = cast(Any, environment.unwrapped)
        self._mujoco, self._model, self._frames = mujoco, base.model, int(base.frame_skip)
        self._integration = mujoco.mjtState.mjSTATE_INTEGRATION
        self._size = mujoco.mj_stateSize(self._model, self._integration)
        self._pay = pay_of(base)
        self._read = () if self._pay is not None else READ_BETWEEN_STEPS
        self._data: list[Any] = []  # of native threads, one each
        kinds = mujoco.mjtState
        self._physics, self._qpos, self._qvel, self._warm_start = map(
            self._places, (kinds.mjSTATE_FULLPHYSICS, kinds.mjSTATE_QPOS, kinds.mjSTATE_QVEL, kinds.mjSTATE_WARMSTART)
        )
        self.latent_size = self._size + sum(getattr(base.data, name).size for name in self._read) + 1
        self.action_size = int(np.prod(environment.action_space.shape or ()))

    def close(self) -> None:
        """Close the copies of the environment."""
        for copy in self._copies:
            copy.close()

    # ---- latents ----------------------------------------------------------------------------------------------------

    def start(self, environment: Environment) -> Tensor:
        """The latent [latent] in which ``environment``, one of the same task, is now."""
        model = model_of(environment)
        if model is None or (model.nq, model.nv, model.nu) != (self._model.nq, self._model.nv, self._model.nu):
            raise EnvironmentProblem("The state of another environment is no state of this simulator.")
        return torch.from_numpy(self._latent(environment, False))

    def decode(self, latent: Tensor) -> Tensor:
        """The observation [..., observation], float32, that the environment gives in these states."""
        rows = latent.reshape(-1, self.latent_size).numpy()
        seen = np.stack([self._observation(row) for row in rows])
        return torch.from_numpy(seen).view(*latent.shape[:-1], seen.shape[-1])

    def continuation(self, next_latent: Tensor) -> Tensor:
        """1 where the episode goes on, 0 where the step ended it [...]."""
        return 1.0 - next_latent[..., -1]

    def encode(
        self, observation: Tensor, previous: tuple[Tensor, Tensor] | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Refused: observations leave out a part of the state; :meth:`start` reads it from an environment."""
        raise NotOffered("an observation does not tell the simulator's whole state; start(environment) reads it")

    # ---- dynamics ---------------------------------------------------------------------------------------------------

    def predict(self, latent: Tensor, action: Tensor, noise: Tensor | None = None) -> Tensor:
        """The next latents [..., latent] by the environment's own step; nothing is random."""
        return self._steps(latent, action)[0]

    def reward(self, latent: Tensor, action: Tensor, next_latent: Tensor) -> Tensor:
        """What the environment's step from ``latent`` pays [...]."""
        return self._steps(latent, action)[1]

    def _steps(self, latent: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Next latents and rewards of rows [..., latent] with actions [..., action], one sequence of a step each."""
        rows, actions = latent.reshape(-1, self.latent_size), action.reshape(-1, 1, self.action_size)
        latents, rewards = self._by_stepping(rows.numpy(), _numbers(actions))
        shape = latent.shape[:-1]
        return torch.from_numpy(latents[:, 1]).view(*shape, -1), torch.from_numpy(rewards[:, 0]).view(shape)

    def rollout(self, latent: Tensor, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Latents [N, H + 1, latent], rewards [N, H] and whether each step is reached [N, H + 1], float64.

        Rolled out natively, the latents keep the solver's warm start of ``latent``: to go on from one of them differs
        from the environment by what the solver leaves, about 1e-10 of the accelerations.
        """
        start = np.ascontiguousarray(latent.numpy())
        if self._pay is not None:
            latents, rewards = self._by_rollout(start, _numbers(actions))
        else:
            latents, rewards = self._by_stepping(np.tile(start, (len(actions), 1)), _numbers(actions))
        lasts = np.cumprod(1.0 - latents[..., -1], 1)
        return torch.from_numpy(latents), torch.from_numpy(rewards), torch.from_numpy(lasts)

    def _by_rollout(self, start: Array, actions: Array) -> tuple[Array, Array]:
        """Sequences [N, H, action] in MuJoCo's own threads: latents and rewards from the states that it returns."""
        from mujoco import rollout

        assert self._pay is not None
        base, count = cast(Any, self._copies[0].unwrapped), len(actions)
        while len(self._data) < min(self._threads, count):
            self._data.append(self._mujoco.MjData(self._model))
        controls = self._controls(actions)
        states, _ = rollout.rollout(
            self._model,
            self._data[: min(self._threads, count)],
            np.tile(start[self._physics], (count, 1)),
            np.repeat(controls.astype(np.float64), self._frames, 1),
            initial_warmstart=np.tile(start[self._warm_start], (count, 1)),
        )
        states = states[:, self._frames - 1 :: self._frames]
        latents = np.tile(start, (count, actions.shape[1] + 1, 1))
        latents[:, 1:, self._physics] = states
        positions, velocities = latents[..., self._qpos], latents[:, 1:, self._qvel]
        rewards, ends = self._pay(base, positions[:, :-1], positions[:, 1:], velocities, controls)
        latents[:, 1:, -1] = ends
        return latents, rewards.astype(np.float64)

    def _by_stepping(self, starts: Array, actions: Array) -> tuple[Array, Array]:
        """Sequences [N, H, action] from ``starts`` [N, latent], stepped by copies of the environment in threads."""
        count, horizon = actions.shape[:2]
        latents, rewards = np.empty((count, horizon + 1, self.latent_size)), np.empty((count, horizon))
        latents[:, 0] = starts
        while len(self._copies) < min(self._threads, count):
            self._copies.append(self._make())

        def run(worker: int, rows: Array) -> None:
            environment = self._copies[worker]
            for row in rows:
                self._restore(environment, latents[row, 0])
                for t in range(horizon):
                    _, reward, terminated, _, _ = environment.step(actions[row, t])
                    rewards[row, t] = float(reward)
                    latents[row, t + 1] = self._latent(environment, terminated)

        shares = np.array_split(np.arange(count), min(self._threads, count))
        if len(shares) == 1:
            run(0, shares[0])
        else:
            with ThreadPoolExecutor(len(shares), thread_name_prefix="simulator") as pool:
                list(pool.map(run, range(len(shares)), shares))
        return latents, rewards

    # ---- between latents and environments ---------------------------------------------------------------------------

    def _latent(self, environment: Environment, ended: bool) -> Array:
        data, state = cast(Any, environment.unwrapped).data, np.empty(self._size)
        self._mujoco.mj_getState(self._model, data, state, self._integration)
        derived = [getattr(data, name).ravel() for name in self._read]
        return np.concatenate((state, *derived, [float(ended)]))

    def _restore(self, environment: Environment, latent: Array) -> None:
        data = cast(Any, environment.unwrapped).data
        self._mujoco.mj_setState(self._model, data, latent[: self._size], self._integration)
        begin = self._size
        for name in self._read:
            place = getattr(data, name)
            place.flat[:] = latent[begin : begin + place.size]
            begin += place.size

    def _observation(self, latent: Array) -> Array:
        environment = self._copies[0]
        self._restore(environment, latent)
        seen = cast(Any, environment.unwrapped)._get_obs()
        return np.asarray(seen, np.float32)

    def _places(self, what: Any) -> Array:
        """Where in a latent the part ``what`` of the state lies: positions are stored as numbers and read again."""
        data = self._mujoco.MjData(self._model)
        self._mujoco.mj_setState(self._model, data, np.arange(self._size, dtype=np.float64), self._integration)
        places = np.empty(self._mujoco.mj_stateSize(self._model, what))
        self._mujoco.mj_getState(self._model, data, places, what)
        return places.astype(np.int64)

    def _controls(self, actions: Array) -> Array:
        """What reaches the simulation of actions [..., action]: the wrappers' maps, from the outermost inwards."""
        for wrapper in wrappers_of(self._copies[0]):
            if isinstance(wrapper, RescaleAction):
                actions = wrapper.func(actions)
        return actions


def _numbers(actions: Tensor) -> Array:
    return np.ascontiguousarray(actions.detach().numpy())
