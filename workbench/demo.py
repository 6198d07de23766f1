"""``make demo``: trains two studies with this code and packs what is worth looking at into ``assets/demo``.

One takes terms of ALM's objective away one by one, at the sizes of the preset ``alm-quick`` with three seeds; the other
climbs from MBRL 0.5 to 1.5 by their presets; one more run shows ALM on another task. All of it takes some hours on two
cores; broken off, it goes on where it was. What only continuing needs (resume points, replay) is left out, and of
snapshots and recorded episodes a few are kept.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from storage import Project, RunFilter, RunRow, RunState, export_bundle, import_bundle, open_project
from storage.lock import LOCK_NAME
from workbench.analysis.exploitation_numbers import RESETS
from workbench.analysis.steps import exhaust
from workbench.commands.output import duration, number, tell
from workbench.engine.bias import measure_bound_of, measure_checkpoints
from workbench.engine.exploitation import ExploitationWish, measure_and_keep
from workbench.engine.plan_tape import Thinning
from workbench.engine.planned_episode import DriveWish, drive_and_keep
from workbench.engine.planning_desk import PlanWish
from workbench.engine.processor import use_threads
from workbench.engine.queue import RunQueue
from workbench.engine.recorder import Recorder
from workbench.engine.study import begin, go_on
from workbench.engine.study_plan import StudyPlan, Variant, each_alone
from workbench.engine.subject import every_checkpoint, open_subject
from workbench.planners.presets import planner_settings
from workbench.presets import find_preset

FOLDER = Path(__file__).parents[1] / "assets" / "demo"
#: where the runs are trained; removed once they are packed
WORKSHOP = ".demo-workshop"
#: what the runs say of the machine that made them
HOST = {"name": "demo", "system": platform.system(), "processor": platform.machine()}


@dataclass(frozen=True)
class Other:
    """A run beside the study: ``changes`` over the preset ``alm-quick``, on another task."""

    name: str
    environment: str
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ladder:
    """A study of presets of one agent: the first one is its base; ``changes`` go over each of them."""

    name: str
    presets: tuple[str, ...]
    changes: Mapping[str, Any] = field(default_factory=dict)

    def plan(self) -> StudyPlan:
        """The study. Raises SettingsError."""
        base, *others = (find_preset(preset).spec(self.changes, device="cpu") for preset in self.presets)
        usual = base.flat()
        variants = (
            Variant(preset, {path: value for path, value in other.flat().items() if value != usual[path]})
            for preset, other in zip(self.presets[1:], others, strict=True)
        )
        return StudyPlan(self.name, base, tuple(variants))


@dataclass(frozen=True)
class Demo:
    """What is trained and what of it is kept.

    So many ``snapshots`` and ``episodes`` of the base's first seed are kept, of every other arm's first seed the last
    ones. Q-bias is measured at so many checkpoints of the base (``measured``) and at the last one of every other arm's
    first seed, the bound up to ``longest`` model steps at the last one of the base. A planner that refines the base's
    policy acts for ``driven`` steps; the planner of each rung of a ladder plans from ``posed`` resets.
    """

    study: str = "What ALM needs"
    environment: str = "HalfCheetah-v5"
    seeds: tuple[int, ...] = (1, 2, 3)
    base: Mapping[str, Any] = field(default_factory=dict)
    toggles: Mapping[str, Sequence[Any]] = field(
        default_factory=lambda: {
            **{"kl_term": (False,), "classifier_term": (False,), "value_term": (False,)},
            **{"actor_loss": ("td3",), "rollout_length": (1, 5)},
        }
    )
    ladders: tuple[Ladder, ...] = (Ladder("From MBRL 0.5 to 1.5", ("mbrl-1.5", "mbrl-1.0", "mbrl-0.5")),)
    others: tuple[Other, ...] = (
        Other(
            "Pendulum, learned in a minute",
            "Pendulum-v1",
            {
                **{"total_steps": 4000, "warm_up_steps": 500, "learning_rate": 1e-3},
                **{"exploration_std": "linear(1.0, 0.1, 3000)", "engine.evaluation_interval": 250},
            },
        ),
    )
    snapshots: int = 3
    episodes: int = 3
    measured: int = 3
    longest: int = 8
    driven: int = 200
    posed: int = 40

    def plan(self) -> StudyPlan:
        """The study. Raises SettingsError."""
        base = find_preset("alm-quick").spec(self.base, environment=self.environment, seeds=self.seeds, device="cpu")
        return StudyPlan(self.study, base, tuple(each_alone(base, self.toggles)))

    @property
    def plans(self) -> tuple[StudyPlan, ...]:
        """Every study, ALM's first. Raises SettingsError."""
        return (self.plan(), *(ladder.plan() for ladder in self.ladders))


DEMO = Demo()


def make_demo(folder: Path, demo: Demo = DEMO) -> None:
    """Train what ``demo`` says and put it into ``folder``, in place of what is there.

    Raises:
        RuntimeError: a run did not finish; the folder is as it was, and what was trained lies beside it.
        storage.StorageError: there is no room.
    """
    workshop = folder.parent / WORKSHOP
    folder.parent.mkdir(parents=True, exist_ok=True)
    use_threads(1)
    with open_project(workshop, write=True) as made, tempfile.TemporaryDirectory(prefix="demo-") as place:
        train(made, demo)
        measure(made, demo)
        thin(made, demo)
        search(made, demo)
        shelf = Path(place) / "demo"
        with open_project(shelf, write=True) as packed:
            pack(made, packed)
        (shelf / LOCK_NAME).unlink(missing_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
        shutil.move(shelf, folder)
    shutil.rmtree(workshop)


def train(project: Project, demo: Demo) -> None:
    """Train whatever of ``demo`` the project lacks, two runs at once. Raises RuntimeError when one does not finish."""
    queue = RunQueue(Recorder(project, HOST), limits={"cpu": 2})
    told = {row.id for row in project.runs.page() if row.ended is not None}
    try:
        begun = {study.name for study in project.studies.list()}
        for plan in demo.plans:
            if plan.name in begun:
                go_on(queue, plan.name)
            else:
                begin(queue, plan)
        for other in demo.others:
            if other.name not in {row.name for row in project.runs.page()}:
                spec = find_preset("alm-quick").spec(other.changes, environment=other.environment, device="cpu")
                for run in queue.submit(spec):
                    project.runs.rename(run, other.name)
        while not queue.idle:
            queue.pump()
            time.sleep(0.1)
            for row in project.runs.page():
                if row.ended is not None and row.id not in told:
                    told.add(row.id)
                    tell(f"{row.name}: {row.status} after {duration(row.active_seconds)}, {number(row.latest_return)}")
    finally:
        queue.close()
    for row in project.runs.page():
        if row.status is not RunState.FINISHED:
            raise RuntimeError(f"{row.name} is {row.status}: {row.reason}")
    for ladder in demo.ladders:  # more than one study has a base
        base = next(variant for variant in project.studies.find(ladder.name).variants if variant.base)
        for row in project.runs.page(RunFilter(group=base.group_id)):
            project.runs.rename(row.id, f"{ladder.presets[0]} seed {row.seed}")


def first_seeds(project: Project, demo: Demo) -> list[list[RunRow]]:
    """The runs of each arm by seed, ALM's base first; then those beside the studies."""
    names = (demo.study, *(ladder.name for ladder in demo.ladders))
    groups = [variant.group_id for name in names for variant in project.studies.find(name).variants]
    arms = [list(project.runs.page(RunFilter(group=group), sort=[("seed", "asc")])) for group in groups]
    return [*arms, *([row] for row in project.runs.page() if row.group_id not in groups)]


def measure(project: Project, demo: Demo) -> None:
    """Q-bias and the bound of what is worth a look."""
    recorder = Recorder(project)
    arms = first_seeds(project, demo)
    base = arms[0][0]
    for first, *_ in arms:
        if first.agent != "alm":  # no critic whose bias could be measured
            continue
        every = every_checkpoint(recorder, first.id)
        chosen = [every[place] for place in _spread(len(every), demo.measured if first is base else 1)]
        exhaust(measure_checkpoints(recorder, first.id, chosen))
        tell(f"{first.name}: Q-bias measured")
    exhaust(measure_bound_of(recorder, base.id, "last", demo.longest))


def search(project: Project, demo: Demo) -> None:
    """An episode driven by a planner in the base's model, and how far plans of each rung hold in the true simulator."""
    recorder = Recorder(project)
    arms = first_seeds(project, demo)
    planner, settings = planner_settings("cem", {"policy_candidates": 24})
    for first, *_ in arms:
        if first is arms[0][0]:
            plan = PlanWish(first.id, "last", "reset:0", planner, settings)
            thinning = Thinning(every=10, most=16)
            driven, _ = exhaust(drive_and_keep(recorder, DriveWish(plan, demo.driven, thinning=thinning)))
            tell(f"{first.name}: {number(driven.episode.episode_return)} with a planner")
        own = open_subject(recorder, first.id, "last").agent.planner_settings()
        if own is not None:
            plan = PlanWish(first.id, "last", "reset:0", own.name, own)
            gaps, fault = exhaust(measure_and_keep(recorder, ExploitationWish(plan, RESETS, demo.posed)))
            if fault:
                raise RuntimeError(fault)
            tell(f"{first.name}: {gaps.verdict}")


def thin(project: Project, demo: Demo) -> None:
    """Remove what finished runs do not need any more, and all snapshots and episodes but those worth a look."""
    arms = first_seeds(project, demo)
    for arm in arms:
        for run in arm:
            kept = set()
            if run is arm[0]:
                is_base = arm is arms[0]
                kept = worth_keeping(project, run, demo.snapshots if is_base else 1, demo.episodes if is_base else 1)
            for artifact in project.artifacts.list(run.id):
                if artifact.kind != "analysis" and artifact.id not in kept:
                    project.artifacts.remove(artifact)


def worth_keeping(project: Project, run: RunRow, snapshots: int, episodes: int) -> set[int]:
    """The numbers of so many of a run's snapshots and recorded episodes, evenly spread, the last ones among them."""
    names = every_checkpoint(Recorder(project), run.id)
    chosen = {names[place] for place in _spread(len(names), snapshots)}
    recorded = project.artifacts.list(run.id, "episode")
    kept = {row.id for row in project.artifacts.list(run.id, "snapshot") if row.name in chosen}
    return kept | {recorded[place].id for place in _spread(len(recorded), episodes)}


def _spread(count: int, wanted: int) -> list[int]:
    """Places of at most ``wanted`` of ``count``, evenly spread, the last one among them."""
    return sorted({int(place) for place in np.linspace(count - 1, 0, min(wanted, count)).round()})


def pack(source: Project, target: Project) -> None:
    """Bring every run over, so that the new database holds nothing else: no owner's process, no freed pages."""
    with tempfile.TemporaryDirectory() as place:
        bundle = Path(place) / "run.zip"
        for row in source.runs.page(sort=[("id", "asc")]):
            export_bundle(source, row.id, bundle)
            import_bundle(target, bundle)


def size_of(folder: Path) -> int:
    """Bytes of all files in ``folder``."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the demo again; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m workbench.demo", description="Makes the demo project again.")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help=f"default: {FOLDER}")
    folder: Path = parser.parse_args(arguments).folder
    begin_time, cpu = time.perf_counter(), time.process_time()
    make_demo(folder)
    spent, used = time.perf_counter() - begin_time, time.process_time() - cpu
    tell(f"{folder}: {size_of(folder) / 1e6:.1f} MB, made in {duration(spent)}, {duration(used)} of them computing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
