"""The engine's one door to the storage: submits runs, stores every event, and keeps what continuing needs."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from storage import (
    ArtifactDamaged,
    ArtifactRow,
    NewRun,
    NewVariant,
    Project,
    RunFilter,
    RunRow,
    RunState,
    StateRefused,
    StorageError,
    StudyRow,
    UnknownRun,
    quarantine,
    require_space,
)
from workbench import events
from workbench.engine.checkpoint import (
    CHECKPOINT_VERSION,
    Arrays,
    Checkpoint,
    ReplayRows,
    closed_segments,
    first_slot,
    read_segment,
    read_tail,
    segment_name,
    to_tensors,
)
from workbench.engine.log_entries import log_entry
from workbench.engine.precision import stated_precision
from workbench.engine.provenance import machine, versions
from workbench.engine.session import TrainingSession
from workbench.engine.space import bytes_needed
from workbench.metrics import scalars
from workbench.settings import Problem, SettingsError
from workbench.spec import RunSpec

__all__ = [
    "BEST",
    "ORIGIN",
    "ArtifactDamaged",
    "ArtifactRow",
    "NewVariant",
    "Project",
    "Recorder",
    "ResumePoint",
    "RunFilter",
    "RunRow",
    "RunState",
    "StateRefused",
    "StorageError",
    "StudyRow",
    "UnknownRun",
]

#: the snapshot that a fork begins from
ORIGIN = "origin"
#: how those of the best evaluations begin; the newest is the best
BEST = "best"
#: events that a session continued in the middle of a step yields once more
REPEATABLE = (events.WarmUpFinished, events.ScalarsLogged, events.EvaluationFinished, events.AnalysisFinished)
#: what the log calls them
REPEATABLE_KINDS = ("warmupfinished", "evaluation", "analysis")


@dataclass(frozen=True)
class ResumePoint:
    """A resume point read back: where to continue (None: no point was whole), and what was wrong with younger ones."""

    checkpoint: Checkpoint | None
    replay: ReplayRows
    complaints: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Recorded:
    """What was stored already at the step where a run continues."""

    step: int
    metrics: frozenset[str]
    kinds: frozenset[str]


class Recorder:
    """Stores what the runs of one project yield. Thread-safe: each run is recorded by its own worker.

    ``host`` is what its runs say of the machine that they are submitted on; None: what this one is.
    """

    def __init__(self, project: Project, host: dict[str, Any] | None = None) -> None:
        self.project = project
        self._host = host
        self._segments: dict[int, set[str]] = {}
        self._recorded: dict[int, _Recorded] = {}

    # ---- runs -------------------------------------------------------------------------------------------------------

    def submit(
        self,
        spec: RunSpec,
        *,
        parent: RunRow | None = None,
        origin: ArtifactRow | None = None,
        group: int | None = None,
    ) -> list[int]:
        """One queued run per seed, in one group where there are several.

        ``parent`` and ``origin`` (the snapshot to begin from) make it a fork. ``group`` is one that there is, such as
        a study's variant, whose name and study its runs take.

        Raises:
            storage.DiskFull: there is no room for its checkpoints.
            storage.ArtifactDamaged: the snapshot to begin from is not whole.
            SettingsError: the snapshot to begin from holds no networks.
        """
        self.require_space(spec)
        networks = None if origin is None else self.project.artifacts.load(origin)[0]
        if networks == {}:
            message = f"{spec.agent} keeps no networks, so that nothing can be forked from it; start a new run"
            raise SettingsError([Problem("agent", message)])
        name, study = f"{spec.preset or spec.agent} {spec.environment}", None
        if group is not None:
            row = self.project.runs.group(group)
            name, study = row.name, row.info.get("study")
        elif len(spec.seeds) > 1:
            group = self.project.runs.create_group(name, info={"seeds": list(spec.seeds)})
        runs = []
        for seed in spec.seeds:
            document = replace(spec, seeds=(seed,)).to_json()
            new = NewRun(
                name=f"{name} seed {seed}",
                agent=spec.agent,
                environment=spec.environment,
                seed=seed,
                device=spec.device,
                precision=stated_precision(spec.engine.precision, spec.device),
                spec=document,
                content_hash=spec.content_hash(),
                total_steps=spec.total_steps,
                group_id=group,
                parent_run_id=None if parent is None else parent.id,
                parent_step=None if origin is None else origin.step,
                study=study,
                preset=spec.preset,
                versions=versions(),
                host=self._host or machine(),
            )
            run_id = self.project.runs.create(new)
            if networks is not None:
                self.project.artifacts.save(run_id, "snapshot", 0, ORIGIN, networks, {"step": 0, "updates": 0})
            runs.append(run_id)
        return runs

    def require_space(self, spec: RunSpec) -> None:
        """Raise storage.DiskFull unless checkpoints and recordings of ``spec`` will fit, by a rough guess."""
        require_space(self.project.folder, bytes_needed(spec), "start this run")

    def run(self, run_id: int) -> RunRow:
        """The run's row."""
        return self.project.runs.get(run_id)

    def spec(self, run_id: int) -> tuple[RunSpec, int]:
        """A stored run's spec, with its present budget, and its seed."""
        row = self.project.runs.get(run_id)
        spec = RunSpec.from_json(row.spec)
        if row.total_steps != spec.total_steps:
            spec = replace(spec, settings=spec.settings.replace(total_steps=row.total_steps))
        return spec, row.seed

    def extend(self, run_id: int, total_steps: int) -> None:
        """Change a run's budget.

        Raises:
            SettingsError: it is not more than the run has done already, or does not fit its other settings.
        """
        row = self.project.runs.get(run_id)
        if total_steps <= row.step:
            message = f"{total_steps} is not beyond the {row.step} environment steps that run {run_id} has done"
            raise SettingsError([Problem("total_steps", message)])
        RunSpec.from_json(row.spec).settings.replace(total_steps=total_steps)
        self.project.runs.set_total_steps(run_id, total_steps)

    def queued(self) -> list[RunRow]:
        """Runs that wait to start, in queue order."""
        return self.project.runs.page(
            RunFilter(statuses=(RunState.QUEUED,)), sort=(("queue_position", "asc"), ("id", "asc"))
        )

    def change_state(self, run_id: int, state: RunState, reason: str = "", fault: str | None = None) -> None:
        """Move a run to ``state``; the storage refuses what does not follow from its present one."""
        self.project.runs.change_state(run_id, state, reason, fault)

    def put_away(self, run_id: int) -> None:
        """Let a paused run stay paused when this process ends; its resume point holds everything."""
        self.project.runs.put_away(run_id)

    # ---- events -----------------------------------------------------------------------------------------------------

    def record(self, event: events.Event, active_seconds: float) -> None:
        """Store one event: its numbers in series, the rest in the run's log. What is stored already is left out.

        Raises:
            storage.DiskFull: there is no room for an evaluation's recording or an analysis; nothing of it was stored.
        """
        run_id, recorded = event.run_id, self._recorded.get(event.run_id)
        again = recorded is not None and recorded.step == event.step and isinstance(event, REPEATABLE)
        metrics, kinds = (recorded.metrics, recorded.kinds) if recorded and again else (frozenset(), frozenset())
        # The file first: it alone may be refused, and the whole event is then tried again.
        if isinstance(event, events.EvaluationFinished) and event.recording:
            name, document = f"evaluation-{event.step}", {**event.info, **event.document}
            self.project.artifacts.save(run_id, "episode", event.step, name, event.recording, document, event.info)
        elif isinstance(event, events.AnalysisFinished):
            name, document = f"{event.analysis}-{event.step}", {**event.document, "step": event.step}
            self.project.artifacts.save(run_id, "analysis", event.step, name, event.arrays, document, event.info)
        points = [
            (metric, event.step, event.updates, active_seconds, event.wall_time, value)
            for metric, value in scalars(event).items()
            if metric not in metrics
        ]
        if points:
            self.project.series.append_many(run_id, points)
        kind, data = log_entry(event)
        if not isinstance(event, events.ScalarsLogged) and kind not in kinds:
            self.project.log.append(run_id, kind, event.step, event.updates, event.wall_time, data)

    def evaluations(self, run_id: int) -> tuple[float | None, float | None]:
        """The latest and the best evaluation's mean return; None while there is none."""
        values = self.project.series.read(run_id, "evaluation/return").value
        return (float(values[-1]), float(values.max())) if len(values) else (None, None)

    def check_writer(self) -> None:
        """Where the disk refused, try again at once. Raises the StorageError for which nothing can be saved still."""
        if self.project.writer.fault is not None:
            self.project.writer.flush()

    def note(self, run_id: int, kind: str, step: int, updates: int, **data: Any) -> None:
        """A log entry of the engine's own."""
        self.project.log.append(run_id, kind, step, updates, time.time(), data)

    # ---- checkpoints ------------------------------------------------------------------------------------------------

    def save_resume_point(self, session: TrainingSession, active_seconds: float) -> events.CheckpointWritten:
        """Write everything that continuing needs; closed replay segments are written once. The last two points stay.

        Raises:
            storage.DiskFull: earlier points are untouched.
            workbench.engine.measures.NonFiniteValue: a loss was not finite; earlier points are untouched.
        """
        run_id, artifacts = session.run_id, self.project.artifacts
        checkpoint = session.checkpoint()
        known = self._segments.setdefault(run_id, {row.name for row in artifacts.list(run_id, "replay")})
        names = []
        for begin, end in closed_segments(session.replay):
            name = segment_name(begin, end)
            names.append(name)
            if name not in known:
                artifacts.save(run_id, "replay", session.step, name, read_segment(session.replay, begin, end), {})
                known.add(name)
        tail_begin, tail = read_tail(session.replay)
        arrays = checkpoint.arrays | {f"tail/{name}": value for name, value in tail.items()}
        document = checkpoint.document | {
            "replay_segments": names,
            "tail_begin": tail_begin,
            "active_seconds": active_seconds,
        }
        row = artifacts.save(run_id, "resume", session.step, f"resume-{session.step}", arrays, document)
        for removed in artifacts.prune_resume_points(run_id, keep=2):
            known.discard(removed.name)
        return self._written(session, row)

    def save_snapshot(self, session: TrainingSession, name: str, keep: bool) -> events.CheckpointWritten:
        """Write the networks alone as ``name``; without ``keep`` those that cannot be wanted any more go.

        Of the best ones stay all that a resumption from an older point could go back to.
        """
        snapshot = session.snapshot()
        row = self.project.artifacts.save(
            session.run_id, "snapshot", session.step, name, snapshot.arrays, snapshot.document
        )
        if not keep:
            self._prune_snapshots(session.run_id, name)
        return self._written(session, row)

    def _prune_snapshots(self, run_id: int, newest: str) -> None:
        artifacts = self.project.artifacts
        kind = newest.partition("-")[0]
        others = [row for row in artifacts.list(run_id, "snapshot") if row.name.startswith(f"{kind}-")]
        if kind == BEST:
            # A resumption goes back to one of the resume points: the best of that time must still be there.
            oldest = min((point.step for point in artifacts.list(run_id, "resume")), default=-1)
            past = [row for row in others if row.step <= oldest]
            others = past[:-1]
        for other in others:
            if other.name != newest:
                artifacts.remove(other)

    def _written(self, session: TrainingSession, row: ArtifactRow) -> events.CheckpointWritten:
        return events.CheckpointWritten(
            session.run_id, session.step, session.agent.updates, time.time(), row.kind, row.name, row.size
        )

    def origin(self, run_id: int) -> dict[str, Tensor] | None:
        """The networks that a run begins from; None unless it is a fork.

        Raises:
            storage.ArtifactDamaged: they are missing or not whole.
        """
        for row in self.project.artifacts.list(run_id, "snapshot"):
            if row.name == ORIGIN:
                return to_tensors("agent/", self.project.artifacts.load(row)[0])
        if self.project.runs.get(run_id).parent_uuid is not None:
            raise ArtifactDamaged(f"The snapshot that run {run_id} begins from is missing.", remedy="Fork it anew.")
        return None

    def snapshot_row(self, run_id: int, which: str) -> ArtifactRow:
        """The snapshot named ``last``, ``best`` or by its environment step.

        Raises:
            SettingsError: there is none; the message lists those that there are.
        """
        rows = self.project.artifacts.list(run_id, "snapshot")
        if which == "last" and rows:
            return rows[-1]
        best = [row for row in rows if row.name.startswith(f"{BEST}-")]
        if which == BEST and best:
            return best[-1]
        for row in rows:
            if row.name == which or (row.name != ORIGIN and str(row.step) == which):
                return row
        steps = ", ".join(sorted({str(row.step) for row in rows if row.name != ORIGIN}, key=int)) or "none yet"
        message = f"run {run_id} has no snapshot {which!r}; expected last, best or one of the steps {steps}"
        raise SettingsError([Problem("checkpoint", message)])

    def load_resume_point(self, run_id: int) -> ResumePoint | None:
        """The youngest resume point that is whole; damaged ones are put aside and named. None: there is none.

        Raises:
            StorageError: it was written by a newer Foresight; nothing is touched.
        """
        complaints: list[str] = []
        for row in reversed(self.project.artifacts.list(run_id, "resume")):
            try:
                arrays, document = self.project.artifacts.load(row)
                replay = self._load_replay(run_id, arrays, document)
            except ArtifactDamaged as error:
                complaints.append(str(error))
                quarantine(self.project.database, row, str(error))
                continue
            if document["version"] > CHECKPOINT_VERSION:
                remedy = "Resume it with the Foresight that ran it."
                raise StorageError(f"{row.name} of run {run_id} was written by a newer Foresight.", remedy=remedy)
            return ResumePoint(Checkpoint(arrays, document), replay, tuple(complaints))
        return ResumePoint(None, ReplayRows(), tuple(complaints)) if complaints else None

    def _load_replay(self, run_id: int, arrays: Arrays, document: dict[str, Any]) -> ReplayRows:
        rows = {row.name: row for row in self.project.artifacts.list(run_id, "replay")}
        segments = {}
        for name in document["replay_segments"]:
            if name not in rows:
                raise ArtifactDamaged(f"The replay segment {name} of run {run_id} is missing.")
            try:
                segments[first_slot(name)] = self.project.artifacts.load(rows[name])[0]
            except ArtifactDamaged as error:
                quarantine(self.project.database, rows[name], str(error))  # so that it is written once more
                raise
        tail = {name.removeprefix("tail/"): value for name, value in arrays.items() if name.startswith("tail/")}
        return ReplayRows(segments, (document["tail_begin"], tail))

    def prepare_resume(self, run_id: int, step: int) -> None:
        """Forget everything after ``step``, so that no step is stored twice."""
        self.project.runs.truncate_after(run_id, step)
        self._segments.pop(run_id, None)
        self._recorded[run_id] = _Recorded(
            step,
            frozenset(name for name, (last, _) in self.project.series.latest(run_id).items() if last == step),
            frozenset(entry.kind for entry in self.project.log.read(run_id, REPEATABLE_KINDS) if entry.step == step),
        )

    def note_versions(self, run_id: int, **how: str) -> list[str]:
        """Store what runs the run from now on, and ``how``, such as the library of products; returns what changed."""
        before, now = self.project.runs.get(run_id).versions, versions() | how
        self.project.runs.set_versions(run_id, now)
        return [f"{name} {before[name]} -> {now[name]}" for name in now if name in before and before[name] != now[name]]

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return self.project.folder
