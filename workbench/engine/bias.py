"""Q-bias of a run, in training or of a checkpoint: on an environment and streams of its own.

What is measured depends on the networks, the seed and the step alone: in training, broken off and repeated, or later
from a snapshot of that step, it comes out the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from workbench.agents.base import Agent
from workbench.agents.estimates import Estimator
from workbench.analysis.bias_numbers import BiasDefinition, QBias
from workbench.analysis.bound import measure_bound
from workbench.analysis.bound_numbers import Bound
from workbench.analysis.q_bias import measure_q_bias
from workbench.analysis.steps import Analysis, AnalysisStep, told_as
from workbench.analysis.visited_states import Collecting
from workbench.engine.evaluation import EvaluatingPolicy
from workbench.engine.measures import NonFiniteValue
from workbench.engine.task import task_environment
from workbench.environments.problem import EnvironmentProblem
from workbench.environments.wrappers import Environment
from workbench.noise import NoiseSource, derive_seed
from workbench.settings import Problem, SettingsError
from workbench.spec import EngineSettings, RunSpec

if TYPE_CHECKING:
    from workbench.engine.recorder import ArtifactRow, Recorder
    from workbench.engine.subject import Subject

#: what its results are stored as, with the step behind it
Q_BIAS, BOUND = "q-bias", "bound"


class NothingPromised(SettingsError):
    """The run's agent has no critic, or no model, whose promise could be compared with its returns."""


def collecting_of(engine: EngineSettings) -> Collecting:
    """Which states the run's settings ask for."""
    return Collecting(engine.bias_states, engine.bias_first_steps, engine.bias_at_time_limit)


def definition_of(engine: EngineSettings) -> BiasDefinition:
    """Sign and normaliser of the run's settings."""
    return BiasDefinition(engine.bias_sign, engine.bias_normaliser)


def estimator_of(agent: Agent) -> Estimator:
    """What the agent promises. Raises NothingPromised."""
    estimator = agent.estimator()
    if estimator is None:
        name = type(agent.settings).name
        raise NothingPromised([Problem("agent", f"{name} has no critic, so it promises nothing; choose a run of alm")])
    return estimator


def q_bias_of(
    agent: Agent, environment: Environment, collecting: Collecting, *, seed: int, step: int, device: torch.device
) -> Analysis[QBias]:
    """Measure ``agent`` as it is at ``step`` of a run of ``seed``. Raises NothingPromised; see ``measure_q_bias``."""
    streams = BiasStreams(seed, step, device)
    policy = EvaluatingPolicy(agent, environment, streams.acting)
    estimator = estimator_of(agent)
    return measure_q_bias(environment, policy, estimator, streams.estimates, collecting, streams.episode_seed)


class BiasStreams:
    """The noise of one measurement: acting's, the estimates', and the seeds of its episodes."""

    def __init__(self, seed: int, step: int, device: torch.device) -> None:
        self.acting = NoiseSource(seed, f"q-bias/acting/{step}", device)
        self.estimates = NoiseSource(seed, f"q-bias/estimates/{step}", device)
        self._seed, self._step = seed, step

    def episode_seed(self, number: int) -> int:
        """The seed of the reset that begins episode ``number``."""
        return derive_seed(self._seed, f"q-bias/environment/{self._step}/{number}") % 2**31


class BiasWatch:
    """Measures a session's agent every so many steps; its environment is made when it is first needed."""

    def __init__(self, spec: RunSpec, agent: Agent, seed: int, device: torch.device) -> None:
        self._spec, self._agent, self._seed, self._device = spec, agent, seed, device
        self._environment: Environment | None = None

    def due(self, step: int) -> bool:
        """Whether to measure after environment step ``step``: from the end of warm-up on, and at the budget's end."""
        interval = self._spec.engine.bias_interval
        trained = step - self._spec.settings.warm_up_steps
        on_time = interval > 0 and trained >= 0 and (trained % interval == 0 or step >= self._spec.total_steps)
        return on_time and self._agent.estimator() is not None

    def measure(self, step: int) -> Analysis[QBias]:
        """Raises NonFiniteValue and EnvironmentProblem, which name the environment step of the run."""
        if self._environment is None:
            self._environment = task_environment(self._spec)
        collecting = collecting_of(self._spec.engine)
        try:
            measured = yield from q_bias_of(
                self._agent, self._environment, collecting, seed=self._seed, step=step, device=self._device
            )
        except (EnvironmentProblem, NonFiniteValue) as error:
            where = f"This was in the measurement of Q-bias after environment step {step:,}."
            raise type(error)(f"{str(error).rstrip('.')}. {where}") from error
        return measured

    def close(self) -> None:
        """Release the environment."""
        if self._environment is not None:
            self._environment.close()


def q_bias_of_checkpoint(subject: Subject, collecting: Collecting | None = None) -> Analysis[QBias]:
    """Measure a run at one of its checkpoints; which states: as the run's settings say, unless given.

    Raises NothingPromised, NonFiniteValue, EnvironmentProblem.
    """
    environment = subject.make_environment()
    try:
        measured = yield from q_bias_of(
            subject.agent,
            environment,
            collecting or collecting_of(subject.spec.engine),
            seed=subject.run.seed,
            step=subject.step,
            device=torch.device("cpu"),
        )
    finally:
        environment.close()
    return measured


def bound_of_checkpoint(subject: Subject, longest: int, collecting: Collecting | None = None) -> Analysis[Bound]:
    """The K-step estimate for K = 0..``longest``, on the states that :func:`q_bias_of_checkpoint` visits.

    Raises NothingPromised, NonFiniteValue, EnvironmentProblem.
    """
    estimator = estimator_of(subject.agent)
    if estimator.rollout_length == 0:
        message = "this run trains no model, so there is no K-step estimate; choose one with a learned encoder"
        raise NothingPromised([Problem("encoder", message)])
    streams = BiasStreams(subject.run.seed, subject.step, torch.device("cpu"))
    environment = subject.make_environment()
    try:
        bound = yield from measure_bound(
            environment,
            EvaluatingPolicy(subject.agent, environment, streams.acting),
            estimator,
            streams.estimates,
            collecting or collecting_of(subject.spec.engine),
            streams.episode_seed,
            longest,
        )
    finally:
        environment.close()
    return bound


def measure_checkpoints(recorder: Recorder, run_id: int, names: Sequence[str]) -> Analysis[list[ArtifactRow]]:
    """Measure and store a run's checkpoints one after the other; ``partial`` is the row of each as it is stored.

    Raises what :func:`q_bias_of_checkpoint`, :func:`open_subject` and :func:`keep_analysis` raise.
    """
    from workbench.engine.subject import keep_analysis, open_subject

    subject: Subject | None = None
    rows: list[ArtifactRow] = []
    wanted = recorder.spec(run_id)[0].engine.bias_states
    total = len(names) * wanted

    def counted(step: AnalysisStep) -> AnalysisStep | None:
        return AnalysisStep(len(rows) * wanted + step.done, total, "states") if step.unit == "states" else None

    for name in names:
        subject = open_subject(recorder, run_id, name, reuse=subject)
        measured = yield from told_as(q_bias_of_checkpoint(subject), counted)
        rows.append(
            keep_analysis(recorder, subject, Q_BIAS, measured.arrays(), measured.document(), measured.info())
        )
        yield AnalysisStep(len(rows) * wanted, total, "states", rows[-1])
    return rows


def measure_bound_of(recorder: Recorder, run_id: int, name: str, longest: int) -> Analysis[ArtifactRow]:
    """Measure and store the bound at one of a run's checkpoints."""
    from workbench.engine.subject import keep_analysis, open_subject

    subject = open_subject(recorder, run_id, name)
    bound = yield from bound_of_checkpoint(subject, longest)
    return keep_analysis(recorder, subject, BOUND, bound.arrays(), bound.document(), bound.info())
