"""The command line, called in this process for one project, and training that a test can afford."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.cli import main

ROOT = Path(__file__).parents[1]
#: the command line as a process of its own
COMMAND = (sys.executable, "-m", "workbench.cli")
#: small enough for a second: a few dozen steps of narrow networks
TINY = (
    *("--preset", "alm-quick", "--env", "Pendulum-v1", "--device", "cpu"),
    *("--set", "hidden_size=8", "--set", "model_hidden_size=8", "--set", "latent_size=4", "--set", "batch_size=4"),
    *("--set", "warm_up_steps=20", "--set", "environment.max_episode_steps=15"),
    *("--set", "engine.evaluation_interval=20", "--set", "engine.evaluation_episodes=1"),
    *("--set", "engine.log_interval=5", "--set", "engine.snapshot_percent=50"),
)


@dataclass
class Answer:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


class Foresight:
    """The command line for one project, called in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: object) -> Answer:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(["--project", str(self.folder), *map(str, words)])
            except SystemExit as left:  # argparse's
                code = int(left.code or 0)
        return Answer(code, out.getvalue(), err.getvalue())

    def run(self, number: int) -> dict[str, Any]:
        runs = {run["id"]: run for run in self("list", "--json").document["runs"]}
        return runs[number]
