"""What an analysis looks at: a stored run as it was at one of its checkpoints, with its agent and its environment.

Everything is read beside whoever trains the run and changes nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from workbench.agents.base import Agent, NetworkAgent, ShapeMismatch, TaskFacts
from workbench.engine.checkpoint import Arrays, to_tensors
from workbench.engine.evaluation import EvaluatingPolicy
from workbench.engine.recorder import ORIGIN, ArtifactDamaged, ArtifactRow, Recorder, RunRow, StorageError
from workbench.engine.task import task_environment, task_facts
from workbench.environments.wrappers import Environment
from workbench.models.world_model import WorldModel
from workbench.noise import NoiseSource
from workbench.registry import registry
from workbench.settings import Problem, SettingsError
from workbench.spec import RunSpec

#: the youngest resume point: of a run that trains, the networks as they were at most a minute ago
RESUME = "resume"
#: the newest snapshot, or the youngest resume point where there is no snapshot yet
LAST = "last"


class NoWorldModel(SettingsError):
    """The run's agent has nothing that could be unrolled."""


@dataclass(frozen=True)
class Subject:
    """A run at ``step`` environment steps (``updates`` gradient updates): its spec and its agent with those networks.

    ``checkpoint`` is the name of the artifact that they were read from.
    """

    run: RunRow
    spec: RunSpec
    agent: Agent
    facts: TaskFacts
    checkpoint: str
    step: int
    updates: int

    @property
    def title(self) -> str:
        """The run and the step, in words."""
        return f"{self.run.name} at step {self.step:,}"

    def make_environment(self) -> Environment:
        """A new environment as evaluations use it; close it in the end. Raises EnvironmentProblem."""
        return task_environment(self.spec)

    def policy(self, environment: Environment, stream: str) -> EvaluatingPolicy:
        """The agent acting in ``environment`` without exploration; its noise is the stream of that name."""
        return EvaluatingPolicy(self.agent, environment, NoiseSource(self.run.seed, stream))

    def world_model(self) -> WorldModel:
        """The agent's world model. Raises NoWorldModel."""
        model = self.agent.world_model()
        if model is None:
            message = f"this run of {self.spec.agent} trains no world model, so there is nothing to unroll"
            raise NoWorldModel([Problem("agent", f"{message}; choose one that does, such as alm with encoder learned")])
        return model


def open_subject(recorder: Recorder, run_id: int, which: str = LAST, reuse: Subject | None = None) -> Subject:
    """The run ``run_id`` with the networks of the checkpoint ``which``, computing on the CPU.

    Args:
        recorder: over the project, which may be open for reading alone.
        run_id: the run.
        which: ``last``, ``best``, ``resume``, a number of environment steps, or the name of a checkpoint.
        reuse: a subject of the same run that nobody needs any more; its agent takes the networks, which spares
            building one.

    Raises:
        storage.UnknownRun: there is no such run.
        SettingsError: there is no such checkpoint; the message lists those that there are.
        storage.ArtifactDamaged: its file is missing, damaged or does not fit the run's settings.
        EnvironmentProblem: the run's environment cannot be made here.
        workbench.registry.UnknownName: nothing here provides the run's agent.
    """
    spec, seed = recorder.spec(run_id)
    row, arrays, step, updates = _load(recorder, run_id, which)
    if reuse is not None and reuse.run.id == run_id:
        facts, agent = reuse.facts, reuse.agent
    else:
        facts = _facts(spec)
        agent = registry("agent").find(spec.agent).load()(spec.settings, facts, seed, torch.device("cpu"))
    if isinstance(agent, NetworkAgent):
        try:
            agent.load_networks(to_tensors("agent/", arrays))
        except ShapeMismatch as error:
            what = f"The checkpoint {row.name} of run {run_id} does not fit the run's settings: {error}."
            raise ArtifactDamaged(what, remedy="Use another checkpoint.") from error
    agent.step, agent.updates = step, updates
    return Subject(recorder.run(run_id), spec, agent, facts, row.name, step, updates)


def every_checkpoint(recorder: Recorder, run_id: int) -> list[str]:
    """The names of all kept snapshots by step, one of each step. Raises SettingsError where there is none."""
    rows = recorder.project.artifacts.list(run_id, "snapshot")
    by_step = {row.step: row.name for row in rows if row.name != ORIGIN}
    if not by_step:
        raise SettingsError([Problem("checkpoint", f"run {run_id} has kept no snapshot yet")])
    return list(by_step.values())


def checkpoint_row(recorder: Recorder, run_id: int, which: str) -> ArtifactRow:
    """The checkpoint that ``which`` stands for, as :func:`open_subject` takes it. Raises SettingsError."""
    points = recorder.project.artifacts.list(run_id, "resume")
    if which == RESUME and points:
        return points[-1]
    try:
        return recorder.snapshot_row(run_id, which)
    except SettingsError:
        named = [point for point in points if which in (str(point.step), point.name)]
        if named or (which == LAST and points):
            return (named or points)[-1]
        raise


def _load(recorder: Recorder, run_id: int, which: str) -> tuple[ArtifactRow, Arrays, int, int]:
    """Row, arrays, environment steps and updates of a checkpoint."""
    row = checkpoint_row(recorder, run_id, which)
    try:
        arrays, document = recorder.project.artifacts.load(row)
    except ArtifactDamaged:
        # Whoever trains the run may have put a younger one in its place since it was listed.
        present = checkpoint_row(recorder, run_id, which)
        if present == row:
            raise
        row = present
        arrays, document = recorder.project.artifacts.load(row)
    if not isinstance(document.get("step"), int):
        raise StorageError(f"The checkpoint {row.name} of run {run_id} does not say which step it is of.")
    return row, arrays, document["step"], int(document.get("updates", 0))


def _facts(spec: RunSpec) -> TaskFacts:
    environment = task_environment(spec)
    try:
        return task_facts(environment)
    finally:
        environment.close()


def keep_analysis(
    recorder: Recorder, subject: Subject, name: str, arrays: Arrays, document: dict[str, Any], info: dict[str, Any]
) -> ArtifactRow:
    """Store an analysis of ``subject`` as NAME-STEP, in place of an earlier one of that checkpoint.

    ``info`` is what can be listed without opening it. Raises storage.DiskFull and storage.ProjectReadOnly.
    """
    whole = {**document, "checkpoint": subject.checkpoint, "step": subject.step}
    stored = f"{name}-{subject.step}"
    return recorder.project.artifacts.save(subject.run.id, "analysis", subject.step, stored, arrays, whole, info)
