"""One seed of one run, as a generator: act, step, learn, evaluate, and say what happened after every step.

Whoever drives it decides what happens: pausing is not calling ``next``, stopping is no longer calling it. Between any
two items :meth:`TrainingSession.checkpoint` gives everything that continuing needs; a session made from it goes on
where it was taken, bit for bit on a CPU, as if it had never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from workbench import events
from workbench.agents.base import Agent, AgentState, Memory, Metrics, NetworkAgent, UpdateRequest
from workbench.engine.bias import Q_BIAS, BiasWatch, definition_of
from workbench.engine.checkpoint import CHECKPOINT_VERSION, Checkpoint, ReplayRows, to_arrays, to_tensors
from workbench.engine.devices import replay_device, takes_up
from workbench.engine.evaluation import Evaluation, check_shape
from workbench.engine.measures import FiniteCheck, LearningLog, NonFiniteValue
from workbench.engine.precision import PrecisionClaim, resolve_precision
from workbench.engine.task import check_windows, task_environment, task_facts
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.rollout import reset_environment, step_environment
from workbench.environments.simulator_arrays import restore_simulator, save_simulator
from workbench.environments.simulator_state import get_physics
from workbench.noise import NoiseSource, derive_seed
from workbench.registry import registry
from workbench.replay import ReplayBuffer
from workbench.spec import RunSpec

T = TypeVar("T")

#: what a session gives: messages, and requests for updates, which are answered with their metrics
Items = Generator[events.Message | UpdateRequest, Metrics | None, None]

#: environment steps after warm-up by which something must have been learned
PATIENCE = 1000


@dataclass
class _Episode:
    """The running training episode."""

    observation: npt.NDArray[Any]
    memory: Memory
    length: int = 0
    total: float = 0.0


class TrainingSession:
    """One seed of ``spec`` on ``device``.

    Args:
        spec: what to train.
        seed: this session's; every random stream derives from it.
        run_id: goes into every message.
        device: where the agent computes.
        networks: a snapshot's tensors to begin from (a fork): warm-up then acts with that policy, not at random.
    """

    def __init__(
        self,
        spec: RunSpec,
        seed: int,
        run_id: int,
        device: torch.device,
        networks: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.spec, self.seed, self.run_id, self.device = spec, seed, run_id, device
        self.environment = task_environment(spec)
        try:
            self.evaluation_environment = task_environment(spec)
        except EnvironmentProblem:
            self.environment.close()
            raise
        facts = task_facts(self.environment)
        self.agent: Agent = registry("agent").find(spec.agent).load()(spec.settings, facts, seed, device)
        self.acts_in_warm_up = networks is not None
        if networks is not None:
            if not isinstance(self.agent, NetworkAgent):
                raise TypeError(f"{spec.agent} has no networks that a snapshot could fill")
            self.agent.load_networks(networks)
        dtype = np.dtype(facts.observation_dtype)
        row = dtype.itemsize * int(np.prod(facts.observation_shape)) + 4 * facts.action_size + 5  # bytes
        self.replay = ReplayBuffer(
            spec.settings.replay_capacity,
            facts.observation_shape,
            dtype,
            facts.action_size,
            [draw for draw in self.agent.draws.values() if draw.buffer == "environment"],
            replay_device(device, spec.engine.replay_device, spec.settings.replay_capacity * row),
        )
        self._facts = facts
        check_windows(spec, self.agent, self.environment)
        self._acting = NoiseSource(seed, "acting", device)
        self._warm_up = NoiseSource(seed, "warm-up")
        self._bias = BiasWatch(spec, self.agent, seed, device)
        self._log = LearningLog(spec.engine.log_interval)
        #: where the time goes; driver and lanes add their own parts
        self.shares = self._log.shares
        self._finite = FiniteCheck(self.agent)
        #: whether updates come between an action's choice and its step, so that a GPU works while the simulator does
        self.overlaps = takes_up(spec.engine.overlap, device)
        self._chosen: npt.NDArray[np.float32] | None = None  # the action whose step follows those updates
        self._episode: _Episode | None = None
        self._evaluation_requested = False
        self._evaluated_at = -1
        self._reset_seed: int | None = self._seed_of("environment")  # for the next reset; None: the stream goes on
        self.step = 0
        self.phase = "act" if spec.settings.warm_up_steps > 0 else "evaluate"
        self._claim = PrecisionClaim(resolve_precision(spec.engine.precision, device), device)

    def _seed_of(self, stream: str) -> int:
        return derive_seed(self.seed, stream) % 2**31

    # ---- the loop ---------------------------------------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Between two environment steps, with nothing of the last one left to do: the best place for a checkpoint."""
        return self.phase == "act"

    def run(self) -> Items:
        """Go on until the budget is spent. State is changed before a message of it is yielded, never after.

        A request for an update is to be answered with its metrics; :class:`workbench.engine.lanes.Lanes` does so. Only
        events of the present step that follow a checkpoint taken within it are yielded again after a restart.
        """
        while True:
            if self.phase == "act":
                if self.step >= self.spec.total_steps:
                    return
                yield from self._act()
            elif self.phase == "learn":
                yield from self._learn()
            elif self.phase == "step":
                yield from self._step("evaluate")
            elif self.phase == "evaluate":
                yield from self._evaluate()
            else:
                yield from self._measure_bias()
                yield self._progress("acting")

    def _act(self) -> Iterator[events.Message]:
        episode = self._episode or self._begin_episode()
        self.agent.step = self.step
        with self.shares.measure("acting"):
            self._chosen = self._choose(episode)
        if self.overlaps and self.step >= self.spec.settings.warm_up_steps:
            self.phase = "learn"  # from what there is before this step; then it is taken
        else:
            yield from self._step("learn")

    def _step(self, following: str) -> Iterator[events.Message]:
        episode, action = self._episode or self._begin_episode(), self._chosen
        assert action is not None
        with self.shares.measure("environment"):
            observation, reward, terminated, truncated = step_environment(self.environment, action, self.step + 1)
        check_shape(observation, self._facts.observation_shape, self.environment, self.step + 1)
        self.replay.append(action, reward, terminated, observation)
        episode.observation = observation
        episode.length += 1
        episode.total += reward
        self.step += 1
        self.phase, self._chosen = following, None
        ended = terminated or truncated
        # The authors drop the episode that warm-up leaves unfinished and begin a new one.
        if ended or self.step == self.spec.settings.warm_up_steps:
            self._episode = None
        if ended:
            yield events.EpisodeFinished(*self._where(), episode.total, episode.length, terminated, truncated)

    def _choose(self, episode: _Episode) -> npt.NDArray[np.float32]:
        if self.step < self.spec.settings.warm_up_steps and not self.acts_in_warm_up:
            low, high = self._facts.action_low, self._facts.action_high
            uniform: npt.NDArray[np.float32] = self._warm_up.uniform((self._facts.action_size,)).numpy()
            return low + (high - low) * uniform
        action, episode.memory, _ = self.agent.act(episode.observation, episode.memory, "explore")
        if not np.isfinite(action).all():
            self.check_finite()  # names what the action suffers from
            raise NonFiniteValue(f"the agent's action was not finite at environment step {self.step + 1:,}")
        return action

    def _begin_episode(self) -> _Episode:
        options, memory = self.agent.begin_episode(self._acting)
        try:
            observation = reset_environment(self.environment, self._reset_seed, options or None)
            check_shape(observation, self._facts.observation_shape, self.environment, 0)
        except EnvironmentProblem as error:
            raise EnvironmentProblem(f"{error} This was the reset after environment step {self.step:,}.") from error
        self._reset_seed = None
        self.replay.begin_episode(observation)
        self._episode = _Episode(observation, memory)
        return self._episode

    def _learn(self) -> Items:
        ahead = self._chosen is not None  # of the environment step that the updates belong to
        step = self.step + 1 if ahead else self.step
        if step == self.spec.settings.warm_up_steps:
            yield events.WarmUpFinished(*self._where())
        self.agent.step = step
        self._finite.begin_step(step)
        items, answer = self.agent.learn(self.replay, step), None
        while True:
            try:
                with self.shares.measure("update"):
                    item = items.send(answer)
            except StopIteration:
                break
            if isinstance(item, UpdateRequest):
                answer = yield item
                continue
            answer = None
            self._log.means.add(item)
            if self._finite.due:
                self.check_finite()
            yield self._progress("learning")
        self.phase = "step" if ahead else "evaluate"
        if step == self.spec.settings.warm_up_steps + PATIENCE and self.agent.draws and not self.agent.updates:
            text = f"Nothing was learned in {PATIENCE:,} steps after warm-up: episodes hold no window to learn from."
            yield self.note(text)
        if self._log.due(step, self.agent.updates):
            yield events.ScalarsLogged(*self._where(), self._log.take(step, self.agent.updates))

    def _evaluate(self) -> Iterator[events.Message]:
        trained = self.step - self.spec.settings.warm_up_steps
        due = trained >= 0 and trained % self.spec.engine.evaluation_interval == 0
        due = due or self.step >= self.spec.total_steps or self._evaluation_requested
        if not due or self._evaluated_at == self.step:
            self.phase = "measure"
            return
        engine = self.spec.engine
        evaluation = Evaluation(
            self.agent,
            self.evaluation_environment,
            episodes=engine.evaluation_episodes,
            seed=self.seed,
            step=self.step,
            record=engine.record_evaluations,
            device=self.device,
            plans=engine.record_plans,
        )
        _, seconds = yield from self._exhaust(evaluation.run(), "evaluation", "evaluating")
        self.phase = "measure"
        self._evaluation_requested = False
        self._evaluated_at = self.step
        yield events.EvaluationFinished(
            *self._where(),
            tuple(episode.episode_return for episode in evaluation.finished),
            tuple(episode.length for episode in evaluation.finished),
            seconds,
            evaluation.recording(),
            evaluation.document(),
        )

    def _measure_bias(self) -> Iterator[events.Message]:
        if not self._bias.due(self.step):
            self.phase = "act"
            return
        measured, seconds = yield from self._exhaust(self._bias.measure(self.step), "measuring", "measuring")
        self.phase = "act"
        values = measured.metrics(definition_of(self.spec.engine))
        said = (values, measured.arrays(), measured.document(), measured.info())
        yield events.AnalysisFinished(*self._where(), Q_BIAS, *said, seconds)

    def _exhaust(
        self, items: Generator[object, None, T], share: str, phase: str
    ) -> Generator[events.Message, None, tuple[T, float]]:
        """Go through ``items``, telling of each; what they return, and the seconds that they took."""
        seconds = 0.0
        while True:
            begin = time.perf_counter()
            with self.shares.measure(share):
                try:
                    next(items)
                except StopIteration as end:
                    return end.value, seconds + time.perf_counter() - begin
            seconds += time.perf_counter() - begin
            yield self._progress(phase)

    def request_evaluation(self) -> None:
        """Evaluate after the current environment step, beside the regular evaluations."""
        self._evaluation_requested = True

    def check_finite(self) -> None:
        """Raise NonFiniteValue if a loss or gradient norm was not finite at some update; waits for the device."""
        self._finite.look(self.step)

    def view(self) -> events.SimulatorView | None:
        """The training environment's positions and velocities now; None where they are not known or no episode runs."""
        physics = get_physics(self.environment)
        if physics is None or self._episode is None:
            return None
        return events.SimulatorView(*self._where(), *physics, self._episode.length, self._episode.total)

    def note(self, text: str) -> events.Note:
        """Something that a reader of the run should know, said here and now."""
        return events.Note(*self._where(), text)

    def _progress(self, phase: str) -> events.Progress:
        return events.Progress(*self._where(), phase, self.spec.total_steps)

    def _where(self) -> tuple[int, int, int, float]:
        return self.run_id, self.step, self.agent.updates, time.time()

    def close(self) -> None:
        """Release the environments and the claim on torch's precision."""
        self._claim.release()
        self.environment.close()
        self.evaluation_environment.close()
        self._bias.close()

    # ---- continuing later -------------------------------------------------------------------------------------------

    def checkpoint(self) -> Checkpoint:
        """Everything but the replay's closed rows, which the caller takes from ``replay`` at its own pace.

        Raises:
            NonFiniteValue: a loss or gradient norm was not finite, so this would not be worth continuing.
        """
        self.check_finite()
        agent = self.agent.state()
        sums, logged = self._log.state()
        arrays = to_arrays("agent/", agent.tensors) | to_arrays("means/", sums)
        arrays |= to_arrays("noise/", {"acting": self._acting.state(), "warm-up": self._warm_up.state()})
        document: dict[str, Any] = {
            "version": CHECKPOINT_VERSION,
            "step": self.step,
            "updates": self.agent.updates,
            "phase": self.phase,
            "agent": agent.document,
            **logged,
            "replay": self.replay.state(),
            "acts_in_warm_up": self.acts_in_warm_up,
            "evaluation_requested": self._evaluation_requested,
            "evaluated_at": self._evaluated_at,
            "reset_seed": self._reset_seed,
            "episode": None,
        }
        simulator, document["simulator"] = save_simulator(self.environment)
        arrays |= simulator
        if self._chosen is not None:
            arrays["chosen"] = self._chosen
        if self._episode is not None:
            arrays["episode/observation"] = np.array(self._episode.observation)
            arrays |= to_arrays("memory/", self._episode.memory.tensors)
            document["episode"] = {
                "length": self._episode.length,
                "total": self._episode.total,
                "numbers": self._episode.memory.numbers,
            }
        return Checkpoint(arrays, document)

    def snapshot(self) -> Checkpoint:
        """The networks alone."""
        tensors = {name: value for name, value in self.agent.state().tensors.items() if name.startswith("network/")}
        return Checkpoint(to_arrays("agent/", tensors), {"step": self.step, "updates": self.agent.updates})

    def restore(self, checkpoint: Checkpoint, replay: ReplayRows) -> str | None:
        """Continue from :meth:`checkpoint`; call it on a new session of the same spec and seed.

        Returns:
            None, or why the running episode could not be continued and a new one begins.
        """
        arrays, document = checkpoint.arrays, checkpoint.document
        self.agent.load(AgentState(to_tensors("agent/", arrays), document["agent"]))
        self._log.load(to_tensors("means/", arrays), document, self.device)
        noise = to_tensors("noise/", arrays)
        self._acting.load(noise["acting"])
        self._warm_up.load(noise["warm-up"])
        self.replay.load(document["replay"], replay.parts())
        self.step, self.phase = document["step"], document["phase"]
        self.agent.step = self.step
        self.acts_in_warm_up = document["acts_in_warm_up"]
        self._evaluation_requested = document["evaluation_requested"]
        self._evaluated_at = document["evaluated_at"]
        self._chosen = arrays.get("chosen")
        self._finite.skip()
        self._reset_seed = document["reset_seed"]
        if self.step == 0:
            return None  # the environment was not touched yet
        obstacle = restore_simulator(self.environment, arrays, document["simulator"])
        if obstacle is None:
            self._restore_episode(arrays, document["episode"])
        else:
            self._reset_seed = self._seed_of(f"environment/{self.step}")
        return obstacle

    def _restore_episode(self, arrays: Mapping[str, npt.NDArray[Any]], episode: Mapping[str, Any] | None) -> None:
        if episode is not None:
            tensors = {name: tensor.to(self.device) for name, tensor in to_tensors("memory/", arrays).items()}
            memory = Memory(self._acting, tensors, dict(episode["numbers"]))
            self._episode = _Episode(arrays["episode/observation"], memory, episode["length"], episode["total"])
