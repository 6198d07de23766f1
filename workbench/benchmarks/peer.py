"""The authors' code of ALM (github.com/RajGhugare19/alm) from a checkout of the user's, timed in a process of its own.

So it runs as its authors would run it: with torch's own matrix products, memory and denormals. This file is what that
process executes; it stands alone, and answers each line on stdin with the seconds of one update.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import subprocess
import sys
import tempfile
import time
import types
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from workbench.benchmarks.floor import Sizes

#: transitions in the replay while it is timed
TRANSITIONS = 5_000


class PeerProblem(Exception):
    """The authors' code could not be run; the message says what to do."""


class Peer:
    """The process. It starts at once; its agent is ready when :meth:`wait` returns. Use it as a context manager."""

    def __init__(
        self,
        directory: Path,
        sizes: Sizes,
        threads: int,
        device: str,
        precision: Literal["fp32", "tf32", "bf16"] = "fp32",
        repeat: int = 1,
    ) -> None:
        """``repeat`` updates are timed as one; on a GPU ``precision`` sets torch's switch, as its users would."""
        task = {"directory": str(directory.resolve()), "threads": threads, "device": device, **asdict(sizes)}
        task |= {"precision": precision, "repeat": repeat}
        self._words = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115  lives with the process
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__, json.dumps(task)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            text=True,
        )

    def wait(self) -> int:
        """Wait for its agent and return the floating-point operations of one update's matrix products.

        Raises:
            PeerProblem: the authors' code fails.
        """
        return int(self._answer()["flops"])

    def update(self) -> tuple[float, float]:
        """One update: wall seconds and CPU seconds. Raises PeerProblem where the authors' code fails."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        answer = self._answer()
        return answer["wall"], answer["cpu"]

    def _answer(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._words.seek(0)
            reason = (self._words.read().strip().splitlines() or ["it ended without a word"])[-1]
            raise PeerProblem(f"the authors' code could not be run: {reason}")
        answer: dict[str, float] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._words.close()


# ---- in the process of its own --------------------------------------------------------------------------------------


def stub_modules() -> None:
    """Empty stand-ins for what the authors' files import and their agent never calls: logging, plots, the old gym."""
    names = ("wandb", "gym", "gym.envs", "gym.envs.mujoco", "gym.utils", "matplotlib", "matplotlib.pyplot")
    stubs: dict[str, Any] = {name: types.ModuleType(name) for name in names}
    stubs["gym"].utils, stubs["gym"].Wrapper = stubs["gym.utils"], object
    stubs["gym.utils"].EzPickle = type("EzPickle", (), {})
    stubs["gym.envs.mujoco"].mujoco_env = types.SimpleNamespace(MujocoEnv=type("MujocoEnv", (), {}))
    stubs["matplotlib"].pyplot, stubs["matplotlib"].animation = stubs["matplotlib.pyplot"], types.SimpleNamespace()
    sys.modules.update(stubs)


def build_agent(task: dict[str, Any]) -> Any:
    """The authors' agent with their defaults at the given sizes, its replay filled with random transitions."""
    import numpy as np

    stub_modules()
    sys.path.insert(0, task["directory"])
    agent = importlib.import_module("agents.alm").AlmAgent(
        device=task["device"],
        action_low=-1.0,
        action_high=1.0,
        num_states=task["observation"],
        num_actions=task["action"],
        env_buffer_size=TRANSITIONS,
        gamma=0.99,
        tau=0.005,
        target_update_interval=1,
        lr=dict.fromkeys(("model", "reward", "actor", "critic"), 1e-4),
        max_grad_norm=100.0,
        batch_size=task["batch"],
        seq_len=task["rollout_length"],
        lambda_cost=0.1,
        expl_start=1.0,
        expl_end=0.1,
        expl_duration=100_000,
        stddev_clip=0.3,
        latent_dims=task["latent"],
        hidden_dims=task["hidden"],
        model_hidden_dims=task["model_hidden"],
        log_wandb=False,
        log_interval=500,
    )
    generator = np.random.default_rng(0)
    for _ in range(TRANSITIONS):
        state, following = generator.standard_normal((2, task["observation"]))
        action = generator.uniform(-1.0, 1.0, task["action"])
        agent.env_buffer.push((state, action, generator.standard_normal(), following, False))
    return agent


def serve(task: dict[str, Any]) -> None:
    """Build the agent, say how many operations an update takes, then time one update for each line on stdin."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    answers = sys.stdout
    sys.stdout = sys.stderr  # the authors' code prints
    torch.set_num_threads(task["threads"])
    agent = build_agent(task)
    on_gpu = torch.device(task["device"]).type == "cuda"
    if on_gpu:
        torch.backends.cuda.matmul.fp32_precision = "ieee" if task["precision"] == "fp32" else "tf32"
    repeat, step = task["repeat"], 1
    with FlopCounterMode(display=False) as counter:
        agent.update(step)
    answer: dict[str, float] = {"flops": counter.get_total_flops()}
    while True:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        if not sys.stdin.readline():
            return
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(repeat):
            step += 1
            agent.update(step)
        if on_gpu:
            torch.cuda.synchronize()
        answer = {
            "wall": (time.perf_counter() - wall) / repeat,
            "cpu": (time.process_time() - cpu) / repeat,
        }


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
