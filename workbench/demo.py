"""``make demo``: trains small runs with this code and packs what is worth looking at into ``assets/demo``.

Three groups of HalfCheetah show ALM and two ablations that hurt it, a fourth one shows another task; networks are
narrow and budgets short, so that all of it takes a few minutes on two cores. What only continuing needs (resume points,
replay) is left out, and of the recorded episodes a few are kept.
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

from storage import Project, RunState, export_bundle, import_bundle, open_project
from storage.lock import LOCK_NAME
from workbench.commands.output import duration, number, tell
from workbench.engine.queue import RunQueue
from workbench.engine.recorder import Recorder
from workbench.presets import find_preset

FOLDER = Path(__file__).parents[1] / "assets" / "demo"
#: what the runs say of the machine that made them
HOST = {"name": "demo", "system": platform.system(), "processor": platform.machine()}
SEEDS = (1, 2)
#: what all of its runs have in common, over the preset ``alm-quick``
BASE: dict[str, Any] = {
    "total_steps": 1500,
    "warm_up_steps": 500,
    "hidden_size": 32,
    "model_hidden_size": 64,
    "latent_size": 16,
    "batch_size": 64,
    "learning_rate": 1e-3,
    "exploration_std": "linear(1.0, 0.1, 1000)",
    "engine.evaluation_interval": 250,
    "engine.evaluation_episodes": 1,
    "engine.snapshot_percent": 100.0,
    "engine.keep_snapshots": False,
}
PENDULUM = {
    "exploration_std": "linear(1.0, 0.1, 1000)",
}


@dataclass(frozen=True)
class Arm:
    """One group of runs: ``changes`` over ``BASE``, and how many recorded episodes of its first seed are kept."""

    name: str
    note: str
    environment: str = "HalfCheetah-v5"
    changes: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ("ablation",)
    recordings: int = 1


ARMS = (
    Arm("ALM, K = 3", "The method, with narrow networks.", tags=("baseline",), recordings=2),
    Arm("No KL term", "Without the KL term the latents collapse and nothing is learned.", changes={"kl_term": False}),
    Arm("K = 1", "One step of imagination instead of three.", changes={"rollout_length": 1}),
    Arm("Pendulum", "Another task, learned in a minute.", "Pendulum-v1", PENDULUM, ("other task",), recordings=6),
)


def make_demo(folder: Path, arms: Sequence[Arm] = ARMS) -> None:
    """Train the runs of ``arms`` and put them into ``folder``, in place of what is there.

    Raises:
        RuntimeError: a run did not finish; the folder is as it was.
        storage.StorageError: there is no room.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".demo-") as place:
        workshop, shelf = Path(place) / "workshop", Path(place) / "demo"
        with open_project(workshop, write=True) as made:
            runs = [submit(made, arm) for arm in arms]
            train(made)
            for arm, own in zip(arms, runs, strict=True):
                thin(made, own, arm.recordings)
            with open_project(shelf, write=True) as packed:
                pack(made, packed)
        (shelf / LOCK_NAME).unlink(missing_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
        shelf.rename(folder)


def submit(project: Project, arm: Arm) -> list[int]:
    """Queue one run per seed, named and tagged."""
    spec = find_preset("alm-quick").spec(
        BASE | dict(arm.changes), environment=arm.environment, seeds=SEEDS, device="cpu"
    )
    runs = Recorder(project, HOST).submit(spec)
    for run in runs:
        row = project.runs.get(run)
        project.runs.rename(run, f"{arm.name} seed {row.seed}")
        project.runs.set_note(run, arm.note)
        project.runs.set_tags(run, arm.tags)
        if row.group_id is not None:
            project.runs.rename_group(row.group_id, arm.name)
    return runs


def train(project: Project) -> None:
    """Train everything that is queued, two runs at once. Raises RuntimeError when one does not finish."""
    queue = RunQueue(Recorder(project), limits={"cpu": 2})
    told: set[int] = set()
    try:
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


def thin(project: Project, runs: Sequence[int], recordings: int) -> None:
    """Remove what finished runs do not need any more: all snapshots but the best and the last, and all recorded
    episodes but some of the first run's."""
    recorder, artifacts = Recorder(project), project.artifacts
    for run in runs:
        best, last = recorder.snapshot_row(run, "best"), recorder.snapshot_row(run, "last")
        snapshots = {best.id} if best.step == last.step else {best.id, last.id}
        episodes = artifacts.list(run, "episode")
        count = min(recordings, len(episodes)) if run == runs[0] else 0
        places = np.linspace(len(episodes) - 1, 0, count).round().astype(int)
        kept = snapshots | {episodes[place].id for place in places}
        for artifact in artifacts.list(run):
            if artifact.id not in kept:
                artifacts.remove(artifact)


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
    begin, cpu = time.perf_counter(), time.process_time()
    make_demo(folder)
    spent, used = time.perf_counter() - begin, time.process_time() - cpu
    tell(f"{folder}: {size_of(folder) / 1e6:.1f} MB, made in {duration(spent)}, {duration(used)} of them computing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
