"""The update's benchmark: its floor is what the agent multiplies, its answer has its fields, the peer stands apart."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from workbench.benchmarks import timing, update
from workbench.benchmarks.alm_update import AlmUpdate
from workbench.benchmarks.floor import SIZES, Floor, Sizes, passes, products, widths
from workbench.benchmarks.peer import Peer, PeerProblem
from workbench.benchmarks.update import Wanted, main, run_update_benchmark
from workbench.engine import processor
from workbench.engine.processor import MatmulRoute
from workbench.spec import EngineSettings

TINY = Sizes(5, 2, batch=8, rollout_length=2, latent=3, hidden=8, model_hidden=12)
CPU = torch.device("cpu")
EAGER = "updates are computed operator by operator."

#: stands in for the authors' code: takes its arguments, draws from its replay, prints, multiplies [64, 64] matrices
CHECKOUT = """
import gym, torch, wandb, matplotlib.pyplot as plt
from matplotlib import animation
from gym.envs.mujoco import mujoco_env
import utils

class Memory:
    def __init__(self):
        self.held = []
    def push(self, transition):
        state, action, reward, following, terminal = transition
        assert len(state) == len(following) == 5 and len(action) == 2 and terminal is False
        self.held.append(transition)

class AlmAgent:
    def __init__(self, device, num_states, num_actions, batch_size, seq_len, latent_dims, hidden_dims,
                 model_hidden_dims, gamma, log_wandb, **more):
        assert (num_states, num_actions, batch_size, seq_len) == (5, 2, 8, 2)
        assert (latent_dims, hidden_dims, model_hidden_dims, gamma, log_wandb) == (3, 8, 12, 0.99, False)
        self.env_buffer = Memory()
    def update(self, step):
        print("step", step)
        assert torch.get_num_threads() == 1 and len(self.env_buffer.held) == 5000
        utils.multiply(step)
"""


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny sizes can be asked for; torch's own products stay."""
    monkeypatch.setitem(SIZES, "tiny", TINY)
    monkeypatch.setattr(timing, "MOST_ROUNDS", 4)
    monkeypatch.setattr(processor, "_chosen", MatmulRoute("torch", 1e-7, "this is a test"))


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "alm.py").write_text(CHECKOUT)
    (tmp_path / "utils.py").write_text("import torch\ndef multiply(step): torch.ones(64, 64) @ torch.ones(64, 64)\n")
    yield tmp_path


# ---- the floor ------------------------------------------------------------------------------------------------------


def test_floor_at_the_papers_sizes() -> None:
    """Counted by hand, in GFLOP: the parts of one update, in order."""
    sizes = SIZES["paper"]
    parts = {
        "encoder and model": (0, 6),
        "latents": (6, 8),
        "reward, classifier": (8, 10),
        "critic": (10, 13),
        "actor": (13, 19),
    }
    found = {}
    for name, (begin, end) in parts.items():
        total = 0.0
        for each in passes(sizes)[begin:end]:
            members, layers = widths(sizes)[each.network]
            pairs = list(pairwise(layers))
            every, behind_first = sum(a * b for a, b in pairs), sum(a * b for a, b in pairs[1:])
            backwards = (every if each.weights else 0) + (every if each.inputs else behind_first if each.weights else 0)
            total += 2e-9 * members * each.times * each.rows * (every + backwards)
        found[name] = round(total, 1)
    assert found == {"encoder and model": 16.4, "latents": 1.9, "reward, classifier": 1.8, "critic": 2.6, "actor": 17.6}
    assert sum(product.flops for product in products(sizes)) / 1e9 == pytest.approx(40.34, abs=0.01)


@pytest.mark.parametrize("sizes", [TINY, replace(TINY, rollout_length=1), replace(TINY, rollout_length=4, batch=6)])
def test_floor_is_what_an_update_multiplies(sizes: Sizes) -> None:
    """Neither is work left out of the floor, nor does the agent compute what is not needed."""
    sample_and_update = AlmUpdate(sizes, CPU, EngineSettings())
    for work in (sample_and_update, Floor(products(sizes), CPU).run):
        with FlopCounterMode(display=False) as counter:
            work()
        assert counter.get_total_flops() == sum(product.flops for product in products(sizes))


class Multiplications(TorchDispatchMode):
    """Counts how often each shape is multiplied: members, inner length, outer lengths in either order."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: Counter[tuple[int, ...]] = Counter()
        self.dtypes: set[torch.dtype] = set()

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        name = function.overloadpacket.__name__
        if name in ("mm", "bmm", "addmm", "baddbmm"):
            left, right = arguments[-2:]
            self.dtypes |= {left.dtype, right.dtype}
            outer = sorted((left.shape[-2], right.shape[-1]))
            self.shapes[left.shape[0] if left.ndim == 3 else 1, left.shape[-1], *outer] += 1
        return function(*arguments, **(options or {}))


def test_floor_multiplies_the_shapes_of_an_update() -> None:
    sizes = Sizes(7, 2, batch=10, rollout_length=3, latent=3, hidden=8, model_hidden=12)
    work = Floor(products(sizes), CPU).ready(), AlmUpdate(sizes, CPU, EngineSettings())
    found = []
    for each in work:
        with Multiplications() as mode:
            each()
        found.append(mode.shapes)
    assert found[0].total() == 152
    assert found[0] == found[1]


# ---- the answer -----------------------------------------------------------------------------------------------------


def test_json_has_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "--sizes", "tiny", "--device", "cpu"]) == 0
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert captured.err == ""
    assert answer["ms_per_update"] > answer["floor_ms"] > 0
    assert answer["peer_ms"] is None
    assert (answer["device"], answer["threads"], answer["precision"]) == ("cpu", 1, "fp32")
    assert answer["sizes"] == {
        "name": "tiny",
        "observation": 5,
        "action": 2,
        "batch": 8,
        "rollout_length": 2,
        "latent": 3,
        "hidden": 8,
        "model_hidden": 12,
    }
    assert answer["update_per_floor"] > 1
    low, high = answer["quartiles_ms"]["update"]
    assert low <= answer["ms_per_update"] <= high
    assert answer["clock"] == "cpu"
    assert answer["wall_ms"]["update"] > 0.5 * answer["ms_per_update"]
    assert answer["wall_ms"]["peer"] is None
    assert answer["matmul"] == {"name": "torch", "relative_error": 1e-7, "reason": "this is a test"}
    assert answer["torch"] == torch.__version__
    assert answer["processor"]
    assert answer["rounds"] == 4
    assert answer["acceleration"] == "eager"
    assert [each["precision"] for each in answer["measured"]] == ["fp32"]
    assert answer["measured"][0]["updates"]["eager"]["median"] == answer["ms_per_update"]


def test_each_precision_is_measured_beside_its_own_floor(capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be had is named, and the rest is measured all the same."""
    asked = ["--precision", "fp32", "bf16", "--mode", "graph", "--sizes", "tiny", "--device", "cpu"]
    assert main([*asked, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [each["precision"] for each in answer["measured"]] == ["fp32", "bf16"]
    for each in answer["measured"]:
        assert list(each["updates"]) == ["eager"]
        assert each["missing"] == {"graph": "There are no CUDA graphs on a CPU: " + EAGER}
        assert each["updates"]["eager"]["per_floor"] > 1.0
    assert main(asked) == 0
    text = capsys.readouterr().out
    assert "update, eager, bf16" in text
    assert "update, CUDA graph: There are no CUDA graphs on a CPU" in text


def test_a_floor_in_bf16_multiplies_bf16() -> None:
    with Multiplications() as mode:
        Floor(products(TINY), CPU, "bf16").ready()()
    assert mode.dtypes == {torch.bfloat16}


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (["--precision", "tf32"], "engine.precision: tf32 needs a CUDA device"),
        (["--device", "cuda:9"], "device: cuda:9 is not there"),
    ],
)
def test_what_the_device_cannot_do_is_wrong_usage(
    asked: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--sizes", "tiny", "--device", "cpu", *asked]) == 2
    assert reason in capsys.readouterr().err


def test_ratios_are_medians_over_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """One round that something else disturbed does not count."""
    rounds = {"eager": [6.0, 6.0, 90.0, 9.0], "floor": [2.0, 2.0, 3.0, 3.0]}
    monkeypatch.setattr(update, "in_turns", lambda updates, end: (rounds, rounds))
    found = run_update_benchmark(Wanted("tiny")).first
    assert (found.update_per_floor, found.floor.median) == ({"eager": 3.0}, 2500.0)
    assert (found.updates["eager"].median, found.updates["eager"].quartiles) == (7500.0, (6000.0, 29250.0))


def test_a_slow_machine_makes_its_least_number_of_rounds() -> None:
    assert run_update_benchmark(Wanted("tiny", seconds=0.0)).first.rounds == 3


def test_the_thread_that_asks_keeps_its_settings() -> None:
    before = torch.get_num_threads()
    result = run_update_benchmark(Wanted("tiny", threads=2, seconds=0.0))
    assert (result.threads, result.clock) == (2, "wall")
    assert result.first.updates["eager"].median == result.first.updates["eager"].wall
    assert torch.get_num_threads() == before
    assert float(torch.full((64,), 1e-30).mul(1e-10)[0]) > 0.0
    torch.set_num_threads(before)  # else a thread that never sets it takes the 2


def test_table_says_what_the_figures_mean(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--sizes", "tiny", "--peer", str(checkout)]) == 0
    text = capsys.readouterr().out
    for words in (
        "ALM(2) update",
        "floor, 0.0 GFLOP",
        "authors' code",
        "times the floor",
        "1 thread,",
        "this is a test",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--threads", "0"], "--threads: '0' is not valid; expected a whole number of at least 1"),
        (["--sizes", "huge"], "--sizes: invalid choice: 'huge'"),
        (["--peer", "nowhere"], "--peer: nowhere has no agents/alm.py; expected a checkout"),
    ],
)
def test_wrong_usage_is_named(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err


# ---- the authors' code ----------------------------------------------------------------------------------------------


def test_peer_is_timed_in_a_process_of_its_own(checkout: Path) -> None:
    result = run_update_benchmark(Wanted("tiny", peer=checkout, seconds=0.0))
    assert result.first.peer is not None
    assert result.first.peer.median > 0
    assert result.peer_flops == 2 * 64**3
    assert result.first.peer_per_update["eager"] > 0
    assert result.document()["peer_ms"] == result.first.peer.median


def test_a_peer_that_cannot_be_run_says_why(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "utils.py").write_text("import a_package_that_is_missing")
    assert main(["--sizes", "tiny", "--peer", str(checkout), "--json"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "No module named 'a_package_that_is_missing'" in captured.err


def test_a_peer_that_dies_on_the_way_says_why(checkout: Path) -> None:
    (checkout / "utils.py").write_text("def multiply(step):\n    if step > 2: raise ArithmeticError('loss is nan')\n")
    with pytest.raises(PeerProblem, match="ArithmeticError: loss is nan"):
        run_update_benchmark(Wanted("tiny", peer=checkout, seconds=0.0))


@pytest.mark.skipif("ALM_PEER" not in os.environ, reason="ALM_PEER does not name a checkout of the authors' code")
def test_the_authors_own_code_is_timed() -> None:
    with Peer(Path(os.environ["ALM_PEER"]), SIZES["paper"], threads=1, device="cpu") as peer:
        assert peer.wait() / 1e9 == pytest.approx(42.1, abs=0.05)
        wall, cpu = peer.update()
    assert wall > 0.01
    assert cpu > 0.01
